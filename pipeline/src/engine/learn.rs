//! How does the engine learn a background from its own past, where it has no trusted one?
//!
//! At fixed sequence numbers a new background is learned from the documents that are older than a
//! delay and were neither withheld nor recalled, so whoever wants to be learned has to pass first
//! and to stay unnoticed for the whole delay. A version is learned each time there is twice as much
//! to learn from: all versions together cost about twice the last one (.3 ms a document).

use std::{fs, sync::Arc};

use connectors::file::write_atomically;
use operators::{
    background::{Background, BackgroundOrigin},
    document::SeqNo,
    learn::{LearnOptions, Learner},
    lookup::{Fate, Horizon as _, Ledger as _},
    reputation::publisher,
};
use tracing::info;

use super::core::Engine;
use crate::state::StateError;

/// Epoch boundaries between the sequence numbers at which a version may be learned.
const STEP_EPOCHS: SeqNo = 64;

impl Engine {
    /// Sequence numbers until the next one at which a background may be learned: batches are
    /// prepared up to there.
    pub(super) fn until_bootstrap(&self) -> usize {
        let step = STEP_EPOCHS * self.settings.epoch;
        if self.bootstrap.is_some() { (step - self.next % step) as usize } else { usize::MAX }
    }

    /// How many sequence numbers a new version would be learned from, if it is time for one.
    pub(super) fn eligible_to_learn(&self) -> Option<SeqNo> {
        let bootstrap = self.bootstrap.as_ref()?;
        let step = STEP_EPOCHS * self.settings.epoch;
        let eligible = self.next.saturating_sub(bootstrap.delay);
        let is_time = self.next.is_multiple_of(step) && eligible >= step.max(bootstrap.learned.saturating_mul(2));
        is_time.then_some(eligible)
    }

    /// Learns a new version if it is time.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub(super) fn bootstrap_if_due(&mut self) -> Result<(), StateError> {
        let Some((bootstrap, eligible)) = self.bootstrap.as_ref().zip(self.eligible_to_learn()) else { return Ok(()) };
        let path = bootstrap.path(eligible);
        let background = self.learn(eligible)?;
        write_atomically(&path, &background.save()).map_err(|e| StateError::Refused(e.to_string()))?;
        info!(documents = background.documents(), at = self.next, "learned a background from the past");
        if let Some(bootstrap) = &mut self.bootstrap {
            bootstrap.learned = eligible;
        }
        self.use_background(Arc::new(background));
        Ok(())
    }

    fn learn(&self, eligible: SeqNo) -> Result<Background, StateError> {
        let seed = self.settings.features.seed;
        let mut learner = Learner::new(seed, LearnOptions::default());
        for seqno in 0..eligible {
            if !matches!(self.ledger.fate(seqno), Fate::Clean | Fate::Duplicate(_)) {
                continue;
            }
            let (Some(tokens), Some(identity)) = (self.horizon.tokens(seqno), self.ledger.identity(seqno)?) else { continue };
            learner.add_known(publisher::named(&identity.publisher, seed), identity.language, tokens);
        }
        Ok(learner.finish(BackgroundOrigin::Own, &|_, source, _| publisher::named(source, seed)))
    }

    fn use_background(&mut self, background: Arc<Background>) {
        self.inspectors = (self.make_inspectors)(&background);
        self.operators.iter_mut().for_each(|operator| operator.set_background(&background));
        self.background = background;
    }

    /// Takes up the version that a snapshot was taken with.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn restore_bootstrap(&mut self, learned: SeqNo) -> Result<(), StateError> {
        let Some(bootstrap) = &mut self.bootstrap else { return Ok(()) };
        bootstrap.learned = learned;
        if learned == 0 {
            return Ok(());
        }
        let path = bootstrap.path(learned);
        let bytes = fs::read(&path).map_err(|e| StateError::file("read", &path, e))?;
        let background = Background::load(&bytes).map_err(|e| StateError::Refused(format!("{}: {e}", path.display())))?;
        self.use_background(Arc::new(background));
        Ok(())
    }
}
