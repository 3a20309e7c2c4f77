//! What must the tokenizer know of a character? How it takes part in splitting a text, and its form.
//!
//! **State** a table of 786 KB for the basic multilingual plane, made in some 30 ms when the first
//! text comes that is not in ASCII. Ordinary text touches a few pages of it. Other characters are
//! looked up in the data of the crates behind it.

use std::sync::LazyLock;

use script::{ends_sentence, is_unspaced};
use unicode_normalization::{
    IsNormalized,
    char::{canonical_combining_class, is_combining_mark},
    is_nfkc_quick,
};
use unicode_script::{Script, UnicodeScript};

use super::form::{self, is_invisible};

/// How a character takes part in splitting a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharClass {
    /// White space and controls, and the tsheg between Tibetan syllables.
    Space,
    /// A line feed.
    Break,
    /// A letter of a script with spaces.
    Letter,
    /// A digit or another numeral.
    Digit,
    /// `_`
    Underscore,
    /// A mark on the letter before it.
    Combining,
    /// A letter of a script without spaces.
    Unspaced,
    /// It shows nothing.
    Invisible,
    /// It ends a sentence.
    Stop,
    /// Another visible character.
    Symbol,
}

/// What is known of one character.
#[derive(Clone, Copy, Debug)]
pub struct Character {
    /// Its own form, with its case; right only if it is simple.
    pub seen: char,
    /// The same, as words are compared; right only if it is simple.
    pub matching: char,
    /// Its canonical combining class (UAX 44).
    pub combining: u8,
    /// How it splits a text.
    pub class: CharClass,
    /// A bit for its script, as far as scripts are mistaken for each other.
    pub script: u8,
    /// Whether its form is one character that depends on no other one.
    pub is_simple: bool,
}

/// The bits of [`Character::script`]: of no script, Latin, Cyrillic, Greek, others.
const SCRIPT_NONE: u8 = 0;
const SCRIPT_LATIN: u8 = 1;
const SCRIPT_CYRILLIC: u8 = 2;
const SCRIPT_GREEK: u8 = 4;
const SCRIPT_OTHER: u8 = 8;

const TSHEGS: [char; 2] = ['\u{f0b}', '\u{f0c}'];

/// What is known of a character.
#[inline]
#[must_use]
pub fn character(c: char) -> Character {
    static TABLE: LazyLock<Vec<Character>> = LazyLock::new(|| {
        // Surrogates are no characters; their places are never asked for.
        (0..=0xffff).map(|code| look_up(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))).collect()
    });
    TABLE.get(c as usize).copied().unwrap_or_else(|| look_up(c))
}

fn look_up(c: char) -> Character {
    let class = class_of(c);
    let mut known = Character {
        seen: c,
        matching: c,
        combining: canonical_combining_class(c),
        class,
        script: script_bit(c),
        is_simple: true,
    };
    if matches!(class, CharClass::Space | CharClass::Break | CharClass::Invisible) {
        return known;
    }
    // Ideographs and Hangul are their own form: most of the plane.
    if matches!(c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}') {
        return known;
    }
    let mut buffer = [0; 4];
    let text: &str = c.encode_utf8(&mut buffer);
    let (mut seen, mut matching) = (String::new(), String::new());
    form::seen(text, &mut seen);
    form::matching(text, &mut matching);
    match (only(&seen), only(&matching)) {
        (Some(seen), Some(matching)) => {
            (known.seen, known.matching) = (seen, matching);
            known.is_simple = !depends_on_others(c, seen);
        }
        _ => known.is_simple = false,
    }
    known
}

/// Appends what a reader sees of a text, as [`form::seen`] does, but fast where all characters are
/// simple.
pub fn push_seen(text: &str, out: &mut String) {
    if text.is_ascii() {
        return out.push_str(text);
    }
    let before = out.len();
    let mut combining = 0;
    for known in text.chars().map(character).filter(|known| known.class != CharClass::Invisible) {
        if !known.is_simple || (known.combining != 0 && combining > known.combining) {
            out.truncate(before);
            return form::seen(text, out);
        }
        combining = known.combining;
        out.push(known.seen);
    }
}

/// Whether the form of a text with this character is more than the forms of its characters; its own
/// form is `seen`.
fn depends_on_others(c: char, seen: char) -> bool {
    let composes = |c: char| is_nfkc_quick(std::iter::once(c)) == IsNormalized::Maybe;
    composes(c)
        || composes(seen)
        || (seen != c && canonical_combining_class(seen) != 0)
        || matches!(c, '々' | '〻' | 'ゝ' | 'ゞ' | 'ヽ' | 'ヾ' | '\u{e4d}' | '\u{ecd}')
}

fn only(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

fn class_of(c: char) -> CharClass {
    match c {
        '\n' => return CharClass::Break,
        '_' => return CharClass::Underscore,
        _ if TSHEGS.contains(&c) => return CharClass::Space,
        _ => {}
    }
    if is_invisible(c) {
        CharClass::Invisible
    } else if is_unspaced(c) {
        if is_combining_mark(c) { CharClass::Combining } else { CharClass::Unspaced }
    } else if c.is_alphabetic() {
        CharClass::Letter
    } else if c.is_numeric() {
        CharClass::Digit
    } else if is_combining_mark(c) {
        CharClass::Combining
    } else if c.is_whitespace() || c.is_control() {
        CharClass::Space
    } else if ends_sentence(c) {
        CharClass::Stop
    } else {
        CharClass::Symbol
    }
}

fn script_bit(c: char) -> u8 {
    match c.script() {
        Script::Common | Script::Inherited => SCRIPT_NONE,
        Script::Latin => SCRIPT_LATIN,
        Script::Cyrillic => SCRIPT_CYRILLIC,
        Script::Greek => SCRIPT_GREEK,
        _ => SCRIPT_OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (text, class) in [
            ("aжλ한अก\u{905}", None),
            ("日あアก々ー〇ｶﾞ\u{20000}", Some(CharClass::Unspaced)),
            ("\u{301}\u{94d}\u{e34}\u{17d2}\u{3099}", Some(CharClass::Combining)),
            ("1२๒①", Some(CharClass::Digit)),
            ("\u{ad}\u{200b}\u{3164}\u{e0041}", Some(CharClass::Invisible)),
            (" \u{3000}\t\u{f0b}", Some(CharClass::Space)),
        ] {
            for c in text.chars().filter(|_| class.is_some()) {
                assert_eq!(Some(character(c).class), class, "{c:?}");
            }
        }
    }

    /// Every character alone, and before and after some that change others: where all are simple,
    /// the form of the pair is the pair of the forms.
    #[test]
    fn simple_characters_depend_on_no_other() {
        let (mut whole, mut parts) = (String::new(), String::new());
        for c in (0x80..=0xffff).filter_map(char::from_u32) {
            for other in ['a', 'か', 'ー', 'ا', '한', 'ᅡ', '\u{301}', '\u{3099}', '\u{e32}', '\u{94d}', '\u{200d}'] {
                for pair in [[c, other], [other, c]] {
                    let known = pair.map(character);
                    let in_words = |k: &Character| k.is_simple && !matches!(k.class, CharClass::Invisible | CharClass::Space);
                    if !known.iter().all(in_words) || known[0].combining > known[1].combining && known[1].combining > 0 {
                        continue;
                    }
                    whole.clear();
                    parts.clear();
                    form::matching(&pair.iter().collect::<String>(), &mut whole);
                    parts.extend(known.map(|k| k.matching));
                    assert_eq!(whole, parts, "{pair:?}");
                }
            }
        }
    }
}
