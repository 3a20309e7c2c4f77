//! How is the configuration written, checked, shown and named?
//!
//! | file | question |
//! |---|---|
//! | `options` | Which options are there, with which defaults, and why those? |
//! | `layers` | What do the file, the environment and `--set` say? |
//! | `origin` | Where does a value come from? |
//! | `load` | Which configuration do these values make, and what is wrong with them? |
//! | `resolve` | Which values make no sense, alone or together? |
//! | `suggest` | Which name was probably meant? |
//! | `variables` | Which variables of the environment look like weir's and mean nothing? |
//! | `show` | What is the configuration in force? |
//! | `digest` | What must two runs share to give the same verdicts? |
//! | `state_layout` | What must two runs share to use the same state? |

pub mod digest;
mod layers;
pub mod load;
mod options;
pub mod origin;
mod problems;
pub mod resolve;
pub mod show;
pub mod state_layout;
mod suggest;
mod variables;

pub use self::{
    options::{
        BackgroundOptions, CompressionOption, Config, EngineOptions, InputOptions, MetricsOptions, Operators, OutputFormat,
        OutputOptions, PolicyOptions, SettleOptions, StateOptions,
    },
    problems::Problems,
};
pub use decode::{Fields, Keep};
