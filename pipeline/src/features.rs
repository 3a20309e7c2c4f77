//! A decoded page becomes a document: its publisher, tokens and digest, computed once. Pure.

use operators::{
    document::Document,
    reputation::unit::{Platforms, contributor, unit_of},
    text::{Seed, Tokenizer, Tokens},
};

use crate::decode::Page;

/// Computes features.
#[derive(Debug)]
pub struct Features {
    /// Keys every hash.
    pub seed: Seed,
    /// Makes matching tokens.
    pub tokenizer: Tokenizer,
    /// Hosts whose accounts are publishers of their own.
    pub platforms: Platforms,
}

impl Features {
    /// The document of a page; `source` names the publisher of pages without a contributor or an address.
    pub fn document(&self, page: &Page, source: &str) -> Document {
        let url = page.url.as_deref().unwrap_or("");
        let unit = match &page.contributor {
            Some(name) => contributor(name, self.seed),
            None => unit_of(url, source, self.seed, &self.platforms),
        };
        Document {
            unit,
            url: url.into(),
            text: page.text.as_str().into(),
            tokens: self.tokenizer.tokens(&page.text),
            digest: digest(&page.text),
            time: page.time,
        }
    }

    /// A document of which nothing is known but its source.
    pub fn placeholder(&self, source: &str) -> Document {
        Document {
            unit: unit_of("", source, self.seed, &self.platforms),
            url: "".into(),
            text: "".into(),
            tokens: Tokens::default(),
            digest: [0; 16],
            time: None,
        }
    }
}

/// blake3 of the words of a text with single spaces between, first 128 bits: white space is no difference, case and digits are.
fn digest(text: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = Vec::with_capacity(text.len());
    for word in text.split_whitespace() {
        buffer.extend_from_slice(word.as_bytes());
        buffer.push(b' ');
    }
    hasher.update(&buffer);
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_ignores_space_and_nothing_else() {
        assert_eq!(digest("a  b\nc"), digest(" a b c "));
        assert_ne!(digest("a b c"), digest("a bc"));
        assert_ne!(digest("in 2024"), digest("in 2023"));
        assert_ne!(digest("A"), digest("a"));
    }
}
