//! How are transactions kept in memory?

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Fault, Faults, Op};
use crate::{
    committer::{Channel, Committer, Outgoing, Recovered},
    error::Error,
    position::Positions,
};

/// The sink, which holds what is visible. A test keeps it beyond the deaths of committers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryLog {
    /// Committed records, in the order of their commits.
    pub records: Vec<(Channel, Vec<u8>)>,
    /// One journal record for each commit.
    pub journal: Vec<Vec<u8>>,
    /// How often a committer has recovered. Only the last one may write.
    pub epoch: u64,
}

impl MemoryLog {
    /// Returns the committed records of a channel.
    pub fn of(&self, channel: Channel) -> impl Iterator<Item = &[u8]> {
        self.records.iter().filter(move |(of, _)| *of == channel).map(|(_, record)| record.as_slice())
    }
}

/// Commits to a [`MemoryLog`].
#[derive(Debug)]
pub struct MemoryCommitter {
    log: Arc<Mutex<MemoryLog>>,
    faults: Faults,
    /// The epoch that `recover` has begun; 0 before it.
    epoch: u64,
    batch: Option<Vec<(Channel, Vec<u8>)>>,
}

impl MemoryCommitter {
    /// Makes a committer to `log` that fails as `faults` say.
    #[must_use]
    pub fn new(log: Arc<Mutex<MemoryLog>>, faults: Faults) -> Self {
        Self { log, faults, epoch: 0, batch: None }
    }

    /// Returns the log, if this committer may still write to it.
    fn log(&self) -> Result<MutexGuard<'_, MemoryLog>, Error> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if self.epoch == log.epoch && self.epoch > 0 {
            Ok(log)
        } else {
            Err(Error::Refused(format!(
                "committer of epoch {} is fenced or has not recovered, the log is at {}",
                self.epoch, log.epoch
            )))
        }
    }
}

fn no_batch(call: &str) -> Error {
    Error::Refused(format!("{call}: no batch is open"))
}

impl Committer for MemoryCommitter {
    fn recover(&mut self, checkpoint: Option<&[u8]>) -> Result<Recovered, Error> {
        self.faults.check(Op::Recover)?;
        let beyond = match checkpoint.map(<[u8; 8]>::try_from) {
            None => 0,
            Some(Ok(bytes)) => u64::from_le_bytes(bytes) as usize,
            Some(Err(_)) => return Err(Error::Refused("checkpoint of a memory log: expected 8 bytes".to_owned())),
        };
        self.batch = None;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.epoch += 1;
        self.epoch = log.epoch;
        let journal = log.journal.get(beyond..).map(<[Vec<u8>]>::to_vec);
        let length = log.journal.len();
        journal
            .map(|journal| Recovered { journal, ..Recovered::default() })
            .ok_or_else(|| Error::Changed(format!("the journal has {length} records, expected at least {beyond}")))
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.faults.check(Op::Begin)?;
        drop(self.log()?);
        if self.batch.is_some() {
            return Err(Error::Refused("begin: a batch is open".to_owned()));
        }
        self.batch = Some(Vec::new());
        Ok(())
    }

    fn write(&mut self, record: &Outgoing<'_>) -> Result<(), Error> {
        self.faults.check(Op::Write)?;
        let batch = self.batch.as_mut().ok_or_else(|| no_batch("write"))?;
        batch.push((record.channel, record.value.to_vec()));
        Ok(())
    }

    fn commit(&mut self, _: &Positions, journal: &[u8]) -> Result<(), Error> {
        let fault = self.faults.next(Op::Commit);
        let batch = self.batch.take().ok_or_else(|| no_batch("commit"))?;
        if fault != Some(Fault::FailCommitBefore) {
            let mut log = self.log()?;
            log.records.extend(batch);
            log.journal.push(journal.to_vec());
        }
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    /// Returns the length of the journal as 8 bytes.
    fn checkpoint(&mut self) -> Result<Vec<u8>, Error> {
        self.faults.check(Op::Checkpoint)?;
        Ok((self.log()?.journal.len() as u64).to_le_bytes().to_vec())
    }
}
