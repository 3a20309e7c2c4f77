//! What is a process of the stage doing?

/// What the process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessPhase {
    /// It brings its state forward along the journal.
    Restoring {
        /// The records that were read again so far.
        done: u64,
        /// The records to read again in all.
        of: u64,
    },
    /// It follows the journal of the active process.
    Standby {
        /// The journal records that it has not followed yet.
        behind: u64,
    },
    /// It reads, decides and commits.
    Active,
    /// It finishes what is in flight and ends.
    Stopping,
}

impl ProcessPhase {
    /// The names of all phases, in the order of the variants.
    pub const NAMES: [&str; 4] = ["restoring", "standby", "active", "stopping"];

    /// Returns the phase's name.
    pub fn name(self) -> &'static str {
        Self::NAMES[match self {
            Self::Restoring { .. } => 0,
            Self::Standby { .. } => 1,
            Self::Active => 2,
            Self::Stopping => 3,
        }]
    }
}
