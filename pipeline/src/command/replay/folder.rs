//! How does a replay take its input through the filter into a folder, and go on after a kill?
//!
//! A replay has four phases, and `run.json` says which one it is in ([`RunPhase`]): the input is
//! decided and the corpus staged; the last pass gives the corpus its final form; the state is
//! handed on; everything is in its place. A phase that was cut off by a kill is done again with the
//! same result.

use std::{
    fs::{self, File},
    io::Read,
    iter,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use connectors::{
    committer::Channel,
    compression::Compression,
    file::{
        FileCheckpoint, FileCommitter, FileOptions, FileShard, FileSource, FinalFormatWriter, FolderLock, InputFile, TableOutput,
        write_atomically,
    },
    framing::Format,
    source::{Columns, Source},
};
use decode::table;
use tracing::info;

use super::{super::terminal::print, arguments::Arguments, attributes};
use crate::{
    config::{self, Config, OutputFormat},
    engine::Engine,
    layout::OutputFolder,
    manifest::{InputEnd, Manifest, RunPhase, Share},
    output::{
        clusters,
        lines::{AlarmLine, to_line},
        publishing::publish,
    },
    progress::Progress,
    registry,
    report::{Report, Timings},
    run::{Ingredients, Pace, Stage, assemble, decode_options},
    signals::Stop,
    state::{
        base::{self, Base},
        ledger::Ledger,
    },
};

/// How a replay has ended.
pub(in crate::command) enum ReplayEnd {
    /// Everything is done.
    Finished(Box<Report>),
    /// Everything was done before.
    Before,
    /// The process was asked to stop.
    Stopped,
}

/// Takes the input through the filter into the output folder, or goes on with a run that was begun
/// there.
pub(in crate::command) fn replay(config: &Config, arguments: &Arguments) -> Result<ReplayEnd> {
    let started = Instant::now();
    let folder = arguments.output.as_deref().context("no --output, expected a folder")?;
    let output = OutputFolder::new(folder);
    fs::create_dir_all(output.private()).with_context(|| format!("make {}", output.private().display()))?;
    let _lock = FolderLock::acquire(output.root())?;
    if arguments.force {
        output.remove_results()?;
    }
    let (source, share) = arguments.input.open(config.input.limits(), config.input.join_wet, arguments.shard)?;
    let fingerprints: Vec<String> = source.fingerprint()?.iter().map(ToString::to_string).collect();
    let background = arguments.background.as_deref().or(config.background.path.as_deref());
    if share.is_some() && background.is_none() && config.engine.seed.is_none() {
        bail!("got --shard without a background, expected --background or engine.seed: shards must share their hash seed");
    }
    let ingredients = Ingredients::gather(config, background, arguments.verdicts.as_deref(), &fingerprints)?;
    let options = FileOptions {
        compression: compression(config),
        part_records: config.output.part_records,
        corpus: !(config.output.annotate_only || arguments.annotate_only),
    };
    let source = source.with_columns(columns(config, options));
    if config.output.dolma_attributes {
        attributes::check(source.files())?;
    }
    let _base_lock = arguments.state.as_deref().map(FolderLock::acquire).transpose()?;
    let base = arguments.state.as_deref().map(Base::open).transpose()?;
    let copies: Vec<&str> = registry::of_copies(&config.operators).map(|entry| entry.name).collect();
    let share_of =
        |(shard, list): (FileShard, String)| Share::new(shard.index(), shard.count(), list, &config.operators, &copies);
    let share = share.map(share_of).transpose()?;
    let mut manifest = Manifest {
        v: Manifest::VERSION,
        verdict_digest: ingredients.verdict_digest_hex(),
        shape: shape(config, arguments, options),
        input: fingerprints,
        share,
        run: base.as_ref().map_or(0, Base::next_run),
        phase: RunPhase::Reading,
        decided: None,
    };
    if let Some(earlier) = Manifest::read(&output.manifest())? {
        earlier.check_same(&manifest, output.root())?;
        manifest.phase = earlier.phase;
        manifest.run = earlier.run;
        manifest.decided = earlier.decided;
        if let Some(base) = &base {
            base.check_unmoved(&manifest)?;
        }
    } else {
        if let Some(base) = &base {
            base.copy_to(&output.state())?;
        }
        manifest.write(&output.manifest())?;
    }
    if manifest.phase == RunPhase::Finished {
        // A run that was killed between its last two steps has left them.
        output.remove_working()?;
        return Ok(ReplayEnd::Before);
    }
    let replay = FolderReplay { config, arguments, output: &output, options, ingredients, base };
    replay.run(source, manifest, started)
}

struct FolderReplay<'a> {
    config: &'a Config,
    arguments: &'a Arguments,
    output: &'a OutputFolder,
    options: FileOptions,
    ingredients: Ingredients,
    base: Option<Base>,
}

impl FolderReplay<'_> {
    fn run(self, source: FileSource, mut manifest: Manifest, started: Instant) -> Result<ReplayEnd> {
        let mut timings = Timings::default();
        let files = source.files().to_vec();
        let mut ledger = None;
        if manifest.phase == RunPhase::Reading {
            let Some((engine, decided)) = self.decide(source, &manifest, &mut timings)? else { return Ok(ReplayEnd::Stopped) };
            ledger = Some(engine.into_ledger());
            manifest.decided = Some(decided);
            self.enter(&mut manifest, RunPhase::Publishing)?;
            connectors::kill::point("replay.decided");
        }
        if manifest.phase == RunPhase::Publishing {
            let began = Instant::now();
            if self.config.output.dolma_attributes {
                let source = FileSource::new(files.clone(), self.config.input.limits());
                let source = source.with_columns(columns(self.config, self.options)).joining(self.config.input.join_wet);
                attributes::write(self.output, source, &decode_options(self.config), self.arguments.limit)?;
            }
            self.publish(&manifest, &files, ledger)?;
            timings.publish(began.elapsed());
            self.enter(&mut manifest, RunPhase::Published)?;
            connectors::kill::point("replay.published");
        }
        if manifest.share.is_some() {
            self.keep_for_merge()?;
        }
        if let Some(base) = &self.base {
            base.replace(&self.output.state(), manifest.run)?;
        }
        let report = Report::read(&self.output.file("report.json"))?;
        timings.total_seconds = started.elapsed().as_secs_f64();
        timings.write(&self.output.file("timings.json"))?;
        if self.arguments.timings {
            print(&timings.table());
        }
        self.enter(&mut manifest, RunPhase::Finished)?;
        connectors::kill::point("replay.finished");
        self.output.remove_working()?;
        Ok(ReplayEnd::Finished(Box::new(report)))
    }

    fn enter(&self, manifest: &mut Manifest, phase: RunPhase) -> Result<()> {
        manifest.phase = phase;
        manifest.write(&self.output.manifest())
    }

    /// Decides the whole input, and writes the summaries. `None` if the process was asked to stop
    /// before the end.
    fn decide(&self, source: FileSource, manifest: &Manifest, timings: &mut Timings) -> Result<Option<(Engine, InputEnd)>> {
        let stop = Stop::listen()?;
        let began = Instant::now();
        let state = self.output.state();
        let partitions = source.partitions().to_vec();
        let mut restored = assemble::engine(self.config, &self.ingredients, &state, partitions)?;
        restored.begin_run_if_new(manifest.run);
        if let Some(share) = &manifest.share {
            restored.engine.be_shard(share.index);
        }
        let progress = Progress::reading(source.size_hint());
        let committer = FileCommitter::new(self.output.root(), self.options);
        let mut stage = Stage::open(source, committer, restored, Pace::of_files(self.config))?;
        loop {
            if stop.is_asked() {
                progress.done();
                return Ok(None);
            }
            let received = stage.engine().counts().received;
            let left = self.arguments.limit.map(|limit| limit.saturating_sub(received));
            if !stage.step(left)? {
                break;
            }
            progress.at(stage.source().consumed(), stage.engine().counts());
        }
        let is_share = manifest.share.is_some();
        let (mut engine, checkpoint) = stage.finish(self.base.is_some() || is_share)?;
        progress.done();
        timings.decide(began.elapsed(), &engine);
        info!(documents = engine.counts().received, "all input decided");
        self.write_summaries(&engine, &FileCheckpoint::decode(&checkpoint)?)?;
        let checkpoint = String::from_utf8(checkpoint).context("the checkpoint of the outputs is no text")?;
        let ledger_tail = engine.ledger().tail_bytes();
        let traces = if is_share { Some(engine.copy_log_tails()?) } else { None };
        let decided = InputEnd { checkpoint, next: engine.next(), ledger_tail, first: engine.run_first(), traces };
        Ok(Some((engine, decided)))
    }

    /// Keeps what `weir merge` needs of the state, before the state is removed.
    fn keep_for_merge(&self) -> Result<()> {
        let (state, kept) = (self.output.state(), self.output.share());
        let copies = registry::of_copies(&self.config.operators);
        let logs = copies.map(|entry| (state.replay_log(entry.name), kept.replay_log(entry.name)));
        let pieces: Vec<(PathBuf, PathBuf)> = iter::once((state.ledger(), kept.ledger())).chain(logs).collect();
        for (from, to) in pieces.iter().filter(|(_, to)| !to.exists()) {
            fs::create_dir_all(to.parent().unwrap_or(Path::new("."))).with_context(|| format!("make {}", to.display()))?;
            let moved = if self.base.is_some() {
                base::copy_whole(from, to).map_err(Into::into)
            } else {
                fs::rename(from, to).map_err(anyhow::Error::from)
            };
            moved.with_context(|| format!("keep {}", from.display()))?;
        }
        Ok(())
    }

    /// Writes the alarms that are still looked for behind those that are not, the copies that kept
    /// documents stand for, and the report.
    fn write_summaries(&self, engine: &Engine, checkpoint: &FileCheckpoint) -> Result<()> {
        let path = self.output.file("alarms.jsonl");
        let mut alarms = Vec::new();
        let written = File::open(&path).and_then(|file| file.take(checkpoint.bytes(Channel::Alarms)).read_to_end(&mut alarms));
        written.with_context(|| format!("read {}", path.display()))?;
        for alarm in engine.alarms()? {
            alarms.extend(to_line(&AlarmLine::new(&alarm, engine.settings().shard)));
            alarms.push(b'\n');
        }
        write_atomically(&path, &alarms)?;
        clusters::write(self.output, engine.ledger())?;
        let report = Report::of(engine, &self.ingredients)?;
        Ok(write_atomically(&self.output.file("report.json"), &report.bytes()?)?)
    }

    /// The last pass: makes the final corpus of the staged one. `ledger` is given if it is open
    /// already.
    fn publish(&self, manifest: &Manifest, files: &[InputFile], ledger: Option<Ledger>) -> Result<()> {
        if !self.options.corpus {
            return Ok(());
        }
        let decided = manifest.decided.as_ref().context("run.json does not say where the run stood; --force starts anew")?;
        let ledger = match ledger {
            Some(ledger) => ledger,
            None => Ledger::open(&self.output.state().ledger(), Ledger::SPAN, decided.next, decided.ledger_tail)?,
        };
        let checkpoint = FileCheckpoint::decode(decided.checkpoint.as_bytes())?;
        let progress = Progress::publishing();
        let decoding = decode_options(self.config);
        let cells = |line: &[u8]| table::cells(line, &decoding);
        let table = TableOutput { names: &table::COLUMNS, cells: &cells };
        let table = (self.config.output.format == Some(OutputFormat::Parquet)).then_some(table);
        let lines_only = match self.config.output.format {
            Some(OutputFormat::Jsonl) => true,
            Some(OutputFormat::Parquet | OutputFormat::Warc) => false,
            None => files.iter().all(|file| file.format != Some(Format::Parquet)),
        };
        let writer = FinalFormatWriter::new(self.options.compression, files, self.config.input.limits(), table);
        let mut writer = writer.of_lines_only(lines_only);
        publish(self.output, self.options, &mut writer, &checkpoint, &ledger, decided.first, || progress.tick())?;
        progress.done();
        Ok(())
    }
}

/// Which columns of a table's rows are read: those that decide, and those that are written.
fn columns(config: &Config, options: FileOptions) -> Columns {
    if options.corpus && config.output.format == Some(OutputFormat::Jsonl) {
        return Columns::All;
    }
    let names = decode::columns(&decode_options(config));
    Columns::Named { names, check_others: options.corpus }
}

fn compression(config: &Config) -> Compression {
    match config.output.compression {
        config::CompressionOption::None => Compression::None,
        config::CompressionOption::Gzip => Compression::Gzip,
        config::CompressionOption::Zstd => Compression::Zstd,
    }
}

/// Everything beside verdicts that shapes the run's files.
fn shape(config: &Config, arguments: &Arguments, options: FileOptions) -> String {
    let limit = arguments.limit.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let frames = if options.compression == Compression::None { 0 } else { config.state.snapshot_documents };
    format!(
        "format {}, compression {}, parts of {} records, corpus {}, attributes {}, limit {limit}, frames of {frames}, state {}",
        config.output.format.map_or("as it came", OutputFormat::name),
        options.compression.name(),
        options.part_records,
        options.corpus,
        config.output.dolma_attributes,
        if arguments.state.is_some() { "carried" } else { "dropped" }
    )
}
