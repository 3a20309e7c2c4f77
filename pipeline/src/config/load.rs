//! From a file, the environment and `--set` to a [`Config`].

use std::{fmt, path::Path};

use toml::{Table, Value};

use super::Config;

/// Everything that is wrong with a configuration.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.join("\n"))
    }
}

/// Loads a configuration.
///
/// # Errors
/// With everything that is wrong.
pub fn load(file: Option<&Path>, sets: &[String], _environment: impl Iterator<Item = (String, String)>) -> Result<Config, Problems> {
    let mut table = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|e| Problems(vec![format!("{}: {e}", path.display())]))?
            .parse::<Table>()
            .map_err(|e| Problems(vec![format!("{}: {e}", path.display())]))?,
        None => Table::new(),
    };
    for set in sets {
        let (key, value) = set.split_once('=').ok_or_else(|| Problems(vec![format!("--set {set}: expected KEY=VALUE")]))?;
        let value = format!("v = {value}").parse::<Table>().ok().and_then(|t| t.get("v").cloned()).unwrap_or(Value::String(value.to_owned()));
        let mut at = &mut table;
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let next = at.entry(part).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(next) = next else { return Err(Problems(vec![format!("--set {set}: {part} is no table")])) };
            at = next;
        }
        at.insert(last.to_owned(), value);
    }
    table.try_into().map_err(|e| Problems(vec![e.to_string()]))
}
