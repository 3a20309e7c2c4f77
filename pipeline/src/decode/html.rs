//! HTML to the text a trainer would see.
//!
//! The title comes first; blocks, list items and table rows stand on lines of their own, cells are separated by tabs, white
//! space is collapsed but in `<pre>`, character references are decoded. Scripts, styles, embedded content, fallbacks,
//! comments and alternative texts are left out. Text that a browser would not show (`hidden`, `display: none`,
//! `visibility: hidden`, `font-size: 0`, `<template>`) is left out and counted: it is evidence.
//!
//! **Misses** what style sheets and scripts hide or add, and children that make themselves visible again.
//! **Cost** one pass of a streaming parser. **State** the open elements. **Limits** [`PARSER_BYTES_MAX`]; no recursion.

mod element;
mod hidden;
mod layout;

use std::{cell::RefCell, rc::Rc};

use lol_html::{
    HtmlRewriter, MemorySettings, RewriteStrSettings, Settings, doc_text, element, errors::RewritingError, html_content::Element,
};

use self::{element::Kind, layout::Layout};
use super::Reject;

/// Memory of the parser for its stack and for tags that are still open: far more than a page that a browser can lay out.
const PARSER_BYTES_MAX: usize = 16 << 20;

/// The text of a page.
pub(super) struct Extract {
    /// What a browser would show.
    pub text: String,
    /// Bytes of what it would not.
    pub hidden_bytes: usize,
}

/// Extracts the text of a page.
pub(super) fn to_text(html: &str) -> Result<Extract, Reject> {
    let layout = Rc::new(RefCell::new(Layout::new(html.len())));
    parse(html, &layout).map_err(|error| match error {
        RewritingError::MemoryLimitExceeded(_) => Reject::new(
            "html_too_complex",
            format!("got {} bytes of HTML that take the parser more than {PARSER_BYTES_MAX} bytes", html.len()),
        ),
        error => Reject::new("html_invalid", format!("got HTML that cannot be parsed: {error}")),
    })?;
    Ok(layout.take().finish())
}

fn parse(html: &str, layout: &Rc<RefCell<Layout>>) -> Result<(), RewritingError> {
    let settings = Settings::from(RewriteStrSettings::new());
    let settings = settings
        .with_strict(false)
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(PARSER_BYTES_MAX))
        .append_element_content_handler(element!("*", |element| {
            open(element, layout);
            Ok(())
        }))
        .append_document_content_handler(doc_text!(|chunk| {
            let references = chunk.text_type().allows_html_entities();
            layout.borrow_mut().text(chunk.as_str(), chunk.last_in_text_node(), references);
            Ok(())
        }));
    let mut parser = HtmlRewriter::new(settings, |_: &[u8]| {});
    parser.write(html.as_bytes())?;
    parser.end()
}

/// Takes note of a start tag, and sees to it that its end is noted.
fn open(element: &mut Element<'_, '_>, layout: &Rc<RefCell<Layout>>) {
    let kind = Kind::of(&element.tag_name());
    let hides = !element.attributes().is_empty()
        && (element.has_attribute("hidden") || element.get_attribute("style").is_some_and(|style| hidden::by_style(&style)));
    let opened = layout.borrow_mut().open(kind, hides, element.can_have_content());
    if let (Some(id), Some(handlers)) = (opened, element.end_tag_handlers()) {
        let layout = Rc::clone(layout);
        handlers.push(Box::new(move |_| {
            layout.borrow_mut().close(id);
            Ok(())
        }));
    }
}

#[cfg(test)]
mod tests;
