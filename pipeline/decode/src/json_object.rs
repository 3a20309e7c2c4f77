//! Which fields does an object of JSON have, and how are its values named in messages?

use simd_json::{
    prelude::{TypedValue, ValueAsScalar, ValueType},
    tape::Value,
};

/// Most keys that a message names.
const KEYS_SHOWN: usize = 16;

/// Most characters of a key that a message shows.
const KEY_CHARS_SHOWN: usize = 40;

/// The fields of an object.
pub(super) struct Object<'tape, 'line>(Vec<(&'line str, Value<'tape, 'line>)>);

impl<'tape, 'line> Object<'tape, 'line> {
    /// Returns the fields of `value`, if it is an object.
    pub(super) fn new(value: Value<'tape, 'line>) -> Option<Self> {
        value.as_object().map(|object| Self(object.iter().collect()))
    }

    /// Returns the last field of this name.
    pub(super) fn get(&self, key: &str) -> Option<Value<'tape, 'line>> {
        self.0.iter().rev().find(|(name, _)| *name == key).map(|&(_, value)| value)
    }

    /// Whether there is a field of one of these names.
    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| keys.contains(name))
    }

    /// Returns the value at a dotted path. A key that is the whole path goes first.
    pub(super) fn at(&self, path: &str) -> Option<Value<'tape, 'line>> {
        if let Some(value) = self.get(path) {
            return Some(value);
        }
        let mut keys = path.split('.');
        let first = self.get(keys.next()?)?;
        keys.try_fold(first, |value, key| {
            value.as_object()?.iter().filter(|(name, _)| *name == key).last().map(|(_, value)| value)
        })
    }

    /// Returns the names of the first fields, for a message.
    pub(super) fn key_list(&self) -> String {
        let keys: Vec<String> = self.0.iter().take(KEYS_SHOWN).map(|(name, _)| shown(name)).collect();
        let more = self.0.len() - keys.len();
        match (keys.is_empty(), more) {
            (true, _) => "no fields".to_owned(),
            (false, 0) => format!("the fields {}", keys.join(", ")),
            (false, more) => format!("the fields {} and {more} more", keys.join(", ")),
        }
    }
}

/// Returns the beginning of a key, for a message.
fn shown(key: &str) -> String {
    let cut: String = key.chars().take(KEY_CHARS_SHOWN).collect();
    format!("`{}`{}", cut.escape_debug(), if cut.len() < key.len() { ".." } else { "" })
}

/// Returns the type of a value, for a message.
pub(super) fn type_name(value: Value<'_, '_>) -> &'static str {
    match value.value_type() {
        ValueType::Null => "null",
        ValueType::Bool => "a boolean",
        ValueType::String => "a string",
        ValueType::Array => "an array",
        ValueType::Object => "an object",
        _ => "a number",
    }
}

/// Returns the text of a string, or an integer in decimal digits. Ids and labels come as either.
pub(super) fn word(value: Value<'_, '_>) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    value.as_i64().map(|number| number.to_string()).or_else(|| value.as_u64().map(|number| number.to_string()))
}
