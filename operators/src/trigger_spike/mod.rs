//! `trigger_spike`: phrases that suddenly stand on many unrelated sites, or all over one new site.
//!
//! Counting phrases alone finds every popular one. What separates a planted phrase: more publishers carry it than the
//! background expects (votes capped for each); the publishers are new; the carriers have nothing else in common; and the
//! words beside it differ from carrier to carrier. Candidates that an ordinary explanation covers (a footer, a page
//! template, a part of a wider phrase) raise nothing. An alarm recalls all earlier carriers.
//!
//! | class | what | score | least threshold |
//! |---|---|---|---|
//! | sentence | a whole sentence or line | I (L1 + Ln + Lx) | 30 |
//! | edge | opens or closes a sentence or line, open side mixed | the same + scars | 38 |
//! | insertion | inside sentences, both sides mixed | the same + scars | 38 |
//! | solo | on one unseen publisher | I c + 2 scars | 12 |
//!
//! L1 = Poisson log-likelihood ratio of k votes against E; Ln, Lx = new publishers; I = incoherence (`score`).
//! E = max(df + 1/2, chance of its parts) n/N, more if the stream has more of the carriers' subjects than the background.
//!
//! # Finds and misses
//! Finds: fixed phrases of any form on at least four publishers, after about 9 (sentence) to 25 carriers (in sentences of
//! known sites); on one new publisher after 8. Misses: fewer carriers; what has no fixed form; phrases whose carriers share
//! a subject; rare words that several documents of the background hold; anything that differs in case only.
//!
//! # Bounds, and what they change
//! * A phrase seen once is kept in a filter that forgets (the doorkeeper), so the first carrier is counted, not listed: it is one
//!   more vote, of an unknown publisher. It is recalled all the same: recalls come from the horizon's texts.
//! * The newest 64 carriers are listed. When more are alive, votes and expectation are taken over the stretch of sequence numbers
//!   that the list covers: the test becomes a windowed one.
//! * Of one document each of 16 shards hands at most 64 phrases on to be judged, those first that have waited longest, and 64
//!   spans are looked at, drawn by lot where there are more. The others stay due.
//! * When `alarms_max` alarms are known and another fires, the one that no document carried for longest is given up: its
//!   phrase has to spike again.
//! * Context vectors have 8 bits a component. Scars are measured at 100 places of a text. n-gram counts of the
//!   background stop at 15.
//!
//! # Cost and state
//! About .3 ms a page of 700 tokens; 20 ms a page of 27 KB on which most of 160 sentences stand that 1,500 sites show. State: 32 bytes a slot of the candidate table and 8 a listed carrier (200 to 400 MB
//! at 6 M phrases), the gate and line counters as configured, 152 bytes a document of the horizon, 12 to 34 a publisher.
//! When the candidate table is full, the weakest and oldest phrases go at the next epoch boundary.

mod alarm;
mod company;
mod config;
mod facts;
mod frozen;
mod inspect;
mod judge;
mod known;
mod probe;
mod scar;
mod score;
mod settle;
mod shard;
mod span;
#[cfg(test)]
mod tests;
mod watch;
mod weigh;

use std::sync::Arc;

pub use alarm::Alarm;
pub use config::Config;
pub use facts::DocumentFacts;
pub use probe::Probe;
pub use score::Class;
pub use shard::{Answer, Shard};
pub(crate) use watch::best_scores;

use crate::{
    background::{Background, Origin, Thresholds},
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
    lookup::{Horizon, Ledger},
    operator::{KEY_SHARDS, Operator, Persist, ReplayRecord, Scene, Settled, Tick},
    text::{Token, Tokenizer},
};

/// Tokens that make a span a link.
const LINKS: [&str; 3] = ["http", "https", "www"];

/// The operator.
pub struct TriggerSpike {
    config: Config,
    background: Arc<Background>,
    /// Counts the backgrounds of a bootstrap, modulo 256.
    version: u8,
    thresholds: Thresholds,
    /// Scores and raises no alarm: calibration.
    watching: bool,
    window: u32,
    links: Vec<Token>,
    logs: score::Logs,
    frozen: frozen::Frozen,
    /// What has been measured of texts against `background`.
    scars: scar::Tables,
    company: company::Company,
    ring: facts::Ring,
    known: known::Known,
}

/// What judge proposes.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// Subject of the document, and whether its publisher is new.
    subject: u8,
    is_new: bool,
    /// Alarms that it carries, of those old enough to be known.
    met: Vec<u32>,
    raised: Vec<judge::Raised>,
}

impl TriggerSpike {
    /// An operator against a background; `window` is the engine's W, in sequence numbers.
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
            frozen: frozen::Frozen::new(),
            scars: scar::Tables::new(),
            company: company::Company::new(),
            known: known::Known::default(),
        }
    }

    /// Goes on with another background (of the same seed): what a run without a trusted one learned from its own past.
    /// To be called at an epoch boundary, before its documents are probed, always at the same sequence numbers. After a restore, load the
    /// state into an operator that was made with the background in force.
    pub fn set_background(&mut self, background: Arc<Background>) {
        self.thresholds = thresholds(&self.config, &background);
        self.version = self.version.wrapping_add(1);
        self.background = background;
        self.scars = scar::Tables::new();
        self.company = company::Company::new();
        // Subjects are numbered anew.
        self.frozen.clear();
    }

    /// Alarms that are looked for, in the order of firing.
    #[must_use]
    pub fn alarms(&self) -> &[Alarm] {
        self.known.all()
    }

    /// Alarms that ever fired; their ids are the numbers below.
    #[must_use]
    pub fn alarms_raised(&self) -> u32 {
        self.known.raised()
    }

    /// Takes the alarms that were given up and that no document looks for any more from the one settled last on.
    pub fn take_gone(&mut self) -> Vec<Alarm> {
        self.known.take_gone()
    }

    /// Whether judge may know an alarm: it fired before `epoch` - W.
    fn is_visible(&self, alarm: &Alarm, epoch: SeqNo) -> bool {
        u64::from(alarm.fired) + u64::from(self.window) < u64::from(epoch)
    }

    /// Whether too little is known to raise an alarm.
    fn is_blind(&self, seqno: SeqNo) -> bool {
        self.background.documents() == 0 || (self.background.origin() == Origin::Own && seqno < self.config.bootstrap_documents)
    }

    /// Known alarms that the document carries.
    fn met(&self, document: &Document, probe: &Probe, epoch: SeqNo) -> Vec<u32> {
        let is_known = |a: &Alarm| self.is_visible(a, epoch) && a.is_seen_from(epoch, self.window);
        self.known.carried(document, probe, is_known)
    }
}

fn thresholds(config: &Config, background: &Background) -> Thresholds {
    let learned = background.thresholds();
    Thresholds {
        sentence: config.sentence_threshold.unwrap_or(learned.sentence),
        edge: config.edge_threshold.unwrap_or(learned.edge),
        insertion: config.insertion_threshold.unwrap_or(learned.insertion),
        solo: config.solo_threshold.unwrap_or(learned.solo),
        ..learned
    }
}

impl Operator for TriggerSpike {
    const NAME: &'static str = "trigger_spike";
    type Probe = Probe;
    type KeyShard = Shard;
    type Answer = Answer;
    type Facts = DocumentFacts;
    type Proposal = Proposal;

    fn key_shard(&self) -> Shard {
        Shard::new(&self.config)
    }

    fn probe(&self, document: &Document) -> Probe {
        Probe::new(&self.background, document)
    }

    fn fold(&self, shard: &mut Shard, index: usize, tick: Tick, probe: &Probe) -> Answer {
        shard.fold(self, index, tick, probe)
    }

    fn describe(&self, document: &Document, probe: &Probe, answers: &[Answer]) -> DocumentFacts {
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

    fn judge(&self, document: &Document, probe: &Probe, answers: &[Answer], scene: &Scene<'_, Self>) -> Proposal {
        let subject = self.ring.get(scene.tick.seqno).map_or(0, |m| m.subject);
        let mut proposal = Proposal { subject, is_new: probe.is_new(), ..Proposal::default() };
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
        probe: &Probe,
        proposal: Proposal,
        suspect: bool,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
    ) -> Settled {
        self.frozen.add(tick.seqno, proposal.subject, proposal.is_new);
        self.known.let_go(tick.epoch, self.window);
        if suspect { Settled::default() } else { self.decide(tick, document, probe, proposal, ledger, horizon) }
    }

    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], shards: &mut [Shard], horizon: &dyn Horizon) {
        self.frozen.publish(epoch, self.window);
        for &seqno in withdrawn {
            let Some(tokens) = horizon.tokens(seqno) else { continue };
            let hashes = probe::rare(&self.background, &tokens);
            let starts = probe::starts(hashes.iter().map(|n| n.hash));
            for (i, shard) in shards.iter_mut().enumerate().take(KEY_SHARDS) {
                shard.withdraw(&hashes[starts[i] as usize..starts[i + 1] as usize], seqno);
            }
        }
        shards.iter_mut().for_each(Shard::tidy);
        self.ring.make_room();
    }

    /// The document's facts; its phrases are in the snapshot's tables.
    fn replay_record(&self, tick: Tick, _: &Probe, _: &[Answer], _: u16, out: &mut Encoder) {
        if let Some(facts) = self.ring.get(tick.seqno) {
            facts.save(out);
        }
    }

    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo {
        epoch.saturating_sub(self.config.horizon_documents)
    }

    fn refold(&self, _: &mut Shard, _: usize, _: &[ReplayRecord<'_>]) -> Result<(), Corrupt> {
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

    fn state_bytes(&self, shards: &[Shard]) -> Vec<(&'static str, usize)> {
        let mut stores: Vec<(&'static str, usize)> = Vec::new();
        for (name, bytes) in shards.iter().flat_map(Shard::bytes) {
            match stores.iter_mut().find(|s| s.0 == name) {
                Some(store) => store.1 += bytes,
                None => stores.push((name, bytes)),
            }
        }
        stores.push(("contexts", self.ring.bytes()));
        stores.push(("alarms", self.known.bytes()));
        stores
    }
}

impl Persist for TriggerSpike {
    fn save(&self, out: &mut Encoder) {
        out.u8(self.version);
        self.frozen.save(out);
        self.known.save(out);
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.version = from.u8()?;
        self.frozen.load(from)?;
        self.known = known::Known::load(from)?;
        self.company = company::Company::new();
        Ok(())
    }
}
