//! How are lines for people written?

use std::{borrow::Cow, io::Write};

/// Writes a line for people to standard error. Some of it may be text of the input: what would
/// steer a terminal is escaped.
#[expect(clippy::print_stderr, reason = "the binary's own voice")]
pub(super) fn say(line: &str) {
    eprintln!("{}", without_controls(line));
}

fn without_controls(line: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !line.contains(steers) {
        return Cow::Borrowed(line);
    }
    let escaped = line.chars().map(|c| if steers(c) { c.escape_debug().to_string() } else { c.to_string() });
    Cow::Owned(escaped.collect())
}

/// Writes a line of a result to standard output.
pub(super) fn print(line: &str) {
    // Whoever closes the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_escaped() {
        assert_eq!(without_controls("weir: a\n\tb \u{e4}"), "weir: a\n\tb \u{e4}");
        assert_eq!(without_controls("a\u{1b}[2Jb\u{7}c\rd\u{9b}31m"), "a\\u{1b}[2Jb\\u{7}c\\rd\\u{9b}31m");
    }
}
