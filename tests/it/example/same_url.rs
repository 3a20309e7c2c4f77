//! The same address again: has a page of this URL passed before, and is that page still in the
//! corpus?
//!
//! **Finds** documents whose URL an earlier clean document has, byte for byte, whatever their text.
//! **Misses** other spellings of an address, and addresses that were met more than
//! [`Config::documents_max`] documents ago.
//!
//! **Cost** one hash and one look-up a document. **State** about 24 bytes for each of the newest
//! `documents_max` addresses.

use std::collections::BTreeMap;

use operators::{
    codec::{Corrupt, Decoder, Encoder},
    config::OperatorConfig,
    document::{Document, SeqNo},
    finding::{Evidence, Finding, Reason, Score},
    lookup::{Fate, Horizon, Ledger},
    mode::Mode,
    operator::{Operator, Persist, ReplayRecord, Role, Scene, Settled, Tick, key_shard_of},
    text::Seed,
};
use serde::{Deserialize, Serialize};

/// `[operators.same_url]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Documents whose addresses are remembered. Default 1,000,000.
    pub documents_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        // What takes 24 MB.
        Self { mode: Mode::Enforce, documents_max: 1_000_000 }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn layout(&self) -> Vec<(&'static str, u64)> {
        vec![("documents_max", self.documents_max.into())]
    }

    fn reach(&self) -> SeqNo {
        self.documents_max
    }
}

/// See the [module documentation](self).
pub struct SameUrl {
    config: Config,
    seed: Seed,
}

impl SameUrl {
    /// An operator that has seen nothing.
    #[must_use]
    pub fn new(config: Config, seed: Seed) -> Self {
        Self { config, seed }
    }

    /// The oldest document whose address is remembered as of an epoch boundary.
    fn oldest(&self, epoch: SeqNo) -> SeqNo {
        epoch.saturating_sub(self.config.documents_max)
    }
}

/// The addresses of one key shard: the hash of each, and the newest document that has it.
#[derive(Default)]
pub struct UrlShard(BTreeMap<u64, SeqNo>);

/// Nothing is saved here: the addresses are taken in again from the replay log.
impl Persist for UrlShard {
    fn save(&self, _: &mut Encoder) {}

    fn load(&mut self, _: &mut Decoder<'_>) -> Result<(), Corrupt> {
        Ok(())
    }
}

/// The operator itself keeps nothing that a restart would need.
impl Persist for SameUrl {
    fn save(&self, _: &mut Encoder) {}

    fn load(&mut self, _: &mut Decoder<'_>) -> Result<(), Corrupt> {
        Ok(())
    }
}

impl Operator for SameUrl {
    const NAME: &'static str = "same_url";
    const ROLE: Role = Role::Copies;
    type Config = Config;
    /// The keyed hash of the address, so that no author can choose where it is stored; `None`
    /// without an address.
    type Probe = Option<u64>;
    type KeyShard = UrlShard;
    /// The newest earlier document with this address.
    type Answer = Option<SeqNo>;
    type Facts = ();
    type Proposal = Option<SeqNo>;

    fn key_shard(&self) -> UrlShard {
        UrlShard::default()
    }

    fn probe(&self, document: &Document) -> Option<u64> {
        (!document.url.is_empty()).then(|| self.seed.bytes(0x7361_6d65_5f75_726c, document.url.as_bytes()))
    }

    fn fold(&self, shard: &mut UrlShard, index: usize, tick: Tick, probe: &Option<u64>) -> Option<SeqNo> {
        let hash = probe.filter(|&hash| key_shard_of(hash) == index)?;
        // A document that inspectors alone withhold can never be what others copy, so it is not
        // stored.
        if tick.votes { shard.0.insert(hash, tick.seqno) } else { shard.0.get(&hash).copied() }
    }

    fn describe(&self, _: &Document, _: &Option<u64>, _: &[Option<SeqNo>]) {}

    fn remember(&mut self, _: SeqNo, _: Option<()>) {}

    fn judge(&self, _: &Document, _: &Option<u64>, answers: &[Option<SeqNo>], _: &Scene<'_, Self>) -> Option<SeqNo> {
        // Only the key shard that owns the address answers.
        answers.iter().flatten().next().copied()
    }

    fn settle(
        &mut self,
        _: Tick,
        _: &Document,
        _: &Option<u64>,
        proposal: Option<SeqNo>,
        suspect: bool,
        ledger: &dyn Ledger,
        _: &dyn Horizon,
    ) -> Settled {
        let candidate = proposal.filter(|_| !suspect);
        let original = candidate.and_then(|candidate| match ledger.fate(candidate) {
            Fate::Clean => Some(candidate),
            Fate::Duplicate(of) => Some(of).filter(|&of| ledger.fate(of) == Fate::Clean),
            Fate::Quarantined | Fate::Recalled | Fate::Unknown => None,
        });
        let finding = original.map(|of| {
            let evidence = Evidence { matched: Some(of), ..Evidence::default() };
            // An operator of the product has a reason of its own.
            Finding { evidence, ..Finding::new(Self::NAME, Reason::ExactDuplicate, Score::ONE) }
        });
        Settled { findings: finding.into_iter().collect(), recalls: Vec::new() }
    }

    fn begin_epoch(&mut self, epoch: SeqNo, _: &[SeqNo], shards: &mut [UrlShard], _: &dyn Horizon) {
        let oldest = self.oldest(epoch);
        for shard in shards {
            shard.0.retain(|_, &mut seqno| seqno >= oldest);
        }
    }

    fn replay_record(&self, tick: Tick, probe: &Option<u64>, _: &[Option<SeqNo>], folded: u16, out: &mut Encoder) {
        // Bit i of `folded` says that key shard i took the document in.
        if let Some(hash) = probe.filter(|&hash| tick.votes && folded >> key_shard_of(hash) & 1 == 1) {
            out.u64(hash);
        }
    }

    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo {
        self.oldest(epoch)
    }

    fn refold(&self, shard: &mut UrlShard, index: usize, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        for record in run.iter().filter(|record| !record.bytes.is_empty()) {
            let mut from = Decoder::new(record.bytes);
            let hash = from.u64()?;
            from.end()?;
            if key_shard_of(hash) == index {
                shard.0.insert(hash, record.seqno);
            }
        }
        let oldest = run.last().map_or(0, |record| self.oldest(record.epoch));
        shard.0.retain(|_, &mut seqno| seqno >= oldest);
        Ok(())
    }

    fn recollect(&mut self, _: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        Ok(())
    }

    fn state_bytes(&self, shards: &[UrlShard]) -> Vec<(&'static str, usize)> {
        vec![("addresses", shards.iter().map(|shard| shard.0.len() * 24).sum())]
    }
}
