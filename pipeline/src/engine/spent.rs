//! Where does time go? Every step of a record's way adds up the time that it takes, for each
//! operator where an operator takes it.
//!
//! Times are those of the threads that work, added up: on two busy cores they grow by two seconds a
//! second. A thread that is made to wait by others of the machine counts as working. Steps do not
//! overlap, so what their sum lacks of all processor time was spent between them.
//!
//! **Cost** two readings of the clock a step, 50 ns; some twelve steps a document. **State** 2 KB.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A step of a record's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Unpacking the input and cutting it into records.
    Read,
    /// Finding the page in a record.
    Decode,
    /// Publisher, tokens, digest and language.
    Features,
    /// An inspector looks at a document.
    Inspect,
    /// A keyed operator works out what to ask of its state.
    Probe,
    /// Keyed state answers and takes documents in.
    Fold,
    /// Facts about documents.
    Describe,
    /// Facts become visible.
    Remember,
    /// Texts go into the horizon.
    Horizon,
    /// Answers become proposals.
    Judge,
    /// Proposals become findings and verdicts; with the ledger.
    Settle,
    /// What a restart needs is logged.
    Log,
    /// Lines of the outputs are made.
    Encode,
    /// Lines go to the sink.
    Commit,
    /// An epoch boundary is passed.
    Epoch,
}

impl Step {
    const ALL: [Self; 15] = [
        Self::Read,
        Self::Decode,
        Self::Features,
        Self::Inspect,
        Self::Probe,
        Self::Fold,
        Self::Describe,
        Self::Remember,
        Self::Horizon,
        Self::Judge,
        Self::Settle,
        Self::Log,
        Self::Encode,
        Self::Commit,
        Self::Epoch,
    ];

    /// Its name in tables and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Features => "features",
            Self::Inspect => "inspect",
            Self::Probe => "probe",
            Self::Fold => "fold",
            Self::Describe => "describe",
            Self::Remember => "remember",
            Self::Horizon => "horizon",
            Self::Judge => "judge",
            Self::Settle => "settle",
            Self::Log => "log",
            Self::Encode => "encode",
            Self::Commit => "commit",
            Self::Epoch => "epoch",
        }
    }
}

/// Operators of a kind that are told apart. Those beyond share the last place.
const OPERATORS: usize = 16;

/// Time by step, and by the number of the operator among its kind.
#[derive(Debug, Default)]
pub struct Spent([[AtomicU64; OPERATORS]; Step::ALL.len()]);

/// Time of one step and, where an operator took it, of that operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// The number of the operator among the inspectors or the keyed operators.
    pub operator: usize,
    /// So long.
    pub took: Duration,
}

impl Spent {
    /// Runs something and adds its time to a step.
    #[inline]
    pub fn on<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        self.by(step, 0, work)
    }

    /// Runs something and adds its time to a step of operator number `operator`.
    #[inline]
    pub fn by<T>(&self, step: Step, operator: usize, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.add(step, operator, begun.elapsed());
        done
    }

    /// Adds time to a step of operator number `operator`.
    #[inline]
    pub fn add(&self, step: Step, operator: usize, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0[step as usize][operator.min(OPERATORS - 1)].fetch_add(nanos, Ordering::Relaxed);
    }

    /// All times so far that are not zero.
    pub fn times(&self) -> Vec<StepTime> {
        let of_step = |step: Step| {
            let cells = self.0[step as usize].iter().enumerate();
            let times = cells.map(move |(operator, nanos)| {
                let took = Duration::from_nanos(nanos.load(Ordering::Relaxed));
                StepTime { step, operator, took }
            });
            times.filter(|time| !time.took.is_zero())
        };
        Step::ALL.into_iter().flat_map(of_step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_by_step_and_operator() {
        let spent = Spent::default();
        assert_eq!(spent.times(), []);
        spent.add(Step::Fold, 1, Duration::from_millis(3));
        spent.add(Step::Fold, 1, Duration::from_millis(4));
        spent.add(Step::Read, 0, Duration::from_millis(5));
        assert_eq!(spent.on(Step::Epoch, || 7), 7);
        let times = spent.times();
        let want = |step, operator, millis| StepTime { step, operator, took: Duration::from_millis(millis) };
        assert_eq!(times[..2], [want(Step::Read, 0, 5), want(Step::Fold, 1, 7)]);
        assert!(times.len() <= 3 && times[2..].iter().all(|time| time.step == Step::Epoch));
        assert!(Step::ALL.iter().enumerate().all(|(number, step)| *step as usize == number));
    }
}
