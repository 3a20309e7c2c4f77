//! Is one of the phrases that are due in a document worth an alarm? Cheap tests come first: rate,
//! neighbours and company, from the phrase's own votes. The texts of carriers are read only if a
//! score could still matter.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    alarm::Observed,
    evidence::{self, AGREED, Carrier, Evidence, Phrase},
    facts::Ring,
    nulls::{Nulls, Observation},
    path::{self, Form, Path},
    probe::PhraseProbe,
    shard::{Due, PhraseAnswer, SAMPLED, TEST_MIN, Trail, is_drawn, unlisted},
    span::{self, Occurrence, Reading},
    vote::{CROWD, Vote},
};
use crate::{
    background::Background,
    document::{Document, SeqNo},
    lookup::Horizon,
    text::{NGRAM_MAX, Seed, Token, hash::mix, ngram},
    usage::UsageModels,
};

/// Most spans of one document whose carriers' texts are read. If there are more, a lot decides which
/// are, so that none can be hidden behind others. The others are due again with a later vote.
const READ_MAX: usize = 48;
/// Deviance from which on every phrase counts for the null distribution. Of the others, which are many
/// more, one in sixteen does.
const DEVIANCE_FULL: f64 = 3.0;
/// Least deviance of a long span that is worth reading.
const LONG_DEVIANCE: f64 = 2.0;
/// Number of votes for a part of the span, for each vote for the span, from which on the part is the
/// explanation.
const WIDER: f64 = 1.3;
/// The same for a part that raises an alarm too.
const WIDER_ALARM: f64 = 1.15;

/// What judging needs of the operator and the scene.
#[derive(Clone, Copy)]
pub(super) struct Judging<'a> {
    pub(super) background: &'a Background,
    pub(super) models: &'a UsageModels,
    pub(super) nulls: &'a Nulls,
    pub(super) ring: &'a Ring,
    pub(super) links: &'a [Token],
    pub(super) document: &'a Document,
    pub(super) probe: &'a PhraseProbe,
    pub(super) seqno: SeqNo,
    pub(super) horizon: &'a dyn Horizon,
    /// Whether alarms may be raised, and not only scores be collected.
    pub(super) is_ready: bool,
}

/// An alarm that `settle` should raise, unless the document carries a known one.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) path: Path,
    pub(super) form: Form,
    pub(super) observed: Observed,
    /// Index of the anchor in the n-grams of the probe.
    pub(super) ngram: usize,
    pub(super) span: Vec<Token>,
}

/// A phrase that is due, with its evidence so far.
struct Candidate<'a> {
    due: Due,
    carriers: Vec<Carrier<'a>>,
    evidence: Evidence,
    is_long: bool,
}

impl<'a> Judging<'a> {
    /// The alarms that a document would raise, the best first, and what was seen.
    pub(super) fn judge(&self, answers: &[PhraseAnswer]) -> (Vec<Raised>, Vec<Observation>) {
        let mut seen = Vec::new();
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        for answer in answers {
            for due in &answer.due {
                let votes = &answer.votes[due.from as usize..due.to as usize];
                candidates.extend(self.weigh(*due, votes, &mut seen));
            }
        }
        if candidates.len() > READ_MAX {
            let lot = mix(self.background.seed().0 ^ u64::from(self.seqno));
            candidates.sort_unstable_by_key(|c| mix(self.probe.ngrams[c.due.ngram as usize].hash ^ lot));
            candidates.truncate(READ_MAX);
        }
        let mut texts = BTreeMap::new();
        let mut raised: Vec<Raised> = Vec::new();
        for candidate in &candidates {
            raised.extend(self.read(candidate, &mut texts, &mut seen));
        }
        raised.sort_by(|a, b| b.observed.margin().total_cmp(&a.observed.margin()).then(a.ngram.cmp(&b.ngram)));
        let places: Vec<(usize, usize, f64)> = raised.iter().map(|r| self.place(r)).collect();
        // If a part of a span raises an alarm of its own, and occurs more often, then it is what was planted.
        let is_narrow = |&(first, end, votes): &(usize, usize, f64)| {
            let is_part = |p: &&(usize, usize, f64)| first <= p.0 && p.1 <= end && p.1 - p.0 < end - first;
            places.iter().filter(is_part).any(|part| part.2 >= WIDER_ALARM * votes)
        };
        let mut taken: Vec<(usize, usize)> = Vec::new();
        raised.retain(|r| {
            let place = self.place(r);
            let (first, end, _) = place;
            if is_narrow(&place) {
                return false;
            }
            let overlaps = taken.iter().any(|t| t.0 < end && first < t.1);
            let stays = !overlaps && !self.is_explained(r, answers);
            taken.extend(stays.then_some((first, end)));
            stays
        });
        (raised, seen)
    }

    /// Weighs the votes for a phrase. `None` if nothing more of it could matter.
    fn weigh(&self, due: Due, votes: &[Vote], seen: &mut Vec<Observation>) -> Option<Candidate<'a>> {
        let key = self.probe.ngrams[due.ngram as usize];
        // The whole span is judged by its first n-gram, which is as long as may be. No span begins with the end of
        // the sentence before it, or goes on behind its own end.
        let place = usize::from(key.place);
        let tokens = &self.document.ids()[place..place + usize::from(key.len)];
        let (first, last) = (tokens[0], tokens[tokens.len() - 1]);
        let right = evidence::agreed(votes.iter().map(|v| v.right), AGREED).filter(|_| !last.is_stop());
        let is_inner = evidence::agreed(votes.iter().map(|v| v.left), AGREED).is_some_and(|left| !left.is_stop());
        if is_inner || (first.is_stop() && tokens.len() > 1) || (right.is_some() && tokens.len() < NGRAM_MAX) {
            return None;
        }
        let carriers: Vec<Carrier<'a>> =
            votes.iter().filter_map(|&vote| Some(Carrier { vote, facts: self.ring.get(vote.seqno)? })).collect();
        if carriers.len() < usize::from(TEST_MIN) {
            return None;
        }
        let (language, is_one) = evidence::language(&carriers);
        let background = self.background;
        let phrase = Phrase {
            earlier: f64::from(key.df) + f64::from(unlisted(due.live, votes.len())),
            documents: f64::from(if is_one { background.documents_of(language) } else { background.documents() }),
            chance: collocation(background, tokens),
        };
        let (rate, since) = evidence::rate_of(&carriers, is_one.then_some(language), phrase);
        let newest = evidence::newest(&carriers, rate);
        let is_long = right.is_some();
        let surprise = self.nulls.insertion_surprise(carriers.len(), rate.deviance);
        let share = |holds: &dyn Fn(&Vote) -> bool| newest.iter().filter(|c| holds(&c.vote)).count() as f64 / newest.len() as f64;
        let opens = share(&|vote| vote.left.ends_sentence());
        let is_sentence = opens >= 0.5 && (is_long || share(&|vote| vote.right.ends_sentence()) >= 0.5);
        // Of the many phrases whose rate has risen little, those that cannot raise an alarm are only counted, and one
        // in sixteen stands for the others.
        let (is_low, is_drawn) = (rate.deviance < DEVIANCE_FULL, is_drawn(key.hash));
        if is_low && !is_drawn && !is_sentence {
            let is_read = is_long && rate.deviance >= LONG_DEVIANCE;
            let most = path::most(tokens.len(), newest.len(), rate.deviance, surprise);
            if !is_read && most.iter().all(|&(path, score)| score < self.nulls.budget(path).threshold()) {
                return None;
            }
        }
        let beside: Vec<(Token, Token)> = newest.iter().map(|c| (c.vote.left, c.vote.right)).collect();
        let evidence = Evidence::weigh(self.models, newest, &beside, rate, since, language);
        if evidence.publishers < CROWD {
            let is_theirs = evidence.mostly == evidence.publishers && evidence.neighbours.within > 0.0 && !due.is_sample;
            return is_theirs.then_some(Candidate { due, carriers, evidence, is_long });
        }
        let m = evidence.votes as f64;
        let is_insertion = !is_long
            && evidence.opens < 0.5
            && evidence.closes < 0.5
            && evidence.neighbours.within > -2.0 * m.sqrt()
            && evidence.coherence < 0.15;
        let weight = match (due.is_sample, is_low && !is_sentence, is_drawn) {
            (true, ..) | (_, true, true) => SAMPLED as u8,
            (_, true, false) => 0,
            _ => 1,
        };
        if weight > 0 && (is_insertion || (is_sentence && evidence.coherence < 0.3)) {
            let votes = carriers.len() as u16;
            seen.push(Observation::Deviance { sentence: is_sentence, votes, deviance: rate.deviance as f32, weight });
        }
        if due.is_sample || rate.deviance < super::shard::DEVIANCE_MIN {
            return None;
        }
        let inside = Path::inside(usize::from(key.len), &evidence);
        let matters = |path: Path, score: f64| score >= self.nulls.budget(path).notable();
        let is_read = is_sentence
            || (is_long && rate.deviance >= LONG_DEVIANCE)
            || (!is_long && matters(inside, path::insertion_bound(&evidence, surprise, inside)))
            || (!is_long && matters(Path::Rate, path::rate_bound(&evidence)))
            || (!is_long && matters(Path::Slot, path::slot_bound(&evidence)));
        is_read.then_some(Candidate { due, carriers, evidence, is_long })
    }

    /// Reads the texts of a phrase's carriers, and scores it on all paths.
    fn read(
        &self,
        candidate: &Candidate<'a>,
        texts: &mut BTreeMap<SeqNo, Option<Arc<[Token]>>>,
        seen: &mut Vec<Observation>,
    ) -> Option<Raised> {
        let key = self.probe.ngrams[candidate.due.ngram as usize];
        let rate = candidate.evidence.rate;
        let newest = evidence::newest(&candidate.carriers, rate);
        let mut occurrences = Vec::with_capacity(newest.len());
        for &carrier in newest {
            let seqno = carrier.vote.seqno;
            let ask = || if seqno == self.seqno { Some(Arc::from(self.document.ids())) } else { self.horizon.tokens(seqno) };
            if let Some(text) = texts.entry(seqno).or_insert_with(ask) {
                occurrences.push(Occurrence::new(carrier, Arc::clone(text)));
            }
        }
        let language = candidate.evidence.language;
        let reading = span::read(self.models, self.links, language, usize::from(key.len), &occurrences);
        let carriers: Vec<Carrier<'a>> = occurrences.iter().map(|o| o.carrier).collect();
        let since = candidate.evidence.since;
        let evidence = if candidate.is_long {
            let evidence = Evidence::weigh(self.models, &carriers, &reading.beside, rate, since, language);
            Evidence { closes: evidence.closes.max(closing(&reading)), ..evidence }
        } else {
            Evidence { closes: candidate.evidence.closes.max(closing(&reading)), ..candidate.evidence.clone() }
        };
        let form = path::form(&evidence, &reading.span);
        let votes = candidate.carriers.len();
        let scores = if evidence.publishers < CROWD {
            vec![(Path::Site, path::site(&evidence, &reading))]
        } else if form == Form::Sentence {
            let surprise = self.nulls.sentence_surprise(votes, rate.deviance);
            vec![(Path::Sentence, path::sentence(&evidence, surprise, &reading, key.df))]
        } else {
            let surprise = self.nulls.insertion_surprise(votes, rate.deviance);
            vec![
                (Path::inside(reading.span.len(), &evidence), path::insertion(&evidence, surprise, &reading)),
                (Path::Rate, path::rate(&evidence, &reading)),
                (Path::Slot, path::slot(&evidence, &reading)),
            ]
        };
        let mut best: Option<Observed> = None;
        for (path, score) in scores.into_iter().filter(|(_, score)| score.is_finite()) {
            let threshold = self.nulls.budget(path).threshold();
            // What would raise an alarm says no more about innocent phrases than that they reach the threshold.
            seen.push(Observation::Score { path, span: reading.hash, score: score.min(threshold) as f32 });
            let observed = Observed {
                path,
                score,
                threshold,
                votes: rate.votes as u32,
                publishers: evidence.publishers as u32,
                expected: rate.expected,
                deviance: rate.deviance,
                neighbours: evidence.neighbours.within.max(evidence.neighbours.edge),
                coherence: evidence.coherence,
                since,
                df: key.df,
            };
            if best.as_ref().is_none_or(|b| observed.margin() > b.margin()) {
                best = Some(observed);
            }
        }
        // A document with the n-gram alone, and not the span that its other carriers agree on, says nothing of it.
        let place = usize::from(key.place);
        let carries = self.document.ids().get(place..).is_some_and(|own| own.starts_with(&reading.span));
        let observed = best.filter(|o| self.is_ready && carries && o.margin() >= 0.0)?;
        Some(Raised { path: observed.path, form, observed, ngram: candidate.due.ngram as usize, span: reading.span })
    }

    /// The first token of a raised alarm's span, the one behind its last, and its votes.
    fn place(&self, raised: &Raised) -> (usize, usize, f64) {
        let first = usize::from(self.probe.ngrams[raised.ngram].place);
        (first, first + raised.span.len(), f64::from(raised.observed.votes))
    }

    /// Whether a part of the span is in wide use: it has 1.3 times the votes of the span in the
    /// span's own window, beyond what was to be expected and three standard deviations.
    fn is_explained(&self, raised: &Raised, answers: &[PhraseAnswer]) -> bool {
        let seed = self.background.seed();
        let window = f64::from(self.seqno + 1 - raised.observed.since);
        let past = f64::from(self.background.documents()) + f64::from(raised.observed.since);
        let trails = |index: usize| answers.iter().flat_map(|a| &a.trails).find(|t| t.ngram as usize == index);
        for_each_part(seed, &raised.span, |hash| {
            let Some(index) = self.probe.find(hash) else { return false };
            let Some(trail): Option<&Trail> = trails(index) else { return false };
            let (inside, before) = trail.around(raised.observed.since, self.seqno);
            let expected = (f64::from(self.probe.ngrams[index].df) + before + 0.5) * window / past;
            inside - expected - 3.0 * expected.sqrt() > WIDER * f64::from(raised.observed.votes)
        })
    }
}

/// Whether `holds` for the hash of one of the n-grams of a span.
fn for_each_part(seed: Seed, span: &[Token], holds: impl Fn(u64) -> bool) -> bool {
    (0..span.len()).any(|from| {
        let mut hash = ngram::start(seed);
        span[from..].iter().take(NGRAM_MAX).any(|&token| {
            hash = ngram::extend(hash, token);
            holds(hash)
        })
    })
}

/// The share of carriers in which the span ends a sentence by its own last token: all or none.
fn closing(reading: &Reading) -> f64 {
    f64::from(u8::from(reading.span.last().is_some_and(|t| t.is_stop())))
}

/// The probability that a document holds an n-gram because its parts meet: the least of those of
/// its two ways of leaving out a token at an end. For parts of several tokens the number of documents
/// is taken for that of occurrences.
fn collocation(background: &Background, tokens: &[Token]) -> f64 {
    let n = f64::from(background.documents().max(1));
    let total = background.words().total().max(1) as f64;
    let documents = |part: &[Token]| match part {
        [token] => f64::from(background.words().get(*token).0),
        _ => ngram::hash(background.seed(), part).map_or(0.0, |h| f64::from(background.ngram_documents(h))),
    };
    let occurrences = |token: Token| f64::from(background.words().get(token).1) / total;
    match tokens {
        [first, rest @ ..] if !rest.is_empty() => {
            let (last, start) = (tokens[tokens.len() - 1], &tokens[..tokens.len() - 1]);
            (documents(start) / n * occurrences(last)).min(documents(rest) / n * occurrences(*first))
        }
        _ => 0.0,
    }
}
