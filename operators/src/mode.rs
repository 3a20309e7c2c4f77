//! Do an operator's findings count?

use serde::{Deserialize, Serialize};

/// The value of `mode` in an operator's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Findings are reported and acted on.
    #[default]
    Enforce,
    /// Findings are reported and not acted on.
    Shadow,
    /// The operator is asked nothing.
    Off,
}
