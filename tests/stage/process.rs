//! One process of the stage: it is started, suspended, killed or asked to end, and its log is read.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The pause between two looks at something that a test waits for.
const LOOK: Duration = Duration::from_millis(25);
/// How long anything may take whose time is not measured: machines of tests are slow and shared.
pub(crate) const LONG: Duration = Duration::from_secs(90);

/// Prepares a command of the binary under test, which `WEIR_TEST_BINARY` may name. Of `WEIR_`
/// variables it has only those that a test sets.
pub(crate) fn weir<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let binary = std::env::var_os("WEIR_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_weir").into());
    let mut command = Command::new(binary);
    let surroundings = std::env::vars_os().map(|(name, _)| name);
    for name in surroundings.filter(|name| name.to_string_lossy().starts_with("WEIR_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A process that is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, which writes its log into the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = File::create(log).expect("a log");
        Self { child: command.stderr(file).spawn().expect("weir runs"), log: log.to_owned() }
    }

    /// Returns the log so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "no process for {name}: {}", self.log());
    }

    /// Sends SIGKILL and waits until the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a signal is sent");
        self.child.wait().expect("it ends");
    }

    /// Returns how the process has ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Waits until the process ends by itself.
    pub(crate) fn end_within(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it has not ended within {within:?}: {}", self.log());
            thread::sleep(LOOK);
        }
    }

    /// Asks the process to end in order, and expects that it does.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let status = self.end_within(LONG);
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Tells whether the process is the active one, or has been.
    pub(crate) fn is_active(&self) -> bool {
        self.log().lines().any(|line| line.contains(" active seconds="))
    }

    /// Waits until the log has these words; returns how long that took.
    pub(crate) fn wait_logged(&mut self, what: &str) -> Duration {
        let begun = Instant::now();
        while !self.log().contains(what) {
            assert!(begun.elapsed() < LONG, "{what:?} did not come: {}", self.log());
            let ended = self.ended();
            assert!(ended.is_none() || self.log().contains(what), "ended before {what:?}: {ended:?}: {}", self.log());
            thread::sleep(LOOK);
        }
        begun.elapsed()
    }

    /// Waits until the process is active; returns how long that took.
    pub(crate) fn wait_active(&mut self) -> Duration {
        self.wait_logged(" active seconds=")
    }

    /// Returns how long the process took to become active once it had begun to take over, by its
    /// own log.
    pub(crate) fn fencing(&self) -> Option<Duration> {
        let log = self.log();
        let (_, seconds) = log.split_once(" active seconds=")?;
        seconds.split_whitespace().next()?.parse().ok().map(Duration::from_secs_f64)
    }

    /// Returns the process's resident memory, in bytes.
    pub(crate) fn rss(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        1024 * line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number")
    }

    /// Waits until a signal has suspended the process.
    pub(crate) fn wait_frozen(&mut self) {
        let state = || fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let begun = Instant::now();
        while !state().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
            assert!(begun.elapsed() < LONG, "it was not stopped: {}", self.log());
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
