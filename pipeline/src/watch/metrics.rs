//! Which metrics are there, and how are they written?
//!
//! [`METRICS`] is one list, in which each metric holds the function that writes it. So no metric
//! can be listed and not written, or written and not listed.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::{figures::Figures, phase::ProcessPhase};
use crate::engine::{Counts, LanguageCounts};

/// What the values of a metric mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A count that only grows, from 0 at the start of the process.
    Counter,
    /// A value as it is now.
    Gauge,
    /// How many values were at most so large, for each of several bounds.
    Histogram,
    /// The constant 1, for the sake of its labels.
    Info,
}

/// One metric.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The full name, as queries use it. The series of a histogram add `_bucket`, `_sum` and
    /// `_count`.
    pub name: &'static str,
    /// What its values mean.
    pub kind: MetricKind,
    /// The unit, where it is part of the name.
    pub unit: Option<&'static str>,
    /// The labels of each series.
    pub labels: &'static [&'static str],
    /// The meaning, in words.
    pub help: &'static str,
    write: fn(&Scrape<'_>, &mut SeriesWriter<'_>) -> fmt::Result,
}

/// The values at one moment, from which metrics are written.
struct Scrape<'a> {
    config_digest: &'a str,
    figures: &'a Figures,
    /// What this process has counted.
    counted: Counts,
    in_flight: u64,
    now: Instant,
}

/// Writes the series of one metric.
struct SeriesWriter<'a> {
    labels: &'static [&'static str],
    encoder: Option<MetricEncoder<'a>>,
}

impl<'a> SeriesWriter<'a> {
    /// Writes the series with these label values.
    fn series(&mut self, values: &[&str], metric: &impl EncodeMetric) -> fmt::Result {
        if self.labels.is_empty() {
            // The only series. As a family without labels it would be written with empty braces.
            return metric.encode(self.encoder.take().ok_or(fmt::Error)?);
        }
        let labels: Vec<(&str, &str)> = self.labels.iter().copied().zip(values.iter().copied()).collect();
        metric.encode(self.encoder()?.encode_family(&labels)?)
    }

    fn encoder(&mut self) -> Result<&mut MetricEncoder<'a>, fmt::Error> {
        self.encoder.as_mut().ok_or(fmt::Error)
    }

    fn count(&mut self, values: &[&str], count: u64) -> fmt::Result {
        self.series(values, &ConstCounter::new(count))
    }

    fn gauge(&mut self, values: &[&str], value: u64) -> fmt::Result {
        self.series(values, &ConstGauge::new(value))
    }
}

const fn metric(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
    write: fn(&Scrape<'_>, &mut SeriesWriter<'_>) -> fmt::Result,
) -> Metric {
    Metric { name, kind, unit: None, labels, help, write }
}

impl Metric {
    const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Returns the name without the endings that the library adds itself.
    fn base(&self) -> &'static str {
        let base = self.name.trim_end_matches("_total").trim_end_matches("_info");
        match self.unit {
            Some(unit) => base.strip_suffix(unit).and_then(|base| base.strip_suffix('_')).unwrap_or(base),
            None => base,
        }
    }

    /// Returns the library's name for the kind.
    fn kind_of_library(&self) -> MetricType {
        match self.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
            MetricKind::Info => MetricType::Info,
        }
    }
}

/// Every metric of weir.
pub const METRICS: &[Metric] = &[
    metric("weir_received_records_total", MetricKind::Counter, &[], "Records taken from the input", |s, w| {
        w.count(&[], s.figures.received)
    })
    .in_unit("records"),
    metric("weir_received_bytes_total", MetricKind::Counter, &[], "Bytes of the records taken from the input", |s, w| {
        w.count(&[], s.figures.received_bytes)
    })
    .in_unit("bytes"),
    metric(
        "weir_lost_records_total",
        MetricKind::Counter,
        &[],
        "Offsets of the input that were gone before they were read, as --accept-loss allowed",
        |s, w| w.count(&[], s.figures.lost),
    )
    .in_unit("records"),
    metric(
        "weir_tombstones_total",
        MetricKind::Counter,
        &[],
        "Records of the input without a value, which are passed over and are no received records",
        |s, w| w.count(&[], s.figures.source.tombstones),
    ),
    metric("weir_lost_headers_total", MetricKind::Counter, &[], "Headers left out because their names are not UTF-8", |s, w| {
        w.count(&[], s.figures.source.headers_lost)
    }),
    metric(
        "weir_transport_errors_total",
        MetricKind::Counter,
        &[],
        "Troubles with brokers while reading that the client has recovered from by itself",
        |s, w| w.count(&[], s.figures.source.transport_errors),
    ),
    metric("weir_documents_total", MetricKind::Counter, &["route"], "Documents committed, by where they went", |s, w| {
        w.count(&["clean"], s.counted.clean)?;
        w.count(&["quarantine"], s.counted.quarantine)?;
        w.count(&["duplicate"], s.counted.duplicate)
    }),
    metric(
        "weir_dead_letters_total",
        MetricKind::Counter,
        &["code"],
        "Records that are no documents, and documents too large for their topics, by why",
        |s, w| s.figures.dead_letters.iter().try_for_each(|(code, count)| w.count(&[code], *count)),
    ),
    metric("weir_without_text_total", MetricKind::Counter, &[], "Sound records without text, such as revisits", |s, w| {
        w.count(&[], s.counted.without_text)
    }),
    metric(
        "weir_returned_records_total",
        MetricKind::Counter,
        &[],
        "Records given back undecided when a batch was aborted; they come again and are received again",
        |s, w| w.count(&[], s.figures.returned),
    )
    .in_unit("records"),
    metric("weir_in_flight_records", MetricKind::Gauge, &[], "Records received, and neither committed nor returned", |s, w| {
        w.gauge(&[], s.in_flight)
    })
    .in_unit("records"),
    metric(
        "weir_unaccounted_records",
        MetricKind::Gauge,
        &[],
        "Received less routes, dead letters, without text, returned and in flight: anything but 0 is a defect",
        |s, w| w.series(&[], &ConstGauge::new(unaccounted(s))),
    )
    .in_unit("records"),
    metric(
        "weir_findings_total",
        MetricKind::Counter,
        &["operator", "reason", "state"],
        "Findings, by operator, reason, and whether they counted (enforce) or were only reported (shadow)",
        findings,
    ),
    metric("weir_recalls_total", MetricKind::Counter, &["operator"], "Documents recalled after they had passed", |s, w| {
        s.figures.recalls.iter().try_for_each(|(operator, count)| w.count(&[operator], *count))
    }),
    metric("weir_restores_total", MetricKind::Counter, &[], "Copies that took a recalled document's place", |s, w| {
        w.count(&[], s.counted.restored)
    }),
    metric("weir_language_documents_total", MetricKind::Counter, &["language"], "Documents committed, by language", |s, w| {
        by_language(s, w, |language| language.documents)
    }),
    metric(
        "weir_language_unjudged_total",
        MetricKind::Counter,
        &["language"],
        "Of these, in a language of which the background has fewer than 40 documents",
        |s, w| by_language(s, w, |language| language.unjudged),
    ),
    metric("weir_language_withheld_total", MetricKind::Counter, &["language"], "Of these, withheld at arrival", |s, w| {
        by_language(s, w, |language| language.withheld)
    }),
    metric("weir_language_recalled_total", MetricKind::Counter, &["language"], "Of these, recalled later", |s, w| {
        by_language(s, w, |language| language.recalled)
    }),
    metric(
        "weir_lag_records",
        MetricKind::Gauge,
        &["topic", "partition"],
        "Offsets of the input that are not committed, those of open transactions included",
        |s, w| {
            let known = s.figures.lag.iter().filter_map(|(name, lag)| Some((name.rsplit_once('/')?, (*lag)?)));
            known.into_iter().try_for_each(|((topic, partition), lag)| w.gauge(&[topic, partition], lag))
        },
    )
    .in_unit("records"),
    metric("weir_batch_documents", MetricKind::Histogram, &[], "Documents of a micro-batch", |s, w| {
        w.series(&[], &s.figures.batch_documents)
    }),
    metric("weir_commit_seconds", MetricKind::Histogram, &[], "Time to commit a micro-batch", |s, w| {
        w.series(&[], &s.figures.commit_seconds)
    })
    .in_unit("seconds"),
    metric(
        "weir_stage_seconds",
        MetricKind::Histogram,
        &["stage", "operator"],
        "Time of a micro-batch in a stage of its way, added up over threads",
        |s, w| s.figures.stages().try_for_each(|((stage, operator), histogram)| w.series(&[stage, operator], histogram)),
    )
    .in_unit("seconds"),
    metric("weir_state_bytes", MetricKind::Gauge, &["store"], "Memory of a store", |s, w| {
        s.figures.state_bytes.iter().try_for_each(|(store, bytes)| w.gauge(&[store], *bytes))
    })
    .in_unit("bytes"),
    metric(
        "weir_snapshot_stop_seconds",
        MetricKind::Histogram,
        &[],
        "Time that the stream stood still for a snapshot",
        |s, w| w.series(&[], &s.figures.snapshot_stop_seconds),
    )
    .in_unit("seconds"),
    metric("weir_snapshot_bytes", MetricKind::Gauge, &[], "Size of the last snapshot of this process", |s, w| {
        w.gauge(&[], s.figures.snapshot_bytes)
    })
    .in_unit("bytes"),
    metric("weir_disk_free_bytes", MetricKind::Gauge, &[], "Bytes that are free on the disk of the state", |s, w| {
        s.figures.disk.free.map_or(Ok(()), |free| w.gauge(&[], free))
    })
    .in_unit("bytes"),
    metric(
        "weir_disk_write_seconds",
        MetricKind::Gauge,
        &[],
        "How long a page takes to the disk of the state; grows while one does not come back",
        |s, w| w.series(&[], &ConstGauge::new(s.figures.disk.write_time(Instant::now()).as_secs_f64())),
    )
    .in_unit("seconds"),
    metric(
        "weir_snapshot_age_seconds",
        MetricKind::Gauge,
        &[],
        "Since the last snapshot of this process, or its start where there is none",
        |s, w| w.series(&[], &ConstGauge::new(s.now.saturating_duration_since(s.figures.snapshot_at).as_secs_f64())),
    )
    .in_unit("seconds"),
    metric("weir_phase", MetricKind::Gauge, &["phase"], "1 for what the process does now, 0 for the rest", |s, w| {
        ProcessPhase::NAMES.iter().try_for_each(|name| w.gauge(&[name], u64::from(*name == s.figures.phase.name())))
    }),
    metric("weir_restore_done_records", MetricKind::Gauge, &[], "While restoring: records read again", |s, w| {
        match s.figures.phase {
            ProcessPhase::Restoring { done, .. } => w.gauge(&[], done),
            _ => Ok(()),
        }
    })
    .in_unit("records"),
    metric("weir_restore_records", MetricKind::Gauge, &[], "While restoring: records to read again", |s, w| {
        match s.figures.phase {
            ProcessPhase::Restoring { of, .. } => w.gauge(&[], of),
            _ => Ok(()),
        }
    })
    .in_unit("records"),
    metric("weir_standby_behind_records", MetricKind::Gauge, &[], "While standby: journal records not followed yet", |s, w| {
        match s.figures.phase {
            ProcessPhase::Standby { behind } => w.gauge(&[], behind),
            _ => Ok(()),
        }
    })
    .in_unit("records"),
    metric(
        "weir_waiting_seconds",
        MetricKind::Gauge,
        &[],
        "How long the loop has been waiting for a broker; 0 if it is not",
        |s, w| {
            let waiting = s.figures.waits.first().map(|(_, since)| s.now.saturating_duration_since(*since).as_secs_f64());
            w.series(&[], &ConstGauge::new(waiting.unwrap_or(0.0)))
        },
    )
    .in_unit("seconds"),
    metric("weir_config_info", MetricKind::Info, &["digest"], "The configuration in force", |s, w| {
        w.encoder()?.encode_info(&[("digest", s.config_digest)])
    }),
];

/// Writes the findings. They are counted by `operator/reason`, with `/shadow` behind where they
/// were only reported.
fn findings(s: &Scrape<'_>, w: &mut SeriesWriter<'_>) -> fmt::Result {
    for (name, count) in &s.counted.findings {
        let (operator, reason) = name.split_once('/').unwrap_or((name, ""));
        let (reason, state) = reason.strip_suffix("/shadow").map_or((reason, "enforce"), |reason| (reason, "shadow"));
        w.count(&[operator, reason, state], *count)?;
    }
    Ok(())
}

/// Writes one figure of each language that was met: at most as many series as there are languages.
fn by_language(s: &Scrape<'_>, w: &mut SeriesWriter<'_>, figure: fn(&LanguageCounts) -> u64) -> fmt::Result {
    s.counted.languages.iter().try_for_each(|(code, counts)| w.count(&[code], figure(counts)))
}

/// Returns how many received records are not accounted for. Anything but 0 is a defect.
fn unaccounted(s: &Scrape<'_>) -> i64 {
    let Counts { clean, quarantine, duplicate, without_text, .. } = s.counted;
    let dead_letters: u64 = s.figures.dead_letters.values().sum();
    let known = clean + quarantine + duplicate + dead_letters + without_text + s.figures.returned + s.in_flight;
    s.figures.received as i64 - known as i64
}

/// The figures, registered with the library for one scrape.
#[derive(Debug)]
struct FiguresCollector {
    figures: Arc<Mutex<Figures>>,
    config_digest: String,
}

impl Collector for FiguresCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = figures.counted();
        let in_flight = figures.in_flight(&counted);
        let scrape = Scrape { config_digest: &self.config_digest, figures: &figures, counted, in_flight, now: Instant::now() };
        for metric in METRICS {
            let unit = metric.unit.map(unit);
            let encoder = encoder.encode_descriptor(metric.base(), metric.help, unit.as_ref(), metric.kind_of_library())?;
            (metric.write)(&scrape, &mut SeriesWriter { labels: metric.labels, encoder: Some(encoder) })?;
        }
        Ok(())
    }
}

/// Returns the library's unit of this name.
fn unit(name: &str) -> Unit {
    match name {
        "bytes" => Unit::Bytes,
        "seconds" => Unit::Seconds,
        other => Unit::Other(other.to_owned()),
    }
}

/// Returns all metrics as text in the `OpenMetrics` format.
pub(super) fn exposition(figures: &Arc<Mutex<Figures>>, config_digest: &str) -> String {
    let mut registry = Registry::default();
    let collector = FiguresCollector { figures: Arc::clone(figures), config_digest: config_digest.to_owned() };
    registry.register_collector(Box::new(collector));
    let mut text = String::new();
    // Writing to memory cannot fail.
    let _ = text::encode(&mut text, &registry);
    text
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
