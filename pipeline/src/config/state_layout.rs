//! What must two runs share to use the same state? The options that its indexes are laid out by.
//!
//! The hash seed must be the same too; every snapshot holds it. Everything else may differ from run
//! to run, the verdict digest included: a later dump may well be judged by other rules.

use std::collections::BTreeMap;

use super::Config;

/// Returns the options that the indexes of a state are laid out by, by their keys.
pub fn state_layout(config: &Config) -> BTreeMap<String, u64> {
    let (near, spike) = (&config.operators.near_dup, &config.operators.trigger_spike);
    let options = [
        ("engine.border", u64::from(config.engine.epoch)),
        ("operators.exact_dedup.documents_max", config.operators.exact_dedup.documents_max.into()),
        ("operators.near_dup.bands", near.bands.into()),
        ("operators.near_dup.documents_max", near.documents_max.into()),
        ("operators.near_dup.rows", near.rows.into()),
        ("operators.trigger_spike.horizon_documents", spike.horizon_documents.into()),
    ];
    options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
