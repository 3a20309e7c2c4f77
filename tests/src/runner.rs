//! Runs tests that need something which may be missing, and says at the end which tests were not run and why.
//!
//! The usual harness knows "ok" and "failed" alone, and to it a test that returns early is "ok". Here such a test returns
//! [`Ran::NotRun`]; a closing line counts these tests, and a variable turns them into failures.
//!
//! Arguments are those of the usual harness: a part of a name to filter by, `--exact`, `--list`, `--test-threads N`,
//! `--ignored` (runs the long tests alone), `--include-ignored`. Without `--test-threads` `TESTS_A_CORE` tests run at a
//! time for each core: they wait most of their time for brokers, timeouts and other processes.

use std::{
    fmt::Display,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

/// How many tests run at a time on each core. A test with a broker uses less than half a core.
const TESTS_A_CORE: usize = 2;

/// How a test ended that did not panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It ran.
    Yes,
    /// It was not run, for the reason given.
    NotRun(&'static str),
}

/// A test.
#[derive(Clone, Copy)]
pub struct Test {
    /// Its name.
    pub name: &'static str,
    /// Whether it takes too long for every run.
    pub long: bool,
    /// The test.
    pub run: fn() -> Ran,
}

/// Runs `test` with what it needs, or returns why that is missing.
pub fn given<T, E: Display>(needed: Result<T, E>, test: impl FnOnce(T)) -> Ran {
    match needed {
        Ok(needed) => {
            test(needed);
            Ran::Yes
        }
        Err(why) => Ran::NotRun(why.to_string().leak()),
    }
}

/// Makes a list of [`Test`]s, named `module::function`: `tests![long, needed; module: function, function; ...]`.
///
/// `needed` is an expression of type `Result`, and each function takes its `Ok` value as argument. Without `needed` the
/// functions take no argument.
#[macro_export]
macro_rules! tests {
    ($long:expr, $needed:expr; $($module:ident: $($name:ident),+;)+) => {
        [$($($crate::runner::Test {
            name: concat!(stringify!($module), "::", stringify!($name)),
            long: $long,
            run: || $crate::runner::given($needed, $module::$name),
        },)+)+]
    };
    ($long:expr; $($module:ident: $($name:ident),+;)+) => {
        [$($($crate::runner::Test {
            name: concat!(stringify!($module), "::", stringify!($name)),
            long: $long,
            run: || {
                $module::$name();
                $crate::runner::Ran::Yes
            },
        },)+)+]
    };
}

/// Whether long tests are left out, run alone, or run together with the short ones.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Long {
    #[default]
    Left,
    Alone,
    Too,
}

#[derive(Default)]
struct Arguments {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    long: Long,
    threads: Option<usize>,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--exact" => arguments.exact = true,
                "--list" => arguments.list = true,
                "--ignored" => arguments.long = Long::Alone,
                "--include-ignored" => arguments.long = Long::Too,
                "--test-threads" => arguments.threads = given.next().and_then(|number| number.parse().ok()),
                // Their values must not become filters.
                "--skip" | "--format" | "--color" | "--logfile" | "-Z" => drop(given.next()),
                other => match other.strip_prefix("--test-threads=") {
                    Some(number) => arguments.threads = number.parse().ok(),
                    None if other.starts_with('-') => {}
                    None => arguments.filters.push(argument),
                },
            }
        }
        arguments
    }

    fn wants(&self, test: &Test) -> bool {
        let named = |filter: &String| if self.exact { test.name == filter } else { test.name.contains(filter.as_str()) };
        let long = self.long == Long::Too || test.long == (self.long == Long::Alone);
        long && (self.filters.is_empty() || self.filters.iter().any(named))
    }
}

/// Runs `tests`. If the environment variable `require` is 1, a test that was not run is a failure.
#[must_use]
pub fn run(of: &str, require: &str, tests: &[Test]) -> ExitCode {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let wanted: Vec<&Test> = tests.iter().filter(|test| arguments.wants(test)).collect();
    if arguments.list {
        for test in wanted {
            say(&format!("{}: test", test.name));
        }
        return ExitCode::SUCCESS;
    }
    say(&format!("\nrunning {} tests", wanted.len()));
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let threads = arguments.threads.unwrap_or(TESTS_A_CORE * cores).max(1);
    let (next, failed, not_run) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let work = || {
        while let Some(test) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begun = Instant::now();
            let ended = catch_unwind(AssertUnwindSafe(test.run));
            let took = begun.elapsed().as_secs_f32();
            let said = match ended {
                Ok(Ran::Yes) => "ok",
                Ok(Ran::NotRun(why)) => {
                    not_run.lock().unwrap_or_else(PoisonError::into_inner).push(why);
                    "not run"
                }
                Err(_) => {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).push(test.name);
                    "FAILED"
                }
            };
            say(&format!("test {} ... {said} ({took:.1} s)", test.name));
        }
    };
    thread::scope(|scope| (0..threads.min(wanted.len())).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let not_run = not_run.into_inner().unwrap_or_else(PoisonError::into_inner);
    let passed = wanted.len() - failed.len() - not_run.len();
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    say(&format!(
        "\ntest result: {result}. {passed} passed; {} failed; {} not run {}",
        failed.len(),
        not_run.len(),
        failed.join(", ")
    ));
    let required = std::env::var(require).is_ok_and(|value| value == "1");
    if let Some(why) = not_run.first() {
        say(&format!("!!! {} {of} tests were NOT RUN: {why}. {require}=1 makes this a failure.\n", not_run.len()));
    }
    if failed.is_empty() && (not_run.is_empty() || !required) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
