//! How are records read, forwarded and committed?
//!
//! A partition whose next document is not settled holds that one record, and is paused until a
//! watermark passes it. Fates are forgotten below the watermark before the newest one, once every
//! partition has been read to where it ended when that watermark was seen. The transaction of the
//! newest watermark may not be visible everywhere yet; an earlier one's is.

use std::{
    thread,
    time::{Duration, Instant},
};

use connectors::{
    error::{Error, ErrorClass},
    kafka::{ForwardedRecord, ForwarderLoss, ForwarderPartition, GoingOn, TopicForwarder},
};
use tracing::{error, info, warn};

use super::{
    SettleConfig,
    fates::{DocumentTopic, FATES_MAX, Fates},
    partition::{PartitionRole, PartitionState},
    record::{RecallsRecord, parse, seqno},
};

/// The most records in a transaction.
const BATCH_RECORDS_MAX: usize = 8_192;
/// The most bytes in a transaction; one record may go beyond.
const BATCH_BYTES_MAX: usize = 32 << 20;
/// How long a batch waits for more records.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// How often positions are committed that only moved past documents that are not forwarded.
const COMMIT_IDLE_EVERY: Duration = Duration::from_secs(2);
/// How often old fates are forgotten and topics are checked for new partitions.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// How long it may stay unknown whether a partition is read to its end. After that reading begins
/// again, because the client does not always report it.
const SWEEP_TIME_MAX: Duration = Duration::from_mins(1);
/// How many batches may be aborted one after the other.
const ABORTS_MAX: u32 = 10;
/// How long to wait before reading begins again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What a settler has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettleCounts {
    /// The documents that were forwarded, restored ones among them.
    pub forwarded: u64,
    /// The clean documents that were left out because they are recalled.
    pub recalled: u64,
    /// The recalls that came after a watermark had passed their document.
    pub late_recalls: u64,
    /// The offsets that were gone before they were read.
    pub lost: u64,
    /// The settled watermark.
    pub watermark: u32,
    /// How many recalled and restored sequence numbers are kept.
    pub fates: usize,
}

/// Fates that can be forgotten once every partition was read to where it ended.
struct Sweep {
    begun: Instant,
    /// The fates below this sequence number can be forgotten.
    below: u32,
    /// Where each partition ended when the sweep began.
    ends: Vec<u64>,
}

/// Reads records, forwards settled documents and commits. After an error a new one is opened.
pub struct Settler {
    config: SettleConfig,
    forwarder: TopicForwarder,
    partitions: Vec<PartitionState>,
    fates: Fates,
    /// Recalls below this offset were read by an earlier settler. Nothing is forwarded until they
    /// have been read again.
    known_to: u64,
    done: SettleCounts,
    /// What was done when the last transaction was committed.
    committed: SettleCounts,
    /// The records and bytes of the open transaction.
    batch: (usize, usize),
    committed_at: Instant,
    /// When all positions were committed last, whether they had changed or not.
    all_committed_at: Instant,
    swept_at: Instant,
    sweep: Option<Sweep>,
}

impl Settler {
    /// Fences earlier settlers of the group, and goes on where they stopped.
    ///
    /// # Errors
    /// Fails if a topic is missing or no longer holds what comes next and that is not accepted, or if
    /// the brokers do not answer.
    pub fn open(config: &SettleConfig) -> Result<Self, Error> {
        let inputs = [config.clean.as_str(), &config.duplicates, &config.recalls];
        let going_on = GoingOn { accepts_loss: config.accepts_loss, last: PartitionState::last_record };
        let forwarder = TopicForwarder::open(&config.kafka, &inputs, &[&config.settled, &config.late_recalls], going_on)?;
        let is_new = forwarder.partitions().iter().all(|partition| partition.text.is_none());
        if is_new && !config.accepts_loss && forwarder.holds_records(&config.kafka, &config.settled)? {
            let SettleConfig { settled, clean, .. } = config;
            return Err(Error::Refused(format!(
                "{} has committed nothing, and {settled} holds documents: what it had committed has expired, or they are another \
                 group's. Settle into another topic under another group; or --accept-loss begins at the oldest record of {clean}, and \
                 what was forwarded before comes once more",
                config.kafka.group
            )));
        }
        let mut lost = 0;
        let (mut partitions, mut fates, mut known_to) = (Vec::new(), Fates::default(), 0);
        for partition in forwarder.partitions() {
            let state = PartitionState::new(config, partition);
            if let Some(text) = &partition.text {
                let understood = match state.role {
                    PartitionRole::Documents(_) => PartitionState::documents_text(text).is_some(),
                    PartitionRole::Recalls => PartitionState::recalls_text(text).is_some_and(|(read, watermark)| {
                        (fates, known_to) = (Fates::from_watermark(watermark), read);
                        true
                    }),
                    PartitionRole::Empty => true,
                };
                if !understood {
                    let (name, group) = (&state.name, &config.kafka.group);
                    let why =
                        format!("{name}: {group} has committed {text:?}, expected a text of weir settle: who else uses it?");
                    return Err(Error::Refused(why));
                }
            }
            if let Some(loss) = partition.loss {
                lost += tell(&state, partition, loss);
                if loss.is_anew && matches!(state.role, PartitionRole::Recalls) {
                    known_to = 0;
                }
            }
            partitions.push(state);
        }
        let (config, done, now) = (config.clone(), SettleCounts { lost, ..SettleCounts::default() }, Instant::now());
        let (committed_at, all_committed_at, swept_at) = (now, now, now);
        Ok(Self {
            config,
            forwarder,
            partitions,
            fates,
            known_to,
            done,
            committed: done,
            batch: (0, 0),
            committed_at,
            all_committed_at,
            swept_at,
            sweep: None,
        })
    }

    /// Settles until `stop` returns true, and then commits what is in flight. After an error that
    /// allows it, a new settler is opened.
    ///
    /// # Errors
    /// Fails if another settler has taken over, or if going on would lose or double a document.
    pub fn run(config: &SettleConfig, stop: impl Fn() -> bool) -> Result<SettleCounts, Error> {
        let (mut done, mut aborts) = (SettleCounts::default(), 0);
        while !stop() {
            let (ended, forwarded) = match Self::open(config) {
                Ok(mut settler) => {
                    let ended = settler.run_until(&stop);
                    done = done.and(settler.done());
                    (ended, settler.done().forwarded)
                }
                Err(error) => (Err(error), 0),
            };
            match ended {
                Ok(()) => {}
                Err(Error::Broker { class: ErrorClass::Abortable | ErrorClass::Retriable, action, reason })
                    if aborts < ABORTS_MAX =>
                {
                    aborts = if forwarded > 0 { 1 } else { aborts + 1 };
                    // What the aborted transaction had forwarded is forwarded again.
                    warn!(action, reason, aborts, "the batch is aborted, settling begins again");
                    thread::sleep(AGAIN_AFTER);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Goes on until it is to stop, or until reading must begin again.
    fn run_until(&mut self, stop: &impl Fn() -> bool) -> Result<(), Error> {
        while !stop() {
            if !self.step()? {
                return Ok(());
            }
        }
        self.commit()
    }

    /// Gathers a batch and commits it when it is due. Returns false if reading must begin again;
    /// everything is committed then.
    ///
    /// # Errors
    /// Fails as [`Self::run`] does.
    pub fn step(&mut self) -> Result<bool, Error> {
        self.gather()?;
        if self.batch.0 > 0 || self.committed_at.elapsed() >= COMMIT_IDLE_EVERY {
            self.commit()?;
        }
        if self.swept_at.elapsed() >= SWEEP_EVERY {
            self.swept_at = Instant::now();
            let stuck = self.sweep_fates()?;
            if stuck || self.forwarder.has_grown()? {
                self.commit()?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes what comes within a batch's time and forwards what is settled, without committing it.
    ///
    /// # Errors
    /// Fails as [`Self::run`] does.
    pub fn gather(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + BATCH_TIME;
        while self.batch.0 < BATCH_RECORDS_MAX && self.batch.1 < BATCH_BYTES_MAX {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if let Some(record) = self.forwarder.poll(left)? {
                self.accept(record)?;
            }
        }
        Ok(())
    }

    /// Deals with a record of any of the three topics.
    fn accept(&mut self, record: ForwardedRecord) -> Result<(), Error> {
        let index = record.partition;
        match self.partitions[index].role {
            PartitionRole::Documents(topic) => self.document(topic, record),
            PartitionRole::Recalls => self.recalled(index, &record),
            PartitionRole::Empty => {
                let name = &self.partitions[index].name;
                Err(Error::Refused(format!("{name}/{}: got a record, expected all recalls on partition 0", record.offset)))
            }
        }
    }

    /// Forwards a document, leaves it out, or holds it until it is settled.
    fn document(&mut self, topic: DocumentTopic, record: ForwardedRecord) -> Result<(), Error> {
        let state = &self.partitions[record.partition];
        let seqno = seqno(&record, &state.name)?;
        if let Some(last) = state.last.filter(|last| seqno <= *last) {
            return Err(Error::Refused(format!(
                "{}/{}: sequence number {seqno} after {last}, expected a larger one: the stage's state was begun again, so settle into \
                 another topic under another group",
                state.name, record.offset
            )));
        }
        if let Some(forwarded) = self.is_forwarded(seqno, topic) {
            return self.pass(topic, seqno, &record, forwarded);
        }
        self.forwarder.pause(record.partition)?;
        let state = &mut self.partitions[record.partition];
        state.held = Some((seqno, record));
        Ok(())
    }

    /// Returns whether a document is forwarded. Returns `None` as long as the document is not
    /// settled, or as long as not all recalls that an earlier settler knew have been read again.
    fn is_forwarded(&self, seqno: u32, topic: DocumentTopic) -> Option<bool> {
        let recalls = self.partitions.iter().find(|state| matches!(state.role, PartitionRole::Recalls))?;
        (recalls.next >= self.known_to).then(|| self.fates.is_forwarded(seqno, topic))?
    }

    /// Forwards a settled document or leaves it out.
    fn pass(&mut self, topic: DocumentTopic, seqno: u32, record: &ForwardedRecord, forwarded: bool) -> Result<(), Error> {
        if forwarded {
            self.forwarder.send(&self.config.settled, record)?;
            self.done.forwarded += 1;
            self.batch.0 += 1;
            self.batch.1 += record.value.as_ref().map_or(0, Vec::len);
        } else if topic == DocumentTopic::Clean {
            self.done.recalled += 1;
        }
        let state = &mut self.partitions[record.partition];
        (state.next, state.last, state.at) = (record.offset + 1, Some(seqno), Some((record.offset, record.digest())));
        Ok(())
    }

    /// Deals with a record of `recalls`.
    fn recalled(&mut self, index: usize, record: &ForwardedRecord) -> Result<(), Error> {
        let again = record.offset < self.known_to;
        match parse(record, &self.partitions[index].name)? {
            // The watermark that was committed is known already. One that is read again proves
            // nothing about what has become visible since.
            RecallsRecord::Watermark(_) if again => {}
            RecallsRecord::Watermark(up_to) => self.fates.settle(up_to),
            RecallsRecord::Overruled => {}
            RecallsRecord::Fate(seqno, action) => {
                let late = self.fates.note(seqno, action, record.offset);
                if late && !again {
                    error!(seqno, watermark = self.fates.watermark(), ?action, "a recall has come after the settled watermark");
                    self.forwarder.send(&self.config.late_recalls, record)?;
                    self.done.late_recalls += 1;
                    self.batch.0 += 1;
                }
                if self.fates.len() > FATES_MAX {
                    let why = "the stage writes no settled watermarks, or a partition is not read";
                    return Err(Error::Refused(format!("more than {FATES_MAX} recalls are not settled: {why}")));
                }
            }
        }
        let state = &mut self.partitions[index];
        (state.next, state.at) = (record.offset + 1, Some((record.offset, record.digest())));
        self.pass_held()
    }

    /// Deals with held documents that are settled by now.
    fn pass_held(&mut self) -> Result<(), Error> {
        for index in 0..self.partitions.len() {
            let PartitionRole::Documents(topic) = self.partitions[index].role else { continue };
            let Some((seqno, _)) = self.partitions[index].held else { continue };
            if let Some(forwarded) = self.is_forwarded(seqno, topic)
                && let Some((seqno, record)) = self.partitions[index].held.take()
            {
                self.pass(topic, seqno, &record, forwarded)?;
                self.forwarder.resume(index)?;
            }
        }
        Ok(())
    }

    /// Commits what was forwarded and how far all topics are dealt with, if anything has changed.
    ///
    /// # Errors
    /// Fails as [`Self::run`] does.
    pub fn commit(&mut self) -> Result<(), Error> {
        let mut positions = Vec::new();
        let is_all_due = self.all_committed_at.elapsed() >= self.config.commit_again_every;
        for (index, state) in self.partitions.iter().enumerate() {
            let Some(position) = state.position(&self.fates, self.known_to, self.forwarder.read_to(index)) else { continue };
            if is_all_due || state.committed.as_ref() != Some(&position) {
                positions.push((index, position.0, position.1));
            }
        }
        self.committed_at = Instant::now();
        if is_all_due {
            self.all_committed_at = self.committed_at;
        }
        if !positions.is_empty() {
            self.forwarder.commit(&positions)?;
            for (index, offset, text) in positions {
                self.partitions[index].committed = Some((offset, text));
            }
        }
        (self.batch, self.committed) = ((0, 0), self.done);
        Ok(())
    }

    /// Forgets fates that no document will need. Returns whether it has been unknown for too long
    /// if any will.
    fn sweep_fates(&mut self) -> Result<bool, Error> {
        let below = self.fates.visible_below();
        if self.sweep.is_none() && self.fates.len() > 0 && below > 0 {
            self.sweep = Some(Sweep { begun: Instant::now(), below, ends: self.forwarder.ends()? });
        }
        let Some(sweep) = &self.sweep else { return Ok(false) };
        let passed = |(index, state): (usize, &PartitionState)| {
            let (PartitionRole::Documents(_), PartitionState { held, last, .. }) = (&state.role, state) else { return true };
            let seen = held.as_ref().map(|(seqno, _)| *seqno).max(*last);
            let read = held.is_none() && self.forwarder.read_to(index) >= sweep.ends[index];
            seen.is_some_and(|seen| seen >= sweep.below) || read
        };
        if self.partitions.iter().enumerate().all(passed) {
            self.fates.forget_below(sweep.below);
            info!(below = sweep.below, kept = self.fates.len(), "recalls that no document needs any more are forgotten");
            self.sweep = None;
            return Ok(false);
        }
        Ok(sweep.begun.elapsed() >= SWEEP_TIME_MAX)
    }

    /// Returns what was committed since the settler was opened.
    pub fn done(&self) -> SettleCounts {
        SettleCounts { watermark: self.fates.watermark(), fates: self.fates.len(), ..self.committed }
    }
}

/// Says what is gone of a partition. Returns how many offsets that are.
fn tell(state: &PartitionState, partition: &ForwarderPartition, loss: ForwarderLoss) -> u64 {
    let (name, from, to) = (&state.name, loss.from, partition.begin);
    let so = match state.role {
        PartitionRole::Recalls => "documents that were recalled there may be forwarded",
        PartitionRole::Documents(_) | PartitionRole::Empty => "they were never forwarded",
    };
    if loss.is_anew {
        warn!(
            partition = name,
            from, to, so, "LOST: the topic was made anew, and what was not read of the old one is gone, as was accepted"
        );
        return 0;
    }
    let offsets = to.saturating_sub(from);
    warn!(partition = name, from, to, offsets, so, "LOST: these offsets were never read or are still needed, as was accepted");
    offsets
}

impl SettleCounts {
    /// Adds what was done later.
    fn and(self, later: Self) -> Self {
        Self {
            forwarded: self.forwarded + later.forwarded,
            recalled: self.recalled + later.recalled,
            late_recalls: self.late_recalls + later.late_recalls,
            lost: self.lost + later.lost,
            ..later
        }
    }
}
