//! Is a line an object of JSON? It is parsed within limits, or rejected with the place where it
//! goes wrong.
//!
//! [`schema`] decides which field means what. Of duplicate keys the last one counts, as in Python
//! and serde. Numbers beyond 64 bits and lone surrogates are invalid, and NUL is a character like
//! any other. A leading byte order mark is skipped.
//!
//! **Cost** one copy of the line, which the parser unescapes in place, and one SIMD pass. Nothing
//! recurses. **State** a thread keeps a copy of the longest line so far, and the parser's tables
//! for it.
//! **Limits** [`DEPTH_MAX`], [`VALUES_MAX`].

use std::cell::RefCell;

use simd_json::{Buffers, ErrorType};

use super::{
    decoded::{Decoded, Reject},
    json_object::{Object, type_name},
    options::Options,
    schema,
};

/// Deepest nesting of arrays and objects.
const DEPTH_MAX: usize = 128;

/// Most values in a line. The table of the parser takes 24 bytes for each value, so a line of
/// brackets would cost many times its length.
const VALUES_MAX: usize = 1 << 20;

thread_local! {
    /// The memory of a thread's parser, which is kept from line to line.
    static PARSER: RefCell<Parser> = RefCell::new(Parser { copy: Vec::new(), buffers: Buffers::with_max_depth(0, DEPTH_MAX) });
}

/// What the parser works in.
struct Parser {
    /// The line, whose strings are unescaped in place.
    copy: Vec<u8>,
    buffers: Buffers,
}

/// Decodes one line.
pub(super) fn decode(line: &[u8], options: &Options) -> Decoded {
    match parse(line, options) {
        Ok(decoded) => decoded,
        Err(reject) => reject.into(),
    }
}

/// Parses one line, and decodes its fields.
fn parse(line: &[u8], options: &Options) -> Result<Decoded, Reject> {
    check_values(line)?;
    PARSER.with_borrow_mut(|Parser { copy, buffers }| {
        copy.clear();
        copy.extend_from_slice(line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line));
        let tape = simd_json::to_tape_with_buffers(copy, buffers).map_err(|error| invalid(line, &error))?;
        let Some(object) = Object::new(tape.as_value()) else {
            let got = type_name(tape.as_value());
            return Err(Reject::new("json_not_object", format!("got {got}, expected an object of fields")));
        };
        schema::decode(&object, options)
    })
}

/// Rejects a line that may hold too many values. Bytes within strings count too, which matters only
/// for a line made of them.
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

/// Returns why a line is no JSON. A wrong encoding comes first, since it explains every other
/// error.
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
