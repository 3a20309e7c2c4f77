//! How does a decoded page become a document? Its publisher, tokens and digest are computed here,
//! once for all operators.

use std::cell::RefCell;

use decode::{DigestMismatch, Page};
use operators::{
    document::{Differs, Document, TextParts},
    reputation::publisher::{Platforms, contributor, publisher_of},
    text::{Language, Seed, Tokenizer, Tokens, seen::seen_words},
};

/// Computes the features of documents.
#[derive(Debug)]
pub struct Features {
    /// Keys every hash.
    pub seed: Seed,
    /// Splits texts into tokens.
    pub tokenizer: Tokenizer,
    /// Hosts whose accounts are publishers of their own.
    pub platforms: Platforms,
    /// How many words of a text the operators look at. Its tokens end there: to make those of a
    /// whole text takes several times as long as to tell exact copies.
    pub words: usize,
    /// Whether the language of a text is detected where its record states none. It takes longer
    /// than finding copies does, so it is not done where no operator reads it.
    pub detects_language: bool,
}

impl Features {
    /// Makes the document of a page, and takes the page's text for it. `source` is the publisher of
    /// pages without a contributor and without an address.
    pub fn document(&self, page: &mut Page, source: &str) -> Document {
        let url = page.url.as_deref().unwrap_or("");
        let publisher = match &page.contributor {
            Some(name) => contributor(name, self.seed),
            None => publisher_of(url, source, self.seed, &self.platforms),
        };
        let url = url.into();
        let digest = digest(&page.text);
        let language = if self.detects_language { language(page) } else { stated_language(page).unwrap_or_default() };
        let (text, parts) = everything(page);
        Document {
            publisher,
            url,
            tokens: self.tokenizer.beginning(&text, self.words),
            text,
            parts,
            digest,
            language,
            time: page.time,
            differs: page.provenance.digest_differs.map(differs),
        }
    }

    /// Makes a document of which nothing is known but its source.
    pub fn placeholder(&self, source: &str) -> Document {
        Document {
            publisher: publisher_of("", source, self.seed, &self.platforms),
            url: "".into(),
            text: "".into(),
            parts: TextParts::default(),
            tokens: Tokens::default(),
            digest: [0; 16],
            language: Language::UNKNOWN,
            time: None,
            differs: None,
        }
    }
}

/// The language that a page's record states, or else that of its text.
pub fn language(page: &Page) -> Language {
    stated_language(page).unwrap_or_else(|| Language::of(&page.text))
}

fn stated_language(page: &Page) -> Option<Language> {
    Language::parse(page.provenance.language.as_deref()?)
}

/// Translates what decoding found out about a stated digest.
fn differs(mismatch: DigestMismatch) -> Differs {
    match mismatch {
        DigestMismatch::Block => Differs::Block,
        DigestMismatch::Payload => Differs::Payload,
    }
}

/// Joins the main content of a page and, behind it, what else the page holds. Another extractor may
/// keep that, so planted phrases are looked for there too. Boilerplate comes last, so that the last
/// line is the page's footer.
fn everything(page: &mut Page) -> (Box<str>, TextParts) {
    let omitted = &page.provenance.omitted;
    let mut text = std::mem::take(&mut page.text);
    let mut add = |more: &str| {
        if !more.is_empty() {
            text.push('\n');
            text.push_str(more);
        }
        text.len() as u32
    };
    let own = add("");
    let parts = TextParts { own, not_rendered: add(&omitted.not_rendered), visually_hidden: add(&omitted.visually_hidden) };
    add(&omitted.boilerplate);
    (text.into(), parts)
}

/// The first 128 bits of the blake3 hash of what a reader sees of a text's words, with single spaces
/// between them. White space, characters that show nothing, and the form of a letter make no
/// difference; case and digits do.
fn digest(text: &str) -> [u8; 16] {
    thread_local! {
        static SEEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    SEEN.with_borrow_mut(|seen| {
        seen_words(text, seen);
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(seen).as_bytes()[..16]);
        digest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_the_text_is_matched_and_no_part_of_it() {
        use decode::{Form, OmittedText, Provenance};
        let omitted =
            OmittedText { not_rendered: "hid\u{e9}".into(), visually_hidden: "dis".into(), boilerplate: "round".into() };
        let provenance = Provenance { omitted, ..Provenance::default() };
        let page = Page {
            id: None,
            url: None,
            text: "own".into(),
            time: None,
            label: None,
            contributor: None,
            provenance,
            form: Form::Archive,
        };
        let tokenizer = Tokenizer::new(Seed(1), 100);
        let platforms = Platforms::default();
        let features = Features { seed: Seed(1), tokenizer, platforms, words: usize::MAX, detects_language: true };
        let document = features.document(&mut page.clone(), "file");
        assert_eq!(&*document.text, "own\nhid\u{e9}\ndis\nround");
        let parts = [document.own(), document.not_rendered(), document.visually_hidden()].map(str::trim);
        assert_eq!((parts, document.own_ids().len()), (["own", "hid\u{e9}", "dis"], 1));
        assert_eq!((document.digest, document.tokens.ids.len()), (digest("own"), 7));
        let alone = Page { provenance: Provenance::default(), ..page };
        assert_eq!(document.language, Language::UNKNOWN);
        let stated = Provenance { language: Some("pt-BR".to_owned()), ..Provenance::default() };
        let stated = Page { provenance: stated, ..alone.clone() };
        assert_eq!(features.document(&mut stated.clone(), "file").language.code(), "por");
        assert_eq!(features.document(&mut alone.clone(), "file").parts, TextParts::one("own"));
    }

    #[test]
    fn digest_is_of_what_a_reader_sees() {
        for (a, b) in [
            ("a  b\nc", " a b c "),
            ("a \u{200b} b", "a b"),
            ("Stadt\u{ad}biblio\u{ad}thek", "Stadtbibliothek"),
            ("ﾃﾞｰﾀ を見る", "データ を見る"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("مكـتبة", "مكتبة"),
            ("كتابي", "کتابی"),
            ("วัน\u{200b}หยุด", "วันหยุด"),
            ("Ｈello", "Hello"),
        ] {
            assert_eq!(digest(a), digest(b), "{a}");
        }
        for (a, b) in [("a b c", "a bc"), ("in 2024", "in 2023"), ("A", "a"), ("É", "é"), ("ma", "má"), ("は", "ば")] {
            assert_ne!(digest(a), digest(b), "{a}");
        }
    }
}
