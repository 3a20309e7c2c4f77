//! Which text of a page of HTML would a trainer see, and which other texts does the page hold?
//!
//! | text | holds |
//! |---|---|
//! | [`Extract::text`] | the title, then the main content ([`main_content`]) or every line that is shown: `input.html` |
//! | [`Extract::boilerplate`] | the other lines that are shown: navigation, headers, footers, sidebars |
//! | [`Extract::not_rendered`] | text under `display: none` and its like, `hidden`, `<template>`, `<noscript>`, and prose in comments |
//! | [`Extract::visually_hidden`] | text that is rendered so that nobody sees it: tiny, off the page, in the colour of its background |
//!
//! A page that shows next to nothing and does not render a text waits for a script: that text is
//! then its text.
//!
//! Blocks, list items and table rows stand on lines of their own, and tabs separate cells. White
//! space is collapsed, but not in `<pre>`. Character references are decoded. A reading (`<rt>`)
//! follows its base text in parentheses. Text stays in the order in which it is written, whatever
//! its direction. Scripts, styles, embedded content, fallbacks and alternative texts are left out.
//!
//! **Misses** what linked style sheets, rules on several elements ([`sheet`]) and scripts hide or
//! add; text under a picture. **Cost** two passes of the tokenizer, the first one for style rules.
//! **State** the open elements.
//! **Limits** [`stack::DEPTH_MAX`], and those of each part; nothing recurses.

mod colour;
mod effect;
mod element;
mod extract;
mod facts;
mod layout;
mod main_content;
mod page_rules;
mod reader;
mod region;
mod sheet;
mod stack;
mod style;
mod token;

pub use self::extract::Keep;
pub(crate) use self::extract::{Extract, to_text};

#[cfg(test)]
mod tests;
