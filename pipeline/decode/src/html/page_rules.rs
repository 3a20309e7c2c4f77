//! Which style rules does a page have?

use super::{
    facts::find,
    sheet::StyleSheet,
    token::{Attribute, HtmlToken, HtmlTokens},
};

/// Reads the rules of all style elements of a page. They hold for elements before them, too.
pub(super) fn rules_of(html: &str) -> StyleSheet {
    let mut sheet = StyleSheet::default();
    let mut tokens = HtmlTokens::new(html);
    let (mut in_style, mut in_noscript) = (false, false);
    while let Some(token) = tokens.next() {
        match token {
            HtmlToken::Start { name, .. } => {
                in_style = name.eq_ignore_ascii_case("style") && is_for_screens(tokens.attributes());
                in_noscript |= name.eq_ignore_ascii_case("noscript");
            }
            HtmlToken::Text(text) if in_style && !in_noscript => sheet.take(text.source),
            HtmlToken::End { name } => {
                in_style = false;
                in_noscript &= !name.eq_ignore_ascii_case("noscript");
            }
            HtmlToken::Text(_) | HtmlToken::Comment(_) => {}
        }
    }
    sheet
}

/// Whether a style element holds for screens.
fn is_for_screens(attributes: &[Attribute<'_>]) -> bool {
    let media = find(attributes, "media").unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media.as_str(), "" | "all" | "screen" | "only screen")
}
