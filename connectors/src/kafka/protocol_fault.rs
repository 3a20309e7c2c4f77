//! Which promise of the protocol does a test break, to show that it would notice?

/// Ways to break the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolFault {
    /// Records are produced as they come, without a transaction, and offsets are committed after
    /// them.
    pub no_transaction: bool,
    /// Each process has a transactional id of its own, so nobody is fenced.
    pub no_fence: bool,
}

impl ProtocolFault {
    /// Reads the environment variable `WEIR_MUTATION` of a process under test.
    #[must_use]
    pub fn from_environment() -> Self {
        let name = std::env::var("WEIR_MUTATION").unwrap_or_default();
        Self { no_transaction: name == "no_transaction", no_fence: name == "no_fence" }
    }
}
