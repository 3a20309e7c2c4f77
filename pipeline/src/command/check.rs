//! `weir check`: is the configuration sound, and what is it in full?
//!
//! Problems of keys and values were reported when the configuration was loaded. This command also
//! checks that the files it names can be read, that the lists say what a run can use, and that
//! secrets are where they should be.

use std::{fs::File, path::Path, process::ExitCode};

use anyhow::Result;
use operators::{background::Background, text::Seed};
use serde_json::Value;

use super::{
    process::BAD_CONFIG,
    terminal::{print, say},
};
use crate::{
    config::{Config, load::Loaded, show},
    run::{Lists, load_background, platforms},
};

/// Keys with this ending name a list of files that are read.
const FILES: &str = "_files";
/// The keys that name one file that is read.
const FILE: [&str; 1] = ["background.path"];

/// Runs the command.
pub(super) fn run(loaded: &Loaded) -> ExitCode {
    let mut problems = unreadable(loaded);
    if problems.is_empty() {
        match lists(&loaded.config) {
            Ok(lists) => lists.warnings().iter().for_each(|warning| say(warning)),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    problems.extend(loaded.missing_values());
    if problems.is_empty() {
        print(show::resolved(loaded).trim_end());
        return ExitCode::SUCCESS;
    }
    say(&problems.join("\n"));
    ExitCode::from(BAD_CONFIG)
}

/// Reads what files say, as a run does.
fn lists(config: &Config) -> Result<Lists> {
    let background = match &config.background.path {
        Some(path) => load_background(config, path)?,
        None => Background::empty(Seed(0)),
    };
    Lists::read(&config.policy, &platforms(config, &background)?)
}

/// Returns a message for each file that the configuration names and that cannot be read.
fn unreadable(loaded: &Loaded) -> Vec<String> {
    let config = serde_json::to_value(&loaded.config).unwrap_or_default();
    let mut problems = Vec::new();
    let names_files = |key: &str| key.ends_with(FILES) || FILE.contains(&key);
    for (key, origin) in loaded.origins.iter().filter(|(key, _)| names_files(key)) {
        let named = config.pointer(&format!("/{}", key.replace('.', "/")));
        let files = named.map_or(&[][..], |named| named.as_array().map_or(std::slice::from_ref(named), Vec::as_slice));
        for file in files.iter().filter_map(Value::as_str) {
            if let Err(why) = readable(Path::new(file)) {
                problems.push(format!("{origin}: {key}: {file}: {why}, expected a file that can be read"));
            }
        }
    }
    problems
}

/// Checks that a file can be read.
fn readable(path: &Path) -> Result<(), String> {
    let metadata = File::open(path).and_then(|file| file.metadata()).map_err(|error| error.to_string())?;
    if metadata.is_dir() { Err("got a folder".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::load_with_origins;

    #[test]
    fn lists_are_read_as_a_run_reads_them() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("deny.txt");
        let check = |text: &[u8]| {
            std::fs::write(&file, text).expect("written");
            let sets = [format!("policy.deny_files=['{}']", file.display())];
            let loaded = load_with_origins(None, &sets, std::iter::empty()).expect("sound");
            lists(&loaded.config).map(|lists| lists.deny.len()).map_err(|error| error.to_string())
        };
        assert_eq!(check(b"evil.example\ngithub.com/someone\n"), Ok(2));
        let refused = check(b"evil.example\ngithub.com/someone/repo\n").expect_err("refused");
        assert!(refused.contains("deny.txt: line 2: got \"github.com/someone/repo\", expected an account"), "{refused}");
    }

    #[test]
    fn every_file_that_cannot_be_read_is_named_with_its_origin() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let good = folder.path().join("good.txt");
        std::fs::write(&good, "example.org\n").expect("written");
        let (good, folder) = (good.display().to_string(), folder.path().display().to_string());
        let sets = [
            format!("policy.allow_files=['{good}', '{folder}/missing.txt']"),
            format!("policy.deny_files=['{folder}', '{folder}/gone.txt']"),
            format!("background.path={folder}/background.weir"),
        ];
        let loaded = load_with_origins(None, &sets, std::iter::empty()).expect("sound");
        let problems = unreadable(&loaded);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].starts_with(&format!("--set background.path: background.path: {folder}/background.weir: ")));
        assert!(problems[1].starts_with(&format!("--set policy.allow_files: policy.allow_files: {folder}/missing.txt: ")));
        assert!(problems[2].contains("got a folder"), "{problems:?}");
        let sets = [format!("policy.allow_files=['{good}']")];
        assert!(unreadable(&load_with_origins(None, &sets, std::iter::empty()).expect("sound")).is_empty());
    }
}
