//! What do the file, the environment and `--set` say? Each gives a list of single values with their
//! origins.
//!
//! Whether a key exists, and whether it takes such a value, is not checked here; [`super::load`]
//! does that. Values from the environment and from `--set` are written as in TOML, except that
//! strings need no quotes.

use std::{borrow::Cow, path::Path};

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use super::{
    origin::{FileText, Origin},
    variables::{RESERVED, RESERVED_PREFIX},
};

const PREFIX: &str = "WEIR_";
/// The most bytes of a configuration file. A larger file is some other file.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// The most bytes that a message shows of a line that is no TOML.
const LINE_SHOWN: usize = 120;
/// The most places that are reported of a file that is no TOML: one mistake can make many.
const ERRORS_SHOWN: usize = 10;

/// One value, given at one place.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The key, from the outermost table inwards.
    pub path: Vec<String>,
    /// Where each part of the key was given.
    pub at: Vec<Origin>,
    /// The value. It is a table only if the table is empty.
    pub value: Value,
    /// The value as it was written, where strings need no quotes.
    pub raw: Option<String>,
}

impl Setting {
    /// Returns where the key itself was given.
    pub(super) fn origin(&self) -> &Origin {
        &self.at[self.at.len() - 1]
    }
}

/// Returns the values of a TOML file, in the order of its lines.
pub(super) fn from_file(path: &Path, problems: &mut Vec<String>) -> Vec<Setting> {
    match read(path) {
        Ok(text) => from_text(&path.display().to_string(), &text, problems),
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!("{}: got {} bytes, expected at most {FILE_BYTES_MAX}", path.display(), metadata.len()));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn from_text(name: &str, text: &str, problems: &mut Vec<String>) -> Vec<Setting> {
    let places = FileText::new(name, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What was recovered is a guess, so problems with it would be problems of the guess.
        problems.extend(errors.iter().take(ERRORS_SHOWN).map(|error| syntax_error(&places, error)));
        if let Some(more) = errors.len().checked_sub(ERRORS_SHOWN).filter(|&more| more > 0) {
            problems.push(format!("{name}: no TOML in {more} more places"));
        }
        return Vec::new();
    }
    let mut settings: Vec<(usize, Setting)> = Vec::new();
    let mut open = vec![(Vec::new(), Vec::new(), table.get_ref())];
    while let Some((path, at, table)) = open.pop() {
        for (key, value) in table {
            let begin = key.span().start;
            let path: Vec<String> = path.iter().cloned().chain([key.get_ref().to_string()]).collect();
            let at: Vec<Origin> = at.iter().cloned().chain([places.at(begin)]).collect();
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => open.push((path, at, inner)),
                value => match json(value) {
                    Ok(value) => settings.push((begin, Setting { path, at, value, raw: None })),
                    Err(why) => problems.push(format!("{}: {}: {why}", places.at(begin), path.join("."))),
                },
            }
        }
    }
    settings.sort_by_key(|(begin, _)| *begin);
    settings.into_iter().map(|(_, setting)| setting).collect()
}

fn syntax_error(places: &FileText<'_>, error: &toml::de::Error) -> String {
    let offset = error.span().map_or(0, |span| span.start);
    let line = places.line_of(offset);
    let shown = &line[..line.floor_char_boundary(LINE_SHOWN)];
    let more = if shown.len() < line.len() { " ..." } else { "" };
    let message = error.message().replace('\n', ", ");
    format!(
        "{}: no TOML: {message}\n    {}{more}",
        places.at(offset),
        shown.trim_end().escape_debug().to_string().replace("\\\"", "\"")
    )
}

/// The values of the environment, in the order of names, and the variables that mean nothing.
/// `tables`: what is configuration even without `__` in its name.
pub(super) fn from_environment(
    variables: impl Iterator<Item = (String, String)>,
    tables: &Map<String, Value>,
) -> (Vec<Setting>, Vec<String>) {
    let ours = |name: &str| name.starts_with(PREFIX) && !RESERVED.contains(&name) && !name.starts_with(RESERVED_PREFIX);
    let mut variables: Vec<_> = variables.filter(|(name, _)| ours(name)).collect();
    variables.sort();
    let (mut settings, mut unknown) = (Vec::new(), Vec::new());
    for (name, text) in variables {
        let key = name[PREFIX.len()..].to_ascii_lowercase();
        if key.contains("__") || tables.contains_key(&key) {
            let path = key.split("__").map(str::to_owned).collect();
            settings.push(written(path, text, &Origin::Environment(name.into())));
        } else {
            unknown.push(name);
        }
    }
    (settings, unknown)
}

/// Returns the values of `--set KEY=VALUE`, in their order.
pub(super) fn from_sets(sets: &[String], problems: &mut Vec<String>) -> Vec<Setting> {
    let mut settings = Vec::new();
    for set in sets {
        match set.split_once('=') {
            Some((key, text)) if !key.trim().is_empty() => {
                let path = key.split('.').map(|part| part.trim().to_owned()).collect();
                settings.push(written(path, text.to_owned(), &Origin::Set(key.trim().into())));
            }
            _ => problems.push(format!("--set {set}: expected KEY=VALUE, such as engine.threads=2")),
        }
    }
    settings
}

/// Makes the setting of a value that was given as text.
fn written(path: Vec<String>, text: String, origin: &Origin) -> Setting {
    let parsed = DeValue::parse(text.trim()).ok().and_then(|value| json(value.get_ref()).ok());
    let at = vec![origin.clone(); path.len()];
    Setting { path, at, value: parsed.unwrap_or_else(|| Value::String(text.clone())), raw: Some(text) }
}

/// Returns a TOML value as JSON, which takes every integer that a key can take. The parser bounds
/// how deep values nest.
fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(is) => Value::Bool(*is),
        DeValue::Integer(number) => Value::Number(integer(number)?),
        DeValue::Float(number) => {
            let finite = number.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(finite.ok_or_else(|| format!("got {number}, expected a finite number"))?)
        }
        DeValue::Datetime(time) => return Err(format!("got the date or time {time}, and no key takes one")),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| -> Result<_, String> {
                Ok((key.get_ref().to_string(), json(value.get_ref())?))
            };
            Value::Object(table.iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}

/// Returns a whole number of at most 64 bits.
fn integer(number: &DeInteger<'_>) -> Result<Number, String> {
    let (digits, radix) = (number.as_str(), number.radix());
    let signed = i64::from_str_radix(digits, radix).map(Number::from);
    signed
        .or_else(|_| u64::from_str_radix(digits, radix).map(Number::from))
        .map_err(|_| format!("got {number}, expected a whole number of at most 64 bits"))
}
