//! What is the configuration in force?
//!
//! It is written as TOML that can be used as a file. A comment behind each key that is not at its
//! default says where the value comes from.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::load::{Loaded, schema};

/// Returns the configuration as TOML. Keys that are not set and have no default are named in
/// comments.
///
/// # Panics
/// Never: a configuration can always be written as TOML and as JSON.
pub fn resolved(loaded: &Loaded) -> String {
    let text = toml::to_string(&loaded.config).expect("a configuration can be written as TOML");
    let values = serde_json::to_value(&loaded.config).expect("a configuration can be written as JSON");
    let notes = notes(loaded, &text, &values);
    let mut unset = unset(&values);
    let mut out = String::with_capacity(text.len() * 2);
    let mut at = 0;
    let mut table = String::new();
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end().len();
        out.push_str(line.trim_end());
        if let Some(note) = notes.get(&end) {
            let _ = write!(out, "  # {note}");
        }
        out.push('\n');
        at += line.len();
        if let Some(name) = line.trim_end().strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut table);
            for key in unset.remove(&table).unwrap_or_default() {
                let _ = writeln!(out, "# {key} is not set");
            }
        }
    }
    out
}

/// Returns a note on its origin for each value that is not the default, by the byte at which the
/// value ends.
fn notes(loaded: &Loaded, text: &str, values: &Value) -> BTreeMap<usize, String> {
    let defaults = Value::Object(schema());
    let mut notes = BTreeMap::new();
    let parsed = DeTable::parse(text);
    let mut open: Vec<(String, &DeTable<'_>)> = parsed.iter().map(|table| (String::new(), table.get_ref())).collect();
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            if let DeValue::Table(inner) = value.get_ref() {
                open.push((format!("{path}."), inner));
                continue;
            }
            let (is, usual) = (at(values, &prefix, key.get_ref()), at(&defaults, &prefix, key.get_ref()));
            if is == usual {
                continue;
            }
            let origin = loaded.origins.get(&path).map_or_else(|| "default".to_owned(), ToString::to_string);
            let origin = origin.escape_debug();
            let note = match usual {
                None | Some(Value::Null) => format!("{origin}; not set by default"),
                Some(usual) => format!("{origin}; default {usual}"),
            };
            notes.insert(value.span().end, note);
        }
    }
    notes
}

/// Returns the value of a key. Names of tables have no dots, those of client properties have.
fn at<'v>(root: &'v Value, table: &str, key: &str) -> Option<&'v Value> {
    let mut tables = table.split('.').filter(|name| !name.is_empty());
    tables.try_fold(root, |table, name| table.get(name))?.get(key)
}

/// Returns the keys without a value, by table.
fn unset(values: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let none = Map::new();
    let mut open = vec![(String::new(), values.as_object().unwrap_or(&none))];
    while let Some((path, table)) = open.pop() {
        for (key, value) in table {
            match value {
                Value::Null => found.entry(path.clone()).or_default().push(key.clone()),
                Value::Object(inner) => open.push((if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, inner)),
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, load::load_with_origins};

    fn of(sets: &[&str]) -> (Loaded, String) {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let loaded = load_with_origins(None, &sets, std::iter::empty()).expect("sound");
        let text = resolved(&loaded);
        (loaded, text)
    }

    #[test]
    fn the_defaults_have_no_notes() {
        let (_, text) = of(&["engine.threads=0"]);
        assert!(!text.contains("; default"), "{text}");
        assert!(text.contains("[input.fields]\n# contributor is not set\n# id is not set\n"), "{text}");
        assert!(text.contains("# seed is not set"), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).expect("TOML"), Config::default());
    }

    #[test]
    fn what_is_not_the_default_says_where_it_comes_from() {
        let (loaded, text) = of(&[
            "engine.threads=7",
            "engine.seed=18446744073709551615",
            "policy.allow_files=[\"a # b\", \"c\\nd\"]",
            "input.fields.text='''two\nlines = \"x\"'''",
            "operators.near_dup.mode=off",
            "kafka.client.linger.ms=5",
        ]);
        assert!(text.contains("threads = 7  # --set engine.threads; default 0\n"), "{text}");
        assert!(text.contains("mode = \"off\"  # --set operators.near_dup.mode; default \"enforce\"\n"), "{text}");
        assert!(text.contains("seed = 18446744073709551615  # --set engine.seed; not set by default\n"), "{text}");
        assert!(text.contains("\"linger.ms\" = \"5\"  # --set kafka.client.linger.ms; not set by default\n"), "{text}");
        assert_eq!(text.matches("  # --set ").count(), 6, "{text}");
        assert_eq!(toml::from_str::<Config>(&text).expect("TOML"), loaded.config, "a file as good as the first one");
    }
}
