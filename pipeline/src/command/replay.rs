//! `weir replay PATH...`: archived documents through the filter, into a folder; with `--to kafka`, to where the stage reads.

mod attributes;
mod kafka;

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use connectors::{
    committer::Channel,
    compression::Compression,
    file::{
        FileCheckpoint, FileCommitter, FileOptions, FileShard, FileSource, FinalFormatWriter, FolderLock, InputFile, TableOutput,
        write_atomically,
    },
    source::{Columns, Source},
};
use decode::table;
use operators::{exact_dedup::ExactDedup, near_dup::NearDup, operator::Operator as _};
use tracing::info;

use super::{
    input::Input,
    process::start_threads,
    terminal::{print, say},
};
use crate::{
    assemble::{self, Ingredients},
    config::{self, Config, OutputFormat, load::Loaded},
    encode::to_line,
    engine::Engine,
    layout::{OutputFolder, remove_if_there},
    manifest::{Decided, Manifest, Phase, Share},
    progress::Progress,
    publish,
    report::{Report, Timings},
    signals::{INTERRUPTED, Stop},
    stage::{Pace, Stage},
    state::{
        base::{self, Base},
        ledger::Ledger,
    },
};

/// Version of the manifest.
pub(super) const MANIFEST: u32 = 1;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub input: Input,
    /// Read only the files whose number in the list, from 0, leaves I when divided by N: one of N machines' share. `weir merge`
    /// joins their outputs. A shard sees only its own files: a phrase that is below its threshold in each of them raises no
    /// alarm in any, and copies of documents of another shard are found by the merge.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<FileShard>,
    /// Where documents go: through the filter into a folder, or unfiltered into the stage's first input topic.
    #[arg(long, value_enum, default_value_t = To::Folder)]
    pub to: To,
    /// Where everything is written; with `--to kafka` only what cannot be published, by default in `weir-published`. A
    /// killed run goes on where it was when the same command is given again.
    #[arg(long, short, value_name = "DIR", required_unless_present = "to", required_if_eq("to", "folder"))]
    pub output: Option<PathBuf>,
    /// A background made by `weir learn`; wins over `background.path`. Without one, weir learns from its own past and finds less.
    #[arg(long, value_name = "FILE")]
    pub background: Option<PathBuf>,
    /// Indexes and counters that are carried from one dump to the next; replaced when the run is finished.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Reviewed verdicts (JSONL: `publisher`, `bad`, `time`) that reputation learns from.
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Write decisions and recalls and no corpus.
    #[arg(long)]
    pub annotate_only: bool,
    /// Stop after this many records.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Threads for detectors; 0: one for each core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Remove what an earlier run left in the output folder and start anew; with `--to kafka`, publish everything
    /// again, from which a run without it goes on.
    #[arg(long)]
    pub force: bool,
}

/// Where documents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum To {
    /// Through the filter, into a folder.
    Folder,
    /// As they are, into the input topic of `weir run`.
    Kafka,
}

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.to == To::Kafka {
        return kafka::run(loaded, arguments);
    }
    start_threads(&loaded.config, arguments.threads)?;
    let report = replay(&loaded.config, arguments)?;
    match report {
        Ended::Finished(report) => print(&report.table()),
        Ended::Before => {
            let folder = arguments.output.as_deref().unwrap_or(Path::new("."));
            say(&format!("{} is finished already; nothing to do", folder.display()));
        }
        Ended::Stopped => {
            say("stopped; the same command goes on from the last snapshot");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How a replay ended.
pub(super) enum Ended {
    /// All is done.
    Finished(Box<Report>),
    /// It was done before.
    Before,
    /// A signal came.
    Stopped,
}

/// Replays.
pub(super) fn replay(config: &Config, arguments: &Arguments) -> Result<Ended> {
    let started = Instant::now();
    let folder = arguments.output.as_deref().context("no --output, expected a folder")?;
    let output = OutputFolder::new(folder);
    fs::create_dir_all(output.private()).with_context(|| format!("make {}", output.private().display()))?;
    let _lock = FolderLock::acquire(output.root())?;
    if arguments.force {
        remove_earlier(&output)?;
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
    let mut manifest = Manifest {
        v: MANIFEST,
        verdict_digest: ingredients.verdict_digest_hex(),
        shape: shape(config, arguments, options),
        input: fingerprints,
        share: share.map(|(shard, list)| Share {
            index: shard.index(),
            count: shard.count(),
            list,
            exact_dedup: config.operators.exact_dedup.clone(),
            near_dup: config.operators.near_dup.clone(),
        }),
        run: base.as_ref().map_or(0, Base::next_run),
        phase: Phase::Reading,
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
    if manifest.phase == Phase::Finished {
        // Of a run that was killed after its last step but one.
        remove_working(&output)?;
        return Ok(Ended::Before);
    }
    let run = Run { config, arguments, output: &output, options, ingredients, base };
    run.go(source, manifest, started)
}

struct Run<'a> {
    config: &'a Config,
    arguments: &'a Arguments,
    output: &'a OutputFolder,
    options: FileOptions,
    ingredients: Ingredients,
    base: Option<Base>,
}

impl Run<'_> {
    fn go(self, source: FileSource, mut manifest: Manifest, started: Instant) -> Result<Ended> {
        let mut timings = Timings::default();
        let files = source.files().to_vec();
        let mut ledger = None;
        if manifest.phase == Phase::Reading {
            let Some((engine, decided)) = self.read(source, &manifest, &mut timings)? else { return Ok(Ended::Stopped) };
            ledger = Some(engine.into_ledger());
            manifest.decided = Some(decided);
            self.enter(&mut manifest, Phase::Publishing)?;
            connectors::kill::point("replay.decided");
        }
        if manifest.phase == Phase::Publishing {
            let began = Instant::now();
            if self.config.output.dolma_attributes {
                let source = FileSource::new(files.clone(), self.config.input.limits());
                let source = source.with_columns(columns(self.config, self.options)).joining(self.config.input.join_wet);
                attributes::write(self.output, source, &assemble::decode_options(self.config), self.arguments.limit)?;
            }
            self.publish(&manifest, &files, ledger)?;
            timings.publish(began.elapsed());
            self.enter(&mut manifest, Phase::Published)?;
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
        self.enter(&mut manifest, Phase::Finished)?;
        connectors::kill::point("replay.finished");
        remove_working(self.output)?;
        Ok(Ended::Finished(Box::new(report)))
    }

    fn enter(&self, manifest: &mut Manifest, phase: Phase) -> Result<()> {
        manifest.phase = phase;
        manifest.write(&self.output.manifest())
    }

    /// Reads and decides everything, and writes what is written once; nothing if a signal came before the end.
    fn read(&self, source: FileSource, manifest: &Manifest, timings: &mut Timings) -> Result<Option<(Engine, Decided)>> {
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
        let mut stage = Stage::open(source, committer, restored, pace(self.config))?;
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
        let (mut engine, mark) = stage.finish(self.base.is_some() || is_share)?;
        progress.done();
        timings.decide(began.elapsed(), &engine);
        info!(documents = engine.counts().received, "all input decided");
        self.write_summaries(&engine, &FileCheckpoint::decode(&mark)?)?;
        let mark = String::from_utf8(mark).context("the mark of the outputs is no text")?;
        let ledger_tail = engine.ledger().tail_bytes();
        let traces = if is_share { Some(engine.replay_log_tails()?) } else { None };
        let decided = Decided { mark, next: engine.next(), ledger_tail, first: engine.run_first(), traces };
        Ok(Some((engine, decided)))
    }

    /// Puts aside what `weir merge` needs of the state, before that goes.
    fn keep_for_merge(&self) -> Result<()> {
        let (state, kept) = (self.output.state(), self.output.share());
        let pieces = [
            (state.ledger(), kept.ledger()),
            (state.replay_log(ExactDedup::NAME), kept.replay_log(ExactDedup::NAME)),
            (state.replay_log(NearDup::NAME), kept.replay_log(NearDup::NAME)),
        ];
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

    /// Alarms with their members, behind those that were given up on the way, and the report.
    fn write_summaries(&self, engine: &Engine, mark: &FileCheckpoint) -> Result<()> {
        let path = self.output.file("alarms.jsonl");
        let mut alarms = Vec::new();
        let given_up = File::open(&path).and_then(|file| file.take(mark.bytes(Channel::Alarms)).read_to_end(&mut alarms));
        given_up.with_context(|| format!("read {}", path.display()))?;
        for alarm in engine.alarms()? {
            alarms.extend(to_line(&alarm));
            alarms.push(b'\n');
        }
        write_atomically(&path, &alarms)?;
        let report = Report::of(engine, &self.ingredients)?;
        Ok(write_atomically(&self.output.file("report.json"), &report.bytes()?)?)
    }

    /// The last pass; `ledger` if it is open already.
    fn publish(&self, manifest: &Manifest, files: &[InputFile], ledger: Option<Ledger>) -> Result<()> {
        if !self.options.corpus {
            return Ok(());
        }
        let decided = manifest.decided.as_ref().context("run.json does not say where the run stood; --force starts anew")?;
        let ledger = match ledger {
            Some(ledger) => ledger,
            None => Ledger::open(&self.output.state().ledger(), Ledger::SPAN, decided.next, decided.ledger_tail)?,
        };
        let mark = FileCheckpoint::decode(decided.mark.as_bytes())?;
        let progress = Progress::publishing();
        let decoding = assemble::decode_options(self.config);
        let cells = |line: &[u8]| table::cells(line, &decoding);
        let table = TableOutput { names: &table::COLUMNS, cells: &cells };
        let table = (self.config.output.format == Some(OutputFormat::Parquet)).then_some(table);
        let mut leaving = FinalFormatWriter::new(self.options.compression, files, self.config.input.limits(), table);
        publish::publish(self.output, self.options, &mut leaving, &mark, &ledger, decided.first, || progress.tick())?;
        progress.done();
        Ok(())
    }
}

/// How much of a table's rows must be read: what decides, and what leaves.
fn columns(config: &Config, options: FileOptions) -> Columns {
    if options.corpus && config.output.format == Some(OutputFormat::Jsonl) {
        return Columns::All;
    }
    let names = decode::columns(&assemble::decode_options(config));
    Columns::Named { names, check_others: options.corpus }
}

/// How fast a run over files goes.
pub(super) fn pace(config: &Config) -> Pace {
    Pace {
        batch_documents: config.engine.batch_documents,
        batch_bytes: config.engine.batch_bytes,
        snapshot_documents: config.state.snapshot_documents,
    }
}

fn compression(config: &Config) -> Compression {
    match config.output.compression {
        config::Compression::None => Compression::None,
        config::Compression::Gzip => Compression::Gzip,
        config::Compression::Zstd => Compression::Zstd,
    }
}

/// Everything beside verdicts that shapes what the run leaves behind.
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

/// Removes what a run needs only until it is finished.
fn remove_working(output: &OutputFolder) -> Result<()> {
    remove_if_there(output.state().root())?;
    remove_if_there(&output.private().join("staged"))
}

/// Removes what weir writes, and nothing else that may lie in the folder.
pub(super) fn remove_earlier(output: &OutputFolder) -> Result<()> {
    // The manifest goes first: without it nothing of what is left counts.
    match fs::remove_file(output.manifest()) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e).context("remove the manifest"),
        _ => {}
    }
    remove_working(output)?;
    remove_if_there(output.share().root())?;
    for folder in ["clean", "quarantine", "duplicates", "attributes"] {
        remove_if_there(&output.file(folder))?;
    }
    for file in ["decisions", "recalls", "alarms", "dead-letters"]
        .map(|s| format!("{s}.jsonl"))
        .iter()
        .chain(&["report.json".to_owned(), "timings.json".to_owned()])
    {
        let _ = fs::remove_file(output.file(file));
    }
    Ok(())
}
