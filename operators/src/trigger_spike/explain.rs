//! What do the carriers of a phrase have in common beside it? That may be an ordinary explanation:
//! a part of the phrase that is in wide use, a containing story or subject, a page template.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    judge::{JudgingContext, KnownCarrier},
    score::{CONTAINING, collocation},
    shard::TEST_MIN,
};
use crate::{
    background::RARE,
    document::SeqNo,
    operator::key_shard_of,
    text::{
        NGRAM_MAX, Token,
        line::{for_each_line, line_key},
        ngram,
    },
};

/// Least share of the carriers that have an n-gram in common for the phrase to be contained in
/// something larger, and a line in common for it to be part of a template.
const NGRAM_SHARED: f64 = 0.4;
const LINE_SHARED: f64 = 0.5;
/// Number of other lines in common that make the carriers' sites one site under several names.
const TEMPLATE: usize = 3;
/// Most bytes of cached collocates. Beyond that they are collected again.
const HELD_BYTES: usize = 16 << 20;

/// How widely are parts of the span used? The highest number of documents, beyond twice the
/// expected number, that carry one rare n-gram of it, inside the span or elsewhere.
pub(super) fn use_of_parts(judging: &JudgingContext<'_>, span: &[Token]) -> f64 {
    let mut most = 0.0f64;
    for from in 0..span.len() {
        let mut hash = ngram::start(judging.operator.background.seed());
        for to in from + 1..=(from + NGRAM_MAX).min(span.len()) {
            if span[to - 1] == Token::BREAK {
                break;
            }
            hash = ngram::extend(hash, span[to - 1]);
            let Some(index) = judging.probe.find(hash) else { continue };
            let live = f64::from(judging.live[index]);
            if live <= most {
                continue;
            }
            let usual = f64::from(judging.probe.ngrams[index].df) + 0.5;
            let expected = usual.max(collocation(&judging.operator.background, &span[from..to])) * judging.growth;
            most = most.max(live - 2.0 * expected);
        }
    }
    most
}

/// A rare n-gram that stands in a carrier's text beside the phrase, and that several documents
/// carry.
#[derive(Clone, Copy, Debug)]
struct Collocate {
    hash: u64,
    live: u16,
    df: u8,
}

/// The collocates of the texts that were read since the last epoch boundary. Their counts are as of
/// that boundary, and a carrier of one phrase mostly carries a phrase of the next page too. The
/// cache changes no verdict.
pub(super) struct CollocateCache(Mutex<CachedCollocates>);

#[derive(Default)]
struct CachedCollocates {
    epoch: SeqNo,
    bytes: usize,
    of: BTreeMap<SeqNo, Arc<[Collocate]>>,
}

impl CollocateCache {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The collocates of document `seqno` with this text. Cost for a text that is not cached: two
    /// cache misses an n-gram.
    fn of(&self, judging: &JudgingContext<'_>, seqno: SeqNo, text: &[Token]) -> Arc<[Collocate]> {
        let epoch = judging.tick.epoch;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.epoch != epoch {
            *held = CachedCollocates { epoch, ..CachedCollocates::default() };
        }
        if let Some(collocates) = held.of.get(&seqno) {
            return Arc::clone(collocates);
        }
        drop(held);
        let collocates = collocates(judging, text);
        let bytes = size_of_val(&*collocates) + size_of::<Collocate>() * 4;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes + bytes > HELD_BYTES {
            *held = CachedCollocates { epoch, ..CachedCollocates::default() };
        }
        held.bytes += bytes;
        held.of.insert(seqno, Arc::clone(&collocates));
        collocates
    }
}

/// Collects the n-grams of a text that enough documents carry to contain a phrase under test.
fn collocates(judging: &JudgingContext<'_>, text: &[Token]) -> Arc<[Collocate]> {
    let background = &judging.operator.background;
    let live = |hash| judging.shards[key_shard_of(hash)].live_at(hash, judging.tick.epoch);
    let ngrams = ngram::distinct(background.seed(), text, |hash| f64::from(live(hash)) > CONTAINING * f64::from(TEST_MIN));
    let all = ngrams.iter().map(|n| Collocate { hash: n.hash, live: live(n.hash), df: background.ngram_documents(n.hash) });
    all.filter(|c| c.df <= RARE).collect()
}

/// Whether the phrase is part of something larger: 40% of the carriers have a rare n-gram in common
/// that more than `least` documents carry, beyond twice the expected number. `least` is at least
/// 1.5 times the count at which phrases are first tested.
pub(super) fn is_contained(judging: &mut JudgingContext<'_>, members: &[KnownCarrier], least: f64) -> bool {
    let (mut hashes, mut texts) = (Vec::new(), 0usize);
    for m in members {
        let Some(text) = judging.text(m.carrier.seqno) else { continue };
        let beyond = |c: &&Collocate| f64::from(c.live) - 2.0 * (f64::from(c.df) + 0.5) * judging.growth > least;
        let collocates = judging.operator.collocates.of(judging, m.carrier.seqno, &text);
        hashes.extend(collocates.iter().filter(beyond).map(|c| c.hash));
        texts += 1;
    }
    hashes.sort_unstable();
    let shared = NGRAM_SHARED * texts as f64;
    hashes.chunk_by(|a, b| a == b).any(|run| run.len() as f64 >= shared)
}

/// Whether the carriers are one page template on several hosts: half of them have three other lines
/// in common.
pub(super) fn is_template(judging: &mut JudgingContext<'_>, members: &[KnownCarrier], span: &[Token]) -> bool {
    let host = members.first().map(|m| m.facts.host);
    if members.iter().all(|m| Some(m.facts.host) == host) {
        return false;
    }
    let seed = judging.operator.background.seed();
    let texts: Vec<Arc<[Token]>> = members.iter().filter_map(|m| judging.text(m.carrier.seqno)).collect();
    // Each distinct line of each text, with its hash, the number of the text, and its tokens there.
    let mut lines: Vec<(u64, usize, usize, usize)> = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        for_each_line(text, |from, line| {
            if line.len() > 1 {
                lines.push((line_key(seed, 0, line), number, from, from + line.len()));
            }
        });
    }
    lines.sort_unstable();
    lines.dedup_by_key(|line| (line.0, line.1));
    let least = LINE_SHARED * texts.len() as f64;
    let shared = lines.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() as f64 >= least);
    let apart = shared.map(|run| &texts[run[0].1][run[0].2..run[0].3]).filter(|line| !holds(span, line) && !holds(line, span));
    apart.take(TEMPLATE).count() == TEMPLATE
}

fn holds(whole: &[Token], part: &[Token]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|w| w == part)
}
