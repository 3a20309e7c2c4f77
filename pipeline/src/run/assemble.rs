//! How do configuration, background and state folder become an engine?
//!
//! The newest sound snapshot says how long the logs were; they are cut to these lengths, then the
//! snapshot's tables are read. Without a snapshot everything begins empty.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Result, bail};
use operators::{
    document::SeqNo,
    exact_dedup::ExactDedup,
    gibberish::Gibberish,
    hidden_text::HiddenText,
    inspect::Inspector,
    integrity::Integrity,
    mode::Mode,
    near_dup::NearDup,
    operator::Operator as _,
    reputation::{Reputation, publisher::Platforms},
    text::Tokenizer,
    trigger_spike::TriggerSpike,
    unicode::Unicode,
};

use crate::{
    config::{Config, state_layout::state_layout},
    engine::{Bootstrap, Engine, Lane, Lanes, MakeInspectors, Parts, Reach, Settings, fault::Faults},
    features::Features,
    layout::StateFolder,
    run::{
        ingredients::{Ingredients, Lists, decode_options},
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
    let snapshots = Snapshots::open(&state.snapshots())?;
    let snapshot = snapshots.newest()?;
    let settings = Settings { faults, ..ingredients.settings(config, partitions)? };
    let (restart, tables) = match &snapshot {
        Some((_, body)) => {
            let (restart, tables) = Restart::decode(body)?;
            let (got, expected) = (restart.seed.0, ingredients.seed.0);
            if got != expected {
                bail!("{} was made with hash seed {got}, and this run has {expected}", state.root().display());
            }
            (restart, Some(tables))
        }
        None => (Restart::at_beginning(ingredients.seed), None),
    };
    let logs = restart.logs;
    MadeWith::new(state_layout(config)).keep(state, snapshot.is_none())?;
    let ledger = Ledger::open(&state.ledger(), settings.reach.span(), logs.next, logs.ledger_tail)?;
    let horizon = Horizon::open(
        &state.horizon(),
        settings.features.tokenizer.clone(),
        config.state.horizon_documents,
        config.state.horizon_memory_bytes,
        logs.next,
        logs.horizon_tail,
    )?;
    let all = &config.operators;
    let [exact, near, spike] = logs.replay_log;
    let replay_log = |name, tail| ReplayLog::open(&state.replay_log(name), logs.next, tail);
    let lanes = Lanes {
        exact: Lane::new(
            ExactDedup::new(all.exact_dedup.clone(), ingredients.seed),
            all.exact_dedup.mode,
            replay_log(ExactDedup::NAME, exact)?,
        ),
        near: Lane::new(NearDup::new(&all.near_dup, ingredients.seed), all.near_dup.mode, replay_log(NearDup::NAME, near)?),
        spike: Lane::new(
            TriggerSpike::new(all.trigger_spike.clone(), Arc::clone(&ingredients.background), config.engine.epoch),
            all.trigger_spike.mode,
            replay_log(TriggerSpike::NAME, spike)?,
        ),
    };
    sync_folder(&state.root().join("traces"))?;
    sync_folder(state.root())?;
    let own = ingredients.background.documents() == 0;
    let bootstrap = own.then(|| Bootstrap::new(state.root().to_owned(), config.operators.trigger_spike.bootstrap_documents));
    let mut engine = Engine::new(Parts {
        settings,
        background: Arc::clone(&ingredients.background),
        bootstrap,
        make_inspectors: ingredients.make_inspectors(config),
        reputation: ingredients.reputation(config),
        lanes,
        ledger,
        horizon,
    });
    if let Some(mut tables) = tables {
        engine.load(logs, &mut tables)?;
        tables.end()?;
    }
    let crash_journal = CrashJournal::open(state.root())?;
    engine.skip(crash_journal.poison_records());
    Ok(Restored { engine, snapshots, crash_journal, restart })
}

impl Ingredients {
    fn settings(&self, config: &Config, partitions: Vec<String>) -> Result<Settings> {
        let platforms =
            Platforms::new(self.background.platforms().iter().cloned(), &config.operators.reputation.account_patterns)?;
        Ok(Settings {
            epoch: config.engine.epoch,
            quarantine_score: config.policy.quarantine_score,
            reputation_mode: config.operators.reputation.mode,
            decode: decode_options(config),
            features: Features { seed: self.seed, tokenizer: Tokenizer::new(self.seed, config.input.tokens_max), platforms },
            partitions,
            format: config.output.format,
            broker: false,
            forgets: false,
            reach: Reach::new(remembered_documents(config), config.engine.epoch),
            shard: None,
            only_indexes: false,
            verdict_digest: self.verdict_digest,
            skips: BTreeSet::new(),
            faults: Faults::default(),
        })
    }

    fn reputation(&self, config: &Config) -> Reputation {
        let Lists { allow, deny } = self.lists.clone();
        Reputation::new(config.operators.reputation.clone(), allow, deny, &self.verdicts)
    }

    fn make_inspectors(&self, config: &Config) -> MakeInspectors {
        let all = config.operators.clone();
        let reputation = self.reputation(config);
        Box::new(move |background| {
            let listed: [(Box<dyn Inspector>, Mode); 5] = [
                (Box::new(reputation.clone()), all.reputation.mode),
                (Box::new(Integrity), all.integrity.mode),
                (Box::new(Unicode::new(all.unicode.clone())), all.unicode.mode),
                (Box::new(HiddenText::new(all.hidden_text.clone())), all.hidden_text.mode),
                (Box::new(Gibberish::new(&all.gibberish, Arc::clone(background))), all.gibberish.mode),
            ];
            listed.into_iter().filter(|(_, mode)| *mode != Mode::Off).collect()
        })
    }
}

/// How far back an operator or the horizon refers to documents.
fn remembered_documents(config: &Config) -> SeqNo {
    let all = &config.operators;
    [
        config.state.horizon_documents,
        all.exact_dedup.documents_max,
        all.near_dup.documents_max,
        all.trigger_spike.horizon_documents,
    ]
    .into_iter()
    .max()
    .unwrap_or(0)
}
