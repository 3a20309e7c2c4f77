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
//! Characters of ASCII are read by a path of their own (`ascii`), whose tokens are
//! those of the path for all characters (a test below compares them).
//!
//! **Cost** of real text, in MB/s on a core of a busy machine: English 120, Vietnamese 125, German
//! 170, Korean 160, Arabic 160, Russian 220; Thai 75, Chinese 50, Japanese 50. That is 30 to 50 ns a
//! token where spaces part words, 90 to 150 where a dictionary does. **State** the tables of
//! [`character`](super::character) and [`dictionary`].

use std::{cell::Cell, sync::Arc};

use super::{
    ascii::{AsciiTokens, AsciiWord},
    character::{CharClass, character},
    dictionary, form,
    hash::Seed,
    lookalike,
    run::UnspacedRun,
    token::{DOMAIN, MASKED_DIGITS, Token, TokenKind, Tokens, masked},
};

const IDENTITY_DOMAIN: u64 = 0x746f_6b65_6e03;
/// The number of these rules; raised when the same text gives other tokens.
const RULES: u64 = 2;

thread_local! {
    /// What the tokens of a text are collected in, so that each text then takes as much memory as it
    /// has tokens, and no more.
    static SCRATCH: Cell<Tokens> = Cell::default();
}

/// Turns texts into tokens.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    seed: Seed,
    tokens_max: usize,
    ascii: Arc<AsciiTokens>,
}

impl Tokenizer {
    /// A tokenizer that reads no more than `tokens_max` tokens of a text. They are at most 65,535,
    /// as an index of a token is kept in 16 bits.
    #[must_use]
    pub fn new(seed: Seed, tokens_max: usize) -> Self {
        Self { seed, tokens_max: tokens_max.min(usize::from(u16::MAX)), ascii: Arc::new(AsciiTokens::new(seed)) }
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
            && let Some(&byte) = text.as_bytes().get(at)
        {
            at = if byte.is_ascii() { reading.ascii(byte, at) } else { reading.any(at) };
        }
        reading.end()
    }

    /// The tokens of a text up to its word number `words`, numbers counted, and at most a few behind
    /// it.
    #[must_use]
    pub fn beginning(&self, text: &str, words: usize) -> Tokens {
        // A word takes a byte at least, and most texts of which all is wanted are much shorter.
        if words >= text.len() {
            return self.tokens(text);
        }
        let mut reading = Reading::new(self, text);
        let (mut at, mut counted, mut left) = (0, 0, words);
        while left > 0
            && !reading.out.truncated
            && let Some(&byte) = text.as_bytes().get(at)
        {
            at = if byte.is_ascii() { reading.ascii(byte, at) } else { reading.any(at) };
            let new = reading.out.ids.get(counted..).unwrap_or_default();
            left = left.saturating_sub(new.iter().filter(|token| token.is_alphanumeric()).count());
            counted = reading.out.ids.len();
        }
        reading.end()
    }
}

/// A text that is being read.
struct Reading<'a> {
    seed: Seed,
    tokens_max: usize,
    ascii: &'a AsciiTokens,
    text: &'a str,
    out: Tokens,
    /// The form of the word at hand.
    form: String,
    run: UnspacedRun,
    /// What is not seen in the line at hand.
    unseen: Vec<(Token, (u32, u32))>,
}

impl<'a> Reading<'a> {
    fn new(tokenizer: &'a Tokenizer, text: &'a str) -> Self {
        let mut out = SCRATCH.take();
        out.ids.clear();
        out.spans.clear();
        out.unmasked.clear();
        out.truncated = false;
        Self {
            seed: tokenizer.seed,
            tokens_max: tokenizer.tokens_max,
            ascii: &tokenizer.ascii,
            text,
            out,
            form: String::new(),
            run: UnspacedRun::default(),
            unseen: Vec::new(),
        }
    }

    /// Reads on from a character of ASCII. Returns where to read on.
    #[inline]
    fn ascii(&mut self, byte: u8, at: usize) -> usize {
        let kind = match ascii_class(byte) {
            CharClass::Space => return at + 1,
            CharClass::Letter => TokenKind::Word,
            CharClass::Digit => TokenKind::Number,
            CharClass::Underscore => TokenKind::Symbol,
            CharClass::Stop => {
                self.push(self.ascii.stop(byte), (at, at + 1));
                return at + 1;
            }
            CharClass::Symbol => {
                self.push(self.ascii.symbol(byte), (at, at + 1));
                return at + 1;
            }
            class => return self.step(class, at, at + 1),
        };
        let Some(word) = AsciiWord::read(self.text.as_bytes(), at) else { return self.word(at, kind) };
        let token = if kind == TokenKind::Number { self.ascii_number(&word) } else { self.ascii.word(kind, &word) };
        let end = at + word.len();
        self.push(token, (at, end));
        // Most words have a space behind them.
        end + usize::from(self.text.as_bytes().get(end) == Some(&b' '))
    }

    /// The token of a number of ASCII.
    fn ascii_number(&mut self, word: &AsciiWord) -> Token {
        let plain = self.ascii.plain_number(word);
        if !word.is_masked() {
            return plain;
        }
        self.keep_unmasked(plain);
        self.ascii.masked_number(word)
    }

    /// Reads on from any character. Returns where to read on.
    fn any(&mut self, at: usize) -> usize {
        match next_class(self.text, at) {
            Some((class, width)) => self.step(class, at, at + width),
            None => self.text.len(),
        }
    }

    /// Reads on from a character of the class, which takes the bytes `at..behind`. Returns where to
    /// read on.
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
    fn word(&mut self, at: usize, kind: TokenKind) -> usize {
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
        let plain = Token::plain_number(self.seed.bytes(DOMAIN, self.form.as_bytes()));
        if self.form.len() > MASKED_DIGITS || !self.form.bytes().all(|b| b.is_ascii_digit()) {
            return plain;
        }
        self.keep_unmasked(plain);
        masked(self.seed, self.form.len())
    }

    /// Keeps the token of a number that is masked.
    fn keep_unmasked(&mut self, plain: Token) {
        if self.out.ids.len() < self.tokens_max {
            self.out.unmasked.push(plain);
        }
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

    /// Ends the text.
    fn end(mut self) -> Tokens {
        self.end_line();
        let Tokens { ids, spans, unmasked, truncated } = &self.out;
        let tokens = Tokens {
            ids: ids.as_slice().into(),
            spans: spans.as_slice().into(),
            unmasked: unmasked.as_slice().into(),
            truncated: *truncated,
        };
        SCRATCH.set(self.out);
        tokens
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

/// The class of a character of ASCII.
#[inline]
fn ascii_class(byte: u8) -> CharClass {
    const CLASSES: [CharClass; 256] = {
        let mut classes = [CharClass::Symbol; 256];
        let mut byte = 0;
        while byte < classes.len() {
            classes[byte] = match byte as u8 {
                b'\n' => CharClass::Break,
                b'a'..=b'z' | b'A'..=b'Z' => CharClass::Letter,
                b'0'..=b'9' => CharClass::Digit,
                b'_' => CharClass::Underscore,
                0..=b' ' | 0x7f => CharClass::Space,
                b'.' | b'!' | b'?' | b':' | b';' => CharClass::Stop,
                _ => CharClass::Symbol,
            };
            byte += 1;
        }
        classes
    };
    CLASSES[usize::from(byte)]
}

#[inline]
fn next_class(text: &str, at: usize) -> Option<(CharClass, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if byte.is_ascii() {
        return Some((ascii_class(byte), 1));
    }
    let c = text[at..].chars().next()?;
    Some((character(c).class, c.len_utf8()))
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
