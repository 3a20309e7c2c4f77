//! Which row of a table stands for a document that was no row? For `output.format = "parquet"` over
//! JSON lines and archives.
//!
//! | column | |
//! |---|---|
//! | `text` | the page's text |
//! | `id`, `url`, `label` | as stated |
//! | `fetched_at` | time of fetching, to the second |
//! | `metadata` | the other fields of the line, as an object of JSON with sorted keys, so that nothing of the line is lost |

use std::collections::BTreeMap;

use connectors::{
    position::Position,
    source::{Payload, Record},
    table_cell::TableCell,
};
use serde_json::value::RawValue;

use super::{
    decoded::Decoded,
    options::{Fields, Options},
    record::decode,
};

/// Names of the columns.
pub const COLUMNS: [&str; 6] = ["text", "id", "url", "fetched_at", "label", "metadata"];

/// Returns the cells for a line of the corpus, in the order of [`COLUMNS`].
pub fn cells(line: &[u8], options: &Options) -> Vec<TableCell> {
    let read = |options: &Options| {
        let record = Record::new(Position { partition: 0, offset: 0 }, 0, Payload::Line(line.to_vec()));
        match decode(&record, "", options) {
            Decoded::Page(page) => Some(page),
            Decoded::WithoutText(_) | Decoded::Reject(_) => None,
        }
    };
    // A page of an archive has been given a line of weir's own, whatever paths are configured.
    let page = read(options).or_else(|| read(&Options { fields: Fields::default(), ..options.clone() }));
    let metadata = metadata(line, page.as_ref().map(|page| page.text.as_str()));
    let (text, id, url, time, label) =
        page.map_or_else(Default::default, |page| (Some(page.text), page.id, page.url, page.time, page.label));
    vec![
        TableCell::Text(text),
        TableCell::Text(id),
        TableCell::Text(url),
        TableCell::Time(time),
        TableCell::Text(label),
        TableCell::Text(metadata),
    ]
}

/// Returns all fields of a line but those whose value is `text`.
fn metadata(line: &[u8], text: Option<&str>) -> Option<String> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_slice(line).ok()?;
    fields.retain(|_, value| text.is_none() || serde_json::from_str::<String>(value.get()).ok().as_deref() != text);
    serde_json::to_string(&fields).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_line_is_lost() {
        let line = br#"{"url":"https://a.example/","z":[1, 2.50],"text":"a \"b\"","id":7,"fetched_at":"2025-03-01T00:00:10Z"}"#;
        let text = |text: &str| TableCell::Text(Some(text.to_owned()));
        let metadata = r#"{"fetched_at":"2025-03-01T00:00:10Z","id":7,"url":"https://a.example/","z":[1, 2.50]}"#;
        let expected = [
            text("a \"b\""),
            text("7"),
            text("https://a.example/"),
            TableCell::Time(Some(1_740_787_210)),
            TableCell::Text(None),
            text(metadata),
        ];
        assert_eq!(cells(line, &Options::default()), expected);
        assert_eq!(cells(line, &Options::default()).len(), COLUMNS.len());
        // What cannot be decoded, which no document is, keeps its fields.
        assert_eq!(cells(br#"{"a":1}"#, &Options::default())[5], text(r#"{"a":1}"#));
    }
}
