//! HTML to the text a trainer would see, and what stands beside it.
//!
//! | text | holds |
//! |---|---|
//! | [`Extract::text`] | the title, then the page's matter ([`lines`]), or every line that is shown: `input.html` |
//! | [`Extract::around`] | the other lines that are shown: navigation, headers, footers, sidebars |
//! | [`Extract::hidden`] | what is not rendered: `display: none` and its like, `hidden`, `<template>`, `<noscript>`, prose in comments |
//! | [`Extract::disguised`] | what is rendered so that nobody sees it: tiny, off the page, in the colour of its background |
//!
//! A page that shows next to nothing and hides a text is one that waits for a script: what it hides is its text.
//!
//! Blocks, list items and table rows stand on lines of their own, cells are separated by tabs, white space is collapsed but in
//! `<pre>`, character references are decoded, readings (`<rt>`) follow their base in parentheses. Text stays in the order in which it is
//! written, whatever its direction. Scripts, styles, embedded content, fallbacks and alternative texts are left out.
//!
//! **Misses** what linked style sheets, rules on several elements ([`sheet`]) and scripts hide or add; text under a picture.
//! **Cost** two passes of the tokenizer, the first for style rules. **State** the open elements. **Limits** [`stack::DEPTH_MAX`], and those
//! beside each part; no recursion.

mod colour;
mod element;
mod facts;
mod layout;
mod lines;
mod place;
mod reader;
mod sheet;
mod stack;
mod style;
mod token;

use serde::{Deserialize, Serialize};

pub(super) use self::facts::Facts;
use self::{layout::Laid, lines::Line, reader::Reader};
use super::Reject;

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
pub(super) struct Extract {
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
pub(super) fn to_text(html: &str, keep: Keep) -> Result<Extract, Reject> {
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

#[cfg(test)]
mod tests;
