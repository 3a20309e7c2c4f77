//! What became of documents, as the recalls say? Which ones must go from a corpus, and which copies
//! take their places?

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use connectors::{
    compress::Reader,
    framing::jsonl::JsonLines,
    kafka::{JournalReader, KafkaConfig},
    limits::Limits,
    source::Payload,
};
use serde::Deserialize;

use crate::progress::Progress;

/// The longest line of recalls, in bytes. Two ids with every byte escaped are far shorter.
const LINE_BYTES_MAX: usize = 1 << 20;

/// How long to wait for records of a topic before the time is checked.
const POLL: Duration = Duration::from_millis(100);

/// The topic of recalls.
#[derive(Clone, Debug)]
pub(super) struct RecallsTopic {
    pub(super) kafka: KafkaConfig,
    pub(super) name: String,
}

/// How much was read from a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TopicRead {
    /// The records, with settled watermarks among them.
    pub(super) records: u64,
    /// How many offsets at the beginning of the topic its retention has removed.
    pub(super) removed: u64,
}

/// A line of recalls.
#[derive(Debug, Deserialize)]
struct RecallsLine {
    action: String,
    id: Option<String>,
    position: Option<String>,
    domain: Option<String>,
    #[serde(rename = "match")]
    matched: Option<String>,
}

/// What is known of a document.
#[derive(Debug)]
struct RecallFate {
    recalled: bool,
    domain: Option<String>,
    /// For a restored copy: the recalled document whose place it takes.
    original: Option<String>,
}

/// What a line of the corpus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CorpusLine {
    /// A document that was recalled.
    Recalled,
    /// One of several documents of a name, of which fewer are recalled, and nothing says which.
    Unclear,
    /// Anything else.
    Other,
}

/// Recalled documents of one name and one publisher.
#[derive(Debug)]
struct RecalledName {
    /// Their publisher; `None` if the recalls do not say it.
    domain: Option<String>,
    documents: usize,
    /// Hashes of the lines of the corpus that may be these documents.
    contents: HashSet<u64>,
    /// Whether the corpus holds such a line.
    met: bool,
}

/// What became of all documents that the recalls name.
#[derive(Debug)]
pub(super) struct RecallFates {
    /// By id and position, because ids may be shared, and so may positions of two dumps. The order
    /// is that of the list of restores.
    documents: BTreeMap<(String, String), RecallFate>,
    /// The names of recalled documents; an id may be that of documents of several publishers.
    recalled: HashMap<String, Vec<RecalledName>>,
    /// The names of restored documents.
    restored: HashSet<String>,
    /// The names of restored documents that are in the corpus.
    met: HashSet<String>,
    /// How many lines neither recall nor restore.
    pub(super) passed_over: u64,
    /// How much was read from a topic, if one was.
    pub(super) topic: Option<TopicRead>,
    by_position: bool,
}

impl RecallFates {
    /// Reads the recalls of files, in their order, and after them those of a topic. Names are
    /// positions or ids.
    pub(super) fn read(files: &[PathBuf], topic: Option<&RecallsTopic>, by_position: bool) -> Result<Self> {
        let mut fates = Self {
            documents: BTreeMap::new(),
            recalled: HashMap::new(),
            restored: HashSet::new(),
            met: HashSet::new(),
            passed_over: 0,
            topic: None,
            by_position,
        };
        for file in files {
            fates.read_file(file).with_context(|| format!("recalls {}", file.display()))?;
        }
        if let Some(topic) = topic {
            fates.topic = Some(fates.read_topic(topic).with_context(|| format!("recalls of topic {}", topic.name))?);
        }
        for ((id, position), fate) in &fates.documents {
            let name = if by_position { position } else { id };
            if fate.recalled {
                let names = fates.recalled.entry(name.clone()).or_default();
                match names.iter_mut().find(|known| known.domain == fate.domain) {
                    Some(known) => known.documents += 1,
                    None => names.push(RecalledName {
                        domain: fate.domain.clone(),
                        documents: 1,
                        contents: HashSet::new(),
                        met: false,
                    }),
                }
            } else {
                fates.restored.insert(name.clone());
            }
        }
        Ok(fates)
    }

    /// Reads a file of recalls.
    fn read_file(&mut self, path: &Path) -> Result<()> {
        let limits = Limits { record_bytes_max: LINE_BYTES_MAX, ..Limits::default() };
        let reader = Reader::new(Box::new(File::open(path)?), &limits)?;
        let mut lines = JsonLines::new(reader, limits);
        let mut number = 0;
        while let Some(frame) = lines.next_frame()? {
            number += 1;
            // A line that is not understood is an error: it may be a recall, and would leave poison
            // in the corpus.
            let line = match frame.payload {
                Payload::Line(line) => line,
                Payload::Bad(bad) => bail!("record {number}, at byte {}: {}", frame.byte_offset, bad.message),
                Payload::Warc { .. } | Payload::Joined { .. } | Payload::Arc { .. } | Payload::Row(_) | Payload::Html(_) => {
                    bail!("record {number}: expected a JSON line")
                }
            };
            let at = || format!("record {number}, at byte {}", frame.byte_offset);
            // Files are joined in many ways, so a byte-order mark may begin any line.
            let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
            self.take(serde_json::from_slice(line).with_context(at)?).with_context(at)?;
        }
        Ok(())
    }

    /// Reads everything committed that the topic holds now.
    fn read_topic(&mut self, topic: &RecallsTopic) -> Result<TopicRead> {
        let (mut reader, removed) = JournalReader::of_topic(&topic.kafka, &topic.name)?;
        let mut read = TopicRead { records: 0, removed };
        let progress = Progress::counting(reader.end(), "offsets of recalls");
        let mut last_records = Instant::now();
        while let Some(records) = reader.poll_to_end(POLL)? {
            if !records.is_empty() {
                last_records = Instant::now();
            } else if last_records.elapsed() > topic.kafka.run_timeout {
                let (next, end) = (reader.next_offset(), reader.end());
                bail!("it gave records to offset {next}, expected to {end}, and no more came in {:?}", topic.kafka.run_timeout);
            }
            for (offset, value) in records {
                let at = || format!("offset {offset}");
                // A tombstone has no value, and a stage writes none.
                self.take(serde_json::from_slice(&value).with_context(at)?).with_context(at)?;
                read.records += 1;
            }
            progress.show(reader.next_offset(), &format!("{} records, {} documents", read.records, self.documents.len()));
        }
        progress.done();
        Ok(read)
    }

    /// Takes a line into account.
    fn take(&mut self, line: RecallsLine) -> Result<()> {
        let recalled = match line.action.as_str() {
            "recall" => true,
            "restore" => false,
            _ => {
                self.passed_over += 1;
                return Ok(());
            }
        };
        let (Some(id), Some(position)) = (line.id, line.position) else {
            bail!("got a {} without id or position, expected both", line.action);
        };
        // The last line about a document counts: a restored copy may be recalled in its turn.
        self.documents.insert((id, position), RecallFate { recalled, domain: line.domain, original: line.matched });
        Ok(())
    }

    /// Returns how many names are recalled.
    pub(super) fn recalled(&self) -> usize {
        self.recalled.len()
    }

    /// Takes into account, before anything is taken out, that the corpus has a line of this name,
    /// publisher and hash of content.
    pub(super) fn survey(&mut self, name: &str, domain: Option<&str>, content: u64) {
        if let Some(known) = self.recalled.get_mut(name).and_then(|names| of_publisher(names, domain)) {
            known.contents.insert(content);
        }
    }

    /// Returns what a corpus line of this name and publisher is, and remembers that the corpus holds
    /// it.
    pub(super) fn meet(&mut self, name: &str, domain: Option<&str>) -> CorpusLine {
        if let Some(known) = self.recalled.get_mut(name).and_then(|names| of_publisher(names, domain)) {
            known.met = true;
            // The same line twice is the same document twice.
            return if known.contents.len() <= known.documents { CorpusLine::Recalled } else { CorpusLine::Unclear };
        }
        if self.restored.contains(name) && !self.met.contains(name) {
            self.met.insert(name.to_owned());
        }
        CorpusLine::Other
    }

    /// Returns how many recalled names the corpus does not hold.
    pub(super) fn missing(&self) -> usize {
        self.recalled.values().filter(|names| !names.iter().any(|known| known.met)).count()
    }

    /// Returns a line for each restored copy that the corpus does not hold: which copy, and where
    /// it is.
    pub(super) fn restores(&self, duplicates: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for ((id, position), fate) in self.documents.iter().filter(|(_, fate)| !fate.recalled) {
            let name = if self.by_position { position } else { id };
            if !self.met.contains(name) && !self.recalled.contains_key(name) {
                let original = fate.original.as_deref().unwrap_or("a recalled document");
                lines.push(format!("restore {id} from {position}, in place of {original}"));
            }
        }
        if !lines.is_empty() {
            let heading = format!(
                "\n{} restored copies are not in this corpus. They were held back when they came: a replay has put them into \
                 clean/restored-*.jsonl, the stage has them on the topic {duplicates}. Add them by id:",
                lines.len()
            );
            lines.insert(0, heading);
        }
        lines
    }
}

/// The recalled documents of a name that may be a publisher's: whose publisher is the same, or not
/// known on one side.
fn of_publisher<'a>(names: &'a mut [RecalledName], domain: Option<&str>) -> Option<&'a mut RecalledName> {
    let same = |known: &RecalledName| match (&known.domain, domain) {
        (Some(recalled), Some(domain)) => recalled == domain,
        _ => true,
    };
    names.iter_mut().find(|known| same(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(lines: &[&str], by_position: bool) -> Result<RecallFates> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("recalls.jsonl");
        std::fs::write(&path, lines.join("\n")).expect("written");
        RecallFates::read(&[path], None, by_position)
    }

    const LINES: [&str; 6] = [
        r#"{"v":1,"action":"recall","id":"a","position":"p#1","operator":"o","reason":"r"}"#,
        r#"{"v":1,"action":"restore","id":"b","position":"p#2","operator":"engine","reason":"r","match":"a"}"#,
        r#"{"v":1,"action":"settled","up_to":7}"#,
        r#"{"v":1,"action":"restore","id":"c","position":"p#3","operator":"engine","reason":"r","match":"x"}"#,
        r#"{"v":1,"action":"recall","id":"c","position":"p#3","operator":"o","reason":"r"}"#,
        r#"{"v":1,"action":"recall","id":"d","position":"p#4","operator":"o","reason":"r"}"#,
    ];

    #[test]
    fn the_last_line_about_a_document_counts() {
        let mut fates = fates(&LINES, false).expect("read");
        assert_eq!((fates.recalled(), fates.passed_over), (3, 1));
        let met = ["a", "b", "c", "e", "a"].map(|name| fates.meet(name, None) == CorpusLine::Recalled);
        assert_eq!(met, [true, false, true, false, true]);
        assert_eq!(fates.missing(), 1, "d");
        assert_eq!(fates.restores("dups"), Vec::<String>::new(), "b was met");
    }

    #[test]
    fn lines_may_come_from_another_system() {
        let marked: Vec<String> = LINES.iter().map(|line| format!("\u{feff}{line}\r")).collect();
        let marked: Vec<&str> = marked.iter().map(String::as_str).collect();
        assert_eq!(fates(&marked, false).expect("read").recalled(), 3);
    }

    #[test]
    fn restores_say_which_and_where() {
        let fates = fates(&LINES, false).expect("read");
        let lines = fates.restores("dups");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("1 restored") && lines[0].contains("topic dups"), "{lines:?}");
        assert_eq!(lines[1], "restore b from p#2, in place of a");
    }

    #[test]
    fn an_id_of_two_documents_is_recalled_if_one_is() {
        let other = r#"{"action":"restore","id":"a","position":"p#9"}"#;
        let mut by_id = fates(&[LINES[0], other], false).expect("read");
        assert_eq!(by_id.meet("a", None), CorpusLine::Recalled);
        let mut by_position = fates(&[LINES[0], other], true).expect("read");
        assert_eq!((by_position.meet("p#1", None), by_position.meet("p#9", None)), (CorpusLine::Recalled, CorpusLine::Other));
    }

    #[test]
    fn of_documents_that_share_an_id_the_one_that_is_meant_is_recalled() {
        let of = |position: &str, domain: &str| {
            format!(r#"{{"action":"recall","id":"a","position":"{position}","domain":"{domain}"}}"#)
        };
        let (one, other) = (of("p#1", "one.example"), of("p#2", "two.example"));
        let mut fates_of_one = fates(&[&one], false).expect("read");
        for (domain, content) in [("one.example", 1), ("two.example", 2), ("one.example", 1)] {
            fates_of_one.survey("a", Some(domain), content);
        }
        let met = ["one.example", "two.example"].map(|domain| fates_of_one.meet("a", Some(domain)));
        assert_eq!(met, [CorpusLine::Recalled, CorpusLine::Other]);
        // Another line of that publisher: nothing says which of them is meant.
        fates_of_one.survey("a", Some("one.example"), 3);
        assert_eq!(fates_of_one.meet("a", Some("one.example")), CorpusLine::Unclear);
        // Both are meant.
        let both = fates(&[&one, &of("p#3", "one.example"), &other], false);
        let mut both = both.expect("read");
        (1..3).for_each(|content| both.survey("a", Some("one.example"), content));
        assert_eq!(both.meet("a", Some("one.example")), CorpusLine::Recalled);
        // Recalls of an earlier version do not say whose document it is.
        let mut old = fates(&[LINES[0]], false).expect("read");
        old.survey("a", Some("one.example"), 1);
        assert_eq!(old.meet("a", Some("one.example")), CorpusLine::Recalled);
        old.survey("a", Some("two.example"), 2);
        assert_eq!(old.meet("a", Some("one.example")), CorpusLine::Unclear);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for bad in [
            r#"{"action":"recall","id":"a"}"#,
            "{",
            "[]",
            r#"{"id":"a","position":"p"}"#,
            r#"{"action":"recall","id":5,"position":"p"}"#,
        ] {
            let error = fates(&[LINES[0], bad], false).expect_err(bad);
            assert!(format!("{error:#}").contains("record 2, at byte"), "{error:#}");
        }
        assert!(RecallFates::read(&["/nonexistent".into()], None, false).is_err());
    }
}
