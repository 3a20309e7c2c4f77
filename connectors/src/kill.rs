//! Where may a test kill the process? At named points, one for every step between two states on
//! disk.
//!
//! Costs nothing in a normal build. With the cargo feature `faults`, `WEIR_KILL="name:n"` aborts
//! the process when it passes point `name` for the `n`-th time (from 1), and `WEIR_FREEZE` stops it
//! there (SIGSTOP) until a SIGCONT.

/// Every point of a run over files, roughly in the order in which they are passed.
pub const POINTS: &[&str] = &[
    "recover.truncated",
    "recover.done",
    "commit.begun",
    "commit.partial",
    "commit.done",
    "part.rolled",
    "checkpoint.flushed",
    "checkpoint.files_synced",
    "checkpoint.synced",
    "atomic.tmp_written",
    "atomic.renamed",
    "publish.tmp_written",
    "publish.renamed",
    "publish.synced",
    "publish.removed",
];

/// Every point of a recovery and of a commit over Kafka, in their order. A run over files passes
/// none of them.
pub const KAFKA_POINTS: &[&str] = &[
    "kafka.recover_begun",
    "kafka.recover_fenced",
    "kafka.recover_journal_read",
    "kafka.begun",
    "kafka.first_produced",
    "kafka.produced",
    "kafka.journal_produced",
    "kafka.offsets_sent",
    "kafka.half_produced",
    "kafka.flushed",
    "kafka.before_commit",
    "kafka.committed",
];

/// Every point of rewriting a file in place, in their order. A replay passes none of them.
pub const REWRITE_POINTS: &[&str] = &["rewrite.removed_kept", "rewrite.tmp_written", "rewrite.renamed"];

/// Passes the point `name`, which [`POINTS`], [`KAFKA_POINTS`] or [`REWRITE_POINTS`] lists.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "faults")]
    faults::point(name);
    #[cfg(test)]
    watch::point(name);
    #[cfg(not(any(feature = "faults", test)))]
    let _ = name;
}

#[cfg(feature = "faults")]
mod faults {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    struct Plan {
        name: String,
        nth: u64,
        passed: AtomicU64,
    }

    static KILL: OnceLock<Option<Plan>> = OnceLock::new();
    static FREEZE: OnceLock<Option<Plan>> = OnceLock::new();

    pub(super) fn point(name: &'static str) {
        if is_due(&KILL, "WEIR_KILL", name) {
            std::process::abort();
        }
        if is_due(&FREEZE, "WEIR_FREEZE", name) {
            let stopped = std::process::Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
            assert!(stopped.is_ok_and(|status| status.success()), "WEIR_FREEZE: no program `kill`");
        }
    }

    fn is_due(plan: &OnceLock<Option<Plan>>, variable: &str, name: &str) -> bool {
        let plan = plan.get_or_init(|| std::env::var(variable).ok().map(|text| parse(variable, &text)));
        let named = plan.as_ref().filter(|plan| plan.name == name);
        named.is_some_and(|plan| plan.passed.fetch_add(1, Ordering::Relaxed) + 1 == plan.nth)
    }

    /// Reads `name:n`. Anything else would let a kill test pass without a kill, so it panics.
    fn parse(variable: &str, text: &str) -> Plan {
        let parsed = text.rsplit_once(':').and_then(|(name, nth)| Some((name, nth.parse::<u64>().ok()?)));
        match parsed {
            Some((name, nth)) if nth > 0 => Plan { name: name.to_owned(), nth, passed: AtomicU64::new(0) },
            _ => panic!("{variable}: got {text:?}, expected name:n with n from 1"),
        }
    }
}

/// Lets a unit test look at the disk at each point. It sees what a killed process would leave.
#[cfg(test)]
pub(crate) mod watch {
    use std::cell::RefCell;

    type Watcher = Box<dyn FnMut(&'static str)>;

    thread_local! {
        static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
    }

    pub(super) fn point(name: &'static str) {
        let known = [super::POINTS, super::KAFKA_POINTS, super::REWRITE_POINTS].iter().any(|points| points.contains(&name));
        assert!(known, "{name} is in no list of points");
        WATCHER.with_borrow_mut(|watcher| {
            if let Some(watcher) = watcher {
                watcher(name);
            }
        });
    }

    /// Calls `watcher` at each point that this thread passes while `body` runs.
    pub(crate) fn during<T>(watcher: impl FnMut(&'static str) + 'static, body: impl FnOnce() -> T) -> T {
        WATCHER.set(Some(Box::new(watcher)));
        let value = body();
        WATCHER.set(None);
        value
    }
}
