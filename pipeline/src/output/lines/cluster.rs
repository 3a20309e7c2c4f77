//! What does `clusters.jsonl` say about a kept document and its copies?

use std::{collections::BTreeSet, iter};

use serde::Serialize;

use super::schema::SCHEMA;
use crate::state::ledger::Identity;

/// The line of a kept document.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterLine<'a> {
    v: u32,
    /// The id of the kept document.
    id: &'a str,
    position: &'a str,
    /// The run that kept it, counted from 0 over all runs that share a state.
    run: u32,
    /// Documents that look like it, this one included.
    cluster_size: u64,
    /// Distinct publishers among them.
    publishers: u64,
    /// When the first of them was fetched, in seconds since 1970, as the records say.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<i64>,
    /// When the last of them was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<i64>,
}

impl<'a> ClusterLine<'a> {
    /// The line of the document `kept`, which `copies` are copies of.
    pub fn new(kept: &'a Identity, copies: &[Identity]) -> Self {
        let all = || iter::once(kept).chain(copies);
        let publishers: BTreeSet<&str> = all().map(|identity| identity.publisher.as_str()).collect();
        Self {
            v: SCHEMA,
            id: &kept.id,
            position: &kept.position,
            run: kept.run,
            cluster_size: all().count() as u64,
            publishers: publishers.len() as u64,
            first_seen: all().filter_map(|identity| identity.time).min(),
            last_seen: all().filter_map(|identity| identity.time).max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use connectors::position::Position;
    use operators::text::Language;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn counts_documents_publishers_and_times() {
        let member = |id: &str, publisher: &str, time| Identity {
            id: id.to_owned(),
            position: format!("f#{id}"),
            place: Position { partition: 0, offset: 0 },
            run: 1,
            publisher: publisher.to_owned(),
            language: Language::UNKNOWN,
            time,
            allowed_by: String::new(),
        };
        let kept = member("7", "a.example", Some(50));
        let copies = [member("8", "b.example", None), member("9", "a.example", Some(20))];
        let line = |copies| serde_json::to_value(ClusterLine::new(&kept, copies)).expect("JSON");
        let want = json!({"v": SCHEMA, "id": "7", "position": "f#7", "run": 1, "cluster_size": 3, "publishers": 2, "first_seen": 20, "last_seen": 50});
        assert_eq!(line(&copies), want);
        assert_eq!(line(&copies[..1])["last_seen"], Value::from(50));
    }
}
