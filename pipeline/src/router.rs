//! Decided documents become the records that are written, each to its channel. One decision a document; the clean record's
//! bytes are the input's bytes.

use connectors::{committer::Channel, source::Payload};
use rayon::prelude::*;

use crate::{
    decode::{Form, clean_json},
    encode::{dead_letter, to_line},
    engine::{Content, Decided, Item, Outcome, Settings},
    policy::Route,
};

/// The records of each outcome, in reading order.
pub fn lines(settings: &Settings, outcomes: &[Outcome]) -> Vec<Vec<(Channel, Vec<u8>)>> {
    outcomes
        .par_iter()
        .map(|outcome| match outcome {
            Outcome::Decided(decided) => decided_lines(decided),
            Outcome::Nothing(item) => nothing_lines(settings, item),
        })
        .collect()
}

/// Where the documents of a route go.
fn channel_of(route: Route) -> Channel {
    match route {
        Route::Clean => Channel::Clean,
        Route::Duplicate => Channel::Duplicate,
        Route::Quarantine => Channel::Quarantine,
    }
}

fn decided_lines(decided: &Decided) -> Vec<(Channel, Vec<u8>)> {
    let mut lines = Vec::with_capacity(2 + decided.recalls.len());
    lines.push((channel_of(decided.decision.route()), document_bytes(&decided.item)));
    lines.push((Channel::Decisions, decision_line(decided)));
    lines.extend(decided.recalls.iter().map(|r| (Channel::Recalls, to_line(r))));
    lines
}

fn decision_line(decided: &Decided) -> Vec<u8> {
    match &decided.item.content {
        Content::Document(work) if decided.decision.has_findings() => to_line(&decided.decision.with_language(&work.page.text)),
        _ => to_line(&decided.decision),
    }
}

fn document_bytes(item: &Item) -> Vec<u8> {
    match (&item.content, &item.record.payload) {
        (Content::Document(work), Payload::Line(line)) if work.page.form == Form::Verbatim => line.clone(),
        (Content::Document(work), _) => clean_json(&work.page),
        _ => Vec::new(),
    }
}

fn nothing_lines(settings: &Settings, item: &Item) -> Vec<(Channel, Vec<u8>)> {
    match &item.content {
        Content::Reject(reject) => {
            let position = settings.position_name(item.record.position);
            vec![(Channel::DeadLetters, dead_letter(&item.record, position, reject))]
        }
        Content::Document(_) | Content::WithoutText(_) => Vec::new(),
    }
}
