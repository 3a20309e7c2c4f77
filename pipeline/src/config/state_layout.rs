//! What must two runs share to use the same state? The options that its indexes are laid out by.
//!
//! The hash seed must be the same too; every snapshot holds it. Everything else may differ from run
//! to run, the verdict digest included: a later dump may well be judged by other rules.

use std::collections::BTreeMap;

use operators::text::Tokenizer;

use super::Config;

/// The rules and dictionaries that texts are split into words by. They are no option: another
/// version of weir may have others.
const RULES: &str = "rules for words";

/// Returns the options that the indexes of a state are laid out by, by their keys.
pub fn state_layout(config: &Config) -> BTreeMap<String, u64> {
    let mut options =
        BTreeMap::from([("engine.border".to_owned(), u64::from(config.engine.epoch)), (RULES.to_owned(), Tokenizer::rules())]);
    for (name, table) in config.operators.tables() {
        options.extend(table.layout().into_iter().map(|(key, value)| (format!("operators.{name}.{key}"), value)));
    }
    options
}
