//! Does an operator keep the contract of [`crate::operator`]? One test suite that every operator
//! passes.
//!
//! A script is a list of [`Step`]s, one for each sequence number. [`run`] takes an operator through
//! a script by one [`Schedule`]. [`check`] runs many schedules and asserts that nothing that leaves
//! the operator depends on them: findings, recalls and saved state are equal for every batch size,
//! however far settling lags behind folding, and also when the operator is saved and loaded midway.
//! Loading torn or altered state must succeed or fail, and never panic. Memory must stay below a
//! stated bound.
//!
//! The engine around the operator is the smallest one that keeps the contract: its ledger and its
//! horizon are vectors. The horizon knows every document that was remembered, so an operator that
//! reads later documents gives other answers at other batch sizes, and is caught. Threads, panics
//! of an operator, and files are not tested here.

use std::{ops::Range, sync::Arc};

use crate::{
    codec::{Decoder, Encoder},
    document::{Document, Publisher, SeqNo, TextParts},
    finding::Finding,
    lookup::{Fate, Horizon, Ledger},
    operator::{KEY_SHARDS, Operator, Persist, Recall, ReplayRecord, Scene, Settled, Tick},
    text::{Language, Seed, Token, Tokenizer},
};

/// One sequence number of a script.
#[derive(Clone, Debug)]
pub enum Step {
    /// A document.
    Document {
        /// The document.
        document: Box<Document>,
        /// Whether an inspector withholds it. It then has no vote and is quarantined.
        suspect: bool,
        /// Earlier documents that another operator recalls just before this one is settled.
        recalls: Vec<SeqNo>,
    },
    /// A dead letter or a record without text.
    Nothing,
}

impl Step {
    /// Makes a step of an ordinary document.
    #[must_use]
    pub fn new(document: Document) -> Self {
        Self::Document { document: Box::new(document), suspect: false, recalls: Vec::new() }
    }

    /// Makes a step of a document that an inspector withholds.
    #[must_use]
    pub fn suspect(document: Document) -> Self {
        Self::Document { document: Box::new(document), suspect: true, recalls: Vec::new() }
    }

    /// Makes a step of a document before whose settling others are recalled.
    #[must_use]
    pub fn recalling(document: Document, recalls: Vec<SeqNo>) -> Self {
        Self::Document { document: Box::new(document), suspect: false, recalls }
    }

    fn document(&self) -> Option<&Document> {
        match self {
            Self::Document { document, .. } => Some(document),
            Self::Nothing => None,
        }
    }

    fn is_suspect(&self) -> bool {
        matches!(self, Self::Document { suspect: true, .. })
    }
}

/// The seed of [`document`].
pub const SEED: Seed = Seed(0x5eed);

/// Makes a document of the publisher `host`, with features computed by [`SEED`].
#[must_use]
pub fn document(host: &str, text: &str) -> Document {
    let key = SEED.bytes(1, host.as_bytes());
    let normal: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(normal.join(" ").as_bytes()).as_bytes()[..16]);
    Document {
        publisher: Publisher { name: host.into(), key, host: SEED.bytes(2, host.as_bytes()) },
        url: format!("https://{host}/").into(),
        text: text.into(),
        parts: TextParts::one(text),
        tokens: Tokenizer::new(SEED, 50_000).tokens(text),
        digest,
        language: Language::of(text),
        time: None,
        differs: None,
    }
}

/// How a script is run. Nothing but the distance of epoch boundaries may change what comes out.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Records between two epoch boundaries: W.
    pub epoch: u32,
    /// Records that are folded before the first of them is judged. A batch also ends at an epoch
    /// boundary.
    pub batch: usize,
    /// Whether a window is settled as late as is allowed, which is just before the next epoch
    /// boundary but one; else it is settled after each batch.
    pub lag: bool,
    /// The step before which everything is saved, dropped and loaded.
    pub restore_at: Option<usize>,
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct ScriptOutcome {
    /// What was settled, for each sequence number.
    pub settled: Vec<Settled>,
    /// The fates of all sequence numbers at the end.
    pub fates: Vec<Fate>,
    /// The operator and its key shards as they are saved at the end.
    pub state: Vec<Vec<u8>>,
    /// The replay record of each sequence number.
    pub records: Vec<Vec<u8>>,
    /// The most memory that the operator said to hold, at any epoch boundary or at the end.
    pub state_bytes: usize,
}

impl ScriptOutcome {
    /// The findings on document `seqno`.
    #[must_use]
    pub fn findings(&self, seqno: SeqNo) -> &[Finding] {
        self.settled.get(seqno as usize).map_or(&[], |s| &s.findings)
    }

    /// The document that `seqno` is said to copy.
    #[must_use]
    pub fn matched(&self, seqno: SeqNo) -> Option<SeqNo> {
        self.findings(seqno).iter().find_map(|f| f.evidence.matched)
    }
}

/// A ledger in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryLedger {
    fates: Vec<Fate>,
}

impl MemoryLedger {
    /// Adds the fate of the next sequence number.
    pub fn push(&mut self, fate: Fate) {
        self.fates.push(fate);
    }

    /// Recalls a document. Its first copy takes its place, and the other copies become copies of
    /// that one.
    pub fn recall(&mut self, seqno: SeqNo) {
        let Some(fate) = self.fates.get_mut(seqno as usize) else { return };
        let was_clean = *fate == Fate::Clean;
        *fate = Fate::Recalled;
        if !was_clean {
            return;
        }
        let mut heir = None;
        for (i, fate) in self.fates.iter_mut().enumerate().filter(|(_, fate)| **fate == Fate::Duplicate(seqno)) {
            *fate = heir.map_or(Fate::Clean, Fate::Duplicate);
            heir = heir.or(Some(i as SeqNo));
        }
    }
}

impl Ledger for MemoryLedger {
    fn fate(&self, seqno: SeqNo) -> Fate {
        self.fates.get(seqno as usize).copied().unwrap_or(Fate::Unknown)
    }
}

/// A horizon in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryHorizon {
    texts: Vec<Option<Arc<[Token]>>>,
}

impl MemoryHorizon {
    /// Adds the tokens of the next sequence number.
    pub fn push(&mut self, tokens: Option<&[Token]>) {
        self.texts.push(tokens.map(Arc::from));
    }
}

impl Horizon for MemoryHorizon {
    fn tokens(&self, seqno: SeqNo) -> Option<Arc<[Token]>> {
        self.texts.get(seqno as usize)?.clone()
    }

    fn may_carry(&self, span: &[Token]) -> Vec<SeqNo> {
        let carries = |text: &[Token]| match span {
            [] => false,
            [word] => text.contains(word),
            _ => span.windows(2).all(|pair| text.windows(2).any(|there| there == pair)),
        };
        let held = self.texts.iter().enumerate();
        held.filter(|(_, t)| t.as_deref().is_some_and(carries)).map(|(i, _)| i as SeqNo).collect()
    }
}

struct TestEngine<'a, O: Operator> {
    script: &'a [Step],
    schedule: Schedule,
    operator: O,
    shards: Vec<O::KeyShard>,
    probes: Vec<Option<O::Probe>>,
    answers: Vec<Vec<O::Answer>>,
    records: Vec<Vec<u8>>,
    proposals: Vec<Option<O::Proposal>>,
    ledger: MemoryLedger,
    horizon: MemoryHorizon,
    settled: Vec<Settled>,
    state_bytes: usize,
}

impl<O: Operator> TestEngine<'_, O> {
    fn tick(&self, at: usize) -> Tick {
        let seqno = at as SeqNo;
        Tick { seqno, epoch: seqno - seqno % self.schedule.epoch, votes: !self.script[at].is_suspect() }
    }

    /// Takes records between two epoch boundaries through the phases from probe to judge.
    fn take_in(&mut self, batch: Range<usize>) {
        for at in batch.clone() {
            let tick = self.tick(at);
            let Some(document) = self.script[at].document() else {
                self.probes.push(None);
                self.answers.push(Vec::new());
                continue;
            };
            let probe = self.operator.probe(document);
            let shards = self.shards.iter_mut().enumerate();
            self.answers.push(shards.map(|(i, shard)| self.operator.fold(shard, i, tick, &probe)).collect());
            self.probes.push(Some(probe));
        }
        for at in batch.clone() {
            let document = self.script[at].document();
            let asked = document.zip(self.probes[at].as_ref());
            let facts = asked.map(|(document, probe)| self.operator.describe(document, probe, &self.answers[at]));
            self.operator.remember(at as SeqNo, facts);
            self.horizon.push(document.map(Document::ids));
        }
        for at in batch {
            let asked = self.script[at].document().zip(self.probes[at].as_ref());
            let scene = Scene { tick: self.tick(at), shards: &self.shards, horizon: &self.horizon };
            let judge = |(document, probe)| self.operator.judge(document, probe, &self.answers[at], &scene);
            self.proposals.push(asked.map(judge));
        }
    }

    /// Settles the records before sequence number `to`.
    fn settle(&mut self, to: usize) {
        for at in self.settled.len()..to {
            let mut settled = Settled::default();
            let mut fate = Fate::Unknown;
            let mut record = Encoder::default();
            if let Step::Document { document, suspect, recalls } = &self.script[at] {
                for &earlier in recalls {
                    self.ledger.recall(earlier);
                }
                let proposal = self.proposals[at].take().unwrap_or_default();
                let probe = self.probes[at].take().expect("probed before it is settled");
                let tick = self.tick(at);
                settled = self.operator.settle(tick, document, &probe, proposal, *suspect, &self.ledger, &self.horizon);
                for recall in &settled.recalls {
                    self.ledger.recall(recall.seqno);
                }
                assert_sound::<O>(at, *suspect, &settled);
                let answers = std::mem::take(&mut self.answers[at]);
                self.operator.replay_record(tick, &probe, &answers, u16::MAX, &mut record);
                let copy = settled.findings.iter().find_map(|f| f.evidence.matched);
                fate = match (settled.findings.iter().any(|f| !f.reason.is_copy()) || *suspect, copy) {
                    (true, _) => Fate::Quarantined,
                    (false, Some(of)) => Fate::Duplicate(of),
                    (false, None) => Fate::Clean,
                };
            }
            self.ledger.push(fate);
            self.settled.push(settled);
            self.records.push(record.bytes);
        }
    }

    fn begin_epoch(&mut self, epoch: usize) {
        let w = self.schedule.epoch as usize;
        // One window: what was decided before `epoch - W` and was not handed on at the boundary
        // before.
        let window = epoch.saturating_sub(2 * w)..epoch.saturating_sub(w);
        self.settle(window.end);
        let votes_go =
            |at: &usize| !self.script[*at].is_suspect() && self.settled[*at].findings.iter().any(|f| !f.reason.is_copy());
        let withdrawn: Vec<SeqNo> = window.filter(votes_go).map(|at| at as SeqNo).collect();
        self.operator.begin_epoch(epoch as SeqNo, &withdrawn, &mut self.shards, &self.horizon);
        self.measure();
    }

    fn measure(&mut self) {
        let held: usize = self.operator.state_bytes(&self.shards).iter().map(|&(_, bytes)| bytes).sum();
        self.state_bytes = self.state_bytes.max(held);
    }

    /// Drops the operator and its key shards, and makes them again from what they saved and from
    /// replay records.
    fn restore(&mut self, make: &impl Fn() -> O) {
        let state = self.save();
        let left = std::mem::take(&mut self.records);
        let w = self.schedule.epoch;
        let epoch_of = |at: usize| at as SeqNo / w * w;
        let from = self.operator.oldest_replayed(epoch_of(left.len().saturating_sub(1))) as usize;
        self.operator = make();
        self.shards = (0..KEY_SHARDS).map(|_| self.operator.key_shard()).collect();
        let record_of = |at| ReplayRecord { seqno: at as SeqNo, epoch: epoch_of(at), bytes: &left[at] };
        let records: Vec<ReplayRecord<'_>> = (from..left.len()).map(record_of).collect();
        for run in records.chunks(5) {
            for (index, shard) in self.shards.iter_mut().enumerate() {
                self.operator.refold(shard, index, run).expect("a shard takes in what was logged");
            }
            self.operator.recollect(run).expect("an operator takes in what was logged");
        }
        load(&mut self.operator, &state[0]).expect("an operator loads what it saved");
        for (shard, bytes) in self.shards.iter_mut().zip(&state[1..]) {
            load(shard, bytes).expect("a shard loads what it saved");
        }
        assert_eq!(self.save(), state, "saved, loaded, saved again at {}", left.len());
        self.records = left;
    }

    fn save(&self) -> Vec<Vec<u8>> {
        let mut state = vec![saved(&self.operator)];
        state.extend(self.shards.iter().map(saved));
        state
    }
}

fn saved(store: &impl Persist) -> Vec<u8> {
    let mut out = Encoder::default();
    store.save(&mut out);
    let mut copy = Encoder::default();
    store.copy_table()(&mut copy);
    assert_eq!(copy.bytes, out.bytes, "a copy writes what the store would have written");
    out.bytes
}

fn load(store: &mut impl Persist, bytes: &[u8]) -> Result<(), crate::codec::Corrupt> {
    let mut from = Decoder::new(bytes);
    store.load(&mut from)?;
    from.end()
}

fn assert_sound<O: Operator>(at: usize, suspect: bool, settled: &Settled) {
    for finding in &settled.findings {
        let evidence = &finding.evidence;
        assert_eq!(finding.operator, O::NAME, "sequence number {at}: a finding names its operator");
        assert!(
            evidence.matched.is_none_or(|m| (m as usize) < at),
            "sequence number {at}: a copy of itself or of a later document"
        );
        assert!(!(suspect && finding.reason.is_copy()), "sequence number {at}: a suspect document is no copy");
        assert!(
            evidence.spans.len() <= 16 && evidence.phrase.as_ref().is_none_or(|p| p.len() <= 400),
            "sequence number {at}: bounded"
        );
    }
    let earlier = |r: &Recall| (r.seqno as usize) < at && r.operator == O::NAME;
    assert!(settled.recalls.iter().all(earlier), "sequence number {at}: recalls name earlier documents");
    assert!(settled.recalls.windows(2).all(|r| r[0].seqno < r[1].seqno), "sequence number {at}: recalls are oldest first");
}

/// Takes a new operator through the script by one schedule.
///
/// # Panics
/// If the operator breaks its contract in a way that can be seen in one run.
pub fn run<O: Operator>(make: &impl Fn() -> O, script: &[Step], schedule: Schedule) -> ScriptOutcome {
    let operator = make();
    let shards = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
    let (ledger, horizon) = (MemoryLedger::default(), MemoryHorizon::default());
    let mut engine = TestEngine {
        script,
        schedule,
        operator,
        shards,
        probes: Vec::new(),
        answers: Vec::new(),
        records: Vec::new(),
        proposals: Vec::new(),
        ledger,
        horizon,
        settled: Vec::new(),
        state_bytes: 0,
    };
    let w = schedule.epoch as usize;
    let mut at = 0;
    while at < script.len() {
        if schedule.restore_at == Some(at) {
            engine.settle(at);
            engine.restore(make);
        }
        if at > 0 && at.is_multiple_of(w) {
            engine.begin_epoch(at);
        }
        let stops =
            [at + schedule.batch, at - at % w + w, script.len(), schedule.restore_at.filter(|&r| r > at).unwrap_or(usize::MAX)];
        let end = stops.into_iter().min().unwrap_or(script.len());
        engine.take_in(at..end);
        if !schedule.lag {
            engine.settle(end);
        }
        at = end;
    }
    engine.settle(script.len());
    engine.measure();
    ScriptOutcome {
        state: engine.save(),
        records: engine.records,
        settled: engine.settled,
        fates: engine.ledger.fates,
        state_bytes: engine.state_bytes,
    }
}

/// Runs the script by many schedules and compares; returns the outcome of the plainest one, in
/// batches of one.
///
/// `epoch` is the number of records between two epoch boundaries. `state_bytes_max` is the memory
/// that the operator's configuration promises not to exceed.
///
/// # Panics
/// If the operator breaks its contract.
pub fn check<O: Operator>(make: impl Fn() -> O, script: &[Step], epoch: u32, state_bytes_max: usize) -> ScriptOutcome {
    let plain = Schedule { epoch, batch: 1, lag: false, restore_at: None };
    let want = run(&make, script, plain);
    assert!(want.state_bytes <= state_bytes_max, "holds {} bytes of at most {state_bytes_max}", want.state_bytes);
    for batch in [1, 2, 3, 7, epoch as usize, usize::MAX / 2] {
        for lag in [false, true] {
            compare(&make, script, Schedule { batch, lag, ..plain }, &want);
        }
    }
    let len = script.len();
    for restore_at in [0, 1, len / 3, len / 2, len - len % epoch as usize, len.saturating_sub(1)] {
        compare(&make, script, Schedule { batch: 5, lag: true, restore_at: Some(restore_at), ..plain }, &want);
    }
    check_hostile(&make, &want.state);
    check_hostile_records(&make, &want.records);
    want
}

fn compare<O: Operator>(make: &impl Fn() -> O, script: &[Step], schedule: Schedule, want: &ScriptOutcome) {
    let got = run(make, script, schedule);
    for (at, (got, want)) in got.settled.iter().zip(&want.settled).enumerate() {
        assert_eq!(got.findings, want.findings, "findings on sequence number {at} under {schedule:?}");
        assert_eq!(got.recalls, want.recalls, "recalls by sequence number {at} under {schedule:?}");
    }
    assert_eq!(got.fates, want.fates, "fates under {schedule:?}");
    assert_eq!(got.records, want.records, "replay records under {schedule:?}");
    for (i, (got, want)) in got.state.iter().zip(&want.state).enumerate() {
        assert!(got == want, "saved state of {} differs under {schedule:?}", if i == 0 { "the operator" } else { "a shard" });
    }
}

/// Takes in torn and altered replay records, which must give an error or some state, and no panic.
fn check_hostile_records<O: Operator>(make: &impl Fn() -> O, records: &[Vec<u8>]) {
    let take_in = |bytes: &[u8]| {
        let run = [ReplayRecord { seqno: 3, epoch: 0, bytes }];
        let mut operator = make();
        for index in 0..KEY_SHARDS {
            let _ = operator.refold(&mut operator.key_shard(), index, &run);
        }
        let _ = operator.recollect(&run);
    };
    for record in records.iter().filter(|t| !t.is_empty()).take(3) {
        (0..record.len()).for_each(|cut| take_in(&record[..cut]));
        for at in 0..record.len() {
            let mut altered = record.clone();
            altered[at] ^= 0xff;
            take_in(&altered);
        }
    }
}

/// Loads torn and altered state, which must give an error or some state, and no panic.
fn check_hostile<O: Operator>(make: &impl Fn() -> O, state: &[Vec<u8>]) {
    // The operator and the two key shards with the most state: the others are written by the same
    // code.
    let mut shards: Vec<&Vec<u8>> = state[1..].iter().collect();
    shards.sort_by_key(|bytes| std::cmp::Reverse(bytes.len()));
    for (i, bytes) in std::iter::once(&state[0]).chain(shards.into_iter().take(2)).enumerate() {
        let try_load = |bytes: &[u8]| {
            let mut operator = make();
            if i == 0 { load(&mut operator, bytes) } else { load(&mut operator.key_shard(), bytes) }
        };
        let step = (bytes.len() / 50).max(1);
        for cut in (0..bytes.len()).step_by(step) {
            assert!(try_load(&bytes[..cut]).is_err(), "{cut} of {} bytes were taken for a whole state", bytes.len());
        }
        for at in (0..bytes.len().min(64)).chain((0..bytes.len()).step_by(step)) {
            let mut altered = bytes.clone();
            altered[at] ^= 0xff;
            let _ = try_load(&altered);
        }
    }
}
