//! Running the binary and looking at what it left.

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

/// Files of a folder by their relative path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// The binary under test, with nothing of the surroundings but what a test sets.
pub(crate) fn weir<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let surroundings = std::env::vars_os().map(|(name, _)| name);
    for name in surroundings.filter(|name| name.to_string_lossy().starts_with("WEIR_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `weir replay` over the corpus; tests change what they are about.
#[derive(Clone)]
pub(crate) struct Replay {
    /// What is read.
    pub(crate) input: Vec<PathBuf>,
    /// Where it goes.
    pub(crate) output: PathBuf,
    /// `--background`
    pub(crate) background: Option<PathBuf>,
    /// Anything more.
    pub(crate) more: Vec<String>,
}

impl Replay {
    /// Over the whole crawl.
    pub(crate) fn to(output: &Path) -> Self {
        let corpus = corpus();
        Self {
            input: vec![corpus.crawl.clone()],
            output: output.to_owned(),
            background: Some(corpus.background.clone()),
            more: Vec::new(),
        }
    }

    /// Over these files.
    pub(crate) fn of<P: AsRef<Path>>(input: impl IntoIterator<Item = P>, output: &Path) -> Self {
        Self { input: input.into_iter().map(|path| path.as_ref().to_owned()).collect(), ..Self::to(output) }
    }

    /// With further arguments.
    pub(crate) fn with<S: Into<String>>(mut self, more: impl IntoIterator<Item = S>) -> Self {
        self.more.extend(more.into_iter().map(Into::into));
        self
    }

    /// With the corpus packed in this way.
    pub(crate) fn packed(self, compression: &str) -> Self {
        self.with(["--set".to_owned(), format!("output.compression={compression}")])
    }

    /// The command.
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

    /// Runs it to its end, whatever that is.
    pub(crate) fn run(&self) -> Output {
        self.command().output().expect("weir runs")
    }

    /// Runs it; it must succeed.
    pub(crate) fn succeed(&self) -> Output {
        let ended = self.run();
        assert!(ended.status.success(), "weir {:?}: {:?}: {}", self.more, ended.status, said(&ended));
        ended
    }

    /// Runs it; it must fail with this exit code. What it said.
    pub(crate) fn fail(&self, code: i32) -> String {
        let ended = self.run();
        assert_eq!(ended.status.code(), Some(code), "{}", said(&ended));
        said(&ended)
    }
}

/// What a process said to people.
pub(crate) fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

/// A folder in memory where there is one: no test here is about disks, and a kill loses nothing of either.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Everything in an output folder that must be the same from run to run.
pub(crate) fn outputs(folder: &Path) -> Tree {
    let mut tree = tree(folder);
    tree.retain(|name, _| name != "timings.json" && !name.starts_with(".weir/"));
    tree
}

/// Every file in a folder.
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

/// Compares two folders byte by byte.
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

/// What an undisturbed run over the crawl writes: `none`, `gzip` or `zstd`.
pub(crate) fn reference(compression: &str) -> &'static Tree {
    static REFERENCES: [OnceLock<Tree>; 3] = [const { OnceLock::new() }; 3];
    let at = ["none", "gzip", "zstd"].iter().position(|name| *name == compression).expect("a compression");
    REFERENCES[at].get_or_init(|| {
        let home = folder();
        Replay::to(&home.path().join("out")).packed(compression).succeed();
        outputs(&home.path().join("out"))
    })
}

/// The lines of a file of JSON lines.
pub(crate) fn lines(tree: &Tree, name: &str) -> Vec<Value> {
    let bytes = tree.get(name).unwrap_or_else(|| panic!("{name} is missing"));
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap_or_else(|e| panic!("{name}: {e}"))).collect()
}

/// A string in a JSON object.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}
