//! What the carriers of a phrase have in common beside it: ordinary explanations.

use super::{
    judge::{Bench, Member},
    score::collocation,
};
use crate::{
    background::{RARE, for_each_line},
    operator::shard_of,
    text::{NGRAM_MAX, Token, ngram},
};

/// Share of carriers that share an n-gram for it to be company; and a line for it to be a template.
const NGRAM_SHARED: f64 = 0.4;
const LINE_SHARED: f64 = 0.5;
/// Other lines in common that make the carriers' sites one site in several places.
const TEMPLATE: usize = 3;

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

/// Most documents, beyond twice the expected, that carry a rare n-gram which 40% of the carriers share.
pub(super) fn wider_company(bench: &mut Bench<'_>, members: &[Member]) -> f64 {
    let seed = bench.operator.background.seed();
    let (mut hashes, mut texts) = (Vec::new(), 0usize);
    for m in members {
        if let Some(text) = bench.text(m.carrier.ordinal) {
            hashes.extend(ngram::distinct(seed, &text, |_| true).iter().map(|n| n.hash));
            texts += 1;
        }
    }
    hashes.sort_unstable();
    let least = NGRAM_SHARED * texts as f64;
    let mut most = 0.0f64;
    for run in hashes.chunk_by(|a, b| a == b).filter(|r| r.len() as f64 >= least) {
        let df = bench.operator.background.ngram_documents(run[0]);
        if df > RARE {
            continue;
        }
        let live = bench.shards[shard_of(run[0])].live_at(run[0], bench.tick.border);
        most = most.max(f64::from(live) - 2.0 * (f64::from(df) + 0.5) * bench.growth);
    }
    most
}

/// Whether the carriers are one page template on several hosts: half of them share three other lines.
pub(super) fn is_template(bench: &mut Bench<'_>, members: &[Member], span: &[Token]) -> bool {
    let host = members.first().map(|m| m.memo.host);
    if members.iter().all(|m| Some(m.memo.host) == host) {
        return false;
    }
    let mut lines: Vec<Box<[Token]>> = Vec::new();
    let mut texts = 0usize;
    for m in members {
        let Some(text) = bench.text(m.carrier.ordinal) else { continue };
        texts += 1;
        let mut own: Vec<Box<[Token]>> = Vec::new();
        for_each_line(&text, |_, line| {
            if line.len() > 1 {
                own.push(line.into());
            }
        });
        own.sort_unstable();
        own.dedup();
        lines.append(&mut own);
    }
    lines.sort_unstable();
    let least = LINE_SHARED * texts as f64;
    let shared = lines.chunk_by(|a, b| a == b).filter(|r| r.len() as f64 >= least);
    shared.filter(|r| !holds(span, &r[0]) && !holds(&r[0], span)).count() >= TEMPLATE
}

fn holds(whole: &[Token], part: &[Token]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|w| w == part)
}
