//! Which declarations of CSS keep a reader from seeing text?
//!
//! | text is not rendered | text is rendered, and visually hidden |
//! |---|---|
//! | `display: none`, `visibility: hidden`, `opacity: 0` without movement | `font-size` below 2 px, colour of the background, no colour |
//! | no height or width and `overflow: hidden`, `clip` to nothing | `text-indent` or a place far off the page |
//!
//! Pages use the left column for menus, tabs and dialogs. They hardly ever need the right one.
//! **Misses** CSS escapes, variables, `!important` against what is closer to the element,
//! shorthands of several properties but `background`.

use std::borrow::Cow;

use super::colour::Colour;

/// Bytes of a style that are read; the rest is ignored.
const STYLE_BYTES_MAX: usize = 4 << 10;
/// Text that is moved this far is off the page, in pixels.
const FAR_PX: f32 = 500.0;
/// Nobody sees text smaller than this, in pixels.
const TINY_PX: f32 = 2.0;

/// The declarations that bear on whether text is seen. `None` stands for a property that is not
/// declared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Declarations {
    display_none: Option<bool>,
    clear: Option<bool>,
    moving: Option<bool>,
    no_size: Option<bool>,
    cut: Option<bool>,
    clipped: Option<bool>,
    placed: Option<bool>,
    far: Option<bool>,
    /// `visibility`, which children may change.
    pub invisible: Option<bool>,
    /// Whether `font-size` is tiny, which children may change. A relative size declares nothing:
    /// what is tiny stays tiny.
    pub tiny: Option<bool>,
    /// `text-indent`.
    pub indented: Option<bool>,
    /// `color`.
    pub colour: Option<Colour>,
    /// `background`.
    pub background: Option<Colour>,
}

impl Declarations {
    /// Parses the value of a `style` attribute, or the body of a rule.
    pub(super) fn of(style: &str) -> Self {
        let end = style.floor_char_boundary(STYLE_BYTES_MAX);
        let style = &style[..end];
        let style = if style.contains('&') { htmlize::unescape_attribute(style) } else { Cow::Borrowed(style) };
        let style = without_comments(style);
        let mut declared = Self::default();
        for (property, value) in style.split(';').filter_map(|declaration| declaration.split_once(':')) {
            declared.take(property.trim(), value);
        }
        declared
    }

    /// Whether nothing is declared that bears on visibility.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns these declarations, overridden by those that are closer to the element.
    pub(super) fn overlaid(self, closer: Self) -> Self {
        Self {
            display_none: closer.display_none.or(self.display_none),
            clear: closer.clear.or(self.clear),
            moving: closer.moving.or(self.moving),
            no_size: closer.no_size.or(self.no_size),
            cut: closer.cut.or(self.cut),
            clipped: closer.clipped.or(self.clipped),
            placed: closer.placed.or(self.placed),
            far: closer.far.or(self.far),
            invisible: closer.invisible.or(self.invisible),
            tiny: closer.tiny.or(self.tiny),
            indented: closer.indented.or(self.indented),
            colour: closer.colour.or(self.colour),
            background: closer.background.or(self.background),
        }
    }

    /// Whether the element and everything in it is not rendered.
    pub(super) fn hides(&self) -> bool {
        let is = |declared: Option<bool>| declared == Some(true);
        // An element that moves or fades is about to appear: frameworks send whole pages in this way.
        is(self.display_none)
            || is(self.clear) && !is(self.moving)
            || is(self.no_size) && is(self.cut)
            || is(self.clipped) && is(self.placed)
    }

    /// Whether the element stands off the page.
    pub(super) fn is_off_page(&self) -> bool {
        self.far == Some(true) && self.placed == Some(true)
    }

    /// Takes one declaration.
    fn take(&mut self, property: &str, value: &str) {
        let mut lower = [0; 32];
        let Some(name) = lower.get_mut(..property.len()) else { return };
        name.copy_from_slice(property.as_bytes());
        name.make_ascii_lowercase();
        let value = || value.split('!').next().unwrap_or_default().trim().to_ascii_lowercase();
        match &*name {
            b"display" => self.display_none = Some(value() == "none"),
            b"visibility" => self.invisible = Some(matches!(value().as_str(), "hidden" | "collapse")),
            b"opacity" => self.clear = Some(value().trim_end_matches('%').parse() == Ok(0.0)),
            b"transform" | b"transition" | b"animation" | b"animation-name" | b"will-change" => self.moving = Some(true),
            b"height" | b"width" | b"max-height" | b"max-width" => {
                self.no_size = Some(self.no_size == Some(true) || pixels(&value()).is_some_and(|px| px.abs() <= 1.0));
            }
            b"overflow" | b"overflow-x" | b"overflow-y" => self.cut = Some(matches!(value().as_str(), "hidden" | "clip")),
            b"clip" | b"clip-path" => self.clipped = Some(clips(&value())),
            b"position" => self.placed = Some(matches!(value().as_str(), "absolute" | "fixed")),
            b"left" | b"right" | b"top" | b"bottom" | b"margin-left" | b"margin-top" => {
                self.far = Some(self.far == Some(true) || pixels(&value()).is_some_and(|px| px <= -FAR_PX));
            }
            b"text-indent" => self.indented = Some(pixels(&value()).is_some_and(|px| px.abs() >= FAR_PX)),
            b"font-size" => self.tiny = size(&value()).or(self.tiny),
            b"color" => self.colour = Some(Colour::of(&value())),
            b"background-color" => self.background = Some(Colour::of(&value())),
            b"background" => self.background = Some(background(&value())),
            // Nobody knows which colours an image has.
            b"background-image" if value() != "none" => self.background = Some(Colour::Unknown),
            _ => {}
        }
    }
}

/// Returns the colour of a `background` that is one colour and nothing else.
fn background(value: &str) -> Colour {
    if value == "none" { Colour::Clear } else { Colour::of(value) }
}

/// Returns a length in pixels, roughly: it need only tell far and tiny from ordinary.
fn pixels(value: &str) -> Option<f32> {
    let unit_at = value.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let number: f32 = number.parse().ok()?;
    let scale = match unit.trim() {
        "" | "px" => 1.0,
        "em" | "rem" | "ch" | "ex" | "pc" => 16.0,
        "%" | "vw" | "vh" => 8.0,
        "pt" => 1.33,
        "in" => 96.0,
        "cm" => 38.0,
        "mm" => 3.8,
        _ => return None,
    };
    Some(number * scale)
}

/// Whether a font size is tiny; `None` for a size that depends on that of the parent.
fn size(value: &str) -> Option<bool> {
    let px = pixels(value)?;
    let relative = value.ends_with('%') || value.ends_with("em") && !value.ends_with("rem");
    if relative && px > 0.0 { None } else { Some(px.abs() < TINY_PX) }
}

/// Whether a clip leaves nothing to see.
fn clips(value: &str) -> bool {
    let inner = |name: &str| value.strip_prefix(name).and_then(|v| v.strip_suffix(')'));
    if let Some(inner) = inner("rect(") {
        return inner
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .all(|part| pixels(part).is_some_and(|px| px.abs() <= 1.0));
    }
    inner("inset(").and_then(|inner| pixels(inner.split(' ').next()?)).is_some_and(|px| px >= 400.0)
        || inner("circle(").is_some_and(|inner| pixels(inner.trim()) == Some(0.0))
}

/// Returns a style without its comments.
pub(super) fn without_comments(style: Cow<'_, str>) -> Cow<'_, str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Seen {
        Yes,
        Gone,
        Invisible,
        Tiny,
        Away,
        Indented,
    }

    fn seen(style: &str) -> Seen {
        let declared = Declarations::of(style);
        match () {
            () if declared.hides() => Seen::Gone,
            () if declared.invisible == Some(true) => Seen::Invisible,
            () if declared.tiny == Some(true) => Seen::Tiny,
            () if declared.is_off_page() => Seen::Away,
            () if declared.indented == Some(true) => Seen::Indented,
            () => Seen::Yes,
        }
    }

    #[test]
    fn knows_what_hides() {
        for (style, want) in [
            ("display:none", Seen::Gone),
            ("color: red; DISPLAY : None !important;", Seen::Gone),
            ("display:none!important", Seen::Gone),
            ("display/* */:/* x */none", Seen::Gone),
            ("display&colon;none", Seen::Gone),
            ("opacity:0", Seen::Gone),
            ("opacity:0%;top:0", Seen::Gone),
            ("height:0;overflow:hidden", Seen::Gone),
            ("position:absolute;width:1px;height:1px;overflow:hidden", Seen::Gone),
            ("position:absolute;clip:rect(0 0 0 0)", Seen::Gone),
            ("position:absolute;clip-path: inset(50%)", Seen::Gone),
            ("visibility:hidden", Seen::Invisible),
            ("visibility: collapse", Seen::Invisible),
            ("font-size:0", Seen::Tiny),
            ("font-size: 0.0em", Seen::Tiny),
            ("font-size: .0px", Seen::Tiny),
            ("font-size:0%", Seen::Tiny),
            ("font-size:1px", Seen::Tiny),
            ("position:absolute;left:-9999px", Seen::Away),
            ("position:fixed;top:-100em", Seen::Away),
            ("text-indent:-9999px", Seen::Indented),
            ("text-indent:-999em", Seen::Indented),
        ] {
            assert_eq!(seen(style), want, "{style}");
        }
    }

    #[test]
    fn and_what_does_not() {
        for style in [
            "font-size:10px",
            "font-size:0.8em",
            "font-size:.01em",
            "font-size:",
            "font-size:px",
            "display:block",
            "x-display:none",
            "background:url(display:none)",
            "/* display:none",
            "opacity:0;transform:translateY(20px)",
            "opacity:.5",
            "height:0",
            "height:100px;overflow:hidden",
            "left:-9999px",
            "position:absolute;left:-10px",
            "clip:rect(0,10px,10px,0);position:absolute",
            "text-indent:2em",
            "",
            ":;:;;",
            "display:none;display:block",
        ] {
            assert_eq!(seen(style), Seen::Yes, "{style}");
        }
    }

    #[test]
    fn what_is_closer_wins() {
        let far = Declarations::of("display:none;color:#fff");
        let both = far.overlaid(Declarations::of("display:block"));
        assert!(!both.hides() && both.colour == Some(Colour::of("#fff")));
        assert!(Declarations::of("margin:3px").is_empty());
    }

    #[test]
    fn a_long_style_is_read_in_part() {
        let style = format!("{}display:none", "\u{e9}:x;".repeat(2000));
        assert!(!Declarations::of(&style).hides());
    }
}
