//! The `weir` binary: arguments in, exit code out. Exit codes: 0 ok, 1 failed or found what was asked for, 2 usage, 78 bad
//! configuration.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Records and copies of tables are freed by other threads than took them, all the time and for months: where the C
/// library's allocator kept growing by megabytes a minute, this one does not.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    pipeline::command::main()
}
