//! What can be done with a record before any state is asked? This is the parallel, pure part of the
//! way: a record is decoded, its features are computed, the inspectors look at it, and every keyed
//! operator says what the document asks of its state.

use connectors::source::Record;
use decode::{Decoded, Form, Page, Provenance, Reject, decode};
use operators::{
    document::{Document, SeqNo},
    finding::{Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
    operator::Role,
};
use rayon::prelude::*;

use super::{
    fault::{self, Phase},
    item::{Computed, Content, Item, Probe, Work},
    phases::KeyedOperators,
    runtime::{OperatorRuntime, guarded},
    settings::{JournalUse, Settings},
    spent::Step,
};
use crate::policy;

/// The inspectors that are on, and whether their findings count.
pub type Inspectors = Vec<(Box<dyn Inspector>, Mode)>;

/// What preparing a record needs of the engine.
#[derive(Clone, Copy)]
pub(super) struct Preparation<'a> {
    pub(super) settings: &'a Settings,
    pub(super) inspectors: &'a Inspectors,
    pub(super) operators: &'a KeyedOperators,
}

/// The finding on a document on which an operator panicked: withheld to be safe.
pub(super) fn operator_failed() -> (Finding, Mode) {
    (Finding::new("engine", Reason::OperatorFailed, Score::ONE), Mode::Enforce)
}

impl Preparation<'_> {
    /// Prepares a batch of records; `first` is the sequence number of the first one. `votes`: what
    /// a journal says, in a re-read.
    pub(super) fn prepare(self, first: SeqNo, records: Vec<Record>, votes: Option<&[bool]>) -> Vec<Item> {
        let ahead = |(i, record): (usize, Record)| {
            let content = self.content(&record, votes.map(|v| v[i]));
            let digest = (self.settings.journal == JournalUse::Kept).then(|| record.payload.digest());
            Item { seqno: first + i as SeqNo, digest, record, content }
        };
        records.into_par_iter().enumerate().map(ahead).collect()
    }

    fn content(self, record: &Record, votes: Option<bool>) -> Content {
        let settings = self.settings;
        let source = settings.partitions.get(record.position.partition as usize).map_or("", String::as_str);
        if settings.skips.contains(&record.position) {
            let page = Page {
                text: String::new(),
                id: None,
                url: None,
                time: None,
                label: None,
                contributor: None,
                provenance: Provenance::default(),
                form: Form::Verbatim,
            };
            return Content::Document(Box::new(Work { computed: withheld(settings, source), page, failed: true }));
        }
        let mut page = match self.decoded(record, source) {
            Some(Decoded::Page(page)) => page,
            Some(Decoded::WithoutText(nothing)) => return Content::WithoutText(nothing),
            Some(Decoded::Reject(reject)) => return Content::Reject(reject),
            None => {
                let message = "the decoder failed on this record".to_owned();
                return Content::Reject(Reject { code: "decoder_failed", message });
            }
        };
        if let Some(computed) = guarded(|| self.compute(&mut page, source, votes)) {
            return Content::Document(Box::new(Work { page, failed: false, computed }));
        }
        // Its text may be lost with its features.
        if let Some(Decoded::Page(again)) = self.decoded(record, source) {
            page = again;
        }
        Content::Document(Box::new(Work { computed: withheld(settings, source), page, failed: true }))
    }

    fn decoded(self, record: &Record, source: &str) -> Option<Decoded> {
        self.settings.spent.on(Step::Decode, || guarded(|| decode(record, source, &self.settings.decode)))
    }

    fn compute(self, page: &mut Page, source: &str, votes: Option<bool>) -> Computed {
        let settings = self.settings;
        settings.faults.trip(Phase::Prepare, &page.text);
        fault::die(&page.text);
        let document = settings.spent.on(Step::Features, || settings.features.document(page, source));
        if settings.only_indexes {
            let probes = self.probes(&document, |operator| operator.role() == Role::Copies);
            return Computed { document, inspected: Vec::new(), votes: true, probes };
        }
        let mut inspected = Vec::new();
        for (number, (inspector, mode)) in self.inspectors.iter().enumerate() {
            let mut found = Vec::new();
            settings.spent.by(Step::Inspect, number, || inspector.inspect(&document, &mut found));
            inspected.extend(found.into_iter().map(|f| (f, *mode)));
        }
        let score = policy::suspicion(inspected.iter().map(|(f, m)| (f, *m)));
        let votes = votes.unwrap_or(score < settings.quarantine_score);
        let probes = self.probes(&document, |_| true);
        Computed { document, inspected, votes, probes }
    }

    fn probes(self, document: &Document, is_asked: impl Fn(&dyn OperatorRuntime) -> bool) -> Vec<Option<Probe>> {
        let probe = |number: usize, operator: &dyn OperatorRuntime| {
            let asked = is_asked(operator) && operator.mode() != Mode::Off;
            if asked { self.settings.spent.by(Step::Probe, number, || operator.probe(document)) } else { None }
        };
        self.operators.iter().enumerate().map(|(number, operator)| probe(number, operator.as_ref())).collect()
    }
}

/// A document on which features or an inspector failed: it asks nothing of keyed state and is
/// withheld.
fn withheld(settings: &Settings, source: &str) -> Computed {
    Computed {
        document: settings.features.placeholder(source),
        inspected: vec![operator_failed()],
        votes: false,
        probes: Vec::new(),
    }
}
