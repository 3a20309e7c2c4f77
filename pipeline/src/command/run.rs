//! `weir run`: the filter as a long-lived stage between Kafka topics.
//!
//! ```text
//! standby   follows the journal silently, until it ends or has been silent for long enough
//! active    fences whoever was before, reads the journal to its end, and goes on: one transaction a batch
//!           or, with `--from-journal=TOPIC`, decides again what another group has decided, and ends
//! ```
//!
//! Every process begins as a standby, a lone one too: after a clean end the next one takes over at once.

mod again;
mod marks;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use connectors::{
    file::{FolderLock, write_atomically},
    kafka::{JournalReader, KafkaCommitter, KafkaConfig, KafkaSource, TopicLimits, WithoutSnapshot, check_topics},
};
use tracing::{info, warn};

use self::{again::Again, marks::Marks};
use super::{
    process::{BAD_CONFIG, start_threads},
    terminal::say,
};
use crate::{
    assemble::{self, Ingredients, Restored},
    config::{Config, load::Loaded},
    encode::hex,
    engine::fault::Faults,
    follower::Follower,
    journal::Journal,
    layout::StateFolder,
    signals::Stop,
    stage::{self, Pace, Stage},
    state::{base::Base, deaths::Deaths, snapshot::Snapshots},
    watch::{Phase, Watch, serve},
};

/// A loop that has not moved for so long, and does not wait for a broker, is stuck.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// How long a standby waits for journal records before it looks around.
const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Read everything again along the journal: a new standby, or a state that was lost. With the journal TOPIC of another
    /// group over the same input: decide the same documents again, with this group's own state and topics, until that journal
    /// ends; killed and given again, it goes on.
    #[arg(long, conflicts_with = "accept_loss", num_args = 0..=1, require_equals = true, value_name = "TOPIC")]
    #[expect(clippy::option_option, reason = "not given, given without a value, given with one")]
    pub from_journal: Option<Option<String>>,
    /// A state made by `weir index`: a group that has none yet begins with a copy of it, so that copies of indexed documents
    /// are known from the first document on. Every process of the group needs the same one; one that has a state passes it over.
    #[arg(long, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Go on at the committed offsets with an empty state: what was learned before is forgotten.
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
    let kafka = match followed {
        Some(topic) => again::configure(kafka, topic)?,
        None => kafka,
    };
    let directory = config.state.directory.as_path();
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    let _lock = FolderLock::acquire(directory)?;
    let stop = Stop::listen()?;
    let state = StateFolder::new(directory.join("state"));
    watch_shutdown(&stop, config.kafka.shutdown, state.root().to_owned())?;
    let seed = [own_seed(directory)?];
    let ingredients = Ingredients::gather(config, config.background.path.as_deref(), None, &seed)?;
    for warning in &ingredients.warnings {
        warn!("{warning}");
    }
    let checked = check_topics(&kafka)?;
    for line in checked.created.iter().map(|topic| format!("made topic {topic}")).chain(checked.warnings) {
        warn!("{line}");
    }
    let watch = Watch::new(ingredients.verdict_digest_hex(), SILENCE_MAX);
    let listen = &config.metrics.listen;
    let _server = (!listen.is_empty()).then(|| serve(listen, Arc::clone(&watch))).transpose()?;
    watch.phase(Phase::Restoring { done: 0, of: 0 });
    let run = Run { config, arguments, followed, kafka: &kafka, limits: checked.limits, stop: &stop, watch };
    if let Some(index) = &arguments.index {
        begin_with(index, &state)?;
    }
    let mut restored = assemble::engine_with(config, &ingredients, &state, Vec::new(), Faults::from_environment())?;
    restored.begin_after_index();
    run.go(restored)?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the process when draining takes too long: a broker that is away must not keep it. Nothing is lost by it.
fn watch_shutdown(stop: &Stop, limit: Duration, state: PathBuf) -> Result<()> {
    let stop = stop.clone();
    let wait = move || {
        while !stop.is_asked() {
            thread::sleep(POLL);
        }
        thread::sleep(limit);
        say(&format!("weir: draining took longer than {limit:?}; the last batch is not committed and will be read again"));
        // It waited for brokers: the batch in hand has killed nobody.
        if let Err(error) = Deaths::forgive(&state) {
            say(&format!("weir: {error}"));
        }
        std::process::exit(1);
    };
    thread::Builder::new().name("weir-watchdog".to_owned()).spawn(wait).context("start the shutdown watchdog")?;
    Ok(())
}

/// Copies an index to where the state belongs, unless there is one already.
fn begin_with(index: &Path, state: &StateFolder) -> Result<()> {
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
    let decided = newest.map(|(_, body)| stage::read_head(&body).map(|(head, _)| head.mark.is_some())).transpose()?;
    if decided != Some(false) {
        fs::remove_dir_all(state.root()).with_context(|| format!("remove {}", state.root().display()))?;
        bail!("--index {}: got the state of a replay, expected one made by `weir index` alone", index.display());
    }
    info!(index = %index.display(), "begins with an index");
    Ok(())
}

/// What the hash seed is drawn from where neither a background nor the configuration fixes it: made once, at random.
fn own_seed(directory: &Path) -> Result<String> {
    let path = directory.join("seed");
    match fs::read_to_string(&path) {
        Ok(seed) => Ok(seed),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0; 16];
            fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).context("read /dev/urandom")?;
            let seed = hex(&bytes);
            write_atomically(&path, seed.as_bytes())?;
            Ok(seed)
        }
        Err(e) => Err(e).with_context(|| format!("read {}", path.display())),
    }
}

/// The stage of an active process.
type Active = Stage<KafkaSource, KafkaCommitter>;

struct Run<'a> {
    config: &'a Config,
    arguments: &'a Arguments,
    /// The journal of another group that is decided again.
    followed: Option<&'a str>,
    kafka: &'a KafkaConfig,
    limits: TopicLimits,
    stop: &'a Stop,
    watch: Arc<Watch>,
}

/// Why a standby stands by no longer.
enum Ended {
    /// A signal came.
    Asked,
    /// The last active process ended in order, or there was none.
    InOrder,
    /// Nothing was heard of the active process for so long.
    Silent,
}

impl Run<'_> {
    fn go(&self, mut restored: Restored) -> Result<()> {
        restored.engine.use_broker();
        let mark = restored.restart.mark.take();
        let has_snapshot = mark.is_some();
        let source = KafkaSource::new(self.kafka, self.config.input.limits())?;
        let numbering = source.input_partitions();
        let mut without = WithoutSnapshot::Refuse;
        let mut reader = JournalReader::from_checkpoint(self.kafka, mark.as_deref())?;
        if mark.is_none() {
            if self.arguments.accept_loss {
                without = WithoutSnapshot::AcceptLoss;
                restored.restart.positions = source.committed()?.unwrap_or_default();
                restored.restart.partitions = numbering.names();
            } else if self.arguments.from_journal.is_some() {
                without = WithoutSnapshot::FromJournal;
            } else if reader.behind()? > 1 {
                bail!(
                    "group {} has a journal, but there is no snapshot in {}: --from-journal reads everything again along the \
                     journal, --accept-loss goes on at the committed offsets and forgets what was learned before",
                    self.kafka.group,
                    self.config.state.directory.display()
                );
            }
        }
        let pace = Pace {
            batch_documents: self.config.engine.batch_documents,
            batch_bytes: self.config.engine.batch_bytes,
            snapshot_documents: self.config.state.snapshot_documents,
        };
        let mut again = match self.followed {
            Some(topic) => Some(Again::open(self.kafka, topic, restored.engine.settings().verdict_digest, self.stop)?),
            None => None,
        };
        let mut follower = Follower::open(source, restored, pace)?;
        if again.is_some() {
            follower.follow_numbers();
        }
        let mut mark = mark;
        if without != WithoutSnapshot::AcceptLoss {
            let ended = self.stand_by(&mut follower, &mut reader, &mut mark)?;
            if matches!(ended, Ended::Asked) {
                return Ok(());
            }
            if let Some(again) = &mut again {
                again.pass_to(&follower, self.stop)?;
                // Nobody is fenced for nothing.
                if matches!(ended, Ended::InOrder) && mark.is_some() && again.is_done(self.stop)? {
                    info!(documents = follower.engine().next(), "the journal was decided again before, nothing is left");
                    return Ok(());
                }
            }
        }
        drop(reader);
        let began = Instant::now();
        let committer = KafkaCommitter::new(self.kafka, self.limits.clone(), numbering, without)?;
        #[cfg(feature = "faults")]
        let committer = committer.with_protocol_fault(connectors::kafka::ProtocolFault::from_environment());
        let mut stage = {
            let _waiting = self.watch.waiting("take over");
            Stage::activate(follower, committer, mark.as_deref())?.watched_by(Arc::clone(&self.watch))
        };
        if !has_snapshot {
            stage.ensure_snapshot()?;
        }
        self.watch.phase(Phase::Active);
        info!(seconds = began.elapsed().as_secs_f64(), documents = stage.engine().next(), "active");
        match again {
            Some(again) => self.decide_again(stage, again),
            None => self.be_active(stage),
        }
    }

    /// Follows the journal until it is time to take over, or a signal comes.
    fn stand_by(
        &self,
        follower: &mut Follower<KafkaSource>,
        reader: &mut JournalReader,
        mark: &mut Option<Vec<u8>>,
    ) -> Result<Ended> {
        let takeover_after = self.config.kafka.takeover_after;
        info!(documents = follower.engine().next(), "standby: following the journal");
        // A group without a journal has no active process, and none is left where the last record before was a last one.
        let mut ended = match reader.before() {
            Some(record) => Journal::decode(record).is_ok_and(|journal| journal.is_last),
            None => mark.is_none() && reader.behind()? <= 1 && reader.next_offset() == 0,
        };
        loop {
            for (offset, record) in reader.poll(POLL)? {
                ended = follower.follow(&record)?.is_last;
                *mark = Some(reader.checkpoint_after(offset, &record));
                if follower.is_snapshot_due() {
                    follower.snapshot(mark.as_deref().unwrap_or_default())?;
                }
            }
            // Brokers that are away are no reason to end, and none to take over.
            let behind = reader.behind().unwrap_or(u64::MAX);
            self.watch.phase(Phase::Standby { behind });
            if self.stop.is_asked() {
                if let Some(mark) = mark.as_deref() {
                    follower.snapshot(mark)?;
                }
                follower.finish()?;
                return Ok(Ended::Asked);
            }
            if behind <= 1 && ended {
                return Ok(Ended::InOrder);
            }
            if behind <= 1 && reader.silent_for() >= takeover_after {
                return Ok(Ended::Silent);
            }
        }
    }

    fn be_active(&self, mut stage: Active) -> Result<()> {
        let heartbeat = self.config.kafka.heartbeat;
        let settle_after = self.config.kafka.settle_after;
        let (mut committed, mut worked, mut marks) = (Instant::now(), Instant::now(), Marks::every(heartbeat));
        stage.heartbeat(false)?;
        while !self.stop.is_asked() {
            self.watch.beat();
            self.watch.lag(&stage.source().lag());
            marks.write_if_due(&mut stage, worked.elapsed() >= settle_after);
            if stage.step(None)? {
                (committed, worked) = (Instant::now(), Instant::now());
            } else if committed.elapsed() >= heartbeat {
                stage.heartbeat(false)?;
                committed = Instant::now();
            }
        }
        info!("draining");
        self.watch.phase(Phase::Stopping);
        stage.heartbeat(true)?;
        let (engine, _) = stage.finish(true)?;
        info!(documents = engine.next(), "ended");
        Ok(())
    }
}
