//! The workspace's files as the house rules read them: sources, the part of each before its tests, manifests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A file's text.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
}

/// The files of a folder of the workspace and of the folders in it, in order. What cargo builds does not count.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("list {}: {e}", folder.display())) {
            let path = entry.expect("an entry").path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some("target") => {}
                _ if path.is_dir() => folders.push(path),
                _ => files.push(path),
            }
        }
    }
    files.sort();
    files
}

/// The Rust sources in folders: path within the workspace, and text.
pub(crate) fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let all = folders.iter().flat_map(|folder| files(folder)).filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let sources: Vec<_> = all.map(|path| (short(&path), read(&path))).collect();
    assert!(!sources.is_empty(), "no sources in {folders:?}");
    sources
}

/// A file's path within the workspace.
pub(crate) fn short(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside").display().to_string()
}

/// A source file's name without its ending.
pub(crate) fn stem(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or(path)
}

/// Whether a file holds nothing but tests.
pub(crate) fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.starts_with("benches/") || path.contains("/tests/") || stem(path).ends_with("tests")
}

/// The part of a source before its tests, line by line from 1, without lines of comment.
pub(crate) fn product_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let before = source.lines().zip(source.lines().skip(1).chain([""]));
    // Of a switch for one item the file goes on, as it does where tests have a file of their own; a module of tests ends it.
    let before =
        before.take_while(|(line, next)| !(line.trim() == "#[cfg(test)]" && next.trim_start().starts_with("mod tests {")));
    before.enumerate().map(|(n, (line, _))| (n + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Fails with the rule and what breaks it.
pub(crate) fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// Names in the tables of a manifest whose header ends so.
pub(crate) fn keys(manifest: &str, table: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut keys = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.trim_end_matches(']') == table;
        } else if inside && let Some((key, _)) = line.split_once('=') {
            keys.insert(key.trim().split('.').next().unwrap_or_default().to_owned());
        }
    }
    keys
}
