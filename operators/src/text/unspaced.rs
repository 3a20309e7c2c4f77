//! Which scripts are written without spaces between words?
//!
//! Those between whose letters UAX 14 lets a line break: the classes ID and CJ (Han, Kana, Bopomofo
//! and their like), SA (Thai, Lao, Khmer, Burmese, the scripts of the Tai languages), and AK, AP and
//! AS (Javanese, Balinese and their like). Tibetan is not among them, because it marks the end of
//! every syllable by a tsheg.

use unicode_normalization::char::is_combining_mark;
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
    if c < '\u{e00}' || !(c.is_alphabetic() || is_combining_mark(c)) {
        return false;
    }
    let scripts = c.script_extension();
    // What many scripts share is of none: U+0301 and its like.
    !scripts.is_common() && !scripts.is_inherited() && SCRIPTS.iter().any(|&script| scripts.contains_script(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspaced_is_by_script() {
        assert!("图あアｱーㄅ々ไກကកᨠᦀᥐꪀꦲᬅ\u{e34}\u{3099}\u{20000}".chars().all(is_unspaced));
        assert!(!"aж한ㄱक་ཀ๑၁、。ａ\u{301}・".chars().any(is_unspaced));
    }
}
