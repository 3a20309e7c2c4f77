//! Where does a text hide something? One pass over its characters, which remembers the run of
//! invisible characters and the word that it is in.

use std::collections::BTreeSet;

use unicode_normalization::char::is_combining_mark;
use unicode_script::Script;

use super::{
    mixed_word,
    orthography::{self, Side, WORD_JOINER, ZERO_WIDTH_SPACE},
};

const SPANS_MAX: usize = 16;
/// Most distinct words with look-alike letters that are remembered.
const WORDS_MAX: usize = 256;
/// A run of a mark that its script has may be so long: careless programs double it again and again.
const REPEATED_MAX: u32 = 8;
/// From so many different controls of direction on, beside text that runs one way only, a run says
/// something itself.
const DIRECTIONS_MIN: u32 = 4;
/// The flag of a region: two letters or more for it and its country, then the end.
const FLAG_TAGS: std::ops::RangeInclusive<u32> = 4..=7;
const BLACK_FLAG: char = '\u{1f3f4}';
const END_OF_FLAG: char = '\u{e007f}';
/// Breaks for lines in a text without spaces are so many: one for so many letters, and more than a
/// few.
const LETTERS_PER_BREAK_MAX: u32 = 40;
const BREAKS_MIN: u32 = 4;
/// Bytes on each side of a mark in which a path or an address is looked for.
const PATH_BYTES: usize = 128;

/// A kind of characters that show nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvisibleKind {
    ZeroWidth,
    Variation,
    Bidi,
    Tag,
}

fn invisible_kind(c: char) -> Option<InvisibleKind> {
    match c {
        _ if c.is_ascii() => None,
        '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{180e}'
        | '\u{feff}' => Some(InvisibleKind::ZeroWidth),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}' | '\u{180f}' => {
            Some(InvisibleKind::Variation)
        }
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => Some(InvisibleKind::Bidi),
        '\u{e0000}'..='\u{e007f}' => Some(InvisibleKind::Tag),
        _ => None,
    }
}

/// Whether it makes text run against its own direction.
fn is_override(c: char) -> bool {
    matches!(c, '\u{202d}' | '\u{202e}')
}

/// A run of invisible characters of one kind.
#[derive(Clone, Copy, Debug)]
struct InvisibleChars {
    kind: InvisibleKind,
    from: usize,
    first: char,
    last: char,
    count: u32,
    all_same: bool,
    overrides: bool,
    before: Side,
}

/// A word, with the invisible characters in it.
#[derive(Clone, Copy, Debug)]
struct Word {
    from: usize,
    first: Option<Script>,
    second: Option<Script>,
    more: bool,
}

/// The places that speak for one reason.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) count: u32,
    pub(super) spans: Vec<(u32, u32)>,
}

impl Hits {
    fn add(&mut self, from: usize, to: usize) {
        self.count += 1;
        if self.spans.len() < SPANS_MAX {
            self.spans.push((from as u32, to as u32));
        }
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.spans.extend(other.spans);
        self.spans.sort_unstable();
        self.spans.truncate(SPANS_MAX);
    }
}

/// What a text hides.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tags: Hits,
    pub(super) runs: Hits,
    pub(super) zero_width: Hits,
    pub(super) variations: Hits,
    pub(super) bidi: Hits,
    /// Distinct words with letters that look like others.
    pub(super) words: Hits,
    /// How much these words say together.
    pub(super) words_weight: u32,
}

/// Looks through a text.
pub(super) fn scan(text: &str) -> Found {
    let mut scan = Scan {
        text,
        before: Side::default(),
        host: None,
        run: None,
        word: None,
        words: BTreeSet::new(),
        right_to_left: false,
        east_asian_letters: 0,
        east_asian_breaks: Hits::default(),
        one_way_runs: Hits::default(),
        one_way_words: Hits::default(),
        found: Found::default(),
    };
    for (at, c) in text.char_indices() {
        scan.step(at, Some(c));
    }
    scan.step(text.len(), None);
    scan.end()
}

struct Scan<'a> {
    text: &'a str,
    /// What stands before the character that is looked at.
    before: Side,
    /// The script of the last letter.
    host: Option<Script>,
    run: Option<InvisibleChars>,
    word: Option<Word>,
    /// Distinct words with look-alike letters.
    words: BTreeSet<String>,
    right_to_left: bool,
    east_asian_letters: u32,
    /// Marks where a line may break, between letters of Han and kana.
    east_asian_breaks: Hits,
    /// What says something only if no letter of the text runs from right to left: runs, and marks in
    /// words.
    one_way_runs: Hits,
    one_way_words: Hits,
    found: Found,
}

impl Scan<'_> {
    /// Takes the character at byte `at`. `None` stands for the end of the text.
    fn step(&mut self, at: usize, c: Option<char>) {
        let kind = c.and_then(invisible_kind);
        if let Some(run) = self.run.filter(|run| Some(run.kind) != kind) {
            self.end_run(run, at, c);
            self.run = None;
        }
        if let (Some(kind), Some(c)) = (kind, c) {
            self.extend_run(kind, at, c);
            // An invisible character does not end a word.
            return;
        }
        self.before = Side::after(c, self.before);
        if let Some(script) = self.before.script {
            self.host = Some(script);
            self.right_to_left |= orthography::is_right_to_left(script);
            self.east_asian_letters += u32::from(orthography::is_east_asian(script));
        }
        self.extend_word(at, c);
    }

    fn extend_run(&mut self, kind: InvisibleKind, at: usize, c: char) {
        let before = self.before;
        let run = self.run.get_or_insert(InvisibleChars {
            kind,
            from: at,
            first: c,
            last: c,
            count: 0,
            all_same: true,
            overrides: false,
            before,
        });
        run.count += 1;
        run.last = c;
        run.all_same &= run.first == c;
        run.overrides |= is_override(c);
    }

    fn extend_word(&mut self, at: usize, c: Option<char>) {
        if !c.is_some_and(|c| c.is_alphabetic() || is_combining_mark(c)) {
            if let Some(word) = self.word.take() {
                self.end_word(word, at);
            }
            return;
        }
        let word = self.word.get_or_insert(Word { from: at, first: None, second: None, more: false });
        let Some(script) = self.before.script else { return };
        match (word.first, word.second) {
            (None, _) => word.first = Some(script),
            (Some(first), _) if first == script => {}
            (_, None) => word.second = Some(script),
            (_, Some(second)) => word.more |= second != script,
        }
    }

    fn end_word(&mut self, word: Word, to: usize) {
        let (Some(first), Some(second), false) = (word.first, word.second, word.more) else { return };
        let letters: String = self.text[word.from..to].chars().filter(|&c| invisible_kind(c).is_none()).collect();
        let weight = mixed_word::weight(&letters, [first, second]);
        if weight > 0 && self.words.len() < WORDS_MAX && self.words.insert(letters.to_lowercase()) {
            self.found.words.add(word.from, to);
            self.found.words_weight += weight;
        }
    }

    fn end_run(&mut self, run: InvisibleChars, to: usize, after: Option<char>) {
        let after = Side::after(after, run.before);
        match run.kind {
            InvisibleKind::ZeroWidth => self.zero_width(run, to, after),
            InvisibleKind::Variation => {
                let plain = run.before.script.is_some_and(|script| !orthography::has_variants(script));
                if plain || run.count >= 3 {
                    self.found.variations.add(run.from, to);
                }
            }
            InvisibleKind::Bidi => self.bidi(run, to, after),
            InvisibleKind::Tag => {
                let flag = run.before.c == Some(BLACK_FLAG) && run.last == END_OF_FLAG && FLAG_TAGS.contains(&run.count);
                if !flag {
                    self.found.tags.add(run.from, to);
                }
            }
        }
    }

    fn zero_width(&mut self, run: InvisibleChars, to: usize, after: Side) {
        let script = run.before.script.or(after.script).or(self.host);
        let at_home = |mark| script.is_some_and(|script| orthography::is_at_home(mark, script));
        let careless = match run.count {
            1 => false,
            2 => run.all_same || at_home(run.first) && at_home(run.last),
            _ => run.all_same && run.count <= REPEATED_MAX && at_home(run.first),
        };
        if run.count > 1 && !careless {
            self.found.runs.add(run.from, to);
        }
        if run.count > 1 || orthography::is_ordinary(run.first, run.before, after) {
            return;
        }
        let letters = self.word.map_or(0, |word| self.text[word.from..run.from].chars().count());
        if letters <= 1 && orthography::is_of_formulas(run.first) {
            return;
        }
        let breaks = matches!(run.first, ZERO_WIDTH_SPACE | WORD_JOINER);
        if breaks && (is_inner_capital(run.before, after) || is_in_path(self.text, run.from, to)) {
            return;
        }
        if breaks && run.before.script.is_some_and(orthography::is_east_asian) {
            self.east_asian_breaks.add(run.from, to);
        } else {
            self.found.zero_width.add(run.from, to);
        }
    }

    fn bidi(&mut self, run: InvisibleChars, to: usize, after: Side) {
        let in_word = run.before.script.is_some() && after.script.is_some();
        if in_word && run.overrides {
            self.found.bidi.add(run.from, to);
        } else if in_word {
            self.one_way_words.add(run.from, to);
        } else if run.count >= DIRECTIONS_MIN && !run.all_same {
            self.one_way_runs.add(run.from, to);
        }
    }

    fn end(mut self) -> Found {
        if !self.right_to_left {
            self.found.bidi.join(self.one_way_words);
            self.found.runs.join(self.one_way_runs);
        }
        let breaks = self.east_asian_breaks.count;
        if breaks < BREAKS_MIN || breaks * LETTERS_PER_BREAK_MAX < self.east_asian_letters {
            self.found.zero_width.join(self.east_asian_breaks);
        }
        self.found
    }
}

/// Whether a long name of a program is broken before one of its words: `array|List`.
fn is_inner_capital(before: Side, after: Side) -> bool {
    before.c.is_some_and(char::is_lowercase) && after.c.is_some_and(char::is_uppercase)
}

/// Whether the bytes `from..to` stand in a path, an address or a name of a program, which are broken
/// for lines at any place.
fn is_in_path(text: &str, from: usize, to: usize) -> bool {
    let belongs = |c: char| c.is_ascii_alphanumeric() || "/\\_.:-~%#?&=@+$".contains(c) || invisible_kind(c).is_some();
    let start = text.floor_char_boundary(from.saturating_sub(PATH_BYTES));
    let end = text.floor_char_boundary((to + PATH_BYTES).min(text.len()));
    let before = text[start..from].chars().rev().take_while(|&c| belongs(c));
    let after = text[to..end].chars().take_while(|&c| belongs(c));
    before.chain(after).any(|c| matches!(c, '/' | '\\' | '_' | '@'))
}
