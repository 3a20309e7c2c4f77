//! How is a background learned? This is above the detectors, since calibration runs them.

mod calibrate;
mod learner;

pub use learner::{LearnOptions, Learner};
