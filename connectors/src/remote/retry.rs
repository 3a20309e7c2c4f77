//! How long is a store waited for, and how often is a request made again?

use std::time::Duration;

/// Time limits and tries of requests to one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for the next bytes.
    pub silence: Duration,
    /// Tries after a first one that failed, and after each broken connection that brought little.
    pub retries: u32,
    /// Pause before the first of these tries. Each further pause is about twice as long, up to 15
    /// s.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        // About a minute in all: a store that restarts, or asks to slow down, is waited for.
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            retries: 10,
            pause: Duration::from_millis(250),
        }
    }
}
