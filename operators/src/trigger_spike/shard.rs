//! What does the state of one key shard say about a document's phrases, and how does it take the
//! document in?
//!
//! A phrase that is seen once is only noted by the doorkeeper. When it is seen again it becomes a
//! candidate, whose newest 64 votes are listed. A candidate is tested from 8 votes on after each
//! vote or two, and later after each growth by an eighth. The test here only says whether its rate
//! has risen at all; `judge` weighs the rest.

use std::cmp::Reverse;

use super::{
    config::Config,
    probe::{PhraseKey, PhraseProbe},
    rate::{self, Earlier},
    vote::Vote,
};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    operator::{KEY_SHARDS, Persist, TableCopy, Tick, key_shard_of},
    table::{CandidateTable, Copies, Counts, Doorkeeper, Sketch},
    text::hash::mix,
};

/// Number of votes at which a phrase is first tested.
pub(super) const TEST_MIN: u16 = 8;
/// Number of votes up to which it is tested at every second one.
const TEST_OFTEN: u16 = 24;
/// Stands in for the number of votes of a phrase that is due whether or not it has another vote.
const AGAIN: u16 = 0;
/// Most phrases of one document that one key shard hands on to be judged, which makes 1,024 in all.
/// If unrelated sites show the same long text, each of its n-grams would otherwise be judged with
/// each page.
const DUE_MAX: usize = 64;
/// Number of votes in a full list.
pub(super) const LISTED_MAX: usize = 64;
/// Least deviance of a rate that is worth judging.
pub(super) const DEVIANCE_MIN: f64 = 0.3;
/// Of the phrases whose rate has not risen, one in so many is judged for the sake of the null
/// distribution, and stands for all of them.
pub(super) const SAMPLED: u64 = 16;

/// A phrase of the document that is worth judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Index in the probe.
    pub(super) ngram: u32,
    /// Number of votes.
    pub(super) live: u16,
    /// The value of `live` from which on it was due.
    since: u16,
    /// Whether its rate has not risen, and it stands for others of the kind.
    pub(super) is_sample: bool,
    /// Listed votes in [`PhraseAnswer::votes`], oldest first.
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Numbers of newest votes whose age a [`Trail`] gives.
const MILESTONES: [usize; 8] = [8, 10, 12, 16, 24, 32, 48, 64];

/// How the votes of a phrase lie in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    /// Index in the probe.
    pub(super) ngram: u32,
    /// Number of votes.
    live: u16,
    /// The sequence number from which on there were so many votes as [`MILESTONES`] says.
    since: [u32; MILESTONES.len()],
}

impl Trail {
    fn new(ngram: u32, live: u16, votes: &[Vote]) -> Self {
        let since = |n: usize| votes.len().checked_sub(n).map_or(0, |at| votes[at].seqno);
        Self { ngram, live, since: MILESTONES.map(since) }
    }

    /// The numbers of votes since a sequence number, up to `now`, and before it. Between two milestones
    /// votes count as if they were evenly spread. Of those that are no longer listed as many count as the
    /// larger of two estimates says, since what is in wide use explains an alarm away: spread evenly
    /// from the first document of the stream to the oldest vote that is listed, or at the rate of those
    /// that are.
    pub(super) fn around(&self, first: u32, now: u32) -> (f64, f64) {
        let reached = |&(at, _): &(usize, &u32)| self.since[at] >= first && usize::from(self.live) >= MILESTONES[at];
        let Some((at, &since)) = self.since.iter().enumerate().rfind(reached) else {
            return (0.0, f64::from(self.live));
        };
        let listed = MILESTONES[at] as f64;
        let inside = if MILESTONES[at] == LISTED_MAX && usize::from(self.live) > LISTED_MAX {
            let spread = listed + (f64::from(self.live) - listed) * f64::from(since - first) / f64::from(since.max(1));
            let at_rate = listed / f64::from(now + 1 - since) * f64::from(now + 1 - first);
            spread.max(at_rate).min(f64::from(self.live))
        } else {
            // The next milestone is before `first`, or was never reached: then the first vote is as good.
            let next = MILESTONES.get(at + 1).map_or(LISTED_MAX, |&n| n.min(usize::from(self.live))) as f64;
            let earlier = self.since.get(at + 1).copied().unwrap_or_default();
            listed + (next - listed) * f64::from(since - first) / f64::from((since - earlier).max(1))
        };
        (inside, f64::from(self.live) - inside)
    }
}

/// The answer of one key shard to one document.
#[derive(Clone, Debug, Default)]
pub struct PhraseAnswer {
    /// The phrases with enough votes to explain others, in the order of the probe.
    pub(super) trails: Vec<Trail>,
    pub(super) due: Vec<Due>,
    pub(super) votes: Vec<Vote>,
    /// Indices of lines that the host shows again and again.
    pub(super) template: Vec<u32>,
    /// The document's number among those of its publisher, counted from 1, if this shard has the
    /// publisher.
    pub(super) sequence: Option<u32>,
    /// Whether the document may vote.
    pub(super) may_vote: bool,
}

/// The state of one key shard.
#[derive(Debug)]
pub struct PhraseShard {
    pub(super) doorkeeper: Doorkeeper,
    pub(super) candidates: CandidateTable<Vote>,
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
    pub(super) fn new(config: &Config) -> Self {
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

    /// Takes a document in; `documents` is the number of documents of the background.
    pub(super) fn fold(&mut self, documents: u32, index: usize, tick: Tick, probe: &PhraseProbe) -> PhraseAnswer {
        let mut answer = PhraseAnswer { may_vote: tick.votes, ..PhraseAnswer::default() };
        self.count_lines(index, probe, &mut answer);
        if key_shard_of(probe.publisher) == index {
            answer.sequence = Some(self.publishers.add(probe.publisher, 1));
        }
        if tick.votes {
            self.take_in(documents, index, tick, probe, &mut answer);
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

    fn take_in(&mut self, documents: u32, index: usize, tick: Tick, probe: &PhraseProbe, answer: &mut PhraseAnswer) {
        let own = &probe.ngrams[probe.ngrams_of[index] as usize..probe.ngrams_of[index + 1] as usize];
        // This reads all cache lines at once and not one after the other: a prefetch in safe code.
        std::hint::black_box(own.iter().fold(0, |x, n| x ^ self.candidates.touch(n.hash) ^ self.doorkeeper.touch(n.hash)));
        for n in own {
            self.candidates.touch_carriers(n.hash);
        }
        for i in probe.ngrams_of[index]..probe.ngrams_of[index + 1] {
            let key = probe.ngrams[i as usize];
            let vote = Vote { seqno: tick.seqno, place: key.place, mark: probe.mark, left: key.left, right: key.right };
            let Some(slot) = self.candidates.find(key.hash) else {
                if self.doorkeeper.admit(key.hash) {
                    self.candidates.insert(key.hash, vote, tick.seqno, TEST_MIN);
                }
                continue;
            };
            let counts = vote.counts_beside(self.candidates.carriers(slot));
            if counts {
                self.candidates.push(slot, vote);
            }
            let entry = self.candidates.get_mut(slot);
            entry.touched = tick.seqno;
            entry.live = entry.live.saturating_add(u16::from(counts));
            let (live, since) = (entry.live, entry.next_test);
            if live < TEST_MIN {
                continue;
            }
            let is_due = live >= since && (counts || since == AGAIN);
            if is_due {
                entry.next_test = live + if live < TEST_OFTEN { 2 } else { live / 8 };
            }
            let votes = self.candidates.carriers(slot);
            answer.trails.push(Trail::new(i, live, votes));
            if !is_due {
                continue;
            }
            let is_sample = !has_risen(votes, live, key, documents);
            if !is_sample || is_drawn(key.hash) {
                let from = answer.votes.len() as u32;
                answer.votes.extend_from_slice(votes);
                answer.due.push(Due { ngram: i, live, since, is_sample, from, to: answer.votes.len() as u32 });
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

    /// Makes all phrases due again with their next carriers.
    pub(super) fn judge_again(&mut self) {
        self.candidates.for_each_mut(|candidate| {
            if candidate.live >= TEST_MIN {
                candidate.next_test = AGAIN;
            }
        });
    }

    /// Takes back the votes of document `seqno` for phrases.
    pub(super) fn withdraw(&mut self, keys: &[PhraseKey], seqno: u32) {
        for key in keys {
            if let Some(slot) = self.candidates.find(key.hash) {
                self.candidates.withdraw(slot, |vote| vote.seqno == seqno);
            }
        }
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

/// Whether a phrase is one of those that stand for others.
pub(super) fn is_drawn(hash: u64) -> bool {
    mix(hash).is_multiple_of(SAMPLED)
}

/// Whether the rate of a phrase has risen, in documents of all languages together.
fn has_risen(votes: &[Vote], live: u16, key: PhraseKey, documents: u32) -> bool {
    let mut positions = [0; LISTED_MAX];
    let positions = &mut positions[..votes.len()];
    positions.iter_mut().zip(votes).for_each(|(p, vote)| *p = vote.seqno + 1);
    let earlier = Earlier {
        carriers: f64::from(key.df) + f64::from(unlisted(live, votes.len())),
        documents: f64::from(documents),
        chance: 0.0,
    };
    rate::has_risen(positions, earlier, DEVIANCE_MIN)
}

/// Votes that are no longer listed. The first one never was: only the doorkeeper saw it.
pub(super) fn unlisted(live: u16, listed: usize) -> u16 {
    let beyond = live.saturating_sub(listed as u16);
    if listed < LISTED_MAX { beyond.saturating_sub(1) } else { beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_tells_how_many_votes_lie_behind_a_document() {
        // Of the last two, not all votes are listed.
        for live in [8u16, 11, 22, 40, 64, 100, 300] {
            let votes: Vec<Vote> = (0..live).map(|i| Vote { seqno: u32::from(i) * 10, ..Vote::default() }).collect();
            let trail = Trail::new(0, live, &votes[votes.len().saturating_sub(LISTED_MAX)..]);
            let now = u32::from(live - 1) * 10;
            for first in (0..now).step_by(7) {
                let (inside, before) = trail.around(first, now);
                let exact = votes.iter().filter(|v| v.seqno >= first).count() as f64;
                // Fewer than the least milestone are none.
                let expected = if exact < 8.0 { 0.0 } else { exact };
                assert!((inside - expected).abs() <= 1.5 + expected / 64.0, "{live} votes, {first}: {inside} for {exact}");
                assert!((inside + before - f64::from(live)).abs() < 1e-9);
            }
        }
    }
}
