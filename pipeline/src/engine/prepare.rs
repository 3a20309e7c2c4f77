//! The parallel, pure part of the way: decode, features, inspectors, probes.

use connectors::source::Record;
use decode::{Decoded, Form, Page, Provenance, Reject, WithoutText, decode};
use operators::{
    document::{Document, SeqNo},
    exact_dedup::ExactDedup,
    finding::{Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
    near_dup::NearDup,
    operator::Operator,
    trigger_spike::TriggerSpike,
};
use rayon::prelude::*;

use super::{
    Lanes, Settings,
    fault::{self, Phase},
    lane::guarded,
};
use crate::{policy, state::horizon};

/// An inspector and whether its findings count.
pub type Inspectors = Vec<(Box<dyn Inspector>, Mode)>;

/// One record with its sequence number and what became of it.
pub struct Item {
    /// Its place in reading order.
    pub seqno: SeqNo,
    /// The record as delivered.
    pub record: Record,
    /// What it holds.
    pub content: Content,
}

/// What a record holds.
pub enum Content {
    /// A document.
    Document(Box<Work>),
    /// A sound record without text.
    WithoutText(WithoutText),
    /// No record at all.
    Reject(Reject),
}

/// A document on its way.
pub struct Work {
    /// As decoded.
    pub page: Page,
    /// Whether a phase failed on it.
    pub failed: bool,
    /// What was computed from it alone.
    pub computed: Computed,
}

/// What is computed from a document alone.
pub struct Computed {
    /// With its features.
    pub document: Document,
    /// What inspectors found.
    pub inspected: Vec<(Finding, Mode)>,
    /// Whether it votes: not if enforced stateless findings alone would withhold it.
    pub votes: bool,
    /// What it asks of keyed state.
    pub probes: Probes,
    /// Its text, compressed for the horizon store.
    pub compressed: Vec<u8>,
}

/// What a document asks of each lane; `None` where the lane is off or the document failed.
#[derive(Default)]
pub struct Probes {
    /// Exact copies.
    pub exact: Option<<ExactDedup as Operator>::Probe>,
    /// Near copies.
    pub near: Option<<NearDup as Operator>::Probe>,
    /// Phrases.
    pub spike: Option<<TriggerSpike as Operator>::Probe>,
}

/// The finding on a document on which an operator panicked: withheld to be safe.
pub(super) fn operator_failed() -> (Finding, Mode) {
    (Finding::new("engine", Reason::OperatorFailed, Score::ONE), Mode::Enforce)
}

/// Prepares a batch of records; `first` is the sequence number of the first one. `votes`: what a journal says, in a re-read.
pub(super) fn prepare(
    settings: &Settings,
    inspectors: &Inspectors,
    lanes: &Lanes,
    first: SeqNo,
    records: Vec<Record>,
    votes: Option<&[bool]>,
) -> Vec<Item> {
    let ahead = |(i, record): (usize, Record)| {
        let content = content(settings, inspectors, lanes, &record, votes.map(|v| v[i]));
        Item { seqno: first + i as SeqNo, record, content }
    };
    records.into_par_iter().enumerate().map(ahead).collect()
}

fn content(settings: &Settings, inspectors: &Inspectors, lanes: &Lanes, record: &Record, votes: Option<bool>) -> Content {
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
    let decoded = guarded(|| decode(record, source, &settings.decode));
    let page = match decoded {
        Some(Decoded::Page(page)) => page,
        Some(Decoded::WithoutText(nothing)) => return Content::WithoutText(nothing),
        Some(Decoded::Reject(reject)) => return Content::Reject(reject),
        None => {
            let message = "the decoder failed on this record".to_owned();
            return Content::Reject(Reject { code: "decoder_failed", message });
        }
    };
    let computed = guarded(|| compute(settings, inspectors, lanes, &page, source, votes));
    Content::Document(Box::new(match computed {
        Some(computed) => Work { page, failed: false, computed },
        None => Work { computed: withheld(settings, source), page, failed: true },
    }))
}

fn compute(
    settings: &Settings,
    inspectors: &Inspectors,
    lanes: &Lanes,
    page: &Page,
    source: &str,
    votes: Option<bool>,
) -> Computed {
    settings.faults.trip(Phase::Prepare, &page.text);
    fault::die(&page.text);
    let document = settings.features.document(page, source);
    if settings.only_indexes {
        let probes = Probes { exact: lanes.exact.probe(&document), near: lanes.near.probe(&document), spike: None };
        return Computed { document, inspected: Vec::new(), votes: true, probes, compressed: Vec::new() };
    }
    let mut inspected = Vec::new();
    for (inspector, mode) in inspectors {
        let mut found = Vec::new();
        inspector.inspect(&document, &mut found);
        inspected.extend(found.into_iter().map(|f| (f, *mode)));
    }
    let score = policy::suspicion(inspected.iter().map(|(f, m)| (f, *m)));
    let votes = votes.unwrap_or(score < settings.quarantine_score);
    let probes =
        Probes { exact: lanes.exact.probe(&document), near: lanes.near.probe(&document), spike: lanes.spike.probe(&document) };
    let compressed = horizon::compress(&document.text);
    Computed { document, inspected, votes, probes, compressed }
}

/// A document on which features or an inspector failed: it asks nothing of keyed state and is withheld.
fn withheld(settings: &Settings, source: &str) -> Computed {
    Computed {
        document: settings.features.placeholder(source),
        inspected: vec![operator_failed()],
        votes: false,
        probes: Probes::default(),
        compressed: Vec::new(),
    }
}
