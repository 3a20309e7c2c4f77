//! Which alarms have the keyed operators raised, and how are the documents called that carry them?

use operators::report::AlarmReport;

use super::{core::Engine, outcome::NamedAlarm};
use crate::state::StateError;

impl Engine {
    /// Alarms that are looked for, with the ids of their members.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn alarms(&self) -> Result<Vec<NamedAlarm>, StateError> {
        self.with_members(self.operators.iter().flat_map(|operator| operator.alarms(0)).collect())
    }

    /// Number of alarms raised so far.
    pub fn alarms_raised(&self) -> u32 {
        self.operators.iter().map(|operator| operator.alarms_raised()).sum()
    }

    /// How many alarms each operator has raised so far.
    pub(super) fn alarms_by_operator(&self) -> Vec<u32> {
        self.operators.iter().map(|operator| operator.alarms_raised()).collect()
    }

    /// Alarms that were raised since [`Self::alarms_by_operator`] said `before`.
    pub(super) fn alarms_since(&self, before: &[u32]) -> Vec<AlarmReport> {
        self.operators.iter().zip(before).flat_map(|(operator, &first)| operator.alarms(first)).collect()
    }

    /// Takes the alarms that no document looks for any more.
    pub(super) fn take_retired_alarms(&mut self) -> Vec<AlarmReport> {
        self.operators.iter_mut().flat_map(|operator| operator.take_retired_alarms()).collect()
    }

    /// Names the members of alarms.
    pub(super) fn with_members(&self, alarms: Vec<AlarmReport>) -> Result<Vec<NamedAlarm>, StateError> {
        let mut named = Vec::with_capacity(alarms.len());
        for alarm in alarms {
            let mut members = Vec::with_capacity(alarm.members.len());
            for &member in &alarm.members {
                members.extend(self.ledger.identity(member)?.map(|i| i.id));
            }
            named.push(NamedAlarm { alarm, members });
        }
        Ok(named)
    }
}
