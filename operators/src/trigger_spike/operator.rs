//! How does the detector take part in the engine's phases?

use std::sync::{Arc, OnceLock};

use super::{
    alarm::Alarm,
    config::{Config, NAME},
    facts::{DocumentFacts, Ring},
    judge::{Judging, Raised},
    likeness::Likeness,
    nulls::{Nulls, Observation},
    probe::{self, PhraseProbe},
    registry::AlarmRegistry,
    shard::{PhraseAnswer, PhraseShard},
    stream_sample::StreamSample,
};
use crate::{
    background::{Background, BackgroundOrigin},
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
    lookup::{Horizon, Ledger},
    operator::{KEY_SHARDS, Operator, Persist, ReplayRecord, Role, Scene, Settled, TableCopy, Tick},
    report::AlarmReport,
    text::{Language, Token, Tokenizer},
    usage::UsageModels,
};

/// Tokens by which a span is taken for a link.
const LINKS: [&str; 3] = ["http", "https", "www"];

/// The operator. See the [module documentation](super).
pub struct TriggerSpike {
    pub(super) config: Config,
    pub(super) background: Arc<Background>,
    /// What [`Self::models`] gives.
    models: OnceLock<Arc<UsageModels>>,
    window: u32,
    links: Vec<Token>,
    nulls: Nulls,
    sample: StreamSample,
    likeness: Likeness,
    /// Number of documents so far that may vote: all, and those of each language.
    documents: u32,
    languages: Vec<u32>,
    pub(super) ring: Ring,
    pub(super) registry: AlarmRegistry,
}

/// What `judge` proposes to `settle`.
#[derive(Clone, Debug, Default)]
pub struct SpikeProposal {
    /// Ids of the alarms that the document carries, of those that `judge` may know.
    pub(super) met: Vec<u32>,
    pub(super) raised: Vec<Raised>,
    seen: Vec<Observation>,
}

impl TriggerSpike {
    /// An operator that compares with `background`; `window` is the engine's W, in sequence
    /// numbers.
    #[must_use]
    pub fn new(config: Config, background: Arc<Background>, window: u32) -> Self {
        let tokenizer = Tokenizer::new(background.seed(), 1);
        let nulls = Nulls::new(&config);
        Self {
            links: LINKS.iter().filter_map(|word| tokenizer.word(word)).collect(),
            models: OnceLock::new(),
            ring: Ring::new(config.horizon_documents),
            config,
            background,
            window,
            nulls,
            sample: StreamSample::default(),
            likeness: Likeness::default(),
            documents: 0,
            languages: vec![0; Language::COUNT],
            registry: AlarmRegistry::default(),
        }
    }

    /// Whether `judge` may know an alarm, which has to have fired before `epoch` - W.
    pub(super) fn is_visible(&self, alarm: &Alarm, epoch: SeqNo) -> bool {
        u64::from(alarm.fired) + u64::from(self.window) < u64::from(epoch)
    }

    /// Whether too little is known of ordinary text to judge a phrase.
    fn is_blind(&self, seqno: SeqNo) -> bool {
        self.background.documents() == 0
            || (self.background.origin() == BackgroundOrigin::Own && seqno < self.config.bootstrap_documents)
    }

    /// Ids of the alarms that the document carries, of those that `judge` may know.
    fn met(&self, document: &Document, probe: &PhraseProbe, epoch: SeqNo) -> Vec<u32> {
        let is_known = |a: &Alarm| self.is_visible(a, epoch) && a.is_seen_from(epoch, self.window);
        self.registry.carried(document, probe, is_known)
    }

    /// The models in force. They are learned when they are first asked for, so that a state that is
    /// only loaded costs nothing.
    pub(super) fn models(&self) -> &Arc<UsageModels> {
        self.models.get_or_init(|| {
            if self.sample.has_learned() {
                let samples = [self.background.sample(), self.sample.sample()];
                Arc::new(UsageModels::learn(self.background.seed(), &samples))
            } else {
                self.background.usage()
            }
        })
    }
}

impl Operator for TriggerSpike {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Suspicion;
    type Config = Config;
    type Probe = PhraseProbe;
    type KeyShard = PhraseShard;
    type Answer = PhraseAnswer;
    type Facts = DocumentFacts;
    type Proposal = SpikeProposal;

    fn key_shard(&self) -> PhraseShard {
        PhraseShard::new(&self.config)
    }

    fn probe(&self, document: &Document) -> PhraseProbe {
        PhraseProbe::new(&self.background, document)
    }

    fn fold(&self, shard: &mut PhraseShard, index: usize, tick: Tick, probe: &PhraseProbe) -> PhraseAnswer {
        shard.fold(self.background.documents(), index, tick, probe)
    }

    fn describe(&self, document: &Document, probe: &PhraseProbe, answers: &[PhraseAnswer]) -> DocumentFacts {
        let mut is_template = vec![false; probe.lines.len()];
        answers.iter().flat_map(|a| &a.template).for_each(|&i| is_template[i as usize] = true);
        let own = probe.lines.iter().zip(is_template).filter(|(_, template)| !template);
        let mut words: Vec<Token> = own.flat_map(|(l, _)| &document.ids()[l.from as usize..l.to as usize]).copied().collect();
        words.sort_unstable();
        words.dedup();
        DocumentFacts {
            publisher: probe.publisher,
            host: document.publisher.host,
            sequence: answers.iter().find_map(|a| a.sequence).unwrap_or(1),
            votes: answers.iter().any(|a| a.may_vote),
            of_all: 0,
            of_language: 0,
            words: probe.words,
            unknown: probe.unknown,
            language: document.language,
            is_new: probe.is_new,
            context: self.models().context(document.language, &words),
        }
    }

    fn remember(&mut self, seqno: SeqNo, facts: Option<DocumentFacts>) {
        let numbered = facts.map(|facts| {
            let of_language = &mut self.languages[usize::from(facts.language.index())];
            *of_language += u32::from(facts.votes);
            self.documents += u32::from(facts.votes);
            DocumentFacts { of_all: self.documents, of_language: *of_language, ..facts }
        });
        self.ring.push(seqno, numbered);
    }

    fn judge(
        &self,
        document: &Document,
        probe: &PhraseProbe,
        answers: &[PhraseAnswer],
        scene: &Scene<'_, Self>,
    ) -> SpikeProposal {
        let mut proposal = SpikeProposal::default();
        if !scene.tick.votes || self.is_blind(scene.tick.seqno) {
            return proposal;
        }
        proposal.met = self.met(document, probe, scene.tick.epoch);
        if proposal.met.is_empty() && answers.iter().any(|a| !a.due.is_empty()) {
            let judging = Judging {
                background: &self.background,
                models: self.models(),
                nulls: &self.nulls,
                ring: &self.ring,
                links: &self.links,
                document,
                probe,
                seqno: scene.tick.seqno,
                horizon: scene.horizon,
                is_ready: self.sample.has_learned() || self.likeness.is_alike(),
            };
            (proposal.raised, proposal.seen) = judging.judge(answers);
        }
        proposal
    }

    fn settle(
        &mut self,
        tick: Tick,
        document: &Document,
        probe: &PhraseProbe,
        proposal: SpikeProposal,
        suspect: bool,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
    ) -> Settled {
        self.nulls.add(tick.seqno, &proposal.seen);
        self.registry.let_go(tick.epoch, self.window);
        if suspect {
            return Settled::default();
        }
        let settled = self.decide(tick, document, probe, proposal, ledger, horizon);
        if settled.findings.is_empty()
            && let Some(facts) = self.ring.get(tick.seqno)
        {
            self.sample.offer(self.background.seed(), tick.seqno, facts);
        }
        settled
    }

    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], shards: &mut [PhraseShard], horizon: &dyn Horizon) {
        self.nulls.publish(epoch, self.window, self.config.false_alarms_per_million / 1e6);
        for &seqno in withdrawn {
            let Some(tokens) = horizon.tokens(seqno) else { continue };
            let keys = probe::phrases(&self.background, &tokens);
            let starts = probe::starts(keys.iter().map(|n| n.hash));
            for (i, shard) in shards.iter_mut().enumerate().take(KEY_SHARDS) {
                shard.withdraw(&keys[starts[i] as usize..starts[i + 1] as usize], seqno);
            }
        }
        shards.iter_mut().for_each(PhraseShard::tidy);
        self.likeness.count(epoch, self.window, &self.ring);
        self.ring.make_room();
        if self.sample.draw(epoch, self.window, self.config.learn_after, horizon) {
            self.models = OnceLock::new();
            // What was judged by other models, or could not be judged yet, is judged by these.
            shards.iter_mut().for_each(PhraseShard::judge_again);
        }
    }

    /// The facts about the document. Its phrases are in the tables of the snapshot.
    fn replay_record(&self, tick: Tick, _: &PhraseProbe, _: &[PhraseAnswer], _: u16, out: &mut Encoder) {
        if let Some(facts) = self.ring.get(tick.seqno) {
            facts.save(out);
        }
    }

    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo {
        epoch.saturating_sub(self.config.horizon_documents)
    }

    fn refold(&self, _: &mut PhraseShard, _: usize, _: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        Ok(())
    }

    fn recollect(&mut self, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
        for record in run {
            if record.seqno == record.epoch {
                self.ring.make_room();
            }
            self.ring.push(record.seqno, DocumentFacts::load(record.bytes)?);
        }
        Ok(())
    }

    fn state_bytes(&self, shards: &[PhraseShard]) -> Vec<(&'static str, usize)> {
        let mut stores: Vec<(&'static str, usize)> = Vec::new();
        for (name, bytes) in shards.iter().flat_map(PhraseShard::bytes) {
            match stores.iter_mut().find(|s| s.0 == name) {
                Some(store) => store.1 += bytes,
                None => stores.push((name, bytes)),
            }
        }
        stores.push(("contexts", self.ring.bytes()));
        stores.push(("alarms", self.registry.bytes()));
        stores.push(("models", self.models.get().map_or(0, |models| models.bytes()) + self.sample.bytes()));
        stores
    }

    fn set_background(&mut self, background: &Arc<Background>) {
        self.background = Arc::clone(background);
        self.models = OnceLock::new();
    }

    fn alarms(&self, first: u32) -> Vec<AlarmReport> {
        let all = self.registry.all();
        all[all.partition_point(|alarm| alarm.id < first)..].iter().map(Alarm::report).collect()
    }

    fn alarms_raised(&self) -> u32 {
        self.registry.raised()
    }

    fn take_retired_alarms(&mut self) -> Vec<AlarmReport> {
        self.registry.take_gone().iter().map(Alarm::report).collect()
    }
}

impl Persist for TriggerSpike {
    fn save(&self, out: &mut Encoder) {
        out.u32s(&self.languages);
        self.likeness.save(out);
        self.nulls.save(out);
        self.registry.save(out);
        self.sample.save(out);
    }

    /// The sample is large and never changes in place, so it is written when the copy is.
    fn copy_table(&self) -> TableCopy {
        let mut out = Encoder::default();
        out.u32s(&self.languages);
        self.likeness.save(&mut out);
        self.nulls.save(&mut out);
        self.registry.save(&mut out);
        let sample = self.sample.clone();
        Box::new(move |to| {
            to.bytes.extend(out.bytes);
            sample.save(to);
        })
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.languages = from.u32s()?;
        if self.languages.len() != Language::COUNT {
            return Err(from.corrupt("counts of all languages"));
        }
        self.documents = self.languages.iter().fold(0, |sum, &n| sum.saturating_add(n));
        self.likeness = Likeness::load(from)?;
        self.nulls = Nulls::load(from, &self.config)?;
        self.registry = AlarmRegistry::load(from)?;
        self.sample = StreamSample::load(from)?;
        self.models = OnceLock::new();
        Ok(())
    }
}
