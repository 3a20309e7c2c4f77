//! Which document of an earlier part is this one nearly a copy of, by what both have left in a log?
//!
//! For parts that were filtered apart and are joined later, when the texts are no longer at hand: candidates meet in a band,
//! as they do while a part is filtered, and the signature must show the similarity with the margin of a missing text.
//!
//! **Cost** and **state** as of [`super::copies`], of which as much is remembered.

use super::{
    Config,
    copies::{Similar, keys_of},
    index::Shard,
    signatures::{Signatures, similarity},
    verify::BLIND_MARGIN,
};
use crate::{
    codec::Corrupt,
    document::SeqNo,
    operator::{KEY_SHARDS, key_shard_of},
};

/// The documents of the parts so far.
#[derive(Debug)]
pub struct NearMergeIndex {
    places: usize,
    words: usize,
    similarity_min: f64,
    half: u32,
    shards: Vec<Shard>,
    signatures: Signatures,
    generation: u32,
}

impl NearMergeIndex {
    /// Knows nothing yet; `config` is the one under which the replay records were written.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let config = config.clamped();
        let places = (config.bands * config.rows) as usize;
        Self {
            places,
            words: Signatures::words(places),
            similarity_min: (config.similarity_min + BLIND_MARGIN).min(1.0),
            half: config.documents_max / 2,
            shards: (0..KEY_SHARDS).map(|_| Shard::default()).collect(),
            signatures: Signatures::new(places),
            generation: 0,
        }
    }

    /// The earliest document that the one with this replay record is nearly a copy of.
    ///
    /// # Errors
    /// If the bytes are no replay record of such a document.
    pub fn similar(&self, record: &[u8]) -> Result<Option<Similar>, Corrupt> {
        let (keys, kept) = keys_of(record)?;
        let mut candidates = Vec::new();
        for key in keys {
            self.shards[key_shard_of(key)].list(key, &mut candidates);
        }
        candidates.sort_unstable();
        candidates.dedup();
        let Some(mine) = self.signature(kept) else { return Ok(None) };
        Ok(candidates.into_iter().find_map(|seqno| {
            let theirs = self.signatures.packed(seqno)?;
            let similarity = similarity(&mine, theirs, self.places);
            (similarity >= self.similarity_min).then_some(Similar { seqno, similarity })
        }))
    }

    /// Takes a document in. Sequence numbers ascend; those left out are never copied.
    ///
    /// # Errors
    /// If the bytes are no replay record of a document.
    pub fn add(&mut self, seqno: SeqNo, record: &[u8]) -> Result<(), Corrupt> {
        let generation = seqno / self.half;
        for shard in &mut self.shards {
            shard.turn(self.generation, generation);
        }
        self.signatures.forget(generation.saturating_sub(1) * self.half);
        self.generation = generation;
        let (keys, kept) = keys_of(record)?;
        let Some(mine) = self.signature(kept) else { return Ok(()) };
        self.signatures.push(seqno, Some((&mine, 0)));
        for key in keys {
            self.shards[key_shard_of(key)].insert(key, seqno);
        }
        Ok(())
    }

    /// The signature at the head of what is kept of a document.
    fn signature(&self, kept: &[u8]) -> Option<Vec<u32>> {
        let words: Vec<u32> = kept.as_chunks::<4>().0.iter().take(self.words).map(|word| u32::from_le_bytes(*word)).collect();
        (words.len() == self.words).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        codec::Encoder,
        conformance::document,
        near_dup::NearDup,
        operator::{Operator, Tick},
        text::Seed,
    };

    fn record(operator: &mut NearDup, seqno: SeqNo, text: &str) -> Vec<u8> {
        let document = document("a.example", text);
        let probe = operator.probe(&document);
        let facts = operator.describe(&document, &probe, &[]);
        operator.remember(seqno, Some(facts));
        let mut out = Encoder::default();
        operator.replay_record(Tick { seqno, epoch: 0, votes: true }, &probe, &[], u16::MAX, &mut out);
        out.bytes
    }

    fn text(from: usize) -> String {
        (from..from + 200).map(|i| format!("word{}", i * 7919 % 1009)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn copies_are_found_by_their_traces_and_others_are_not() {
        let config = Config { documents_max: 16, ..Config::default() };
        let mut operator = NearDup::new(&config, Seed(5));
        let mut known = NearMergeIndex::new(&config);
        let mut ask = |known: &NearMergeIndex, seqno, text: &str| {
            known.similar(&record(&mut operator, seqno, text)).expect("a replay record")
        };
        assert_eq!(ask(&known, 0, &text(0)), None);
        let mut writer = NearDup::new(&config, Seed(5));
        for seqno in 0..3 {
            known.add(seqno, &record(&mut writer, seqno, &text(seqno as usize * 300))).expect("a replay record");
        }
        let nearly = text(300).replace(" word31", " other31");
        assert_eq!(ask(&known, 1, &text(300)).map(|s| s.seqno), Some(1));
        let similar = ask(&known, 2, &nearly).expect("a near copy");
        assert!(similar.seqno == 1 && similar.similarity >= 0.85 && similar.similarity < 1.0, "{similar:?}");
        assert_eq!(ask(&known, 3, &text(150)), None, "half of it is not enough");
        assert_eq!(ask(&known, 4, "too short to be a copy"), None);
        // Two halves later the first ones are forgotten.
        known.add(20, &record(&mut writer, 20, &text(5000))).expect("a replay record");
        assert_eq!(ask(&known, 5, &text(300)), None);
        assert!(known.similar(&[9, 1, 2]).is_err(), "fewer keys than counted");
    }
}
