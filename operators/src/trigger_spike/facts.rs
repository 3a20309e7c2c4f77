//! What is remembered of each document? Who published it and what it is about, for the newest
//! documents and those since the last epoch boundary.
//!
//! **State** 168 bytes a document.

use std::collections::VecDeque;

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    text::Language,
    usage::{ContextVector, DIMENSIONS},
};

/// The facts about one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Key of the publisher.
    pub(super) publisher: u64,
    /// Key of the host.
    pub(super) host: u64,
    /// Its number among the documents of its publisher, counted from 1.
    pub(super) sequence: u32,
    /// Whether it may vote: documents that may not are no part of what a rate is a share of.
    pub(super) votes: bool,
    /// Number of documents of the stream that may vote, up to this one and with it: all, and those of
    /// its language.
    pub(super) of_all: u32,
    pub(super) of_language: u32,
    /// Number of its words, and of those that the background does not have; both up to 65,535.
    pub(super) words: u16,
    pub(super) unknown: u16,
    /// Its language.
    pub(super) language: Language,
    /// Whether the background has no document of the publisher.
    pub(super) is_new: bool,
    pub(super) context: ContextVector,
}

const BYTES: usize = 8 + 8 + 4 + 4 + 4 + 4 + 3 + DIMENSIONS;

/// The facts about the newest documents.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// Sequence number of the oldest document held.
    first: SeqNo,
    facts: VecDeque<Option<DocumentFacts>>,
    most: usize,
}

impl Ring {
    pub(super) fn new(most: u32) -> Self {
        Self { first: 0, facts: VecDeque::new(), most: most.max(1) as usize }
    }

    /// Adds the facts about the next sequence number, if it is a document.
    pub(super) fn push(&mut self, seqno: SeqNo, facts: Option<DocumentFacts>) {
        if self.facts.is_empty() {
            self.first = seqno;
        }
        self.facts.push_back(facts);
    }

    /// Forgets all but the newest documents. This is done at an epoch boundary, since in between
    /// the answers would depend on how many documents of the window are remembered already.
    pub(super) fn make_room(&mut self) {
        let over = self.facts.len().saturating_sub(self.most);
        self.facts.drain(..over);
        self.first += over as SeqNo;
    }

    pub(super) fn get(&self, seqno: SeqNo) -> Option<&DocumentFacts> {
        self.facts.get(seqno.checked_sub(self.first)? as usize)?.as_ref()
    }

    pub(super) fn bytes(&self) -> usize {
        self.facts.len() * size_of::<Option<DocumentFacts>>()
    }
}

impl DocumentFacts {
    /// Writes the facts: 163 bytes.
    pub(super) fn save(&self, out: &mut Encoder) {
        out.u64(self.publisher);
        out.u64(self.host);
        out.u32(self.sequence);
        out.u32(self.of_all);
        out.u32(self.of_language);
        out.u16(self.words);
        out.u16(self.unknown);
        out.bytes.extend_from_slice(&[self.language.index(), u8::from(self.is_new), u8::from(self.votes)]);
        out.bytes.extend(self.context.0.iter().map(|&x| x as u8));
    }

    /// Reads what [`Self::save`] wrote. `None` if nothing was written.
    pub(super) fn load(bytes: &[u8]) -> Result<Option<Self>, Corrupt> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut from = Decoder::new(bytes);
        let facts = load_facts(&mut from)?;
        from.end()?;
        Ok(Some(facts))
    }
}

fn load_facts(from: &mut Decoder<'_>) -> Result<DocumentFacts, Corrupt> {
    let (publisher, host, sequence) = (from.u64()?, from.u64()?, from.u32()?);
    let (of_all, of_language, words, unknown) = (from.u32()?, from.u32()?, from.u16()?, from.u16()?);
    let (language, is_new, votes) = (from.u8()?, from.u8()? != 0, from.u8()? != 0);
    let language = Language::from_index(language).ok_or(from.corrupt("a known language"))?;
    let mut context = ContextVector::default();
    for x in &mut context.0 {
        *x = from.u8()? as i8;
    }
    Ok(DocumentFacts { publisher, host, sequence, votes, of_all, of_language, words, unknown, language, is_new, context })
}

const _: () = assert!(size_of::<Option<DocumentFacts>>() <= BYTES + 8, "about as large in memory as saved");

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(publisher: u64) -> DocumentFacts {
        DocumentFacts {
            publisher,
            host: 1,
            sequence: 2,
            votes: true,
            of_all: 4,
            of_language: 3,
            words: 90,
            unknown: 2,
            language: Language::UNKNOWN,
            is_new: true,
            context: ContextVector([publisher as i8; DIMENSIONS]),
        }
    }

    #[test]
    fn holds_the_newest_and_restores() {
        let mut ring = Ring::new(10);
        (0..25).for_each(|i| ring.push(100 + i, (i % 4 != 0).then(|| facts(u64::from(i)))));
        assert!(ring.get(101).is_some(), "held until the epoch boundary");
        ring.make_room();
        assert_eq!(ring.get(114), None, "gone");
        assert_eq!(ring.get(115), Some(&facts(15)));
        assert_eq!(ring.get(116), None, "no document");
        assert_eq!((ring.get(99), ring.get(125)), (None, None));
        let mut out = Encoder::default();
        facts(15).save(&mut out);
        assert_eq!(out.bytes.len(), BYTES);
        assert_eq!(DocumentFacts::load(&out.bytes), Ok(Some(facts(15))));
        assert_eq!(DocumentFacts::load(&[]), Ok(None));
        assert!((1..BYTES).all(|end| DocumentFacts::load(&out.bytes[..end]).is_err()));
    }
}
