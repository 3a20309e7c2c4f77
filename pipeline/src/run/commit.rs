//! How is one batch written to the sink, however often that has to be tried?
//!
//! A failed commit that the committer can try again is tried again with the same records: what was
//! decided is still in memory. A sink that is away is waited for as long as it takes.

use std::{
    thread,
    time::{Duration, Instant},
};

use connectors::{committer::Committer, error::Error as ConnectorError, position::Positions};
use tracing::warn;

use crate::output::OutputRecord;

/// Between two tries to reach a sink that is away.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What becomes visible at the sink at once.
pub(super) struct Batch<'a> {
    /// Records of the documents, in reading order.
    pub(super) records: &'a [Vec<OutputRecord<'a>>],
    /// Records that belong to no document.
    pub(super) beside: &'a [OutputRecord<'a>],
    /// Where the input stands after the batch.
    pub(super) positions: &'a Positions,
    /// The encoded journal record.
    pub(super) journal: &'a [u8],
}

impl Batch<'_> {
    /// Commits the batch, trying as long as the committer can; says how long it took.
    ///
    /// # Errors
    /// If it failed and cannot be tried again; after `RecordsRefused` it can be, with other records.
    pub(super) fn commit<C: Committer>(&self, committer: &mut C) -> Result<Duration, ConnectorError> {
        let begun = Instant::now();
        while let Err(error) = self.try_commit(committer) {
            if matches!(error, ConnectorError::RecordsRefused { .. }) {
                // The caller puts others in their place.
                if self.make_retry_possible(committer)? {
                    break;
                }
                return Err(error);
            }
            if !committer.is_worth_retrying(&error) {
                return Err(error);
            }
            warn!(%error, "the commit failed; it is tried again");
            if self.make_retry_possible(committer)? {
                break;
            }
        }
        Ok(begun.elapsed())
    }

    fn try_commit<C: Committer>(&self, committer: &mut C) -> Result<(), ConnectorError> {
        committer.begin()?;
        for record in self.records.iter().flatten().chain(self.beside) {
            committer.write(&record.outgoing())?;
        }
        committer.commit(self.positions, self.journal)
    }

    /// Waits for the sink until another try is possible; true if the batch was committed after all.
    fn make_retry_possible<C: Committer>(&self, committer: &mut C) -> Result<bool, ConnectorError> {
        loop {
            match committer.retry(self.journal) {
                Err(error) if committer.is_worth_retrying(&error) => {
                    warn!(%error, "waiting for the sink");
                    thread::sleep(RETRY_PAUSE);
                }
                done => return done,
            }
        }
    }
}
