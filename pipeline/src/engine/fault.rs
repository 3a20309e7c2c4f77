//! What may a test break? It may make any phase panic on texts that hold a marker, and it may take
//! a safety away. Without the cargo feature `faults` all of this is compiled to nothing.

/// A phase that a test can make panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decoding, computing features, inspecting and probing.
    Prepare,
    /// Folding into keyed state.
    Fold,
    /// Computing facts.
    Describe,
    /// Proposing.
    Judge,
    /// Deciding.
    Settle,
}

/// A safety that a test can take away, to see that the fault tests notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The engine does not know which records it has taken in already: after a restart it reads
    /// them again and takes them in again.
    NoWatermark,
    /// When records are read again, every document votes.
    NoVoteBits,
    /// Votes are withdrawn as soon as a batch is over, and not at an epoch boundary.
    NoEpoch,
    /// The operators that look for copies fold a document before it asks, so it may find itself.
    NoSelfCheck,
}

/// What is broken.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The phases that panic, each on texts that hold a marker.
    pub panics: Vec<(Phase, String)>,
    /// The safety that is off.
    pub mutation: Option<Mutation>,
}

impl Faults {
    /// Reads what the environment variable `WEIR_MUTATION` takes away from a process under test.
    pub fn from_environment() -> Self {
        #[cfg(feature = "faults")]
        if std::env::var("WEIR_MUTATION").is_ok_and(|name| name == "no_watermark") {
            return Self { mutation: Some(Mutation::NoWatermark), ..Self::default() };
        }
        Self::default()
    }

    /// Panics if the test wants this phase to fail on this text.
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

/// Kills the process on a text that holds what the environment variable `WEIR_KILL_TEXT` says. It
/// stands for a record that no code can survive.
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
