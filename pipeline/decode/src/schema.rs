//! Which field of a JSON line is the text, the id, the URL, the time? Schemas are recognised by the
//! names of their fields.
//!
//! | schema | known by | text | id | url | time |
//! |---|---|---|---|---|---|
//! | `fineweb` | `text` and `dump`, `file_path`, `language_score` or `token_count` | `text` | `id` | `url` | `date` |
//! | `dolma` | `text` and `added`, `created` or `metadata` | `text` | `id` | `metadata.url` | `metadata.warc_date`, `created`, `added` |
//! | `plain` | `text` | `text` | `id` | `url` | `fetched_at` |
//! | `redpajama` | `raw_content` | `raw_content` | `doc_id`, `id` | `url` | `date_download` |
//! | `conversation` | `messages` | the messages' contents | `id`, `conversation_id` | `url` | `timestamp`, `created` |
//! | `scrapy_cluster` | `body` and `appid`, `crawlid`, `response_url` or `status_code` | `body` | `id` | `response_url`, `url` | `timestamp` |
//!
//! The language is looked for under the names that public corpora give it (`LANGUAGES`).
//!
//! The publisher of a conversation is its `contributor`, or that of its first message that names
//! one ([`super::conversation`]). Configured paths win, field by field. A page whose text is empty
//! is a document all the same. A time that cannot be read is kept in the provenance as it was
//! stated.

use simd_json::{
    prelude::{TypedScalarValue, ValueAsScalar, ValueIntoString},
    tape::Value,
};

use super::{
    body::{self, Body},
    conversation,
    decoded::{Decoded, Reject, WithoutText},
    json_object::{Object, type_name, word},
    limits::{check_text_len, checked_id, checked_url},
    options::{Fields, Options},
    page::{Form, Page, Provenance, fact},
    time,
};

/// Longest label, in bytes. A longer one is ignored.
const LABEL_BYTES_MAX: usize = 256;

/// A schema: its name, and the paths of its fields.
struct Schema {
    name: &'static str,
    text: &'static str,
    id: &'static [&'static str],
    url: &'static [&'static str],
    time: &'static [&'static str],
    label: &'static [&'static str],
    source: &'static str,
}

const FINEWEB: Schema =
    Schema { name: "fineweb", text: "text", id: &["id"], url: &["url"], time: &["date"], label: &["label"], source: "dump" };
const DOLMA: Schema = Schema {
    name: "dolma",
    text: "text",
    id: &["id"],
    url: &["metadata.url", "metadata.warc_url", "url"],
    time: &["metadata.warc_date", "created", "added"],
    label: &["label"],
    source: "source",
};
const PLAIN: Schema = Schema {
    name: "plain",
    text: "text",
    id: &["id"],
    url: &["url"],
    time: &["fetched_at"],
    label: &["label"],
    source: "source",
};
const REDPAJAMA: Schema = Schema {
    name: "redpajama",
    text: "raw_content",
    id: &["doc_id", "id"],
    url: &["url"],
    time: &["date_download"],
    label: &["label"],
    source: "cc_segment",
};
const SCRAPY_CLUSTER: Schema = Schema {
    name: "scrapy_cluster",
    text: "body",
    id: &["id"],
    url: &["response_url", "url"],
    time: &["timestamp"],
    label: &["label"],
    source: "appid",
};

const CONVERSATION: Schema = Schema {
    name: "conversation",
    text: "messages",
    id: &["id", "conversation_id"],
    url: &["url"],
    time: &["timestamp", "created"],
    label: &["label"],
    source: "source",
};
const SCHEMAS: [&Schema; 6] = [&FINEWEB, &DOLMA, &PLAIN, &REDPAJAMA, &SCRAPY_CLUSTER, &CONVERSATION];

/// Names of fields by which schemas are told apart whose texts have the same name.
const FINEWEB_MARKS: [&str; 4] = ["dump", "file_path", "language_score", "token_count"];
const DOLMA_MARKS: [&str; 3] = ["added", "created", "metadata"];
const SCRAPY_MARKS: [&str; 4] = ["appid", "crawlid", "response_url", "status_code"];
/// Where corpora label the language of a page, whatever the schema: `FineWeb`, `RedPajama`; HPLT; Dolma
/// and OSCAR; DCLM.
const LANGUAGES: [&str; 8] = [
    "language",
    "lang",
    "language_id",
    "metadata.language",
    "metadata.lang",
    "metadata.identification.label",
    "language_id_whole_page_fasttext",
    "metadata.language_id_whole_page_fasttext",
];
/// Further fields that decoding looks at, whatever the schema.
const OTHERS: [&str; 4] = ["digest", "response_headers", "encoding", "contributor"];

/// Returns the top-level fields that decoding looks at. No other column of a table need be read for
/// it.
pub fn columns(options: &Options) -> Vec<String> {
    let Fields { text, id, url, time, label, language, contributor } = &options.fields;
    let configured = [text, id, url, time, label, language, contributor].into_iter().flatten().map(String::as_str);
    let known = SCHEMAS.iter().flat_map(|schema| {
        let lists = [schema.id, schema.url, schema.time, schema.label].into_iter().flatten().copied();
        lists.chain([schema.text, schema.source])
    });
    let marks = FINEWEB_MARKS.into_iter().chain(DOLMA_MARKS).chain(SCRAPY_MARKS).chain(LANGUAGES).chain(OTHERS);
    // A name that contains dots may be a path or the whole name.
    let paths = configured.chain(known).chain(marks);
    let mut names: Vec<String> =
        paths.flat_map(|path| [path, path.split('.').next().unwrap_or(path)]).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Decodes the fields of a line.
pub(super) fn decode(object: &Object<'_, '_>, options: &Options) -> Result<Decoded, Reject> {
    let schema = detect(object, &options.fields)?;
    let url = checked_url(field(object, options.fields.url.as_deref(), schema.url).and_then(ValueIntoString::into_string))?;
    let mut provenance = provenance(object, schema, options);
    let text = if schema.name == CONVERSATION.name && options.fields.text.is_none() {
        conversation::text(object)?
    } else if schema.name == SCRAPY_CLUSTER.name && options.fields.text.is_none() {
        match scrapy_body(object, text_of(object, schema, options)?, url.as_deref(), &mut provenance, options)? {
            Body::Text(text) => text,
            Body::Without(why) => return Ok(Decoded::WithoutText(WithoutText { url, why })),
        }
    } else {
        text_of(object, schema, options)?.to_owned()
    };
    check_text_len(text.len(), options)?;
    let label = field(object, options.fields.label.as_deref(), schema.label).and_then(word);
    Ok(Decoded::Page(Page {
        id: checked_id(field(object, options.fields.id.as_deref(), schema.id).and_then(word))?,
        url,
        text,
        time: field(object, options.fields.time.as_deref(), schema.time).and_then(time_of),
        label: label.filter(|label| !label.is_empty() && label.len() <= LABEL_BYTES_MAX),
        contributor: contributor(object, schema, options),
        provenance,
        form: Form::Verbatim,
    }))
}

/// Returns the schema of a line. If the path of the text is configured, any schema whose names fit
/// serves for the other fields.
fn detect(object: &Object<'_, '_>, fields: &Fields) -> Result<&'static Schema, Reject> {
    if object.has_any(&["text"]) {
        return Ok(if object.has_any(&FINEWEB_MARKS) {
            &FINEWEB
        } else if object.has_any(&DOLMA_MARKS) {
            &DOLMA
        } else {
            &PLAIN
        });
    }
    if object.has_any(&["raw_content"]) {
        return Ok(&REDPAJAMA);
    }
    if object.has_any(&["body"]) && object.has_any(&SCRAPY_MARKS) {
        return Ok(&SCRAPY_CLUSTER);
    }
    if object.has_any(&[CONVERSATION.text]) {
        return Ok(&CONVERSATION);
    }
    if fields.text.is_some() {
        return Ok(&PLAIN);
    }
    let got = object.key_list();
    Err(Reject::new(
        "no_text_field",
        format!("got {got}, expected `text`, `raw_content`, `messages`, a scrapy-cluster `body`, or a path"),
    ))
}

/// Returns who contributed the page, as stated at the configured path or by a conversation.
fn contributor(object: &Object<'_, '_>, schema: &Schema, options: &Options) -> Option<String> {
    let stated = match &options.fields.contributor {
        Some(path) => object.at(path).and_then(word),
        None if schema.name == CONVERSATION.name => conversation::contributor(object),
        None => None,
    };
    stated.as_deref().and_then(fact)
}

/// Returns the value at the configured path, or else the first value other than null at the paths
/// of the schema.
fn field<'tape, 'line>(object: &Object<'tape, 'line>, configured: Option<&str>, known: &[&str]) -> Option<Value<'tape, 'line>> {
    match configured {
        Some(path) => object.at(path),
        None => known.iter().filter_map(|path| object.at(path)).find(|value| !value.is_null()),
    }
}

fn text_of<'line>(object: &Object<'_, 'line>, schema: &Schema, options: &Options) -> Result<&'line str, Reject> {
    let path = options.fields.text.as_deref().unwrap_or(schema.text);
    let Some(value) = object.at(path) else {
        let got = object.key_list();
        return Err(Reject::new("no_text_field", format!("got {got}, expected the text at `{path}`")));
    };
    value
        .into_string()
        .ok_or_else(|| Reject::new("text_not_string", format!("got {} at `{path}`, expected a string", type_name(value))))
}

fn provenance(object: &Object<'_, '_>, schema: &Schema, options: &Options) -> Provenance {
    let fields = &options.fields;
    let Fields { text, id, url, time, label, language, contributor } = fields;
    let configured = [text, id, url, time, label, language, contributor].into_iter().any(Option::is_some);
    let stated = |path: &str| object.at(path).and_then(word).as_deref().and_then(fact);
    let stated_time = field(object, fields.time.as_deref(), schema.time);
    Provenance {
        schema: if configured { "fields" } else { schema.name },
        digest: stated("digest"),
        source: stated(schema.source),
        language: field(object, fields.language.as_deref(), &LANGUAGES).and_then(language_of).as_deref().and_then(fact),
        fetched_at: stated_time.and_then(word_or_float).as_deref().and_then(fact),
        ..Provenance::default()
    }
}

/// Returns the label of a page's language: a word, the first of a list, or of labels with scores the
/// one with the highest.
fn language_of(value: Value<'_, '_>) -> Option<String> {
    if let Some(list) = value.as_array() {
        return list.iter().next().and_then(word);
    }
    let Some(scores) = value.as_object() else { return word(value) };
    let scored = scores.iter().filter_map(|(label, score)| Some((label, score.cast_f64()?)));
    scored.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(label, _)| label.to_owned())
}

fn word_or_float(value: Value<'_, '_>) -> Option<String> {
    word(value).or_else(|| value.as_f64().map(|number| number.to_string()))
}

fn time_of(value: Value<'_, '_>) -> Option<i64> {
    match value.as_str() {
        Some(text) => time::parse(text),
        // A float saturates when it becomes an integer, and what saturates is no time.
        None => time::from_number(value.as_i64().or_else(|| value.as_f64().map(|number| number.floor() as i64))?),
    }
}

/// Reads the body of a scrapy-cluster response: HTML, or HTML in base64 if the cluster is
/// configured so.
fn scrapy_body(
    object: &Object<'_, '_>,
    text: &str,
    url: Option<&str>,
    provenance: &mut Provenance,
    options: &Options,
) -> Result<Body, Reject> {
    if object.get("status_code").and_then(|v| v.as_i64()).is_some_and(|status| status != 200) {
        return Ok(Body::Without("http_status"));
    }
    let content_type = object.get("response_headers").and_then(Object::new).and_then(|headers| {
        let value = headers.get("Content-Type").or_else(|| headers.get("content-type"))?;
        value.into_string().or_else(|| value.get_idx(0)?.into_string())
    });
    provenance.content_type = content_type.and_then(fact);
    match body::from_base64(text, options.body_bytes_max)? {
        Some(bytes) => {
            let charset = object.get("encoding").and_then(ValueIntoString::into_string);
            let stated = body::BodyHints { content_type, charset, url };
            body::from_bytes(&bytes, &stated, provenance, options)
        }
        None => body::from_str(text, content_type, provenance, options),
    }
}
