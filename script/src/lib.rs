//! Which scripts are written without spaces between words, which of their letters stand together
//! whatever comes between, and at which marks does a sentence end?
//!
//! Without spaces are those between whose letters UAX 14 lets a line break: the classes ID and CJ
//! (Han, Kana, Bopomofo and their like), SA (Thai, Lao, Khmer, Burmese, the scripts of the Tai
//! languages), and AK, AP and AS (Javanese, Balinese and their like). Tibetan is not among them,
//! because it marks the end of every syllable by a tsheg.
//!
//! This is a crate of its own, because the decoder needs the answers and knows no operators.

use icu_properties::{CodePointSetData, props::SentenceTerminal};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_script::{Script, UnicodeScript};

/// See the [module documentation](self).
const SCRIPTS: [Script; 28] = [
    Script::Han,
    Script::Hiragana,
    Script::Katakana,
    Script::Bopomofo,
    Script::Yi,
    Script::Tangut,
    Script::Nushu,
    Script::Khitan_Small_Script,
    Script::Thai,
    Script::Lao,
    Script::Khmer,
    Script::Myanmar,
    Script::Tai_Le,
    Script::New_Tai_Lue,
    Script::Tai_Tham,
    Script::Tai_Viet,
    Script::Ahom,
    Script::Javanese,
    Script::Balinese,
    Script::Batak,
    Script::Brahmi,
    Script::Cham,
    Script::Dives_Akuru,
    Script::Grantha,
    Script::Gurung_Khema,
    Script::Kawi,
    Script::Makasar,
    Script::Tulu_Tigalari,
];

/// Whether a script is written without spaces.
#[must_use]
pub fn is_unspaced_script(script: Script) -> bool {
    SCRIPTS.contains(&script)
}

/// Whether a letter or mark is of a script that is written without spaces.
#[must_use]
pub fn is_unspaced(c: char) -> bool {
    match c {
        // Most of what is asked for: kana, ideographs, Hangul.
        ..'\u{e00}' | '\u{ac00}'..='\u{d7a3}' => return false,
        'ぁ'..='ゖ' | 'ァ'..='ヺ' | '\u{4e00}'..='\u{9fff}' => return true,
        _ if !(c.is_alphabetic() || is_combining_mark(c)) => return false,
        _ => {}
    }
    let scripts = c.script_extension();
    // What many scripts share is of none: U+0301 and its like.
    !scripts.is_common() && !scripts.is_inherited() && SCRIPTS.iter().any(|&script| scripts.contains_script(script))
}

/// Whether it is a vowel that is written before the consonant which it follows in speech: the
/// property `Logical_Order_Exception` of Thai, Lao, Tai Viet and New Tai Lue. It is asked about every
/// word, so the characters stand here, and a test compares them with the property.
#[must_use]
pub fn is_leading_vowel(c: char) -> bool {
    matches!(c, '\u{e40}'..='\u{e44}' | '\u{ec0}'..='\u{ec4}' | '\u{19b5}'..='\u{19b7}' | '\u{19ba}' | '\u{aab5}' | '\u{aab6}'
        | '\u{aab9}' | '\u{aabb}' | '\u{aabc}')
}

/// Whether it puts the next consonant below the one before: the signs of Burmese, Khmer, Tai Tham,
/// Balinese and Javanese.
#[must_use]
pub fn stacks_next(c: char) -> bool {
    matches!(c, '\u{1039}' | '\u{17d2}' | '\u{1a60}' | '\u{1b44}' | '\u{a9c0}')
}

/// Whether a mark ends a sentence: `Sentence_Terminal` (UCD, used by UAX 29), or a colon or
/// semicolon of any width or script.
#[must_use]
pub fn ends_sentence(c: char) -> bool {
    let pauses = |c: char| matches!(c, ':' | ';' | '\u{61b}' | '\u{1364}' | '\u{1365}');
    CodePointSetData::new::<SentenceTerminal>().contains(c)
        || pauses(c)
        || std::iter::once(c).nfkc().eq([':'])
        || std::iter::once(c).nfkc().eq([';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspaced_is_by_script() {
        assert!("图あアｱーㄅ々ไກကកᨠᦀᥐꪀꦲᬅ\u{e34}\u{3099}\u{20000}".chars().all(is_unspaced));
        assert!(!"aж한ㄱक་ཀ๑၁、。ａ\u{301}・".chars().any(is_unspaced));
    }

    #[test]
    fn leading_vowels_and_stackers_are_those_of_all_their_scripts() {
        let property = CodePointSetData::new::<icu_properties::props::LogicalOrderException>();
        assert!(('\0'..=char::MAX).all(|c| is_leading_vowel(c) == property.contains(c)));
        assert!(['\u{1039}', '\u{17d2}', '\u{1a60}', '\u{1b44}', '\u{a9c0}'].into_iter().all(stacks_next));
        // Thai stacks nothing, and an Indic virama only kills a vowel as a rule.
        assert!(!['\u{e3a}', '\u{94d}'].into_iter().any(stacks_next));
    }

    #[test]
    fn sentences_end_at_the_marks_of_their_script() {
        let marks = ".!?:;。！？．｡：；؟۔؛।॥။។፧፨։᠃꓿‼⁇";
        assert_eq!(marks.chars().filter(|&c| !ends_sentence(c)).collect::<String>(), "");
        assert!(!"…,、，・-\"«a日".chars().any(ends_sentence));
    }
}
