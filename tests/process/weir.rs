//! Runs the binary and reads what it has written.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::corpus::corpus;

/// The files of a folder by their relative paths.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Prepares a command of the binary under test. Of `WEIR_` variables it has only those that a test
/// sets.
pub(crate) fn weir<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let surroundings = std::env::vars_os().map(|(name, _)| name);
    for name in surroundings.filter(|name| name.to_string_lossy().starts_with("WEIR_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A `weir replay` over the corpus, which a test changes in the points that it is about.
#[derive(Clone)]
pub(crate) struct Replay {
    /// The input.
    pub(crate) input: Vec<PathBuf>,
    /// The output folder.
    pub(crate) output: PathBuf,
    /// `--background`
    pub(crate) background: Option<PathBuf>,
    /// Further arguments.
    pub(crate) more: Vec<String>,
}

impl Replay {
    /// Returns a replay of the whole crawl.
    pub(crate) fn to(output: &Path) -> Self {
        let corpus = corpus();
        Self {
            input: vec![corpus.crawl.clone()],
            output: output.to_owned(),
            background: Some(corpus.background.clone()),
            more: Vec::new(),
        }
    }

    /// Returns a replay of these files.
    pub(crate) fn of<P: AsRef<Path>>(input: impl IntoIterator<Item = P>, output: &Path) -> Self {
        Self { input: input.into_iter().map(|path| path.as_ref().to_owned()).collect(), ..Self::to(output) }
    }

    /// Adds further arguments.
    pub(crate) fn with<S: Into<String>>(mut self, more: impl IntoIterator<Item = S>) -> Self {
        self.more.extend(more.into_iter().map(Into::into));
        self
    }

    /// Sets how the corpus is packed.
    pub(crate) fn packed(self, compression: &str) -> Self {
        self.with(["--set".to_owned(), format!("output.compression={compression}")])
    }

    /// Returns the command.
    pub(crate) fn command(&self) -> Command {
        let mut command = weir([
            "--config".as_ref(),
            corpus().config.as_os_str(),
            "replay".as_ref(),
            "--output".as_ref(),
            self.output.as_os_str(),
        ]);
        if let Some(background) = &self.background {
            command.arg("--background").arg(background);
        }
        command.args(&self.more).args(&self.input);
        command
    }

    /// Runs the command to its end, whatever its exit code.
    pub(crate) fn run(&self) -> Output {
        self.command().output().expect("weir runs")
    }

    /// Runs the command, which must succeed.
    pub(crate) fn succeed(&self) -> Output {
        let ended = self.run();
        assert!(ended.status.success(), "weir {:?}: {:?}: {}", self.more, ended.status, stderr(&ended));
        ended
    }

    /// Runs the command, which must fail with this exit code; returns its standard error.
    pub(crate) fn fail(&self, code: i32) -> String {
        let ended = self.run();
        assert_eq!(ended.status.code(), Some(code), "{}", stderr(&ended));
        stderr(&ended)
    }
}

/// Returns the standard error of a process.
pub(crate) fn stderr(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

/// Makes a temporary folder, in memory where the system has such a place. No test here is about
/// disks, and a kill loses nothing of either.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Returns all files of an output folder that must be the same from run to run.
pub(crate) fn outputs(folder: &Path) -> Tree {
    let mut tree = tree(folder);
    tree.retain(|name, _| name != "timings.json" && !name.starts_with(".weir/"));
    tree
}

/// Returns all files of a folder.
pub(crate) fn tree(root: &Path) -> Tree {
    let (mut tree, mut folders) = (Tree::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
                tree.insert(name, fs::read(&path).expect("readable"));
            }
        }
    }
    tree
}

/// Compares two folders byte by byte; a failure shows the first difference.
pub(crate) fn assert_same(got: &Tree, expected: &Tree, what: &str) {
    let names = |tree: &Tree| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(got), names(expected), "{what}: files");
    for (name, bytes) in got {
        let expected = &expected[name];
        if bytes != expected {
            let at = bytes.iter().zip(expected).position(|(g, e)| g != e).unwrap_or(bytes.len().min(expected.len()));
            let near =
                |bytes: &[u8]| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..bytes.len().min(at + 80)]).into_owned();
            let lengths = (bytes.len(), expected.len());
            panic!("{what}: {name} differs at byte {at} of {lengths:?}:\n got {:?}\nwant {:?}", near(bytes), near(expected));
        }
    }
}

/// Returns what an undisturbed run over the crawl writes with a compression: `none`, `gzip` or
/// `zstd`.
pub(crate) fn reference(compression: &str) -> &'static Tree {
    static REFERENCES: [OnceLock<Tree>; 3] = [const { OnceLock::new() }; 3];
    let at = ["none", "gzip", "zstd"].iter().position(|name| *name == compression).expect("a compression");
    REFERENCES[at].get_or_init(|| {
        let home = folder();
        Replay::to(&home.path().join("out")).packed(compression).succeed();
        outputs(&home.path().join("out"))
    })
}

/// Parses a file of JSON lines.
pub(crate) fn lines(tree: &Tree, name: &str) -> Vec<Value> {
    let bytes = tree.get(name).unwrap_or_else(|| panic!("{name} is missing"));
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap_or_else(|e| panic!("{name}: {e}"))).collect()
}

/// Returns a string of a JSON object.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}
