//! Which documents of the stream itself are models learned from, and when? The background is always
//! of another mixture than the stream, so the usage of words is learned again from both together, at
//! sequence numbers that grow geometrically.
//!
//! Documents are drawn by lot, and the later ones of a publisher's many are drawn less readily. So an
//! attacker with two percent of the documents, or with all pages of a few publishers, makes up about
//! two percent of the sample, or less.
//!
//! **State** 13 bytes for each of up to [`DOCUMENTS_MAX`] documents, and the sample itself: 8 MiB.

use std::{collections::VecDeque, sync::Arc};

use super::facts::DocumentFacts;
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    lookup::Horizon,
    text::{Language, Seed, Token, hash::mix},
    usage::Sample,
};

/// Most documents that are drawn.
const DOCUMENTS_MAX: usize = 8192;
/// Documents of one publisher that are drawn as readily as any other's.
const PUBLISHER_DOCUMENTS: u32 = 8;

/// What is drawn of the stream, and what the models in force were learned from.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamSample {
    /// Lot, sequence number and language of the documents drawn so far.
    drawn: Vec<(u64, SeqNo, Language)>,
    /// The same of documents that were settled too lately to take part.
    waiting: VecDeque<(u64, SeqNo, Language)>,
    /// The largest lot that is still of use, once enough were drawn.
    largest: Option<u64>,
    /// The documents that models were learned from last, and when that was.
    sample: Arc<Sample>,
    learned_at: SeqNo,
}

impl StreamSample {
    /// The documents to learn from beside the background's.
    pub(super) fn sample(&self) -> &Sample {
        &self.sample
    }

    /// Whether models were learned from the stream yet.
    pub(super) fn has_learned(&self) -> bool {
        self.learned_at > 0
    }

    /// Lets a settled document take part in the draw.
    pub(super) fn offer(&mut self, seed: Seed, seqno: SeqNo, facts: &DocumentFacts) {
        let handicap = (facts.sequence / PUBLISHER_DOCUMENTS).max(1);
        let lot = (mix(seed.0 ^ mix(u64::from(seqno))) >> 16).saturating_mul(u64::from(handicap));
        self.waiting.push_back((lot, seqno, facts.language));
    }

    /// Lets the documents take part that were settled before `settled`.
    fn publish(&mut self, settled: SeqNo) {
        while let Some(&offered) = self.waiting.front().filter(|offered| offered.1 < settled) {
            self.waiting.pop_front();
            if self.largest.is_none_or(|largest| offered.0 <= largest) {
                self.drawn.push(offered);
            }
            if self.drawn.len() >= 2 * DOCUMENTS_MAX {
                self.thin();
            }
        }
    }

    /// Drops the largest lots.
    fn thin(&mut self) {
        self.drawn.sort_unstable();
        self.drawn.truncate(DOCUMENTS_MAX);
        if self.drawn.len() == DOCUMENTS_MAX {
            self.largest = self.drawn.last().map(|d| d.0);
        }
    }

    /// Takes documents settled before `epoch - window` into a new sample, if it is time to learn
    /// again: after `first` documents, and then each time that there are twice as many. Returns
    /// whether it was.
    pub(super) fn draw(&mut self, epoch: SeqNo, window: u32, first: u32, horizon: &dyn Horizon) -> bool {
        let settled = epoch.saturating_sub(window);
        self.publish(settled);
        if settled < first.max(self.learned_at.saturating_mul(2)) {
            return false;
        }
        self.thin();
        let read = |&(_, seqno, language): &(u64, SeqNo, Language)| Some((language, horizon.tokens(seqno)?));
        let drawn: Vec<(Language, Arc<[Token]>)> = self.drawn.iter().filter_map(read).collect();
        self.sample = Arc::new(Sample::draw(drawn.iter().map(|(language, tokens)| (*language, tokens))));
        self.learned_at = settled;
        true
    }

    pub(super) fn bytes(&self) -> usize {
        (self.drawn.len() + self.waiting.len()) * size_of::<(u64, SeqNo, Language)>() + self.sample.bytes()
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u64(self.drawn.len() as u64);
        out.u64(self.waiting.len() as u64);
        for &(lot, seqno, language) in self.drawn.iter().chain(&self.waiting) {
            out.u64(lot);
            out.u32(seqno);
            out.u8(language.index());
        }
        out.u8(u8::from(self.largest.is_some()));
        out.u64(self.largest.unwrap_or_default());
        out.u32(self.learned_at);
        self.sample.save(out);
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut sample = Self::default();
        let (drawn, waiting) = (from.len(13)?, from.len(13)?);
        for i in 0..drawn + waiting {
            let (lot, seqno, language) = (from.u64()?, from.u32()?, from.u8()?);
            let language = Language::from_index(language).ok_or(from.corrupt("a known language"))?;
            if i < drawn { sample.drawn.push((lot, seqno, language)) } else { sample.waiting.push_back((lot, seqno, language)) }
        }
        let is_thinned = from.u8()? != 0;
        let largest = from.u64()?;
        sample.largest = is_thinned.then_some(largest);
        sample.learned_at = from.u32()?;
        sample.sample = Arc::new(Sample::load(from)?);
        Ok(sample)
    }
}
