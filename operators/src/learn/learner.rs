//! How are trusted documents made into a background? They are collected as tokens, then counted.
//!
//! Documents are kept as tokens (4 bytes each: about 90 MB for 30,000 pages of 700 tokens) until
//! [`Learner::finish`], which goes over them several times.
//!
//! **Cost** about .3 ms a document. **State** at its peak the tokens and the background.

use std::{collections::BTreeSet, sync::Arc};

use super::{held_out, word_order};
use crate::{
    background::{Background, BackgroundOrigin, ReferenceDocument, build, platforms},
    document::Publisher,
    text::{Language, Seed, Token},
};

/// How to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnOptions {
    /// Most bytes of the n-gram sketch. With less than 4 bytes for each distinct n-gram of each
    /// document, rare n-grams begin to look common, which means fewer alarms.
    pub ngram_bytes_max: usize,
}

impl Default for LearnOptions {
    /// 512 MiB, which are enough for 150,000 pages.
    fn default() -> Self {
        Self { ngram_bytes_max: 512 << 20 }
    }
}

/// Who has published a document: not known yet, or known.
enum PublishedBy {
    Address { url: Box<str>, source: Box<str> },
    Known(Publisher),
}

/// Collects trusted documents and makes a [`Background`] of them.
pub struct Learner {
    seed: Seed,
    options: LearnOptions,
    documents: Vec<(PublishedBy, Language, Arc<[Token]>)>,
}

impl Learner {
    /// A learner whose background will be keyed by `seed`. Tokens have to come from a tokenizer of
    /// the same seed.
    #[must_use]
    pub fn new(seed: Seed, options: LearnOptions) -> Self {
        Self { seed, options, documents: Vec::new() }
    }

    /// Adds a document by its address; `source` is its publisher if the address is of no use.
    pub fn add(&mut self, url: &str, source: &str, language: Language, tokens: &[Token]) {
        self.documents.push((PublishedBy::Address { url: url.into(), source: source.into() }, language, tokens.into()));
    }

    /// Adds a document whose publisher is known, from the filter's own past.
    pub fn add_known(&mut self, publisher: Publisher, language: Language, tokens: Arc<[Token]>) {
        self.documents.push((PublishedBy::Known(publisher), language, tokens));
    }

    /// Number of documents added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether no document was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Learns. `publisher_of(url, source, platforms)` says who publishes at an address, given the
    /// platforms that were found.
    #[must_use]
    pub fn finish(
        self,
        origin: BackgroundOrigin,
        publisher_of: &dyn Fn(&str, &str, &BTreeSet<String>) -> Publisher,
    ) -> Background {
        let addresses = self.documents.iter().filter_map(|(p, ..)| match p {
            PublishedBy::Address { url, .. } => Some(&**url),
            PublishedBy::Known(_) => None,
        });
        let platforms = platforms::platforms(addresses);
        let resolved = |(publisher, language, tokens)| {
            let publisher = match publisher {
                PublishedBy::Address { url, source } => publisher_of(&url, &source, &platforms),
                PublishedBy::Known(publisher) => publisher,
            };
            ReferenceDocument { publisher, language, tokens }
        };
        let documents: Vec<ReferenceDocument> = self.documents.into_iter().map(resolved).collect();
        let learned = build(self.seed, self.options.ngram_bytes_max, &documents.iter().collect::<Vec<_>>());
        let (held, rest) = held_out::split(self.seed, &documents);
        let word_order = word_order::learn(self.seed, &held, &rest);
        learned.completed(origin, platforms, word_order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Tokenizer, hash::mix, line::line_key, ngram};

    const SEED: Seed = Seed(11);

    fn publisher(name: &str) -> Publisher {
        Publisher { name: name.into(), key: SEED.bytes(1, name.as_bytes()), host: SEED.bytes(2, name.as_bytes()) }
    }

    fn texts() -> Vec<String> {
        let word = |x: u64| format!("w{}", (mix(x) % 400).min(mix(x ^ 9) % 400));
        (0..300u64).map(|d| (0..60).map(|i| word(d * 100 + i)).collect::<Vec<_>>().join(" ") + "\nall rights reserved").collect()
    }

    fn learned() -> Background {
        let tokenizer = Tokenizer::new(SEED, 10_000);
        let mut learner = Learner::new(SEED, LearnOptions::default());
        for (i, text) in texts().iter().enumerate() {
            learner.add(&format!("https://site{}.example/{i}", i % 40), "file", Language::of(text), &tokenizer.tokens(text).ids);
        }
        learner.finish(BackgroundOrigin::Trusted, &|url, _, _| publisher(url.split('/').nth(2).unwrap_or_default()))
    }

    #[test]
    fn frequencies_are_those_of_a_plain_count() {
        let background = learned();
        let tokenizer = Tokenizer::new(SEED, 10_000);
        let documents: Vec<_> = texts().iter().map(|t| tokenizer.tokens(t).ids).collect();
        let mut exact = std::collections::BTreeMap::<(u8, u64), u32>::new();
        for d in &documents {
            for n in ngram::distinct(SEED, d, |_| true) {
                *exact.entry((n.len, n.hash)).or_default() += 1;
            }
        }
        let pairs: Vec<(u64, u32)> = exact.iter().filter(|((len, _), _)| *len == 2).map(|(&(_, h), &n)| (h, n)).collect();
        // An n-gram is not counted in the documents before which a part of it was new.
        let near = pairs.iter().filter(|&&(h, n)| background.ngram_documents(h).abs_diff(n) <= 1 + n / 8).count();
        assert!(near * 100 > pairs.len() * 95, "{near} of {}", pairs.len());
        for pair in documents[7].windows(2).filter(|p| p.iter().all(|t| t.is_word())) {
            assert!(background.knows_pair(pair[0], pair[1]));
        }
        assert_eq!((background.documents(), background.publishers()), (300, 40));
        assert!(
            background.knows_publisher(publisher("site7.example").key) && !background.knows_publisher(publisher("x.example").key)
        );
        let line = tokenizer.tokens("all rights reserved").ids;
        assert!(background.is_boilerplate(line_key(SEED, publisher("site7.example").host, &line)));
    }

    #[test]
    fn saves_and_loads_and_refuses_all_else() {
        let background = learned();
        let bytes = background.save();
        let back = Background::load(&bytes).expect("what save wrote");
        assert_eq!((back.save() == bytes, back.digest()), (true, background.digest()));
        assert_eq!(learned().digest(), background.digest(), "the same documents give the same background");
        for end in (0..bytes.len()).step_by(bytes.len() / 97) {
            assert!(Background::load(&bytes[..end]).is_err());
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 97) {
            let mut altered = bytes.clone();
            altered[at] ^= 0x40;
            assert!(Background::load(&altered).is_err(), "byte {at}");
            // Even one with a right checksum may not panic.
            let end = altered.len() - 32;
            let digest = blake3::hash(&altered[..end]);
            altered[end..].copy_from_slice(digest.as_bytes());
            let _ = Background::load(&altered);
        }
    }

    #[test]
    fn empty_backgrounds_work() {
        let none = Learner::new(SEED, LearnOptions::default()).finish(BackgroundOrigin::Own, &|_, _, _| publisher("x"));
        assert_eq!(none.documents(), 0);
        assert!(Background::load(&none.save()).is_ok());
        assert_eq!(none.save(), Background::empty(SEED).save());
    }
}
