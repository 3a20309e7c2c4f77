//! What do the JSON lines of the output contract say? Every line carries `v`, the version of its
//! schema.

mod alarm;
mod cluster;
mod dead_letter;
mod decision;
mod recall;
mod schema;

pub use alarm::AlarmLine;
pub use cluster::ClusterLine;
pub use dead_letter::dead_letter;
pub use decision::{DecisionLine, reasons};
pub use recall::{RecallLine, SettledLine};
pub(super) use schema::alarm_name;
pub use schema::{ENGINE, SCHEMA, rounded, to_line};
