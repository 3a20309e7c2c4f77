//! A sink that drops everything. `weir index` uses it, since only its state is wanted.

use crate::{
    committer::{Committer, Outgoing, Recovered},
    error::Error,
    position::Positions,
};

/// A sink that drops everything. Since there are no outputs, the state is never behind them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Committer for Discard {
    fn recover(&mut self, _: Option<&[u8]>) -> Result<Recovered, Error> {
        Ok(Recovered::default())
    }

    fn keeps_journal(&self) -> bool {
        false
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
