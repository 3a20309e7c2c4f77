//! How is the log written: what is in it, and how does a line look?
//!
//! It goes to standard error, one line for each fact. `-q` and `-v` choose how much there is;
//! without them `WEIR_LOG` does, in the notation of `tracing`'s `EnvFilter`: a level, or
//! `crate=level` with commas between. Text of the input stands in fields, where it is escaped.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing::warn;
use tracing_subscriber::EnvFilter;

/// What is logged unless something else is asked for.
const USUAL: &str = "warn,pipeline=info,connectors=info,operators=info,decode=info";
/// With `-q`: what somebody should look at.
const QUIET: &str = "warn";
/// With `-v` and `-vv`.
const VERBOSE: [&str; 2] = ["info,pipeline=debug,connectors=debug,operators=debug,decode=debug", "debug"];
/// What a word alone may be in `WEIR_LOG`.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const CRATES: [&str; 5] = ["pipeline", "connectors", "operators", "decode", "librdkafka"];

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Logs warnings and errors alone.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Logs more; given twice, everything that the libraries say as well.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl LogArguments {
    /// Starts the log. A `WEIR_LOG` that makes no sense is said, and the usual lines are logged.
    pub(super) fn start(&self) {
        let variable = std::env::var_os("WEIR_LOG").map(|value| value.to_string_lossy().into_owned());
        let (filter, problem) = self.filter(variable.as_deref());
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false);
        match self.log_format {
            LogFormat::Text => builder.init(),
            LogFormat::Json => builder.json().init(),
        }
        if let Some(problem) = problem {
            warn!("{problem}");
        }
    }

    /// What is logged, and what is wrong with the variable.
    fn filter(&self, variable: Option<&str>) -> (EnvFilter, Option<String>) {
        let given = match (self.quiet, self.verbose) {
            (true, _) => Some(QUIET),
            (false, 0) => None,
            (false, times) => VERBOSE.get(usize::from(times) - 1).or(VERBOSE.last()).copied(),
        };
        match (given, variable.map(str::trim).filter(|text| !text.is_empty())) {
            (Some(given), _) => (EnvFilter::new(given), None),
            (None, None) => (EnvFilter::new(USUAL), None),
            (None, Some(text)) => match parse(text) {
                Ok(filter) => (filter, None),
                Err(why) => (EnvFilter::new(USUAL), Some(format!("WEIR_LOG={text:?}: {why}; the usual lines are logged"))),
            },
        }
    }
}

/// Reads the variable. A word alone that is no level would be the name of a crate, and turn off all
/// others.
fn parse(text: &str) -> Result<EnvFilter, String> {
    let is_known = |word: &str| {
        let names = LEVELS.iter().chain(&CRATES);
        word.contains(['=', '['])
            || word.parse::<u8>().is_ok_and(|level| level <= 5)
            || names.into_iter().any(|name| word.eq_ignore_ascii_case(name))
    };
    if let Some(word) = text.split(',').map(str::trim).find(|word| !is_known(word.split("::").next().unwrap_or(word))) {
        let (levels, crates) = (LEVELS.join(", "), CRATES.join(", "));
        return Err(format!("got {word:?}, expected a level ({levels}), one of {crates}, or crate=level"));
    }
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(quiet: bool, verbose: u8, variable: Option<&str>) -> (String, Option<String>) {
        let (filter, problem) = LogArguments { log_format: LogFormat::Text, quiet, verbose }.filter(variable);
        (filter.to_string(), problem)
    }

    #[test]
    fn arguments_win_over_the_variable() {
        let of = |text: &str| EnvFilter::new(text).to_string();
        assert_eq!(filter(false, 0, None), (of(USUAL), None));
        assert_eq!(filter(false, 0, Some(" ")), (of(USUAL), None));
        assert_eq!(filter(false, 0, Some("debug")), (of("debug"), None));
        assert_eq!(filter(true, 0, Some("debug")), (of(QUIET), None));
        assert_eq!(filter(false, 1, Some("error")), (of(VERBOSE[0]), None));
        for times in [2, 3, 255] {
            assert_eq!(filter(false, times, None), (of(VERBOSE[1]), None));
        }
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_said() {
        for good in ["info", "WARN", "pipeline=debug", "warn,connectors=trace", "3", "librdkafka", "warn,hyper=debug", "off"] {
            assert_eq!(filter(false, 0, Some(good)).1, None, "{good}");
        }
        for bad in ["infos", "warn,pipline", "pipeline=loud", "debug;info", "99", "\u{1b}[31m"] {
            let (filter, problem) = filter(false, 0, Some(bad));
            assert_eq!(filter, EnvFilter::new(USUAL).to_string(), "{bad}");
            let problem = problem.expect(bad);
            assert!(problem.starts_with("WEIR_LOG=") && !problem.contains('\u{1b}'), "{problem}");
        }
    }
}
