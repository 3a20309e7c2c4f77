//! How do configuration, background and state folder become an engine?
//!
//! The newest sound snapshot says how long the logs were; they are cut to these lengths, then the
//! snapshot's tables are read. Without a snapshot everything begins empty.

use std::{collections::BTreeSet, fs, sync::Arc};

use anyhow::{Context as _, Result, bail};
use operators::{background::Background, codec::Decoder, document::SeqNo, lookup::Recollection, text::Tokenizer};

use crate::{
    config::{Config, state_layout::state_layout},
    engine::{Bootstrap, Engine, EngineParts, JournalUse, LogLengths, MakeInspectors, Reach, Settings, Spent, fault::Faults},
    features::Features,
    layout::StateFolder,
    registry::{self, Keyed, Materials},
    run::{
        ingredients::{Ingredients, decode_options, platforms},
        lists::Lists,
        restart::Restart,
        restored::Restored,
    },
    state::{
        crash_journal::CrashJournal, horizon::Horizon, ledger::Ledger, made_with::MadeWith, replay_log::ReplayLog,
        snapshot::Snapshots, sync_folder,
    },
};

/// Builds the engine over a state folder, which is made if it is missing.
///
/// # Errors
/// If the state cannot be read, or was made with another seed.
pub fn engine(config: &Config, ingredients: &Ingredients, state: &StateFolder, partitions: Vec<String>) -> Result<Restored> {
    engine_with(config, ingredients, state, partitions, Faults::default())
}

/// As [`engine`], with what a test breaks.
///
/// # Errors
/// As [`engine`].
pub fn engine_with(
    config: &Config,
    ingredients: &Ingredients,
    state: &StateFolder,
    partitions: Vec<String>,
    faults: Faults,
) -> Result<Restored> {
    engine_of(&registry::keyed(&config.operators), config, ingredients, state, partitions, faults)
}

/// As [`engine_with`], with a list of keyed operators other than the product's.
///
/// # Errors
/// As [`engine`].
pub fn engine_of(
    keyed: &[Keyed<'_>],
    config: &Config,
    ingredients: &Ingredients,
    state: &StateFolder,
    partitions: Vec<String>,
    faults: Faults,
) -> Result<Restored> {
    let snapshots = Snapshots::open(&state.snapshots())?;
    let snapshot = snapshots.newest()?;
    if snapshot.is_some() {
        check_operators(keyed.iter().map(|entry| entry.name), state)?;
    }
    let settings = Settings { faults, ..ingredients.settings(config, partitions)? };
    let (restart, tables) = match &snapshot {
        Some((_, body)) => {
            let (restart, tables) = Restart::decode(body, keyed.len())?;
            let (got, expected) = (restart.seed.0, ingredients.seed.0);
            if got != expected {
                bail!("{} was made with hash seed {got}, and this run has {expected}", state.root().display());
            }
            (restart, Some(tables))
        }
        None => (Restart::at_beginning(ingredients.seed), None),
    };
    MadeWith::new(state_layout(config)).keep(state, snapshot.is_none())?;
    let mut engine = build(keyed, config, ingredients, state, settings, &restart.logs, tables)?;
    let crash_journal = CrashJournal::open(state.root())?;
    engine.skip(crash_journal.poison_records());
    Ok(Restored { engine, snapshots, crash_journal, restart })
}

/// Builds an engine under other rules over the same state, from what another engine has saved and
/// flushed. `old` are that one's settings; what does not belong to the rules stays.
///
/// # Errors
/// If the state cannot be read, or the rules lay it out otherwise.
pub fn engine_again(
    config: &Config,
    ingredients: &Ingredients,
    state: &StateFolder,
    old: Settings,
    logs: &LogLengths,
    body: &[u8],
) -> Result<Engine> {
    MadeWith::new(state_layout(config)).keep(state, false)?;
    let Settings { epoch, quarantine_score, decode, features, reach, verdict_digest, .. } =
        ingredients.settings(config, Vec::new())?;
    let settings = Settings { epoch, quarantine_score, decode, features, reach, verdict_digest, ..old };
    build(&registry::keyed(&config.operators), config, ingredients, state, settings, logs, Some(Decoder::new(body)))
}

/// Opens the logs, cut to these lengths, and makes an engine of them and of the tables of a
/// snapshot.
fn build(
    keyed: &[Keyed<'_>],
    config: &Config,
    ingredients: &Ingredients,
    state: &StateFolder,
    settings: Settings,
    logs: &LogLengths,
    tables: Option<Decoder<'_>>,
) -> Result<Engine> {
    let learns = ingredients.learns(config);
    let asked = keyed.iter().map(|entry| entry.recollection).max().unwrap_or_default();
    let ledger = Ledger::open(&state.ledger(), settings.reach.span(), logs.next, logs.ledger_tail)?;
    let horizon = Horizon::open(
        &state.horizon(),
        if learns { asked.max(Recollection::Tokens) } else { asked },
        config.state.horizon_documents,
        config.state.horizon_memory_bytes,
        logs.next,
        logs.horizon_tail,
    )?;
    let materials = ingredients.materials(config, &ingredients.background);
    let mut operators = Vec::with_capacity(keyed.len());
    for (number, entry) in keyed.iter().enumerate() {
        let tail = logs.replay_logs.get(number).copied().unwrap_or(0);
        let replay_log = ReplayLog::open(&state.replay_log(entry.name), logs.next, tail)?;
        operators.push(entry.make(number, &materials, replay_log));
    }
    sync_folder(&state.replay_logs())?;
    sync_folder(state.root())?;
    let bootstrap = learns.then(|| Bootstrap::new(state.root().to_owned(), config.operators.trigger_spike.bootstrap_documents));
    let mut engine = Engine::new(EngineParts {
        settings,
        background: Arc::clone(&ingredients.background),
        bootstrap,
        make_inspectors: ingredients.make_inspectors(config),
        allowed: ingredients.lists.allow.clone(),
        operators,
        ledger,
        horizon,
    });
    if let Some(mut tables) = tables {
        engine.load(logs, &mut tables)?;
        tables.end()?;
    }
    Ok(engine)
}

/// Refuses a state that was made with another list of keyed operators. The sections of a snapshot stand
/// in the order of that list and do not name their operators; the folders of the replay logs do.
fn check_operators<'a>(names: impl Iterator<Item = &'a str>, state: &StateFolder) -> Result<()> {
    let folder = state.replay_logs();
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let made_with: BTreeSet<String> =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    if names != made_with {
        let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let root = state.root().display();
        bail!("{root} was made with the operators {}, and this program has {}", list(&made_with), list(&names));
    }
    Ok(())
}

impl Ingredients {
    fn settings(&self, config: &Config, partitions: Vec<String>) -> Result<Settings> {
        let platforms = platforms(config, &self.background)?;
        Ok(Settings {
            epoch: config.engine.epoch,
            quarantine_score: config.policy.quarantine_score,
            decode: decode_options(config),
            features: Features {
                seed: self.seed,
                tokenizer: Tokenizer::new(self.seed, config.input.tokens_max),
                platforms,
                detects_language: config.operators.read_language(),
                // What is learned is learned from all of a text.
                words: if self.learns(config) { usize::MAX } else { config.operators.read_words() },
            },
            partitions,
            format: config.output.format,
            broker: false,
            forgets: false,
            reach: Reach::new(remembered_documents(config), config.engine.epoch),
            shard: None,
            journal: JournalUse::Kept,
            only_indexes: false,
            background: self.judges_by(config).then(|| Arc::clone(&self.background)),
            verdict_digest: self.verdict_digest,
            skips: BTreeSet::new(),
            faults: Faults::default(),
            spent: Spent::default(),
        })
    }

    /// Whether a background is learned from the stream itself.
    fn learns(&self, config: &Config) -> bool {
        self.background.documents() == 0 && config.operators.read_background()
    }

    /// Whether operators judge by a background that was given, and is not learned from the stream itself.
    fn judges_by(&self, config: &Config) -> bool {
        self.background.documents() > 0 && config.operators.read_background()
    }

    fn materials<'a>(&'a self, config: &Config, background: &'a Arc<Background>) -> Materials<'a> {
        let Lists { allow, deny, .. } = &self.lists;
        let epoch = config.engine.epoch;
        Materials { seed: self.seed, background, epoch, allow, deny, verdicts: &self.verdicts }
    }

    fn make_inspectors(&self, config: &Config) -> MakeInspectors {
        let (ingredients, config) = (self.clone(), config.clone());
        Box::new(move |background| registry::stateless(&config.operators, &ingredients.materials(&config, background)))
    }
}

/// How far back an operator or the horizon refers to documents.
fn remembered_documents(config: &Config) -> SeqNo {
    let operators = config.operators.tables().map(|(_, table)| table.reach());
    operators.into_iter().fold(config.state.horizon_documents, SeqNo::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_other_operators_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::new(folder.path().to_owned());
        for name in ["exact_dedup", "near_dup"] {
            fs::create_dir_all(state.replay_log(name)).expect("made");
        }
        check_operators(["near_dup", "exact_dedup"].into_iter(), &state).expect("the same");
        for names in [&["exact_dedup"][..], &["exact_dedup", "near_dup", "one_more"]] {
            let refused = check_operators(names.iter().copied(), &state).expect_err("others").to_string();
            assert!(refused.contains("made with the operators exact_dedup, near_dup, and this program"), "{refused}");
        }
    }
}
