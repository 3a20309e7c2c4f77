//! Which call fails, and how? Tests give such a script to the source and the committer in memory,
//! which then fail on purpose.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::error::Error;

/// A call that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// [`Source::read`](crate::source::Source::read) or `read_run`.
    Read,
    /// [`Committer::begin`](crate::committer::Committer::begin).
    Begin,
    /// [`Committer::write`](crate::committer::Committer::write).
    Write,
    /// [`Committer::commit`](crate::committer::Committer::commit).
    Commit,
    /// [`Committer::checkpoint`](crate::committer::Committer::checkpoint).
    Checkpoint,
    /// [`Committer::recover`](crate::committer::Committer::recover).
    Recover,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A read fails, and nothing was read.
    FailRead,
    /// A read returns up to this many records of its partition again before new ones.
    Redeliver(u64),
    /// A batch cannot be begun.
    FailBegin,
    /// A record cannot be written.
    FailWrite,
    /// A commit fails without effect: the batch is aborted.
    FailCommitBefore,
    /// A commit takes effect but reports failure.
    FailCommitAfter,
    /// A checkpoint cannot be made.
    FailCheckpoint,
    /// Outputs cannot be recovered.
    FailRecover,
}

impl Fault {
    /// All faults, for scripts drawn at random.
    pub const ALL: [Self; 8] = [
        Self::FailRead,
        Self::Redeliver(3),
        Self::FailBegin,
        Self::FailWrite,
        Self::FailCommitBefore,
        Self::FailCommitAfter,
        Self::FailCheckpoint,
        Self::FailRecover,
    ];

    /// The call it happens in.
    #[must_use]
    pub fn op(self) -> Op {
        match self {
            Self::FailRead | Self::Redeliver(_) => Op::Read,
            Self::FailBegin => Op::Begin,
            Self::FailWrite => Op::Write,
            Self::FailCommitBefore | Self::FailCommitAfter => Op::Commit,
            Self::FailCheckpoint => Op::Checkpoint,
            Self::FailRecover => Op::Recover,
        }
    }

    pub(super) fn error(self) -> Error {
        Error::Injected(match self {
            Self::FailRead => "read fails",
            Self::Redeliver(_) => "records come again",
            Self::FailBegin => "begin fails",
            Self::FailWrite => "write fails",
            Self::FailCommitBefore => "commit fails and was aborted",
            Self::FailCommitAfter => "commit fails and took place",
            Self::FailCheckpoint => "checkpoint fails",
            Self::FailRecover => "recover fails",
        })
    }
}

/// Faults by the number of the call, from 0.
///
/// Calls of a source and of a committer are counted apart, since the two may work at the same time.
/// A fault that does not fit the call of its number waits for the next call that it fits, so no
/// step of a random script is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript {
    /// The fault that happens at a call or after it.
    pub steps: BTreeMap<u64, Fault>,
}

/// A script that is being played. It is shared by a source and a committer, and by those that
/// replace them after a death.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<Mutex<Play>>,
}

#[derive(Debug, Default)]
struct Play {
    script: FaultScript,
    /// Number of calls of the source, and of the committer.
    calls: [u64; 2],
}

impl Faults {
    /// Begins to play `script`.
    #[must_use]
    pub fn new(script: FaultScript) -> Self {
        Self { state: Arc::new(Mutex::new(Play { script, calls: [0; 2] })) }
    }

    /// Counts a call and returns the fault that it must have.
    pub(super) fn next(&self, op: Op) -> Option<Fault> {
        let mut play = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let side = usize::from(op != Op::Read);
        let call = play.calls[side];
        play.calls[side] += 1;
        let due = play.script.steps.range(..=call).find(|(_, fault)| fault.op() == op).map(|(step, _)| *step)?;
        play.script.steps.remove(&due)
    }

    /// Counts a call that can only succeed or fail.
    pub(super) fn check(&self, op: Op) -> Result<(), Error> {
        self.next(op).map_or(Ok(()), |fault| Err(fault.error()))
    }
}
