//! The operator `near_dup`: which phase does what?
//!
//! `probe` hashes the text, `fold` finds earlier documents with a band in common, `judge` verifies
//! them, and `settle` names the earliest clean one. For cost and state see [`super`].

use super::{
    Config,
    clusters::{Cluster, Clusters},
    index::{BandShard, UNUSED_BITS},
    merge_index::NearMergeIndex,
    minhash::{MinHash, words},
    record::{KEY_BYTES, keys_of},
    signatures::{Signatures, pack, similarity},
    verify::{LOOK_MARGIN, Shingles, Similar, has_words, verify},
};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
    exact_dedup::representative,
    finding::{Evidence, Finding, Reason, Score},
    lookup::{Horizon, Ledger, Recollection},
    merge_index::MergeIndex,
    operator::{Operator, Persist, ReplayRecord, Role, Scene, Settled, Tick, key_shard_of},
    report::ClusterReport,
    text::Seed,
};

/// Candidates verified exactly: so many of the earliest, and as many of the most similar. A page
/// with a hundred earlier copies must not cost a hundred comparisons, and each of them leads to the
/// one document that they copy.
const VERIFIED_EACH: usize = 4;
/// See the [module documentation](super).
#[derive(Debug)]
pub struct NearDup {
    config: Config,
    hash: MinHash,
    signatures: Signatures,
    clusters: Clusters,
    /// Which half of `documents_max`, counted from the start of the stream, the latest epoch
    /// boundary lies in.
    generation: u32,
    /// The latest epoch boundary. Documents since then may still be waiting to be settled.
    epoch: SeqNo,
}

/// What one document asks of the index.
#[derive(Debug, Default)]
pub struct SignatureProbe {
    /// Band keys, ascending. There are none if the document can never be a copy.
    keys: Vec<u64>,
    signature: Vec<u32>,
}

/// What is remembered of one document.
#[derive(Debug)]
pub struct SignatureFacts {
    signature: Vec<u32>,
    publisher: u32,
}

impl NearDup {
    /// An operator that remembers no document. Values that [`OperatorConfig::problems`](crate::config::OperatorConfig::problems) complains about are
    /// moved to the nearest allowed ones.
    #[must_use]
    pub fn new(config: &Config, seed: Seed) -> Self {
        let config = config.clamped();
        let hash = MinHash::new(seed, config.bands, config.rows);
        let signatures = Signatures::new(hash.bins());
        Self { config, hash, signatures, clusters: Clusters::default(), generation: 0, epoch: 0 }
    }

    /// The cluster in which a document is a copy.
    #[must_use]
    pub fn cluster(&self, seqno: SeqNo) -> Option<SeqNo> {
        self.signatures.cluster(seqno)
    }

    fn generation_of(&self, seqno: SeqNo) -> u32 {
        seqno / (self.config.documents_max / 2)
    }

    /// The oldest sequence number that is remembered as of an epoch boundary.
    fn oldest(&self, epoch: SeqNo) -> SeqNo {
        self.generation_of(epoch).saturating_sub(1) * (self.config.documents_max / 2)
    }

    /// Similarity by signature, if the other document is remembered as of `tick`.
    fn estimate(&self, tick: Tick, probe: &SignatureProbe, other: SeqNo) -> Option<f64> {
        let known = (self.oldest(tick.epoch)..tick.seqno).contains(&other);
        let theirs = self.signatures.packed(other).filter(|_| known && !probe.signature.is_empty())?;
        Some(similarity(&probe.signature, theirs, self.hash.bins()))
    }

    /// Candidates that the signature does not rule out and that are worth an exact comparison, by
    /// sequence number.
    fn likely(&self, tick: Tick, probe: &SignatureProbe, answers: &[Vec<SeqNo>]) -> Vec<Similar> {
        let mut candidates: Vec<SeqNo> = answers.iter().flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let estimated = candidates.into_iter().filter_map(|seqno| {
            let similarity = self.estimate(tick, probe, seqno)?;
            (similarity >= self.config.similarity_min - LOOK_MARGIN).then_some(Similar { seqno, similarity })
        });
        let mut likely: Vec<Similar> = estimated.collect();
        if likely.len() > 2 * VERIFIED_EACH {
            let rest = &mut likely[VERIFIED_EACH..];
            rest.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.seqno.cmp(&b.seqno)));
            likely.truncate(2 * VERIFIED_EACH);
            likely.sort_unstable_by_key(|s| s.seqno);
        }
        likely
    }

    /// The first of the representatives of verified candidates that is verified itself, earliest
    /// first.
    fn name(
        &self,
        tick: Tick,
        of: &Document,
        probe: &SignatureProbe,
        similar: &[Similar],
        by: (&dyn Ledger, &dyn Horizon),
    ) -> Option<Similar> {
        let (ledger, horizon) = by;
        let mut clean: Vec<SeqNo> = similar.iter().filter_map(|s| representative(s.seqno, ledger)).collect();
        clean.sort_unstable();
        clean.dedup();
        let mut mine: Option<Shingles> = None;
        clean.into_iter().find_map(|seqno| {
            if let Some(known) = similar.iter().find(|s| s.seqno == seqno) {
                return Some(*known);
            }
            let estimate = self.estimate(tick, probe, seqno)?;
            let theirs = horizon.tokens(seqno);
            let least = self.config.similarity_min;
            let similarity = verify(&self.hash, &of.tokens, &mut mine, theirs.as_deref(), estimate, least)?;
            Some(Similar { seqno, similarity })
        })
    }
}

fn short(publisher: u64) -> u32 {
    (publisher >> 32) as u32
}

impl Persist for NearDup {
    fn save(&self, out: &mut Encoder) {
        out.u32(self.generation);
        out.u32(self.epoch);
        self.clusters.save(out);
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.generation = from.u32()?;
        self.epoch = from.u32()?;
        self.clusters.load(from)
    }
}

impl Operator for NearDup {
    const NAME: &'static str = "near_dup";
    const ROLE: Role = Role::Copies;
    const RECOLLECTION: Recollection = Recollection::Tokens;
    type Config = Config;
    type Probe = SignatureProbe;
    type KeyShard = BandShard;
    type Answer = Vec<SeqNo>;
    type Facts = SignatureFacts;
    /// Verified candidates, oldest first.
    type Proposal = Vec<Similar>;

    fn key_shard(&self) -> BandShard {
        BandShard::default()
    }

    fn probe(&self, document: &Document) -> SignatureProbe {
        let tokens = &document.tokens;
        if tokens.truncated || !has_words(tokens, self.config.words_min) {
            return SignatureProbe::default();
        }
        let minima = self.hash.minima(words(tokens));
        minima.map_or_else(SignatureProbe::default, |m| SignatureProbe { keys: self.hash.keys(&m), signature: pack(&m) })
    }

    fn fold(&self, shard: &mut BandShard, index: usize, tick: Tick, probe: &SignatureProbe) -> Vec<SeqNo> {
        let from = probe.keys.partition_point(|&key| key_shard_of(key) < index);
        let mine = probe.keys[from..].iter().take_while(|&&key| key_shard_of(key) == index);
        let mut earlier = Vec::new();
        for &key in mine.clone() {
            shard.list(key, &mut earlier);
        }
        // A document that is withheld by itself can never be what others copy, so it is not listed.
        for &key in mine.filter(|_| tick.votes) {
            shard.insert(key, tick.seqno);
        }
        earlier.retain(|&seqno| seqno < tick.seqno);
        earlier
    }

    fn describe(&self, document: &Document, probe: &SignatureProbe, _: &[Vec<SeqNo>]) -> SignatureFacts {
        SignatureFacts { signature: probe.signature.clone(), publisher: short(document.publisher.key) }
    }

    fn remember(&mut self, seqno: SeqNo, facts: Option<SignatureFacts>) {
        let kept = facts.as_ref().filter(|m| !m.signature.is_empty());
        self.signatures.push(seqno, kept.map(|m| (m.signature.as_slice(), m.publisher)));
    }

    fn judge(
        &self,
        document: &Document,
        probe: &SignatureProbe,
        answers: &[Vec<SeqNo>],
        scene: &Scene<'_, Self>,
    ) -> Vec<Similar> {
        let mut mine: Option<Shingles> = None;
        let likely = self.likely(scene.tick, probe, answers).into_iter();
        let verified = likely.filter_map(|Similar { seqno, similarity: estimate }| {
            let theirs = scene.horizon.tokens(seqno);
            let least = self.config.similarity_min;
            let similarity = verify(&self.hash, &document.tokens, &mut mine, theirs.as_deref(), estimate, least)?;
            Some(Similar { seqno, similarity })
        });
        verified.collect()
    }

    fn settle(
        &mut self,
        tick: Tick,
        document: &Document,
        probe: &SignatureProbe,
        proposal: Vec<Similar>,
        suspect: bool,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
    ) -> Settled {
        if suspect || proposal.is_empty() {
            return Settled::default();
        }
        let Some(named) = self.name(tick, document, probe, &proposal, (ledger, horizon)) else { return Settled::default() };
        let of = named.seqno;
        let id = self.signatures.cluster(of).unwrap_or(of);
        self.signatures.set_cluster(tick.seqno, id);
        let publisher = self.signatures.publisher(of).unwrap_or_default();
        self.clusters.add(id, (of, publisher), (tick.seqno, short(document.publisher.key)));
        let evidence = Evidence { matched: Some(of), observed: Some(named.similarity), ..Evidence::default() };
        let finding = Finding { evidence, ..Finding::new(Self::NAME, Reason::NearDuplicate, Score::new(named.similarity)) };
        Settled { findings: vec![finding], recalls: Vec::new() }
    }

    fn begin_epoch(&mut self, epoch: SeqNo, _: &[SeqNo], shards: &mut [BandShard], _: &dyn Horizon) {
        // Documents since the epoch boundary before may still be settled, as of that epoch boundary.
        let oldest = self.oldest(self.epoch);
        self.signatures.forget(oldest);
        self.clusters.forget(oldest);
        let generation = self.generation_of(epoch);
        for shard in shards {
            shard.turn(self.generation, generation);
        }
        self.generation = generation;
        self.epoch = epoch;
    }

    /// One byte for the number of keys, 5 for each key, and what is kept of the document: 107 bytes
    /// at 112 minima in 14 bands.
    fn replay_record(&self, tick: Tick, probe: &SignatureProbe, _: &[Vec<SeqNo>], folded: u16, out: &mut Encoder) {
        let keys: Vec<u64> =
            probe.keys.iter().copied().filter(|&key| tick.votes && folded >> key_shard_of(key) & 1 == 1).collect();
        let kept = self.signatures.all(tick.seqno);
        let known = kept.iter().any(|&word| word != 0);
        if keys.is_empty() && !known {
            return;
        }
        out.u8(keys.len() as u8);
        for key in keys {
            out.bytes.extend_from_slice(&(key >> UNUSED_BITS).to_le_bytes()[..KEY_BYTES]);
        }
        for &word in kept.iter().filter(|_| known) {
            out.u32(word);
        }
    }

    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo {
        self.oldest(epoch)
    }

    fn refold(&self, shard: &mut BandShard, index: usize, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        let mut generation = self.generation;
        for record in run {
            let now = self.generation_of(record.epoch);
            shard.turn(generation, now);
            generation = now;
            for key in keys_of(record.bytes)?.0 {
                if key_shard_of(key) == index {
                    shard.insert(key, record.seqno);
                }
            }
        }
        Ok(())
    }

    fn recollect(&mut self, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        for record in run {
            if record.epoch != self.epoch {
                self.signatures.forget(self.oldest(self.epoch));
                self.epoch = record.epoch;
                self.generation = self.generation_of(record.epoch);
            }
            let (_, kept) = keys_of(record.bytes)?;
            if kept.is_empty() {
                self.signatures.push(record.seqno, None);
                continue;
            }
            let words: Vec<u32> = kept.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            self.signatures.restore(record.seqno, &words)?;
        }
        Ok(())
    }

    fn state_bytes(&self, shards: &[BandShard]) -> Vec<(&'static str, usize)> {
        let bands = shards.iter().map(BandShard::bytes).sum();
        vec![("bands", bands), ("signatures", self.signatures.bytes()), ("clusters", self.clusters.bytes())]
    }

    fn clusters(&self) -> Vec<ClusterReport> {
        let report = |(id, cluster): (SeqNo, &Cluster)| {
            let (documents, publishers) = (cluster.size, cluster.publishers());
            ClusterReport { id, documents, publishers }
        };
        self.clusters.iter().map(report).collect()
    }

    fn merge_index(config: &Config) -> Option<Box<dyn MergeIndex>> {
        Some(Box::new(NearMergeIndex::new(config)))
    }
}

#[cfg(test)]
impl NearDup {
    /// What the signatures of two remembered documents say about their similarity.
    pub(super) fn estimated(&self, a: SeqNo, b: SeqNo) -> Option<f64> {
        Some(similarity(self.signatures.packed(a)?, self.signatures.packed(b)?, self.hash.bins()))
    }
}

#[cfg(test)]
#[path = "copies_tests.rs"]
mod tests;
