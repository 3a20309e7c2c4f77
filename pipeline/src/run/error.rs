//! What ends a run before its time?

use connectors::error::Error as ConnectorError;
use operators::codec::Corrupt;
use thiserror::Error;

use crate::state::StateError;

/// What ended a run. The stage that reports it must be opened anew.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// Reading the source or writing to the sink failed.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// State on disk failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The bytes of a journal record are not what was written.
    #[error("journal: {0}")]
    Journal(#[source] Corrupt),
    /// State, input and journal do not fit each other.
    #[error("{0}")]
    Refused(String),
}
