//! Which documents are models learned from? A sample of token sequences, bounded in size, in which
//! languages have equal shares as far as there is text of them: a language of few documents needs
//! all of them to be known.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::{Language, Token},
};

/// Most tokens of a sample: 8 MiB.
pub(crate) const SAMPLE_TOKENS_MAX: usize = 2 << 20;

/// A document of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledDocument {
    /// The document's language.
    pub language: Language,
    /// Its tokens.
    pub tokens: Arc<[Token]>,
}

/// Documents to learn from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    documents: Vec<SampledDocument>,
    tokens: usize,
}

/// Most tokens of one document.
const DOCUMENT_TOKENS_MAX: usize = 8192;

impl Sample {
    /// Takes documents in their order, until their languages have their shares of the room: all have
    /// the same, and what one does not need is left to the others.
    #[must_use]
    pub fn draw<'a>(documents: impl Iterator<Item = (Language, &'a Arc<[Token]>)> + Clone) -> Self {
        let mut of: BTreeMap<Language, usize> = BTreeMap::new();
        for (language, tokens) in documents.clone() {
            *of.entry(language).or_default() += tokens.len().min(DOCUMENT_TOKENS_MAX);
        }
        let share = share(of.values().copied().collect());
        for room in of.values_mut() {
            *room = (*room).min(share);
        }
        let mut sample = Self::default();
        for (language, tokens) in documents {
            let room = of.entry(language).or_default();
            *room -= sample.add(language, tokens, *room);
        }
        sample
    }

    /// Adds a document, cut if there is no room for all of it. Returns the number of its tokens that
    /// were added.
    fn add(&mut self, language: Language, tokens: &Arc<[Token]>, room: usize) -> usize {
        let room = room.min(SAMPLE_TOKENS_MAX - self.tokens).min(DOCUMENT_TOKENS_MAX);
        if room == 0 {
            return 0;
        }
        let tokens = if tokens.len() > room { tokens[..room].into() } else { Arc::clone(tokens) };
        let added = tokens.len();
        self.tokens += added;
        self.documents.push(SampledDocument { language, tokens });
        added
    }

    /// The documents, in the order in which they were added.
    #[must_use]
    pub fn documents(&self) -> &[SampledDocument] {
        &self.documents
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tokens * size_of::<Token>() + self.documents.len() * size_of::<SampledDocument>()
    }

    /// Writes the sample.
    pub fn save(&self, out: &mut Encoder) {
        out.u64(self.documents.len() as u64);
        for document in &self.documents {
            out.u8(document.language.index());
            out.u64(document.tokens.len() as u64);
            document.tokens.iter().for_each(|t| out.u32(t.0));
        }
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else, or hold more than a sample may.
    pub fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut sample = Self::default();
        for _ in 0..from.len(9)? {
            let language = Language::from_index(from.u8()?).ok_or(from.corrupt("a known language"))?;
            let n = from.len(4)?;
            if sample.tokens + n > SAMPLE_TOKENS_MAX {
                return Err(from.corrupt("a sample of bounded size"));
            }
            let tokens = (0..n).map(|_| from.u32().map(Token)).collect::<Result<Arc<[Token]>, _>>()?;
            sample.tokens += n;
            sample.documents.push(SampledDocument { language, tokens });
        }
        Ok(sample)
    }
}

/// The most that each of some parties may have, so that together they have no more than a sample
/// holds.
fn share(mut wanted: Vec<usize>) -> usize {
    wanted.sort_unstable();
    let mut room = SAMPLE_TOKENS_MAX;
    for (i, &least) in wanted.iter().enumerate() {
        let share = room / (wanted.len() - i);
        if least > share {
            return share;
        }
        room -= least;
    }
    SAMPLE_TOKENS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(n: usize) -> Arc<[Token]> {
        vec![Token(5); n].into()
    }

    #[test]
    fn restores() {
        let (some, none) = (tokens(2), tokens(0));
        let sample = Sample::draw([(Language::UNKNOWN, &some), (Language::UNKNOWN, &none)].into_iter());
        assert_eq!(sample.documents().len(), 1, "an empty document says nothing");
        let mut out = Encoder::default();
        sample.save(&mut out);
        assert_eq!(Sample::load(&mut Decoder::new(&out.bytes)), Ok(sample.clone()));
        assert!((0..out.bytes.len()).all(|end| Sample::load(&mut Decoder::new(&out.bytes[..end])).is_err()));
    }

    #[test]
    fn languages_have_equal_shares_where_there_is_text() {
        let [few, some, many] = [0, 1, 2].map(|i| Language::from_index(i).expect("a language"));
        let long = tokens(DOCUMENT_TOKENS_MAX + 9);
        let of = |language, n: usize| std::iter::repeat_n((language, &long), n);
        let all: Vec<_> = of(many, 600).chain(of(some, 100)).chain(of(few, 3)).collect();
        let sample = Sample::draw(all.iter().copied());
        let count =
            |language| sample.documents().iter().filter(|d| d.language == language).map(|d| d.tokens.len()).sum::<usize>();
        assert_eq!(count(few), 3 * DOCUMENT_TOKENS_MAX);
        assert_eq!(count(some), 100 * DOCUMENT_TOKENS_MAX);
        assert_eq!(count(few) + count(some) + count(many), SAMPLE_TOKENS_MAX);
        assert!(sample.documents().iter().all(|d| d.tokens.len() <= DOCUMENT_TOKENS_MAX));
    }
}
