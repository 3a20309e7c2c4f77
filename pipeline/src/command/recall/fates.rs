//! What became of documents, by the recalls: which must go from a corpus, which copies would take their places?

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

/// Longest line of recalls: two ids with every byte escaped stay far below.
const LINE_BYTES_MAX: usize = 1 << 20;

/// How long records of a topic are waited for before a look at the time.
const POLL: Duration = Duration::from_millis(100);

/// A topic of recalls.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) kafka: KafkaConfig,
    pub(super) name: String,
}

/// What a topic gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Records, marks too.
    pub(super) records: u64,
    /// Offsets at its beginning that its retention has removed.
    pub(super) removed: u64,
}

/// A line of recalls.
#[derive(Debug, Deserialize)]
struct Line {
    action: String,
    id: Option<String>,
    position: Option<String>,
    #[serde(rename = "match")]
    matched: Option<String>,
}

/// What is known of a document.
#[derive(Debug)]
struct Fate {
    recalled: bool,
    /// Of a restored copy: the recalled document whose place it takes.
    original: Option<String>,
}

/// What a line of the corpus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// It was recalled.
    Recalled,
    /// Anything else.
    Nothing,
}

/// What became of all documents.
#[derive(Debug)]
pub(super) struct Fates {
    /// By id and position: ids alone may be shared, and so may positions of two dumps. In an order, for the list.
    documents: BTreeMap<(String, String), Fate>,
    /// Names of those that are recalled, and whether one was met.
    recalled: HashMap<String, bool>,
    /// Names of those that are restored.
    restored: HashSet<String>,
    /// Restored ones that are in the corpus.
    met: HashSet<String>,
    /// Lines that say something else.
    pub(super) passed_over: u64,
    /// What a topic gave, where one was read.
    pub(super) told: Option<Told>,
    by_position: bool,
}

impl Fates {
    /// Reads recalls, in the order of the files and after them those of a topic; names are positions or ids.
    pub(super) fn read(files: &[PathBuf], topic: Option<&Topic>, by_position: bool) -> Result<Self> {
        let mut fates = Self {
            documents: BTreeMap::new(),
            recalled: HashMap::new(),
            restored: HashSet::new(),
            met: HashSet::new(),
            passed_over: 0,
            told: None,
            by_position,
        };
        for file in files {
            fates.read_file(file).with_context(|| format!("recalls {}", file.display()))?;
        }
        if let Some(topic) = topic {
            fates.told = Some(fates.read_topic(topic).with_context(|| format!("recalls of topic {}", topic.name))?);
        }
        for ((id, position), fate) in &fates.documents {
            let name = if by_position { position } else { id };
            if fate.recalled {
                fates.recalled.insert(name.clone(), false);
            } else {
                fates.restored.insert(name.clone());
            }
        }
        Ok(fates)
    }

    fn read_file(&mut self, path: &Path) -> Result<()> {
        let limits = Limits { record_bytes_max: LINE_BYTES_MAX, ..Limits::default() };
        let reader = Reader::new(Box::new(File::open(path)?), &limits)?;
        let mut lines = JsonLines::new(reader, limits);
        let mut number = 0;
        while let Some(frame) = lines.next_frame()? {
            number += 1;
            // Nothing is guessed: a recall that is not understood would leave poison in the corpus.
            let line = match frame.payload {
                Payload::Line(line) => line,
                Payload::Bad(bad) => bail!("record {number}, at byte {}: {}", frame.byte_offset, bad.message),
                Payload::Warc { .. } | Payload::Joined { .. } | Payload::Arc { .. } | Payload::Row(_) | Payload::Html(_) => {
                    bail!("record {number}: expected a JSON line")
                }
            };
            let at = || format!("record {number}, at byte {}", frame.byte_offset);
            self.take(serde_json::from_slice(&line).with_context(at)?).with_context(at)?;
        }
        Ok(())
    }

    /// Everything committed that the topic holds now.
    fn read_topic(&mut self, topic: &Topic) -> Result<Told> {
        let (mut reader, removed) = JournalReader::of_topic(&topic.kafka, &topic.name)?;
        let mut told = Told { records: 0, removed };
        let progress = Progress::counting(reader.end(), "offsets of recalls");
        let mut heard = Instant::now();
        while let Some(records) = reader.poll_to_end(POLL)? {
            if !records.is_empty() {
                heard = Instant::now();
            } else if heard.elapsed() > topic.kafka.run_timeout {
                let (next, end) = (reader.next_offset(), reader.end());
                bail!("it gave records to offset {next}, expected to {end}, and no more came in {:?}", topic.kafka.run_timeout);
            }
            for (offset, value) in records {
                let at = || format!("offset {offset}");
                // A tombstone says nothing, and a stage writes none.
                self.take(serde_json::from_slice(&value).with_context(at)?).with_context(at)?;
                told.records += 1;
            }
            progress.show(reader.next_offset(), &format!("{} records, {} documents", told.records, self.documents.len()));
        }
        progress.done();
        Ok(told)
    }

    fn take(&mut self, line: Line) -> Result<()> {
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
        // The last word counts: a restored copy may be recalled in its turn.
        self.documents.insert((id, position), Fate { recalled, original: line.matched });
        Ok(())
    }

    /// How many names are recalled.
    pub(super) fn recalled(&self) -> usize {
        self.recalled.len()
    }

    /// What a line of this name is; it is remembered that it was met.
    pub(super) fn meet(&mut self, name: &str) -> Sought {
        if let Some(met) = self.recalled.get_mut(name) {
            *met = true;
            return Sought::Recalled;
        }
        if self.restored.contains(name) && !self.met.contains(name) {
            self.met.insert(name.to_owned());
        }
        Sought::Nothing
    }

    /// Recalled names that were not met.
    pub(super) fn missing(&self) -> usize {
        self.recalled.values().filter(|met| !**met).count()
    }

    /// A line for each restored copy that was not met: which and where it lies.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(lines: &[&str], by_position: bool) -> Result<Fates> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("recalls.jsonl");
        std::fs::write(&path, lines.join("\n")).expect("written");
        Fates::read(&[path], None, by_position)
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
    fn the_last_word_counts() {
        let mut fates = fates(&LINES, false).expect("read");
        assert_eq!((fates.recalled(), fates.passed_over), (3, 1));
        let met = ["a", "b", "c", "e", "a"].map(|name| fates.meet(name) == Sought::Recalled);
        assert_eq!(met, [true, false, true, false, true]);
        assert_eq!(fates.missing(), 1, "d");
        assert_eq!(fates.restores("dups"), Vec::<String>::new(), "b was met");
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
        assert_eq!(by_id.meet("a"), Sought::Recalled);
        let mut by_position = fates(&[LINES[0], other], true).expect("read");
        assert_eq!((by_position.meet("p#1"), by_position.meet("p#9")), (Sought::Recalled, Sought::Nothing));
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
        assert!(Fates::read(&["/nonexistent".into()], None, false).is_err());
    }
}
