//! What does `recalls` say? Which earlier documents are withdrawn or restored, which would be
//! withdrawn if their publishers were not allowed (`overruled`, which changes nothing), and up to which
//! document nothing will be recalled any more (the settled watermark).

use operators::{document::SeqNo, finding::Reason, operator::Recall};
use serde::Serialize;

use super::schema::{ALLOW_LIST, RuleLine, SCHEMA, alarm_name};
use crate::{engine::FateChange, state::ledger::Identity};

/// The line of a recall, of a restore, or of a recall that was overruled.
#[derive(Clone, Debug, Serialize)]
pub struct RecallLine<'a> {
    v: u32,
    action: &'static str,
    id: &'a str,
    position: &'a str,
    domain: &'a str,
    operator: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<String>,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matched: Option<&'a str>,
    /// The entry of the allow list for which the document stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    overruled_by: Option<RuleLine<'a>>,
}

impl<'a> RecallLine<'a> {
    /// The line of what the engine changed; `shard` is this file shard's number, if it is one of
    /// several.
    pub fn new(change: &'a FateChange, shard: Option<u32>) -> Self {
        let recalled = |action, identity: &'a Identity, recall: &Recall| Self {
            v: SCHEMA,
            action,
            id: &identity.id,
            position: &identity.position,
            domain: &identity.publisher,
            operator: recall.operator,
            reason: recall.reason.as_str(),
            alarm: recall.alarm.map(|alarm| alarm_name(shard, alarm)),
            matched: None,
            overruled_by: None,
        };
        match change {
            FateChange::Recalled { identity, recall } => recalled("recall", identity, recall),
            FateChange::Overruled { identity, recall, rule } => {
                Self { overruled_by: Some(RuleLine::new(ALLOW_LIST, rule)), ..recalled("overruled", identity, recall) }
            }
            FateChange::Restored { identity, original, .. } => Self {
                v: SCHEMA,
                action: "restore",
                id: &identity.id,
                position: &identity.position,
                domain: &identity.publisher,
                operator: "engine",
                reason: "representative_recalled",
                alarm: None,
                matched: Some(&original.id),
                overruled_by: None,
            },
        }
    }

    /// The line of a document that passed in one file shard and is a copy of one that passed in an
    /// earlier shard.
    pub fn copy(copy: &'a Identity, operator: &'static str, reason: Reason, original: &'a Identity) -> Self {
        Self {
            v: SCHEMA,
            action: "recall",
            id: &copy.id,
            position: &copy.position,
            domain: &copy.publisher,
            operator,
            reason: reason.as_str(),
            alarm: None,
            matched: Some(&original.id),
            overruled_by: None,
        }
    }
}

/// The settled watermark: says on the recalls channel which documents no recall or restore can
/// reach any more.
#[derive(Clone, Debug, Serialize)]
pub struct SettledLine {
    v: u32,
    action: &'static str,
    up_to: SeqNo,
}

impl SettledLine {
    /// The line that calls every document before `up_to` settled.
    pub fn new(up_to: SeqNo) -> Self {
        Self { v: SCHEMA, action: "settled", up_to }
    }
}
