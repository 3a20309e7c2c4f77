//! What the carriers of a phrase have in common beside it: ordinary explanations.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    judge::{Bench, Member},
    score::{WIDER, collocation},
    shard::TEST_MIN,
};
use crate::{
    background::{RARE, for_each_line, line_key},
    document::SeqNo,
    operator::key_shard_of,
    text::{NGRAM_MAX, Token, ngram},
};

/// Share of carriers that share an n-gram for it to be company; and a line for it to be a template.
const NGRAM_SHARED: f64 = 0.4;
const LINE_SHARED: f64 = 0.5;
/// Other lines in common that make the carriers' sites one site in several places.
const TEMPLATE: usize = 3;
/// Companions held; where there are more, they are worked out again.
const HELD_BYTES: usize = 16 << 20;

/// Most documents, beyond twice the expected, that carry a rare n-gram of the span, inside the span or elsewhere.
pub(super) fn wider_use(bench: &Bench<'_>, span: &[Token]) -> f64 {
    let mut most = 0.0f64;
    for from in 0..span.len() {
        let mut hash = ngram::start(bench.operator.background.seed());
        for to in from + 1..=(from + NGRAM_MAX).min(span.len()) {
            if span[to - 1] == Token::BREAK {
                break;
            }
            hash = ngram::extend(hash, span[to - 1]);
            let Some(index) = bench.probe.find(hash) else { continue };
            let live = f64::from(bench.live[index]);
            if live <= most {
                continue;
            }
            let usual = f64::from(bench.probe.ngrams[index].df) + 0.5;
            let expected = usual.max(collocation(&bench.operator.background, &span[from..to])) * bench.growth;
            most = most.max(live - 2.0 * expected);
        }
    }
    most
}

/// A rare n-gram of a text that several documents carry.
#[derive(Clone, Copy, Debug)]
struct Companion {
    hash: u64,
    live: u16,
    df: u8,
}

/// Companions of the texts looked at since the last epoch boundary: their counts are those of the epoch boundary, and a carrier of one phrase
/// is mostly one of the next page's phrases too.
pub(super) struct Company(Mutex<Held>);

#[derive(Default)]
struct Held {
    epoch: SeqNo,
    bytes: usize,
    of: BTreeMap<SeqNo, Arc<[Companion]>>,
}

impl Company {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Of the document `seqno`, with this text. Cost of a text that is not held: two cache misses an n-gram.
    fn of(&self, bench: &Bench<'_>, seqno: SeqNo, text: &[Token]) -> Arc<[Companion]> {
        let epoch = bench.tick.epoch;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.epoch != epoch {
            *held = Held { epoch, ..Held::default() };
        }
        if let Some(companions) = held.of.get(&seqno) {
            return Arc::clone(companions);
        }
        drop(held);
        let companions = companions(bench, text);
        let bytes = size_of_val(&*companions) + size_of::<Companion>() * 4;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes + bytes > HELD_BYTES {
            *held = Held { epoch, ..Held::default() };
        }
        held.bytes += bytes;
        held.of.insert(seqno, Arc::clone(&companions));
        companions
    }
}

/// Those that could be anybody's wider company.
fn companions(bench: &Bench<'_>, text: &[Token]) -> Arc<[Companion]> {
    let background = &bench.operator.background;
    let live = |hash| bench.shards[key_shard_of(hash)].live_at(hash, bench.tick.epoch);
    let ngrams = ngram::distinct(background.seed(), text, |hash| f64::from(live(hash)) > WIDER * f64::from(TEST_MIN));
    let all = ngrams.iter().map(|n| Companion { hash: n.hash, live: live(n.hash), df: background.ngram_documents(n.hash) });
    all.filter(|c| c.df <= RARE).collect()
}

/// Whether 40% of the carriers share a rare n-gram that, beyond twice the expected, more than `least` documents carry;
/// `least` is at least 1.5 times the count at which phrases are first tested.
pub(super) fn is_wider(bench: &mut Bench<'_>, members: &[Member], least: f64) -> bool {
    let (mut hashes, mut texts) = (Vec::new(), 0usize);
    for m in members {
        let Some(text) = bench.text(m.carrier.seqno) else { continue };
        let beyond = |c: &&Companion| f64::from(c.live) - 2.0 * (f64::from(c.df) + 0.5) * bench.growth > least;
        let companions = bench.operator.company.of(bench, m.carrier.seqno, &text);
        hashes.extend(companions.iter().filter(beyond).map(|c| c.hash));
        texts += 1;
    }
    hashes.sort_unstable();
    let shared = NGRAM_SHARED * texts as f64;
    hashes.chunk_by(|a, b| a == b).any(|run| run.len() as f64 >= shared)
}

/// Whether the carriers are one page template on several hosts: half of them share three other lines.
pub(super) fn is_template(bench: &mut Bench<'_>, members: &[Member], span: &[Token]) -> bool {
    let host = members.first().map(|m| m.facts.host);
    if members.iter().all(|m| Some(m.facts.host) == host) {
        return false;
    }
    let seed = bench.operator.background.seed();
    let texts: Vec<Arc<[Token]>> = members.iter().filter_map(|m| bench.text(m.carrier.seqno)).collect();
    // Each distinct line of each text: its hash and where it is.
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
