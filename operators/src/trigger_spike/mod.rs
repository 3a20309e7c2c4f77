//! Which phrases suddenly stand on many unrelated sites, or all over a single new site?
//!
//! Phrases are counted by their n-grams of one to four tokens; a document that contains one is its
//! *carrier*. A count alone finds every popular phrase. A planted phrase differs in this: more
//! publishers carry it than the background expects (with capped votes for each), the publishers are
//! new, the carriers have nothing else in common, and the words beside it differ from carrier to
//! carrier. Candidates with an ordinary explanation (a footer, a page template, a part of a
//! containing phrase) raise no alarm. An alarm recalls all earlier carriers.
//!
//! | class | what | score | least threshold |
//! |---|---|---|---|
//! | sentence | a whole sentence or line | I (L1 + Ln + Lx) | 30 |
//! | edge | opens or closes a sentence or line, with mixed neighbours on the open side | the same + seams | 38 |
//! | insertion | inside sentences, with mixed neighbours on both sides | the same + seams | 38 |
//! | single site | on one unseen publisher | I c + 2 seams | 12 |
//!
//! L1 is the Poisson log-likelihood ratio of k votes against the expected number E; Ln and Lx stand
//! for new publishers; I is incoherence; c is the number of carriers (`score`). E is max(df + 1/2,
//! chance of its parts) n/N, and more if the stream has more of the carriers' subjects than the
//! background.
//!
//! # What it finds and misses
//! **Finds** fixed phrases of any form on at least four publishers, after about 9 carriers (a
//! sentence) to 25 (in sentences of known sites), and on one new publisher after 8. **Misses**
//! phrases with fewer carriers, what has no fixed form, phrases whose carriers share a subject,
//! rare words that several documents of the background hold, and anything that differs in case
//! only.
//!
//! # Bounds, and what they change
//! * A phrase that was seen once is only kept in the doorkeeper, a filter that forgets. So its
//!   first carrier is counted and not listed: it is one more vote, of an unknown publisher. It is
//!   recalled all the same, since recalls come from the texts in the horizon.
//! * The newest 64 carriers are listed. If more are alive, votes and expectation are taken over the
//!   stretch of sequence numbers that the list covers, which makes the test a windowed one.
//! * Of one document each of 16 key shards hands on at most 64 phrases to be judged, those first
//!   that have waited longest; and 64 spans are examined, drawn by lot if there are more. The
//!   others stay due.
//! * When there are `alarms_max` alarms and another one fires, the one that no document has carried
//!   for longest is given up. Its phrase has to spike again.
//! * Context vectors have 8 bits a component. Seams are measured at 100 places of a text. n-gram
//!   counts of the background stop at 15.
//!
//! # Cost and state
//! **Cost** about .3 ms for a page of 700 tokens; 20 ms for a page of 27 KB with most of 160
//! sentences that 1,500 sites show. **State** 32 bytes a slot of the candidate table and 8 a listed
//! carrier (200 to 400 MB at 6 M phrases), doorkeeper and line counters as configured, 152 bytes a
//! document of the horizon, 12 to 34 a publisher. When the candidate table is full, the weakest and
//! oldest phrases go at the next epoch boundary.

mod alarm;
mod config;
mod epoch_view;
mod explain;
mod facts;
mod judge;
mod probe;
mod registry;
mod score;
mod seam;
mod settle;
mod shard;
mod span;
mod surroundings;
#[cfg(test)]
mod tests;
mod watch;
mod weigh;

use std::sync::Arc;

pub use alarm::Alarm;
pub use config::Config;
pub use facts::DocumentFacts;
pub use probe::PhraseProbe;
pub use score::SpikeClass;
pub use shard::{PhraseAnswer, PhraseShard};
pub(crate) use watch::best_scores;

use crate::{
    background::{Background, BackgroundOrigin, Thresholds},
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
    lookup::{Horizon, Ledger},
    operator::{KEY_SHARDS, Operator, Persist, ReplayRecord, Role, Scene, Settled, Tick},
    report::AlarmReport,
    text::{Token, Tokenizer},
};

/// Tokens by which a span is taken for a link.
const LINKS: [&str; 3] = ["http", "https", "www"];

/// The operator. See the [module documentation](self).
pub struct TriggerSpike {
    config: Config,
    background: Arc<Background>,
    /// Number of the background, modulo 256: a run without a trusted one has several in turn.
    version: u8,
    thresholds: Thresholds,
    /// Whether it scores phrases without asking for explanations, for calibration.
    watching: bool,
    window: u32,
    links: Vec<Token>,
    logs: score::Logs,
    epoch_view: epoch_view::EpochView,
    /// Seams that were measured by `background`.
    seams: seam::SeamTables,
    collocates: explain::CollocateCache,
    ring: facts::Ring,
    registry: registry::AlarmRegistry,
}

/// What `judge` proposes to `settle`.
#[derive(Clone, Debug, Default)]
pub struct SpikeProposal {
    /// Subject of the document.
    subject: u8,
    is_new: bool,
    /// Ids of the alarms that the document carries, of those that `judge` may know.
    met: Vec<u32>,
    raised: Vec<judge::Raised>,
}

impl TriggerSpike {
    /// An operator that compares with `background`; `window` is the engine's W, in sequence
    /// numbers.
    #[must_use]
    pub fn new(config: Config, background: Arc<Background>, window: u32) -> Self {
        let tokenizer = Tokenizer::new(background.seed(), 1);
        Self {
            links: LINKS.iter().filter_map(|word| tokenizer.word(word)).collect(),
            thresholds: thresholds(&config, &background),
            ring: facts::Ring::new(config.horizon_documents),
            config,
            background,
            version: 0,
            watching: false,
            window,
            logs: score::Logs::new(),
            epoch_view: epoch_view::EpochView::new(),
            seams: seam::SeamTables::new(),
            collocates: explain::CollocateCache::new(),
            registry: registry::AlarmRegistry::default(),
        }
    }

    /// Whether `judge` may know an alarm, which has to have fired before `epoch` - W.
    fn is_visible(&self, alarm: &Alarm, epoch: SeqNo) -> bool {
        u64::from(alarm.fired) + u64::from(self.window) < u64::from(epoch)
    }

    /// Whether too little is known of ordinary text to raise an alarm.
    fn is_blind(&self, seqno: SeqNo) -> bool {
        self.background.documents() == 0
            || (self.background.origin() == BackgroundOrigin::Own && seqno < self.config.bootstrap_documents)
    }

    /// Ids of the alarms that the document carries, of those that `judge` may know.
    fn met(&self, document: &Document, probe: &PhraseProbe, epoch: SeqNo) -> Vec<u32> {
        let is_known = |a: &Alarm| self.is_visible(a, epoch) && a.is_seen_from(epoch, self.window);
        self.registry.carried(document, probe, is_known)
    }
}

fn thresholds(config: &Config, background: &Background) -> Thresholds {
    let learned = background.thresholds();
    Thresholds {
        sentence: config.sentence_threshold.unwrap_or(learned.sentence),
        edge: config.edge_threshold.unwrap_or(learned.edge),
        insertion: config.insertion_threshold.unwrap_or(learned.insertion),
        single_site: config.solo_threshold.unwrap_or(learned.single_site),
    }
}

impl Operator for TriggerSpike {
    const NAME: &'static str = config::NAME;
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
        shard.fold(self, index, tick, probe)
    }

    fn describe(&self, document: &Document, probe: &PhraseProbe, answers: &[PhraseAnswer]) -> DocumentFacts {
        let mut is_template = vec![false; probe.lines.len()];
        answers.iter().flat_map(|a| &a.template).for_each(|&i| is_template[i as usize] = true);
        let own = probe.lines.iter().zip(is_template).filter(|(_, template)| !template);
        let mut words: Vec<Token> = own.flat_map(|(l, _)| &document.ids()[l.from as usize..l.to as usize]).copied().collect();
        words.sort_unstable();
        words.dedup();
        let context = self.background.context(&words);
        DocumentFacts {
            publisher: probe.publisher,
            host: document.publisher.host,
            sequence: answers.iter().find_map(|a| a.sequence).unwrap_or(1),
            subject: self.background.subject(&context),
            version: self.version,
            is_new: probe.is_new(),
            context,
        }
    }

    fn remember(&mut self, seqno: SeqNo, facts: Option<DocumentFacts>) {
        self.ring.push(seqno, facts);
    }

    fn judge(
        &self,
        document: &Document,
        probe: &PhraseProbe,
        answers: &[PhraseAnswer],
        scene: &Scene<'_, Self>,
    ) -> SpikeProposal {
        let subject = self.ring.get(scene.tick.seqno).map_or(0, |m| m.subject);
        let mut proposal = SpikeProposal { subject, is_new: probe.is_new(), ..SpikeProposal::default() };
        if scene.tick.votes && !self.is_blind(scene.tick.seqno) {
            proposal.met = self.met(document, probe, scene.tick.epoch);
            if proposal.met.is_empty() {
                proposal.raised = judge::judge(self, document, probe, answers, scene);
            }
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
        self.epoch_view.add(tick.seqno, proposal.subject, proposal.is_new);
        self.registry.let_go(tick.epoch, self.window);
        if suspect { Settled::default() } else { self.decide(tick, document, probe, proposal, ledger, horizon) }
    }

    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], shards: &mut [PhraseShard], horizon: &dyn Horizon) {
        self.epoch_view.publish(epoch, self.window);
        for &seqno in withdrawn {
            let Some(tokens) = horizon.tokens(seqno) else { continue };
            let hashes = probe::rare(&self.background, &tokens);
            let starts = probe::starts(hashes.iter().map(|n| n.hash));
            for (i, shard) in shards.iter_mut().enumerate().take(KEY_SHARDS) {
                shard.withdraw(&hashes[starts[i] as usize..starts[i + 1] as usize], seqno);
            }
        }
        shards.iter_mut().for_each(PhraseShard::tidy);
        self.ring.make_room();
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
        stores
    }

    fn set_background(&mut self, background: &Arc<Background>) {
        self.thresholds = thresholds(&self.config, background);
        self.version = self.version.wrapping_add(1);
        self.background = Arc::clone(background);
        self.seams = seam::SeamTables::new();
        self.collocates = explain::CollocateCache::new();
        // The new background numbers its subjects anew.
        self.epoch_view.clear();
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
        out.u8(self.version);
        self.epoch_view.save(out);
        self.registry.save(out);
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.version = from.u8()?;
        self.epoch_view.load(from)?;
        self.registry = registry::AlarmRegistry::load(from)?;
        self.collocates = explain::CollocateCache::new();
        Ok(())
    }
}
