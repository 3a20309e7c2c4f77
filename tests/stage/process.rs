//! One process of the stage: started, stopped where it stands, killed, asked to end; what it said.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Between two looks at what a test waits for.
const LOOK: Duration = Duration::from_millis(25);
/// How long anything may take that is not measured: machines of tests are slow and shared.
pub(crate) const LONG: Duration = Duration::from_secs(90);

/// The binary under test, with nothing of the surroundings but what a test sets.
pub(crate) fn weir<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let surroundings = std::env::vars_os().map(|(name, _)| name);
    for name in surroundings.filter(|name| name.to_string_lossy().starts_with("WEIR_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A process that dies with its owner.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, which says what it says into the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = File::create(log).expect("a log");
        Self { child: command.stderr(file).spawn().expect("weir runs"), log: log.to_owned() }
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "no process for {name}: {}", self.said());
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a signal is sent");
        self.child.wait().expect("it ends");
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Waits until it ends by itself.
    pub(crate) fn end_within(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it has not ended within {within:?}: {}", self.said());
            thread::sleep(LOOK);
        }
    }

    /// Asks it to end in an orderly way, and expects that it does.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let status = self.end_within(LONG);
        assert!(status.success(), "{status}: {}", self.said());
    }

    /// Whether it is the active one, or has been.
    pub(crate) fn is_active(&self) -> bool {
        self.said().lines().any(|line| line.contains(" active seconds="))
    }

    /// Waits until it has said something; how long that took.
    pub(crate) fn wait_said(&mut self, what: &str) -> Duration {
        let begun = Instant::now();
        while !self.said().contains(what) {
            assert!(begun.elapsed() < LONG, "{what:?} did not come: {}", self.said());
            let ended = self.ended();
            assert!(ended.is_none() || self.said().contains(what), "ended before {what:?}: {ended:?}: {}", self.said());
            thread::sleep(LOOK);
        }
        begun.elapsed()
    }

    /// Waits until it is active; how long that took.
    pub(crate) fn wait_active(&mut self) -> Duration {
        self.wait_said(" active seconds=")
    }

    /// How long it took to become active once it had begun to take over, as it says itself.
    pub(crate) fn fencing(&self) -> Option<Duration> {
        let said = self.said();
        let (_, seconds) = said.split_once(" active seconds=")?;
        seconds.split_whitespace().next()?.parse().ok().map(Duration::from_secs_f64)
    }

    /// Its memory, in bytes.
    pub(crate) fn rss(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        1024 * line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number")
    }

    /// Waits until a signal has stopped it where it stands.
    pub(crate) fn wait_frozen(&mut self) {
        let state = || fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let begun = Instant::now();
        while !state().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
            assert!(begun.elapsed() < LONG, "it was not stopped: {}", self.said());
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
