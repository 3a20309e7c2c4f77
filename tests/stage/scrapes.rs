//! A scripted life is scraped: is every figure that dashboard and alerts name there, with the value
//! that a count of the topics gives, and do the probes say what an orchestrator should do?

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use testkit::broker::{Client, Cluster};

use crate::{
    account::{header, json, print_figures, text},
    group::{Group, InputTopic},
    process::{LONG, Process},
    signals::{free_port, get, scrape, sum, wait_scraped},
};

/// What the topics hold, counted as the metrics count.
#[derive(Clone, Debug, Default)]
struct Counted(BTreeMap<String, i64>);

impl Counted {
    fn of(client: &Client, group: &Group) -> Self {
        let mut counted = Self::default();
        let read = |key: &str| client.consume_all(&group.topic(key));
        for record in read("decisions") {
            let decision = json(&record.value);
            if decision["dead_letter"].is_null() {
                counted.add(format!("weir_documents_total{{route=\"{}\"}}", text(&decision, "route")));
            }
            for finding in decision["findings"].as_array().into_iter().flatten() {
                let [operator, reason] = ["operator", "reason"].map(|key| text(finding, key));
                let state = finding["mode"].as_str().unwrap_or("enforce");
                counted.add(format!("weir_findings_total{{operator=\"{operator}\",reason=\"{reason}\",state=\"{state}\"}}"));
            }
        }
        for record in read("dead_letters") {
            let code = header(&record, "weir-code").unwrap_or_default();
            counted.add(format!("weir_dead_letters_total{{code=\"{code}\"}}"));
        }
        for record in read("recalls") {
            let line = json(&record.value);
            match &*text(&line, "action") {
                "recall" => counted.add(format!("weir_recalls_total{{operator=\"{}\"}}", text(&line, "operator"))),
                "restore" => counted.add("weir_restores_total".to_owned()),
                _ => {}
            }
        }
        counted
    }

    fn add(&mut self, series: String) {
        *self.0.entry(series).or_default() += 1;
    }

    /// What has come since an earlier count.
    fn since(&self, before: &Self) -> Self {
        let more = |(series, count): (&String, &i64)| (series.clone(), count - before.0.get(series).unwrap_or(&0));
        Self(self.0.iter().map(more).filter(|(_, count)| *count > 0).collect())
    }

    /// Compares every series of these metrics with a scrape.
    fn expect(&self, series: &BTreeMap<String, i64>, whose: &str) {
        for metric in [
            "weir_documents_total",
            "weir_findings_total",
            "weir_dead_letters_total",
            "weir_recalls_total",
            "weir_restores_total",
        ] {
            let of = |all: &BTreeMap<String, i64>| -> BTreeMap<String, i64> {
                let is_it = |(name, count): &(&String, &i64)| name.split('{').next() == Some(metric) && **count > 0;
                all.iter().filter(is_it).map(|(name, count)| (name.clone(), *count)).collect()
            };
            assert_eq!(of(series), of(&self.0), "{metric} of {whose}, expected what the topics hold");
        }
    }
}

/// Every metric that the dashboard and the alerts name.
fn named() -> Vec<String> {
    let texts = [include_str!("../../config/grafana.json"), include_str!("../../config/alerts.yml")].concat();
    let words = texts.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut names: Vec<String> = words.filter(|word| word.starts_with("weir_")).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn probes(port: u16) -> (u16, u16) {
    (get(port, "/livez").0, get(port, "/readyz").0)
}

fn wait_probes(port: u16, process: &mut Process, expected: (u16, u16), what: &str) {
    let begun = Instant::now();
    while probes(port) != expected {
        let (live, ready) = (get(port, "/livez"), get(port, "/readyz"));
        assert!(
            begun.elapsed() < LONG && process.ended().is_none(),
            "{what}: {live:?} {ready:?}, expected {expected:?}: {}",
            process.log()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn a_scripted_life_is_told_by_its_metrics(cluster: &Cluster) {
    let client = &cluster.client();
    let ports = [free_port(), free_port()];
    let listen = ports.map(|port| format!("metrics.listen=127.0.0.1:{port}"));
    let mut input = InputTopic::of(client, 121, 900, 2);
    let group = Group::new(&input, "scraped");
    let mut first = group.begin(group.command_with("a", &[&listen[0]]));
    first.wait_active();
    group.wait_done(&input, &mut first);
    let decided = Counted::of(client, &group);
    for what in ["weir_recalls_total", "weir_documents_total{route=\"quarantine\"}", "weir_documents_total{route=\"duplicate\"}"]
    {
        assert!(decided.0.keys().any(|series| series.starts_with(what)), "the input tests nothing: {what}");
    }
    let records = (input.values.iter().map(Vec::len).sum::<usize>()) as i64;
    let series = wait_scraped(ports[0], &mut first, "the last batch", |series| {
        sum(series, "weir_received_records_total") == records && sum(series, "weir_lag_records") == 0
    });
    decided.expect(&series, "the first process");
    let bytes = input.values.iter().flatten().flatten().map(|value| value.len() as i64).sum::<i64>();
    assert_eq!(sum(&series, "weir_received_bytes_total"), bytes);
    assert_eq!((sum(&series, "weir_unaccounted_records"), sum(&series, "weir_in_flight_records")), (0, 0), "{series:#?}");
    let languages = sum(&series, "weir_language_documents_total");
    assert_eq!(languages, sum(&decided.0, "weir_documents_total"), "{series:#?}");
    // A snapshot was taken, and commits were counted.
    let series = wait_scraped(ports[0], &mut first, "a snapshot", |series| sum(series, "weir_snapshot_bytes") > 0);
    assert!(sum(&series, "weir_commit_seconds_count") > 0 && sum(&series, "weir_snapshot_stop_seconds_count") > 0, "{series:#?}");
    let text = get(ports[0], "/metrics").1;
    for name in named() {
        let is_it = |line: &str| line.split(['{', ' ']).next() == Some(&*name);
        // Of a standby and of a restoring process.
        let elsewhere = ["weir_standby_behind_records", "weir_restore_records", "weir_restore_done_records"].contains(&&*name);
        assert!(elsewhere || text.lines().any(is_it), "{name}, which dashboard or alerts name, is not there:\n{text}");
    }

    // A standby under other rules follows, and takes over from a process that is killed.
    let mut command = group.command_with("b", &[&listen[1], "operators.near_dup.mode=shadow"]);
    command.arg("--from-journal");
    let mut second = group.begin(command);
    second.wait_logged(" standby");
    wait_probes(ports[1], &mut second, (200, 200), "a standby that has caught up");
    let series = scrape(ports[1]);
    assert!(series.contains_key("weir_standby_behind_records"), "{series:#?}");
    assert_eq!(sum(&series, "weir_received_records_total"), 0, "a standby has received nothing itself");
    assert_eq!(probes(ports[0]), (200, 200), "the active process");
    first.kill();
    second.wait_active();
    input.add(122, 300);
    group.wait_done(&input, &mut second);
    let all = Counted::of(client, &group);
    let here = (input.values.iter().map(Vec::len).sum::<usize>()) as i64 - records;
    let series =
        wait_scraped(ports[1], &mut second, "the last batch", |series| sum(series, "weir_received_records_total") == here);
    all.since(&decided).expect(&series, "the second process");
    assert_eq!(series.get("weir_phase{phase=\"active\"}"), Some(&1), "{series:#?}");
    assert_eq!(sum(&series, "weir_unaccounted_records"), 0);

    // The broker stands still: the commit is stuck, the process waits for it, and ending it would not help.
    cluster.freeze(0);
    let waits = wait_scraped(ports[1], &mut second, "a commit that waits", |series| sum(series, "weir_waiting_seconds") >= 2);
    assert_eq!(probes(ports[1]), (200, 200), "{waits:#?}");
    assert!(get(ports[1], "/livez").1.contains("waiting_for_broker"));
    cluster.thaw(0);
    input.add(123, 100);
    group.wait_done(&input, &mut second);
    wait_scraped(ports[1], &mut second, "the end of the wait", |series| sum(series, "weir_lag_records") == 0);
    second.stop();
    print_figures(&format!(
        "{} series counted in two processes, as in the topics; {} metrics named and there",
        all.0.len(),
        named().len()
    ));
}
