//! A sink that keeps nothing: for a run of which only the state is wanted.

use crate::{
    committer::{Committer, Outgoing, Recovered},
    error::Error,
    position::Positions,
};

/// Commits to nowhere. State is the only thing there is, so it is never behind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Committer for Discard {
    fn recover(&mut self, _: Option<&[u8]>) -> Result<Recovered, Error> {
        Ok(Recovered::default())
    }

    fn begin(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn write(&mut self, _: &Outgoing<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn commit(&mut self, _: &Positions, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }
}
