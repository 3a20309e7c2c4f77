//! How are words of ASCII read at once? Eight bytes are looked at together, in one 64-bit number.
//!
//! A text in English has hardly another byte, and the exact path ([`super::tokenizer`]) would look up
//! every character of it in a table. Here one load and a dozen operations tell how long a word is
//! and fold its case. The hashes of endings and of single signs were computed before.
//!
//! **Cost** about 10 ns a word. **State** 17 KB a tokenizer.

use super::{
    hash::{Seed, mix},
    token::{DOMAIN, MASKED_DIGITS, Token, TokenKind, hash_of_ending, masked},
};

const BYTES: usize = 8;
/// The longest word that is read here.
pub(super) const WORD_MAX: usize = 2 * BYTES;
/// How many characters of ASCII there are.
const CHARS: usize = 128;
const HIGH: u64 = repeat(0x80);

/// The same byte eight times.
const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; BYTES])
}

/// The upper bit of each byte that is at least `least`. All bytes are below 128.
const fn at_least(bytes: u64, least: u8) -> u64 {
    bytes + repeat(0x80 - least)
}

/// A word whose letters are in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsciiWord {
    form: [u8; WORD_MAX],
    len: usize,
}

impl AsciiWord {
    /// Reads the word that begins at a byte, which is a letter, a digit or `_`. `None` if it is
    /// longer than [`WORD_MAX`], or goes on or ends at a byte that is not ASCII.
    #[expect(clippy::inline_always, reason = "else it comes back through memory, which the processor waits for")]
    #[inline(always)]
    pub(super) fn read(text: &[u8], at: usize) -> Option<Self> {
        let (first, is_more) = Piece::read(text, at)?;
        let (second, is_more) = if is_more { Piece::read(text, at + BYTES)? } else { (Piece::default(), false) };
        if is_more {
            return None;
        }
        let mut form = [0; WORD_MAX];
        form[..BYTES].copy_from_slice(&first.form.to_le_bytes());
        form[BYTES..].copy_from_slice(&second.form.to_le_bytes());
        Some(Self { form, len: first.len + second.len })
    }

    /// How many bytes it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The form in which it is compared.
    #[inline]
    fn form(&self) -> &[u8] {
        &self.form[..self.len]
    }

    /// Whether it is a number that is masked.
    #[inline]
    pub(super) fn is_masked(&self) -> bool {
        self.len <= MASKED_DIGITS && self.form().iter().all(u8::is_ascii_digit)
    }
}

/// Up to eight bytes of a word.
#[derive(Clone, Copy, Default)]
struct Piece {
    /// In lower case; what does not belong to the word is 0.
    form: u64,
    len: usize,
}

impl Piece {
    /// Reads on at a byte, and says whether the word may go on behind the piece. `None` if a byte
    /// that is not ASCII comes first behind the word.
    #[inline]
    fn read(text: &[u8], at: usize) -> Option<(Self, bool)> {
        let bytes = load(text, at);
        let low = bytes & !HIGH;
        let lower = low | repeat(0x20);
        let letters = at_least(lower, b'a') & !at_least(lower, b'z' + 1);
        let digits = at_least(low, b'0') & !at_least(low, b'9' + 1);
        let underscores = !((low ^ repeat(b'_')) + repeat(0x7f));
        let others = !(letters | digits | underscores) & HIGH | bytes & HIGH;
        let len = others.trailing_zeros() as usize / BYTES;
        if len < BYTES && bytes >> (8 * len) & 0x80 != 0 {
            return None;
        }
        let upper = letters & !(bytes << 2) & HIGH;
        let kept = if len < BYTES { (1 << (8 * len)) - 1 } else { u64::MAX };
        Some((Self { form: (bytes | upper >> 2) & kept, len }, len == BYTES))
    }
}

/// The eight bytes from `at` on; behind the end of the text there are zeros.
#[inline]
fn load(text: &[u8], at: usize) -> u64 {
    let rest = &text[at.min(text.len())..];
    if let Some(bytes) = rest.first_chunk::<BYTES>() {
        return u64::from_le_bytes(*bytes);
    }
    let mut bytes = [0; BYTES];
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(bytes)
}

/// What the tokens of ASCII are made of, for one hash seed.
#[derive(Clone, Debug)]
pub(super) struct AsciiTokens {
    seed: u64,
    /// For each two last characters of a word, or 0 and its only one: the bits of the ending.
    endings: Box<[u8]>,
    stops: [Token; CHARS],
    symbols: [Token; CHARS],
    /// Masked numbers by how many digits they have.
    masked: [Token; MASKED_DIGITS + 1],
}

impl AsciiTokens {
    /// Computes the tables.
    pub(super) fn new(seed: Seed) -> Self {
        let text = |codes: &[u8]| String::from_utf8_lossy(codes).into_owned();
        let of_sign = |kind| std::array::from_fn(|code| Token::of_form(kind, seed, &text(&[code as u8])));
        let ending = |at: usize| {
            let pair = [(at / CHARS) as u8, (at % CHARS) as u8];
            (hash_of_ending(seed, &pair[usize::from(pair[0] == 0)..]) >> (u64::BITS - u8::BITS)) as u8
        };
        Self {
            seed: seed.0 ^ mix(DOMAIN),
            endings: (0..CHARS * CHARS).map(ending).collect(),
            stops: of_sign(TokenKind::Stop),
            symbols: of_sign(TokenKind::Symbol),
            masked: std::array::from_fn(|digits| masked(seed, digits)),
        }
    }

    /// The token of a sign that is a [stop](TokenKind::Stop).
    #[inline]
    pub(super) fn stop(&self, sign: u8) -> Token {
        self.stops[usize::from(sign) % CHARS]
    }

    /// The token of another sign.
    #[inline]
    pub(super) fn symbol(&self, sign: u8) -> Token {
        self.symbols[usize::from(sign) % CHARS]
    }

    /// The token of a word that is no number.
    #[inline]
    pub(super) fn word(&self, kind: TokenKind, word: &AsciiWord) -> Token {
        let at = |back: usize| word.len.checked_sub(back).map_or(0, |at| usize::from(word.form[at % WORD_MAX]));
        let ending = self.endings[(at(2) * CHARS + at(1)) % (CHARS * CHARS)];
        Token::with_ending(kind, u64::from(ending) << (u64::BITS - u8::BITS), self.hash(word))
    }

    /// The token of a number as it stands.
    #[inline]
    pub(super) fn plain_number(&self, word: &AsciiWord) -> Token {
        Token::plain_number(self.hash(word))
    }

    /// The token of a masked number.
    #[inline]
    pub(super) fn masked_number(&self, word: &AsciiWord) -> Token {
        self.masked[word.len.min(MASKED_DIGITS)]
    }

    #[expect(clippy::inline_always, reason = "the word is in registers")]
    #[inline(always)]
    fn hash(&self, word: &AsciiWord) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(word.form(), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &[u8], at: usize) -> Option<Vec<u8>> {
        let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let word: Vec<u8> = text[at..].iter().take_while(is_word).map(u8::to_ascii_lowercase).collect();
        let is_cut = text.get(at + word.len()).is_some_and(|byte| !byte.is_ascii());
        (word.len() < WORD_MAX && !is_cut).then_some(word)
    }

    /// Every byte at every place of a word and behind it.
    #[test]
    fn reads_what_a_plain_loop_reads() {
        for len in 1..=WORD_MAX + 2 {
            for changed in 0..=len {
                for byte in 0..=u8::MAX {
                    let mut text = b"aZ09_yAzmQ5bcdeFGHI"[..=len].to_vec();
                    text[changed] = byte;
                    let got = AsciiWord::read(&text, 0);
                    let form = got.map(|word| word.form().to_vec());
                    match plain(&text, 0) {
                        Some(want) => assert_eq!(form, Some(want), "{text:?}"),
                        None => assert!(form.is_none_or(|form| form.len() == WORD_MAX), "{text:?}"),
                    }
                }
            }
        }
    }
}
