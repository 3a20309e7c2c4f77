//! Which variables of the environment look like weir's, and mean nothing to it?
//!
//! One that is misspelt would change nothing, and nobody would know. Orchestrators set variables
//! that begin with `WEIR_` too, where a service is called weir: those are left alone, and so is
//! what the configuration itself refers to (`env:NAME`).

use super::suggest;

const PREFIX: &str = "WEIR_";
/// Variables that have a meaning of their own; the last four in builds for tests alone.
pub(super) const RESERVED: [&str; 6] = ["WEIR_CONFIG", "WEIR_LOG", "WEIR_KILL", "WEIR_KILL_TEXT", "WEIR_FREEZE", "WEIR_MUTATION"];
/// Begins the names of variables of weir's own tests.
pub(super) const RESERVED_PREFIX: &str = "WEIR_TEST_";
/// How many are named.
const SHOWN: usize = 5;

/// Says which of these variables mean nothing; `keys` are the dotted paths of all keys.
pub(super) fn unknown<'a>(names: impl Iterator<Item = &'a str>, keys: &[String]) -> Option<String> {
    let known: Vec<String> =
        keys.iter().map(|key| key.to_ascii_uppercase().replace('.', "__")).map(|key| format!("{PREFIX}{key}")).collect();
    let mut found: Vec<&str> = names.filter(|name| !is_of_an_orchestrator(name)).collect();
    found.sort_unstable();
    let all = found.len();
    let describe = |name: &&str| {
        // One underscore where two belong is the usual slip.
        let plain = |name: &str| name.replace('_', "");
        let same = known.iter().find(|key| plain(key) == plain(name)).map(String::as_str);
        let close = || {
            let known = known.iter().map(String::as_str).chain(RESERVED.into_iter().take(2));
            let lower: Vec<(String, &str)> = known.map(|key| (key.to_lowercase(), key)).collect();
            let meant = suggest::closest(name, lower.iter().map(|(lower, _)| &**lower))?;
            lower.iter().find(|(lower, _)| lower == meant).map(|(_, key)| *key)
        };
        let shown = name.escape_debug();
        same.or_else(close).map_or_else(|| shown.to_string(), |key| format!("{shown} (did you mean {key}?)"))
    };
    let shown: Vec<String> = found.iter().take(SHOWN).map(describe).collect();
    let more = if all > SHOWN { format!(" and {} more", all - SHOWN) } else { String::new() };
    (all > 0).then(|| format!("variables of the environment that mean nothing to weir: {}{more}", shown.join(", ")))
}

/// Whether a variable is one of those that Kubernetes and Docker set for a service: `NAME_SERVICE_HOST`,
/// `NAME_SERVICE_PORT`, `NAME_PORT`, `NAME_PORT_9464_TCP_ADDR`.
fn is_of_an_orchestrator(name: &str) -> bool {
    let has_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    name.ends_with("_PORT")
        || name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| has_number(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[&str]) -> Option<String> {
        let keys = ["kafka.brokers", "engine", "engine.threads", "metrics.listen"].map(str::to_owned);
        unknown(names.iter().copied(), &keys)
    }

    #[test]
    fn what_means_nothing_is_said_in_one_line() {
        assert_eq!(said(&[]), None);
        let line = said(&["WEIR_LOGS", "WEIR_KAFKA_BROKERS", "WEIR_HOME"]).expect("three");
        let expected = "WEIR_HOME, WEIR_KAFKA_BROKERS (did you mean WEIR_KAFKA__BROKERS?), WEIR_LOGS (did you mean WEIR_LOG?)";
        assert!(line.ends_with(expected), "{line}");
        let many: Vec<String> = (0..9).map(|n| format!("WEIR_X{n}")).collect();
        let line = said(&many.iter().map(String::as_str).collect::<Vec<_>>()).expect("nine");
        assert!(line.ends_with("WEIR_X4 and 4 more"), "{line}");
        assert!(!said(&["WEIR_\u{1b}[31m"]).expect("one").contains('\u{1b}'));
    }

    #[test]
    fn variables_of_orchestrators_are_left_alone() {
        let theirs =
            ["WEIR_SERVICE_HOST", "WEIR_SERVICE_PORT_METRICS", "WEIR_PORT", "WEIR_PORT_9464_TCP", "WEIR_PORT_9464_TCP_ADDR"];
        assert_eq!(said(&theirs), None);
        assert!(said(&["WEIR_PORTS"]).is_some());
    }
}
