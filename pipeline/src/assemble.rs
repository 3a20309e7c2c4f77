//! Configuration, background and state folder become an engine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use operators::{
    background::Background,
    document::SeqNo,
    exact_dedup::ExactDedup,
    gibberish::Gibberish,
    hidden_text::HiddenText,
    inspect::Inspector,
    integrity::Integrity,
    mode::Mode,
    near_dup::NearDup,
    operator::Operator as _,
    reputation::{PublisherList, PublisherVerdict, Reputation, publisher::Platforms},
    text::{Seed, Tokenizer},
    trigger_spike::TriggerSpike,
    unicode::Unicode,
};

use crate::{
    config::{Config, digest, state_layout::state_layout},
    encode::hex,
    engine::{Bootstrap, Engine, Lane, Lanes, LogLengths, MakeInspectors, Parts, Reach, Settings, fault::Faults},
    features::Features,
    layout::StateFolder,
    stage::{self, Restart},
    state::{
        deaths::Deaths, horizon::Horizon, ledger::Ledger, made_with::MadeWith, replay_log::ReplayLog, snapshot::Snapshots,
        sync_folder,
    },
};

/// Everything a run is made of beside its input and its state.
pub struct Ingredients {
    /// What ordinary text looks like.
    pub background: Arc<Background>,
    /// Keys every hash.
    pub seed: Seed,
    /// Reviewed verdicts.
    pub verdicts: Vec<PublisherVerdict>,
    /// Contents of the allow and deny lists.
    pub lists: Lists,
    /// Digest of everything that affects verdicts.
    pub verdict_digest: [u8; 16],
    /// Things a reader of the report must know.
    pub warnings: Vec<String>,
}

/// The user's lists.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Publishers whose documents are never withheld.
    pub allow: PublisherList,
    /// Publishers whose documents always are.
    pub deny: PublisherList,
}

impl Ingredients {
    /// Reads background, lists and verdicts. `input` is what a seed is drawn from where nothing else fixes it: no author of a
    /// page knows the whole input, and the same input gives the same seed.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be.
    pub fn gather(config: &Config, background: Option<&Path>, verdicts: Option<&Path>, input: &[String]) -> Result<Self> {
        let mut warnings = Vec::new();
        let background = if let Some(path) = background {
            load_background(config, path)?
        } else {
            warnings.push(
                "no background: weir learned from its own past. No phrase raises an alarm before \
                 operators.trigger_spike.bootstrap_documents, and thresholds are not calibrated; `weir learn` makes a background"
                    .to_owned(),
            );
            Background::empty(Seed(config.engine.seed.unwrap_or_else(|| seed_of(input))))
        };
        let seed = background.seed();
        let (allow, allow_text) = read_lists(&config.policy.allow_files)?;
        let (deny, deny_text) = read_lists(&config.policy.deny_files)?;
        let lists = Lists { allow, deny };
        let (verdicts, verdict_text) = match verdicts {
            Some(path) => {
                let text = fs::read_to_string(path).with_context(|| format!("read verdicts {}", path.display()))?;
                (read_verdicts(&text).with_context(|| format!("verdicts {}", path.display()))?, text)
            }
            None => (Vec::new(), String::new()),
        };
        let verdict_digest =
            digest::verdict_digest(config, &background.digest(), seed, &[&allow_text, &deny_text, &verdict_text]);
        Ok(Self { background: Arc::new(background), seed, verdicts, lists, verdict_digest, warnings })
    }

    /// The verdict digest as written in every decision.
    pub fn verdict_digest_hex(&self) -> String {
        hex(&self.verdict_digest)
    }

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

/// How records are decoded.
pub fn decode_options(config: &Config) -> decode::Options {
    decode::Options {
        fields: config.input.fields.clone(),
        text_bytes_max: config.input.text_bytes_max,
        body_bytes_max: config.input.record_bytes_max,
        check_digests: config.operators.integrity.mode != Mode::Off,
        html: config.input.html,
    }
}

/// A seed from the input's fingerprints.
///
/// # Panics
/// Never: a hash has 32 bytes.
pub fn seed_of(input: &[String]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for fingerprint in input {
        // Names are left out: the same files elsewhere give the same verdicts.
        let content = fingerprint.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
        hasher.update(content.as_bytes());
        hasher.update(b"\n");
    }
    u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

/// An engine as its newest good snapshot left it, or a new one.
pub struct Restored {
    /// The engine.
    pub engine: Engine,
    /// Where its snapshots are.
    pub snapshots: Snapshots,
    /// What killed earlier processes.
    pub deaths: Deaths,
    /// What the snapshot says about input and output.
    pub restart: Restart,
}

impl Restored {
    /// Where the state was made by `weir index` and nothing was decided over it yet, begins the run that follows. Snapshots of
    /// everybody else name a place at the sink.
    pub fn begin_after_index(&mut self) {
        if self.restart.mark.is_none() && self.engine.next() > 0 && !self.restart.positions.0.is_empty() {
            self.begin_run_if_new(self.engine.run() + 1);
        }
    }

    /// Where the state comes from an earlier run, begins run number `run` over it.
    pub fn begin_run_if_new(&mut self, run: u32) {
        if self.engine.run() != run {
            self.engine.begin_run(run);
            self.restart = Restart::default();
        }
    }
}

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
    let (lengths, head) = match &snapshot {
        Some((_, body)) => {
            let (restart, mut from) = stage::read_head(body)?;
            let seed = from.u64()?;
            if seed != ingredients.seed.0 {
                bail!("{} was made with hash seed {seed}, and this run has {}", state.root().display(), ingredients.seed.0);
            }
            let lengths = LogLengths::of(&mut from)?;
            (lengths, Some(restart))
        }
        None => (LogLengths::default(), None),
    };
    MadeWith::new(state_layout(config)).keep(state, snapshot.is_none())?;
    let ledger = Ledger::open(&state.ledger(), settings.reach.span(), lengths.next, lengths.ledger_tail)?;
    let horizon = Horizon::open(
        &state.horizon(),
        settings.features.tokenizer.clone(),
        config.state.horizon_documents,
        config.state.horizon_memory_bytes,
        lengths.next,
        lengths.horizon_tail,
    )?;
    let all = &config.operators;
    let [exact, near, spike] = lengths.replay_log;
    let replay_log = |name, tail| ReplayLog::open(&state.replay_log(name), lengths.next, tail);
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
    if let Some((_, body)) = &snapshot {
        let (_, mut from) = stage::read_head(body)?;
        from.u64()?;
        engine.load(&mut from)?;
        from.end()?;
    }
    let deaths = Deaths::open(state.root())?;
    engine.skip(deaths.killers());
    Ok(Restored { engine, snapshots, deaths, restart: head.unwrap_or_default() })
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

fn load_background(config: &Config, path: &Path) -> Result<Background> {
    let bytes = fs::read(path).with_context(|| format!("read background {}", path.display()))?;
    let background = Background::load(&bytes).with_context(|| format!("background {}", path.display()))?;
    match config.engine.seed {
        Some(seed) if seed != background.seed().0 => {
            bail!("engine.seed is {seed}, and {} was learned with {}", path.display(), background.seed().0)
        }
        _ => Ok(background),
    }
}

/// Reads the lists in `files` as one; also their text.
fn read_lists(files: &[PathBuf]) -> Result<(PublisherList, String)> {
    let mut all = String::new();
    for path in files {
        let text = fs::read_to_string(path).with_context(|| format!("read list {}", path.display()))?;
        if let Some(bad) = PublisherList::parse(&text).1.first() {
            bail!("list {}: {bad}", path.display());
        }
        all.push_str(&text);
        all.push('\n');
    }
    Ok((PublisherList::parse(&all).0, all))
}

/// Reads `--verdicts`: one JSON object a line, `{"publisher": "example.org", "bad": true, "time": 1700000000}`.
fn read_verdicts(text: &str) -> Result<Vec<PublisherVerdict>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[serde(alias = "unit")]
        publisher: String,
        bad: bool,
        time: i64,
    }
    let mut verdicts = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
        verdicts.push(PublisherVerdict { publisher: line.publisher, bad: line.bad, time: line.time });
    }
    Ok(verdicts)
}
