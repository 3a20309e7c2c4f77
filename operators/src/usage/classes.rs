//! Which tokens are alike in what may stand beside them? The commonest tokens of a language are
//! classes of their own; other words are classed by their ending, and other tokens by their kind.

use crate::text::{Token, TokenKind, hash::mix, token::ENDINGS};

/// Most tokens with a class of their own.
const COMMON_MAX: usize = 600;
/// Fewest of them, and tokens of text for each.
const COMMON_MIN: usize = 40;
const TOKENS_EACH: usize = 1500;
/// Classes of numbers, of marks, and of invisible characters.
const KINDS: usize = 3;

/// A class of tokens; 0 is the line break, and the ends of a text.
pub(super) type Class = u16;

/// The classes of one language's tokens.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// An open-addressed table of the tokens with a class of their own; `Token::BREAK` is free. Its
    /// size is a power of two.
    slots: Box<[(Token, Class)]>,
    common: usize,
}

impl Classes {
    /// Makes classes from the frequencies of tokens, sorted by token.
    pub(super) fn new(counts: &[(Token, u32)]) -> Self {
        let total: usize = counts.iter().map(|&(_, n)| n as usize).sum();
        let most = (total / TOKENS_EACH).clamp(COMMON_MIN, COMMON_MAX);
        let mut by_count: Vec<&(Token, u32)> = counts.iter().filter(|(t, n)| *t != Token::BREAK && *n > 1).collect();
        by_count.sort_unstable_by_key(|&&(token, n)| (std::cmp::Reverse(n), token));
        by_count.truncate(most);
        let mut classes = Self { slots: vec![(Token::BREAK, 0); (4 * most).next_power_of_two()].into(), common: by_count.len() };
        for (class, &&(token, _)) in (1..).zip(&by_count) {
            let at = classes.slot(token);
            classes.slots[at] = (token, class);
        }
        classes
    }

    /// Number of classes.
    pub(super) fn len(&self) -> usize {
        1 + self.common + ENDINGS + KINDS
    }

    /// The class of a token.
    #[inline]
    pub(super) fn of(&self, token: Token) -> Class {
        if token == Token::BREAK {
            return 0;
        }
        let (held, class) = self.slots[self.slot(token)];
        if held == token {
            return class;
        }
        let open = match token.kind() {
            TokenKind::Number => ENDINGS,
            TokenKind::Stop | TokenKind::Symbol | TokenKind::Break => ENDINGS + 1,
            TokenKind::Invisible => ENDINGS + 2,
            TokenKind::Word => token.ending(),
        };
        (1 + self.common + open) as Class
    }

    /// Whether a class is that of many tokens.
    #[inline]
    pub(super) fn is_open(&self, class: Class) -> bool {
        usize::from(class) > self.common
    }

    fn slot(&self, token: Token) -> usize {
        let last = self.slots.len() - 1;
        let mut at = mix(u64::from(token.0)) as usize & last;
        while self.slots[at].0 != token && self.slots[at].0 != Token::BREAK {
            at = (at + 1) & last;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Seed, Tokenizer};

    #[test]
    fn common_tokens_stand_alone_and_others_by_ending() {
        let tokenizer = Tokenizer::new(Seed(3), 100);
        let word = |w: &str| tokenizer.word(w).expect("a word");
        let mut counts = vec![(word("the"), 50), (word("of"), 30), (word("singing"), 1), (word("."), 40), (Token::BREAK, 99)];
        counts.sort_unstable();
        let classes = Classes::new(&counts);
        assert_eq!([word("the"), word("."), word("of")].map(|t| classes.of(t)), [1, 2, 3]);
        assert_eq!(classes.of(Token::BREAK), 0);
        assert_eq!(classes.of(word("singing")), classes.of(word("running")));
        assert!(classes.is_open(classes.of(word("singing"))) && !classes.is_open(3));
        assert_ne!(classes.of(word("77")), classes.of(word("%")));
        let all = ["the", "singing", "77", "%", "\u{200b}"].map(|w| usize::from(classes.of(word(w))));
        assert!(all.iter().all(|&c| c < classes.len()));
    }
}
