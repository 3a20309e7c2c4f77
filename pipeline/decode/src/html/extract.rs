//! Which texts does a page of HTML hold: main content, boilerplate, and what nobody sees?

use serde::{Deserialize, Serialize};

use super::{
    facts::Facts,
    layout::Laid,
    lines::{self, Line},
    reader::Reader,
};
use crate::decoded::Reject;

/// Bytes shown below which a page may be one that shows its text by a script,
const SHOWN_BYTES_MIN: usize = 512;
/// and bytes hidden from which it is.
const HIDDEN_BYTES_MIN: usize = 2048;

/// `input.html`: which lines of an HTML page make its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Its matter: no navigation, headers, footers, sidebars, lists of links. What trainers' extractors keep.
    #[default]
    Main,
    /// Every line that a reader sees, as WET records have it.
    All,
}

/// What a page holds.
#[derive(Debug, Default)]
pub(crate) struct Extract {
    /// Its text.
    pub text: String,
    /// What is shown around it.
    pub around: String,
    /// What is not rendered.
    pub hidden: String,
    /// What is rendered so that nobody sees it.
    pub disguised: String,
    /// Bytes of the last two, also of what was too long to keep.
    pub hidden_bytes: usize,
    /// What it says of itself.
    pub facts: Facts,
}

/// Extracts the text of a page.
pub(crate) fn to_text(html: &str, keep: Keep) -> Result<Extract, Reject> {
    let (laid, facts) = Reader::read(html)?;
    let Laid { title, shown, lines, mut hidden, disguised, hidden_bytes } = laid;
    let (mut text, around) = match keep {
        Keep::All => (shown, String::new()),
        Keep::Main => separate(&shown, &lines),
    };
    // Whoever reads such a page sees it once its script has run.
    if text.len() + around.len() < SHOWN_BYTES_MIN && hidden.len() >= HIDDEN_BYTES_MIN {
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(&std::mem::take(&mut hidden));
    }
    let text = match (title.is_empty(), text.is_empty()) {
        (true, _) => text,
        (false, true) => title,
        (false, false) => format!("{title}\n{text}"),
    };
    Ok(Extract { text, around, hidden, disguised, hidden_bytes, facts })
}

/// The matter of a text, and what is around it.
fn separate(shown: &str, lines: &[Line]) -> (String, String) {
    let matter = lines::matter(shown, lines);
    let (mut text, mut around) = (String::with_capacity(shown.len()), String::new());
    let mut start = 0;
    for (line, is_matter) in lines.iter().zip(matter) {
        let into = if is_matter { &mut text } else { &mut around };
        into.push_str(&shown[start..line.end as usize]);
        into.push('\n');
        start = line.end as usize + 1;
    }
    for text in [&mut text, &mut around] {
        text.truncate(text.trim_end_matches('\n').len());
    }
    (text, around)
}
