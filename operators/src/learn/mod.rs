//! How is a background learned? This is above the detectors, since calibration runs them.

mod calibrate;
mod held_out;
mod learner;
mod word_order;

pub use learner::{LearnOptions, Learner};
