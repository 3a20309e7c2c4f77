//! What a test may break: panics by content in any phase, and switches that take a safety away. Compiled to nothing without
//! the cargo feature `faults`.

/// A phase that a test can make panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decoding, features, inspectors and probes.
    Prepare,
    /// Keyed state.
    Fold,
    /// Facts.
    Describe,
    /// Proposals.
    Judge,
    /// Decisions.
    Settle,
}

/// A safety that a test can take away, to see that the fault tests notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Nobody knows what was taken in already: it is read again after a restart, and taken in again.
    NoWatermark,
    /// A re-read lets every document vote.
    NoVoteBits,
    /// Votes are withdrawn as soon as the batch is over, not at an epoch boundary.
    NoEpoch,
    /// A document is folded before it asks, so it may find itself.
    NoSelfCheck,
}

/// What is broken, and for which documents.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Panics in this phase on texts that hold the marker.
    pub panics: Vec<(Phase, String)>,
    /// Which safety is off.
    pub mutation: Option<Mutation>,
}

impl Faults {
    /// What the environment variable `WEIR_MUTATION` takes away from a process under test.
    pub fn from_environment() -> Self {
        #[cfg(feature = "faults")]
        if std::env::var("WEIR_MUTATION").is_ok_and(|name| name == "no_watermark") {
            return Self { mutation: Some(Mutation::NoWatermark), ..Self::default() };
        }
        Self::default()
    }

    /// Panics if the test says so.
    #[inline]
    pub(super) fn trip(&self, phase: Phase, text: &str) {
        let is_marked = |(when, marker): &(Phase, String)| *when == phase && text.contains(marker.as_str());
        assert!(!cfg!(feature = "faults") || !self.panics.iter().any(is_marked), "injected fault in {phase:?}");
    }

    /// Whether a safety is off.
    #[inline]
    pub fn is_off(&self, mutation: Mutation) -> bool {
        cfg!(feature = "faults") && self.mutation == Some(mutation)
    }
}

/// Kills the process on a text that holds what the environment variable `WEIR_KILL_TEXT` says: a record that no code can survive.
#[inline]
pub(super) fn die(text: &str) {
    #[cfg(feature = "faults")]
    {
        static MARKER: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        if MARKER.get_or_init(|| std::env::var("WEIR_KILL_TEXT").ok()).as_ref().is_some_and(|m| text.contains(m.as_str())) {
            std::process::abort();
        }
    }
    #[cfg(not(feature = "faults"))]
    let _ = text;
}
