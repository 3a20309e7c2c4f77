//! Which alarms does a document carry, which does it raise, and which documents are recalled for
//! them?

use std::collections::BTreeMap;

use super::{
    alarm::Alarm,
    config::NAME,
    judge::Raised,
    members::{self, EarlierCarrier, Raising},
    operator::{SpikeProposal, TriggerSpike},
    probe::PhraseProbe,
    vote::CROWD,
};
use crate::{
    document::{Document, SeqNo},
    finding::{Evidence, Finding, Score},
    lookup::{Fate, Horizon, Ledger},
    operator::{Recall, Settled, Tick},
    text::Token,
};

/// Share of all documents, those of the background included, that may carry a phrase when it raises an
/// alarm, and how many may in any case.
const IN_USE: f64 = 0.02;
const IN_USE_MIN: f64 = 300.0;
/// Most bytes of a phrase that are kept.
const PHRASE_MAX: usize = 400;

impl TriggerSpike {
    pub(super) fn decide(
        &mut self,
        tick: Tick,
        document: &Document,
        probe: &PhraseProbe,
        proposal: SpikeProposal,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
    ) -> Settled {
        let mut met = proposal.met;
        // `judge` may know the alarms that fired a window before. Documents are searched for the others here.
        met.extend(self.registry.carried(document, probe, |a| !self.is_visible(a, tick.epoch)));
        if !met.is_empty() {
            let findings = met.iter().filter_map(|&id| self.meet(id, tick.seqno, document)).collect();
            return Settled { findings, recalls: Vec::new() };
        }
        let mut settled = Settled::default();
        let mut recalls = BTreeMap::new();
        for raised in proposal.raised {
            settled.findings.extend(self.raise(tick.seqno, document, probe, raised, ledger, horizon, &mut recalls));
        }
        settled.recalls = recalls.into_values().collect();
        settled
    }

    fn meet(&mut self, id: u32, seqno: SeqNo, document: &Document) -> Option<Finding> {
        self.registry.meet(id, seqno, self.config.members_max).map(|alarm| finding(alarm, document))
    }

    #[allow(clippy::too_many_arguments, reason = "settle's own arguments, passed on once")]
    fn raise(
        &mut self,
        seqno: SeqNo,
        document: &Document,
        probe: &PhraseProbe,
        raised: Raised,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
        recalls: &mut BTreeMap<SeqNo, Recall>,
    ) -> Option<Finding> {
        let key = probe.ngrams[raised.ngram];
        let first = usize::from(key.place);
        let mut alarm = Alarm {
            id: self.registry.raised(),
            reason: raised.path.reason(raised.form),
            fired: seqno,
            phrase: phrase(document, first, raised.span.len()),
            observed: raised.observed,
            members: Vec::new(),
            anchor: key.hash,
            span: raised.span,
            left: 0,
            len: key.len,
            exempt: Vec::new(),
            met: seqno,
            retired: None,
        };
        // A document that matches 60% of the span holds at least the anchor.
        let earlier = horizon.may_carry(alarm.anchor_tokens()).into_iter().filter(|&o| o < seqno);
        let carrier = |o: SeqNo| {
            let tokens = horizon.tokens(o)?;
            let place = alarm.place_in(&tokens)?;
            let beside = |at: Option<usize>| at.and_then(|at| tokens.get(at)).copied().unwrap_or(Token::BREAK);
            let end = place + alarm.span.len();
            Some(EarlierCarrier { seqno: o, left: beside(place.checked_sub(1)), right: beside(Some(end)) })
        };
        let found: Vec<EarlierCarrier> = earlier.filter_map(carrier).collect();
        let raising = Raising { seqno, language: document.language, publisher: document.publisher.key };
        alarm.exempt = members::exempt(self.models(), &self.ring, &alarm.observed, &found, raising);
        let is_member = |o: &SeqNo| self.ring.get(*o).is_none_or(|facts| !alarm.is_exempt(facts.publisher));
        let carriers: Vec<SeqNo> = found.iter().map(|c| c.seqno).filter(is_member).collect();
        // If the anchor is common and the span around it is not, what was counted is not what would be withheld. What many
        // documents carry is in use, though its publishers have few votes each.
        let documents = f64::from(self.background.documents()) + f64::from(seqno);
        let is_in_use = found.len() as f64 > (IN_USE * documents).max(IN_USE_MIN);
        if carriers.len() + 1 < CROWD || is_in_use || !self.registry.make_room(seqno, self.config.alarms_max) {
            return None;
        }
        for &o in &carriers {
            if matches!(ledger.fate(o), Fate::Clean | Fate::Duplicate(_)) {
                let recall = Recall { seqno: o, operator: NAME, reason: alarm.reason, alarm: Some(alarm.id) };
                recalls.entry(o).or_insert(recall);
            }
        }
        alarm.members.extend(carriers.into_iter().chain([seqno]).take(self.config.members_max));
        let finding = finding(&alarm, document);
        self.registry.add(alarm);
        Some(finding)
    }
}

fn finding(alarm: &Alarm, document: &Document) -> Finding {
    // One half at the threshold, and towards 1 beyond it.
    let observed = &alarm.observed;
    let score = 1.0 - 0.5 * observed.threshold / observed.score.max(observed.threshold);
    let mut found = Finding::new(NAME, alarm.reason, Score::new(score));
    let first = alarm.place_in(document.ids());
    let span = first.and_then(|f| document.tokens.range(f, (f + alarm.span.len()).min(document.ids().len())));
    found.evidence = Evidence {
        matched: None,
        alarm: Some(alarm.id),
        phrase: Some(alarm.phrase.clone()),
        spans: span.into_iter().collect(),
        observed: Some(f64::from(observed.votes)),
        expected: Some(observed.expected),
        rule: None,
    };
    found
}

/// The text of some tokens, cut to [`PHRASE_MAX`] bytes.
fn phrase(document: &Document, first: usize, len: usize) -> String {
    let range = document.tokens.range(first, (first + len).min(document.ids().len()));
    let text = range.and_then(|(from, to)| document.text.get(from as usize..to as usize)).unwrap_or_default();
    let mut end = text.len().min(PHRASE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
