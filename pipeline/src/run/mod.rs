//! The run loop: which records are processed next, what becomes durable, and where does a restart
//! go on?
//!
//! The files are a staircase: each imports only files that stand below it in this table.
//!
//! | file | question it answers |
//! |---|---|
//! | [`assemble`] | how do configuration, background and state folder become an engine? |
//! | [`Ingredients`] | what is an engine made of beside its input and its state? |
//! | [`Stage`] | in which order are batches read, processed and committed? |
//! | `commit` | how is one batch written to the sink, however often that has to be tried? |
//! | [`Replica`] | how does one copy of the state move forward, and how is it saved? |
//! | [`Restored`] | what was found in a state folder, and is it the same run that goes on? |
//! | `intake` | which records come next, and which were processed before? |
//! | `reread` | are the records that a re-read finds those that were decided? |
//! | [`Lists`] | what do the user's lists and reviewed verdicts say? |
//! | [`rules`] | which rules was a batch decided with, and how is it read again under them? |
//! | [`Restart`] | what does a snapshot say about where the run stood? |
//! | [`Pace`], [`RunError`] | how large are batches; what ends a run? |
//!
//! Nothing here knows a detector or a route: [`crate::engine`] decides, [`crate::output`] says what
//! is written.

pub mod assemble;
mod commit;
mod error;
mod ingredients;
mod intake;
mod lists;
mod pace;
mod replica;
mod reread;
mod restart;
mod restored;
pub mod rules;
mod stage;

pub use error::RunError;
pub use ingredients::{Ingredients, decode_options, load_background, platforms, seed_of};
pub use lists::Lists;
pub use pace::Pace;
pub use replica::Replica;
pub use restart::Restart;
pub use restored::Restored;
pub use stage::Stage;
