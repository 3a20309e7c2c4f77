//! What does `alarms` say about an alarm?

use serde::Serialize;

use super::schema::{SCHEMA, alarm_name, rounded};
use crate::engine::NamedAlarm;

/// The line of an alarm with its members.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmLine<'a> {
    v: u32,
    alarm: String,
    operator: &'static str,
    /// Which kind of spike.
    reason: &'static str,
    /// The phrase in matching form.
    phrase: &'a str,
    /// Ids of the documents that carry the phrase, oldest first.
    members: &'a [String],
    /// Capped votes when the alarm was raised.
    k: f64,
    /// Distinct publishers when the alarm was raised.
    domains: u32,
    /// Votes that would have been ordinary.
    expected: f64,
    /// Mean cosine of the contexts that the phrase stands in.
    coherence: f64,
    score: f64,
}

impl<'a> AlarmLine<'a> {
    /// The line of an alarm; `shard` is this file shard's number, if it is one of several.
    pub fn new(named: &'a NamedAlarm, shard: Option<u32>) -> Self {
        let alarm = &named.alarm;
        Self {
            v: SCHEMA,
            alarm: alarm_name(shard, alarm.id),
            operator: alarm.operator,
            reason: alarm.reason.as_str(),
            phrase: &alarm.phrase,
            members: &named.members,
            k: rounded(alarm.votes),
            domains: alarm.publishers,
            expected: rounded(alarm.expected),
            coherence: rounded(alarm.coherence),
            score: rounded(alarm.score),
        }
    }
}
