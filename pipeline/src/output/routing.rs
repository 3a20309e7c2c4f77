//! Which records does a decided document become, and on which channels do they go?
//!
//! A document becomes itself and one decision, and the recalls, restores and alarms that it caused.
//! The bytes of a clean document are the input's bytes.
//!
//! For a broker, records also have keys and headers: the document's own, and what was decided in
//! `weir-` headers. A reader who wants nothing of weir finds the record as it was.

use std::borrow::Cow;

use connectors::{
    committer::Channel,
    file::{staged_archive, staged_row},
    source::{EnvelopeHeader, Payload},
};
use decode::{Form, clean_json};
use operators::document::SeqNo;
use rayon::prelude::*;

use super::{
    lines::{AlarmLine, DecisionLine, RecallLine, dead_letter, reasons, rounded, to_line},
    record::{OutputRecord, header},
};
use crate::{
    config::OutputFormat,
    engine::{Content, Decided, Item, Outcome, Settings},
    policy::Route,
};

/// The header with a document's sequence number; recalls and settled watermarks refer to it.
pub const SEQNO_HEADER: &str = "weir-ordinal";

/// The records of each outcome, in reading order. Documents are serialised in parallel.
pub fn records<'a>(settings: &Settings, outcomes: &'a [Outcome]) -> Vec<Vec<OutputRecord<'a>>> {
    outcomes
        .par_iter()
        .map(|outcome| match outcome {
            Outcome::Decided(decided) => of_document(settings, decided),
            Outcome::Nothing(item) => of_nothing(settings, item).into_iter().collect(),
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

/// The records of a decided document: itself, its decision, and what it caused.
fn of_document<'a>(settings: &Settings, decided: &'a Decided) -> Vec<OutputRecord<'a>> {
    let channel = channel_of(decided.verdict.route);
    let position = decided.identity.position.as_bytes();
    // Records in files have no keys.
    let keyed = |channel, key: &[u8], value: Vec<u8>| {
        let key = settings.broker.then(|| key.to_vec());
        OutputRecord { key, ..OutputRecord::plain(channel, value) }
    };
    let mut records = Vec::with_capacity(2 + decided.fate_changes.len() + decided.alarms.len());
    records.push(if settings.broker {
        document_for_broker(settings, decided, channel)
    } else {
        OutputRecord::plain(channel, staged_bytes(settings, &decided.item))
    });
    records.push(keyed(Channel::Decisions, position, decision_line(settings, decided, None)));
    records.extend(decided.fate_changes.iter().map(|change| {
        let line = to_line(&RecallLine::new(change, settings.shard));
        let headers = if settings.broker { vec![seqno_header(change.seqno())] } else { Vec::new() };
        OutputRecord { headers, ..keyed(Channel::Recalls, change.identity().position.as_bytes(), line) }
    }));
    records.extend(
        decided.alarms.iter().map(|alarm| keyed(Channel::Alarms, position, to_line(&AlarmLine::new(alarm, settings.shard)))),
    );
    records
}

/// A document for a broker: value and key as they came, weir's headers behind its own.
fn document_for_broker<'a>(settings: &Settings, decided: &'a Decided, channel: Channel) -> OutputRecord<'a> {
    let record = &decided.item.record;
    let envelope = record.envelope.as_deref();
    let value = match (&record.payload, envelope) {
        // What was framed out of a value leaves as that value.
        (Payload::Html(_) | Payload::Warc { .. } | Payload::Joined { .. } | Payload::Arc { .. }, Some(envelope))
            if !envelope.value.is_empty() =>
        {
            envelope.value.as_slice().into()
        }
        (Payload::Html(page), _) => page.as_slice().into(),
        _ => document_bytes(&decided.item),
    };
    let mut headers = envelope.map_or_else(Vec::new, |e| e.headers.clone());
    headers.extend([
        header("weir-verdict", decided.verdict.route.as_str().to_owned()),
        header("weir-score", rounded(decided.verdict.score).to_string()),
        header("weir-reasons", reasons(&decided.findings)),
        header("weir-decision-id", decided.identity.id.clone()),
        header("weir-policy", settings.verdict_digest_hex()),
        seqno_header(decided.item.seqno),
    ]);
    if let Some(time) = envelope.and_then(|e| e.time_ms) {
        headers.push(header("weir-time", time.to_string()));
    }
    OutputRecord { channel, key: envelope.and_then(|e| e.key.clone()), headers, value }
}

/// The header that names a document by its sequence number.
fn seqno_header(seqno: SeqNo) -> EnvelopeHeader {
    header(SEQNO_HEADER, seqno.to_string())
}

/// The decision as it is written. `dead_letter` is the code of the dead letter that replaces the
/// document, if one does.
pub(super) fn decision_line(settings: &Settings, decided: &Decided, dead_letter: Option<&'static str>) -> Vec<u8> {
    to_line(&DecisionLine::new(settings, decided, dead_letter))
}

/// A document's bytes in a staged part, which depend on the form that it has in the final one.
fn staged_bytes<'a>(settings: &Settings, item: &'a Item) -> Cow<'a, [u8]> {
    match (&item.record.payload, settings.format) {
        (Payload::Row(_), format) if format != Some(OutputFormat::Jsonl) => staged_row(item.record.position).into(),
        (Payload::Warc { header, block }, Some(OutputFormat::Warc)) => {
            staged_archive(&[&[header.raw(), b"\r\n", block, b"\r\n\r\n"]]).into()
        }
        (Payload::Joined { header, block, conversion: text }, Some(OutputFormat::Warc)) => staged_archive(&[
            &[header.raw(), b"\r\n", block, b"\r\n\r\n"],
            &[text.header.raw(), b"\r\n", &text.block, b"\r\n\r\n"],
        ])
        .into(),
        _ => document_bytes(item),
    }
}

/// A document's bytes as JSON: those of the input where it was JSON.
fn document_bytes(item: &Item) -> Cow<'_, [u8]> {
    if let (Content::Document(work), Some(envelope)) = (&item.content, item.record.envelope.as_deref())
        && work.page.form == Form::Verbatim
        && !envelope.value.is_empty()
    {
        // The line stands in a frame.
        return envelope.value.as_slice().into();
    }
    match (&item.content, &item.record.payload) {
        (Content::Document(work), Payload::Line(line) | Payload::Row(line)) if work.page.form == Form::Verbatim => {
            line.as_slice().into()
        }
        (Content::Document(work), _) => clean_json(&work.page, work.text()).into(),
        _ => Cow::default(),
    }
}

/// The dead letter of a record, if it is no document.
fn of_nothing<'a>(settings: &Settings, item: &'a Item) -> Option<OutputRecord<'a>> {
    let Content::Reject(reject) = &item.content else { return None };
    let position = settings.position_name(item.record.position);
    if !settings.broker {
        return Some(OutputRecord::plain(Channel::DeadLetters, dead_letter(&item.record, position, reject)));
    }
    let envelope = item.record.envelope.as_deref();
    let value: Cow<'_, [u8]> = match (&item.record.payload, envelope) {
        (_, Some(envelope)) if !envelope.value.is_empty() => envelope.value.as_slice().into(),
        (Payload::Line(bytes) | Payload::Row(bytes) | Payload::Html(bytes), _) => bytes.as_slice().into(),
        (Payload::Warc { header, block }, _) => [header.raw(), b"\r\n\r\n", block].concat().into(),
        (Payload::Joined { header, block, conversion: text }, _) => {
            [header.raw(), b"\r\n", block, b"\r\n\r\n", text.header.raw(), b"\r\n", &text.block].concat().into()
        }
        (Payload::Arc { header, block }, _) => [header.raw(), block].concat().into(),
        (Payload::Bad(bad), _) => bad.bytes.as_slice().into(),
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
    Some(OutputRecord { channel: Channel::DeadLetters, key: envelope.and_then(|e| e.key.clone()), headers, value })
}
