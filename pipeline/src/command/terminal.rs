//! How are lines for people written?

use std::io::Write;

/// Writes a line for people to standard error.
#[expect(clippy::print_stderr, reason = "the binary's own voice")]
pub(super) fn say(line: &str) {
    eprintln!("{line}");
}

/// Writes a line of a result to standard output.
pub(super) fn print(line: &str) {
    // Whoever closes the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{line}");
}
