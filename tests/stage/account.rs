//! Checks what a group has written: was every record decided, once, and as an undisturbed run
//! decides it?
//!
//! The checks return an error and do not panic, because the tests of a broken protocol expect one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::Write as _,
    path::Path,
};

use serde_json::Value;
use testkit::broker::Consumed;

use crate::group::{Group, InputTopic, replay};

/// Prints a line of figures for those who read the tests' output.
pub(crate) fn print_figures(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "    {line}");
}

/// What a group has written, as a reader of committed records sees it.
pub(crate) struct Output {
    /// Records of `clean`, `quarantine` and `duplicates`, in this order of routes.
    documents: [Vec<Consumed>; 3],
    pub(crate) decisions: Vec<Vec<u8>>,
    /// Recalls and restores. Settled watermarks are left out: they decide nothing.
    pub(crate) recalls: Vec<Vec<u8>>,
    alarms: Vec<Vec<u8>>,
    pub(crate) dead_letters: Vec<Consumed>,
}

/// The routes, and the topics that hold their documents.
const ROUTES: [(&str, &str); 3] = [("clean", "clean"), ("quarantine", "quarantine"), ("duplicate", "duplicates")];

/// The code of a dead letter that stands for a decided document.
pub(crate) const TOO_LARGE: &str = "output_too_large";

/// The code of one that stands for a document which its topic refuses for something else.
pub(crate) const REFUSED: &str = "output_refused";

/// Tells whether a dead letter stands for a document that was decided.
fn is_in_place(record: &Consumed) -> bool {
    header(record, "weir-code").is_some_and(|code| [TOO_LARGE, REFUSED].contains(&&*code))
}

/// What was counted in an output.
pub(crate) struct Figures {
    pub(crate) decided: usize,
    pub(crate) dead_letters: usize,
    recalls: usize,
    duplicates: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decided, dead_letters, recalls, duplicates } = self;
        write!(
            f,
            "{decided} decided, {dead_letters} dead letters, {duplicates} duplicates, {recalls} recalls: 0 lost, 0 doubled, 0 \
             copies of themselves"
        )
    }
}

impl Output {
    pub(crate) fn of(group: &Group) -> Self {
        let read = |key: &str| group.client.consume_all(&group.topic(key));
        let values = |key: &str| read(key).into_iter().map(|record| record.value).collect::<Vec<_>>();
        let mut recalls = values("recalls");
        recalls.retain(|line| json(line)["action"] != "settled");
        Self {
            documents: ROUTES.map(|(_, topic)| read(topic)),
            decisions: values("decisions"),
            recalls,
            alarms: values("alarms"),
            dead_letters: read("dead_letters"),
        }
    }

    /// Returns the positions of dead letters that stand for records which are no documents.
    pub(crate) fn rejected(&self) -> impl Iterator<Item = String> {
        let rejected = self.dead_letters.iter().filter(|record| !is_in_place(record));
        rejected.filter_map(|record| header(record, "weir-position"))
    }

    /// Returns the positions of documents for which, by their decisions, a dead letter was written
    /// instead, and the positions of those dead letters.
    fn replaced(&self, decisions: &[Value]) -> [BTreeSet<String>; 2] {
        let stated = decisions.iter().filter(|decision| decision["dead_letter"].is_string());
        let found = self.dead_letters.iter().filter(|record| is_in_place(record));
        [
            stated.map(|decision| text(decision, "position")).collect(),
            found.map(|record| header(record, "weir-position").unwrap_or_default()).collect(),
        ]
    }

    /// Returns the positions that have a decision or a dead letter.
    pub(crate) fn positions(&self) -> impl Iterator<Item = String> {
        self.decisions.iter().map(|line| text(&json(line), "position")).chain(self.rejected())
    }

    /// Checks that nothing is lost, nothing is doubled and nothing is a copy of itself, and that
    /// every document is where its decision says, with its bytes.
    pub(crate) fn verify(&self, input: &InputTopic) -> Result<Figures, String> {
        let mut problems = Vec::new();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for position in self.positions() {
            *found.entry(position).or_default() += 1;
        }
        let mut expected = BTreeSet::new();
        for (partition, values) in input.values.iter().enumerate() {
            let records = values.iter().enumerate().filter(|(_, value)| value.is_some());
            expected.extend(records.map(|(offset, _)| format!("{}/{partition}/{offset}", input.topic)));
        }
        let lost: Vec<_> = expected.iter().filter(|position| !found.contains_key(*position)).collect();
        let doubled: Vec<_> = found.iter().filter(|(_, times)| **times > 1).map(|(position, _)| position).collect();
        let foreign: Vec<_> = found.keys().filter(|position| !expected.contains(*position)).collect();
        for (what, some) in [("lost", &lost), ("decided more than once", &doubled), ("never in the input", &foreign)] {
            if let Some(first) = some.first() {
                problems.push(format!("{} of {} records {what}, the first {first}", some.len(), expected.len()));
            }
        }
        problems.extend(self.wrong_documents(&self.values(input)));
        problems.extend(self.self_copies());
        let figures = Figures {
            decided: self.decisions.len(),
            dead_letters: self.dead_letters.len(),
            recalls: self.recalls.len(),
            duplicates: self.documents[2].len(),
        };
        if problems.is_empty() { Ok(figures) } else { Err(problems.join("; ")) }
    }

    /// Returns what each decided document was in the input, by its id.
    fn values<'a>(&self, input: &'a InputTopic) -> BTreeMap<String, &'a [u8]> {
        let mut values = BTreeMap::new();
        for decision in self.decisions.iter().map(|line| json(line)) {
            let position = text(&decision, "position");
            let mut parts = position.rsplit('/').filter_map(|part| part.parse::<usize>().ok());
            if let (Some(offset), Some(partition)) = (parts.next(), parts.next()) {
                values.insert(text(&decision, "id"), input.value(partition, offset as u64));
            }
        }
        values
    }

    /// Returns the documents that are not where their decisions say, or not with the bytes they
    /// came with, which `values` has by their ids.
    pub(crate) fn wrong_documents(&self, values: &BTreeMap<String, &[u8]>) -> Vec<String> {
        let mut problems = Vec::new();
        let lines = self.decisions.iter().map(|line| json(line)).collect::<Vec<_>>();
        let [stated, found] = self.replaced(&lines);
        if stated != found {
            problems
                .push(format!("decisions say that dead letters are in place of {stated:?}, and there are those of {found:?}"));
        }
        let mut seqnos = BTreeSet::new();
        for ((route, topic), records) in ROUTES.iter().zip(&self.documents) {
            let forwarded = lines.iter().filter(|d| d["route"] == *route && d["dead_letter"].is_null());
            let mut wanted: Vec<String> = forwarded.map(|d| text(d, "id")).collect();
            let mut got: Vec<String> = records.iter().filter_map(|record| header(record, "weir-decision-id")).collect();
            wanted.sort_unstable();
            got.sort_unstable();
            if got != wanted {
                problems.push(format!("{topic} holds {} records, its decisions are {}", got.len(), wanted.len()));
            }
            for record in records {
                let id = header(record, "weir-decision-id").unwrap_or_default();
                if values.get(&id) != Some(&&record.value[..]) {
                    problems.push(format!("{topic}: the bytes of {id} are not those of the input"));
                }
                let seqno = header(record, "weir-ordinal").unwrap_or_default();
                if !seqnos.insert(seqno.clone()) {
                    problems.push(format!("{topic}: two documents have sequence number {seqno}"));
                }
            }
        }
        problems.truncate(5);
        problems
    }

    /// Returns the documents that were called copies of themselves.
    pub(crate) fn self_copies(&self) -> Option<String> {
        let is_own = |decision: &Value| {
            decision["findings"].as_array().is_some_and(|all| all.iter().any(|finding| finding["match"] == decision["id"]))
        };
        let count = self.decisions.iter().filter(|line| is_own(&json(line))).count();
        (count > 0).then(|| format!("{count} documents are called copies of themselves"))
    }

    /// Checks that another group over the same input wrote the same, byte by byte.
    pub(crate) fn same_as(&self, other: &Self) -> Result<(), String> {
        for (what, got, expected) in [
            ("decisions", &self.decisions, &other.decisions),
            ("recalls", &self.recalls, &other.recalls),
            ("alarms", &self.alarms, &other.alarms),
        ] {
            same(what, got, expected, |line| String::from_utf8_lossy(line).into_owned())?;
        }
        let [got, expected] = [self, other].map(|output| output.dead_letters.iter().map(placeless).collect::<Vec<_>>());
        same("dead letters", &got, &expected, |record| format!("{record:?}"))
    }

    /// Checks that `weir replay` decides the same of the same records, in the order in which this
    /// group has read them. Positions and provenance differ and are not compared.
    pub(crate) fn same_as_replayed(&self, group: &Group, input: &InputTopic) -> Result<(), String> {
        let order = group.reading_order();
        let home = replay(order.iter().map(|&(partition, offset)| input.value(partition, offset)));
        let show = |line: &Value| line.to_string();
        for (file, lines) in [("decisions", &self.decisions), ("recalls", &self.recalls)] {
            let got: Vec<Value> = lines.iter().map(|line| without_place(line)).collect();
            same(file, &got, &lines_of(home.path(), file), show)?;
        }
        let codes = |record: &Consumed| Value::from(header(record, "weir-code"));
        let got: Vec<Value> = self.dead_letters.iter().map(codes).collect();
        let expected: Vec<_> = lines_of(home.path(), "dead-letters").into_iter().map(|line| line["code"].clone()).collect();
        same("dead letters", &got, &expected, show)
    }
}

/// Returns the lines of a file that a replay wrote, without the fields that name the input.
fn lines_of(home: &Path, file: &str) -> Vec<Value> {
    let bytes = fs::read(home.join(format!("out/{file}.jsonl"))).expect("a file of the replay");
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(without_place).collect()
}

fn without_place(line: &[u8]) -> Value {
    let mut line = json(line);
    let fields = line.as_object_mut().expect("an object");
    fields.remove("position");
    fields.remove("provenance");
    line
}

/// Returns the record without its partition and offset.
fn placeless(record: &Consumed) -> Consumed {
    Consumed { partition: 0, offset: 0, ..record.clone() }
}

fn same<T: PartialEq>(what: &str, got: &[T], expected: &[T], show: impl Fn(&T) -> String) -> Result<(), String> {
    if let Some(at) = (0..got.len().min(expected.len())).find(|&at| got[at] != expected[at]) {
        return Err(format!("{what} {at} differs:\n got {}\nwant {}", show(&got[at]), show(&expected[at])));
    }
    if got.len() == expected.len() {
        return Ok(());
    }
    Err(format!("{what}: got {}, expected {}", got.len(), expected.len()))
}

/// Returns a header's value.
pub(crate) fn header(record: &Consumed, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().rev().find(|(of, _)| of == name)?;
    Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
}

/// Parses a line that the stage wrote.
pub(crate) fn json(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)))
}

/// Returns a string of a line.
pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}")).to_owned()
}
