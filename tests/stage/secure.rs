//! A broker behind TLS and SASL: documents pass, and an error names the key of the configuration
//! that is wrong.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use testkit::broker::secure::{PASSWORD, Secure, USER};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::{LONG, Process},
};

/// The variable that holds the password.
const VARIABLE: &str = "WEIR_TEST_PASSWORD";
const WRONG: &str = "wrong-horse-42";
/// How long an error may take. Brokers that refuse are given up after 3 s, and those that do not
/// answer or speak another protocol after 15 s; the rest is for slow machines.
const REFUSED_WITHIN: Duration = Duration::from_secs(3 + 12);
const AWAY_WITHIN: Duration = Duration::from_secs(15 + 12);

/// One way to connect.
struct Way<'a> {
    brokers: String,
    protocol: &'a str,
    mechanism: &'a str,
    password: String,
    certificate: String,
}

impl Way<'_> {
    fn right(secure: &Secure) -> Self {
        Self {
            brokers: secure.address.clone(),
            protocol: "sasl_ssl",
            mechanism: "SCRAM-SHA-256",
            password: format!("env:{VARIABLE}"),
            certificate: secure.certificate.display().to_string(),
        }
    }

    fn of(&self, input: &InputTopic, test: &str) -> Group {
        let mut group = Group::new(input, test).with(&format!("kafka.brokers={}", self.brokers));
        for (name, value) in [
            ("security.protocol", self.protocol),
            ("sasl.mechanism", self.mechanism),
            ("sasl.username", USER),
            ("sasl.password", &self.password),
            ("ssl.ca.location", &self.certificate),
        ] {
            if !value.is_empty() {
                group = group.with(&format!("kafka.client.{name}={value}"));
            }
        }
        group
    }
}

fn passes(group: &Group, input: &InputTopic, mut command: Command) {
    command.env(VARIABLE, PASSWORD);
    let mut process = group.begin(command);
    group.wait_done(input, &mut process);
    process.signal("TERM");
    let status = process.end_within(LONG);
    assert!(status.success() && !process.log().contains(PASSWORD), "{status}: {}", process.log());
    let output = Output::of(group);
    output.verify(input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(group, input).expect("what a replay decides");
}

/// Mistakes, and the words with which each is reported.
fn mistakes<'a>(secure: &Secure) -> Vec<(&'a str, Way<'a>, &'a [&'a str])> {
    let right = || Way::right(secure);
    let plain = secure.cluster.address().to_owned();
    let port = secure.address.rsplit(':').next().unwrap_or_default();
    vec![
        ("wrong password", Way { password: format!("env:{VARIABLE}_WRONG"), ..right() }, &["kafka.client.sasl.password"]),
        ("wrong mechanism", Way { mechanism: "SCRAM-SHA-512", ..right() }, &["kafka.client.sasl.mechanism"]),
        (
            "foreign certificate",
            Way { certificate: secure.foreign.display().to_string(), ..right() },
            &["not trusted", "kafka.client.ssl.ca.location"],
        ),
        ("no certificate", Way { certificate: String::new(), ..right() }, &["not trusted", "kafka.client.ssl.ca.location"]),
        ("other name of the host", Way { brokers: format!("localhost:{port}"), ..right() }, &["another host", "kafka.brokers"]),
        ("plaintext client", Way { protocol: "plaintext", ..right() }, &["kafka.client.security.protocol"]),
        ("no SASL", Way { protocol: "ssl", ..right() }, &["kafka.client.security.protocol"]),
        ("no TLS", Way { protocol: "sasl_plaintext", ..right() }, &["kafka.client.security.protocol"]),
        ("TLS where there is none", Way { brokers: plain, ..right() }, &["kafka.client.security.protocol"]),
        ("nobody there", Way { brokers: "127.0.0.1:1".to_owned(), ..right() }, &["nobody answers", "kafka.brokers"]),
    ]
}

fn expect_refused(what: &str, mut process: Process, begun: Instant, words: &[&str]) {
    let patient = ["kafka.brokers", "kafka.client.security.protocol"];
    let within = if words.iter().any(|word| patient.contains(word)) { AWAY_WITHIN } else { REFUSED_WITHIN };
    let status = process.end_within(LONG);
    let (took, log) = (begun.elapsed(), process.log());
    assert!(status.code() == Some(1), "{what}: {status}: {log}");
    assert!(words.iter().all(|word| log.contains(word)), "{what}, expected {words:?}: {log}");
    assert!(took < within, "{what} took {took:?}");
    assert!(!log.contains(PASSWORD) && !log.contains(WRONG), "a secret is shown: {log}");
    let last = log.lines().last().unwrap_or_default();
    let (_, why) = last.split_once(": the brokers").or_else(|| last.split_once(": nobody")).unwrap_or_default();
    print_figures(&format!("{what}, after {took:.1?}: {}", why.split(": [").next().unwrap_or_default().trim()));
}

pub(crate) fn documents_pass_and_mistakes_are_named(secure: &Secure) {
    let input = InputTopic::of(&secure.cluster.client(), 95, 300, 2);
    let group = Way::right(secure).of(&input, "scram");
    passes(&group, &input, group.command("a"));
    // The password in a file, the authority where OpenSSL is told to look.
    let folder = crate::group::folder();
    let file = folder.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("written");
    let way = Way { mechanism: "PLAIN", password: format!("file:{}", file.display()), ..Way::right(secure) };
    let group = Way { certificate: String::new(), ..way }.of(&input, "plain");
    let mut command = group.command("a");
    command.env("SSL_CERT_FILE", &secure.certificate);
    passes(&group, &input, command);

    // All at once: they wait.
    let wrong = format!("{VARIABLE}_WRONG");
    let begin = |group: &Group, mut command: Command| {
        command.env(VARIABLE, PASSWORD).env(&wrong, WRONG);
        group.begin(command)
    };
    let (begun, mut refused, mut groups) = (Instant::now(), Vec::new(), Vec::new());
    for (what, way, words) in mistakes(secure) {
        let group = way.of(&input, "refused");
        refused.push((what, begin(&group, group.command("a")), words));
        if what == "wrong password" {
            refused.push(("wrong password, weir settle", begin(&group, group.settle_command()), words));
        }
        groups.push(group);
    }
    for (what, process, words) in refused {
        expect_refused(what, process, begun, words);
    }
}
