//! The `weir` binary: arguments in, exit code out. Exit codes: 0 ok, 1 failed or found what was asked for, 2 usage, 78 bad
//! configuration.

use std::process::ExitCode;

fn main() -> ExitCode {
    pipeline::command::main()
}
