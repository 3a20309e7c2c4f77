//! The loop: read, forward, commit.
//!
//! A partition whose next document is not settled holds that one record and is paused until a mark passes it. Fates are
//! forgotten below the mark before the newest, once every partition has been read to where it ended when that was seen:
//! the newest mark's own transaction may not be visible everywhere yet, an earlier one's is.

use std::{
    thread,
    time::{Duration, Instant},
};

use connectors::{
    error::{Error, ErrorClass},
    kafka::{ForwardedRecord, ForwarderPartition, TopicForwarder},
};
use tracing::{error, info, warn};

use super::{
    SettleConfig,
    fates::{FATES_MAX, Fates, Kind},
    record::{Said, said, seqno},
};

/// Most records in a transaction.
const BATCH_RECORDS_MAX: usize = 8_192;
/// Most bytes in a transaction, and one record more.
const BATCH_BYTES_MAX: usize = 32 << 20;
/// How long a batch waits for more.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// Positions that only moved past what is not forwarded are committed so often.
const COMMIT_IDLE_EVERY: Duration = Duration::from_secs(2);
/// How often fates are looked through, and topics for new partitions.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After so long without a partition being known to be read, reading begins anew: the client does not always say.
const LOOK_TIME_MAX: Duration = Duration::from_mins(1);
/// Batches that may be aborted one after the other.
const ABORTS_MAX: u32 = 10;
/// Before reading begins anew.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Begins the text beside a committed offset.
const TEXT: &str = "weir-settle1";

/// What a settler has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Documents forwarded, restored ones too.
    pub forwarded: u64,
    /// Clean documents left out as recalled.
    pub recalled: u64,
    /// Recalls that came after their mark.
    pub late_recalls: u64,
    /// Everything below this sequence number is settled.
    pub mark: u32,
    /// Recalled and restored sequence numbers that are kept.
    pub fates: usize,
}

/// A partition's part.
enum Role {
    Documents(Kind),
    Recalls,
    /// Of `recalls`, where nothing may be.
    Nothing,
}

/// A partition.
struct Lane {
    role: Role,
    name: String,
    /// The next offset that is not dealt with.
    next: u64,
    /// What is committed.
    committed: Option<(u64, String)>,
    /// The last sequence number dealt with.
    last: Option<u32>,
    /// The next document, which is not settled yet.
    held: Option<(u32, ForwardedRecord)>,
    /// Whether it was ever paused: then the client's statistics may speak of what it has thrown away.
    was_paused: bool,
}

impl Lane {
    fn new(config: &SettleConfig, partition: &ForwarderPartition) -> Self {
        let role = match partition.id {
            0 if partition.topic == config.recalls => Role::Recalls,
            _ if partition.topic == config.recalls => Role::Nothing,
            _ if partition.topic == config.clean => Role::Documents(Kind::Clean),
            _ => Role::Documents(Kind::Duplicate),
        };
        let (name, next, committed) = (partition.name(), partition.begin, partition.text.clone());
        let last = committed.as_deref().and_then(|text| figure(text, "last=")?.parse().ok());
        Self { role, name, next, committed: committed.map(|text| (next, text)), last, held: None, was_paused: false }
    }
}

/// A question whether all partitions have been read to where they ended.
struct Look {
    asked: Instant,
    below: u32,
    ends: Vec<u64>,
}

/// Reads, forwards, commits. Opened anew after an error.
pub struct Settler {
    config: SettleConfig,
    forwarder: TopicForwarder,
    lanes: Vec<Lane>,
    fates: Fates,
    /// Recalls below this offset were read before; nothing is forwarded until they have been read again.
    known_to: u64,
    done: Settled,
    /// The same, as it was when the last transaction was committed.
    committed: Settled,
    /// Records and bytes of the open transaction.
    batch: (usize, usize),
    committed_at: Instant,
    looked_at: Instant,
    look: Option<Look>,
}

impl Settler {
    /// Fences earlier settlers of the group, and goes on where they were.
    ///
    /// # Errors
    /// If a topic is missing or no longer holds what comes next, or the brokers do not answer.
    pub fn open(config: &SettleConfig) -> Result<Self, Error> {
        let inputs = [config.clean.as_str(), &config.duplicates, &config.recalls];
        let forwarder = TopicForwarder::open(&config.kafka, &inputs, &[&config.settled, &config.late_recalls])?;
        let (mut lanes, mut fates, mut known_to) = (Vec::new(), Fates::default(), 0);
        for partition in forwarder.partitions() {
            let lane = Lane::new(config, partition);
            if let Some(text) = &partition.text {
                let number = |name| figure(text, name).and_then(|number| number.parse::<u64>().ok());
                let understood = match lane.role {
                    Role::Documents(_) => figure(text, "last=").is_some(),
                    Role::Recalls => number("read=").zip(number("mark=")).is_some_and(|(read, mark)| {
                        (fates, known_to) = (Fates::settled_to(u32::try_from(mark).unwrap_or(u32::MAX)), read);
                        true
                    }),
                    Role::Nothing => true,
                };
                if !understood {
                    let (name, group) = (&lane.name, &config.kafka.group);
                    let why =
                        format!("{name}: {group} has committed {text:?}, expected a text of weir settle: who else uses it?");
                    return Err(Error::Refused(why));
                }
            }
            lanes.push(lane);
        }
        let (config, done, now) = (config.clone(), Settled::default(), Instant::now());
        let (committed_at, looked_at) = (now, now);
        Ok(Self {
            config,
            forwarder,
            lanes,
            fates,
            known_to,
            done,
            committed: done,
            batch: (0, 0),
            committed_at,
            looked_at,
            look: None,
        })
    }

    /// Settles until `stop` says so, beginning anew after what may be tried again. What was in hand is committed.
    ///
    /// # Errors
    /// If another settler has taken over, or going on would lose or double a document.
    pub fn run(config: &SettleConfig, stop: impl Fn() -> bool) -> Result<Settled, Error> {
        let (mut done, mut aborts) = (Settled::default(), 0);
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
                    // What the aborted transaction had forwarded comes again.
                    warn!(action, reason, aborts, "the batch is aborted, settling begins anew");
                    thread::sleep(AGAIN_AFTER);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Until somebody wants it to stop, or reading must begin anew.
    fn run_until(&mut self, stop: &impl Fn() -> bool) -> Result<(), Error> {
        while !stop() {
            if !self.step()? {
                return Ok(());
            }
        }
        self.commit()
    }

    /// Gathers a batch and commits it when it is due. `false`: reading must begin anew, and everything is committed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn step(&mut self) -> Result<bool, Error> {
        self.gather()?;
        if self.batch.0 > 0 || self.committed_at.elapsed() >= COMMIT_IDLE_EVERY {
            self.commit()?;
        }
        if self.looked_at.elapsed() >= LOOK_EVERY {
            self.looked_at = Instant::now();
            let stuck = self.look_through()?;
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
    /// As [`Self::run`].
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

    fn accept(&mut self, record: ForwardedRecord) -> Result<(), Error> {
        let index = record.partition;
        match self.lanes[index].role {
            Role::Documents(kind) => self.document(kind, record),
            Role::Recalls => self.recalled(index, &record),
            Role::Nothing => {
                let name = &self.lanes[index].name;
                Err(Error::Refused(format!("{name}/{}: got a record, expected all recalls on partition 0", record.offset)))
            }
        }
    }

    fn document(&mut self, kind: Kind, record: ForwardedRecord) -> Result<(), Error> {
        let lane = &self.lanes[record.partition];
        let seqno = seqno(&record, &lane.name)?;
        if let Some(last) = lane.last.filter(|last| seqno <= *last) {
            return Err(Error::Refused(format!(
                "{}/{}: sequence number {seqno} after {last}, expected a larger one: the stage's state was begun anew, so settle into \
                 another topic under another group",
                lane.name, record.offset
            )));
        }
        if let Some(forwarded) = self.is_forwarded(seqno, kind) {
            return self.pass(kind, seqno, &record, forwarded);
        }
        self.forwarder.pause(record.partition)?;
        let lane = &mut self.lanes[record.partition];
        lane.was_paused = true;
        lane.held = Some((seqno, record));
        Ok(())
    }

    /// `None` as long as it is not settled, or not all that was known of recalls is known again.
    fn is_forwarded(&self, seqno: u32, kind: Kind) -> Option<bool> {
        let recalls = self.lanes.iter().find(|lane| matches!(lane.role, Role::Recalls))?;
        (recalls.next >= self.known_to).then(|| self.fates.is_forwarded(seqno, kind))?
    }

    /// A settled document is dealt with.
    fn pass(&mut self, kind: Kind, seqno: u32, record: &ForwardedRecord, forwarded: bool) -> Result<(), Error> {
        if forwarded {
            self.forwarder.send(&self.config.settled, record)?;
            self.done.forwarded += 1;
            self.batch.0 += 1;
            self.batch.1 += record.value.as_ref().map_or(0, Vec::len);
        } else if kind == Kind::Clean {
            self.done.recalled += 1;
        }
        let lane = &mut self.lanes[record.partition];
        (lane.next, lane.last) = (record.offset + 1, Some(seqno));
        Ok(())
    }

    fn recalled(&mut self, index: usize, record: &ForwardedRecord) -> Result<(), Error> {
        let again = record.offset < self.known_to;
        match said(record, &self.lanes[index].name)? {
            // The mark committed is known already, and a mark read again proves nothing of what has become visible since.
            Said::Mark(_) if again => {}
            Said::Mark(up_to) => self.fates.settle(up_to),
            Said::Fate(seqno, action) => {
                let late = self.fates.tell(seqno, action, record.offset);
                if late && !again {
                    error!(seqno, mark = self.fates.mark(), ?action, "a recall has come after its mark");
                    self.forwarder.send(&self.config.late_recalls, record)?;
                    self.done.late_recalls += 1;
                    self.batch.0 += 1;
                }
                if self.fates.len() > FATES_MAX {
                    let why = "the stage writes no marks, or a partition is not read";
                    return Err(Error::Refused(format!("more than {FATES_MAX} recalls are not settled: {why}")));
                }
            }
        }
        self.lanes[index].next = record.offset + 1;
        self.release()
    }

    /// Lets go of held documents that are settled by now.
    fn release(&mut self) -> Result<(), Error> {
        for index in 0..self.lanes.len() {
            let Role::Documents(kind) = self.lanes[index].role else { continue };
            let Some((seqno, _)) = self.lanes[index].held else { continue };
            if let Some(forwarded) = self.is_forwarded(seqno, kind)
                && let Some((seqno, record)) = self.lanes[index].held.take()
            {
                self.pass(kind, seqno, &record, forwarded)?;
                self.forwarder.resume(index)?;
            }
        }
        Ok(())
    }

    /// Commits what was forwarded and how far all topics are dealt with, if anything has changed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn commit(&mut self) -> Result<(), Error> {
        let mut positions = Vec::new();
        for (index, lane) in self.lanes.iter().enumerate() {
            let position = match lane.role {
                Role::Documents(_) => {
                    let last = lane.last.map_or_else(|| "-".to_owned(), |last| last.to_string());
                    (lane.next, format!("{TEXT} last={last}"))
                }
                Role::Recalls => {
                    let read = lane.next.max(self.known_to);
                    let begin = self.fates.oldest().unwrap_or(lane.next).min(lane.next);
                    (begin, format!("{TEXT} read={read} mark={}", self.fates.mark()))
                }
                Role::Nothing => continue,
            };
            if lane.committed.as_ref() != Some(&position) {
                positions.push((index, position.0, position.1));
            }
        }
        self.committed_at = Instant::now();
        if !positions.is_empty() {
            self.forwarder.commit(&positions)?;
            for (index, offset, text) in positions {
                self.lanes[index].committed = Some((offset, text));
            }
        }
        (self.batch, self.committed) = ((0, 0), self.done);
        Ok(())
    }

    /// Forgets what no document will ask for. Whether that has been in doubt for too long.
    fn look_through(&mut self) -> Result<bool, Error> {
        let below = self.fates.visible_below();
        if self.look.is_none() && self.fates.len() > 0 && below > 0 {
            let ends = (0..self.lanes.len()).map(|index| self.forwarder.end(index)).collect::<Result<_, _>>()?;
            self.look = Some(Look { asked: Instant::now(), below, ends });
        }
        let Some(look) = &self.look else { return Ok(false) };
        let passed = |(index, lane): (usize, &Lane)| {
            let (Role::Documents(_), Lane { held, last, .. }) = (&lane.role, lane) else { return true };
            let seen = held.as_ref().map(|(seqno, _)| *seqno).max(*last);
            let read = held.is_none() && !lane.was_paused && self.forwarder.read_to(index) >= look.ends[index];
            seen.is_some_and(|seen| seen >= look.below) || read
        };
        if self.lanes.iter().enumerate().all(passed) {
            self.fates.forget_below(look.below);
            info!(below = look.below, kept = self.fates.len(), "recalls that no document can ask for are forgotten");
            self.look = None;
            return Ok(false);
        }
        Ok(look.asked.elapsed() >= LOOK_TIME_MAX)
    }

    /// What was committed since this was made.
    pub fn done(&self) -> Settled {
        Settled { mark: self.fates.mark(), fates: self.fates.len(), ..self.committed }
    }
}

impl Settled {
    /// Both together.
    fn and(self, later: Self) -> Self {
        Self {
            forwarded: self.forwarded + later.forwarded,
            recalled: self.recalled + later.recalled,
            late_recalls: self.late_recalls + later.late_recalls,
            ..later
        }
    }
}

/// What stands behind `name` in a text of ours.
fn figure<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(TEXT)?.split(' ').find_map(|word| word.strip_prefix(name))
}
