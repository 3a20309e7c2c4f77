//! Decided documents become the records that are written, each to its channel. One decision a document; the clean record's
//! bytes are the input's bytes.
//!
//! For a broker they also have keys and headers: the document's own, and what was decided in `weir-` headers. A reader who
//! wants nothing of weir finds the record as it was.

mod fit;

use connectors::{
    committer::{Channel, Outgoing},
    file::{staged_archive, staged_row},
    source::{EnvelopeHeader, Payload},
};
use decode::{Form, clean_json};
use operators::document::SeqNo;
use rayon::prelude::*;

pub use self::fit::{TOO_LARGE, fit};

use crate::{
    config::OutputFormat,
    encode::{dead_letter, to_line},
    engine::{Content, Decided, Item, Outcome, Settings},
    policy::Route,
};

/// Header that says which place in reading order a document had: recalls and marks speak of it.
pub const SEQNO: &str = "weir-ordinal";

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it goes.
    pub channel: Channel,
    /// Its key; files have none.
    pub key: Option<Vec<u8>>,
    /// Its headers; files have none.
    pub headers: Vec<EnvelopeHeader>,
    /// Its bytes.
    pub value: Vec<u8>,
}

impl Line {
    /// A record without key and headers.
    pub fn plain(channel: Channel, value: Vec<u8>) -> Self {
        Self { channel, key: None, headers: Vec::new(), value }
    }

    /// As a committer takes it.
    pub fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { channel: self.channel, key: self.key.as_deref(), headers: &self.headers, value: &self.value }
    }
}

/// The records of each outcome, in reading order.
pub fn lines(settings: &Settings, outcomes: &[Outcome]) -> Vec<Vec<Line>> {
    outcomes
        .par_iter()
        .map(|outcome| match outcome {
            Outcome::Decided(decided) => decided_lines(settings, decided),
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

fn decided_lines(settings: &Settings, decided: &Decided) -> Vec<Line> {
    let channel = channel_of(decided.decision.route());
    let mut lines = Vec::with_capacity(2 + decided.recalls.len() + decided.alarms.len());
    if !settings.broker {
        lines.push(Line::plain(channel, staged_bytes(settings, &decided.item)));
        lines.push(Line::plain(Channel::Decisions, decision_line(decided, None)));
        lines.extend(decided.recalls.iter().map(|r| Line::plain(Channel::Recalls, to_line(r))));
        lines.extend(decided.alarms.iter().map(|a| Line::plain(Channel::Alarms, to_line(a))));
        return lines;
    }
    let position = settings.position_name(decided.item.record.position).into_bytes();
    let keyed = |channel, value| Line { channel, key: Some(position.clone()), headers: Vec::new(), value };
    lines.push(document(decided, channel));
    lines.push(keyed(Channel::Decisions, decision_line(decided, None)));
    lines.extend(decided.recalls.iter().map(|recall| Line {
        channel: Channel::Recalls,
        key: Some(recall.position().as_bytes().to_vec()),
        headers: vec![seqno(recall.seqno())],
        value: to_line(recall),
    }));
    lines.extend(decided.alarms.iter().map(|alarm| keyed(Channel::Alarms, to_line(alarm))));
    lines
}

/// A document for a broker: value and key as they came, headers after its own.
fn document(decided: &Decided, channel: Channel) -> Line {
    let record = &decided.item.record;
    let envelope = record.envelope.as_deref();
    let value = match (&record.payload, envelope) {
        // What was framed out of a value leaves as that value.
        (Payload::Html(_) | Payload::Warc { .. } | Payload::Joined { .. } | Payload::Arc { .. }, Some(envelope))
            if !envelope.value.is_empty() =>
        {
            envelope.value.clone()
        }
        (Payload::Html(page), _) => page.clone(),
        _ => document_bytes(&decided.item),
    };
    let mut headers = envelope.map_or_else(Vec::new, |e| e.headers.clone());
    let decision = &decided.decision;
    headers.extend([
        header("weir-verdict", decision.route().as_str().to_owned()),
        header("weir-score", decision.score().to_string()),
        header("weir-reasons", decision.reasons()),
        header("weir-decision-id", decision.id().to_owned()),
        header("weir-policy", decision.verdict_digest().to_owned()),
        seqno(decided.item.seqno),
    ]);
    if let Some(time) = envelope.and_then(|e| e.time_ms) {
        headers.push(header("weir-time", time.to_string()));
    }
    Line { channel, key: envelope.and_then(|e| e.key.clone()), headers, value }
}

/// The header that names a place in reading order.
fn seqno(seqno: SeqNo) -> EnvelopeHeader {
    header(SEQNO, seqno.to_string())
}

fn header(name: &str, value: String) -> EnvelopeHeader {
    EnvelopeHeader { name: name.to_owned(), value: Some(value.into_bytes()) }
}

/// The decision, as it is written; `dead_letter`: why one stands in the document's place.
fn decision_line(decided: &Decided, dead_letter: Option<&'static str>) -> Vec<u8> {
    let text = match &decided.item.content {
        Content::Document(work) if decided.decision.has_findings() => Some(&*work.page.text),
        _ => None,
    };
    match (text, dead_letter) {
        (None, None) => to_line(&decided.decision),
        _ => to_line(&decided.decision.completed(text, dead_letter)),
    }
}

/// How a document is staged for the form that it leaves in.
fn staged_bytes(settings: &Settings, item: &Item) -> Vec<u8> {
    match (&item.record.payload, settings.format) {
        (Payload::Row(_), format) if format != Some(OutputFormat::Jsonl) => staged_row(item.record.position),
        (Payload::Warc { header, block }, Some(OutputFormat::Warc)) => {
            staged_archive(&[&[header.raw(), b"\r\n", block, b"\r\n\r\n"]])
        }
        (Payload::Joined { header, block, conversion: text }, Some(OutputFormat::Warc)) => staged_archive(&[
            &[header.raw(), b"\r\n", block, b"\r\n\r\n"],
            &[text.header.raw(), b"\r\n", &text.block, b"\r\n\r\n"],
        ]),
        _ => document_bytes(item),
    }
}

fn document_bytes(item: &Item) -> Vec<u8> {
    match (&item.content, &item.record.payload) {
        (Content::Document(work), Payload::Line(line) | Payload::Row(line)) if work.page.form == Form::Verbatim => line.clone(),
        (Content::Document(work), _) => clean_json(&work.page),
        _ => Vec::new(),
    }
}

fn nothing_lines(settings: &Settings, item: &Item) -> Vec<Line> {
    let Content::Reject(reject) = &item.content else { return Vec::new() };
    let position = settings.position_name(item.record.position);
    if !settings.broker {
        return vec![Line::plain(Channel::DeadLetters, dead_letter(&item.record, position, reject))];
    }
    let envelope = item.record.envelope.as_deref();
    let value = match (&item.record.payload, envelope) {
        (Payload::Line(bytes) | Payload::Row(bytes) | Payload::Html(bytes), _) => bytes.clone(),
        (_, Some(envelope)) if !envelope.value.is_empty() => envelope.value.clone(),
        (Payload::Warc { header, block }, _) => [header.raw(), b"\r\n\r\n", block].concat(),
        (Payload::Joined { header, block, conversion: text }, _) => {
            [header.raw(), b"\r\n", block, b"\r\n\r\n", text.header.raw(), b"\r\n", &text.block].concat()
        }
        (Payload::Arc { header, block }, _) => [header.raw(), block].concat(),
        (Payload::Bad(bad), _) => bad.bytes.clone(),
    };
    let length = match &item.record.payload {
        Payload::Bad(bad) => bad.length,
        _ => value.len() as u64,
    };
    let mut headers = envelope.map_or_else(Vec::new, |e| e.headers.clone());
    headers.extend([
        header("weir-position", position),
        header("weir-code", reject.code.to_owned()),
        header("weir-message", reject.message.clone()),
        header("weir-length", length.to_string()),
    ]);
    vec![Line { channel: Channel::DeadLetters, key: envelope.and_then(|e| e.key.clone()), headers, value }]
}
