//! Is the process alive, and is it ready?
//!
//! *Alive* means that ending the process would not help: its loop moves, or it waits for a broker
//! that does not answer. *Ready* means that its state is restored and that it works, or follows the
//! journal closely enough to take over at once.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use super::{figures::Figures, phase::ProcessPhase};

/// A standby that is at most so many journal records behind has caught up. The active process
/// writes records all the time, and the end of its transaction counts as one.
pub const STANDBY_BEHIND_MAX: u64 = 8;

/// An answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether the answer is yes.
    pub ok: bool,
    /// One JSON object that gives the reason.
    pub json: String,
}

/// Returns whether the loop moves, or is known to wait for a broker.
pub(super) fn live(figures: &Figures, silence_max: Duration, now: Instant) -> Health {
    let silent = now.saturating_duration_since(figures.last_beat);
    let mut json = format!(r#""phase":"{}","silent_seconds":{}"#, figures.phase.name(), silent.as_secs());
    let mut ok = silent <= silence_max;
    if let Some((action, since)) = figures.waits.first() {
        let waited = now.saturating_duration_since(*since).as_secs();
        let _ = write!(json, r#","waiting_for_broker":"{action}","waiting_seconds":{waited}"#);
        ok = true;
    }
    if !ok {
        let _ = write!(json, r#","reason":"the loop has not moved, expected it to within {} s""#, silence_max.as_secs());
    }
    Health { ok, json: format!(r#"{{"live":{ok},{json}}}"#) }
}

/// Returns whether the process works, or could take over at once. `disk` is what is wrong with the
/// disk of the state: the process still works, and somebody has to look before it ends.
pub(super) fn ready(phase: ProcessPhase, disk: Option<String>) -> Health {
    let (ok, more) = match phase {
        ProcessPhase::Active => (true, String::new()),
        ProcessPhase::Standby { behind } if behind <= STANDBY_BEHIND_MAX => (true, format!(r#","behind":{behind}"#)),
        ProcessPhase::Standby { behind } => {
            (false, format!(r#","behind":{behind},"reason":"standby, {behind} journal records behind""#))
        }
        ProcessPhase::Restoring { done, of } => {
            (false, format!(r#","done":{done},"of":{of},"reason":"restoring {done} of {of}""#))
        }
        ProcessPhase::Stopping => (false, r#","reason":"stopping""#.to_owned()),
    };
    let (ok, more) = match disk {
        Some(trouble) if ok => (false, format!(r#"{more},"reason":{}"#, serde_json::Value::from(trouble))),
        _ => (ok, more),
    };
    Health { ok, json: format!(r#"{{"ready":{ok},"phase":"{}"{more}}}"#, phase.name()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_death_unless_a_broker_is_waited_for() {
        let begun = Instant::now();
        let (limit, later) = (Duration::from_mins(1), begun + Duration::from_secs(61));
        let mut figures = Figures::new(begun);
        assert!(live(&figures, limit, begun + limit).ok);
        let dead = live(&figures, limit, later);
        assert!(!dead.ok && dead.json.contains("expected it to within 60 s"), "{}", dead.json);
        figures.waits.push(("commit", begun));
        let waits = live(&figures, limit, later);
        assert!(waits.ok && waits.json.contains(r#""waiting_for_broker":"commit","waiting_seconds":61"#), "{}", waits.json);
        figures.waits.clear();
        figures.beat(later);
        assert!(live(&figures, limit, later).ok);
    }

    #[test]
    fn ready_says_what_is_missing() {
        for (phase, ok, json) in [
            (ProcessPhase::Active, true, r#"{"ready":true,"phase":"active"}"#),
            (ProcessPhase::Standby { behind: 8 }, true, r#"{"ready":true,"phase":"standby","behind":8}"#),
            (
                ProcessPhase::Standby { behind: 9 },
                false,
                r#"{"ready":false,"phase":"standby","behind":9,"reason":"standby, 9 journal records behind"}"#,
            ),
            (
                ProcessPhase::Restoring { done: 2, of: 5 },
                false,
                r#"{"ready":false,"phase":"restoring","done":2,"of":5,"reason":"restoring 2 of 5"}"#,
            ),
            (ProcessPhase::Stopping, false, r#"{"ready":false,"phase":"stopping","reason":"stopping"}"#),
        ] {
            assert_eq!(ready(phase, None), Health { ok, json: json.to_owned() });
            assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{json}");
        }
        let disk = ready(ProcessPhase::Active, Some("the disk is \"full\"".to_owned()));
        assert_eq!(disk.json, r#"{"ready":false,"phase":"active","reason":"the disk is \"full\""}"#);
        assert!(!disk.ok && ready(ProcessPhase::Stopping, Some("disk".to_owned())).json.contains("stopping"));
    }
}
