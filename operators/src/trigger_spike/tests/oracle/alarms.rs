//! Which documents carry an alarm, what is said of them, and which are recalled?

use std::collections::BTreeMap;

use super::{Judged, Rules, past::Past, threshold};
use crate::{
    document::{Document, SeqNo},
    finding::{Evidence, Finding, Score},
    operator::Recall,
    text::{Token, ngram},
    trigger_spike::Alarm,
};

/// What is said when a document is settled.
#[derive(Default)]
pub(in super::super) struct Said {
    pub(in super::super) findings: Vec<Finding>,
    pub(in super::super) recalls: Vec<Recall>,
}

#[derive(Default)]
pub(super) struct Alarms {
    /// All that ever fired.
    pub(super) all: Vec<Alarm>,
}

/// Whether a document is still searched for an alarm: one that was given up in one window is
/// searched for in the next.
fn is_looked_for(alarm: &Alarm, now: SeqNo, window: u32) -> bool {
    alarm.retired.is_none_or(|at| now / window <= at / window + 1)
}

/// Where a text carries the alarm: first token of the first place that has the anchor and 60% of
/// the span around it.
fn carried(alarm: &Alarm, text: &[Token]) -> Option<usize> {
    let left = usize::from(alarm.left);
    let anchor = &alarm.span[left..left + usize::from(alarm.len)];
    for at in 0..text.len() {
        if !text[at..].starts_with(anchor) {
            continue;
        }
        let fits = |&i: &usize| (at + i).checked_sub(left).and_then(|k| text.get(k)) == Some(&alarm.span[i]);
        let same = (0..alarm.span.len()).filter(fits).count();
        if same as f64 >= 0.6 * alarm.span.len() as f64 {
            return Some(at.saturating_sub(left));
        }
    }
    None
}

/// Text of some tokens.
fn bytes(document: &Document, first: usize, len: usize) -> (u32, u32) {
    let last = (first + len).min(document.ids().len()) - 1;
    (document.tokens.spans[first].0, document.tokens.spans[last].1)
}

fn finding(alarm: &Alarm, document: &Document, first: usize) -> Finding {
    let score = 1.0 - alarm.threshold / alarm.score.max(alarm.threshold) / 2.0;
    let mut found = Finding::new("trigger_spike", alarm.class.reason(), Score::new(score));
    found.evidence = Evidence {
        matched: None,
        alarm: Some(alarm.id),
        phrase: Some(alarm.phrase.clone()),
        spans: vec![bytes(document, first, alarm.span.len())],
        observed: Some(alarm.k),
        expected: Some(alarm.expected),
    };
    found
}

impl Alarms {
    /// A document that carries alarms is added to each, and raises none.
    pub(super) fn meet(&mut self, rules: &Rules<'_>, now: SeqNo, window: u32, document: &Document) -> Said {
        let mut said = Said::default();
        for alarm in self.all.iter_mut().filter(|a| is_looked_for(a, now, window)) {
            if let Some(first) = carried(alarm, document.ids()) {
                said.findings.push(finding(alarm, document, first));
                alarm.met = now;
                if alarm.members.len() < rules.config.members_max {
                    alarm.members.push(now);
                }
            }
        }
        said
    }

    pub(super) fn raise(
        &mut self,
        rules: &Rules<'_>,
        past: &Past<'_>,
        now: SeqNo,
        raised: Vec<Judged<'_>>,
        happened: &mut BTreeMap<&'static str, usize>,
    ) -> Said {
        let mut said = Said::default();
        let document = past.seen(now).expect("a document").document;
        for judged in raised {
            let mut alarm = new(rules, self.all.len(), now, document, &judged);
            let carriers = past.before(now).filter(|(_, s)| carried(&alarm, s.document.ids()).is_some());
            let carriers: Vec<SeqNo> = carriers.map(|(o, _)| o).collect();
            if carriers.len() + 1 == rules.config.units_min {
                *happened.entry("just enough carry the span").or_default() += 1;
            }
            if carriers.len() + 1 < rules.config.units_min {
                *happened.entry("hardly anybody carries the span").or_default() += 1;
                continue;
            }
            let staying: Vec<usize> = (0..self.all.len()).filter(|&i| self.all[i].retired.is_none()).collect();
            if staying.len() >= rules.config.alarms_max {
                let others = staying.into_iter().filter(|&i| self.all[i].met < now);
                let Some(longest_ago) = others.min_by_key(|&i| (self.all[i].met, i)) else {
                    *happened.entry("one alarm too many").or_default() += 1;
                    continue;
                };
                *happened.entry("an alarm given up").or_default() += 1;
                self.all[longest_ago].retired = Some(now);
            }
            for &seqno in carriers.iter().filter(|&&o| past.is_in_corpus(o)) {
                // Recalled once, for the first alarm.
                if said.recalls.iter().all(|r: &Recall| r.seqno != seqno) {
                    let reason = alarm.class.reason();
                    said.recalls.push(Recall { seqno, operator: "trigger_spike", reason, alarm: Some(alarm.id) });
                }
            }
            alarm.members = carriers;
            alarm.members.push(now);
            alarm.members.truncate(rules.config.members_max);
            let first = carried(&alarm, document.ids()).expect("carried where it fired");
            said.findings.push(finding(&alarm, document, first));
            if judged.weight.windowed {
                *happened.entry("alarm over a window").or_default() += 1;
            }
            self.all.push(alarm);
        }
        said.recalls.sort_by_key(|r| r.seqno);
        said
    }
}

/// The alarm, without members.
fn new(rules: &Rules<'_>, id: usize, now: SeqNo, document: &Document, judged: &Judged<'_>) -> Alarm {
    let (from, to) = bytes(document, judged.first(), judged.surroundings.span.len());
    Alarm {
        id: id as u32,
        class: judged.class,
        fired: now,
        // As many bytes as characters: streams are ASCII.
        phrase: document.text[from as usize..to as usize].chars().take(400).collect(),
        score: judged.score,
        threshold: threshold(judged.class, &rules.thresholds),
        k: judged.weight.votes,
        expected: judged.weight.expected,
        coherence: judged.weight.coherence,
        domains: judged.weight.publishers as u32,
        members: Vec::new(),
        anchor: ngram::hash(rules.background.seed(), judged.gram).expect("no line break"),
        span: judged.surroundings.span.clone(),
        left: judged.surroundings.left as u16,
        len: judged.gram.len() as u8,
        met: now,
        retired: None,
    }
}
