//! Which colour does a value of CSS or of an old `color` attribute name?
//!
//! Hexadecimal values, `rgb()` and the basic names are known, which pages in the wild hide text
//! with. All others (`hsl()`, variables, gradients) are unknown, and an unknown colour equals no
//! colour.

/// A colour, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Colour {
    /// It is not known.
    #[default]
    Unknown,
    /// Transparent: nothing is painted.
    Clear,
    /// Red, green and blue.
    Rgb(u32),
}

/// The basic colours of CSS 2.
const NAMES: [(&str, u32); 17] = [
    ("aqua", 0x00_ff_ff),
    ("black", 0),
    ("blue", 0x00_00_ff),
    ("fuchsia", 0xff_00_ff),
    ("gray", 0x80_80_80),
    ("green", 0x00_80_00),
    ("grey", 0x80_80_80),
    ("lime", 0x00_ff_00),
    ("maroon", 0x80_00_00),
    ("navy", 0x00_00_80),
    ("olive", 0x80_80_00),
    ("purple", 0x80_00_80),
    ("red", 0xff_00_00),
    ("silver", 0xc0_c0_c0),
    ("teal", 0x00_80_80),
    ("white", 0xff_ff_ff),
    ("yellow", 0xff_ff_00),
];

/// Nobody sees a difference of so much in one channel.
const UNSEEN: u32 = 8;

impl Colour {
    /// Returns the colour that a value in lower case names.
    pub(super) fn of(value: &str) -> Self {
        let value = value.trim();
        if value == "transparent" {
            return Self::Clear;
        }
        if let Some(digits) = value.strip_prefix('#') {
            return hexadecimal(digits);
        }
        if let Some(inner) = value.strip_prefix("rgba(").or_else(|| value.strip_prefix("rgb(")).and_then(|v| v.strip_suffix(')'))
        {
            return channels(inner).unwrap_or_default();
        }
        NAMES.iter().find(|(name, _)| *name == value).map_or(Self::Unknown, |&(_, rgb)| Self::Rgb(rgb))
    }

    /// Whether text of this colour cannot be told from its background.
    pub(super) fn is_unseen_on(self, background: Self) -> bool {
        match (self, background) {
            (Self::Clear, _) => true,
            (Self::Rgb(a), Self::Rgb(b)) => {
                [0, 8, 16].into_iter().all(|shift| ((a >> shift) & 0xff).abs_diff((b >> shift) & 0xff) <= UNSEEN)
            }
            _ => false,
        }
    }
}

fn hexadecimal(digits: &str) -> Colour {
    let Ok(number) = u32::from_str_radix(digits, 16) else { return Colour::Unknown };
    let doubled = |n: u32| (((n >> 8) & 0xf) * 0x11_00_00) | (((n >> 4) & 0xf) * 0x11_00) | ((n & 0xf) * 0x11);
    match digits.len() {
        3 => Colour::Rgb(doubled(number)),
        4 if number.is_multiple_of(0x10) => Colour::Clear,
        4 => Colour::Rgb(doubled(number >> 4)),
        6 => Colour::Rgb(number),
        8 if number.is_multiple_of(0x100) => Colour::Clear,
        8 => Colour::Rgb(number >> 8),
        _ => Colour::Unknown,
    }
}

/// Parses the inside of `rgb()`: numbers between commas or spaces, and an opacity.
fn channels(inner: &str) -> Option<Colour> {
    let mut parts = inner.split([',', ' ', '/']).filter(|part| !part.is_empty());
    let mut rgb = 0;
    for _ in 0..3 {
        rgb = (rgb << 8) | u32::from(parts.next()?.parse::<u8>().ok()?);
    }
    let clear = parts.next().is_some_and(|alpha| alpha.trim_end_matches('%').parse() == Ok(0.0));
    Some(if clear { Colour::Clear } else { Colour::Rgb(rgb) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_name_colours() {
        for (value, want) in [
            ("#fff", Colour::Rgb(0xff_ff_ff)),
            ("#1a2b3c", Colour::Rgb(0x1a_2b_3c)),
            ("#1a2b3c00", Colour::Clear),
            ("#abcf", Colour::Rgb(0xaa_bb_cc)),
            ("rgb(1, 2,3)", Colour::Rgb(0x01_02_03)),
            ("rgba(1,2,3,0)", Colour::Clear),
            ("rgb(1 2 3 / 0%)", Colour::Clear),
            ("rgba(1,2,3,.5)", Colour::Rgb(0x01_02_03)),
            (" white ", Colour::Rgb(0xff_ff_ff)),
            ("transparent", Colour::Clear),
            ("#ff", Colour::Unknown),
            ("#\u{e9}\u{e9}\u{e9}", Colour::Unknown),
            ("rgb(1,2)", Colour::Unknown),
            ("var(--x)", Colour::Unknown),
            ("", Colour::Unknown),
        ] {
            assert_eq!(Colour::of(value), want, "{value}");
        }
    }

    #[test]
    fn only_known_colours_hide() {
        let white = Colour::of("white");
        assert!(white.is_unseen_on(Colour::of("#fefefe")));
        assert!(!white.is_unseen_on(Colour::of("#eeeeee")));
        assert!(!white.is_unseen_on(Colour::Unknown) && !Colour::Unknown.is_unseen_on(white));
        assert!(Colour::Clear.is_unseen_on(Colour::Unknown));
    }
}
