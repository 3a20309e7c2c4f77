//! What does the log say about the documents of a batch?
//!
//! What people must know, one line for each fact, and nothing for each document. Phrases are text of
//! the input: they are fields, which the log escapes, and they are cut.

use tracing::{info, warn};

use super::lines::alarm_name;
use crate::engine::{FateChange, Outcome, Settings};

/// How many characters of a phrase are shown.
const PHRASE_SHOWN: usize = 120;

/// Tells of the alarms that a committed batch has raised, and of what they took back.
pub fn tell(settings: &Settings, outcomes: &[Outcome]) {
    for outcome in outcomes {
        let Outcome::Decided(decided) = outcome else { continue };
        for named in &decided.alarms {
            let alarm = &named.alarm;
            let of_it =
                |change: &&FateChange| matches!(change, FateChange::Recalled { recall, .. } if recall.reason == alarm.reason);
            info!(
                alarm = alarm_name(settings.shard, alarm.id),
                operator = alarm.operator,
                reason = alarm.reason.as_str(),
                phrase = shown(&alarm.phrase),
                publishers = alarm.publishers,
                carriers = named.members.len(),
                recalled = decided.fate_changes.iter().filter(of_it).count(),
                "ALARM: a phrase has spread faster than ordinary text does"
            );
        }
    }
}

fn shown(phrase: &str) -> &str {
    phrase.char_indices().nth(PHRASE_SHOWN).map_or(phrase, |(end, _)| &phrase[..end])
}

/// Documents of one batch in whose place there are dead letters.
#[derive(Default)]
pub(super) struct Replaced {
    documents: usize,
    first: Option<(String, String)>,
}

impl Replaced {
    pub(super) fn note(&mut self, position: &str, why: &str) {
        self.documents += 1;
        self.first.get_or_insert_with(|| (position.to_owned(), why.to_owned()));
    }

    /// Says in one line how many there are, where the first is, and why.
    pub(super) fn tell(&self) {
        if let Some((first, why)) = &self.first {
            warn!(records = self.documents, first, why, "a dead letter takes its place");
        }
    }
}
