//! Does a text hold characters that hide something: text that a reader does not see, or letters
//! that are not what they look like?
//!
//! **Finds**
//! * tag characters (U+E0000..E007F), except for the few in a flag emoji;
//! * runs of three invisible characters, or of two different ones;
//! * one invisible character, or bidirectional controls, between two Latin letters;
//! * variation selectors after a Latin letter, or three in a row;
//! * two or more words that mix Latin letters with look-alikes from Cyrillic and Greek, and with
//!   nothing else.
//!
//! **Leaves alone** joiners of Persian and Indic scripts, emoji joined by zero-width joiners, a
//! doubled invisible character (machine translation leaves those), and words of several scripts
//! that are not all look-alikes (`β-Carotin`). **Misses** words that are written in look-alikes
//! alone, and homoglyphs of other scripts.
//!
//! **Cost** nothing on ASCII texts, one pass of about 3 ns a character on others. **State** none.

use serde::{Deserialize, Serialize};

use crate::{
    config::OperatorConfig,
    document::Document,
    finding::{Evidence, Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
};

/// `[operators.unicode]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Number of words with look-alike letters from which on a text is suspicious. Default 2.
    pub mixed_words_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        // A single one mostly comes from the wrong keyboard layout.
        Self { mode: Mode::Enforce, mixed_words_min: 2 }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.mixed_words_min > 0 { Vec::new() } else { vec![("mixed_words_min", "got 0, expected at least 1".to_owned())] }
    }
}

/// The name of the inspector.
pub const NAME: &str = "unicode";
const SPANS_MAX: usize = 16;
/// Most tag characters in a flag: six of a region's code and the end mark.
const FLAG_TAGS_MAX: u32 = 7;
const BLACK_FLAG: char = '\u{1f3f4}';

/// The reasons in the order in which they are reported, with their scores. Each is beyond dispute
/// in running text, but pages *about* Unicode give the later ones.
const REASONS: [(Reason, f64); 6] = [
    (Reason::TagCharacters, 1.0),
    (Reason::InvisibleRun, 0.95),
    (Reason::ZeroWidthInWord, 0.9),
    (Reason::VariationSelectors, 0.95),
    (Reason::BidiInWord, 0.9),
    (Reason::MixedScriptWords, 0.9),
];

/// See the [module documentation](self).
#[derive(Clone, Debug, Default)]
pub struct Unicode {
    config: Config,
}

impl Unicode {
    /// An inspector with these options.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Appends a finding for each reason why `text` is suspicious.
    pub fn inspect_text(&self, text: &str, found: &mut Vec<Finding>) {
        if text.is_ascii() {
            return;
        }
        let mut scan = Scan::default();
        for (at, c) in text.char_indices() {
            scan.step(at, Some(c));
        }
        scan.step(text.len(), None);
        for ((reason, score), hits) in REASONS.into_iter().zip(scan.hits) {
            let least = if reason == Reason::MixedScriptWords { self.config.mixed_words_min } else { 1 };
            if hits.count >= least.max(1) {
                let evidence = Evidence { spans: hits.spans, observed: Some(hits.count.into()), ..Evidence::default() };
                found.push(Finding { evidence, ..Finding::new(NAME, reason, Score::new(score)) });
            }
        }
    }
}

impl Inspector for Unicode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, document: &Document, found: &mut Vec<Finding>) {
        self.inspect_text(document.own(), found);
    }
}

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
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => Some(InvisibleKind::ZeroWidth),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => Some(InvisibleKind::Variation),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(InvisibleKind::Bidi),
        '\u{e0000}'..='\u{e007f}' => Some(InvisibleKind::Tag),
        _ => None,
    }
}

fn is_latin(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}')
}

/// Whether it is a Cyrillic or Greek letter that looks like a Latin one in most typefaces.
fn is_look_alike(c: char) -> bool {
    matches!(
        c,
        'а' | 'е'
            | 'о'
            | 'р'
            | 'с'
            | 'у'
            | 'х'
            | 'і'
            | 'ѕ'
            | 'ј'
            | 'һ'
            | 'ԁ'
            | 'А'
            | 'В'
            | 'Е'
            | 'К'
            | 'М'
            | 'Н'
            | 'О'
            | 'Р'
            | 'С'
            | 'Т'
            | 'Х'
            | 'Α'
            | 'Β'
            | 'Ε'
            | 'Ζ'
            | 'Η'
            | 'Ι'
            | 'Κ'
            | 'Μ'
            | 'Ν'
            | 'Ο'
            | 'Ρ'
            | 'Τ'
            | 'Υ'
            | 'Χ'
            | 'ο'
            | 'ν'
    )
}

/// A run of invisible characters of one kind.
#[derive(Clone, Copy, Debug)]
struct InvisibleChars {
    kind: InvisibleKind,
    from: usize,
    first: char,
    count: u32,
    all_same: bool,
    before: Option<char>,
}

/// A run of letters.
#[derive(Clone, Copy, Debug)]
struct LetterRun {
    from: usize,
    latin: bool,
    look_alike: bool,
    other: bool,
}

#[derive(Debug, Default)]
struct Hits {
    count: u32,
    spans: Vec<(u32, u32)>,
}

#[derive(Debug, Default)]
struct Scan {
    before: Option<char>,
    run: Option<InvisibleChars>,
    word: Option<LetterRun>,
    hits: [Hits; REASONS.len()],
}

impl Scan {
    /// Takes the character at byte `at`. `None` stands for the end of the text.
    fn step(&mut self, at: usize, c: Option<char>) {
        let kind = c.and_then(invisible_kind);
        if let Some(run) = self.run.filter(|run| Some(run.kind) != kind) {
            self.end_run(run, at, c);
        }
        match (kind, c) {
            (Some(kind), Some(c)) => self.extend_run(kind, at, c),
            _ => self.run = None,
        }
        self.extend_word(at, c);
        self.before = c;
    }

    fn extend_run(&mut self, kind: InvisibleKind, at: usize, c: char) {
        match &mut self.run {
            Some(run) if run.kind == kind => {
                run.count += 1;
                run.all_same &= run.first == c;
            }
            _ => self.run = Some(InvisibleChars { kind, from: at, first: c, count: 1, all_same: true, before: self.before }),
        }
    }

    fn extend_word(&mut self, at: usize, c: Option<char>) {
        let Some(c) = c.filter(|c| c.is_alphabetic()) else {
            if let Some(word) = self.word.take().filter(|w| w.latin && w.look_alike && !w.other) {
                self.hit(Reason::MixedScriptWords, word.from, at);
            }
            return;
        };
        let word = self.word.get_or_insert(LetterRun { from: at, latin: false, look_alike: false, other: false });
        if is_latin(c) {
            word.latin = true;
        } else if is_look_alike(c) {
            word.look_alike = true;
        } else {
            word.other = true;
        }
    }

    fn end_run(&mut self, run: InvisibleChars, to: usize, after: Option<char>) {
        let after_latin = run.before.is_some_and(is_latin);
        let in_word = after_latin && after.is_some_and(is_latin);
        let reason = match run.kind {
            InvisibleKind::ZeroWidth if run.count >= 3 || !run.all_same => Reason::InvisibleRun,
            InvisibleKind::ZeroWidth if run.count == 1 && in_word => Reason::ZeroWidthInWord,
            InvisibleKind::Variation if run.count >= 3 || after_latin => Reason::VariationSelectors,
            InvisibleKind::Bidi if in_word => Reason::BidiInWord,
            InvisibleKind::Tag if run.before != Some(BLACK_FLAG) || run.count > FLAG_TAGS_MAX => Reason::TagCharacters,
            _ => return,
        };
        self.hit(reason, run.from, to);
    }

    fn hit(&mut self, reason: Reason, from: usize, to: usize) {
        let Some(hits) = REASONS.iter().position(|&(r, _)| r == reason).map(|i| &mut self.hits[i]) else { return };
        hits.count += 1;
        if hits.spans.len() < SPANS_MAX {
            hits.spans.push((from as u32, to as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn findings(text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        Unicode::default().inspect_text(text, &mut found);
        found
    }

    #[track_caller]
    fn check(text: &str, want: &[Reason]) {
        let got: Vec<_> = findings(text).into_iter().map(|f| f.reason).collect();
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn tag_characters() {
        check("see \u{e0068}\u{e0069}", &[Reason::TagCharacters]);
        check("\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} won", &[]);
        check(&format!("\u{1f3f4}{}", "\u{e0061}".repeat(8)), &[Reason::TagCharacters]);
    }

    #[test]
    fn invisible_runs() {
        check("a \u{200b}\u{200b}\u{200b} b", &[Reason::InvisibleRun]);
        check("a \u{200b}\u{200c}", &[Reason::InvisibleRun]);
        check("a\u{200b}\u{200b}b", &[]);
        check("\u{feff}a b\u{200b} c", &[]);
    }

    #[test]
    fn inside_latin_words() {
        check("pass\u{200b}word", &[Reason::ZeroWidthInWord]);
        check("pass\u{202e}\u{202d}word", &[Reason::BidiInWord]);
        check("\u{202b}word\u{202c} \u{2066}x\u{2069}", &[]);
        check("word\u{fe01}", &[Reason::VariationSelectors]);
        check("\u{1f600}\u{e0101}\u{e0102}\u{e0103}", &[Reason::VariationSelectors]);
        check("\u{2764}\u{fe0f} 1\u{fe0f}\u{20e3}", &[]);
    }

    #[test]
    fn ordinary_joiners() {
        check("\u{0645}\u{06cc}\u{200c}\u{062e}\u{0648}\u{0627}\u{0647}\u{0645}", &[]);
        check("\u{0915}\u{094d}\u{200d}\u{0937}", &[]);
        check("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f3f3}\u{fe0f}\u{200d}\u{1f308}", &[]);
    }

    #[test]
    fn mixed_script_words() {
        check("p\u{0430}ypal and b\u{0430}nk", &[Reason::MixedScriptWords]);
        check("one p\u{0430}ypal", &[]);
        check("\u{03b2}-Carotin \u{03bc}Torrent Wi\u{0444}i x\u{0436}", &[]);
        check("\u{043c}\u{043e}\u{0441}\u{043a}\u{0432}\u{0430} \u{0441}\u{043e}\u{043d}", &[]);
    }

    #[test]
    fn spans_are_of_the_text_and_bounded() {
        let text = "x\u{200b}y ".repeat(40);
        let found = findings(&text);
        assert_eq!((found.len(), found[0].evidence.spans.len(), found[0].evidence.observed), (1, 16, Some(40.0)));
        assert_eq!(&text[1..4], "\u{200b}");
        assert_eq!(found[0].evidence.spans[0], (1, 4));
    }

    proptest! {
        /// Spans lie on characters, whatever the text.
        #[test]
        fn never_panics(text in "(\u{200b}|\u{200d}|\u{fe0f}|\u{202e}|\u{e0041}|\u{1f3f4}|[aа]|ж|\\PC){0,40}") {
            for finding in findings(&text) {
                for (from, to) in finding.evidence.spans {
                    prop_assert!(text.get(from as usize..to as usize).is_some_and(|s| !s.is_empty()));
                }
            }
        }
    }
}
