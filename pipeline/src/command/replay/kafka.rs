//! `weir replay --to kafka PATH...`: how do archives get into the stage's first input topic, each
//! record once, whatever is killed?
//!
//! | record | value | `content-type` |
//! |---|---|---|
//! | JSON line | the line's bytes | `application/json` |
//! | WARC record | header block and content block as they are | `application/warc` |
//! | WARC record joined with its WET record | both, one after the other | `application/warc` |
//! | ARC record | the WARC record that says the same | `application/warc` |
//! | none, or one that the topic does not take | nothing: a line in `dead-letters-PUBLICATION.jsonl` | |
//!
//! The key is the host of the record's address, else the record's id, else its position, so the
//! pages of a site keep their order. The headers `weir-source-file` and `weir-source-offset` say
//! where a record lies in the archive.
//!
//! A publication is identified by its files, their sizes and contents. So the same command goes on
//! behind the last transaction that was committed ([`KafkaPublisher`] keeps the place), and does
//! nothing once everything is published.
//!
//! **State** one batch, its keys, and the positions of dead letters.

mod dead_letters;
mod place;

use std::{borrow::Cow, path::PathBuf, process::ExitCode, thread, time::Duration};

use anyhow::{Result, bail};
use connectors::{
    error::{Error, ErrorClass},
    file::FileSource,
    framing::arc,
    kafka::{KafkaConfig, KafkaPublisher},
    source::{EnvelopeHeader, Limit, Payload, Record, Source},
};
use decode::{Reject, name_of};
use operators::reputation::address::Address;
use rayon::prelude::*;
use tracing::warn;

use self::{dead_letters::DeadLetters, place::PublicationPlace};
use super::arguments::Arguments;
use crate::{
    command::{
        process::{BAD_CONFIG, start_threads},
        terminal::{print, say},
    },
    config::load::Loaded,
    progress::Progress,
    run::decode_options,
    signals::{INTERRUPTED, Stop},
};

/// The records of one transaction. A transaction costs tens of milliseconds, so it should hold many
/// records; a kill costs at most the work on one batch.
const BATCH: Limit = Limit { records: 8192, bytes: 32 << 20 };
/// How often a lost batch is begun anew without a commit in between.
const TRIES: u32 = 5;
/// The pause before a lost batch is begun anew.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The folder of dead letters if no `--output` is given.
const OUTPUT: &str = "weir-published";

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    refuse_others(arguments)?;
    let kafka = match loaded.kafka() {
        Ok(kafka) => kafka,
        Err(problems) => {
            say(&problems.to_string());
            return Ok(ExitCode::from(BAD_CONFIG));
        }
    };
    start_threads(&loaded.config, arguments.threads)?;
    let mut publication = Publication::of(loaded, kafka, arguments)?;
    let stop = Stop::listen()?;
    let mut tries = 0;
    let ended = loop {
        let before = publication.batches;
        match publication.publish_all(&stop) {
            Ok(ended) => break ended,
            Err(error) if publication.packs && is_refused_by_size(&error) => {
                warn!("the topic takes no record that fits it only packed: {error:#}");
                publication.packs = false;
            }
            Err(error) if is_abortable(&error) && tries < TRIES => {
                tries = if publication.batches > before { 1 } else { tries + 1 };
                warn!("a batch was lost and is begun anew: {error:#}");
                thread::sleep(RETRY_PAUSE);
            }
            Err(error) => return Err(error),
        }
    };
    publication.progress.done();
    print(&publication.summary());
    if ended {
        let none = publication.published == 0 && publication.dead_letters.len() > 0 && publication.before.unwrap_or(0) == 0;
        return Ok(if none { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    say("stopped; the same command goes on behind the last transaction");
    Ok(ExitCode::from(INTERRUPTED))
}

/// Refuses options that have no meaning here, instead of ignoring them in silence.
fn refuse_others(arguments: &Arguments) -> Result<()> {
    let given = [
        ("--background", arguments.background.is_some()),
        ("--state", arguments.state.is_some()),
        ("--verdicts", arguments.verdicts.is_some()),
        ("--annotate-only", arguments.annotate_only),
        ("--shard", arguments.shard.is_some()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if !given.is_empty() {
        bail!("got {} with --to kafka, expected no such option: the stage does the filtering", given.join(", "));
    }
    Ok(())
}

fn is_abortable(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::Broker { class: ErrorClass::Abortable, .. }))
}

/// Whether the topic's broker packs records anew, and worse than they came.
fn is_refused_by_size(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::RecordsRefused { by_size: true, .. }))
}

/// Archives on their way to the stage's first input topic.
struct Publication {
    kafka: KafkaConfig,
    /// The publication's name: a digest of its files.
    name: String,
    source: FileSource,
    files: Vec<String>,
    decode: decode::Options,
    dead_letters: DeadLetters,
    limit: u64,
    /// Whether everything is published again, whatever was published before.
    anew: bool,
    progress: Progress,
    /// Whether a record may be published that fits the topic only packed.
    packs: bool,
    topic: String,
    batches: u64,
    /// Records that this process has published.
    published: u64,
    /// Records that were published before it.
    before: Option<u64>,
}

impl Publication {
    fn of(loaded: &Loaded, kafka: KafkaConfig, arguments: &Arguments) -> Result<Self> {
        let source = arguments.input.open_again_and_again(
            loaded.config.input.limits(),
            loaded.config.input.join_wet,
            "with --to kafka",
        )?;
        let mut hasher = blake3::Hasher::new();
        for fingerprint in source.fingerprint()? {
            hasher.update(fingerprint.to_string().as_bytes());
            hasher.update(b"\n");
        }
        let name = hasher.finalize().to_hex()[..16].to_owned();
        let output = arguments.output.clone().unwrap_or_else(|| PathBuf::from(OUTPUT));
        Ok(Self {
            kafka,
            dead_letters: DeadLetters::new(output.join(format!("dead-letters-{name}.jsonl"))),
            name,
            files: source.partitions().to_vec(),
            progress: Progress::reading(source.size_hint()),
            source,
            decode: decode_options(&loaded.config),
            limit: arguments.limit.unwrap_or(u64::MAX),
            anew: arguments.force,
            packs: true,
            topic: String::new(),
            batches: 0,
            published: 0,
            before: None,
        })
    }

    /// Publishes from the last committed place on; false if the process was asked to stop before
    /// the end.
    fn publish_all(&mut self, stop: &Stop) -> Result<bool> {
        let (mut publisher, committed) = KafkaPublisher::open(&self.kafka, &self.name, self.packs)?;
        let mut place = committed.map(|text| PublicationPlace::parse(&text)).transpose()?.unwrap_or_default();
        if self.anew {
            // The beginning is committed as any other place: a batch lost after it is not taken for one never begun.
            place = PublicationPlace::default();
            publisher.begin()?;
            publisher.commit(&place.to_string())?;
            self.dead_letters.forget()?;
            self.anew = false;
        }
        if place.file >= self.files.len() {
            bail!("the committed place {place} is in file {} of {}", place.file, self.files.len());
        }
        publisher.topic().clone_into(&mut self.topic);
        let before = publisher.published();
        self.before.get_or_insert(before);
        self.source.seek(&place.positions())?;
        loop {
            if stop.is_asked() {
                return Ok(false);
            }
            let records = usize::try_from(self.limit.saturating_sub(place.read)).unwrap_or(usize::MAX).min(BATCH.records);
            let records = if records == 0 { Vec::new() } else { self.source.read(Limit { records, ..BATCH })? };
            if records.is_empty() {
                return Ok(true);
            }
            place = place.after(&records);
            let skipped = self.write_batch(&mut publisher, &records)?;
            // Dead letters are durable before the place behind them is, so that none is missing. When a batch is done again
            // after a kill, those that are in the file are known.
            self.dead_letters.sync()?;
            publisher.commit(&place.to_string())?;
            self.batches += 1;
            self.published += (records.len() - skipped) as u64;
            let message = format!("{} records published, {} dead letters", self.published, self.dead_letters.len());
            self.progress.show(self.source.consumed(), &message);
        }
    }

    /// Writes a batch; says how many of its records were left out.
    fn write_batch(&mut self, publisher: &mut KafkaPublisher, records: &[Record]) -> Result<usize> {
        let files = &self.files;
        let keys: Vec<String> = records.par_iter().map(|record| key(record, &self.decode, files)).collect();
        publisher.begin()?;
        let mut skipped = 0;
        for (record, key) in records.iter().zip(&keys) {
            let written = match message(record) {
                Ok((value, kind)) => publisher.write(key.as_bytes(), &headers(record, kind, files), &value),
                Err(reject) => {
                    skipped += 1;
                    self.dead_letters.add(record, position(record, files), &reject)?;
                    continue;
                }
            };
            match written {
                Err(error @ Error::TooLarge { .. }) => {
                    skipped += 1;
                    let reject = Reject { code: "record_too_large_for_topic", message: error.to_string() };
                    self.dead_letters.add(record, position(record, files), &reject)?;
                }
                other => other?,
            }
        }
        Ok(skipped)
    }

    /// What is printed at the end.
    fn summary(&self) -> String {
        let Self { published, topic, .. } = self;
        let before = self.before.filter(|&before| before > 0).map(|n| format!(", {n} before")).unwrap_or_default();
        let skipped = match self.dead_letters.len() {
            0 => String::new(),
            n => format!("; {n} records were left out, see {}", self.dead_letters.path().display()),
        };
        if *published == 0 && skipped.is_empty() && !before.is_empty() {
            return format!("all is published on {topic} already ({} records); nothing to do", self.before.unwrap_or(0));
        }
        format!("{published} records published on {topic}{before}{skipped}")
    }
}

/// The public name of a record's position, as a replay writes it.
fn position(record: &Record, files: &[String]) -> String {
    let file = files.get(record.position.partition as usize).map_or("?", String::as_str);
    format!("{file}#{}", record.position.offset)
}

/// The key of a record, which its partition is chosen by.
fn key(record: &Record, options: &decode::Options, files: &[String]) -> String {
    let name = name_of(record, options);
    let host = name.url.as_deref().and_then(Address::parse).map(|address| address.host.into_owned());
    host.or(name.id).unwrap_or_else(|| position(record, files))
}

/// The headers of a record; `kind` is what its value is.
fn headers(record: &Record, kind: &str, files: &[String]) -> [EnvelopeHeader; 3] {
    let header = |name: &str, value: &str| EnvelopeHeader { name: name.to_owned(), value: Some(value.as_bytes().to_vec()) };
    let file = files.get(record.position.partition as usize).map_or("?", String::as_str);
    [
        header("content-type", kind),
        header("weir-source-file", file),
        header("weir-source-offset", &record.position.offset.to_string()),
    ]
}

/// The value of a record, and what it is (`content-type`).
fn message(record: &Record) -> Result<(Cow<'_, [u8]>, &'static str), Reject> {
    match &record.payload {
        Payload::Line(line) | Payload::Row(line) => Ok((line.into(), "application/json")),
        Payload::Html(page) => Ok((page.into(), "text/html")),
        Payload::Warc { header, block } => Ok(([header.raw(), b"\r\n", block, b"\r\n\r\n"].concat().into(), "application/warc")),
        Payload::Joined { header, block, conversion: text } => {
            let records = [header.raw(), b"\r\n", block, b"\r\n\r\n", text.header.raw(), b"\r\n", &text.block, b"\r\n\r\n"];
            Ok((records.concat().into(), "application/warc"))
        }
        Payload::Arc { header, block } => {
            let header = arc::as_warc(header, block.len());
            Ok(([&header[..], b"\r\n", block, b"\r\n\r\n"].concat().into(), "application/warc"))
        }
        Payload::Bad(bad) => Err(Reject { code: bad.code, message: bad.message.clone() }),
    }
}

#[cfg(test)]
mod tests;
