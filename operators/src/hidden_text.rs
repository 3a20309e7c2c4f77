//! Does a page have prose that its readers do not see? Such prose is written for those who read the
//! source, such as other extractors and their models.
//!
//! **Finds** prose that is visually hidden: rendered tiny, off the page, or in the colour of its
//! background. With `hidden_words_min` it also finds prose that is not rendered at all. **Leaves
//! alone** by default what is not rendered: on more than every tenth page, menus, tabs, dialogs and
//! answers to questions are hidden until somebody opens them. Lines of a few words are no prose.
//! **Misses** what the decoder cannot know to be hidden (linked style sheets, scripts), and records
//! that are text already.
//!
//! **Cost** one pass over hidden text. **State** none.

use script::is_unspaced;
use serde::{Deserialize, Serialize};

use crate::{
    config::OperatorConfig,
    document::Document,
    finding::{Evidence, Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
};

/// `[operators.hidden_text]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Words of prose from which on visually hidden text is suspicious; 0: never. Default 12.
    pub disguised_words_min: u32,
    /// Words of prose from which on text that is not rendered is suspicious; 0: never, the default.
    pub hidden_words_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        // Labels for screen readers and replaced headings are shorter than a sentence; instructions to a model are not.
        Self { mode: Mode::Shadow, disguised_words_min: 12, hidden_words_min: 0 }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn words_read(&self) -> usize {
        0
    }
}

/// The name of the inspector.
pub const NAME: &str = "hidden_text";
/// Least number of words in a line of prose.
const LINE_WORDS: u32 = 8;
/// Most bytes of the longest line that are reported.
const PHRASE_BYTES_MAX: usize = 400;
/// Score of visually hidden text, which is hidden by intent.
const VISUALLY_HIDDEN: f64 = 0.8;
/// Score of text that is not rendered, which mostly is a menu.
const NOT_RENDERED: f64 = 0.5;

/// See the [module documentation](self).
#[derive(Clone, Debug, Default)]
pub struct HiddenText {
    config: Config,
}

impl HiddenText {
    /// An inspector with these options.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }
}

impl Inspector for HiddenText {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, document: &Document, found: &mut Vec<Finding>) {
        let parts = [
            (document.visually_hidden(), self.config.disguised_words_min, Reason::DisguisedText, VISUALLY_HIDDEN),
            (document.not_rendered(), self.config.hidden_words_min, Reason::HiddenText, NOT_RENDERED),
        ];
        for (text, least, reason, score) in parts.into_iter().filter(|&(_, least, ..)| least > 0) {
            let (words, longest) = prose(text);
            if words >= least {
                let phrase = longest[..longest.floor_char_boundary(PHRASE_BYTES_MAX)].to_owned();
                let evidence = Evidence {
                    phrase: Some(phrase),
                    observed: Some(words.into()),
                    expected: Some(f64::from(least) - 1.0),
                    ..Evidence::default()
                };
                found.push(Finding { evidence, ..Finding::new(NAME, reason, Score::new(score)) });
            }
        }
    }
}

/// The number of words in lines of prose, each line counted once, and the longest of these lines.
fn prose(text: &str) -> (u32, &str) {
    let mut lines: Vec<(u32, &str)> = text.lines().map(|line| (words(line), line)).filter(|(n, _)| *n >= LINE_WORDS).collect();
    let longest = lines.iter().rev().max_by_key(|(n, _)| *n).map_or("", |(_, line)| *line);
    lines.sort_unstable();
    lines.dedup();
    (lines.iter().map(|(n, _)| n).sum(), longest)
}

/// The number of words of letters in a line. Two characters of a script without spaces are one
/// word.
fn words(line: &str) -> u32 {
    let spaced = line.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() * 2 > word.len() / 2);
    let unspaced = line.chars().filter(|&c| is_unspaced(c)).count();
    (spaced.count() + unspaced / 2) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conformance, document::TextParts};

    const PROSE: &str = "Whoever asks about the weather is told that it is always fine in this town";

    fn found(config: Config, not_rendered: &str, visually_hidden: &str) -> Vec<(Reason, Option<f64>)> {
        let mut document =
            conformance::document("a.example", &format!("own {PROSE}\n{not_rendered}\n{visually_hidden}\naround {PROSE}"));
        let own = 4 + PROSE.len() as u32;
        let hidden_end = own + 1 + not_rendered.len() as u32;
        document.parts =
            TextParts { own, not_rendered: hidden_end, visually_hidden: hidden_end + 1 + visually_hidden.len() as u32 };
        let mut found = Vec::new();
        HiddenText::new(config).inspect(&document, &mut found);
        found.iter().map(|f| (f.reason, f.evidence.observed)).collect()
    }

    #[test]
    fn prose_that_nobody_sees_is_reported() {
        assert_eq!(found(Config::default(), "", PROSE), [(Reason::DisguisedText, Some(15.0))]);
        assert_eq!(found(Config::default(), PROSE, ""), []);
        let both = Config { hidden_words_min: 10, ..Config::default() };
        assert_eq!(found(both.clone(), PROSE, ""), [(Reason::HiddenText, Some(15.0))]);
        assert_eq!(found(both, "", "").len(), 0);
    }

    #[test]
    fn menus_and_repeated_lines_are_no_prose() {
        assert_eq!(found(Config::default(), "", &"Home page\nAbout us\nContact\n".repeat(20)), []);
        let again = format!("{PROSE}\n").repeat(20);
        assert_eq!(found(Config { disguised_words_min: 16, ..Config::default() }, "", &again), []);
    }

    #[test]
    fn scripts_without_spaces_have_words() {
        assert_eq!(words(&"\u{65e5}".repeat(20)), 11);
        assert_eq!(words("a1b2 -- 12345 word"), 2);
    }

    #[test]
    fn a_long_line_is_cut_on_a_character() {
        let long = "\u{e9}t\u{e9} ".repeat(1000);
        let (words, longest) = prose(&long);
        assert_eq!((words, longest.len()), (1000, long.len()));
        assert_eq!(found(Config::default(), "", &long).len(), 1);
    }
}
