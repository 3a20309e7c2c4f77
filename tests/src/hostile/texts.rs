//! Texts: whatever characters they hold, their tokens lie in them, in order, within their limit.

use operators::text::{Seed, Token, TokenKind, Tokenizer, character::push_seen};

/// A limit that small inputs reach.
const FEW: usize = 20;

/// Splits a text, which is what of the bytes is UTF-8.
pub(super) fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let tokens = Tokenizer::new(Seed(1), 60_000).tokens(&text);
    assert!(tokens.ids.len() == tokens.spans.len() && tokens.ids.len() <= 60_000);
    let mut end = 0;
    for (id, &(from, to)) in tokens.ids.iter().zip(&tokens.spans) {
        let held = text.get(from as usize..to as usize).expect("a range of the text");
        assert!(!held.is_empty() || *id == Token::BREAK, "only a break may hold nothing");
        if id.kind() != TokenKind::Invisible {
            assert!(to >= end, "{to} before {end}");
            end = to;
        }
    }
    let cut = Tokenizer::new(Seed(1), FEW).tokens(&text);
    assert!(tokens.ids.starts_with(&cut.ids) && cut.truncated == (tokens.ids.len() > FEW));
    let masked = cut.ids.len().min(cut.unmasked.len());
    assert!(tokens.unmasked.starts_with(&cut.unmasked[..masked]) && tokens.verbatim().count() <= tokens.ids.len());
    let mut seen = String::new();
    push_seen(&text, &mut seen);
    let mut again = String::new();
    push_seen(&seen, &mut again);
    assert_eq!(seen, again, "what a reader sees is its own form");
}
