//! One line of JSON: parsed within limits, or rejected with the place where it went wrong.
//!
//! Which field means what is [`schema`]'s affair. Duplicate keys: the last one counts, as for Python and serde. Numbers
//! beyond 64 bits and lone surrogates are invalid; NUL is a character like any other. A leading byte order mark is skipped.
//!
//! **Cost** one copy of the line, which the parser unescapes in place, and one SIMD pass; nothing recurses.
//! **Limits** [`DEPTH_MAX`], [`VALUES_MAX`].

use simd_json::{
    Buffers, ErrorType,
    prelude::{TypedValue, ValueAsScalar, ValueType},
    tape::Value,
};

use super::{Decoded, Options, Reject, schema};

/// Deepest nesting of arrays and objects.
const DEPTH_MAX: usize = 128;

/// Most values a line may hold: the parser's table takes 24 bytes for each, so a line of brackets would cost many times
/// its length.
const VALUES_MAX: usize = 1 << 20;

/// Most keys named in a message.
const KEYS_SHOWN: usize = 16;

/// Bytes shown of a key.
const KEY_BYTES_SHOWN: usize = 40;

/// Decodes one line.
pub(super) fn decode(line: &[u8], options: &Options) -> Decoded {
    match parse(line, options) {
        Ok(decoded) => decoded,
        Err(reject) => reject.into(),
    }
}

fn parse(line: &[u8], options: &Options) -> Result<Decoded, Reject> {
    check_values(line)?;
    let mut copy = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).to_vec();
    let mut buffers = Buffers::with_max_depth(copy.len(), DEPTH_MAX);
    let tape = simd_json::to_tape_with_buffers(&mut copy, &mut buffers).map_err(|error| invalid(line, &error))?;
    let Some(object) = Object::new(tape.as_value()) else {
        let got = type_name(tape.as_value());
        return Err(Reject::new("json_not_object", format!("got {got}, expected an object of fields")));
    };
    schema::decode(&object, options)
}

/// Refuses a line that may hold too many values. Bytes within strings count too: only a line made of them is refused.
fn check_values(line: &[u8]) -> Result<(), Reject> {
    if line.len() <= VALUES_MAX {
        return Ok(());
    }
    let values = line.iter().filter(|&&byte| matches!(byte, b',' | b'[' | b'{')).count();
    if values > VALUES_MAX {
        let message = format!("got a line of up to {values} values, expected at most {VALUES_MAX}");
        return Err(Reject::new("json_too_many_values", message));
    }
    Ok(())
}

/// Why the line is no JSON. Encoding comes first: it explains every other error.
fn invalid(line: &[u8], error: &simd_json::Error) -> Reject {
    if let Err(error) = std::str::from_utf8(line) {
        return Reject::new("not_utf8", format!("got bytes that are not UTF-8 at byte {} of the line", error.valid_up_to()));
    }
    match error.error() {
        ErrorType::DepthLimitExceeded => {
            Reject::new("json_too_deep", format!("got values nested deeper than {DEPTH_MAX}, expected at most {DEPTH_MAX}"))
        }
        kind => {
            let place = match error.index() {
                0 => String::new(),
                byte => format!(" near byte {byte} of the line"),
            };
            Reject::new("json_invalid", format!("got no JSON: {kind:?}{place}"))
        }
    }
}

/// The fields of an object.
pub(super) struct Object<'tape, 'line>(Vec<(&'line str, Value<'tape, 'line>)>);

impl<'tape, 'line> Object<'tape, 'line> {
    /// The fields of `value`, if it is an object.
    pub(super) fn new(value: Value<'tape, 'line>) -> Option<Self> {
        value.as_object().map(|object| Self(object.iter().collect()))
    }

    /// The last field of this name.
    pub(super) fn get(&self, key: &str) -> Option<Value<'tape, 'line>> {
        self.0.iter().rev().find(|(name, _)| *name == key).map(|&(_, value)| value)
    }

    /// Whether there is a field of one of these names.
    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| keys.contains(name))
    }

    /// The value at a dotted path; a key that is the whole path goes first.
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

    /// The names of the first fields, for a message.
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

fn shown(key: &str) -> String {
    let cut: String = key.chars().take(KEY_BYTES_SHOWN).collect();
    format!("`{}`{}", cut.escape_debug(), if cut.len() < key.len() { ".." } else { "" })
}

/// What a value is, for a message.
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

/// The text of a string, or an integer in decimal: how ids and labels are written.
pub(super) fn word(value: Value<'_, '_>) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    value.as_i64().map(|number| number.to_string()).or_else(|| value.as_u64().map(|number| number.to_string()))
}
