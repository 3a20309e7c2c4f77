//! Evidence in its text: some characters on each side, and the span itself between marks.

use std::fmt::Write;

use operators::text::{Seed, Token, Tokenizer};

use super::escape::{escaped, push};

/// Characters shown on each side of a span.
const CONTEXT: usize = 80;
/// Characters shown of the beginning and of the end of a long span.
const SPAN_BEGIN: usize = 400;
const SPAN_END: usize = 100;
/// Share of a phrase's tokens that a carrier holds at least.
const CARRIED: f64 = 0.6;
/// Bytes from which an alarm's phrase may have been cut, in its last word.
const PHRASE_CUT: usize = 396;

/// What stands before and behind a span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    before: &'static str,
    behind: &'static str,
}

impl Marks {
    /// Bold and inverted.
    pub(super) const TERMINAL: Self = Self { before: "\x1b[1;7m", behind: "\x1b[0m" };
    /// Signs, for files and pipes.
    pub(super) const PLAIN: Self = Self { before: ">>>", behind: "<<<" };
}

/// A span of a text with what is around it, on one line. `None` if the text has no such bytes.
pub(super) fn excerpt(text: &str, (from, to): (u32, u32), marks: Marks) -> Option<String> {
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

/// Where a text holds an alarm's phrase: the first of the places where most of its tokens are.
///
/// A document that is recalled was decided before its alarm, so no decision says the place.
pub(super) fn place_of(phrase: &str, text: &str, tokens_max: usize) -> Option<(u32, u32)> {
    let tokenizer = Tokenizer::new(Seed(0), tokens_max);
    let mut wanted = tokenizer.tokens(phrase).ids;
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
        assert_eq!(excerpt("one two three", (4, 7), Marks::PLAIN).as_deref(), Some("one >>>two<<< three"));
        assert_eq!(excerpt("one", (0, 3), Marks::TERMINAL).as_deref(), Some("\x1b[1;7mone\x1b[0m"));
        let text = format!("{}X{}", "a".repeat(81), "b".repeat(81));
        let expected = format!("... {}>>>X<<<{} ...", "a".repeat(80), "b".repeat(80));
        assert_eq!(excerpt(&text, (81, 82), Marks::PLAIN), Some(expected));
        let text = format!("{}X{}", "\u{e9}".repeat(80), "\u{e9}".repeat(80));
        assert!(!excerpt(&text, (160, 161), Marks::PLAIN).expect("inside").contains("..."), "characters, not bytes");
    }

    #[test]
    fn the_text_is_shown_escaped_and_the_marks_are_not() {
        let shown = excerpt("a\u{200b}b\nc \x1b[0m d", (1, 4), Marks::TERMINAL).expect("inside");
        assert_eq!(shown, "a\x1b[1;7m\\u{200b}\x1b[0mb\\nc \\u{1b}[0m d");
    }

    #[test]
    fn spans_outside_the_text_are_none() {
        for span in [(0, 0), (3, 2), (0, 99), (u32::MAX, u32::MAX), (4, 5)] {
            assert_eq!(excerpt("text", span, Marks::PLAIN), None, "{span:?}");
        }
        assert_eq!(excerpt("\u{e9}\u{e9}", (1, 2), Marks::PLAIN).as_deref(), Some(">>>\u{e9}<<<\u{e9}"), "whole characters");
    }

    #[test]
    fn a_long_span_is_cut_in_its_middle() {
        let shown = excerpt(&"x".repeat(100_000), (0, 100_000), Marks::PLAIN).expect("inside");
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
