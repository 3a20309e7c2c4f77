//! The list and what is written are one, and both are what dashboards and alerts name.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use connectors::kafka::SourceCounts;

use super::*;
use crate::watch::Watch;

/// A watch in which every metric has a series.
fn busy() -> Arc<Watch> {
    let watch = Watch::new("d\"i\\g", Duration::from_mins(1));
    watch.phase(ProcessPhase::Active);
    watch.received(20, 4_000);
    {
        let mut figures = watch.figures();
        figures.dead_letters.insert("json_invalid", 2);
        figures.recalls.insert("trigger_spike", 1);
    }
    let findings = [("near_dup/copy", 3), ("near_dup/copy/shadow", 4), ("unicode/mixed", 1)];
    watch.counts(&Counts {
        received: 14,
        clean: 5,
        quarantine: 4,
        duplicate: 2,
        dead_letters: 2,
        without_text: 1,
        recalled: 1,
        findings: findings.map(|(name, n)| (name.to_owned(), n)).into(),
        languages: [("tha".to_owned(), LanguageCounts { documents: 11, unjudged: 5, withheld: 4, recalled: 1 })].into(),
        ..Counts::default()
    });
    watch.state(&[("ledger", 1 << 20)]);
    watch.lag(&[("crawl/0", Some(12)), ("crawl.b/11", None), ("crawl.b/2", Some(0))]);
    watch.spent(&[("fold", "near_dup", Duration::from_millis(1))]);
    watch.spent(&[("fold", "near_dup", Duration::from_millis(4))]);
    watch.batch(1_024, Duration::from_millis(30));
    watch.snapshot(Duration::from_millis(80));
    watch.snapshot_bytes(999);
    watch.figures().disk.free = Some(5);
    watch.source(SourceCounts { tombstones: 3, headers_lost: 2, transport_errors: 1, ..SourceCounts::default() });
    watch
}

/// Series of an exposition: name and labels to value.
fn series(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let of = |line: &str| line.rsplit_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    lines.map(|line| of(line).unwrap_or_else(|| panic!("{line:?} is no series"))).collect()
}

/// The metric that a series belongs to.
fn metric_of(series: &str) -> &'static Metric {
    let name = series.split('{').next().unwrap_or(series);
    let of = |name: &str| METRICS.iter().find(|metric| metric.name == name);
    let histogram = || {
        let base = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
        of(base?).filter(|metric| metric.kind == MetricKind::Histogram)
    };
    of(name).or_else(histogram).unwrap_or_else(|| panic!("{series} is not in the list"))
}

#[test]
fn every_metric_is_exposed_and_no_other() {
    let watch = busy();
    let mut seen = BTreeSet::new();
    for phase in [
        ProcessPhase::Active,
        ProcessPhase::Restoring { done: 1, of: 2 },
        ProcessPhase::Standby { behind: 3 },
        ProcessPhase::Stopping,
    ] {
        watch.phase(phase);
        let text = watch.exposition();
        assert!(text.ends_with("# EOF\n") && !text.contains("{}"), "{text}");
        for name in series(&text).keys() {
            let metric = metric_of(name);
            let labels: Vec<&str> = name.split_once('{').map_or("", |(_, labels)| labels).split("\",").collect();
            let labels = labels.iter().filter_map(|label| Some(label.split_once('=')?.0)).filter(|label| *label != "le");
            assert_eq!(labels.collect::<Vec<_>>(), metric.labels, "{name}");
            seen.insert(metric.name);
        }
    }
    assert_eq!(seen, METRICS.iter().map(|metric| metric.name).collect());
}

#[test]
fn names_say_kind_and_unit() {
    for Metric { name, kind, unit, .. } in METRICS {
        assert!(name.starts_with("weir_"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == MetricKind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), *kind == MetricKind::Info, "{name}");
        for of in ["records", "bytes", "seconds"] {
            let named = name.trim_end_matches("_total").ends_with(&format!("_{of}"));
            assert_eq!(named, *unit == Some(of), "{name} has the unit {unit:?}");
        }
    }
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len(), "a name twice");
}

#[test]
fn figures_are_those_told() {
    let watch = busy();
    let text = watch.exposition();
    let series = series(&text);
    for (name, value) in [
        ("weir_documents_total{route=\"quarantine\"}", 4.0),
        ("weir_findings_total{operator=\"near_dup\",reason=\"copy\",state=\"enforce\"}", 3.0),
        ("weir_findings_total{operator=\"near_dup\",reason=\"copy\",state=\"shadow\"}", 4.0),
        ("weir_language_documents_total{language=\"tha\"}", 11.0),
        ("weir_language_withheld_total{language=\"tha\"}", 4.0),
        ("weir_language_recalled_total{language=\"tha\"}", 1.0),
        ("weir_language_unjudged_total{language=\"tha\"}", 5.0),
        ("weir_lag_records{topic=\"crawl\",partition=\"0\"}", 12.0),
        ("weir_lag_records{topic=\"crawl.b\",partition=\"2\"}", 0.0),
        ("weir_received_bytes_total", 4_000.0),
        ("weir_in_flight_records", 6.0),
        ("weir_unaccounted_records", 0.0),
        ("weir_config_info{digest=\"d\\\"i\\\\g\"}", 1.0),
        ("weir_commit_seconds_count", 1.0),
        ("weir_batch_documents_sum", 1_024.0),
        ("weir_stage_seconds_bucket{le=\"0.004\",stage=\"fold\",operator=\"near_dup\"}", 2.0),
        ("weir_snapshot_bytes", 999.0),
        ("weir_disk_free_bytes", 5.0),
        ("weir_disk_write_seconds", 0.0),
        ("weir_tombstones_total", 3.0),
        ("weir_lost_headers_total", 2.0),
        ("weir_transport_errors_total", 1.0),
        ("weir_phase{phase=\"active\"}", 1.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name} in\n{text}");
    }
    assert!(!text.contains("crawl.b\",partition=\"11"), "a lag that is not known is not shown");
}

#[test]
fn the_identity_shows_what_is_lost() {
    let watch = busy();
    watch.figures().dead_letters.clear();
    assert_eq!(series(&watch.exposition()).get("weir_unaccounted_records"), Some(&2.0));
}

/// Names in a text that are metrics or series of them.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("weir_")).collect()
}

#[test]
fn dashboard_and_alerts_name_metrics_that_are_there() {
    let dashboard = include_str!("../../../config/grafana.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
    let panels = parsed["panels"].as_array().expect("panels");
    let expressions = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let expressions: Vec<_> = expressions.map(|target| target["expr"].as_str().expect("an expression")).collect();
    assert!(expressions.iter().all(|expression| !named(expression).is_empty()), "{expressions:?}");
    let alerts = include_str!("../../../config/alerts.yml");
    for text in [dashboard, alerts] {
        assert!(named(text).len() > 5, "{:?}", named(text));
        for name in named(text) {
            // A histogram has no series of its bare name.
            assert!(metric_of(name).kind != MetricKind::Histogram || metric_of(name).name != name, "{name}");
        }
    }
    for alert in ["WeirLag", "WeirNoCommit", "WeirQuarantineShare", "WeirSnapshotAge"] {
        assert!(alerts.contains(&format!("- alert: {alert}\n")), "{alert}");
    }
}
