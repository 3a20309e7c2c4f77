//! What becomes of a record that its topic does not take?
//!
//! What counts is what the sink is sent: a page that fits compressed is not cut.
//!
//! | record | what replaces it |
//! |---|---|
//! | document | a dead letter `output_too_large`, which its decision names and metrics count |
//! | dead letter | the same dead letter with its first bytes |
//! | decision, alarm | a dead letter `output_too_large` |
//! | recall | nothing: a recall must not be lost, so the stage ends with an error instead |
//!
//! The same becomes of a document that the brokers refuse for anything else, such as one without a
//! key where the topic is compacted: its code is `output_refused`. Of other records nothing becomes
//! then, and the stage ends with an error.
//!
//! A dead letter whose value was cut has the whole value's length and hash in its headers. The
//! headers and the key that came with a record are kept, unless they are what is too large: then
//! they go, where together they take more than a quarter of the limit.
//!
//! The route stays what was decided, because other documents may be copies of this one. Whether a
//! record fits depends on its bytes and on the topics' limits when the process began. Nothing that
//! the engine keeps depends on it, so a replay under other limits ends with the same state.

use connectors::{
    committer::{Channel, Committer},
    source::EnvelopeHeader,
};

use super::{
    record::{OutputRecord, header},
    routing::decision_line,
    telling::Replaced,
};
use crate::{
    engine::{Outcome, Settings},
    policy::Route,
};

/// Code of the dead letter that replaces a record which its topic does not take.
pub const TOO_LARGE: &str = "output_too_large";
/// Code of the dead letter that replaces a record which the brokers refuse for something else.
pub const REFUSED: &str = "output_refused";
/// Most bytes kept of a value.
const VALUE_BYTES_KEPT: usize = 64 << 10;
/// Most bytes kept of one header of weir's own: ids and positions stay far below.
const HEADER_BYTES_KEPT: usize = 2 << 10;
/// Most bytes that a header takes beside its name and value.
const HEADER_OVERHEAD_BYTES: usize = 10;

/// Replaces records of `outcomes` that the sink does not take. What replaces them is no longer than
/// `bytes_max` allows. Gives the routes of the documents that are replaced by dead letters.
pub fn replace_oversize(
    settings: &Settings,
    outcomes: &[Outcome],
    records: &mut [Vec<OutputRecord<'_>>],
    committer: &impl Committer,
) -> Vec<(Route, &'static str)> {
    let is_too_large = |record: &OutputRecord<'_>| !committer.takes(&record.outgoing());
    let bytes_max = |channel| committer.bytes_max(channel);
    let (mut replaced, mut told) = (Vec::new(), Replaced::default());
    for (outcome, records) in outcomes.iter().zip(records) {
        if let (Outcome::Decided(decided), [document, decision, ..]) = (outcome, &mut records[..])
            && document.channel != Channel::DeadLetters
            && is_too_large(document)
        {
            decision.value = decision_line(settings, decided, Some(TOO_LARGE)).into();
            replaced.push((decided.verdict.route, TOO_LARGE));
        }
        for record in records.iter_mut().filter(|record| record.channel != Channel::Recalls && is_too_large(record)) {
            let position = settings.position_name(outcome.item().record.position);
            let (bytes, most) = (record.outgoing().bytes(), bytes_max(record.channel));
            let why = format!("{}: record of {bytes} bytes, expected at most {most}", record.channel.name());
            told.note(&position, &why);
            *record = in_place_of(record, position, (TOO_LARGE, why), bytes_max(Channel::DeadLetters));
        }
    }
    told.tell();
    replaced
}

/// Replaces the documents among the records of these numbers, which the brokers refuse; `why` is
/// their reason. Records are numbered through all outcomes. Gives the routes of the documents.
///
/// # Errors
/// With the name of a record that is no document.
pub fn replace_refused(
    settings: &Settings,
    outcomes: &[Outcome],
    records: &mut [Vec<OutputRecord<'_>>],
    (numbers, why): (&[usize], &str),
    bytes_max: impl Fn(Channel) -> usize,
) -> Result<Vec<(Route, &'static str)>, String> {
    let (mut replaced, mut told) = (Vec::new(), Replaced::default());
    let (mut first, mut found) = (0, 0);
    for (outcome, records) in outcomes.iter().zip(records) {
        let of_outcome = first..first + records.len();
        first = of_outcome.end;
        let position = settings.position_name(outcome.item().record.position);
        for number in numbers.iter().filter(|number| of_outcome.contains(number)) {
            let at = number - of_outcome.start;
            let channel = records[at].channel;
            let (Outcome::Decided(decided), [document, decision, ..], 0) = (outcome, &mut records[..], at) else {
                return Err(format!("the record for {} of {position}", channel.name()));
            };
            if channel == Channel::DeadLetters {
                return Err(format!("the dead letter in place of {position}"));
            }
            let why = format!("{}: {why}", channel.name());
            told.note(&position, &why);
            decision.value = decision_line(settings, decided, Some(REFUSED)).into();
            *document = in_place_of(document, position.clone(), (REFUSED, why), bytes_max(Channel::DeadLetters));
            replaced.push((decided.verdict.route, REFUSED));
            found += 1;
        }
    }
    told.tell();
    if found == numbers.len() { Ok(replaced) } else { Err("a record that belongs to no document".to_owned()) }
}

/// The dead letter that replaces a record, of at most `most` bytes.
fn in_place_of(record: &OutputRecord<'_>, position: String, (code, why): (&str, String), most: usize) -> OutputRecord<'static> {
    let is_ours = |header: &&EnvelopeHeader| header.name.starts_with("weir-");
    let weight = |header: &EnvelopeHeader| header.name.len() + header.value.as_ref().map_or(0, Vec::len);
    let own: Vec<&EnvelopeHeader> = record.headers.iter().filter(|header| !is_ours(header)).collect();
    let mut headers = Vec::new();
    if own.iter().map(|header| weight(header)).sum::<usize>() + own.len() * HEADER_OVERHEAD_BYTES <= most / 4 {
        headers.extend(own.into_iter().cloned());
    }
    headers.extend(record.headers.iter().filter(is_ours).map(|header| {
        let value = header.value.as_ref().map(|value| value[..value.len().min(HEADER_BYTES_KEPT)].to_vec());
        EnvelopeHeader { name: header.name.clone(), value }
    }));
    if record.channel != Channel::DeadLetters {
        headers.extend([
            header("weir-position", position),
            header("weir-code", code.to_owned()),
            header("weir-message", why),
            header("weir-length", record.value.len().to_string()),
        ]);
    }
    headers.push(header("weir-blake3", blake3::hash(&record.value).to_hex().to_string()));
    let key = record.key.clone().filter(|key| key.len() <= most / 4);
    let empty = OutputRecord { channel: Channel::DeadLetters, key, headers, value: Vec::new().into() };
    let room = most.saturating_sub(empty.outgoing().bytes()).min(VALUE_BYTES_KEPT);
    OutputRecord { value: record.value[..record.value.len().min(room)].to_vec().into(), ..empty }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 << 10;

    fn line(channel: Channel, key: usize, own: usize, value: usize) -> OutputRecord<'static> {
        let headers = vec![
            EnvelopeHeader { name: "own".to_owned(), value: Some(vec![1; own]) },
            header("weir-decision-id", "d".repeat(100_000)),
        ];
        OutputRecord { channel, key: Some(vec![2; key]), headers, value: (0..value).map(|n| n as u8).collect() }
    }

    fn of<'a>(line: &'a OutputRecord<'_>, name: &str) -> Vec<&'a [u8]> {
        line.headers.iter().filter(|header| header.name == name).filter_map(|header| header.value.as_deref()).collect()
    }

    #[test]
    fn whatever_is_too_large_fits_as_a_dead_letter() {
        for (key, own, value) in
            [(0, 0, 1 << 20), (MOST, 10, 10), (10, MOST, 10), (16_000, 16_000, MOST), (1 << 20, 1 << 20, 1 << 20)]
        {
            let given = line(Channel::Clean, key, own, value);
            let cut = in_place_of(&given, "t/0/7".to_owned(), (TOO_LARGE, "why".to_owned()), MOST);
            assert_eq!(cut.channel, Channel::DeadLetters);
            assert!(cut.outgoing().bytes() <= MOST, "{key} {own} {value}: {}", cut.outgoing().bytes());
            assert!(given.value.starts_with(&cut.value) && (cut.value.len() == value || cut.value.len() > MOST / 4));
            assert_eq!(cut.key.is_some(), key <= MOST / 4);
            assert_eq!(of(&cut, "own").len(), usize::from(own < MOST / 4));
            assert_eq!(of(&cut, "weir-position"), [b"t/0/7"]);
            assert_eq!(of(&cut, "weir-code"), [TOO_LARGE.as_bytes()]);
            assert_eq!(of(&cut, "weir-length"), [value.to_string().as_bytes()]);
            assert_eq!(of(&cut, "weir-blake3"), [blake3::hash(&given.value).to_hex().as_bytes()]);
        }
    }

    #[test]
    fn a_dead_letter_keeps_its_own_story() {
        let mut given = line(Channel::DeadLetters, 3, 3, 1 << 20);
        given.headers.extend([header("weir-position", "t/0/7".to_owned()), header("weir-code", "json_invalid".to_owned())]);
        let cut = in_place_of(&given, "elsewhere".to_owned(), (TOO_LARGE, "why".to_owned()), MOST);
        assert_eq!((of(&cut, "weir-position"), of(&cut, "weir-code")), (vec![&b"t/0/7"[..]], vec![&b"json_invalid"[..]]));
        assert_eq!(of(&cut, "weir-blake3").len(), 1);
        assert!(cut.outgoing().bytes() <= MOST && cut.value.len() > MOST / 2);
    }
}
