//! How is evidence shown in its text? The span stands between marks, with some characters on each
//! side.

use std::fmt::Write;

use operators::text::{Seed, Token, Tokenizer};

use super::escape::{escaped, push};

/// How many characters are shown on each side of a span.
const CONTEXT: usize = 80;
/// How many characters are shown of the beginning of a long span, and of its end.
const SPAN_BEGIN: usize = 400;
const SPAN_END: usize = 100;
/// The share of a phrase's tokens that a carrier holds at least.
const CARRIED: f64 = 0.6;
/// An alarm's phrase of at least so many bytes may have been cut within its last word.
const PHRASE_CUT: usize = 396;

/// The signs before and behind a span.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanMarks {
    before: &'static str,
    behind: &'static str,
}

impl SpanMarks {
    /// Bold and inverted, for terminals.
    pub(super) const TERMINAL: Self = Self { before: "\x1b[1;7m", behind: "\x1b[0m" };
    /// Signs, for files and pipes.
    pub(super) const PLAIN: Self = Self { before: ">>>", behind: "<<<" };
}

/// Shows a span of a text in its context, on one line. Returns `None` if the text has no such
/// bytes.
pub(super) fn excerpt(text: &str, (from, to): (u32, u32), marks: SpanMarks) -> Option<String> {
    let (from, to) = (from as usize, to as usize);
    if from >= to || to > text.len() {
        return None;
    }
    let (from, to) = (text.floor_char_boundary(from), text.ceil_char_boundary(to));
    let begin = text[..from].char_indices().rev().take(CONTEXT).last().map_or(from, |(at, _)| at);
    let end = text[to..].char_indices().nth(CONTEXT).map_or(text.len(), |(at, _)| to + at);
    let mut out = String::new();
    out.push_str(if begin > 0 { "... " } else { "" });
    text[begin..from].chars().for_each(|c| push(&mut out, c));
    out.push_str(marks.before);
    push_span(&mut out, &text[from..to]);
    out.push_str(marks.behind);
    text[to..end].chars().for_each(|c| push(&mut out, c));
    out.push_str(if end < text.len() { " ..." } else { "" });
    Some(out)
}

/// Adds a span, of which the middle is left out if it is long.
fn push_span(out: &mut String, span: &str) {
    let chars = span.chars().count();
    if chars <= SPAN_BEGIN + SPAN_END {
        out.push_str(&escaped(span));
        return;
    }
    span.chars().take(SPAN_BEGIN).for_each(|c| push(out, c));
    // Writing to a string cannot fail.
    let _ = write!(out, " [{} more characters] ", chars - SPAN_BEGIN - SPAN_END);
    span.chars().skip(chars - SPAN_END).for_each(|c| push(out, c));
}

/// Finds an alarm's phrase in a text: the first of the places that hold the most of its tokens.
///
/// A document that is recalled was decided before its alarm, so no decision names the place.
pub(super) fn place_of(phrase: &str, text: &str, tokens_max: usize) -> Option<(u32, u32)> {
    let tokenizer = Tokenizer::new(Seed(0), tokens_max);
    let mut wanted = tokenizer.tokens(phrase).ids;
    // A phrase lies within one line; behind it comes what its readers do not see.
    wanted.truncate(wanted.iter().position(|&token| token == Token::BREAK).unwrap_or(wanted.len()));
    if phrase.len() >= PHRASE_CUT {
        wanted.pop();
    }
    let tokens = tokenizer.tokens(text);
    let same = |window: &[Token]| window.iter().zip(&wanted).filter(|(a, b)| a == b).count();
    let size = wanted.len().min(tokens.ids.len());
    if size == 0 {
        return None;
    }
    let windows = tokens.ids.windows(size).enumerate();
    let (at, held) = windows.map(|(at, window)| (at, same(window))).rev().max_by_key(|(_, held)| *held)?;
    (held as f64 >= CARRIED * wanted.len() as f64).then(|| tokens.range(at, at + size))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_marked_within_their_context() {
        assert_eq!(excerpt("one two three", (4, 7), SpanMarks::PLAIN).as_deref(), Some("one >>>two<<< three"));
        assert_eq!(excerpt("one", (0, 3), SpanMarks::TERMINAL).as_deref(), Some("\x1b[1;7mone\x1b[0m"));
        let text = format!("{}X{}", "a".repeat(81), "b".repeat(81));
        let expected = format!("... {}>>>X<<<{} ...", "a".repeat(80), "b".repeat(80));
        assert_eq!(excerpt(&text, (81, 82), SpanMarks::PLAIN), Some(expected));
        let text = format!("{}X{}", "\u{e9}".repeat(80), "\u{e9}".repeat(80));
        assert!(!excerpt(&text, (160, 161), SpanMarks::PLAIN).expect("inside").contains("..."), "characters, not bytes");
    }

    #[test]
    fn the_text_is_shown_escaped_and_the_marks_are_not() {
        let shown = excerpt("a\u{200b}b\nc \x1b[0m d", (1, 4), SpanMarks::TERMINAL).expect("inside");
        assert_eq!(shown, "a\x1b[1;7m\\u{200b}\x1b[0mb\\nc \\u{1b}[0m d");
    }

    #[test]
    fn spans_outside_the_text_are_none() {
        for span in [(0, 0), (3, 2), (0, 99), (u32::MAX, u32::MAX), (4, 5)] {
            assert_eq!(excerpt("text", span, SpanMarks::PLAIN), None, "{span:?}");
        }
        assert_eq!(excerpt("\u{e9}\u{e9}", (1, 2), SpanMarks::PLAIN).as_deref(), Some(">>>\u{e9}<<<\u{e9}"), "whole characters");
    }

    #[test]
    fn a_long_span_is_cut_in_its_middle() {
        let shown = excerpt(&"x".repeat(100_000), (0, 100_000), SpanMarks::PLAIN).expect("inside");
        assert!(shown.len() < 600 && shown.contains("[99500 more characters]"), "{shown}");
    }

    #[test]
    fn phrases_are_found_as_carriers_hold_them() {
        fn place<'t>(phrase: &str, text: &'t str) -> Option<&'t str> {
            place_of(phrase, text, 1000).map(|(from, to)| &text[from as usize..to as usize])
        }
        assert_eq!(place("Red kites 2019", "so RED  kites 2024 fly"), Some("RED  kites 2024"), "case and numbers do not count");
        assert_eq!(place("one two three four five", "x one two other four five y"), Some("one two other four five"));
        assert_eq!(place("one two three four five", "x one two no no no"), None);
        assert_eq!([place("", "text"), place("text", ""), place("a b", "a")], [None; 3]);
        assert_eq!(place("same", "same or same"), Some("same"));
        let long = "word ".repeat(79) + "cut";
        assert!(long.len() >= PHRASE_CUT);
        assert!(place(&long, &("word ".repeat(79) + "cutter")).is_some_and(|found| !found.contains("cut")));
    }
}
