//! Which texts does a page of HTML hold: main content, boilerplate, and what nobody sees?

use serde::{Deserialize, Serialize};

use super::{
    facts::PageFacts,
    layout::LayoutResult,
    main_content::{self, PageLine},
    reader::PageReader,
};
use crate::decoded::Reject;

/// A page that shows fewer bytes than this may be one whose text a script shows,
const SHOWN_BYTES_MIN: usize = 512;
/// and it is one, if at least this many bytes of it are not rendered.
const HIDDEN_BYTES_MIN: usize = 2048;

/// `input.html`: which lines of an HTML page make its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The main content, as the extractors of trainers keep it: no navigation, headers, footers,
    /// sidebars, lists of links.
    #[default]
    Main,
    /// Every line that a reader sees, as in WET records.
    All,
}

/// The texts of a page, and its facts.
#[derive(Debug, Default)]
pub(crate) struct Extract {
    /// The text of the page.
    pub text: String,
    /// The other lines that are shown.
    pub boilerplate: String,
    /// The text that is not rendered.
    pub not_rendered: String,
    /// The text that is visually hidden.
    pub visually_hidden: String,
    /// Bytes of the last two, kept or not.
    pub hidden_bytes: usize,
    /// The facts that the page states about itself.
    pub facts: PageFacts,
}

/// Extracts the texts of a page.
pub(crate) fn to_text(html: &str, keep: Keep) -> Result<Extract, Reject> {
    let (layout, facts) = PageReader::read(html)?;
    let LayoutResult { title, shown, lines, mut not_rendered, visually_hidden, hidden_bytes } = layout;
    let (mut text, boilerplate) = match keep {
        Keep::All => (shown, String::new()),
        Keep::Main => separate(&shown, &lines),
    };
    // A reader of such a page sees its text once the script has run.
    if text.len() + boilerplate.len() < SHOWN_BYTES_MIN && not_rendered.len() >= HIDDEN_BYTES_MIN {
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(&std::mem::take(&mut not_rendered));
    }
    let text = match (title.is_empty(), text.is_empty()) {
        (true, _) => text,
        (false, true) => title,
        (false, false) => format!("{title}\n{text}"),
    };
    Ok(Extract { text, boilerplate, not_rendered, visually_hidden, hidden_bytes, facts })
}

/// Separates the main content of a shown text from the boilerplate.
fn separate(shown: &str, lines: &[PageLine]) -> (String, String) {
    let main_content = main_content::main_content(shown, lines);
    let (mut text, mut boilerplate) = (String::with_capacity(shown.len()), String::new());
    let mut start = 0;
    for (line, is_main_content) in lines.iter().zip(main_content) {
        let into = if is_main_content { &mut text } else { &mut boilerplate };
        into.push_str(&shown[start..line.end as usize]);
        into.push('\n');
        start = line.end as usize + 1;
    }
    for text in [&mut text, &mut boilerplate] {
        text.truncate(text.trim_end_matches('\n').len());
    }
    (text, boilerplate)
}
