//! What does the state of one key shard say about a document's phrases, and how does it take the
//! document in?
//!
//! A phrase that is seen once is only noted by the doorkeeper. When it is seen again it becomes a
//! candidate, whose newest 64 carriers are listed. A candidate is tested at every count from 4 to
//! 32 and then after each growth by an eighth. The test here only says whether the full test in
//! `judge` could be positive; it uses bounds that need nothing but this state.

use std::cmp::Reverse;

use super::{
    TriggerSpike,
    probe::{NEW, PhraseProbe, RareNgram},
    score::{FLOOR, LN_MAX, LX_MAX, Logs, excess},
};
use crate::{
    background::RARE,
    codec::{Corrupt, Decoder, Encoder},
    operator::{KEY_SHARDS, Persist, TableCopy, Tick},
    table::{CandidateTable, Copies, Counts, Doorkeeper, Sketch},
    text::hash::mix,
};

/// Number of carriers at which a phrase is first tested.
pub(super) const TEST_MIN: u16 = 4;
/// Number of carriers up to which it is tested at each new one.
const TEST_EACH: u16 = 32;
/// Least number of carriers that is reported to `judge`. Fewer explain nothing, since only 1.5
/// times the count of a phrase under test does, which is at least 4.
const LIVE_REPORTED: u16 = 5;
/// Most phrases of one document that one key shard hands on to be judged, which makes 1,024 in all.
/// If unrelated sites show the same long text, each of its n-grams would otherwise be judged with
/// each page.
const DUE_MAX: usize = 64;
/// Number of carriers in a full list.
pub(super) const LISTED_MAX: usize = 64;
/// Least number of documents of the publisher of a single-site phrase.
pub(super) const SINGLE_SITE_DOCUMENTS: usize = 8;

/// A document that carries a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carrier {
    pub(super) seqno: u32,
    /// Index of the first token of the phrase's first occurrence.
    pub(super) place: u16,
    /// The mark of the publisher: see [`PhraseProbe::mark`].
    mark: u16,
}

impl Carrier {
    pub(super) fn unpack(packed: u64) -> Self {
        Self { seqno: (packed >> 32) as u32, place: (packed >> 16) as u16, mark: packed as u16 }
    }

    fn pack(self) -> u64 {
        u64::from(self.seqno) << 32 | u64::from(self.place) << 16 | u64::from(self.mark)
    }
}

/// A phrase of the document that is worth judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Index in the probe.
    pub(super) ngram: u32,
    /// Number of documents that carry it and vote.
    pub(super) live: u16,
    /// The value of `live` from which on it was due.
    since: u16,
    /// Listed carriers in [`PhraseAnswer::carriers`], oldest first.
    pub(super) from: u32,
    pub(super) to: u32,
}

/// The answer of one key shard to one document.
#[derive(Clone, Debug, Default)]
pub struct PhraseAnswer {
    /// Index in the probe and number of carriers, for phrases that several documents carry.
    pub(super) live: Vec<(u32, u16)>,
    pub(super) due: Vec<Due>,
    pub(super) carriers: Vec<u64>,
    /// Indices of lines that the host shows again and again.
    pub(super) template: Vec<u32>,
    /// The document's number among those of its publisher, counted from 1, if this shard has the
    /// publisher.
    pub(super) sequence: Option<u32>,
}

/// The state of one key shard.
#[derive(Debug)]
pub struct PhraseShard {
    pub(super) doorkeeper: Doorkeeper,
    pub(super) candidates: CandidateTable,
    lines: [Sketch; 2],
    lines_added: u64,
    publishers: Counts,
    limits: ShardLimits,
    copies: Copies<Self>,
}

#[derive(Clone, Copy, Debug)]
struct ShardLimits {
    candidates: usize,
    doorkeeper: usize,
    lines: usize,
    publishers: usize,
}

impl PhraseShard {
    pub(super) fn new(config: &super::Config) -> Self {
        let limits = ShardLimits {
            candidates: config.candidates_max / KEY_SHARDS,
            doorkeeper: config.gate_bytes / KEY_SHARDS,
            lines: config.line_bytes / KEY_SHARDS / 2,
            publishers: config.units_max / KEY_SHARDS,
        };
        Self {
            doorkeeper: Doorkeeper::new(limits.doorkeeper),
            candidates: CandidateTable::new(limits.candidates),
            lines: [Sketch::new(limits.lines), Sketch::new(limits.lines)],
            lines_added: 0,
            publishers: Counts::new(limits.publishers),
            limits,
            copies: Copies::default(),
        }
    }

    pub(super) fn fold(&mut self, operator: &TriggerSpike, index: usize, tick: Tick, probe: &PhraseProbe) -> PhraseAnswer {
        let mut answer = PhraseAnswer::default();
        self.count_lines(index, probe, &mut answer);
        if crate::operator::key_shard_of(probe.publisher) == index {
            answer.sequence = Some(self.publishers.add(probe.publisher, 1));
        }
        if tick.votes {
            self.take_in(operator, index, tick, probe, &mut answer);
        }
        answer
    }

    fn count_lines(&mut self, index: usize, probe: &PhraseProbe, answer: &mut PhraseAnswer) {
        let [young, old] = &mut self.lines;
        for i in probe.lines_of[index]..probe.lines_of[index + 1] {
            // Keys of a key shard have the same upper bits, by which the sketch chooses a line.
            let key = mix(probe.lines[i as usize].key);
            let shown = u32::from(young.add(key)) + u32::from(old.get(key));
            if shown > crate::background::LINE_SHOWN_MAX {
                answer.template.push(i);
            }
        }
        self.lines_added += u64::from(probe.lines_of[index + 1] - probe.lines_of[index]);
    }

    fn take_in(&mut self, operator: &TriggerSpike, index: usize, tick: Tick, probe: &PhraseProbe, answer: &mut PhraseAnswer) {
        let bounds = ScoreBounds::new(operator, tick);
        let own = &probe.ngrams[probe.ngrams_of[index] as usize..probe.ngrams_of[index + 1] as usize];
        // This reads all cache lines at once and not one after the other: a prefetch in safe code.
        std::hint::black_box(own.iter().fold(0, |x, n| x ^ self.candidates.touch(n.hash) ^ self.doorkeeper.touch(n.hash)));
        for i in probe.ngrams_of[index]..probe.ngrams_of[index + 1] {
            let rare = probe.ngrams[i as usize];
            let carrier = Carrier { seqno: tick.seqno, place: rare.place, mark: probe.mark }.pack();
            let Some(slot) = self.candidates.find(rare.hash) else {
                if self.doorkeeper.admit(rare.hash) {
                    self.candidates.insert(rare.hash, carrier, tick.seqno, TEST_MIN);
                }
                continue;
            };
            self.candidates.push(slot, carrier);
            let entry = self.candidates.get_mut(slot);
            if entry.touched < tick.epoch {
                entry.before = entry.live;
            }
            entry.touched = tick.seqno;
            entry.live = entry.live.saturating_add(1);
            let live = entry.live;
            if live >= LIVE_REPORTED {
                answer.live.push((i, live));
            }
            if live < entry.next_test {
                continue;
            }
            let since = entry.next_test;
            entry.next_test = if live < TEST_EACH { live + 1 } else { live.saturating_add(live / 8) };
            let carriers = self.candidates.carriers(slot);
            if bounds.worth_judging(rare, live, carriers) {
                let from = answer.carriers.len() as u32;
                answer.carriers.extend_from_slice(carriers);
                answer.due.push(Due { ngram: i, live, since, from, to: answer.carriers.len() as u32 });
            }
        }
        self.put_off(probe, &mut answer.due);
    }

    /// If more phrases are due than may be judged, keeps those that have waited for the most
    /// carriers, and of equals those with the most carriers, so that no phrase can be hidden behind
    /// others for long. The rest stays due.
    fn put_off(&mut self, probe: &PhraseProbe, due: &mut Vec<Due>) {
        if due.len() <= DUE_MAX {
            return;
        }
        due.sort_unstable_by_key(|d| (Reverse(d.live - d.since), Reverse(d.live), d.ngram));
        for d in due.drain(DUE_MAX..) {
            if let Some(slot) = self.candidates.find(probe.ngrams[d.ngram as usize].hash) {
                self.candidates.get_mut(slot).next_test = d.since;
            }
        }
    }

    /// Takes back the votes of document `seqno` for phrases.
    pub(super) fn withdraw(&mut self, hashes: &[RareNgram], seqno: u32) {
        for n in hashes {
            if let Some(slot) = self.candidates.find(n.hash) {
                self.candidates.withdraw(slot, |x| Carrier::unpack(x).seqno == seqno);
            }
        }
    }

    /// Number of documents that carried the phrase as of the latest epoch boundary, which is
    /// `epoch`, whatever has been folded since.
    pub(super) fn live_at(&self, hash: u64, epoch: u32) -> u16 {
        self.candidates.find(hash).map_or(0, |slot| {
            let entry = self.candidates.get(slot);
            if entry.touched < epoch { entry.live } else { entry.before }
        })
    }

    /// Makes room. How much depends on nothing but the input so far.
    pub(super) fn tidy(&mut self) {
        self.candidates.make_room();
        self.doorkeeper.rotate_if_full();
        self.publishers.make_room();
        if self.lines_added >= self.lines[0].bytes() as u64 / 4 {
            self.lines.swap(0, 1);
            self.lines[0].clear();
            self.lines_added = 0;
        }
    }

    pub(super) fn bytes(&self) -> [(&'static str, usize); 4] {
        let lines = self.lines.iter().map(Sketch::bytes).sum();
        [
            ("candidates", self.candidates.bytes()),
            ("gate", self.doorkeeper.bytes()),
            ("lines", lines),
            ("units", self.publishers.bytes()),
        ]
    }
}

/// A copy has no copies of its own. `clone_from` uses the memory of the old copy again.
impl Clone for PhraseShard {
    fn clone(&self) -> Self {
        Self {
            doorkeeper: self.doorkeeper.clone(),
            candidates: self.candidates.clone(),
            lines: self.lines.clone(),
            publishers: self.publishers.clone(),
            copies: Copies::default(),
            ..*self
        }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { doorkeeper, candidates, lines, lines_added, publishers, limits, copies: _ } = source;
        self.doorkeeper.clone_from(doorkeeper);
        self.candidates.clone_from(candidates);
        self.lines.clone_from(lines);
        self.lines_added = *lines_added;
        self.publishers.clone_from(publishers);
        self.limits = *limits;
    }
}

impl Persist for PhraseShard {
    fn save(&self, out: &mut Encoder) {
        self.doorkeeper.save(out);
        self.candidates.save(out);
        self.lines.iter().for_each(|l| l.save(out));
        out.u64(self.lines_added);
        self.publishers.save(out);
    }

    fn copy_table(&self) -> TableCopy {
        Box::new(self.copies.copy_table(self, |copy, to| {
            copy.save(to);
            copy.candidates.reserve();
        }))
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.doorkeeper = Doorkeeper::load(from)?;
        self.candidates = CandidateTable::load(from, self.limits.candidates)?;
        self.lines = [Sketch::load(from)?, Sketch::load(from)?];
        self.lines_added = from.u64()?;
        self.publishers = Counts::load(from, self.limits.publishers)?;
        let fits = self.doorkeeper.bytes() <= self.limits.doorkeeper.max(64)
            && self.lines.iter().all(|l| l.bytes() <= self.limits.lines.max(64));
        if fits { Ok(()) } else { Err(from.corrupt("tables of the configured size")) }
    }
}

/// Upper bounds of the score of a phrase.
struct ScoreBounds<'a> {
    logs: &'a Logs,
    votes_per_unit: u32,
    units_min: usize,
    seqno: u32,
    documents: f64,
    new_share: f64,
}

impl<'a> ScoreBounds<'a> {
    fn new(operator: &'a TriggerSpike, tick: Tick) -> Self {
        Self {
            logs: &operator.logs,
            votes_per_unit: operator.config.votes_per_unit,
            units_min: operator.config.units_min,
            seqno: tick.seqno,
            documents: f64::from(operator.background.documents()),
            new_share: operator.epoch_view.new_share(),
        }
    }

    fn worth_judging(&self, rare: RareNgram, live: u16, listed: &[u64]) -> bool {
        if self.documents == 0.0 || listed.len() < self.units_min {
            return false;
        }
        let windowed = listed.len() == LISTED_MAX && usize::from(live) > LISTED_MAX;
        let since = if windowed { Carrier::unpack(listed[0]).seqno } else { 0 };
        let expected = (f64::from(rare.df) + 0.5) * f64::from(self.seqno - since + 1) / self.documents;
        let unlisted = usize::from(!windowed && usize::from(live) > listed.len());
        let any_new = listed.iter().any(|&x| x as u16 & NEW != 0);
        let most = self.logs.l1(listed.len() + unlisted, expected);
        if most + if any_new { LN_MAX + LX_MAX } else { 0.0 } < FLOOR && (rare.df > 1 || !any_new) {
            return false;
        }
        let (publishers, votes, new, largest_new) = self.count(listed);
        if publishers < self.units_min {
            return rare.df <= 1 && largest_new >= SINGLE_SITE_DOCUMENTS && largest_new * 2 >= listed.len();
        }
        let l1 = self.logs.l1(votes + unlisted, expected);
        l1 > 0.0 && l1 + excess(new, publishers, self.new_share).min(LN_MAX) + (new as f64).min(LX_MAX) >= FLOOR
    }

    /// The number of different publishers, their capped votes, how many publishers are new, and the
    /// most documents of a new one.
    fn count(&self, listed: &[u64]) -> (usize, usize, usize, usize) {
        let mut marks = [0u16; LISTED_MAX];
        let marks = &mut marks[..listed.len()];
        marks.iter_mut().zip(listed).for_each(|(m, &x)| *m = x as u16);
        marks.sort_unstable();
        let (mut publishers, mut votes, mut new, mut largest_new) = (0, 0, 0, 0);
        for run in marks.chunk_by(|a, b| a == b) {
            publishers += 1;
            votes += run.len().min(self.votes_per_unit as usize);
            if run[0] & NEW != 0 {
                new += 1;
                largest_new = largest_new.max(run.len());
            }
        }
        (publishers, votes, new, largest_new)
    }
}

const _: () = assert!(RARE < Sketch::MAX, "rare counts are below saturation");

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{
        background::BackgroundOrigin,
        conformance::{self, document},
        learn::{LearnOptions, Learner},
        operator::Operator,
        trigger_spike::Config,
    };

    /// One shard after another; how often each phrase was handed on, and how many of one document
    /// at most.
    #[test]
    fn a_long_text_on_many_sites_is_judged_in_turns() {
        let mut learner = Learner::new(conformance::SEED, LearnOptions { calibrate: false, ..LearnOptions::default() });
        (0..100).for_each(|i| {
            learner.add(
                "https://known.example",
                "",
                crate::text::Language::UNKNOWN,
                document("known.example", &format!("w{i}")).ids(),
            );
        });
        let publisher = document("known.example", "").publisher;
        let background = Arc::new(learner.finish(BackgroundOrigin::Trusted, &|_, _, _| publisher.clone()));
        let operator = TriggerSpike::new(Config::default(), background, 16);
        let text = (0..1000).map(|i| format!("zorb{i}")).collect::<Vec<_>>().join(" ");
        let mut shards: Vec<PhraseShard> = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
        let (mut judged, mut most, mut phrases) = (BTreeMap::<u64, u32>::new(), 0, 0);
        for seqno in 0..30 {
            let page = document(&format!("site{seqno}.example"), &text);
            let probe = operator.probe(&page);
            phrases = probe.ngrams.len();
            for (index, shard) in shards.iter_mut().enumerate() {
                let answer = shard.fold(&operator, index, Tick { seqno, epoch: 0, votes: true }, &probe);
                most = most.max(answer.due.len());
                answer.due.iter().for_each(|d| *judged.entry(probe.ngrams[d.ngram as usize].hash).or_default() += 1);
            }
        }
        assert_eq!(most, DUE_MAX);
        assert!(phrases > 3 * KEY_SHARDS * DUE_MAX && judged.len() == phrases, "{} of {phrases}", judged.len());
        let (least, often) = (judged.values().min(), judged.values().max());
        assert!(least >= Some(&4) && often <= Some(&12), "in turns: {least:?} to {often:?} times");
    }
}
