//! How is text compared? By what a reader sees of it, with one form for each letter.
//!
//! The form is NFKC (UAX 15), so composed and decomposed letters, full and half width, and the
//! presentation forms of Arabic are the same. Besides:
//!
//! - Characters that show nothing are left out: `Default_Ignorable_Code_Point` (UAX 44), such as
//!   soft hyphens, joiners, variation selectors and Hangul fillers. `NFKC_Casefold` leaves out the
//!   same ones (UAX 44, table 9).
//! - The Arabic tatweel only stretches a word (Unicode Standard, section 9.2), so it is left out.
//! - Arabic yeh, Farsi yeh and alef maksura are one letter, and so are kaf and keheh: keyboards of
//!   Arabic and Persian write one for the other. UTS 39 has U+06CC and U+0649 as confusable; the
//!   normalizers for Arabic and Persian of Apache Lucene join the same letters.
//! - An iteration mark stands for what it repeats (Unicode Standard, section 18.1): "人々" is
//!   "人人", "いすゞ" is "いすず".
//! - Thai and Lao AM stay one character, which NFKC would split: dictionaries have it so.
//!
//! [`matching`] also folds case (UCD, `CaseFolding`, full) and writes decimal digits of all scripts
//! in ASCII. Accents stay, since they tell words apart.
//!
//! **Cost** about 1 us a word; the tokenizer asks only about words that hold a character which
//! [`character`](super::character) does not call simple.

use icu_casemap::CaseMapper;
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use unicode_normalization::{
    UnicodeNormalization,
    char::{compose, decompose_canonical},
};
use unicode_script::{Script, UnicodeScript};

const TATWEEL: char = '\u{640}';
const VOICING: char = '\u{3099}';

/// Whether a character shows nothing, so that readers do not know it is there.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Appends what a reader sees of a text. Case stays, and so do the digits of each script.
pub fn seen(text: &str, out: &mut String) {
    text.chars().filter(|&c| !is_invisible(c)).nfkc().for_each(|c| push_letter(c, out));
}

/// Appends the form in which words are compared: as [`seen`], with case folded and digits in ASCII.
pub fn matching(text: &str, out: &mut String) {
    let plain: String = text.chars().filter(|&c| !is_invisible(c)).nfkc().collect();
    let folded = CaseMapper::new().fold_string(&plain);
    folded.nfkc().map(ascii_digit).for_each(|c| push_letter(c, out));
}

/// Appends a character in the one form of its letter.
fn push_letter(c: char, out: &mut String) {
    let before = out.chars().next_back();
    let c = match (c, before) {
        (TATWEEL, _) => return,
        // Alef maksura and Farsi yeh, as Arabic writes yeh; keheh, as Arabic writes kaf.
        ('\u{649}' | '\u{6cc}', _) => '\u{64a}',
        ('\u{6a9}', _) => '\u{643}',
        // Nikhahit and a vowel are what NFKC makes of AM.
        ('\u{e32}', Some('\u{e4d}')) | ('\u{eb2}', Some('\u{ecd}')) => {
            out.pop();
            if c == '\u{e32}' { '\u{e33}' } else { '\u{eb3}' }
        }
        ('々' | '〻', Some(before)) if before.script() == Script::Han => before,
        ('ゝ', Some(before)) if before.script() == Script::Hiragana => unvoiced(before),
        ('ヽ', Some(before)) if before.script() == Script::Katakana => unvoiced(before),
        ('ゞ', Some(before)) if before.script() == Script::Hiragana => voiced(before),
        ('ヾ', Some(before)) if before.script() == Script::Katakana => voiced(before),
        _ => c,
    };
    out.push(c);
}

fn unvoiced(kana: char) -> char {
    let mut base = None;
    decompose_canonical(kana, |c| base = base.or(Some(c)));
    base.unwrap_or(kana)
}

fn voiced(kana: char) -> char {
    compose(unvoiced(kana), VOICING).unwrap_or(kana)
}

/// A decimal digit of any script (`Nd`) in ASCII. The ten digits of a script follow each other
/// (UAX 44), so a digit's value is the number of decimal digits of its script before it.
fn ascii_digit(c: char) -> char {
    use icu_properties::{CodePointMapData, props::GeneralCategory};
    if c.is_ascii() || !c.is_numeric() || CodePointMapData::<GeneralCategory>::new().get(c) != GeneralCategory::DecimalNumber {
        return c;
    }
    let is_digit = |code: u32| CodePointMapData::<GeneralCategory>::new().get32(code) == GeneralCategory::DecimalNumber;
    let before = (1..=c as u32).take_while(|back| is_digit(c as u32 - back)).count() as u32;
    char::from_digit(before % 10, 10).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want_seen: &str, want_matching: &str) {
        let (mut got_seen, mut got_matching) = (String::new(), String::new());
        seen(text, &mut got_seen);
        matching(text, &mut got_matching);
        assert_eq!((got_seen.as_str(), got_matching.as_str()), (want_seen, want_matching), "{text}");
    }

    #[test]
    fn one_form_for_each_letter() {
        check("Ｓtra\u{ad}ße", "Straße", "strasse");
        check("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφοσ");
        check("cafe\u{301}", "café", "café");
        check("ｶﾞﾗｽ", "ガラス", "ガラス");
        check("كـتاب کتاب", "كتاب كتاب", "كتاب كتاب");
        check("على علی علي", "علي علي علي", "علي علي علي");
        check("ﻣﺮﺣﺒﺎ", "مرحبا", "مرحبا");
        check("人々 いすゞ こゝろ がゝ バナヽ", "人人 いすず こころ がか バナナ", "人人 いすず こころ がか バナナ");
        check("々 ゞ", "々 ゞ", "々 ゞ");
        check("น้ำ", "น้ำ", "น้ำ");
        check("นํา", "นำ", "นำ");
        check("२०२४ ٣ ၉ 𝟗", "२०२४ ٣ ၉ 9", "2024 3 9 9");
    }

    #[test]
    fn invisible_is_what_shows_nothing() {
        assert!(
            "\u{ad}\u{200b}\u{200d}\u{2060}\u{34f}\u{3164}\u{115f}\u{fe0f}\u{180b}\u{feff}\u{e0041}\u{61c}"
                .chars()
                .all(is_invisible)
        );
        assert!(!"a \u{a0}\u{301}\u{3000}ﾞ\u{640}".chars().any(is_invisible));
    }
}
