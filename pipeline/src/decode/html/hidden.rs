//! Whether an inline style hides an element.
//!
//! Knows `display: none`, `visibility: hidden` and `collapse`, and a `font-size` of zero. Misses CSS escapes and what
//! style sheets say.

use std::borrow::Cow;

/// Bytes of a style that are read.
const STYLE_BYTES_MAX: usize = 4 << 10;

/// Whether the value of a `style` attribute hides its element.
pub(super) fn by_style(style: &str) -> bool {
    let end = (0..=style.len().min(STYLE_BYTES_MAX)).rev().find(|&end| style.is_char_boundary(end)).unwrap_or(0);
    let style = without_comments(htmlize::unescape_attribute(&style[..end]));
    style.split(';').filter_map(|declaration| declaration.split_once(':')).any(|(property, value)| {
        let value = value.split('!').next().unwrap_or_default().trim().to_ascii_lowercase();
        match property.trim().to_ascii_lowercase().as_str() {
            "display" => value == "none",
            "visibility" => matches!(value.as_str(), "hidden" | "collapse"),
            "font-size" => is_zero(&value),
            _ => false,
        }
    })
}

fn without_comments(style: Cow<'_, str>) -> Cow<'_, str> {
    if !style.contains("/*") {
        return style;
    }
    let mut rest = &*style;
    let mut kept = String::with_capacity(style.len());
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// Whether a length is zero in whatever unit.
fn is_zero(length: &str) -> bool {
    let unit_at = length.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(length.len());
    let (number, unit) = length.split_at(unit_at);
    number.parse() == Ok(0.0) && unit.chars().all(|c| c.is_ascii_alphabetic() || c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_hides() {
        for (style, want) in [
            ("display:none", true),
            ("color: red; DISPLAY : None !important;", true),
            ("display:none!important", true),
            ("display/* */:/* x */none", true),
            ("display&colon;none", true),
            ("visibility:hidden", true),
            ("visibility: collapse", true),
            ("font-size:0", true),
            ("font-size: 0.0em", true),
            ("font-size: .0px", true),
            ("font-size:0%", true),
            ("font-size:10px", false),
            ("font-size:0.8em", false),
            ("font-size:", false),
            ("font-size:px", false),
            ("display:block", false),
            ("x-display:none", false),
            ("background:url(display:none)", false),
            ("/* display:none", false),
            ("", false),
        ] {
            assert_eq!(by_style(style), want, "{style}");
        }
    }
}
