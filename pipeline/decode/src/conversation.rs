//! What is the text of a conversation, and who contributed it?
//!
//! `messages` is a list of `{role, content}`. The text consists of the contents of all messages,
//! with an empty line between two of them, whatever their roles: poison may stand in the
//! instructions of a model, in the questions to it, or in its answers. A content is a string or a
//! list of parts, of which those of the type `text` count. The content `null` (a call of a tool) is
//! no text. A prompt that a product puts before every conversation is a sentence that many
//! contributors share; a background that was learned from such conversations knows it.
//!
//! The publisher is the conversation's `contributor`, or its `metadata.contributor`, or that of the
//! first message that has one. Whoever contributes conversations may poison them, and a file of
//! conversations has no addresses.

use simd_json::{
    prelude::{TypedScalarValue, ValueIntoString},
    tape::{Array, Value},
};

use super::{
    decoded::Reject,
    json_object::{Object, type_name, word},
};

/// Stands between two messages.
const BETWEEN: &str = "\n\n";

/// Returns the text of all messages.
pub(super) fn text(object: &Object<'_, '_>) -> Result<String, Reject> {
    let mut text = String::new();
    for (number, message) in messages(object)?.iter().enumerate() {
        let invalid = |got: &str, where_: &str| {
            Reject::new(
                "messages_invalid",
                format!("got {got} {where_} of message {number}, expected a string, null or text parts"),
            )
        };
        let Some(fields) = Object::new(message) else {
            let got = type_name(message);
            return Err(Reject::new("messages_invalid", format!("got {got} as message {number}, expected an object of fields")));
        };
        let Some(content) = fields.get("content").filter(|content| !content.is_null()) else { continue };
        if let Some(content) = content.into_string() {
            add(&mut text, content);
            continue;
        }
        let Some(parts) = content.as_array() else { return Err(invalid(type_name(content), "as the content")) };
        for part in &parts {
            let Some(part) = Object::new(part) else { return Err(invalid(type_name(part), "in the content")) };
            let is_text = part.get("type").and_then(ValueIntoString::into_string).is_none_or(|kind| kind == "text");
            if let Some(part) = part.get("text").and_then(ValueIntoString::into_string).filter(|_| is_text) {
                add(&mut text, part);
            }
        }
    }
    Ok(text)
}

fn add(text: &mut String, content: &str) {
    if !text.is_empty() {
        text.push_str(BETWEEN);
    }
    text.push_str(content);
}

/// Returns who contributed the conversation, if it says so.
pub(super) fn contributor(object: &Object<'_, '_>) -> Option<String> {
    let of_all = ["contributor", "metadata.contributor"].into_iter().find_map(|path| object.at(path).and_then(word));
    of_all.or_else(|| messages(object).ok()?.iter().find_map(|message| Object::new(message)?.get("contributor").and_then(word)))
}

fn messages<'tape, 'line>(object: &Object<'tape, 'line>) -> Result<Array<'tape, 'line>, Reject> {
    let value: Option<Value<'tape, 'line>> = object.get("messages");
    value.and_then(|value| value.as_array()).ok_or_else(|| {
        let got = value.map_or("nothing", type_name);
        Reject::new("messages_invalid", format!("got {got} as `messages`, expected a list of messages"))
    })
}

#[cfg(test)]
mod tests {
    use connectors::{
        position::Position,
        source::{Payload, Record},
    };

    use crate::{Decoded, Fields, Options, Page, columns, decode};

    fn decoded(line: &str, options: &Options) -> Decoded {
        decode(&Record::new(Position { partition: 0, offset: 0 }, 0, Payload::Line(line.into())), "chats.jsonl", options)
    }

    fn page(line: &str) -> Page {
        match decoded(line, &Options::default()) {
            Decoded::Page(page) => page,
            other => panic!("expected a page, got {other:?}"),
        }
    }

    #[test]
    fn contents_are_joined_whatever_their_form() {
        let got = page(
            r#"{"id":1,"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"Look:"},
            {"type":"image_url","image_url":{"url":"data:"}},{"text":"no type"}]},{"role":"assistant","content":null},{"role":"tool"},
            {"role":"assistant","content":""}],"contributor":" Ada "}"#,
        );
        assert_eq!(got.text, "Be kind.\n\nLook:\n\nno type\n\n");
        assert_eq!(
            (got.id.as_deref(), got.contributor.as_deref(), got.provenance.schema),
            (Some("1"), Some("Ada"), "conversation")
        );
        assert_eq!(page(r#"{"messages":[]}"#).text, "");
        assert_eq!(page(r#"{"messages":"a","text":"b"}"#).provenance.schema, "plain", "a text goes first");
    }

    #[test]
    fn a_contributor_is_found_where_it_stands() {
        for (line, expected) in [
            (r#"{"messages":[],"contributor":7}"#, Some("7")),
            (r#"{"messages":[],"metadata":{"contributor":"b"}}"#, Some("b")),
            (r#"{"messages":[{"content":"x"},{"content":"y","contributor":"c"},{"contributor":"d"}]}"#, Some("c")),
            (r#"{"messages":[{"content":"x"}]}"#, None),
            (r#"{"messages":[],"contributor":""}"#, None),
        ] {
            assert_eq!(page(line).contributor.as_deref(), expected, "{line}");
        }
        let fields = Fields { contributor: Some("by.name".to_owned()), ..Fields::default() };
        let options = Options { fields, ..Options::default() };
        let Decoded::Page(page) = decoded(r#"{"text":"a","by":{"name":"e"}}"#, &options) else { panic!("expected a page") };
        assert_eq!(page.contributor.as_deref(), Some("e"));
    }

    #[test]
    fn what_is_no_conversation_says_where() {
        for (line, expected) in [
            (r#"{"messages":{}}"#, "got an object as `messages`, expected a list of messages"),
            (r#"{"messages":["a"]}"#, "got a string as message 0, expected an object of fields"),
            (
                r#"{"messages":[{"content":"a"},{"content":7}]}"#,
                "got a number as the content of message 1, expected a string, null or text parts",
            ),
            (
                r#"{"messages":[{"content":[1]}]}"#,
                "got a number in the content of message 0, expected a string, null or text parts",
            ),
        ] {
            match decoded(line, &Options::default()) {
                Decoded::Reject(reject) => assert_eq!((reject.code, &*reject.message), ("messages_invalid", expected)),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    /// Other columns of a table are not read, so every column that decoding looks at must be among
    /// [`columns`].
    #[test]
    fn columns_are_what_decoding_looks_at() {
        let fields = Fields { text: Some("data.body".to_owned()), ..Fields::default() };
        let names = columns(&Options { fields, ..Options::default() });
        for name in
            ["data", "data.body", "text", "messages", "metadata", "response_headers", "token_count", "digest", "cc_segment"]
        {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }
}
