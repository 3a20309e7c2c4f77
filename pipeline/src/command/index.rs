//! `weir index --state DIR PATH...`: how does a corpus that exists already get into the indexes of
//! copies, and into nothing else?
//!
//! The corpus' documents are called clean, and later documents that are copies of them become
//! duplicates that name them. Nothing is looked for in the corpus, none of its documents votes, and
//! nothing is written but the state. That state is a generation of `--state` like any other:
//! `weir replay --state` goes on with it, `weir run --index` begins with it, and another
//! `weir index` adds to it. If the command is killed and given again, it goes on at its last
//! snapshot.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use connectors::{discard::Discard, file::FolderLock, source::Source};
use tracing::{info, warn};

use super::{
    input::Input,
    process::start_threads,
    terminal::{print, say},
};
use crate::{
    config::Config,
    engine::Counts,
    layout::OutputFolder,
    manifest::{Manifest, RunPhase},
    progress::Progress,
    run::{Ingredients, Pace, Stage, assemble},
    signals::{INTERRUPTED, Stop},
    state::base::Base,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub input: Input,
    /// The state that the corpus is added to, or that is made; as for `weir replay --state`.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// The background that later runs over this state will have; wins over `background.path`. Its
    /// seed keys the indexes.
    #[arg(long, value_name = "FILE")]
    pub background: Option<PathBuf>,
    /// Threads; 0: one for each core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    start_threads(config, arguments.threads)?;
    let folder = arguments.state.display();
    match index(config, arguments)? {
        IndexEnd::Finished(None) => print(&format!("the corpus is indexed in {folder}")),
        IndexEnd::Finished(Some(counts)) => print(&format!(
            "{} documents of {} records indexed in {folder}; {} were no documents, {} held no text",
            counts.clean, counts.received, counts.dead_letters, counts.without_text
        )),
        IndexEnd::Before => say(&format!("{folder} holds this corpus already; nothing to do")),
        IndexEnd::Stopped => {
            say("stopped; the same command goes on from the last snapshot");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How an index run has ended.
enum IndexEnd {
    /// Everything is indexed. Says what was counted, unless an earlier process has read everything.
    Finished(Option<Box<Counts>>),
    /// The state holds this corpus already.
    Before,
    /// The process was asked to stop.
    Stopped,
}

fn index(config: &Config, arguments: &Arguments) -> Result<IndexEnd> {
    let Some(background) = arguments.background.as_deref().or(config.background.path.as_deref()) else {
        bail!("got no background, expected --background or background.path: an index is used with the seed it was made with");
    };
    // Working files lie where those of an output do; what is in force lies beside them.
    let working = OutputFolder::new(&arguments.state);
    fs::create_dir_all(working.private()).with_context(|| format!("make {}", working.private().display()))?;
    let _lock = FolderLock::acquire(working.root())?;
    let source = arguments.input.open_again_and_again(config.input.limits(), config.input.join_wet, "with weir index")?;
    let fingerprints: Vec<String> = source.fingerprint()?.iter().map(ToString::to_string).collect();
    let ingredients = Ingredients::gather(config, Some(background), None, &fingerprints)?;
    let base = Base::open(&arguments.state)?;
    let mut manifest = Manifest {
        v: Manifest::VERSION,
        verdict_digest: ingredients.verdict_digest_hex(),
        shape: "indexes of copies".to_owned(),
        input: fingerprints,
        share: None,
        run: base.next_run(),
        phase: RunPhase::Reading,
        decided: None,
    };
    match Manifest::read(&working.manifest())? {
        // Of the index before: if it is this one, there is nothing to do.
        Some(earlier) if earlier.phase == RunPhase::Finished => {
            if earlier.run < manifest.run && earlier.check_same(&manifest, working.root()).is_ok() {
                return Ok(IndexEnd::Before);
            }
            base.copy_to(&working.state())?;
            manifest.write(&working.manifest())?;
        }
        Some(earlier) => {
            check_same(&earlier, &manifest, arguments)?;
            (manifest.run, manifest.phase) = (earlier.run, earlier.phase);
            base.check_unmoved(&manifest)?;
        }
        None => {
            base.copy_to(&working.state())?;
            manifest.write(&working.manifest())?;
        }
    }
    take_in(config, &ingredients, source, &working, &base, manifest)
}

/// Refuses to go on with an index of something else that is half done: the result would be half of
/// each. The user finishes it or removes it by hand.
fn check_same(earlier: &Manifest, wanted: &Manifest, arguments: &Arguments) -> Result<()> {
    let folder = arguments.state.display();
    earlier.check_same(wanted, &arguments.state).with_context(|| {
        format!("an index of something else was begun in {folder} and not finished: finish it, or remove {folder}/.weir")
    })
}

fn take_in(
    config: &Config,
    ingredients: &Ingredients,
    source: impl Source,
    working: &OutputFolder,
    base: &Base,
    mut manifest: Manifest,
) -> Result<IndexEnd> {
    let mut counts = None;
    if manifest.phase == RunPhase::Reading {
        let stop = Stop::listen()?;
        let partitions = source.partitions().to_vec();
        let mut restored = assemble::engine(config, ingredients, &working.state(), partitions)?;
        restored.begin_run_if_new(manifest.run);
        restored.engine.only_index();
        let progress = Progress::reading(source.size_hint());
        let mut stage = Stage::open(source, Discard, restored, Pace::of_files(config))?;
        while stage.step(None)? {
            progress.at(stage.source().consumed(), stage.engine().counts());
            if stop.is_asked() {
                progress.done();
                return Ok(IndexEnd::Stopped);
            }
        }
        let (engine, _) = stage.finish(true)?;
        progress.done();
        let counted = engine.counts().clone();
        info!(documents = counted.clean, "indexed");
        if counted.dead_letters > 0 {
            warn!("{} records are no documents and were passed over", counted.dead_letters);
        }
        counts = Some(Box::new(counted));
        manifest.phase = RunPhase::Published;
        manifest.write(&working.manifest())?;
        connectors::kill::point("index.decided");
    }
    base.replace(&working.state(), manifest.run)?;
    manifest.phase = RunPhase::Finished;
    manifest.write(&working.manifest())?;
    Ok(IndexEnd::Finished(counts))
}
