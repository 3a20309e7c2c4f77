//! How is scraped text made harmless for a terminal? Whatever a reader could not see, or a terminal
//! would act on, is written as an escape.
//!
//! Letters, marks, signs and spaces stay as they are. Controls, line breaks, bidirectional and
//! invisible characters, variation selectors and code points without a meaning become `\n`, `\t` or
//! `\u{200b}`.

use std::fmt::Write;

use operators::text::form::is_invisible;

/// The Braille pattern without dots: blank, but no space.
const BLANK: char = '\u{2800}';

/// Appends a character as it may be shown.
pub(super) fn push(out: &mut String, c: char) {
    if is_invisible(c) || c == BLANK {
        let _ = write!(out, "{}", c.escape_unicode());
        return;
    }
    match c {
        '\\' => out.push_str("\\\\"),
        ' '..='~' => out.push(c),
        // Behind another character, combining marks are kept, and what cannot be printed is
        // escaped.
        _ => {
            let mut pair = [b'x', 0, 0, 0, 0];
            let len = c.encode_utf8(&mut pair[1..]).len();
            let pair = std::str::from_utf8(&pair[..=len]).unwrap_or("x");
            out.extend(pair.escape_debug().skip(1));
        }
    }
}

/// Returns a text as it may be shown.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut out, c));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_stays() {
        for text in [
            "it's \"plain\" text",
            "\u{e9}\u{df} \u{65e5}\u{672c} \u{5d0}\u{5d1} \u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
            "cafe\u{301}",
            "\u{1f600}",
        ] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(escaped("a\u{200b}b\u{202e}c\u{feff}\u{ad}"), "a\\u{200b}b\\u{202e}c\\u{feff}\\u{ad}");
        assert_eq!(escaped("\x1b[31m\r\n\t\0\x7f\u{9b}"), "\\u{1b}[31m\\r\\n\\t\\0\\u{7f}\\u{9b}");
        assert_eq!(escaped("\u{fe0f}\u{e0041}\u{3164}\u{2028}\u{a0}\\"), "\\u{fe0f}\\u{e0041}\\u{3164}\\u{2028}\\u{a0}\\\\");
    }

    #[test]
    fn nothing_that_acts_is_ever_raw() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let shown = escaped(&all);
        assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c) || c == BLANK));
        assert!(!shown.contains(['\u{2028}', '\u{2029}', '\u{61c}', '\u{180e}', '\u{e000}', '\u{fff9}']));
    }
}
