//! What is a language, and by which labels is it known?

use unicode_script::Script;

use super::table::{ALIASES, LANGUAGES, Row};

/// A language; or a script whose language is not known; or nothing known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(u8);

impl Language {
    /// Text of which neither language nor script is known.
    pub const UNKNOWN: Self = Self(0);
    /// How many languages there are; indices are smaller.
    pub const COUNT: usize = LANGUAGES.len();

    /// The language that a label of a corpus means: a code of ISO 639-1 or 639-3, alone (`pt`, `por`)
    /// or as the first part of a tag of BCP 47 (`pt-BR`), of fastText (`__label__pt`) or of `GlotLID` and
    /// FLORES (`por_Latn`). Of a list (`eng,deu`) the first counts.
    #[must_use]
    pub fn parse(label: &str) -> Option<Self> {
        let label = label.trim();
        let tag = label.strip_prefix("__label__").unwrap_or(label);
        let code = tag.split(|c: char| !c.is_ascii_alphabetic()).next()?;
        if !(2..=3).contains(&code.len()) {
            return None;
        }
        let code = code.to_ascii_lowercase();
        let canonical = ALIASES.iter().find(|(_, others)| others.contains(&&*code)).map_or(&*code, |(canonical, _)| canonical);
        let known = |row: &Row| row.code == canonical || row.short == canonical;
        Self::position(known).filter(|&found| found != Self::UNKNOWN)
    }

    /// The language of an index that [`Self::index`] gave.
    #[must_use]
    pub fn from_index(index: u8) -> Option<Self> {
        (usize::from(index) < LANGUAGES.len()).then_some(Self(index))
    }

    /// Its index, which never changes: what stands for it in files.
    #[must_use]
    pub fn index(self) -> u8 {
        self.0
    }

    /// Its code: ISO 639-3, `und` if it is unknown, and `und-Latn` and the like if only the script
    /// is known.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The script in which most of its text is written.
    #[must_use]
    pub fn script(self) -> Script {
        self.row().script
    }

    /// Whether it is a language, and not only text of a script or of nothing known.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.code().len() == "und".len() && self != Self::UNKNOWN
    }

    /// Text of its script, in no known language. Scripts that decide the language have none.
    #[must_use]
    pub fn undetermined(self) -> Self {
        Self::undetermined_in(self.script())
    }

    /// Text of a script whose language is not known.
    pub(super) fn undetermined_in(script: Script) -> Self {
        Self::position(|row| row.script == script && row.code.starts_with("und-")).unwrap_or(Self::UNKNOWN)
    }

    /// The language that text of a script is in, if there is no other hint: the first of its
    /// languages.
    pub(super) fn first_of(script: Script) -> Option<Self> {
        Self::position(|row| row.script == script)
    }

    fn position(wanted: impl Fn(&Row) -> bool) -> Option<Self> {
        LANGUAGES.iter().position(wanted).and_then(|at| u8::try_from(at).ok()).map(Self)
    }

    fn row(self) -> &'static Row {
        &LANGUAGES[usize::from(self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_corpora() {
        let of = |label: &str| Language::parse(label).map_or("-", Language::code);
        for label in ["en", "eng", "EN", "en-US", "en_GB", "__label__en", "__label__eng_Latn", "eng_Latn", " eng,deu "] {
            assert_eq!(of(label), "eng", "{label}");
        }
        let same = [("zh-Hans", "cmn"), ("zho_Hant", "cmn"), ("fa", "pes"), ("no", "nob"), ("arb_Arab", "ara"), ("ger", "deu")];
        for (label, code) in same {
            assert_eq!(of(label), code);
        }
        for label in ["", "und", "e", "english", "xx", "123", "und-Latn", "\u{e9}n"] {
            assert_eq!(of(label), "-", "{label}");
        }
    }

    #[test]
    fn every_code_and_alias_is_one_language() {
        let mut codes: Vec<&str> =
            LANGUAGES.iter().flat_map(|row| [row.code, row.short]).filter(|code| !code.is_empty()).collect();
        codes.extend(ALIASES.iter().flat_map(|(_, others)| *others));
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        for index in 0..=u8::MAX {
            let language = Language::from_index(index);
            assert_eq!(language.is_some(), usize::from(index) < Language::COUNT);
            let Some(language) = language.filter(|language| language.is_known()) else { continue };
            assert_eq!((language.index(), Language::parse(language.code())), (index, Some(language)));
        }
        assert!(ALIASES.iter().all(|(code, _)| Language::parse(code).map(Language::code) == Some(*code)));
    }
}
