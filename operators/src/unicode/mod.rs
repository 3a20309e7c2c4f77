//! Does a text hold characters that hide something: text that a reader does not see, or letters
//! that are not what they look like?
//!
//! **Finds**
//! * tag characters (U+E0000..E007F), except for the few in a flag emoji;
//! * runs of three invisible characters, or of two different ones, but of what their script has there
//!   (`orthography`);
//! * one invisible character between two letters of a script that does not have it there, of any
//!   script; and controls of the direction of text in words;
//! * variation selectors after a letter of a script without variants, or three in a row;
//! * words that mix two scripts whose letters look alike (`mixed_word`): two distinct ones that do so
//!   in their middle, or three or four that do so at an end.
//!
//! **Leaves alone** breaks and joiners where words or letters may part (Thai and its neighbours,
//! Persian, Indic scripts, German compounds, paths and addresses), soft hyphens, emoji joined by
//! zero-width joiners, a doubled invisible character (machine translation leaves those), formulas,
//! units, acronyms with an ending of another script, and words of several scripts that do not look
//! alike (`β-Carotin`). **Misses** words that are written in look-alikes alone, look-alikes within one
//! script, and U+200B between letters of Thai and of other scripts that part words by it.
//!
//! **Cost** nothing on ASCII texts, one pass of about 10 ns a character on others. **State** none.
//!
//! | file | question |
//! |---|---|
//! | `scan` | Where does a text hide something? |
//! | `orthography` | Which invisible characters does a script need, and where? |
//! | `mixed_word` | Is a word written with letters of another script that look like its own? |

mod mixed_word;
mod orthography;
mod scan;

use serde::{Deserialize, Serialize};

use crate::{
    config::OperatorConfig,
    document::Document,
    finding::{Evidence, Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
};
use scan::{Found, Hits};

/// `[operators.unicode]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Number of distinct words with look-alike letters in their middle from which on a text is
    /// suspicious; up to twice as many if the letters are at their ends. Default 2.
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

    fn words_read(&self) -> usize {
        0
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.mixed_words_min > 0 { Vec::new() } else { vec![("mixed_words_min", "got 0, expected at least 1".to_owned())] }
    }
}

/// The name of the inspector.
pub const NAME: &str = "unicode";
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
        let Found { tags, runs, zero_width, variations, bidi, words, words_weight } = scan::scan(text);
        let enough = words_weight >= mixed_word::INSIDE * self.config.mixed_words_min;
        // In the order in which they are reported, with their scores. Each is beyond dispute in running
        // text, but pages *about* Unicode give the later ones.
        let reasons = [
            (Reason::TagCharacters, 1.0, tags),
            (Reason::InvisibleRun, 0.95, runs),
            (Reason::ZeroWidthInWord, 0.9, zero_width),
            (Reason::VariationSelectors, 0.95, variations),
            (Reason::BidiInWord, 0.9, bidi),
            (Reason::MixedScriptWords, 0.9, if enough { words } else { Hits::default() }),
        ];
        for (reason, score, hits) in reasons.into_iter().filter(|(.., hits)| hits.count > 0) {
            let evidence = Evidence { spans: hits.spans, observed: Some(hits.count.into()), ..Evidence::default() };
            found.push(Finding { evidence, ..Finding::new(NAME, reason, Score::new(score)) });
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

#[cfg(test)]
mod attack_tests;
#[cfg(test)]
mod tests;
