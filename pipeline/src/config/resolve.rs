//! Which values make no sense, although their types are right? Keys alone ([`problems`]) and together ([`conflicts`]).

use std::fmt::Display;

use super::Config;

/// Most tokens of a text: places are kept in 16 bits.
const TOKENS_MOST: usize = u16::MAX as usize;
/// Most bytes of a record or a text: places are kept in 32 bits.
const BYTES_MOST: usize = u32::MAX as usize;
/// Most ordinals between borders: what late decisions may wait for.
const BORDER_MOST: u32 = 1 << 16;

/// Values out of their range: path and message, all of them.
#[must_use]
pub fn problems(config: &Config) -> Vec<(String, String)> {
    let mut found = Found::default();
    found.range("input.record_bytes_max", config.input.record_bytes_max, 1, BYTES_MOST);
    found.range("input.text_bytes_max", config.input.text_bytes_max, 1, BYTES_MOST);
    found.range("input.tokens_max", config.input.tokens_max, 1, TOKENS_MOST);
    found.least("input.ratio_max", config.input.ratio_max, 1);
    found.range("engine.border", config.engine.border, 1, BORDER_MOST);
    found.least("engine.batch_documents", config.engine.batch_documents, 1);
    found.least("engine.batch_bytes", config.engine.batch_bytes, 1);
    found.least("state.snapshot_documents", config.state.snapshot_documents, 1);
    found.least("state.horizon_documents", config.state.horizon_documents, 1);
    found.least("output.part_records", config.output.part_records, 1);
    found.share("policy.quarantine_score", Some(config.policy.quarantine_score));
    fields(config, &mut found);
    operators(config, &mut found);
    found.0
}

fn fields(config: &Config, found: &mut Found) {
    let fields = &config.input.fields;
    let all =
        [("text", &fields.text), ("id", &fields.id), ("url", &fields.url), ("time", &fields.time), ("label", &fields.label)];
    for (key, path) in all {
        if path.as_deref() == Some("") {
            found.add(&format!("input.fields.{key}"), "got an empty path, expected one such as `data.content.text`");
        }
    }
}

fn operators(config: &Config, found: &mut Found) {
    let all = &config.operators;
    found.of("unicode", all.unicode.problems());
    found.share("operators.gibberish.threshold", all.gibberish.threshold);
    found.of("reputation", all.reputation.problems());
    let spike = &all.trigger_spike;
    found.least("operators.trigger_spike.candidates_max", spike.candidates_max, 1);
    found.least("operators.trigger_spike.gate_bytes", spike.gate_bytes, 1);
    found.least("operators.trigger_spike.line_bytes", spike.line_bytes, 1);
    found.least("operators.trigger_spike.units_max", spike.units_max, 1);
    found.least("operators.trigger_spike.horizon_documents", spike.horizon_documents, 1);
    found.least("operators.trigger_spike.votes_per_unit", spike.votes_per_unit, 1);
    found.least("operators.trigger_spike.units_min", spike.units_min, 1);
    found.of("exact_dedup", all.exact_dedup.problems());
    found.of("near_dup", all.near_dup.problems());
}

/// Values that do not go together: path and message, all of them. The path is that of a key that is not at its default,
/// where there is one: that is the one to change.
#[must_use]
pub fn conflicts(config: &Config) -> Vec<(String, String)> {
    let usual = Config::default();
    let mut found = Found::default();
    let (border, snapshot) = (config.engine.border, config.state.snapshot_documents);
    if border > 0 && !snapshot.is_multiple_of(border) || snapshot < border {
        let message = format!("snapshots every {snapshot} documents, expected a multiple of engine.border, which is {border}");
        let path = if border == usual.engine.border { "state.snapshot_documents" } else { "engine.border" };
        found.add(path, &message);
    }
    let (record, text) = (config.input.record_bytes_max, config.input.text_bytes_max);
    if text > record {
        let message = format!("texts of up to {text} bytes, expected no more than input.record_bytes_max, which is {record}");
        let path = if text == usual.input.text_bytes_max { "input.record_bytes_max" } else { "input.text_bytes_max" };
        found.add(path, &message);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<(String, String)>);

impl Found {
    fn add(&mut self, path: &str, message: &str) {
        self.0.push((path.to_owned(), message.to_owned()));
    }

    /// What an operator says of its own keys.
    fn of(&mut self, operator: &str, problems: Vec<(&'static str, String)>) {
        for (key, message) in problems {
            self.add(&format!("operators.{operator}.{key}"), &message);
        }
    }

    fn range<T: PartialOrd + Display + Copy>(&mut self, path: &str, got: T, least: T, most: T) {
        if got < least || got > most {
            self.add(path, &format!("got {got}, expected {least} to {most}"));
        }
    }

    fn least<T: PartialOrd + Display + Copy>(&mut self, path: &str, got: T, least: T) {
        if got < least {
            self.add(path, &format!("got {got}, expected at least {least}"));
        }
    }

    /// A share of one that is not zero.
    fn share(&mut self, path: &str, got: Option<f64>) {
        if let Some(got) = got.filter(|&got| !(got > 0.0 && got <= 1.0)) {
            self.add(path, &format!("got {got}, expected more than 0 and at most 1"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(found: &[(String, String)]) -> Vec<&str> {
        found.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn defaults_are_sound() {
        assert_eq!(problems(&Config::default()), []);
        assert_eq!(conflicts(&Config::default()), []);
    }

    #[test]
    fn every_range_is_checked_at_both_ends() {
        let mut config = Config::default();
        config.engine.border = 0;
        config.engine.batch_documents = 0;
        config.input.tokens_max = 65_536;
        config.output.part_records = 0;
        config.policy.quarantine_score = 0.0;
        config.operators.near_dup.words_min = 1;
        config.operators.gibberish.threshold = Some(1.5);
        config.input.fields.text = Some(String::new());
        let expected = [
            "input.tokens_max",
            "engine.border",
            "engine.batch_documents",
            "output.part_records",
            "policy.quarantine_score",
            "input.fields.text",
            "operators.gibberish.threshold",
            "operators.near_dup.words_min",
        ];
        assert_eq!(paths(&problems(&config)), expected);
        config = Config::default();
        (config.engine.border, config.input.tokens_max, config.policy.quarantine_score) = (65_536, 65_535, 1.0);
        assert_eq!(problems(&config), []);
        config.policy.quarantine_score = f64::NAN;
        config.engine.border = 65_537;
        assert_eq!(paths(&problems(&config)), ["engine.border", "policy.quarantine_score"]);
    }

    #[test]
    fn conflicts_name_the_key_that_was_changed() {
        let mut config = Config::default();
        config.engine.border = 100;
        config.input.record_bytes_max = 1000;
        assert_eq!(paths(&conflicts(&config)), ["engine.border", "input.record_bytes_max"]);
        config = Config::default();
        config.state.snapshot_documents = 32;
        config.input.text_bytes_max = 1 << 30;
        assert_eq!(paths(&conflicts(&config)), ["state.snapshot_documents", "input.text_bytes_max"]);
        config.state.snapshot_documents = 64;
        assert_eq!(paths(&conflicts(&config)), ["input.text_bytes_max"]);
    }
}
