//! Does each alert fire in its situation, and no other one with it? Prometheus's own `promtool`
//! says so.
//!
//! A day of the usual comes first. A situation begins in minute 1,500 or later, and is looked at in
//! minute 1,555.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

/// Every alert, with its severity and the labels that it has beside `job`.
const ALERTS: &[(&str, &str, &[&str])] = &[
    ("WeirLag", "warning", &[]),
    ("WeirNoCommit", "critical", &[]),
    ("WeirNoActiveProcess", "critical", &[]),
    ("WeirQuarantineShare", "warning", &[]),
    ("WeirRecalls", "info", &["operator"]),
    ("WeirDeadLetterShare", "warning", &[]),
    ("WeirSnapshotAge", "warning", &["instance"]),
    ("WeirUnaccounted", "critical", &["instance"]),
    ("WeirOperatorFailed", "warning", &["operator"]),
];

const CLEAN: &str = "weir_documents_total{route=\"clean\"}";
const QUARANTINE: &str = "weir_documents_total{route=\"quarantine\"}";
const DUPLICATE: &str = "weir_documents_total{route=\"duplicate\"}";
const RECEIVED: &str = "weir_received_records_total";
const DEAD_LETTERS: &str = "weir_dead_letters_total{code=\"json_invalid\"}";
const COMMITS: &str = "weir_commit_seconds_count";
const LAG: &str = "weir_lag_records{topic=\"crawl\",partition=\"0\"}";
const ACTIVE: &str = "weir_phase{phase=\"active\"}";
const SNAPSHOT_AGE: &str = "weir_snapshot_age_seconds";
const UNACCOUNTED: &str = "weir_unaccounted_records";
const RECALLS: &str = "weir_recalls_total{operator=\"trigger_spike\"}";
const FAILED: &str = "weir_findings_total{operator=\"near_dup\",reason=\"operator_failed\",state=\"enforce\"}";

/// What a process of an ordinary day shows, minute by minute, in promtool's notation.
const USUAL: &[(&str, &str)] = &[
    (CLEAN, "0+5400x1560"),
    (QUARANTINE, "0+60x1560"),
    (DUPLICATE, "0+540x1560"),
    (RECEIVED, "0+6060x1560"),
    (DEAD_LETTERS, "0+60x1560"),
    (COMMITS, "0+60x1560"),
    (LAG, "200+0x1560"),
    (ACTIVE, "1+0x1560"),
    (SNAPSHOT_AGE, "300+0x1560"),
    (UNACCOUNTED, "0+0x1560"),
    (RECALLS, "40+0x1560"),
    (FAILED, "1+0x1560"),
];

/// Nothing is decided any more.
const STANDSTILL: [(&str, &str); 5] = [
    (CLEAN, "0+5400x1499 8094600+0x60"),
    (QUARANTINE, "0+60x1499 89940+0x60"),
    (DUPLICATE, "0+540x1499 809460+0x60"),
    (RECEIVED, "0+6060x1499 9083940+0x60"),
    (DEAD_LETTERS, "0+60x1499 89940+0x60"),
];

/// A name, what differs from the usual, and the alert that fires, with its summary.
type Situation = (&'static str, Vec<(&'static str, &'static str)>, Option<(&'static str, &'static str)>);

fn situations() -> Vec<Situation> {
    let stuck = [&STANDSTILL[..], &[(COMMITS, "0+60x1499 89940+0x60")]].concat();
    let quiet = [&STANDSTILL[..], &[(LAG, "0+0x1560"), (SNAPSHOT_AGE, "300+0x1499 360+60x60")]].concat();
    let gone = USUAL.iter().map(|(name, _)| (*name, "1+0x1499 stale")).collect();
    vec![
        ("the usual", vec![], None),
        (
            "more records wait all the time",
            vec![(LAG, "200+0x1499 200+9000x60")],
            Some(("WeirLag", "weir: 495200 records wait, and there are more of them all the time")),
        ),
        ("many records wait, and they become fewer", vec![(LAG, "200+0x1499 900000-9000x60")], None),
        (
            "the commit is stuck",
            stuck,
            Some(("WeirNoCommit", "weir: records wait and nothing has been committed for ten minutes")),
        ),
        ("a quiet input, heartbeats alone", quiet, None),
        (
            "a standby is left, and does not take over",
            vec![(ACTIVE, "1+0x1499 0+0x60")],
            Some(("WeirNoActiveProcess", "weir: no process is active")),
        ),
        ("every process is gone", gone, Some(("WeirNoActiveProcess", "weir: no process is active"))),
        (
            "ten times as many documents are withheld",
            vec![(QUARANTINE, "0+60x1499 89940+600x60")],
            Some(("WeirQuarantineShare", "weir: 9.174% of the documents are withheld, three times more than in the last day")),
        ),
        (
            "the first recalls of a process",
            vec![(RECALLS, "_x1545 30+0x14")],
            Some(("WeirRecalls", "weir: trigger_spike has recalled 30 documents")),
        ),
        (
            "more recalls",
            vec![(RECALLS, "40+0x1549 70+0x10")],
            Some(("WeirRecalls", "weir: trigger_spike has recalled 30 documents")),
        ),
        (
            "a twelfth of the records is broken",
            vec![(DEAD_LETTERS, "0+60x1499 89940+505x60")],
            Some(("WeirDeadLetterShare", "weir: 8.333% of the records are no documents")),
        ),
        (
            "no snapshot for hours",
            vec![(SNAPSHOT_AGE, "300+0x1099 360+60x460")],
            Some(("WeirSnapshotAge", "a: the last snapshot is 7h 41m 0s old")),
        ),
        (
            "a record is not accounted for",
            vec![(UNACCOUNTED, "0+0x1549 1+0x10")],
            Some(("WeirUnaccounted", "a: 1 records are not accounted for; this is a defect of weir")),
        ),
        (
            "an operator fails for the first time",
            vec![(FAILED, "_x1549 1+0x10")],
            Some(("WeirOperatorFailed", "weir: near_dup has failed on 1 documents, which were withheld")),
        ),
    ]
}

/// The situations in promtool's notation.
fn tests(rules: &Path) -> String {
    let mut text = format!("rule_files: [{:?}]\nevaluation_interval: 5m\ntests:\n", rules.display().to_string());
    let mut say = |line: String| writeln!(text, "{line}").expect("a string");
    for (name, differs, fires) in situations() {
        let mut series: BTreeMap<&str, &str> = USUAL.iter().copied().collect();
        series.extend(differs);
        say(format!("- name: {name}\n  interval: 1m\n  input_series:"));
        for (name, values) in series {
            let name = match name.strip_suffix('}') {
                Some(name) => format!("{name},job=\"weir\",instance=\"a\"}}"),
                None => format!("{name}{{job=\"weir\",instance=\"a\"}}"),
            };
            say(format!("  - {{ series: '{name}', values: '{values}' }}"));
        }
        say("  alert_rule_test:".to_owned());
        for (alert, severity, labels) in ALERTS {
            let expected = fires.filter(|(fires, _)| fires == alert).map(|(_, summary)| {
                let operator = if *alert == "WeirOperatorFailed" { "near_dup" } else { "trigger_spike" };
                let value = |label: &str| if label == "instance" { "a" } else { operator };
                let more = labels.iter().map(|label| format!("{label}: {}", value(label)));
                let labels: Vec<_> = ["job: weir".to_owned(), format!("severity: {severity}")].into_iter().chain(more).collect();
                format!("{{ exp_labels: {{ {} }}, exp_annotations: {{ summary: {summary:?} }} }}", labels.join(", "))
            });
            let expected = expected.unwrap_or_default();
            say(format!("  - {{ eval_time: 25h55m, alertname: {alert}, exp_alerts: [{expected}] }}"));
        }
    }
    text
}

/// Finds promtool.
pub(crate) fn promtool() -> Result<(), &'static str> {
    let found = Command::new("promtool").arg("--version").output().is_ok_and(|output| output.status.success());
    if found { Ok(()) } else { Err("there is no promtool: Debian's package prometheus has it") }
}

pub(crate) fn each_alert_fires_in_its_situation((): ()) {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/alerts.yml");
    let text = fs::read_to_string(&rules).expect("the rules");
    let named: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(named, ALERTS.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), "each alert is tested");
    for (alert, ..) in ALERTS {
        assert!(situations().iter().any(|(.., fires)| fires.is_some_and(|(fires, _)| fires == *alert)), "{alert}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tests.yml");
    fs::write(&path, tests(&rules.canonicalize().expect("the rules"))).expect("written");
    let output = Command::new("promtool").args(["test", "rules"]).arg(&path).output().expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
