//! What is a token? A 32-bit number that stands for a line break, a word, or one other visible
//! character. [`tokenizer`](super::tokenizer) makes them.

use super::hash::Seed;

/// A token: its [`TokenKind`] in the upper three bits, a keyed hash of the last two characters of
/// its form in the next five (its [`ending`](Token::ending)), a keyed hash of the whole form in the
/// other 24.
///
/// Words with the same ending are often of the same part of speech, so detectors that know nothing
/// else of a word can still tell what may stand beside it. Two different words with different
/// endings collide with probability 2^-29, two with the same ending with 2^-24. Among a million
/// words, each word shares its token with another one with probability .004. A word that is hidden
/// by such a collision still shows in its n-grams with neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u32);

/// What a token stands for. The numbers are not to change: every hash of tokens would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TokenKind {
    /// A line break; always [`Token::BREAK`].
    Break = 0,
    /// A word that begins with a letter.
    Word = 1,
    /// A word that begins with a digit.
    Number = 3,
    /// A mark that ends a sentence: `Sentence_Terminal` of UCD, and colons and semicolons.
    Stop = 4,
    /// Another visible character.
    Symbol = 5,
    /// Something in the line before that its readers do not see: a run of invisible characters, or
    /// a word whose letters are not what they look like.
    Invisible = 6,
}

const HASH_BITS: u32 = 29;
const ENDING_BITS: u32 = 5;
/// Number of different [`Token::ending`]s.
pub const ENDINGS: usize = 1 << ENDING_BITS;
/// Characters of a word that make its ending.
const ENDING_CHARS: usize = 2;
const ENDING_DOMAIN: u64 = 0x746f_6b65_6e02;
pub(super) const DOMAIN: u64 = 0x746f_6b65_6e00;

impl Token {
    /// The line break.
    pub const BREAK: Self = Self(0);

    /// The token's kind.
    #[inline]
    #[must_use]
    pub fn kind(self) -> TokenKind {
        match self.0 >> HASH_BITS {
            0 => TokenKind::Break,
            1 => TokenKind::Word,
            3 => TokenKind::Number,
            4 => TokenKind::Stop,
            5 => TokenKind::Symbol,
            _ => TokenKind::Invisible,
        }
    }

    /// Whether it is a word of letters. Neighbouring ones make word pairs.
    #[inline]
    #[must_use]
    pub fn is_word(self) -> bool {
        self.kind() == TokenKind::Word
    }

    /// Whether it is a word or a number.
    #[inline]
    #[must_use]
    pub fn is_alphanumeric(self) -> bool {
        matches!(self.kind(), TokenKind::Word | TokenKind::Number)
    }

    /// Whether it is a mark that ends a sentence.
    #[inline]
    #[must_use]
    pub fn is_stop(self) -> bool {
        self.kind() == TokenKind::Stop
    }

    /// Whether a sentence or a line ends with it.
    #[inline]
    #[must_use]
    pub fn ends_sentence(self) -> bool {
        self == Self::BREAK || self.is_stop()
    }

    /// The hash of the token's last two characters, below [`ENDINGS`]. Of a word it says something
    /// about its part of speech; of other tokens nothing.
    #[inline]
    #[must_use]
    pub fn ending(self) -> usize {
        (self.0 >> (HASH_BITS - ENDING_BITS)) as usize & (ENDINGS - 1)
    }

    pub(crate) fn new(kind: TokenKind, hash: u64) -> Self {
        Self((kind as u32) << HASH_BITS | (hash >> (64 - HASH_BITS)) as u32)
    }

    /// The token of a form that is no number.
    pub(super) fn of_form(kind: TokenKind, seed: Seed, form: &str) -> Self {
        let from = form.char_indices().rev().take(ENDING_CHARS).last().map_or(0, |(at, _)| at);
        Self::with_ending(kind, hash_of_ending(seed, &form.as_bytes()[from..]), seed.bytes(DOMAIN, form.as_bytes()))
    }

    /// The token of a form that is no number, from the upper bits of the hash of its ending and the
    /// hash of the whole.
    #[inline]
    pub(super) fn with_ending(kind: TokenKind, ending: u64, hash: u64) -> Self {
        Self::new(kind, (ending >> (64 - ENDING_BITS)) << (64 - ENDING_BITS) | hash >> ENDING_BITS)
    }

    /// The token of a number that is not masked.
    #[inline]
    pub(super) fn plain_number(hash: u64) -> Self {
        Self(Self::new(TokenKind::Number, hash).0 & !MASKED_BIT)
    }
}

/// The hash of the last characters of a form.
pub(super) fn hash_of_ending(seed: Seed, ending: &[u8]) -> u64 {
    seed.bytes(ENDING_DOMAIN, ending)
}

/// The token of every number of so many digits that is masked.
pub(super) fn masked(seed: Seed, digits: usize) -> Token {
    let shape = &"0000"[..digits.min(MASKED_DIGITS)];
    Token(Token::new(TokenKind::Number, seed.bytes(DOMAIN, shape.as_bytes())).0 | MASKED_BIT)
}

/// The tokens of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens, in reading order.
    pub ids: Vec<Token>,
    /// The byte range of each token in the text. What is not seen comes behind its line, so its
    /// range lies before those of the tokens around it.
    pub spans: Vec<(u32, u32)>,
    /// The token of the unmasked form of each masked number, in order. Copies are compared by
    /// these.
    pub unmasked: Vec<Token>,
    /// Whether the text goes on behind the last token, because the limit was reached.
    pub truncated: bool,
}

impl Tokens {
    /// What a reader sees, by which copies are compared: without line breaks, with unmasked
    /// numbers.
    pub fn verbatim(&self) -> impl Iterator<Item = Token> + '_ {
        let mut unmasked = self.unmasked.iter();
        self.ids.iter().filter(|t| !matches!(t.kind(), TokenKind::Break | TokenKind::Invisible)).map(move |&t| {
            if t.kind() == TokenKind::Number && t.0 & MASKED_BIT != 0 { unmasked.next().copied().unwrap_or(t) } else { t }
        })
    }

    /// The byte range in the text of the tokens `from..to`.
    #[must_use]
    pub fn range(&self, from: usize, to: usize) -> Option<(u32, u32)> {
        let (first, last) = (self.spans.get(from)?, self.spans.get(to.checked_sub(1)?)?);
        Some((first.0, last.1.max(first.1)))
    }
}

/// Lowest hash bit of a number's token. It is set if the number is masked, so that the two forms
/// differ.
const MASKED_BIT: u32 = 1;
/// Most digits of a number that is masked.
pub(super) const MASKED_DIGITS: usize = 4;
