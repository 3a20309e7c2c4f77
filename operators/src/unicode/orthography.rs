//! Which invisible characters does a script need, and where? What its orthography, its typesetters
//! and its keyboards put into ordinary text hides nothing.
//!
//! After UAX 31 (section 2.3: joiners in Arabic and Indic words), UAX 14 (U+200B and U+2060 as places
//! where lines may and may not break), and the script chapters of the Unicode Standard. Where people
//! write more than these allow (U+200C after a letter that joins nothing, in Persian; after a vowel,
//! in Bengali), it is ordinary here as well.

use script::{is_leading_vowel, is_unspaced_script, stacks_next};
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_script::{Script, UnicodeScript};

const SOFT_HYPHEN: char = '\u{ad}';
const GRAPHEME_JOINER: char = '\u{34f}';
const MONGOLIAN_VOWEL_SEPARATOR: char = '\u{180e}';
pub(super) const ZERO_WIDTH_SPACE: char = '\u{200b}';
const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
pub(super) const WORD_JOINER: char = '\u{2060}';
const FUNCTION_APPLICATION: char = '\u{2061}';

/// Whether it stands between the letters of a formula: invisible times, separator and plus.
pub(super) fn is_of_formulas(c: char) -> bool {
    matches!(c, '\u{2062}'..='\u{2064}')
}

/// What stands on one side of invisible characters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// The character there.
    pub(super) c: Option<char>,
    /// Its script, if it is a letter or the mark of one.
    pub(super) script: Option<Script>,
}

impl Side {
    /// What stands behind invisible characters.
    pub(super) fn after(c: Option<char>, before: Self) -> Self {
        let script = c.and_then(|c| if is_combining_mark(c) { letter_script(c).or(before.script) } else { letter_script(c) });
        Self { c, script }
    }

    fn is_virama(self) -> bool {
        // The class that Unicode gives to viramas and to what else kills a vowel.
        self.c.is_some_and(|c| canonical_combining_class(c) == 9)
    }

    fn is_mark(self) -> bool {
        self.c.is_some_and(is_combining_mark)
    }
}

/// The script of a letter or of its mark; `None` for all else, and for letters that all scripts use.
pub(super) fn letter_script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | 'A'..='Z' => return Some(Script::Latin),
        '\u{4e00}'..='\u{9fff}' => return Some(Script::Han),
        _ if c.is_ascii() || !(c.is_alphabetic() || is_combining_mark(c)) => return None,
        _ => {}
    }
    Some(c.script()).filter(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
}

/// Whether a script runs from right to left.
pub(super) fn is_right_to_left(script: Script) -> bool {
    use Script::{Adlam, Arabic, Hanifi_Rohingya, Hebrew, Mandaic, Nko, Samaritan, Syriac, Thaana};
    matches!(script, Arabic | Hebrew | Syriac | Thaana | Nko | Adlam | Mandaic | Samaritan | Hanifi_Rohingya)
}

/// Scripts that are written together, without spaces between words.
pub(super) fn is_east_asian(script: Script) -> bool {
    matches!(script, Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo)
}

/// Scripts in which U+200B marks the ends of words: those without spaces but for Han and its like, and
/// Tibetan.
fn is_broken_by_marks(script: Script) -> bool {
    is_unspaced_script(script) && !is_east_asian(script) || script == Script::Tibetan
}

/// Scripts of India and of its descendants, whose letters form clusters around a virama.
fn is_indic(script: Script) -> bool {
    use Script::{
        Balinese, Bengali, Devanagari, Grantha, Gujarati, Gurmukhi, Javanese, Kannada, Khmer, Malayalam, Meetei_Mayek, Myanmar,
        Newa, Oriya, Sinhala, Tamil, Telugu, Tibetan,
    };
    matches!(
        script,
        Devanagari
            | Bengali
            | Gurmukhi
            | Gujarati
            | Oriya
            | Tamil
            | Telugu
            | Kannada
            | Malayalam
            | Sinhala
            | Khmer
            | Myanmar
            | Tibetan
            | Newa
            | Grantha
            | Javanese
            | Balinese
            | Meetei_Mayek
    )
}

/// Scripts whose letters join, as in handwriting.
fn is_cursive(script: Script) -> bool {
    use Script::{Adlam, Arabic, Hanifi_Rohingya, Mandaic, Mongolian, Nko, Phags_Pa, Syriac};
    matches!(script, Arabic | Syriac | Mongolian | Nko | Mandaic | Adlam | Hanifi_Rohingya | Phags_Pa)
}

/// Whether the texts of a script have the mark, and so have it doubled or tripled where a program or
/// a keyboard was careless.
pub(super) fn is_at_home(mark: char, script: Script) -> bool {
    match mark {
        ZERO_WIDTH_SPACE | WORD_JOINER => is_broken_by_marks(script) || is_indic(script),
        NON_JOINER | JOINER => is_indic(script) || is_cursive(script),
        MONGOLIAN_VOWEL_SEPARATOR => script == Script::Mongolian,
        _ => false,
    }
}

/// Whether one such mark between two letters is ordinary.
pub(super) fn is_ordinary(mark: char, before: Side, after: Side) -> bool {
    let (Some(script), Some(next)) = (before.script, after.script) else { return true };
    if matches!(mark, SOFT_HYPHEN | GRAPHEME_JOINER | FUNCTION_APPLICATION) {
        return true;
    }
    if script != next && !(is_east_asian(script) && is_east_asian(next)) {
        // Where the script changes a word ends, whether or not a space says so.
        return true;
    }
    let beside_mark = before.is_mark() || after.is_mark();
    match mark {
        // Nothing breaks inside a cluster: before a mark, after what stacks the next letter, or after a vowel that is
        // written first.
        ZERO_WIDTH_SPACE | WORD_JOINER => {
            is_broken_by_marks(script) && !(after.is_mark() || before.c.is_some_and(|c| stacks_next(c) || is_leading_vowel(c)))
        }
        NON_JOINER => {
            is_at_home(mark, script) || is_ligature_kept_apart(before, after) || script == Script::Hebrew && beside_mark
        }
        JOINER => {
            is_indic(script) && (before.is_virama() || after.is_virama())
                || script == Script::Hebrew && beside_mark
                || is_cursive(script) && script != Script::Arabic
        }
        MONGOLIAN_VOWEL_SEPARATOR => is_at_home(mark, script),
        _ => false,
    }
}

/// German typesetters keep the parts of a compound from joining: `Auf|lage`, `Schilf|insel`.
fn is_ligature_kept_apart(before: Side, after: Side) -> bool {
    before.c == Some('f') && after.c.is_some_and(|c| matches!(c, 'b' | 'f' | 'h' | 'i' | 'j' | 'k' | 'l' | 't' | '\u{fc}'))
}

/// Whether a letter of the script may have one variation selector: sequences with letters of these
/// scripts are registered (UCD `StandardizedVariants`, the Ideographic Variation Database).
pub(super) fn has_variants(script: Script) -> bool {
    is_east_asian(script) || matches!(script, Script::Mongolian | Script::Myanmar | Script::Phags_Pa | Script::Manichaean)
}
