//! Which sequence number does a record have, and what does a record of `recalls` say?

use std::borrow::Cow;

use connectors::{error::Error, kafka::ForwardedRecord};
use serde::Deserialize;

use super::fates::FateChange;

/// The header with the sequence number of a document. Its name is older than the term.
pub(super) const SEQNO: &str = "weir-ordinal";

/// What a record of `recalls` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecallsRecord {
    /// The document of this sequence number is recalled or restored.
    Fate(u32, FateChange),
    /// Every document below this sequence number is settled.
    Watermark(u32),
    /// A document would be recalled if its publisher were not allowed.
    Overruled,
}

/// The members of a line of `recalls` that matter here.
#[derive(Deserialize)]
struct RecallsLine<'a> {
    v: u32,
    #[serde(borrow)]
    action: Cow<'a, str>,
    up_to: Option<u32>,
}

/// Reads the sequence number in a record's header. `name` is the partition, for messages.
pub(super) fn seqno(record: &ForwardedRecord, name: &str) -> Result<u32, Error> {
    let header = record.headers.iter().rev().find(|header| header.name == SEQNO);
    let text = header.and_then(|header| std::str::from_utf8(header.value.as_deref()?).ok());
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let got = header.map_or("no such header".to_owned(), |_| format!("{:?}", text.unwrap_or("no text")));
        let at = record.offset;
        Error::Refused(format!("{name}/{at}: {SEQNO} is {got}, expected a number: who else writes to this topic?"))
    })
}

/// Reads a record of `recalls`. `name` is the partition, for messages.
pub(super) fn parse(record: &ForwardedRecord, name: &str) -> Result<RecallsRecord, Error> {
    let refused = |why: String| Error::Refused(format!("{name}/{}: {why}", record.offset));
    let value = record.value.as_deref().unwrap_or_default();
    let line: RecallsLine<'_> = serde_json::from_slice(value).map_err(|error| refused(format!("no line of recalls: {error}")))?;
    if line.v != 1 {
        return Err(refused(format!("schema version is {}, expected 1", line.v)));
    }
    match (&*line.action, line.up_to) {
        ("recall", _) => Ok(RecallsRecord::Fate(seqno(record, name)?, FateChange::Recall)),
        ("restore", _) => Ok(RecallsRecord::Fate(seqno(record, name)?, FateChange::Restore)),
        ("overruled", _) => Ok(RecallsRecord::Overruled),
        ("settled", Some(up_to)) => Ok(RecallsRecord::Watermark(up_to)),
        ("settled", None) => Err(refused("a settled watermark without `up_to`".to_owned())),
        (other, _) => Err(refused(format!("action is {other:?}, expected recall, restore, overruled or settled"))),
    }
}

#[cfg(test)]
mod tests {
    use connectors::source::EnvelopeHeader;

    use super::*;

    fn record(seqnos: &[&[u8]], value: &str) -> ForwardedRecord {
        let header = |value: &&[u8]| EnvelopeHeader { name: SEQNO.to_owned(), value: Some(value.to_vec()) };
        let headers = seqnos.iter().map(header).collect();
        ForwardedRecord { partition: 0, offset: 7, key: None, headers, value: Some(value.as_bytes().to_vec()) }
    }

    #[test]
    fn lines_hold_fates_and_watermarks() {
        let recall = record(&[b"12"], r#"{"v":1,"action":"recall","id":"a\"b","position":"x/0/1"}"#);
        assert_eq!(parse(&recall, "r/0").ok(), Some(RecallsRecord::Fate(12, FateChange::Recall)));
        let restore = record(&[b"4294967295"], r#"{"v":1,"action":"restore"}"#);
        assert_eq!(parse(&restore, "r/0").ok(), Some(RecallsRecord::Fate(u32::MAX, FateChange::Restore)));
        assert_eq!(parse(&record(&[b"7"], r#"{"v":1,"action":"overruled"}"#), "r/0").ok(), Some(RecallsRecord::Overruled));
        assert_eq!(parse(&record(&[], r#"{"v":1,"action":"settled","up_to":9}"#), "r/0").ok(), Some(RecallsRecord::Watermark(9)));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_place() {
        for (seqnos, value) in [
            (&[][..], r#"{"v":1,"action":"recall"}"#),
            (&[&b"-1"[..]], r#"{"v":1,"action":"recall"}"#),
            (&[&b"\xff"[..]], r#"{"v":1,"action":"recall"}"#),
            (&[b"1", b"4294967296"], r#"{"v":1,"action":"recall"}"#),
            (&[b"1"], r#"{"v":2,"action":"recall"}"#),
            (&[b"1"], r#"{"v":1,"action":"forget"}"#),
            (&[b"1"], r#"{"v":1,"action":"settled"}"#),
            (&[b"1"], r#"{"v":1,"action":"settled","up_to":-1}"#),
            (&[b"1"], "\u{0}"),
            (&[b"1"], ""),
        ] {
            let error = parse(&record(seqnos, value), "r/0").expect_err(value).to_string();
            assert!(error.starts_with("r/0/7: "), "{error}");
        }
    }
}
