//! The key shards hand on the same votes as a slow and simple second implementation of them, which
//! remembers everything in maps, on random streams.

use std::collections::BTreeMap;

use super::super::{
    Config, TriggerSpike,
    rate::{self, Earlier},
    shard::{DEVIANCE_MIN, SAMPLED, TEST_MIN},
    vote::Vote,
};
use super::background;
use crate::{
    conformance::document,
    operator::{KEY_SHARDS, Operator, Tick},
    text::hash::mix,
};

/// What is remembered of a phrase: all its votes, and at how many it is tested next.
#[derive(Default)]
struct Phrase {
    occurrences: usize,
    votes: Vec<Vote>,
    next_test: usize,
}

/// A vote counts unless its publisher has its share already, or repeats itself.
fn counts(vote: Vote, listed: &[Vote]) -> bool {
    let mut marks: Vec<u16> = listed.iter().map(|v| v.mark).collect();
    marks.sort_unstable();
    marks.dedup();
    let own: Vec<&Vote> = listed.iter().filter(|v| v.mark == vote.mark).collect();
    let same = own.iter().filter(|v| v.left == vote.left && v.right == vote.right).count();
    same < 2 && own.len() < (32 / marks.len().clamp(1, 8)).max(4)
}

/// Pages of few words, so that phrases recur, on few sites, some of which repeat a line.
fn page(number: u64, i: u64) -> (String, String) {
    let word = |j: u64| format!("w{}", mix(number ^ mix(i * 100 + j)) % 60);
    let mut text: Vec<String> = (0..8).map(|line| (0..6).map(|j| word(line * 10 + j)).collect::<Vec<_>>().join(" ")).collect();
    if mix(i ^ number).is_multiple_of(3) {
        text.push("zorb w1 blax made here".to_owned());
    }
    (format!("site{}.example", mix(number ^ i) % (3 + number * 4)), text.join("\n"))
}

#[test]
fn shards_hand_on_what_the_oracle_hands_on() {
    let background = background();
    let (mut dues, mut refused, mut full) = (0, 0, 0);
    for number in 0..8 {
        let operator = TriggerSpike::new(Config::default(), background.clone(), 16);
        let mut shards: Vec<_> = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
        let mut phrases: BTreeMap<u64, Phrase> = BTreeMap::new();
        for seqno in 0..300u32 {
            let (host, text) = page(number, u64::from(seqno));
            let probe = operator.probe(&document(&host, &text));
            let tick = Tick { seqno, epoch: 0, votes: !seqno.is_multiple_of(17) };
            let mut got: Vec<(u64, Vec<Vote>, bool)> = Vec::new();
            for (index, shard) in shards.iter_mut().enumerate() {
                let answer = operator.fold(shard, index, tick, &probe);
                for due in &answer.due {
                    let votes = answer.votes[due.from as usize..due.to as usize].to_vec();
                    got.push((probe.ngrams[due.ngram as usize].hash, votes, due.is_sample));
                }
            }
            let mut want = Vec::new();
            for key in probe.ngrams.iter().filter(|_| tick.votes) {
                let phrase = phrases.entry(key.hash).or_default();
                phrase.occurrences += 1;
                // The doorkeeper keeps a phrase's first occurrence to itself.
                if phrase.occurrences == 1 {
                    continue;
                }
                let vote = Vote { seqno, place: key.place, mark: probe.mark, left: key.left, right: key.right };
                let listed = &phrase.votes[phrase.votes.len().saturating_sub(64)..];
                if phrase.occurrences > 2 && !counts(vote, listed) {
                    refused += 1;
                    continue;
                }
                phrase.votes.push(vote);
                let live = phrase.votes.len() + 1;
                if phrase.occurrences == 2 || live < usize::from(TEST_MIN).max(phrase.next_test) {
                    continue;
                }
                phrase.next_test = live + if live < 24 { 2 } else { live / 8 };
                let listed = phrase.votes[phrase.votes.len().saturating_sub(64)..].to_vec();
                full += usize::from(phrase.votes.len() > 64);
                let positions: Vec<u32> = listed.iter().map(|v| v.seqno + 1).collect();
                let unlisted = if phrase.votes.len() < 64 { 0 } else { phrase.votes.len() + 1 - 64 };
                let earlier = Earlier {
                    carriers: f64::from(key.df) + unlisted as f64,
                    documents: f64::from(background.documents()),
                    chance: 0.0,
                };
                let is_sample = rate::rate(&positions, earlier).deviance < DEVIANCE_MIN;
                if !is_sample || mix(key.hash).is_multiple_of(SAMPLED) {
                    want.push((key.hash, listed, is_sample));
                }
            }
            got.sort_by_key(|g| g.0);
            want.sort_by_key(|w| w.0);
            assert_eq!(got, want, "stream {number}, document {seqno}");
            dues += want.len();
        }
    }
    assert!(dues > 2000 && refused > 500 && full > 20, "the streams make it happen: {dues} {refused} {full}");
}
