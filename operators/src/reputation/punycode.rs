//! Labels of host names in ASCII (RFC 3492), so that both spellings of an internationalised name are one publisher.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
/// A label has at most 63 characters; the encoding below is quadratic in them.
const CHARS_MAX: usize = 63;

/// The label in ASCII; `None` if it is too long.
pub(super) fn label(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_owned());
    }
    let points: Vec<u32> = label.chars().take(CHARS_MAX + 1).map(u32::from).collect();
    if points.len() > CHARS_MAX {
        return None;
    }
    let mut out = String::from("xn--");
    out.extend(label.chars().filter(char::is_ascii));
    let basic = (out.len() - 4) as u32;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    while (handled as usize) < points.len() {
        let next = points.iter().copied().filter(|&p| p >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for &point in &points {
            if point < n {
                delta += 1;
            } else if point == n {
                push_number(&mut out, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Some(out)
}

fn push_number(out: &mut String, mut number: u32, bias: u32) {
    let digit = |d: u32| {
        char::from_digit(d, BASE).map(|_| if d < 26 { (b'a' + d as u8) as char } else { (b'0' + (d - 26) as u8) as char })
    };
    let mut k = BASE;
    loop {
        let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if number < t {
            out.extend(digit(number));
            return;
        }
        out.extend(digit(t + (number - t) % (BASE - t)));
        number = (number - t) / (BASE - t);
        k += BASE;
    }
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples of RFC 3492, section 7.1, and names in use.
    #[test]
    fn encodes() {
        for (text, want) in [
            ("b\u{fc}cher", "xn--bcher-kva"),
            ("m\u{fc}nchen", "xn--mnchen-3ya"),
            ("\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8bf4}\u{4e2d}\u{6587}", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("\u{440}\u{444}", "xn--p1ai"),
            ("\u{4f8b}\u{5b50}", "xn--fsqu00a"),
            ("plain", "plain"),
        ] {
            assert_eq!(label(text).as_deref(), Some(want));
        }
        assert_eq!(label(&"\u{fc}".repeat(64)), None);
    }
}
