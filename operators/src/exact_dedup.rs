//! Exact duplicates: has this very text been seen before, and is the one seen still in the corpus?
//!
//! **Finds** texts that look equal to a reader, but for white space: they are compared in one
//! [form](crate::text::form) for each letter, without characters that show nothing. Case and digits
//! count. The form is known by a blake3 digest of 128 bits, so nobody can prepare two texts that
//! collide.
//! **Misses** any edit, even of one character: `near_dup` is for those.
//!
//! Only a clean document makes another its duplicate. If the earlier document is itself a copy, the
//! document that it is a copy of is named. The operator keeps up to eight sequence numbers of a
//! text. The first four are kept because the earliest clean document is named, and the first ones
//! are the likeliest to have been clean when nobody had heard of the text. The newest four are kept
//! because whoever posts four bad copies first must not hide all later good ones.
//!
//! **Cost** is one look-up a document, about 100 ns. **State** is 24 bytes a slot at a load of .71
//! to .80, so 32 bytes (+-10%) for each distinct text, and 28 more for a text that was seen twice
//! or more; [`Config::documents_max`] bounds it. The older half of the documents is forgotten as a
//! whole at an epoch boundary; a text that is met again takes its sequence numbers along.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    config::OperatorConfig,
    document::{Document, SeqNo},
    finding::{Evidence, Finding, Reason, Score},
    lookup::{Fate, Horizon, Ledger, Recollection},
    merge_index::MergeIndex,
    mode::Mode,
    operator::{Operator, Persist, ReplayRecord, Role, Scene, Settled, Tick, key_shard_of},
    table::slots::{Load, Slot, Slots},
    text::{
        Seed,
        hash::{mix, reduce},
    },
};

/// `[operators.exact_dedup]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Documents whose texts are remembered; right after the older half was forgotten, half as
    /// many. Default 16,777,216 (0.5 GB).
    pub documents_max: u32,
    /// Texts of fewer words are never duplicates. Default 12.
    pub words_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            // Half a gigabyte at most: several times what near_dup remembers by default, since an
            // entry costs a fifth.
            documents_max: 1 << 24,
            // A stub such as "page not found" does not tell who copied whom; a long sentence does.
            words_min: 12,
        }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn words_read(&self) -> usize {
        self.words_min as usize
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let got = self.documents_max;
        if got >= DOCUMENTS_LEAST {
            Vec::new()
        } else {
            vec![("documents_max", format!("got {got}, expected at least {DOCUMENTS_LEAST}"))]
        }
    }

    fn layout(&self) -> Vec<(&'static str, u64)> {
        vec![("documents_max", self.documents_max.into())]
    }

    fn reach(&self) -> SeqNo {
        self.documents_max
    }
}

const DOCUMENTS_LEAST: u32 = 16;
const DOMAIN: u64 = 0x6578_6163_7400;
/// How many sequence numbers of a text are kept besides the first one: the next three and the
/// newest four.
const MORE: usize = 7;
const MORE_FIRST: usize = 3;
const LOAD_MAX: Load = Load { keys: 4, slots: 5 };

/// See the [module documentation](self).
#[derive(Debug)]
pub struct ExactDedup {
    config: Config,
    seed: Seed,
    /// Number of the half of `documents_max` that the latest epoch boundary lies in.
    generation: u32,
}

impl ExactDedup {
    /// Makes an operator that has seen nothing. Values that [`OperatorConfig::problems`] complains
    /// about are raised to the least allowed ones.
    #[must_use]
    pub fn new(mut config: Config, seed: Seed) -> Self {
        config.documents_max = config.documents_max.max(DOCUMENTS_LEAST);
        Self { config, seed, generation: 0 }
    }

    fn generation_of(&self, epoch: SeqNo) -> u32 {
        epoch / (self.config.documents_max / 2)
    }

    fn is_long_enough(&self, document: &Document) -> bool {
        let least = self.config.words_min as usize;
        document.own_ids().iter().filter(|t| t.is_alphanumeric()).take(least).count() == least
    }
}

/// A text as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextKey {
    /// The keyed hash of the digest, which decides the key shard and the place in the table. The
    /// digest itself can be computed by anybody, so its bits alone would let an author crowd one
    /// place of the table.
    hash: u64,
    digest: [u64; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TextSlot {
    digest: [u64; 2],
    /// The first sequence number plus one; 0 says that the slot is empty.
    first: u32,
    /// The index of the further sequence numbers in `more`, plus one; 0 says that there are none.
    more: u32,
}

impl Slot for TextSlot {
    #[inline]
    fn is_empty(&self) -> bool {
        self.first == 0
    }
}

/// It grows by an eighth, so that memory follows the texts closely.
#[derive(Clone, Debug, Default)]
struct TextTable {
    slots: Slots<TextSlot>,
    /// Sequence numbers plus one, oldest first; 0 says that there is none.
    more: Vec<[u32; MORE]>,
}

impl TextTable {
    /// The slot of the key, or the empty one where it belongs.
    fn find(&self, seed: Seed, digest: [u64; 2]) -> usize {
        self.slots.find(home(seed, digest, self.slots.len()), |_, entry| entry.digest == digest)
    }

    fn seqnos(&self, seed: Seed, key: &TextKey) -> Vec<SeqNo> {
        if self.slots.len() == 0 {
            return Vec::new();
        }
        let entry = self.slots.key(self.find(seed, key.digest));
        if entry.is_empty() {
            return Vec::new();
        }
        let more = entry.more.checked_sub(1).and_then(|i| self.more.get(i as usize));
        std::iter::once(entry.first).chain(more.into_iter().flatten().copied().filter(|&o| o != 0)).map(|o| o - 1).collect()
    }

    /// Sets the sequence numbers of a key, in ascending order; there must be at least one.
    fn store(&mut self, seed: Seed, key: &TextKey, seqnos: &[SeqNo]) {
        let Some((&first, rest)) = seqnos.split_first() else { return };
        if self.slots.is_full(LOAD_MAX) {
            self.slots.rebuild(self.slots.one_eighth_more(), 0, |entry, slots| home(seed, entry.digest, slots), |()| true);
        }
        let at = self.find(seed, key.digest);
        let mut more = self.slots.key(at).more;
        if more == 0 && !rest.is_empty() {
            if self.more.len() == self.more.capacity() {
                self.more.reserve_exact(self.more.len() / 8 + 8);
            }
            self.more.push([0; MORE]);
            more = self.more.len() as u32;
        }
        self.slots.put(at, TextSlot { digest: key.digest, first: first + 1, more }, ());
        if !rest.is_empty() {
            let more = &mut self.more[more as usize - 1];
            *more = [0; MORE];
            more.iter_mut().zip(rest).for_each(|(to, &from)| *to = from + 1);
        }
    }

    fn bytes(&self) -> usize {
        self.slots.bytes() + self.more.capacity() * size_of::<[u32; MORE]>()
    }
}

/// By the bits below the top four, which are the same throughout a key shard.
fn home(seed: Seed, digest: [u64; 2], slots: usize) -> usize {
    reduce(hash_of(seed, digest) << 4, slots)
}

fn hash_of(seed: Seed, digest: [u64; 2]) -> u64 {
    mix(seed.number(DOMAIN, digest[0]) ^ digest[1])
}

/// The texts of one key shard: those that were met in the current half of the documents, and those
/// of the half before.
#[derive(Clone, Debug)]
pub struct TextShard {
    seed: Seed,
    current: TextTable,
    previous: TextTable,
}

impl TextShard {
    fn seqnos(&self, key: &TextKey) -> Vec<SeqNo> {
        // A text that was met again was carried over with all its sequence numbers, so the current
        // table then knows all.
        let known = self.current.seqnos(self.seed, key);
        if known.is_empty() { self.previous.seqnos(self.seed, key) } else { known }
    }

    /// Passes from half number `from` of the documents to half number `to`.
    fn turn(&mut self, from: u32, to: u32) {
        for _ in from..to.min(from.saturating_add(2)) {
            self.previous = std::mem::take(&mut self.current);
        }
    }
}

/// Nothing is saved here: the texts are taken in again from the replay log.
impl Persist for TextShard {
    fn save(&self, _: &mut Encoder) {}

    fn load(&mut self, _: &mut Decoder<'_>) -> Result<(), Corrupt> {
        Ok(())
    }
}

impl Persist for ExactDedup {
    fn save(&self, out: &mut Encoder) {
        out.u32(self.generation);
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.generation = from.u32()?;
        Ok(())
    }
}

impl Operator for ExactDedup {
    const NAME: &'static str = "exact_dedup";
    const ROLE: Role = Role::Copies;
    const RECOLLECTION: Recollection = Recollection::Nothing;
    type Config = Config;
    type Probe = Option<TextKey>;
    type KeyShard = TextShard;
    type Answer = Vec<SeqNo>;
    type Facts = ();
    /// Earlier documents with the same text, oldest first.
    type Proposal = Vec<SeqNo>;

    fn key_shard(&self) -> TextShard {
        TextShard { seed: self.seed, current: TextTable::default(), previous: TextTable::default() }
    }

    fn probe(&self, document: &Document) -> Option<TextKey> {
        let number = u128::from_le_bytes(document.digest);
        let digest = [number as u64, (number >> 64) as u64];
        self.is_long_enough(document).then(|| TextKey { hash: hash_of(self.seed, digest), digest })
    }

    fn fold(&self, shard: &mut TextShard, index: usize, tick: Tick, probe: &Option<TextKey>) -> Vec<SeqNo> {
        let Some(key) = probe.as_ref().filter(|key| key_shard_of(key.hash) == index) else { return Vec::new() };
        let earlier = shard.seqnos(key);
        // A document that inspectors alone withhold can never be what others copy, so it is not
        // stored.
        if tick.votes {
            let mut kept = kept(&earlier);
            kept.push(tick.seqno);
            shard.current.store(shard.seed, key, &kept);
        }
        earlier
    }

    fn describe(&self, _: &Document, _: &Option<TextKey>, _: &[Vec<SeqNo>]) {}

    fn remember(&mut self, _: SeqNo, _: Option<()>) {}

    fn judge(&self, _: &Document, _: &Option<TextKey>, answers: &[Vec<SeqNo>], _: &Scene<'_, Self>) -> Vec<SeqNo> {
        // Only the key shard that owns the text answers.
        answers.iter().find(|a| !a.is_empty()).cloned().unwrap_or_default()
    }

    fn settle(
        &mut self,
        tick: Tick,
        _: &Document,
        _: &Option<TextKey>,
        proposal: Vec<SeqNo>,
        suspect: bool,
        ledger: &dyn Ledger,
        _: &dyn Horizon,
    ) -> Settled {
        if suspect {
            return Settled::default();
        }
        let clean = proposal.into_iter().filter_map(|candidate| representative(candidate, ledger));
        let findings = clean.filter(|&of| of < tick.seqno).min().map(|of| {
            let evidence = Evidence { matched: Some(of), ..Evidence::default() };
            Finding { evidence, ..Finding::new(Self::NAME, Reason::ExactDuplicate, Score::ONE) }
        });
        Settled { findings: findings.into_iter().collect(), recalls: Vec::new() }
    }

    fn begin_epoch(&mut self, epoch: SeqNo, _: &[SeqNo], shards: &mut [TextShard], _: &dyn Horizon) {
        let generation = self.generation_of(epoch);
        for shard in shards {
            shard.turn(self.generation, generation);
        }
        self.generation = generation;
    }

    /// Writes 16 bytes of digest, and 4 for each sequence number that is kept beside this one. This
    /// is the entry as it was stored, so that no older replay record is needed for it.
    fn replay_record(&self, tick: Tick, probe: &Option<TextKey>, answers: &[Vec<SeqNo>], folded: u16, out: &mut Encoder) {
        let Some(key) = probe.as_ref().filter(|key| tick.votes && folded >> key_shard_of(key.hash) & 1 == 1) else { return };
        out.u64(key.digest[0]);
        out.u64(key.digest[1]);
        for seqno in kept(&answers[key_shard_of(key.hash)]) {
            out.u32(seqno);
        }
    }

    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo {
        self.generation_of(epoch).saturating_sub(1) * (self.config.documents_max / 2)
    }

    fn refold(&self, shard: &mut TextShard, index: usize, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        let mut generation = self.generation;
        for record in run {
            let now = self.generation_of(record.epoch);
            shard.turn(generation, now);
            generation = now;
            if record.bytes.is_empty() {
                continue;
            }
            let mut from = Decoder::new(record.bytes);
            let digest = [from.u64()?, from.u64()?];
            let hash = hash_of(self.seed, digest);
            if key_shard_of(hash) != index {
                continue;
            }
            let mut seqnos: Vec<SeqNo> = Vec::with_capacity(1 + MORE);
            while from.end().is_err() && seqnos.len() < MORE {
                seqnos.push(from.u32()?);
            }
            from.end()?;
            seqnos.push(record.seqno);
            if seqnos.windows(2).any(|o| o[0] >= o[1]) {
                return Err(from.corrupt("sequence numbers in ascending order"));
            }
            shard.current.store(self.seed, &TextKey { hash, digest }, &seqnos);
        }
        Ok(())
    }

    fn recollect(&mut self, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        self.generation = run.last().map_or(self.generation, |record| self.generation_of(record.epoch));
        Ok(())
    }

    fn state_bytes(&self, shards: &[TextShard]) -> Vec<(&'static str, usize)> {
        vec![("texts", shards.iter().map(|s| s.current.bytes() + s.previous.bytes()).sum())]
    }

    fn merge_index(config: &Config) -> Option<Box<dyn MergeIndex>> {
        Some(Box::new(ExactMergeIndex { documents_max: config.documents_max as usize, by_digest: HashMap::new() }))
    }
}

/// Which of its earlier sequence numbers a text keeps when one more is added.
fn kept(earlier: &[SeqNo]) -> Vec<SeqNo> {
    let mut kept = earlier.to_vec();
    if kept.len() > MORE {
        kept.remove(1 + MORE_FIRST);
    }
    kept
}

/// The first clean document of each text in the file shards so far; 24 bytes each.
struct ExactMergeIndex {
    documents_max: usize,
    by_digest: HashMap<[u64; 2], u32>,
}

impl MergeIndex for ExactMergeIndex {
    fn reason(&self) -> Reason {
        Reason::ExactDuplicate
    }

    fn find(&self, record: &[u8]) -> Result<Option<u32>, Corrupt> {
        Ok(replayed_digest(record)?.and_then(|digest| self.by_digest.get(&digest)).copied())
    }

    fn add(&mut self, number: u32, record: &[u8]) -> Result<(), Corrupt> {
        if let Some(digest) = replayed_digest(record)?.filter(|_| self.by_digest.len() < self.documents_max) {
            self.by_digest.entry(digest).or_insert(number);
        }
        Ok(())
    }
}

/// The digest of the text whose replay record this is; `None` where none was left.
fn replayed_digest(record: &[u8]) -> Result<Option<[u64; 2]>, Corrupt> {
    if record.is_empty() {
        return Ok(None);
    }
    let mut from = Decoder::new(record);
    Ok(Some([from.u64()?, from.u64()?]))
}

/// The clean document that `candidate` stands for: itself, or the one that it is a copy of.
pub(crate) fn representative(candidate: SeqNo, ledger: &dyn Ledger) -> Option<SeqNo> {
    match ledger.fate(candidate) {
        Fate::Clean => Some(candidate),
        Fate::Duplicate(of) => (ledger.fate(of) == Fate::Clean).then_some(of),
        Fate::Quarantined | Fate::Recalled | Fate::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        conformance::{SEED, ScriptOutcome, Step, check, document},
        operator::KEY_SHARDS,
    };

    fn text(number: usize) -> String {
        format!("a text of more than twelve words, so that it counts, and it is known by the number {number}")
    }

    fn make(documents_max: u32) -> impl Fn() -> ExactDedup {
        move || ExactDedup::new(Config { documents_max, ..Config::default() }, SEED)
    }

    fn matches(steps: &[Step]) -> Vec<Option<SeqNo>> {
        let outcome: ScriptOutcome = check(make(1000), steps, 4, 1 << 20);
        (0..steps.len()).map(|i| outcome.matched(i as SeqNo)).collect()
    }

    fn plain(number: usize) -> Step {
        Step::new(document("a.example", &text(number)))
    }

    #[test]
    fn names_the_first() {
        assert_eq!(matches(&[plain(1), plain(2), plain(1), plain(1), plain(3)]), [None, None, Some(0), Some(0), None]);
    }

    #[test]
    fn digits_count_and_short_texts_never_match() {
        let short = || Step::new(document("a.example", "page not found"));
        assert_eq!(matches(&[short(), short(), plain(10), plain(11)]), [None; 4]);
    }

    #[test]
    fn a_withheld_document_is_neither_copy_nor_copied() {
        let suspect = || Step::suspect(document("a.example", &text(1)));
        let steps = [suspect(), plain(1), suspect(), plain(1), Step::Nothing, suspect()];
        assert_eq!(matches(&steps), [None, None, None, Some(1), None, None]);
    }

    #[test]
    fn a_recalled_document_is_replaced_by_its_first_copy() {
        let recalling = Step::recalling(document("b.example", &text(1)), vec![0]);
        assert_eq!(matches(&[plain(1), plain(1), recalling, plain(1)]), [None, Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn many_bad_copies_first_do_not_hide_later_good_ones() {
        let mut steps: Vec<Step> = (0..12).map(|_| plain(1)).collect();
        steps.push(Step::recalling(document("b.example", &text(2)), (0..12).collect()));
        steps.extend([plain(1), plain(1)]);
        let got = matches(&steps);
        assert_eq!(&got[13..], [None, Some(13)]);
    }

    #[test]
    fn forgets_the_older_half_at_epochs() {
        let mut steps = vec![plain(0), plain(1)];
        steps.extend((100..118).map(plain));
        steps.push(plain(0)); // 20: within the last 32
        steps.extend((200..220).map(plain));
        steps.extend([plain(0), plain(1)]); // 41 is a copy of 0, carried over by 20; 42 comes too late
        let outcome = check(make(32), &steps, 4, KEY_SHARDS * 2 * crate::table::slots::SLOTS_LEAST * 24 + 4096);
        assert_eq!([outcome.matched(20), outcome.matched(41), outcome.matched(42)], [Some(0), Some(0), None]);
    }

    #[test]
    fn bytes_a_text_are_as_documented() {
        let operator = ExactDedup::new(Config::default(), SEED);
        for texts in [30_000_u32, 47_000, 60_000] {
            let mut shards: Vec<TextShard> = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
            for seqno in 0..texts {
                let digest = [mix(u64::from(seqno)), mix(u64::from(seqno) + 7)];
                let key = TextKey { hash: hash_of(SEED, digest), digest };
                let tick = Tick { seqno, epoch: 0, votes: true };
                let shard = key_shard_of(key.hash);
                assert!(operator.fold(&mut shards[shard], shard, tick, &Some(key)).is_empty());
            }
            let each = operator.state_bytes(&shards)[0].1 as f64 / f64::from(texts);
            assert!((28.8..35.2).contains(&each), "{each} bytes a text");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Against a list of all texts, without eviction.
        #[test]
        fn agrees_with_the_obvious(script in prop::collection::vec((0_usize..6, 0_u8..8), 1..60)) {
            let steps: Vec<Step> = script.iter().map(|&(number, kind)| match kind {
                0 => Step::Nothing,
                1 => Step::suspect(document("a.example", &text(number))),
                _ => plain(number),
            }).collect();
            let outcome = check(make(1000), &steps, 4, 1 << 20);
            for (i, &(number, kind)) in script.iter().enumerate() {
                let first = script[..i].iter().position(|&(n, k)| n == number && k > 1);
                prop_assert_eq!(outcome.matched(i as SeqNo), first.filter(|_| kind > 1).map(|f| f as SeqNo));
            }
        }
    }
}
