//! Do the commands in the README work as they are written there?
//!
//! The blocks of shell commands are read from README.md and run in their order, in one folder that is empty
//! at first. Only three things are replaced: the build (`cargo run --release --` becomes the binary under
//! test), the size of the sample crawl, and the placeholder `ID`. Two blocks are not run here:
//!
//! * the one with the tests of the workspace, of which this test is one: CI must run the same command;
//! * the one with a Kafka broker, which `tests/stage/readme.rs` runs.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::weir::{lines, stderr, tree, weir};

/// Pages of the sample crawl: as few as the generator makes.
const PAGES: &str = "2000";
/// The longest README, in lines.
const LINES_MAX: usize = 120;
/// The widest line of its prose, in characters.
const COLUMNS_MAX: usize = 100;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).expect("README.md")
}

/// The fenced blocks of a language, in their order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

/// The sample crawl and whatever the commands make, and a `weir` for the shell to find.
struct Shell {
    home: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir(home.path().join("bin")).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_weir"), home.path().join("bin/weir")).expect("a link");
        symlink(repository().join("config"), home.path().join("config")).expect("a link");
        Self { home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a block; each of its commands must succeed. Returns what was written to standard output.
    fn run(&self, block: &str) -> String {
        // The binary's command, for its environment without variables of weir's.
        let clean = weir::<&str>([]);
        let mut shell = Command::new("bash");
        for (name, _) in clean.get_envs().filter(|(_, value)| value.is_none()) {
            shell.env_remove(name);
        }
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").expect("a path"));
        let ended = shell.args(["-euc", block]).env("PATH", path).current_dir(self.home.path()).output().expect("a shell");
        assert!(ended.status.success(), "{block}: {}: {}", ended.status, stderr(&ended));
        String::from_utf8(ended.stdout).expect("text")
    }

    /// The id of a document that was withheld by the run that wrote `output`.
    fn withheld(&self, output: &str) -> String {
        let decisions = lines(&tree(&self.path(output)), "decisions.jsonl");
        let withheld = decisions.iter().find(|decision| decision["route"] == "quarantine");
        withheld.and_then(|decision| decision["id"].as_str()).expect("a withheld document").to_owned()
    }
}

#[test]
fn every_command_works_as_it_is_written() {
    let shell = Shell::new();
    let mut run = Vec::new();
    for block in blocks(&readme(), "sh") {
        if block.starts_with("cargo test ") || block.contains("--bin broker") {
            continue;
        }
        let mut commands = block.replace("cargo run --release -- demo", &format!("weir demo --pages {PAGES}"));
        assert!(!commands.contains("cargo "), "not run by any test: {block}");
        if commands.contains(" ID") {
            commands = commands.replace(" ID", &format!(" '{}'", shell.withheld("out")));
        }
        run.push((block, shell.run(&commands)));
    }
    let printed = |part: &str| &run.iter().find(|(block, _)| block.contains(part)).unwrap_or_else(|| panic!("no {part}")).1;
    assert!(printed("-- demo").contains("final clean") && printed("-- demo").contains("spike_word"));
    assert!(printed("weir explain").contains("findings at arrival"));
    // What the recipes say of their outputs.
    let routes = |output: &str| -> Vec<String> {
        let decisions = lines(&tree(&shell.path(output)), "decisions.jsonl");
        decisions.iter().map(|decision: &Value| decision["route"].as_str().expect("a route").to_owned()).collect()
    };
    assert!(routes("out").iter().any(|route| route == "quarantine"));
    let deduplicated = routes("deduplicated");
    assert!(deduplicated.iter().any(|route| route == "duplicate") && deduplicated.iter().all(|route| route != "quarantine"));
    assert!(shell.path("one/clean").is_dir() && shell.path("two/clean").is_dir() && shell.path("state/CURRENT").is_file());
}

#[test]
fn the_command_for_tests_is_the_one_that_ci_runs() {
    let tests = blocks(&readme(), "sh").into_iter().find(|block| block.starts_with("cargo test ")).expect("a command for tests");
    let ci = fs::read_to_string(repository().join(".ci/run")).expect(".ci/run");
    assert!(ci.lines().any(|line| line.starts_with(tests.trim())), "{tests}");
}

#[test]
fn the_readme_is_short_and_its_links_lead_somewhere() {
    let text = readme();
    assert!(text.lines().count() <= LINES_MAX, "{} lines", text.lines().count());
    let wide: Vec<&str> = text.lines().filter(|line| !line.starts_with('|') && line.chars().count() > COLUMNS_MAX).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    for (from, text) in pages() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let file = target.split('#').next().unwrap_or_default();
            if !target.starts_with("https://") && !file.is_empty() {
                let path = from.parent().expect("a folder").join(file);
                assert!(path.exists(), "{}: {target}", from.display());
            }
        }
    }
}

/// Every page of documentation and its text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = repository();
    let mut paths = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)).to_vec();
    let docs = fs::read_dir(root.join("docs")).expect("docs");
    paths.extend(docs.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "md")));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).expect("text"))).collect()
}

/// The numbers of the README's demo, which are the same on every machine.
#[test]
#[ignore = "a minute: the whole sample crawl"]
fn the_demo_prints_what_the_readme_shows() {
    let text = readme();
    let shown = blocks(&text, "text").into_iter().find(|block| block.contains("received")).expect("the demo's output");
    let printed = Shell::new().run("weir demo");
    let mut printed = printed.lines();
    for line in shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "...") {
        assert!(printed.any(|other| other.trim_end() == line.trim_end()), "{line}");
    }
}
