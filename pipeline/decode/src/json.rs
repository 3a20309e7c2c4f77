//! One line of JSON: parsed within limits, or rejected with the place where it went wrong.
//!
//! Which field means what is [`schema`]'s affair. Duplicate keys: the last one counts, as for Python and serde. Numbers
//! beyond 64 bits and lone surrogates are invalid; NUL is a character like any other. A leading byte order mark is skipped.
//!
//! **Cost** one copy of the line, which the parser unescapes in place, and one SIMD pass; nothing recurses.
//! **Limits** [`DEPTH_MAX`], [`VALUES_MAX`].

use simd_json::{Buffers, ErrorType};

use super::{
    decoded::{Decoded, Reject},
    json_object::{Object, type_name},
    options::Options,
    schema,
};

/// Deepest nesting of arrays and objects.
const DEPTH_MAX: usize = 128;

/// Most values a line may hold: the parser's table takes 24 bytes for each, so a line of brackets would cost many times
/// its length.
const VALUES_MAX: usize = 1 << 20;

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
