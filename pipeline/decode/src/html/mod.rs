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
mod extract;
mod facts;
mod layout;
mod lines;
mod place;
mod reader;
mod sheet;
mod stack;
mod style;
mod token;

pub use self::extract::Keep;
pub(crate) use self::extract::{Extract, to_text};

#[cfg(test)]
mod tests;
