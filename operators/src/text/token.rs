//! How is a text split into tokens? Into a sequence of 32-bit numbers, each with its byte range in
//! the text.
//!
//! A token is a line break, a word, or one other visible character. A word is a run of letters,
//! digits and their marks, or, in a script without spaces, what [`dictionary`]
//! cuts out. Words are compared in [one form for each letter](super::form), and as their readers see
//! them if they have [letters that look alike](super::lookalike). Numbers of up to four digits are
//! masked to their shape, so that "2024" matches "1999". The text itself is never changed.
//!
//! What a reader does not see divides no words and stands between none, so a phrase is the same
//! phrase with and without it. Detectors see it nonetheless: each run of invisible characters, and
//! the true form of each word with letters that look like others, is a token on a line of its own,
//! behind the line that holds it.
//!
//! **Cost** of real text, in MB/s on a core of a busy machine: English 120, Vietnamese 125, German
//! 170, Korean 160, Arabic 160, Russian 220; Thai 75, Chinese 50, Japanese 50. That is 30 to 50 ns a
//! token where spaces part words, 90 to 150 where a dictionary does. **State** the tables of
//! [`character`](super::character) and [`dictionary`].

use super::{
    character::{CharClass, character},
    dictionary, form,
    hash::Seed,
    lookalike,
    run::UnspacedRun,
};

/// A token: its [`TokenKind`] in the upper three bits, a keyed hash of the last two characters of
/// its form in the next five (its [`ending`](Token::ending)), a keyed hash of the whole form in the
/// other 24.
///
/// Words with the same ending are often of the same part of speech, so detectors that know nothing
/// else of a word can still tell what may stand beside it. Two different words with different
/// endings collide with probability 2^-29, two with the same ending with 2^-24. Among a million
/// words, each word shares its token with another one with probability .004. A word that is hidden
/// by such a collision still shows in its n-grams with neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
const DOMAIN: u64 = 0x746f_6b65_6e00;
const IDENTITY_DOMAIN: u64 = 0x746f_6b65_6e03;
/// The number of these rules; raised when the same text gives other tokens.
const RULES: u64 = 2;

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

    fn new(kind: TokenKind, hash: u64) -> Self {
        Self((kind as u32) << HASH_BITS | (hash >> (64 - HASH_BITS)) as u32)
    }

    /// The token of a form that is no number.
    fn of_form(kind: TokenKind, seed: Seed, form: &str) -> Self {
        let from = form.char_indices().rev().take(ENDING_CHARS).last().map_or(0, |(at, _)| at);
        let (ending, hash) = (seed.bytes(ENDING_DOMAIN, &form.as_bytes()[from..]), seed.bytes(DOMAIN, form.as_bytes()));
        Self::new(kind, (ending >> (64 - ENDING_BITS)) << (64 - ENDING_BITS) | hash >> ENDING_BITS)
    }
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
const MASKED_DIGITS: usize = 4;

/// Turns texts into tokens.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    seed: Seed,
    tokens_max: usize,
}

impl Tokenizer {
    /// A tokenizer that reads no more than `tokens_max` tokens of a text. They are at most 65,535,
    /// as an index of a token is kept in 16 bits.
    #[must_use]
    pub fn new(seed: Seed, tokens_max: usize) -> Self {
        Self { seed, tokens_max: tokens_max.min(usize::from(u16::MAX)) }
    }

    /// A number that is equal for tokenizers that give the same tokens. Stored data that was
    /// derived from tokens names its tokenizer by it.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.seed.number(IDENTITY_DOMAIN, Self::rules().wrapping_add(self.tokens_max as u64))
    }

    /// A number that is equal where texts are split by the same rules and dictionaries, whatever
    /// the seed.
    #[must_use]
    pub fn rules() -> u64 {
        Seed(RULES).number(IDENTITY_DOMAIN, dictionary::digest())
    }

    /// The token of a single word, as it would be in a text.
    #[must_use]
    pub fn word(&self, word: &str) -> Option<Token> {
        self.tokens(word).ids.first().copied()
    }

    /// The tokens of a text.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Tokens {
        let mut reading = Reading::new(self, text);
        let mut at = 0;
        while !reading.out.truncated
            && let Some((class, width)) = next_class(text, at)
        {
            at = reading.step(class, at, at + width);
        }
        reading.end_line();
        reading.out
    }
}

/// A text that is being read.
struct Reading<'a> {
    seed: Seed,
    tokens_max: usize,
    text: &'a str,
    out: Tokens,
    /// The form of the word at hand.
    form: String,
    run: UnspacedRun,
    /// What is not seen in the line at hand.
    unseen: Vec<(Token, (u32, u32))>,
}

impl<'a> Reading<'a> {
    fn new(tokenizer: &Tokenizer, text: &'a str) -> Self {
        let expected = (text.len() / 4).min(tokenizer.tokens_max);
        let out = Tokens { ids: Vec::with_capacity(expected), spans: Vec::with_capacity(expected), ..Tokens::default() };
        Self {
            seed: tokenizer.seed,
            tokens_max: tokenizer.tokens_max,
            text,
            out,
            form: String::new(),
            run: UnspacedRun::default(),
            unseen: Vec::new(),
        }
    }

    /// Reads on from a character of the class, which takes the bytes `at..behind`. Returns where to
    /// read on.
    #[inline]
    fn step(&mut self, class: CharClass, at: usize, behind: usize) -> usize {
        match class {
            CharClass::Space => {}
            CharClass::Break => {
                self.end_line();
                self.push(Token::BREAK, (at, behind));
            }
            CharClass::Letter => return self.word(at, TokenKind::Word),
            CharClass::Digit => return self.word(at, TokenKind::Number),
            CharClass::Underscore => return self.word(at, TokenKind::Symbol),
            CharClass::Unspaced => return self.unspaced(at),
            CharClass::Invisible => {
                let end = run_end(self.text, behind, class);
                self.add_unseen((at, end));
                return end;
            }
            CharClass::Combining => {
                let end = run_end(self.text, behind, class);
                self.sign(TokenKind::Symbol, (at, end));
                return end;
            }
            CharClass::Stop => self.sign(TokenKind::Stop, (at, behind)),
            CharClass::Symbol => self.sign(TokenKind::Symbol, (at, behind)),
        }
        behind
    }

    #[inline]
    fn push(&mut self, token: Token, (from, to): (usize, usize)) {
        if self.out.ids.len() == self.tokens_max {
            self.out.truncated = true;
            return;
        }
        self.out.ids.push(token);
        self.out.spans.push((from as u32, to as u32));
    }

    /// Reads a character, or several marks, that make no word.
    fn sign(&mut self, kind: TokenKind, bytes: (usize, usize)) {
        let sign = &self.text[bytes.0..bytes.1];
        self.form.clear();
        if sign.is_ascii() {
            self.form.push_str(sign);
        } else {
            form::matching(sign, &mut self.form);
        }
        self.push(Token::of_form(kind, self.seed, &self.form), bytes);
    }

    /// Reads a word of letters, digits and underscores of a script with spaces.
    #[inline]
    fn word(&mut self, at: usize, kind: TokenKind) -> usize {
        let bytes = self.text.as_bytes();
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let end = at + bytes[at..].iter().take_while(|&b| is_word(b)).count();
        if bytes.get(end).is_some_and(|b| !b.is_ascii()) {
            return self.any_word(at, kind);
        }
        self.form.clear();
        self.form.push_str(&self.text[at..end]);
        self.form.make_ascii_lowercase();
        self.push_word(kind, (at, end));
        end
    }

    /// Reads a word that is not all ASCII.
    fn any_word(&mut self, at: usize, kind: TokenKind) -> usize {
        self.form.clear();
        let (mut end, mut combining, mut scripts, mut is_simple) = (at, 0, 0_u8, true);
        let mut invisible = None;
        for (offset, c) in self.text[at..].char_indices() {
            let known = character(c);
            match known.class {
                CharClass::Letter | CharClass::Digit | CharClass::Underscore | CharClass::Combining => {}
                CharClass::Invisible => {
                    invisible.get_or_insert(at + offset);
                    continue;
                }
                _ => break,
            }
            // What shows nothing at the end of a word is not in it.
            if let Some(from) = invisible.take() {
                self.add_unseen((from, at + offset));
            }
            is_simple &= known.is_simple && (known.combining == 0 || combining <= known.combining);
            combining = known.combining;
            scripts |= known.script;
            self.form.push(known.matching);
            end = at + offset + c.len_utf8();
        }
        let word = &self.text[at..end];
        let seen = if scripts.count_ones() > 1 { lookalike::seen(word) } else { None };
        if seen.is_some() {
            self.add_unseen((at, end));
        }
        if !is_simple || seen.is_some() {
            self.form.clear();
            form::matching(seen.as_deref().unwrap_or(word), &mut self.form);
        }
        self.push_word(kind, (at, end));
        end
    }

    /// Adds the word whose form is at hand.
    fn push_word(&mut self, kind: TokenKind, bytes: (usize, usize)) {
        let token = if kind == TokenKind::Number { self.number() } else { Token::of_form(kind, self.seed, &self.form) };
        self.push(token, bytes);
    }

    /// The token of the number whose form is at hand.
    fn number(&mut self) -> Token {
        let hash = self.seed.bytes(DOMAIN, self.form.as_bytes());
        let plain = Token(Token::new(TokenKind::Number, hash).0 & !MASKED_BIT);
        if self.form.len() > MASKED_DIGITS || !self.form.bytes().all(|b| b.is_ascii_digit()) {
            return plain;
        }
        if self.out.ids.len() < self.tokens_max {
            self.out.unmasked.push(plain);
        }
        let shape = &"0000"[..self.form.len()];
        Token(Token::new(TokenKind::Number, self.seed.bytes(DOMAIN, shape.as_bytes())).0 | MASKED_BIT)
    }

    /// Reads words of a script without spaces.
    fn unspaced(&mut self, at: usize) -> usize {
        let mut run = std::mem::take(&mut self.run);
        run.read(self.text, at);
        for &(from, to) in &run.invisible {
            self.add_unseen((from as usize, to as usize));
        }
        let end = run.for_each_word(|form, (from, to)| {
            let token = Token::of_form(TokenKind::Word, self.seed, form);
            self.push(token, (from as usize, to as usize));
        });
        self.run = run;
        end
    }

    fn add_unseen(&mut self, (from, to): (usize, usize)) {
        let hash = self.seed.bytes(DOMAIN, &self.text.as_bytes()[from..to]);
        self.unseen.push((Token::new(TokenKind::Invisible, hash), (from as u32, to as u32)));
    }

    /// Adds a line of what is not seen in the line at hand, each thing once.
    fn end_line(&mut self) {
        if self.unseen.is_empty() {
            return;
        }
        let mut unseen = std::mem::take(&mut self.unseen);
        unseen.sort_unstable();
        unseen.dedup_by_key(|(token, _)| *token);
        unseen.sort_unstable_by_key(|(_, bytes)| *bytes);
        if self.out.ids.last().is_some_and(|&last| last != Token::BREAK) {
            let end = self.out.spans.last().map_or(0, |bytes| bytes.1 as usize);
            self.push(Token::BREAK, (end, end));
        }
        for &(token, (from, to)) in &unseen {
            self.push(token, (from as usize, to as usize));
        }
        unseen.clear();
        self.unseen = unseen;
    }
}

fn run_end(text: &str, mut at: usize, class: CharClass) -> usize {
    while let Some((_, width)) = next_class(text, at).filter(|(next, _)| *next == class) {
        at += width;
    }
    at
}

#[inline]
fn next_class(text: &str, at: usize) -> Option<(CharClass, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if byte < 0x80 {
        let class = match byte {
            b'\n' => CharClass::Break,
            b'a'..=b'z' | b'A'..=b'Z' => CharClass::Letter,
            b'0'..=b'9' => CharClass::Digit,
            b'_' => CharClass::Underscore,
            0..=b' ' | 0x7f => CharClass::Space,
            b'.' | b'!' | b'?' | b':' | b';' => CharClass::Stop,
            _ => CharClass::Symbol,
        };
        return Some((class, 1));
    }
    let c = text[at..].chars().next()?;
    Some((character(c).class, c.len_utf8()))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
