//! Which documents are models learned from? A sample of token sequences, bounded in size.

use std::sync::Arc;

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

impl Sample {
    /// Adds a document, cut if there is no room for all of it. Returns whether there was any.
    pub fn add(&mut self, language: Language, tokens: &Arc<[Token]>) -> bool {
        let room = SAMPLE_TOKENS_MAX - self.tokens;
        if room == 0 {
            return false;
        }
        let tokens = if tokens.len() > room { tokens[..room].into() } else { Arc::clone(tokens) };
        self.tokens += tokens.len();
        self.documents.push(SampledDocument { language, tokens });
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_and_is_bounded() {
        let mut sample = Sample::default();
        assert!(sample.add(Language::UNKNOWN, &[Token(5), Token(6)].into()) && sample.add(Language::UNKNOWN, &[].into()));
        let mut out = Encoder::default();
        sample.save(&mut out);
        assert_eq!(Sample::load(&mut Decoder::new(&out.bytes)), Ok(sample.clone()));
        assert!((0..out.bytes.len()).all(|end| Sample::load(&mut Decoder::new(&out.bytes[..end])).is_err()));
        let long: Arc<[Token]> = vec![Token(1); SAMPLE_TOKENS_MAX].into();
        assert!(sample.add(Language::UNKNOWN, &long) && !sample.add(Language::UNKNOWN, &long));
        assert_eq!(sample.documents()[2].tokens.len(), SAMPLE_TOKENS_MAX - 2);
    }
}
