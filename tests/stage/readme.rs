//! Does the README's recipe for Kafka work as it is written there?
//!
//! Its commands are read from README.md. The broker of this suite stands in for the one that the first command
//! would start, and the group and the topics have names of their own, since other tests use the same broker.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use testkit::broker::{Client, unique};

use crate::{
    group::folder,
    process::{Process, weir},
};

/// Pages of the sample crawl: as few as the generator makes.
const PAGES: &str = "2000";
/// The topics that the recipe's configuration names, beside the input.
const OUTPUTS: [&str; 8] = ["clean", "quarantine", "duplicates", "decisions", "recalls", "alarms", "dead_letters", "journal"];

pub(crate) fn the_kafka_recipe_works(client: &Client) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let home = folder();
    let readme = fs::read_to_string(repository.join("README.md")).expect("README.md");
    let block = readme.split("```").find(|block| block.starts_with("sh\n") && block.contains("--bin broker"));
    let commands: Vec<&str> = block.expect("a recipe for Kafka").lines().skip(1).collect();
    let [broker, export, run, publish] = commands[..] else { panic!("four commands: {commands:?}") };
    assert_eq!(broker, "cargo run --release -p testkit --bin broker");
    // What the recipe exports, but for the broker's address, which is this suite's.
    let export = export.strip_prefix("export ").expect("variables");
    let mut variables: Vec<(String, String)> = export
        .split_whitespace()
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let named = |name: &str| variables.iter().position(|(other, _)| other == name).expect("a variable");
    let (config, brokers) = (named("WEIR_CONFIG"), named("WEIR_KAFKA__BROKERS"));
    variables[config].1 = repository.join(&variables[config].1).display().to_string();
    client.address().clone_into(&mut variables[brokers].1);
    let name = unique("readme");
    let topic = |key: &str| format!("{name}.{key}");
    for key in OUTPUTS {
        variables.push((format!("WEIR_KAFKA__TOPICS__{}", key.to_uppercase()), topic(key)));
    }
    variables.push(("WEIR_KAFKA__TOPICS__INPUT".to_owned(), format!("[\"{name}\"]")));
    variables.push(("WEIR_KAFKA__GROUP".to_owned(), name.clone()));
    variables.push(("WEIR_METRICS__LISTEN".to_owned(), String::new()));
    let command = |line: &str| -> Command {
        let words = line.split_whitespace().collect::<Vec<_>>();
        let (program, arguments) = words.split_first().expect("a command");
        assert_eq!(*program, "weir", "{line}");
        let mut command = weir(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value))).current_dir(home.path());
        command
    };
    let made = weir(["demo", "--pages", PAGES]).current_dir(home.path()).status().expect("weir runs");
    assert!(made.success(), "{made}");
    // The recipe before this one has learned the background.
    fs::copy(home.path().join("weir-demo/background.weir"), home.path().join("background.weir")).expect("copied");

    let mut stage = Process::start(command(run), &home.path().join("log"));
    stage.wait_active();
    let published = command(publish).stdout(Stdio::piped()).stderr(Stdio::inherit()).output().expect("weir runs");
    assert!(published.status.success(), "{}", published.status);
    let said = String::from_utf8(published.stdout).expect("text");
    let records: i64 = said.split(' ').next().and_then(|count| count.parse().ok()).expect("a count of records");
    assert!(records > 2_000, "{said}");
    client.wait_for("every record is decided", || {
        client.committed(&name, &name).values().map(|(offset, _)| offset).sum::<i64>() >= records
    });
    stage.stop();
    for key in ["clean", "quarantine", "decisions"] {
        assert!(!client.consume_all(&topic(key)).is_empty(), "{key} is empty");
    }
}
