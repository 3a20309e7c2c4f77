//! Which configuration do a file, the environment and `--set` make together? The later of them win.
//!
//! Every value is tried alone, in a configuration that is otherwise the default. So each problem is
//! found, whatever else is wrong, and it is certain which origin it belongs to.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use connectors::kafka::{KafkaConfig, is_secret_property};
use serde_json::{Map, Value};

use super::{
    layers::{self, Setting},
    options::Config,
    origin::Origin,
    problems::Problems,
    resolve, suggest, variables,
};

/// The most characters of a value that a message shows.
const VALUE_SHOWN: usize = 60;

/// A configuration, and where its values come from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The origin of each key that was given, by its dotted path. All other keys have their
    /// defaults.
    pub origins: BTreeMap<String, Origin>,
    /// Says which variables of the environment look like weir's and mean nothing, if there are any.
    pub unknown_variables: Option<String>,
}

impl Loaded {
    /// Returns the Kafka configuration with the values of all client properties. Values that are
    /// kept elsewhere are looked up in this process's environment and in files.
    ///
    /// # Errors
    /// Fails with every problem, as [`KafkaConfig::resolve`] does.
    pub fn kafka(&self) -> Result<KafkaConfig, Problems> {
        self.kafka_with(&|name| std::env::var_os(name))
    }

    fn kafka_with(&self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<KafkaConfig, Problems> {
        self.config.kafka.resolve(variable).map_err(|problems| Problems(with_origins(problems, &self.origins)))
    }

    /// Returns a message for each value of the Kafka client that is not where it should be.
    #[must_use]
    pub fn missing_values(&self) -> Vec<String> {
        with_origins(self.config.kafka.missing_values(&|name| std::env::var_os(name)), &self.origins)
    }
}

/// Loads a configuration.
///
/// # Errors
/// Fails with everything that is wrong.
pub fn load(
    file: Option<&Path>,
    sets: &[String],
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, Problems> {
    load_with_origins(file, sets, environment).map(|loaded| loaded.config)
}

/// Loads a configuration, with the origin of each value.
///
/// # Errors
/// Fails with everything that is wrong.
pub fn load_with_origins(
    file: Option<&Path>,
    sets: &[String],
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, Problems> {
    let schema = schema();
    let mut problems = Vec::new();
    let mut settings = file.map(|path| layers::from_file(path, &mut problems)).unwrap_or_default();
    let (given, unknown_names) = layers::from_environment(environment, &schema);
    settings.extend(given);
    settings.extend(layers::from_sets(sets, &mut problems));
    let mut sound: BTreeMap<Vec<String>, (Value, Origin)> = BTreeMap::new();
    for setting in settings {
        let setting = with_free_name(setting);
        match check(&setting, &schema) {
            Ok(value) => {
                let origin = setting.origin().clone();
                sound.insert(setting.path, (value, origin));
            }
            Err(fault) => {
                let problem =
                    format!("{}: {}: {}", setting.at[fault.depth], setting.path[..=fault.depth].join("."), fault.message);
                // An unknown table is one problem, however many keys are in it.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    let config = Config::deserialize_all(&sound).map_err(|why| Problems(vec![why]))?;
    let origins: BTreeMap<String, Origin> = sound.iter().map(|(path, (_, origin))| (path.join("."), origin.clone())).collect();
    let mut senseless = resolve::problems(&config);
    if problems.is_empty() && senseless.is_empty() {
        // A value that was not understood is missing here, so what looks like a conflict may be
        // none.
        senseless = resolve::conflicts(&config);
    }
    problems.extend(with_origins(senseless, &origins));
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    // What holds a secret has a name that its user chose.
    let referred: Vec<&str> = sound.values().filter_map(|(value, _)| value.as_str()?.strip_prefix("env:")).collect();
    let unknown_names = unknown_names.iter().map(String::as_str).filter(|name| !referred.contains(name));
    let unknown_variables = variables::unknown(unknown_names, &paths(&schema));
    Ok(Loaded { config, origins, unknown_variables })
}

/// Writes each problem, a path and a message, behind the origin of its path.
fn with_origins(problems: Vec<(String, String)>, origins: &BTreeMap<String, Origin>) -> Vec<String> {
    let line = |(path, message): (String, String)| match origins.get(&path) {
        Some(origin) => format!("{origin}: {path}: {message}"),
        None => format!("default: {path}: {message}"),
    };
    problems.into_iter().map(line).collect()
}

impl Config {
    /// Makes the configuration that has these values and is otherwise the default.
    fn deserialize_all(values: &BTreeMap<Vec<String>, (Value, Origin)>) -> Result<Self, String> {
        let mut root = Map::new();
        for (path, (value, _)) in values.iter().filter(|(_, (value, _))| !value.is_object()) {
            let Some((last, tables)) = path.split_last() else { continue };
            let mut table = &mut root;
            for key in tables {
                let inner = table.entry(key).or_insert_with(|| Value::Object(Map::new()));
                table = inner.as_object_mut().ok_or_else(|| format!("{} is no table", path.join(".")))?;
            }
            table.insert(last.clone(), value.clone());
        }
        serde_json::from_value(Value::Object(root)).map_err(|error| error.to_string())
    }
}

/// Returns all keys with their defaults. Keys without a default are null.
///
/// # Panics
/// Never: the default configuration can be written as JSON.
pub(super) fn schema() -> Map<String, Value> {
    let value = serde_json::to_value(Config::default()).expect("the default configuration can be written as JSON");
    value.as_object().cloned().unwrap_or_default()
}

/// What is wrong with a setting.
struct SettingFault {
    /// The number of the key's part that is wrong, from 0.
    depth: usize,
    message: String,
}

/// The path of the table whose keys are properties of the client. Their names have dots in them.
const FREE: [&str; 2] = ["kafka", "client"];

/// Joins the key of a client property to one name, however its dots were written: `"linger.ms"`,
/// `linger.ms`, `--set` or `__`.
fn with_free_name(mut setting: Setting) -> Setting {
    if is_free(&setting.path) {
        let name = setting.path.split_off(FREE.len()).join(".");
        setting.path.push(name);
        let origin = setting.origin().clone();
        setting.at.truncate(FREE.len());
        setting.at.push(origin);
    }
    setting
}

/// Returns whether the key lies in the table of client properties.
fn is_free(path: &[String]) -> bool {
    path.len() > FREE.len() && path[..FREE.len()] == FREE
}

/// Returns the value that a key takes, or why it takes none.
fn check(setting: &Setting, schema: &Map<String, Value>) -> Result<Value, SettingFault> {
    if is_free(&setting.path) {
        return taken(setting);
    }
    let mut table = schema;
    let last = setting.path.len() - 1;
    for (depth, key) in setting.path.iter().enumerate() {
        let fault = |message: String| Err(SettingFault { depth, message });
        match table.get(key) {
            None => return fault(unknown(key, table, schema)),
            Some(Value::Object(inner)) if depth < last => table = inner,
            Some(Value::Object(inner)) => {
                if setting.value.is_object() {
                    return Ok(setting.value.clone());
                }
                let example = inner.keys().next().map_or("", String::as_str);
                let path = setting.path.join(".");
                return fault(format!("got {}, expected a table of keys such as {path}.{example}", shown(&setting.value)));
            }
            Some(_) if depth < last => return fault("got a table, expected a value".to_owned()),
            Some(_) => break,
        }
    }
    taken(setting)
}

/// Returns the value as the key takes it: as it was understood, or as text.
fn taken(setting: &Setting) -> Result<Value, SettingFault> {
    let last = setting.path.len() - 1;
    let secret = is_free(&setting.path) && is_secret_property(&setting.path[last]);
    let raw = setting.raw.clone().map(Value::String);
    let mut why = None;
    for value in [Some(&setting.value), raw.as_ref()].into_iter().flatten() {
        match accepts(&setting.path, value) {
            Ok(()) => return Ok(value.clone()),
            Err(_) if secret => why = Some("expected where the secret is: \"env:NAME\" or \"file:PATH\"".to_owned()),
            Err(error) => why = why.or_else(|| Some(plain(value, &error))),
        }
    }
    Err(SettingFault { depth: last, message: why.unwrap_or_default() })
}

/// Checks that the key takes the value, by reading a configuration with nothing else in it.
fn accepts(path: &[String], value: &Value) -> Result<(), String> {
    let nested = path.iter().rev().fold(value.clone(), |value, key| Value::Object(Map::from_iter([(key.clone(), value)])));
    serde_json::from_value::<Config>(nested).map(|_| ()).map_err(|error| error.to_string())
}

/// Returns the message for a key that does not exist.
fn unknown(key: &str, table: &Map<String, Value>, schema: &Map<String, Value>) -> String {
    if let Some(name) = suggest::closest(key, table.keys().map(String::as_str)) {
        return format!("unknown key; did you mean `{name}`?");
    }
    // It may be the right key in the wrong table.
    let elsewhere = paths(schema).into_iter().filter(|path| path.rsplit('.').next() == Some(key)).collect::<Vec<_>>();
    match &elsewhere[..] {
        [path] => format!("unknown key; did you mean `{path}`?"),
        _ => format!("unknown key, expected {}", any_of(&table.keys().map(String::as_str).collect::<Vec<_>>())),
    }
}

/// Returns the dotted path of every key and table.
fn paths(schema: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), schema)];
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            let path = format!("{prefix}{key}");
            if let Value::Object(inner) = value {
                open.push((format!("{path}."), inner));
            }
            found.push(path);
        }
    }
    found
}

/// Returns a value as a message may show it: on one line, and short.
pub(super) fn shown(value: &Value) -> String {
    if value.is_object() {
        return "a table".to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(VALUE_SHOWN) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
}

/// Puts the library's message into plain words.
fn plain(value: &Value, message: &str) -> String {
    let got = shown(value);
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return format!("got {got}: {message}") };
    if found.starts_with("unknown variant") {
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let meant = value.as_str().and_then(|text| suggest::closest(text, known.iter().copied()));
        let hint = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return format!("got {got}, expected {}{hint}", any_of(&known));
    }
    let expected = match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list, such as [\"one\", \"two\"]",
        "a string" | "path string" if value.is_array() => "a list of strings",
        "a string" | "path string" => "a string",
        "string or map" if message.contains("enum") => "a word",
        other => other,
    };
    format!("got {got}, expected {expected}")
}

/// Lists names as alternatives.
fn any_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => format!("`{one}`"),
        [most @ .., last] => format!("{} or `{last}`", most.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "kafka_tests.rs"]
mod kafka_tests;
