//! Who does what, in which order? Records in reading order become decisions, recalls and restores.
//!
//! [`Engine::process`] takes a batch through the phases; [`Engine::save`] and [`Engine::load`]
//! carry everything over a restart that the logs do not hold. The engine knows no files and no
//! brokers, and it names no operator: it works on a list of [`OperatorRuntime`]s and of inspectors,
//! which it is given ([`EngineParts`]).
//!
//! ```text
//! process   cuts a batch into windows, which end at epoch boundaries
//!   prepare   parallel and pure: decode, features, inspectors, probes      -> item
//!   phases    fold, describe, remember, judge: all operators (runtime)
//!   settle    serial: findings, verdict, fate, recalls; alarms
//! core      the state that all of these share; save and learn belong to it
//! ```

mod alarms;
mod bootstrap;
mod clock;
mod core;
pub mod counts;
pub mod fault;
mod item;
mod learn;
mod outcome;
mod phases;
mod prepare;
mod process;
mod runtime;
mod save;
mod settings;
mod settle;
mod spent;

pub use self::{
    bootstrap::Bootstrap,
    core::{Engine, EngineParts, MakeInspectors},
    counts::{Counts, LanguageCounts},
    item::{Computed, Content, Item, Probe, Window, Work},
    outcome::{Decided, FateChange, NamedAlarm, Outcome},
    phases::KeyedOperators,
    prepare::Inspectors,
    process::{Prepared, Processed},
    runtime::{OperatorRuntime, Past, TypedRuntime},
    save::LogLengths,
    settings::{JournalUse, Reach, Settings},
    spent::{Spent, Step, StepTime},
};
