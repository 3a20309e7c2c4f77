//! How is a record decided? Proposals become findings, findings become a verdict, and the verdict
//! goes into the ledger; recalls and restores of earlier documents follow. This is the serial part
//! of the engine: one record after another, in reading order.

use operators::{
    document::SeqNo,
    finding::{Finding, ListRule},
    lookup::{Fate, Ledger as Lookup},
    mode::Mode,
    operator::{Recall, Role},
    text::Language,
};

use super::{
    core::Engine,
    fault::{Mutation, Phase},
    item::{Content, Item, Work},
    outcome::{Decided, FateChange, Outcome},
    prepare::operator_failed,
    runtime::{Past, guarded},
};
use crate::{
    policy::{self, Route, Verdict},
    state::{StateError, ledger::Identity},
};

impl Engine {
    /// Settles record number `at` of a window, in reading order. `failed` says that a phase has
    /// panicked on it.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub(super) fn settle(&mut self, at: usize, item: Item, failed: bool) -> Result<Outcome, StateError> {
        self.counts.received += 1;
        let work = match &item.content {
            Content::Document(work) => work,
            Content::WithoutText(_) => {
                self.counts.without_text += 1;
                self.ledger.push_nothing()?;
                return Ok(Outcome::Nothing(Box::new(item)));
            }
            Content::Reject(_) => {
                self.counts.dead_letters += 1;
                self.ledger.push_nothing()?;
                return Ok(Outcome::Nothing(Box::new(item)));
            }
        };
        self.clock.tick(work.computed.document.time);
        let raised_before = self.alarms_by_operator();
        let asked = if failed || work.failed { None } else { guarded(|| self.ask(at, &item, work)) };
        let (mut findings, recalls) = asked.unwrap_or_else(|| (vec![operator_failed()], Vec::new()));
        // Spans refer to the text that is written. What was found beside that text is identified by
        // its phrase.
        let own = work.computed.document.parts.own;
        for (finding, _) in &mut findings {
            finding.evidence.spans.retain(|&(_, to)| to <= own);
        }
        let document = &work.computed.document;
        let allowed = self.allowed.find(&document.publisher.name, &document.url);
        let verdict = policy::decide(&findings, allowed.is_some(), self.settings.quarantine_score);
        let identity = self.identity(&item, work, allowed.as_ref());
        let overruled_by = allowed.filter(|_| verdict.overruled);
        self.ledger.push(&identity, fate_of(&verdict, &findings))?;
        if verdict.route == Route::Quarantine && work.computed.votes {
            self.withdraw(item.seqno);
        }
        let fate_changes = self.apply(recalls)?;
        self.counts.without_url += u64::from(work.page.url.is_none());
        let detects = self.settings.features.detects_language || identity.language != Language::UNKNOWN;
        let language = detects.then_some(identity.language);
        let unjudged = self.settings.silence(identity.language).is_some();
        self.counts.count(verdict.route, language, unjudged, &findings, &fate_changes);
        let matches = self.matches(&findings)?;
        let retired = self.take_retired_alarms();
        let alarms = if self.settings.broker { self.alarms_since(&raised_before) } else { retired };
        let alarms = self.with_members(alarms)?;
        Ok(Outcome::Decided(Box::new(Decided { item, identity, verdict, overruled_by, findings, matches, fate_changes, alarms })))
    }

    /// Takes one record into the ledger as a clean document, which later documents may be copies
    /// of. Nothing is decided.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub(super) fn index(&mut self, item: Item) -> Result<Outcome, StateError> {
        self.counts.received += 1;
        match &item.content {
            Content::Document(work) if !work.failed => {
                self.counts.clean += 1;
                let document = &work.computed.document;
                let allowed = self.allowed.find(&document.publisher.name, &document.url);
                let identity = self.identity(&item, work, allowed.as_ref());
                self.ledger.push(&identity, Fate::Clean)?;
            }
            Content::WithoutText(_) => {
                self.counts.without_text += 1;
                self.ledger.push_nothing()?;
            }
            Content::Document(_) | Content::Reject(_) => {
                self.counts.dead_letters += 1;
                self.ledger.push_nothing()?;
            }
        }
        Ok(Outcome::Nothing(Box::new(item)))
    }

    /// Asks the operators in their order: those that look for what is suspicious first, then those
    /// that look for copies. Only a document that nothing withholds can be a copy, and the first
    /// operator that finds it to be one has it.
    fn ask(&mut self, at: usize, item: &Item, work: &Work) -> (Vec<(Finding, Mode)>, Vec<Recall>) {
        self.settings.faults.trip(Phase::Settle, work.text());
        let computed = &work.computed;
        let tick = item.tick(self.settings.epoch);
        let mut findings = computed.inspected.clone();
        for (inspector, mode) in &self.inspectors {
            let late = inspector.inspect_at(&computed.document, self.clock.now());
            findings.extend(late.map(|finding| (finding, *mode)));
        }
        let itself = SeesItself(&self.ledger, item.seqno);
        let ledger: &dyn Lookup = if self.settings.faults.is_off(Mutation::NoSelfCheck) { &itself } else { &self.ledger };
        let past = Past { ledger, horizon: &self.horizon };
        let mut recalls = Vec::new();
        let mut suspect = !tick.votes;
        for role in [Role::Suspicion, Role::Copies] {
            for operator in self.operators.iter_mut().filter(|operator| operator.role() == role) {
                let settled = operator.settle(at, tick, computed, suspect, past);
                let mode = operator.mode();
                if mode == Mode::Enforce {
                    suspect |= role == Role::Copies && !settled.findings.is_empty();
                    recalls.extend(settled.recalls);
                }
                findings.extend(settled.findings.into_iter().map(|finding| (finding, mode)));
            }
            suspect |= policy::suspicion(findings.iter().map(|(f, m)| (f, *m))) >= self.settings.quarantine_score;
        }
        (findings, recalls)
    }

    fn identity(&self, item: &Item, work: &Work, allowed: Option<&ListRule>) -> Identity {
        let position = self.settings.position_name(item.record.position);
        Identity {
            id: work.page.id.clone().unwrap_or_else(|| position.clone()),
            position,
            place: item.record.position,
            run: self.run,
            publisher: work.computed.document.publisher.name.to_string(),
            language: work.computed.document.language,
            time: work.computed.document.time,
            allowed_by: allowed.map(|rule| rule.entry.to_string()).unwrap_or_default(),
        }
    }

    /// The entry of the allow list that a document is under now: the one that it came under, if the
    /// list still has it, or one for its publisher.
    fn still_allowed(&self, identity: &Identity) -> Option<ListRule> {
        let came_under = Some(&identity.allowed_by).filter(|entry| !entry.is_empty());
        came_under.and_then(|entry| self.allowed.rule(entry)).or_else(|| self.allowed.find(&identity.publisher, ""))
    }

    /// Takes back a document's votes at the epoch boundary after the next one, so that answers do
    /// not depend on how far settling lags behind folding.
    fn withdraw(&mut self, seqno: SeqNo) {
        let epoch = self.settings.epoch;
        let visible = if self.settings.faults.is_off(Mutation::NoEpoch) { 0 } else { (seqno / epoch + 2) * epoch };
        self.withdrawals.entry(visible).or_default().push(seqno);
    }

    /// Changes the fates of recalled documents, and restores the first surviving copy of each
    /// recalled representative. What the user allows stays where it is, as it would at arrival.
    fn apply(&mut self, recalls: Vec<Recall>) -> Result<Vec<FateChange>, StateError> {
        let mut changes = Vec::new();
        let mut orphaned = Vec::new();
        for recall in recalls {
            let fate = self.ledger.fate(recall.seqno);
            if matches!(fate, Fate::Quarantined | Fate::Recalled | Fate::Unknown) {
                continue;
            }
            let identity = self.ledger.identity(recall.seqno)?;
            if let Some(identity) = &identity
                && let Some(rule) = self.still_allowed(identity)
            {
                changes.push(FateChange::Overruled { identity: identity.clone(), recall, rule });
                continue;
            }
            if fate == Fate::Clean {
                orphaned.push(recall.seqno);
            }
            self.ledger.change(recall.seqno, Fate::Recalled)?;
            let Some(identity) = identity else { continue };
            changes.push(FateChange::Recalled { identity, recall });
        }
        for representative in orphaned {
            // Copies that carry the alarm themselves were recalled above and are no longer listed.
            let copies = self.ledger.copies(representative);
            let Some((&restored, others)) = copies.split_first() else { continue };
            self.ledger.change(restored, Fate::Clean)?;
            for &other in others {
                self.ledger.change(other, Fate::Duplicate(restored))?;
            }
            let (Some(identity), Some(original)) = (self.ledger.identity(restored)?, self.ledger.identity(representative)?)
            else {
                continue;
            };
            changes.push(FateChange::Restored { seqno: restored, identity, original });
        }
        Ok(changes)
    }

    /// For each finding the id of the document that it names.
    fn matches(&self, findings: &[(Finding, Mode)]) -> Result<Vec<Option<String>>, StateError> {
        let id_of = |seqno| Ok(self.ledger.identity(seqno)?.map(|identity| identity.id));
        let matched = findings.iter().map(|(finding, _)| finding.evidence.matched);
        matched.map(|seqno| seqno.map_or(Ok(None), id_of)).collect()
    }
}

/// A test's broken ledger, in which a document is clean before it is decided: so it may be called a
/// copy of itself.
struct SeesItself<'a>(&'a dyn Lookup, SeqNo);

impl Lookup for SeesItself<'_> {
    fn fate(&self, seqno: SeqNo) -> Fate {
        if seqno == self.1 { Fate::Clean } else { self.0.fate(seqno) }
    }
}

fn fate_of(verdict: &Verdict, findings: &[(Finding, Mode)]) -> Fate {
    match verdict.route {
        Route::Clean => Fate::Clean,
        Route::Quarantine => Fate::Quarantined,
        Route::Duplicate => {
            let copy = |f: &&(Finding, Mode)| f.1 == Mode::Enforce && f.0.reason.is_copy();
            findings.iter().find(copy).and_then(|(f, _)| f.evidence.matched).map_or(Fate::Clean, Fate::Duplicate)
        }
    }
}
