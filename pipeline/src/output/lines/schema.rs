//! What do all lines of the output contract share?

use operators::finding::ListRule;
use serde::Serialize;

/// The schema version of every line.
pub const SCHEMA: u32 = 1;
/// The program that wrote a line.
pub const ENGINE: &str = concat!("weir ", env!("CARGO_PKG_VERSION"));

/// The configuration's name of the list of allowed publishers.
pub(super) const ALLOW_LIST: &str = "policy.allow_files";

/// An entry of a list, and where it stands.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RuleLine<'a> {
    list: &'static str,
    file: &'a str,
    line: u32,
    entry: &'a str,
}

impl<'a> RuleLine<'a> {
    /// The line of an entry of the list that the configuration calls `list`.
    pub(super) fn new(list: &'static str, rule: &'a ListRule) -> Self {
        Self { list, file: &rule.file, line: rule.line, entry: &rule.entry }
    }
}

/// Rounds to four decimals: scores are for people, and short numbers are the same on every machine.
pub fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

/// The public name of an alarm. With several file shards it names the shard too, so that names stay
/// apart where outputs are merged.
pub(in crate::output) fn alarm_name(shard: Option<u32>, alarm: u32) -> String {
    shard.map_or_else(|| format!("alarm-{alarm}"), |shard| format!("alarm-{shard}.{alarm}"))
}

/// Serialises a JSON line without its line break.
///
/// # Panics
/// Never: all lines are made of strings, numbers and lists, which always serialise.
pub fn to_line(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, numbers and lists always serialise")
}
