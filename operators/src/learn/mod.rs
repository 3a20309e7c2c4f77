//! How is a background learned? This is above the detectors, since
//! some of them are tried on what is learned.

mod held_out;
mod learner;
mod word_order;

pub use learner::{LearnOptions, Learner};
