//! What should the operator say of a stream? The oracle is a second operator, slow and obvious.
//!
//! For each document everything is worked out anew from the whole texts of the documents before it:
//! who carries which n-gram and still votes (`past`), what the facts about the carriers amount to
//! (`weigh`), what surrounds the n-gram in their texts and what explains it (`surroundings`,
//! `explain`), and which alarms and recalls follow (`alarms`). There is no doorkeeper, sketch,
//! table, key shard, ring, cache or upper bound that ends an examination early. What the operator's
//! windows and epoch boundaries mean is stated here outright, in sequence numbers.
//!
//! The oracle shares with the operator functions that have tests of their own: tokens, n-gram
//! hashes, everything of the background, log-likelihood ratios, `collocation`, and the seam of one
//! cut. Numbers are stated again on purpose. It does not cover doorkeepers that forget, tables that
//! overflow, texts beyond the horizon, and pages with more phrases due than are judged at once.
//! Cost: with the operator's own, some 30 ms for a stream of 100 short documents.

mod alarms;
mod explain;
mod past;
mod surroundings;
mod weigh;

use std::collections::BTreeMap;

use alarms::Alarms;
pub(super) use alarms::Said;
use past::{Past, Seen};
use surroundings::Surroundings;
use weigh::Weight;

use super::super::{Alarm, Config, SpikeClass, score::Logs, thresholds};
use crate::{
    background::{Background, BackgroundOrigin, Thresholds},
    conformance::Step,
    document::SeqNo,
    text::{Token, Tokenizer, ngram},
};

/// n-grams that more documents of the background hold are not examined.
const RARE: u8 = 12;

/// The reason why a phrase raised no alarm.
type Why = &'static str;

/// What the oracle says of a stream, and how often each thing happened that the streams should make
/// happen.
pub(super) struct OracleOutcome {
    /// What is said of each sequence number.
    pub(super) said: Vec<Said>,
    /// All alarms ever raised.
    pub(super) alarms: Vec<Alarm>,
    pub(super) happened: BTreeMap<&'static str, usize>,
}

/// What does not change while a stream is read.
struct Rules<'a> {
    config: &'a Config,
    background: &'a Background,
    thresholds: Thresholds,
    links: [Option<Token>; 3],
    logs: Logs,
}

/// One document being judged, with all before it.
struct View<'a, 'p> {
    rules: &'p Rules<'a>,
    past: &'p Past<'a>,
    now: SeqNo,
    epoch: SeqNo,
    own: &'p Seen<'a>,
    /// Documents of the stream for each one of the background.
    growth: f64,
}

/// A phrase that was examined and not refused.
struct Judged<'a> {
    gram: &'a [Token],
    place: usize,
    class: SpikeClass,
    score: f64,
    weight: Weight<'a>,
    surroundings: Surroundings,
}

impl Judged<'_> {
    fn first(&self) -> usize {
        self.surroundings.first
    }

    fn end(&self) -> usize {
        self.surroundings.first + self.surroundings.span.len()
    }
}

/// Reads the script, with an epoch boundary every `window` sequence numbers.
pub(super) fn run(script: &[Step], window: u32, config: &Config, background: &Background) -> OracleOutcome {
    let tokenizer = Tokenizer::new(background.seed(), 1);
    let rules = Rules {
        config,
        background,
        thresholds: thresholds(config, background),
        links: ["http", "https", "www"].map(|word| tokenizer.word(word)),
        logs: Logs::new(),
    };
    let mut past = Past::new(background, window);
    let mut alarms = Alarms::default();
    let mut happened = BTreeMap::new();
    let mut said = Vec::new();
    for (now, step) in (0..).zip(script) {
        let Step::Document { document, suspect, recalls } = step else {
            past.take_in_nothing();
            said.push(Said::default());
            continue;
        };
        past.take_in(document, !suspect);
        for &earlier in recalls {
            past.recall(earlier);
        }
        let mut heard = Said::default();
        if !suspect {
            heard = alarms.meet(&rules, now, window, document);
            if heard.findings.is_empty() {
                let raised = judge(&rules, &past, now, &mut happened);
                heard = alarms.raise(&rules, &past, now, raised, &mut happened);
            }
        }
        past.settle(now, *suspect || !heard.findings.is_empty(), &heard);
        said.push(heard);
    }
    *happened.entry("withdrawn").or_default() += past.withdrawn();
    OracleOutcome { said, alarms: alarms.all, happened }
}

/// The alarms that document `now` should raise, the best first.
fn judge<'a>(rules: &Rules<'a>, past: &Past<'a>, now: SeqNo, happened: &mut BTreeMap<&'static str, usize>) -> Vec<Judged<'a>> {
    let n = rules.background.documents();
    let learning = rules.background.origin() == BackgroundOrigin::Own && now < rules.config.bootstrap_documents;
    let Some(own) = past.seen(now) else { return Vec::new() };
    if n == 0 || learning {
        return Vec::new();
    }
    let growth = f64::from(now + 1) / f64::from(n);
    let view = View { rules, past, now, epoch: past.epoch_of(now), own, growth };
    let mut over = Vec::new();
    for (gram, &(place, df)) in &own.rare {
        match view.examine(gram, place, df) {
            Ok(judged) if judged.score >= threshold(judged.class, &rules.thresholds) => over.push(judged),
            Ok(_) => *happened.entry("below its threshold").or_default() += 1,
            Err(why) => *happened.entry(why).or_default() += 1,
        }
    }
    // Of equals the first in the text, then the least hash.
    let hash = |j: &Judged<'_>| ngram::hash(rules.background.seed(), j.gram);
    over.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)).then(hash(a).cmp(&hash(b))));
    view.accept(over, happened)
}

fn threshold(class: SpikeClass, thresholds: &Thresholds) -> f64 {
    match class {
        SpikeClass::Sentence => thresholds.sentence,
        SpikeClass::Edge => thresholds.edge,
        SpikeClass::Insertion => thresholds.insertion,
        SpikeClass::SingleSite => thresholds.single_site,
    }
}

impl<'a> View<'a, '_> {
    /// One rare n-gram of the document.
    fn examine(&self, gram: &'a [Token], place: usize, df: u8) -> Result<Judged<'a>, Why> {
        let count = self.past.count(gram, self.now);
        if !count.due {
            return Err("not due");
        }
        let weight = self.weigh(gram, df, &count)?;
        let surroundings = self.surroundings(gram, place, &weight)?;
        let (class, score) = weigh::classify(&weight, &surroundings)?;
        if surroundings.closed && self.use_of_parts(&surroundings.span) > 1.5 * weight.live {
            return Err("use of parts");
        }
        let score = self.with_seams(gram, class, score, &weight, &surroundings)?;
        Ok(Judged { gram, place, class, score, weight, surroundings })
    }

    /// Best first: what does not overlap a better one, and is not explained.
    fn accept(&self, over: Vec<Judged<'a>>, happened: &mut BTreeMap<&'static str, usize>) -> Vec<Judged<'a>> {
        let mut raised: Vec<usize> = Vec::new();
        for (i, best) in over.iter().enumerate() {
            if raised.iter().any(|&r| over[r].first() < best.end() && best.first() < over[r].end()) {
                continue;
            }
            // A part of its span that more documents carry stands for it: the commonest, of equals the last.
            let inside = |part: &Judged<'_>| best.first() <= part.place && part.place + part.gram.len() <= best.end();
            let parts = over.iter().enumerate().filter(|(_, part)| inside(part) && part.weight.live > best.weight.live);
            let chosen = parts.max_by(|a, b| a.1.weight.live.total_cmp(&b.1.weight.live)).map_or(i, |(k, _)| k);
            match self.explanation(&over[chosen]) {
                Some(why) => *happened.entry(why).or_default() += 1,
                None => raised.push(chosen),
            }
        }
        let mut over: Vec<Option<Judged<'a>>> = over.into_iter().map(Some).collect();
        raised.into_iter().filter_map(|i| over[i].take()).collect()
    }
}
