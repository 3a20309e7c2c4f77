//! Runs a stage whose source and sink are in memory, and disturbs it.
//!
//! The process "dies" when the stage is dropped; a new stage is then opened on the same sink and
//! the same state folder, which alone survive. [`run`] repeats this until the input is at its end.
//! [`undisturbed`] gives what the same records must lead to.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use connectors::{
    committer::Channel,
    memory::{FaultScript, Faults, MemoryCommitter, MemoryLog, MemorySource},
    source::{Limit, Payload, Record, Source as _},
};
use operators::background::Background;
use pipeline::{
    config::Config,
    engine,
    journal::Journal,
    layout::StateFolder,
    output,
    run::{Ingredients, Lists, Pace, Stage, assemble},
};

use crate::{
    random::Random,
    stream::{SEED, world},
};

/// Says how a run is disturbed.
#[derive(Clone, Debug, Default)]
pub struct Disturbance {
    /// Which calls of the source and the sink fail, and how.
    pub script: FaultScript,
    /// After how many steps the process dies, again and again; 0 means never.
    pub die_every: usize,
    /// Whether the newest snapshot is damaged at some of the deaths.
    pub tear_snapshots: bool,
    /// Faults of the engine itself: phases that panic, safeties that are switched off.
    pub faults: engine::fault::Faults,
    /// Whether the engine has no background and must learn one from its own past.
    pub bootstraps: bool,
    /// Seed of the batch sizes and of the order in which partitions are read.
    pub seed: u64,
}

/// What is left after a disturbed run.
#[derive(Debug)]
pub struct DisturbedRun {
    /// Everything that was committed.
    pub log: MemoryLog,
    /// How often the process died.
    pub deaths: usize,
}

/// After so many deaths a run counts as one that makes no progress.
const DEATHS_MAX: usize = 400;

fn ingredients(background: &Arc<Background>) -> Ingredients {
    Ingredients {
        background: Arc::clone(background),
        seed: SEED,
        verdicts: Vec::new(),
        lists: Lists::default(),
        verdict_digest: [7; 16],
        warnings: Vec::new(),
    }
}

fn background(bootstraps: bool) -> Arc<Background> {
    if bootstraps { Arc::new(Background::empty(SEED)) } else { Arc::clone(&world().background) }
}

/// Runs `lines` to their end under a disturbance, with as many lives as that takes.
///
/// # Errors
/// With a description, if the stage makes no progress, or the state refuses.
pub fn run(config: &Config, lines: &[Vec<Vec<u8>>], disturbance: &Disturbance, folder: &Path) -> Result<DisturbedRun, String> {
    let log = Arc::new(Mutex::new(MemoryLog::default()));
    let faults = Faults::new(disturbance.script.clone());
    let mut random = Random::new(disturbance.seed);
    let mut deaths = 0;
    loop {
        let ended = live(config, lines, disturbance, folder, &log, &faults, &mut random);
        match ended {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) if error.contains("injected fault") => {}
            Err(error) => return Err(error),
        }
        deaths += 1;
        if deaths > DEATHS_MAX {
            return Err("no progress".to_owned());
        }
        if disturbance.tear_snapshots && random.one_in(2) {
            tear_newest(&StateFolder::new(folder.to_owned()), &mut random);
        }
    }
    let log = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(DisturbedRun { log, deaths })
}

/// Runs one life of the process. It returns true at the end of the input and false at a death.
fn live(
    config: &Config,
    lines: &[Vec<Vec<u8>>],
    disturbance: &Disturbance,
    folder: &Path,
    log: &Arc<Mutex<MemoryLog>>,
    faults: &Faults,
    random: &mut Random,
) -> Result<bool, String> {
    let source = MemorySource::new(lines.to_vec(), random.draw(), faults.clone());
    let committer = MemoryCommitter::new(Arc::clone(log), faults.clone());
    let state = StateFolder::new(folder.to_owned());
    let names = source.partitions().to_vec();
    let mut restored = assemble::engine_with(
        config,
        &ingredients(&background(disturbance.bootstraps)),
        &state,
        names,
        disturbance.faults.clone(),
    )
    .map_err(|e| format!("{e:#}"))?;
    // The undisturbed run remembers everything.
    restored.engine.forget_beyond_reach();
    let pace = Pace {
        batch_documents: [1, 2, 7, 64][random.below(4)],
        batch_bytes: 1 << 20,
        snapshot_documents: config.state.snapshot_documents,
        snapshot_every: Duration::MAX,
    };
    let mut stage = Stage::open(source, committer, restored, pace).map_err(|e| e.to_string())?;
    let mut steps = 0;
    while stage.step(None).map_err(|e| e.to_string())? {
        steps += 1;
        if disturbance.die_every > 0 && steps > random.below(2 * disturbance.die_every) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Damages the newest snapshot, if there is an older one to fall back on.
fn tear_newest(state: &StateFolder, random: &mut Random) {
    let Ok(entries) = fs::read_dir(state.snapshots()) else { return };
    let mut paths: Vec<_> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "snapshot")).collect();
    paths.sort();
    if paths.len() < 2 {
        return;
    }
    let newest = &paths[paths.len() - 1];
    let Ok(mut bytes) = fs::read(newest) else { return };
    let at = random.below(bytes.len());
    if random.one_in(2) {
        bytes.truncate(at);
    } else {
        bytes[at] ^= 0x40;
    }
    // A test that cannot write its own folder fails elsewhere.
    let _ = fs::write(newest, bytes);
}

/// Returns the records that a sink's journal names, in the order in which they were read.
///
/// # Panics
/// If the journal is not what the engine wrote.
#[must_use]
pub fn order_of(log: &MemoryLog, lines: &[Vec<Vec<u8>>]) -> Vec<Record> {
    let mut records = Vec::new();
    for bytes in &log.journal {
        let journal = Journal::decode(bytes).expect("a journal record");
        for run in journal.runs {
            for offset in run.first..run.first + u64::from(run.count) {
                let payload = Payload::Line(lines[run.partition as usize][offset as usize].clone());
                let position = connectors::position::Position { partition: run.partition, offset };
                records.push(Record::new(position, offset, payload));
            }
        }
    }
    records
}

/// Runs an engine that nothing disturbs over the records, `batch` at a time, and returns what it
/// writes, each line with its channel.
///
/// # Panics
/// If it fails: nothing should.
#[must_use]
pub fn undisturbed(
    config: &Config,
    records: Vec<Record>,
    partitions: usize,
    batch: usize,
    bootstraps: bool,
    faults: engine::fault::Faults,
    folder: &Path,
) -> Vec<(Channel, Vec<u8>)> {
    let names = (0..partitions).map(|p| format!("memory/{p}")).collect();
    let state = StateFolder::new(folder.to_owned());
    let mut engine =
        assemble::engine_with(config, &ingredients(&background(bootstraps)), &state, names, faults).expect("a new engine").engine;
    let mut out = Vec::new();
    let mut records = records.into_iter().peekable();
    while records.peek().is_some() {
        let some: Vec<Record> = records.by_ref().take(batch).collect();
        let processed = engine.process(engine.prepare(some, None)).expect("processed");
        let lines = output::records(engine.settings(), &processed.outcomes);
        out.extend(lines.into_iter().flatten().map(|line| (line.channel, line.value.into_owned())));
    }
    assert!(engine.counts().is_whole(), "every record is accounted for: {:?}", engine.counts());
    out
}

/// Reads all records that a memory source makes of these lines.
///
/// # Panics
/// If the source fails.
#[must_use]
pub fn read_all(lines: &[Vec<Vec<u8>>]) -> Vec<Record> {
    let mut source = MemorySource::new(lines.to_vec(), 1, Faults::default());
    let mut all = Vec::new();
    loop {
        let some = source.read(Limit { records: 100, bytes: 1 << 20 }).expect("nothing is injected");
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}
