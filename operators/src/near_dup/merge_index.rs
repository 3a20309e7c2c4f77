//! Which document of an earlier file shard is this one nearly a copy of, by the replay records of
//! both?
//!
//! File shards are filtered apart and joined later, when their texts are no longer at hand.
//! Candidates have a band in common, as they do while a shard is filtered, and the signatures must
//! show the similarity with the margin of a missing text.
//!
//! **Cost** and **state** as of [`super`]: as much is remembered of each document.

use super::{
    Config,
    index::BandShard,
    minhash::bins,
    record::keys_of,
    signatures::{Signatures, similarity},
    verify::{BLIND_MARGIN, Similar},
};
use crate::{
    codec::Corrupt,
    document::SeqNo,
    finding::Reason,
    merge_index::MergeIndex,
    operator::{KEY_SHARDS, key_shard_of},
};

/// The documents of the file shards so far.
#[derive(Debug)]
pub struct NearMergeIndex {
    bins: usize,
    words: usize,
    similarity_min: f64,
    half: u32,
    shards: Vec<BandShard>,
    signatures: Signatures,
    generation: u32,
}

impl NearMergeIndex {
    /// An index of no documents. `config` has to be the one under which the replay records were
    /// written.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let config = config.clamped();
        let bins = bins(config.bands as usize, config.rows as usize);
        Self {
            bins,
            words: Signatures::words(bins),
            similarity_min: (config.similarity_min + BLIND_MARGIN).min(1.0),
            half: config.documents_max / 2,
            shards: (0..KEY_SHARDS).map(|_| BandShard::default()).collect(),
            signatures: Signatures::new(bins),
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
            let similarity = self.estimate(&mine, seqno)?;
            (similarity >= self.similarity_min).then_some(Similar { seqno, similarity })
        }))
    }

    /// Similarity by signature to a document that is still remembered.
    fn estimate(&self, mine: &[u32], other: SeqNo) -> Option<f64> {
        Some(similarity(mine, self.signatures.packed(other)?, self.bins))
    }

    /// The signature at the head of what is kept of a document.
    fn signature(&self, kept: &[u8]) -> Option<Vec<u32>> {
        let words: Vec<u32> = kept.as_chunks::<4>().0.iter().take(self.words).map(|word| u32::from_le_bytes(*word)).collect();
        (words.len() == self.words).then_some(words)
    }
}

impl MergeIndex for NearMergeIndex {
    fn reason(&self) -> Reason {
        Reason::NearDuplicate
    }

    fn find(&self, record: &[u8]) -> Result<Option<u32>, Corrupt> {
        Ok(self.similar(record)?.map(|similar| similar.seqno))
    }

    fn add(&mut self, seqno: u32, record: &[u8]) -> Result<(), Corrupt> {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        codec::Encoder,
        conformance::document,
        near_dup::{NearDup, minhash::SHINGLE},
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
    fn copies_are_found_by_their_replay_records_and_others_are_not() {
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
        // Two halves of `documents_max` later the first ones are forgotten.
        known.add(20, &record(&mut writer, 20, &text(5000))).expect("a replay record");
        assert_eq!(ask(&known, 5, &text(300)), None);
        assert!(known.similar(&[9, 1, 2]).is_err(), "fewer keys than counted");
    }

    /// Shingles of a text, and pairs of texts in a mean.
    const SHINGLES: usize = 400;
    const PAIRS: u64 = 60;

    /// Two texts that begin alike: their similarity is near `j`, and returned exactly.
    fn pair(j: f64) -> (String, String, f64) {
        let shared = (2.0 * SHINGLES as f64 * j / (1.0 + j)).round() as usize;
        let text = |tail: &str| {
            let word = |i: usize| if i < shared + SHINGLE - 1 { format!("w{i}") } else { format!("{tail}{i}") };
            (0..SHINGLES + SHINGLE - 1).map(word).collect::<Vec<_>>().join(" ")
        };
        (text("a"), text("b"), shared as f64 / (2 * SHINGLES - shared) as f64)
    }

    /// The parameters and similarities of the table in the documentation of [`super::super`]:
    /// estimates are those of the operator, and are the true similarity on average.
    #[test]
    fn estimates_are_right_at_every_row_of_the_curve() {
        for (bands, rows) in [(14, 8), (16, 8), (20, 5), (32, 4)] {
            let config = Config { bands, rows, documents_max: 16, ..Config::default() };
            for j in [0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] {
                let (a, b, exact) = pair(j);
                let mut sum = 0.0;
                for seed in 0..PAIRS {
                    let mut operator = NearDup::new(&config, Seed(seed));
                    let records = [record(&mut operator, 0, &a), record(&mut operator, 1, &b)];
                    let mut index = NearMergeIndex::new(&config);
                    index.add(0, &records[0]).expect("a replay record");
                    let mine = index.signature(keys_of(&records[1]).expect("a replay record").1).expect("a signature");
                    let estimate = index.estimate(&mine, 0).expect("a document that was added");
                    assert_eq!(Some(estimate), operator.estimated(1, 0), "{bands} x {rows} at {j}");
                    sum += estimate;
                }
                let mean = sum / PAIRS as f64;
                assert!((mean - exact).abs() < 0.03, "{bands} x {rows}: a similarity of {exact:.3} reads {mean:.3}");
            }
        }
    }
}
