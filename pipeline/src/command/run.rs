//! `weir run`: how does the filter begin as a long-lived stage between Kafka topics?
//!
//! This file checks configuration and topics and restores the state; `run/member.rs` says what the
//! process does then.

mod lag;
mod member;
mod redecide;
mod seed;
mod watermarks;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use connectors::{
    file::FolderLock,
    kafka::{WithoutSnapshot, check_topics},
};
use tracing::{info, warn};

use self::{member::GroupMember, seed::with_group_seed};
use super::{
    process::{BAD_CONFIG, start_threads},
    terminal::say,
};
use crate::{
    config::{Config, load::Loaded},
    engine::fault::Faults,
    layout::StateFolder,
    registry,
    run::{Ingredients, Restart, assemble, rules::RuleBook},
    signals::Stop,
    state::{base::Base, crash_journal::CrashJournal, snapshot::Snapshots},
    watch::{ProcessPhase, Watch, serve, watch_disk},
};

/// A loop that has not moved for this long, and does not wait for a broker, is stuck.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// How often the watchdog looks whether the process was asked to stop.
const WATCHDOG_POLL: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Read everything again along the journal: a new standby, or a state that was lost. With the
    /// journal TOPIC of another group over the same input: decide the same documents again, with
    /// this group's own state and topics, until that journal ends; killed and given again, it goes
    /// on.
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "TOPIC")]
    #[expect(clippy::option_option, reason = "not given, given without a value, given with one")]
    pub from_journal: Option<Option<String>>,
    /// A state made by `weir index`: a group that has none yet begins with a copy of it, so that
    /// copies of indexed documents are known from the first document on. Every process of the group
    /// needs the same one; one that has a state passes it over.
    #[arg(long, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Go on without what is gone. Input records that were removed before they were read are told
    /// as lost, and reading goes on at the oldest one left; those that the state would have to read
    /// again are passed over, and it forgets them. Where the journal does not lead on from the state,
    /// go on at the committed offsets with the state that there is. Without a state, and without
    /// --from-journal, go on there with an empty one.
    #[arg(long)]
    pub accept_loss: bool,
    /// Threads for detectors; 0: one for each core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    let config = &loaded.config;
    start_threads(config, arguments.threads)?;
    let kafka = match loaded.kafka() {
        Ok(kafka) => kafka,
        Err(problems) => {
            say(&problems.to_string());
            return Ok(ExitCode::from(BAD_CONFIG));
        }
    };
    let followed = arguments.from_journal.as_ref().and_then(Option::as_deref);
    if let (Some(topic), true) = (followed, arguments.accept_loss) {
        bail!("--from-journal={topic} decides every document of that journal again, and --accept-loss would leave some out");
    }
    let kafka = match followed {
        Some(topic) => redecide::configure(kafka, topic)?,
        None => kafka,
    };
    let directory = config.state.directory.as_path();
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    let _lock = FolderLock::acquire(directory)?;
    let stop = Stop::listen_as_service()?;
    let state = StateFolder::new(directory.join("state"));
    watch_shutdown(&stop, config.kafka.shutdown, state.root().to_owned())?;
    let checked = check_topics(&kafka)?;
    if !checked.created.is_empty() {
        info!(topics = checked.created.join(", "), "made topics that were not there");
    }
    for warning in checked.warnings {
        warn!("{warning}");
    }
    let config = &with_group_seed(config, &kafka, followed, directory, &state)?;
    let ingredients = Ingredients::gather(config, config.background.path.as_deref(), None, &[])?;
    for warning in &ingredients.warnings {
        warn!("{warning}");
    }
    let watch = Watch::new(ingredients.verdict_digest_hex(), SILENCE_MAX);
    let listen = &config.metrics.listen;
    let _server = (!listen.is_empty()).then(|| serve(listen, Arc::clone(&watch))).transpose()?;
    watch_disk(&watch, directory.to_owned(), config.state.free_bytes_min).context("start the thread that looks at the disk")?;
    watch.phase(ProcessPhase::Restoring { done: 0, of: 0 });
    let without_snapshot = if arguments.from_journal.is_some() {
        WithoutSnapshot::FromJournal
    } else if arguments.accept_loss {
        WithoutSnapshot::AcceptLoss
    } else {
        WithoutSnapshot::Refuse
    };
    let member = GroupMember {
        config,
        kafka: &kafka,
        limits: checked.limits,
        without_snapshot,
        accepts_loss: arguments.accept_loss,
        redecided: followed,
        stop: &stop,
        watch,
    };
    if let Some(index) = &arguments.index {
        begin_with(index, &state, config)?;
    }
    let mut restored = assemble::engine_with(config, &ingredients, &state, Vec::new(), Faults::from_environment())?;
    restored.begin_after_index();
    let rules = RuleBook::open(config.clone(), ingredients, state, arguments.accept_loss)?;
    member.run(restored, rules)?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the process when draining takes longer than `limit`, so that a broker that is away does not
/// keep it. Nothing is lost by that.
fn watch_shutdown(stop: &Stop, limit: Duration, state: PathBuf) -> Result<()> {
    let stop = stop.clone();
    let wait = move || {
        while !stop.is_asked() {
            thread::sleep(WATCHDOG_POLL);
        }
        thread::sleep(limit);
        say(&format!("weir: draining took longer than {limit:?}; the last batch is not committed and will be read again"));
        // It waited for brokers: the batch in flight has not crashed it.
        if let Err(error) = CrashJournal::forget_in_flight(&state) {
            say(&format!("weir: {error}"));
        }
        std::process::exit(1);
    };
    thread::Builder::new().name("weir-watchdog".to_owned()).spawn(wait).context("start the shutdown watchdog")?;
    Ok(())
}

/// Copies an index to where the state belongs, unless there is a state already.
fn begin_with(index: &Path, state: &StateFolder, config: &Config) -> Result<()> {
    if Snapshots::open(&state.snapshots())?.newest()?.is_some() {
        return Ok(());
    }
    let base = Base::open(index)?;
    if base.next_run() == 0 {
        bail!("--index {}: got a folder without a state, expected one made by `weir index`", index.display());
    }
    let _lock = FolderLock::acquire(index)?;
    base.copy_to(state)?;
    let newest = Snapshots::open(&state.snapshots())?.newest()?;
    let operators = registry::keyed(&config.operators).len();
    let decided =
        newest.map(|(_, body)| Restart::decode(&body, operators).map(|(head, _)| head.checkpoint.is_some())).transpose()?;
    if decided != Some(false) {
        fs::remove_dir_all(state.root()).with_context(|| format!("remove {}", state.root().display()))?;
        bail!("--index {}: got the state of a replay, expected one made by `weir index` alone", index.display());
    }
    info!(index = %index.display(), "begins with an index");
    Ok(())
}
