//! What is everything that is wrong with a configuration? One message for each problem.

use std::fmt;

/// Everything that is wrong with a configuration.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.join("\n"))
    }
}
