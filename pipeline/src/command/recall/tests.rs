use super::*;

const RECALLS: &str = r#"{"v":1,"action":"recall","id":"bad","position":"t/0/1","operator":"o","reason":"r"}
{"v":1,"action":"recall","id":"7","position":"t/0/2","operator":"o","reason":"r"}
{"v":1,"action":"recall","id":"gone","position":"t/0/3","operator":"o","reason":"r"}
{"v":1,"action":"restore","id":"copy","position":"t/0/4","operator":"engine","reason":"r","match":"bad"}
"#;

/// Five documents in two schemas, one without an id, one that is none; CRLF and no line break at
/// the end.
const CORPUS: &str = concat!(
    "{\"id\":\"bad\",\"text\":\"x\"}\r\n",
    "{\"text\":\"no id\",\"position\":\"t/0/3\"}\n",
    "not json\n",
    "{ \"id\": 7, \"text\": \"y\", \"metadata\": {}, \"added\": \"2024\" }\n",
    "\n",
    "{\"id\":\"good\",\"text\":\"z\",\"position\":\"t/0/1\"}",
);
const KEPT: &str =
    "{\"text\":\"no id\",\"position\":\"t/0/3\"}\nnot json\n\n{\"id\":\"good\",\"text\":\"z\",\"position\":\"t/0/1\"}";

struct Case {
    folder: tempfile::TempDir,
    apply: Apply,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("corpus")).expect("made");
        fs::write(path("corpus/a.jsonl"), CORPUS).expect("written");
        fs::write(path("corpus/b.jsonl"), "{\"id\":\"fine\",\"text\":\"z\"}\n").expect("written");
        fs::write(path("recalls.jsonl"), RECALLS).expect("written");
        let apply = Apply {
            corpus: vec![path("corpus")],
            recalls: vec![path("recalls.jsonl")],
            recalls_topic: None,
            by: By::Id,
            removed: Some(path("removed")),
            dry_run: false,
        };
        Self { folder, apply }
    }

    fn run(&self) -> Result<(RecallReport, Vec<String>)> {
        self.apply.run(&Config::default(), None)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("there")
    }

    #[track_caller]
    fn refused(&self, why: &str) {
        let error = format!("{:#}", self.run().expect_err("refused"));
        assert!(error.contains(why), "{error}");
        assert_eq!(self.read("corpus/a.jsonl"), CORPUS, "nothing was changed");
    }
}

#[test]
fn recalled_documents_go_once() {
    let case = Case::new();
    let (report, restores) = case.run().expect("applied");
    assert_eq!((report.recalled, report.missing, report.files, report.changed), (3, 1, 2, 1));
    assert_eq!((report.removed, report.kept, report.nameless), (2, 5, 2), "{}", report.table(false));
    assert!(restores.last().expect("a list").contains("restore copy from t/0/4, in place of bad"), "{restores:?}");
    assert_eq!(case.read("corpus/a.jsonl"), KEPT);
    let (again, _) = case.run().expect("applied");
    assert_eq!((again.removed, again.changed, again.missing), (0, 0, 3));
    assert_eq!(case.read("corpus/a.jsonl"), KEPT);
}

#[test]
fn a_dry_run_changes_nothing_and_needs_no_folder() {
    let mut case = Case::new();
    (case.apply.dry_run, case.apply.removed) = (true, None);
    let (report, _) = case.run().expect("counted");
    assert_eq!((report.removed, report.changed), (2, 1));
    assert_eq!(case.read("corpus/a.jsonl"), CORPUS);
    assert!(report.table(true).contains("lines that would go"));
}

#[test]
fn positions_are_names_as_well() {
    let mut case = Case::new();
    case.apply.by = By::Position;
    let (report, _) = case.run().expect("applied");
    assert_eq!((report.removed, report.missing), (2, 1));
    assert_eq!(case.read("corpus/a.jsonl").lines().count(), 4);
    assert!(!case.read("corpus/a.jsonl").contains("good") && case.read("corpus/a.jsonl").contains("bad"));
}

#[test]
fn what_would_destroy_something_is_refused() {
    let mut case = Case::new();
    case.apply.removed = Some(case.folder.path().join("corpus/removed"));
    case.refused("lies in the corpus");
    case = Case::new();
    fs::rename(case.folder.path().join("recalls.jsonl"), case.folder.path().join("corpus/recalls.jsonl")).expect("moved");
    case.apply.recalls = vec![case.folder.path().join("corpus/recalls.jsonl")];
    case.refused("is among the corpus");
    case = Case::new();
    fs::create_dir(case.folder.path().join("corpus/.weir")).expect("made");
    fs::write(case.folder.path().join("corpus/.weir/run.json"), "{}").expect("written");
    case.refused("is the output of a replay");
    case = Case::new();
    case.apply.corpus.push("-".into());
    case.refused("expected files and folders");
    case = Case::new();
    fs::write(case.folder.path().join("recalls.jsonl"), format!("{RECALLS}{{\"action\":\"recall\"}}\n")).expect("written");
    case.refused("record 5, at byte");
}

#[test]
fn one_bad_file_spares_the_others() {
    let case = Case::new();
    let path = |name: &str| case.folder.path().join("corpus").join(name);
    fs::write(path("0.jsonl.gz"), b"\x1f\x8b\x08damaged").expect("written");
    fs::write(path("c.warc"), "WARC/1.0\r\n").expect("written");
    let (report, _) = case.run().expect("applied");
    assert_eq!((report.problems.len(), report.removed), (2, 2), "{:?}", report.problems);
    assert_eq!(case.read("corpus/a.jsonl"), KEPT);
}

#[test]
fn only_the_document_that_is_meant_goes_where_ids_are_shared() {
    let case = Case::new();
    let path = |name: &str| case.folder.path().join(name);
    let line = |host: &str, text: &str| format!("{{\"id\":\"1\",\"url\":\"http://{host}/\",\"text\":\"{text}\"}}\n");
    let recall = |position: &str, domain: &str| {
        format!("{{\"action\":\"recall\",\"id\":\"1\",\"position\":\"{position}\",\"domain\":\"{domain}\"}}\n")
    };
    let (bad, good) = (line("www.one.example", "x"), line("two.example", "y"));
    fs::write(path("corpus/a.jsonl"), format!("{bad}{good}")).expect("written");
    fs::write(path("corpus/b.jsonl"), &good).expect("written");
    fs::write(path("recalls.jsonl"), recall("t/0/1", "one.example")).expect("written");
    for removed in [1, 0] {
        let (report, _) = case.run().expect("applied");
        assert_eq!((report.removed, report.problems.len()), (removed, 0), "{:?}", report.problems);
        assert_eq!((case.read("corpus/a.jsonl"), case.read("corpus/b.jsonl")), (good.clone(), good.clone()));
    }
    // Two documents of one publisher, of which one is recalled.
    fs::write(path("corpus/b.jsonl"), line("two.example", "another")).expect("written");
    fs::write(path("recalls.jsonl"), recall("t/0/2", "two.example")).expect("written");
    let (report, _) = case.run().expect("applied");
    assert_eq!(report.removed, 0);
    assert!(report.problems[0].contains("2 lines share the ids of recalled documents, \"1\" first"), "{:?}", report.problems);
    // Both are.
    fs::write(path("recalls.jsonl"), recall("t/0/2", "two.example") + &recall("t/0/3", "two.example")).expect("written");
    let (report, _) = case.run().expect("applied");
    assert_eq!((report.removed, report.problems.len()), (2, 0));
}
