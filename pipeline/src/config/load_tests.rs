use std::{fs, path::PathBuf};

use super::*;

const TABLES: &str = "`background`, `engine`, `input`, `kafka`, `metrics`, `operators`, `output`, `policy`, `settle` or `state`";

fn try_load(text: &str, environment: &[(&str, &str)], sets: &[&str]) -> Result<Loaded, Vec<String>> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("w.toml");
    fs::write(&path, text).expect("written");
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let prefix = format!("{}/", folder.path().display());
    load_with_origins(Some(&path), &sets, environment)
        .map_err(|problems| problems.0.into_iter().map(|problem| problem.replace(&prefix, "")).collect())
}

#[track_caller]
fn problems(text: &str, environment: &[(&str, &str)], sets: &[&str]) -> Vec<String> {
    try_load(text, environment, sets).expect_err("refused")
}

#[track_caller]
fn loaded(text: &str, environment: &[(&str, &str)], sets: &[&str]) -> Loaded {
    try_load(text, environment, sets).expect("sound")
}

#[test]
fn nothing_given_is_the_default() {
    assert_eq!(load(None, &[], std::iter::empty()).expect("sound"), Config::default());
    assert_eq!(loaded("[engine]\n[operators.near_dup]\n", &[], &[]).config, Config::default());
}

#[test]
fn later_layers_win_and_origins_are_known() {
    let text = "[engine]\nthreads = 1\nbatch_bytes = 1_000\n[operators.near_dup]\nmode = \"off\"\nbands = 0x10\n";
    let environment = [("WEIR_ENGINE__THREADS", "2"), ("WEIR_OPERATORS__NEAR_DUP__MODE", "shadow"), ("HOME", "/")];
    let Loaded { config, origins, .. } = loaded(text, &environment, &["engine.threads=3", "input.fields.text = 5"]);
    assert_eq!((config.engine.threads, config.engine.batch_bytes, config.operators.near_dup.bands), (3, 1000, 16));
    assert_eq!(config.operators.near_dup.mode, operators::mode::Mode::Shadow);
    assert_eq!(config.input.fields.text.as_deref().map(str::trim), Some("5"), "what looks like a number may be a string");
    let origin = |path: &str| origins[path].to_string();
    assert_eq!(origin("engine.threads"), "--set engine.threads");
    assert_eq!(origin("operators.near_dup.mode"), "WEIR_OPERATORS__NEAR_DUP__MODE");
    assert!(origin("operators.near_dup.bands").ends_with("w.toml:6:1"));
    assert_eq!(origins.len(), 5);
}

#[test]
fn values_are_written_as_toml_and_strings_need_no_quotes() {
    let sets = [
        "engine.seed=18446744073709551615",
        "output.annotate_only=true",
        "policy.allow_files=[\"a.txt\", 'b.txt']",
        "policy.quarantine_score=1",
        "output.compression=zstd",
        "input.fields.id=\"quoted = fine\"",
        "input.fields.url=a=b",
    ];
    let config = loaded("", &[], &sets).config;
    assert_eq!((config.engine.seed, config.output.annotate_only), (Some(u64::MAX), true));
    assert_eq!(config.policy.allow_files, [PathBuf::from("a.txt"), PathBuf::from("b.txt")]);
    assert!((config.policy.quarantine_score - 1.0).abs() < f64::EPSILON);
    assert_eq!(config.output.compression, crate::config::CompressionOption::Zstd);
    assert_eq!(config.input.fields.id.as_deref(), Some("quoted = fine"));
    assert_eq!(config.input.fields.url.as_deref(), Some("a=b"));
}

#[test]
fn all_problems_are_said_at_once_with_their_places() {
    let text = "border = 64\n\n[engine]\nbordr = 3\n  batch_documents = \"many\"\nthreads = -1\n[operators.neardup]\nmode = 1\nbands = 2\n\
                [operators.unicode]\nmode = \"shadwo\"\nmixed_words_min = 0\n[output]\npart_records = { a = 1 }\n[state]\n\
                horizon_documents = 4294967296\n[policy]\nallow_files = \"a\"\nquarantine_score = inf\n";
    let environment = [("WEIR_ENGINE", "5"), ("WEIR_ENGINE__THREDS", "5"), ("WEIR_TYPO__X", "1")];
    let sets = ["policy.quarantine_score=2", "engine.border.x=1", "nothing", "=1", "colour=red"];
    let expected = [
        "w.toml:19:1: policy.quarantine_score: got inf, expected a finite number",
        "--set nothing: expected KEY=VALUE, such as engine.threads=2",
        "--set =1: expected KEY=VALUE, such as engine.threads=2",
        "w.toml:1:1: border: unknown key; did you mean `engine.border`?",
        "w.toml:4:1: engine.bordr: unknown key; did you mean `border`?",
        "w.toml:5:3: engine.batch_documents: got \"many\", expected a whole number, 0 or more",
        "w.toml:6:1: engine.threads: got -1, expected a whole number, 0 or more",
        "w.toml:7:12: operators.neardup: unknown key; did you mean `near_dup`?",
        "w.toml:11:1: operators.unicode.mode: got \"shadwo\", expected `enforce`, `shadow` or `off`; did you mean `shadow`?",
        "w.toml:14:1: output.part_records: got a table, expected a value",
        "w.toml:16:1: state.horizon_documents: got 4294967296, expected a whole number from 0 to 4294967295",
        "w.toml:18:1: policy.allow_files: got \"a\", expected a list, such as [\"one\", \"two\"]",
        "WEIR_ENGINE: engine: got 5, expected a table of keys such as engine.batch_bytes",
        "WEIR_ENGINE__THREDS: engine.threds: unknown key; did you mean `threads`?",
        &format!("WEIR_TYPO__X: typo: unknown key, expected {TABLES}"),
        "--set engine.border.x: engine.border: got a table, expected a value",
        &format!("--set colour: colour: unknown key, expected {TABLES}"),
        "--set policy.quarantine_score: policy.quarantine_score: got 2, expected more than 0 and at most 1",
        "w.toml:12:1: operators.unicode.mixed_words_min: got 0, expected at least 1",
    ];
    assert_eq!(problems(text, &environment, &sets), expected);
}

#[test]
fn conflicts_are_said_where_they_were_made() {
    let expected =
        ["w.toml:2:1: engine.border: snapshots every 32768 documents, expected a multiple of engine.border, which is 100"];
    assert_eq!(problems("[engine]\nborder = 100", &[], &[]), expected);
    let got = problems("[engine]\nborder = 100", &[], &["state.snapshot_documents=x"]);
    assert_eq!(got.len(), 1, "with the other value unknown it may be none: {got:?}");
}

#[test]
fn broken_toml_is_shown_with_its_line() {
    let got = problems("[engine]\nborder = = 3\nthreads = 1\nthreads = 2\n", &[("WEIR_ENGINE__BORDER", "x")], &[]);
    assert!(got[0].starts_with("w.toml:2:") && got[0].ends_with("\n    border = = 3"), "{got:?}");
    assert!(got.iter().any(|p| p.starts_with("w.toml:4:1: ") && p.contains("duplicate")), "{got:?}");
    assert!(got.iter().any(|p| p.starts_with("WEIR_ENGINE__BORDER: ")), "{got:?}");
    let dates = problems("[engine]\nborder = 1979-05-27\nthreads = 99999999999999999999\n", &[], &[]);
    assert_eq!(dates.len(), 2, "{dates:?}");
    let long = problems(&format!("x = {}", "[".repeat(100_000)), &[], &[]);
    assert!(long.iter().map(String::len).sum::<usize>() < 10_000, "short, however deep: {} problems", long.len());
}

#[test]
fn files_that_cannot_be_read_are_problems() {
    let missing = load(Some(Path::new("/nonexistent/w.toml")), &[], std::iter::empty()).expect_err("missing");
    assert!(missing.to_string().starts_with("/nonexistent/w.toml: "), "{missing}");
    assert!(load(Some(Path::new("/")), &[], std::iter::empty()).is_err(), "a folder");
}

#[test]
fn other_variables_are_left_alone() {
    let environment = [
        ("WEIR_CONFIG", "f"),
        ("WEIR_LOG", "debug"),
        ("WEIR_KILL", "x"),
        ("WEIR_TEST_A__B", "1"),
        ("WEIR_HOME", "1"),
        ("NOT_WEIR_ENGINE__BORDER", "1"),
    ];
    let loaded = loaded("", &environment, &[]);
    assert_eq!(loaded.config, Config::default());
    let said = loaded.unknown_variables.expect("one means nothing");
    assert!(said.ends_with(": WEIR_HOME"), "{said}");
}

#[test]
fn a_variable_that_the_configuration_refers_to_is_known() {
    let environment = [("WEIR_PASSWORD", "hunter2"), ("WEIR_PASSWORT", "x")];
    let said = loaded("", &environment, &["kafka.client.sasl.password=env:WEIR_PASSWORD"]).unknown_variables;
    assert!(said.is_some_and(|said| said.ends_with(": WEIR_PASSWORT")));
}

#[test]
fn hostile_keys_do_no_harm() {
    let deep = format!("{}=1", vec!["engine"; 100_000].join("."));
    let got = problems("", &[], &[&deep, "engine.=1", ".=1", "engine.threads.=1", "operators.near_dup.\u{202e}=1"]);
    assert_eq!(got.len(), 5, "each is one problem");
    assert!(got[0].starts_with("--set engine.engine"), "the key itself is shown");
}

/// `config/` of the repository.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

#[test]
fn the_default_file_says_every_default() {
    let path = folder().join("default.toml");
    let loaded = load_with_origins(Some(&path), &[], std::iter::empty()).expect("sound");
    assert_eq!(loaded.config, Config::default());
    let text = fs::read_to_string(&path).expect("readable");
    for key in paths(&schema()) {
        let name = key.rsplit('.').next().expect("a name");
        let unset = text.lines().any(|line| line.starts_with(&format!("# {name} = ")));
        let table = text.lines().any(|line| line == format!("[{key}]"));
        assert!(loaded.origins.contains_key(&key) || unset || table || key == "operators", "{key} is missing");
    }
}

#[test]
fn every_example_loads() {
    let mut seen = 0;
    for entry in fs::read_dir(folder().join("examples")).expect("readable") {
        let path = entry.expect("readable").path();
        let config = load(Some(&path), &[], std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_ne!(config, Config::default(), "{} changes nothing", path.display());
        seen += 1;
    }
    assert!(seen >= 2);
}

#[test]
fn the_stage_example_is_complete() {
    let path = folder().join("kafka.toml");
    let loaded = load_with_origins(Some(&path), &[], std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    let kafka = loaded.kafka().unwrap_or_else(|problems| panic!("{problems}"));
    kafka.check().expect("as the connectors want it");
    assert!(kafka.start.is_some() && !kafka.brokers().is_empty(), "nothing is left to be said");
    assert_eq!(loaded.missing_values(), Vec::<String>::new());
}

#[test]
fn properties_of_the_client_are_written_in_any_way() {
    let text = "[kafka.client]\n\"security.protocol\" = \"ssl\"\nlinger.ms = 2.5\nsocket.keepalive.enable = true\n";
    let environment = [("WEIR_KAFKA__CLIENT__FETCH__WAIT__MAX__MS", "7"), ("WEIR_KAFKA__BROKERS", "b:1")];
    let Loaded { config, origins, .. } = loaded(text, &environment, &["kafka.client.linger.ms=9", "kafka.client.log_level=3"]);
    let text = serde_json::to_string(&config.kafka.client).expect("JSON");
    let expected =
        r#"{"fetch.wait.max.ms":"7","linger.ms":"9","log_level":"3","security.protocol":"ssl","socket.keepalive.enable":"true"}"#;
    assert_eq!(text, expected);
    assert_eq!(config.kafka.brokers.as_deref(), Some("b:1"));
    assert_eq!(origins["kafka.client.linger.ms"].to_string(), "--set kafka.client.linger.ms");
    assert!(origins["kafka.client.socket.keepalive.enable"].to_string().contains("w.toml:4:"), "{origins:?}");
}

#[test]
fn problems_of_the_stage_say_where_they_are() {
    let text = "[kafka]\nstart = \"oldest\"\npartitions = 0\n[kafka.topics]\nclean = \"crawl\"\njournal = \"a b\"\n[kafka.client]\n\
                \"group.id\" = \"x\"\n\"sasl.pasword\" = \"env:P\"\nlinger.ms = \"soon\"\nclient.id = [1]\n\"sasl.password\" = \"hunter2\"\n\
                \"ssl.key.password\" = [\"hunter2\"]\n";
    let expected = [
        "w.toml:2:1: kafka.start: got \"oldest\", expected `earliest` or `latest`",
        "w.toml:11:8: kafka.client.client.id: got [1], expected a string or a number or true or false",
        "w.toml:13:1: kafka.client.ssl.key.password: expected where the secret is: \"env:NAME\" or \"file:PATH\"",
        "w.toml:3:1: kafka.partitions: got 0, expected 1 to 10000",
        "w.toml:6:1: kafka.topics.journal: got \"a b\", expected 1 to 249 letters, digits, '.', '_' or '-'",
        "w.toml:5:1: kafka.topics.clean: \"crawl\" is also an input: the stage would read what it writes",
        "w.toml:8:1: kafka.client.group.id: cannot be set: kafka.group says it",
        "w.toml:10:8: kafka.client.linger.ms: has a value that the client does not take",
        "w.toml:12:1: kafka.client.sasl.password: got the secret itself, expected where it is: \"env:NAME\" or \"file:PATH\"",
        "w.toml:9:1: kafka.client.sasl.pasword: the client knows no such property",
    ];
    assert_eq!(problems(text, &[], &[]), expected);
}

#[test]
fn the_dedup_example_leaves_nothing_on_but_copies() {
    let config = load(Some(&folder().join("examples/dedup.toml")), &[], std::iter::empty()).expect("sound");
    let modes = serde_json::to_value(&config.operators).expect("JSON");
    for (name, operator) in modes.as_object().expect("tables") {
        let copies = ["exact_dedup", "near_dup"].contains(&name.as_str());
        assert_eq!(operator["mode"] == "off", !copies, "{name}: {}", operator["mode"]);
    }
}

#[test]
fn the_shadow_example_acts_on_nothing() {
    let config = load(Some(&folder().join("examples/shadow.toml")), &[], std::iter::empty()).expect("sound");
    let modes = serde_json::to_value(&config.operators).expect("JSON");
    for (name, operator) in modes.as_object().expect("tables") {
        assert_eq!(operator["mode"], "shadow", "{name}");
    }
}
