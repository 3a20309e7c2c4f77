//! Which call fails, and how.

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
    /// A read fails, nothing was taken.
    FailRead,
    /// A read hands over up to this many records of its partition again before new ones.
    Redeliver(u64),
    /// A batch cannot be begun.
    FailBegin,
    /// A record cannot be written.
    FailWrite,
    /// A commit fails and took no effect: the batch is aborted.
    FailCommitBefore,
    /// A commit takes effect and reports failure.
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

/// Faults by the number of the call, from 0: calls of a source are counted apart from those of a committer, since the two may
/// work side by side. A fault whose
/// call is another one than the numbered waits for the next that fits, so that no step of a random script is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript {
    /// What goes wrong at or after which call.
    pub steps: BTreeMap<u64, Fault>,
}

/// A script in play, shared by a source and a committer and by those that follow them after a death.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<Mutex<Play>>,
}

#[derive(Debug, Default)]
struct Play {
    script: FaultScript,
    /// Of the source, of the committer.
    calls: [u64; 2],
}

impl Faults {
    /// Plays `script` from its beginning.
    #[must_use]
    pub fn new(script: FaultScript) -> Self {
        Self { state: Arc::new(Mutex::new(Play { script, calls: [0; 2] })) }
    }

    /// Counts a call; the fault that it shall have.
    pub(super) fn next(&self, op: Op) -> Option<Fault> {
        let mut play = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let side = usize::from(op != Op::Read);
        let call = play.calls[side];
        play.calls[side] += 1;
        let due = play.script.steps.range(..=call).find(|(_, fault)| fault.op() == op).map(|(step, _)| *step)?;
        play.script.steps.remove(&due)
    }

    /// Counts a call that can only fail or not.
    pub(super) fn check(&self, op: Op) -> Result<(), Error> {
        self.next(op).map_or(Ok(()), |fault| Err(fault.error()))
    }
}
