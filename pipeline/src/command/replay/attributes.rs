//! How are findings written as attribute files of Dolma (`output.dolma_attributes`)?
//!
//! ```text
//! DIR/attributes/weir/FILE     packed as FILE is; one line for each record of FILE, in the same order
//! {"id":"7","attributes":{"weir__trigger_spike__sentence_spike":[[12,40,0.93]],"weir__near_dup__near_duplicate":[[0,512,0.81]]}}
//! ```
//!
//! Spans count characters, as Dolma's do. A finding without a span, and a recall, are about the
//! whole text. So `dolma mix` can drop documents by their attributes, or cut spans out. Documents
//! without a finding have no attributes, and neither have records that are no documents. They have
//! lines all the same, because the mixer reads both files line by line.
//!
//! **Cost** the input is read a second time; only documents with findings are decoded.
//! **State** a name for each recall.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use connectors::{
    compression::Compression,
    file::{FileSource, InputFile, InputOrigin, PackedFile},
    source::{Limit, Record, Source},
};
use decode::{Decoded, Options, decode, name_of};
use serde::Serialize;

use crate::{
    command::output_lines::{LINE_BYTES_MAX, LineFile, ParsedDecision, ParsedRecall},
    layout::OutputFolder,
    output::lines::to_line,
};

/// How much is read at once.
const BATCH: Limit = Limit { records: 256, bytes: 16 << 20 };
/// The score of a document that was recalled. No operator has looked at it again.
const RECALLED: f64 = 1.0;
/// The name of the folder, and the prefix of attributes.
const NAME: &str = "weir";

/// Begin and end in characters, and a score.
type Span = (usize, usize, f64);

/// The line of one record.
#[derive(Serialize)]
struct AttributesLine<'a> {
    id: Option<&'a str>,
    attributes: BTreeMap<String, Vec<Span>>,
}

/// Refuses input that cannot be read a second time.
pub(super) fn check(files: &[InputFile]) -> Result<()> {
    if files.iter().any(|file| file.origin == InputOrigin::Stdin) {
        bail!("got - (standard input) with output.dolma_attributes, expected files: they are read a second time");
    }
    Ok(())
}

/// Writes the attributes of all records of `source`, or of the first `limit`. The decisions and
/// recalls of the run must have been written before.
pub(super) fn write(output: &OutputFolder, mut source: FileSource, options: &Options, limit: Option<u64>) -> Result<()> {
    let recalls = recalls(output)?;
    let mut decisions = LineFile::open(&output.file("decisions.jsonl"), LINE_BYTES_MAX)?;
    let mut decision = next(&mut decisions)?;
    let names = source.partitions().to_vec();
    let (mut left, mut open) = (limit.unwrap_or(u64::MAX), None::<(usize, PackedFile)>);
    loop {
        let records = source.read(Limit { records: BATCH.records.min(usize::try_from(left).unwrap_or(usize::MAX)), ..BATCH })?;
        if records.is_empty() || left == 0 {
            break;
        }
        left -= records.len() as u64;
        for record in records {
            let file = record.position.partition as usize;
            let name = names.get(file).map_or("", String::as_str);
            let position = format!("{name}#{}", record.position.offset);
            let line = if decision.as_ref().is_some_and(|decision| decision.position == position) {
                let line = of_document(&record, name, options, decision.as_ref(), recalls.get(&position));
                decision = next(&mut decisions)?;
                line
            } else {
                to_line(&AttributesLine { id: name_of(&record, options).id.as_deref(), attributes: BTreeMap::new() })
            };
            let writer = match open.take() {
                Some((number, writer)) if number == file => writer,
                other => {
                    other.map_or(Ok(()), |(_, writer)| writer.finish())?;
                    let (path, compression) = target(output, name);
                    PackedFile::create(&path, compression)?
                }
            };
            let (_, writer) = open.insert((file, writer));
            writer.write_line(&line)?;
        }
    }
    if let Some(decision) = decision {
        bail!("decisions.jsonl goes on with {}, and the input does not: it has changed", decision.position);
    }
    Ok(open.map_or(Ok(()), |(_, writer)| writer.finish())?)
}

/// The next decision, if there is one.
fn next(decisions: &mut LineFile) -> Result<Option<ParsedDecision>> {
    let Some(line) = decisions.next_line()? else { return Ok(None) };
    let line = line.map_err(anyhow::Error::msg).context("decisions.jsonl")?;
    Ok(Some(serde_json::from_slice(&line).context("decisions.jsonl")?))
}

/// The names of the attributes of recalled documents, by the documents' positions.
fn recalls(output: &OutputFolder) -> Result<BTreeMap<String, Vec<String>>> {
    let mut file = LineFile::open(&output.file("recalls.jsonl"), LINE_BYTES_MAX)?;
    let mut recalls: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(line) = file.next_line()? {
        let line = line.map_err(anyhow::Error::msg).context("recalls.jsonl")?;
        let recall: ParsedRecall = serde_json::from_slice(&line).context("recalls.jsonl")?;
        if recall.action == "recall" {
            recalls.entry(recall.position).or_default().push(attribute(&recall.operator, &recall.reason));
        }
    }
    Ok(recalls)
}

/// The name of the attribute of a finding.
fn attribute(operator: &str, reason: &str) -> String {
    format!("{NAME}__{operator}__{reason}")
}

/// The line of a document, given its decision and the names of the attributes of its recalls.
fn of_document(
    record: &Record,
    name: &str,
    options: &Options,
    decision: Option<&ParsedDecision>,
    recalls: Option<&Vec<String>>,
) -> Vec<u8> {
    let Some(decision) = decision else { return Vec::new() };
    // A document without an id is called by its position, which is nothing that its file says.
    let id = (decision.id != decision.position).then_some(decision.id.as_str());
    let mut attributes: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    if !decision.findings.is_empty() || recalls.is_some() {
        let text = match decode(record, name, options) {
            Decoded::Page(page) => page.text,
            Decoded::WithoutText(_) | Decoded::Reject(_) => String::new(),
        };
        let whole = text.chars().count();
        for finding in &decision.findings {
            let spans = attributes.entry(attribute(&finding.operator, &finding.reason)).or_default();
            if finding.spans.is_empty() {
                spans.push((0, whole, finding.score));
            }
            spans.extend(characters(&text, &finding.spans).map(|(begin, end)| (begin, end, finding.score)));
        }
        for recalled in recalls.into_iter().flatten() {
            attributes.entry(recalled.clone()).or_default().push((0, whole, RECALLED));
        }
    }
    to_line(&AttributesLine { id, attributes })
}

/// Turns spans of bytes into spans of characters.
fn characters<'a>(text: &'a str, spans: &'a [(u32, u32)]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let character = |byte: u32| text[..text.floor_char_boundary(byte as usize)].chars().count();
    spans.iter().map(move |(begin, end)| (character(*begin), character(*end)))
}

/// Which file the attributes of an input file go to, and how it is packed.
fn target(output: &OutputFolder, name: &str) -> (PathBuf, Compression) {
    // Names come from folders and lists of files: none leads out of the output folder.
    let mut path: PathBuf = Path::new(name).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let lower = name.to_ascii_lowercase();
    let (plain, compression) = match lower.strip_suffix(".gz") {
        Some(plain) => (plain, Compression::Gzip),
        None => match lower.strip_suffix(".zst") {
            Some(plain) => (plain, Compression::Zstd),
            None => (&*lower, Compression::None),
        },
    };
    if ![".json", ".jsonl", ".ndjson"].iter().any(|suffix| plain.ends_with(suffix)) {
        path.as_mut_os_string().push(format!(".jsonl{}", compression.suffix()));
    }
    (output.root().join("attributes").join(NAME).join(path), compression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_characters() {
        let got: Vec<_> = characters("a\u{e9}\u{1f600}b", &[(0, 1), (1, 3), (3, 8), (4, 99)]).collect();
        assert_eq!(got, [(0, 1), (1, 2), (2, 4), (2, 4)]);
    }

    #[test]
    fn files_are_called_as_their_input_and_stay_inside() {
        let output = OutputFolder::new(Path::new("/o"));
        for (name, expected, compression) in [
            ("2019-09/a.jsonl.gz", "2019-09/a.jsonl.gz", Compression::Gzip),
            ("a.json", "a.json", Compression::None),
            ("A.JSONL.ZST", "A.JSONL.ZST", Compression::Zstd),
            ("a.warc.gz", "a.warc.gz.jsonl.gz", Compression::Gzip),
            ("../../etc/a.parquet", "etc/a.parquet.jsonl", Compression::None),
        ] {
            assert_eq!(target(&output, name), (Path::new("/o/attributes/weir").join(expected), compression), "{name}");
        }
    }
}
