//! `weir demo`: what does the filter do with a sample crawl in which attacks, benign spikes and
//! copies are planted?

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use sample::Size;
use serde_json::Value;

use super::{
    input::Input,
    learn,
    process::start_threads,
    replay::{self, ReplayEnd, To},
    terminal::{print, say},
};
use crate::{config::Config, signals::INTERRUPTED};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the sample and the results are written.
    #[arg(long, short, value_name = "DIR", default_value = "weir-demo")]
    pub output: PathBuf,
    /// Pages of the sample crawl.
    #[arg(long, value_name = "N", default_value_t = 24_000)]
    pub pages: u32,
    /// The sample is a function of this number.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Threads for detectors; 0: one for each core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    start_threads(config, arguments.threads)?;
    let folder = &arguments.output;
    let size = Size { pages: arguments.pages, reference: arguments.pages / 2 };
    say(&format!("generating {} pages in {} ...", size.pages + size.reference, folder.display()));
    let made =
        sample::generate(folder, size, arguments.seed).with_context(|| format!("write the sample to {}", folder.display()))?;
    let background = folder.join("background.weir");
    say("learning from the trusted part ...");
    let arguments_learn = learn::Arguments {
        input: Input { paths: vec![made.reference.clone()], ..Input::default() },
        output: background.clone(),
        threads: arguments.threads,
    };
    learn::learn(config, &arguments_learn)?;
    say("filtering the crawl ...");
    let output = folder.join("out");
    let arguments_replay = replay::Arguments {
        input: Input { paths: vec![made.crawl.clone()], ..Input::default() },
        shard: None,
        to: To::Folder,
        output: Some(output.clone()),
        background: Some(background),
        state: None,
        verdicts: None,
        annotate_only: false,
        limit: None,
        threads: arguments.threads,
        timings: false,
        force: true,
    };
    let ReplayEnd::Finished(report) = replay::replay(config, &arguments_replay)? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    print(&report.table());
    print(&planted(&made.truth, &output)?);
    print(&format!("see {} and try: weir explain --output {} ID", output.join("decisions.jsonl").display(), output.display()));
    Ok(ExitCode::SUCCESS)
}

/// A table of what became of the planted pages, by kind.
fn planted(truth: &std::path::Path, output: &std::path::Path) -> Result<String> {
    let lines = |path: PathBuf| -> Result<Vec<Value>> {
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    };
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut route: BTreeMap<String, String> =
        lines(output.join("decisions.jsonl"))?.iter().map(|d| (text(d, "id"), text(d, "route"))).collect();
    let arrival = route.clone();
    for recall in lines(output.join("recalls.jsonl"))? {
        let fate = if text(&recall, "action") == "restore" { "clean" } else { "quarantine" };
        route.insert(text(&recall, "id"), fate.to_owned());
    }
    let mut kinds: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for planted in lines(truth.to_owned())? {
        let id = text(&planted, "id");
        let row = kinds.entry(text(&planted, "kind")).or_default();
        row[0] += 1;
        row[1] += usize::from(arrival.get(&id).is_some_and(|r| r == "quarantine"));
        row[2] += usize::from(route.get(&id).is_some_and(|r| r == "quarantine"));
        row[3] += usize::from(route.get(&id).is_some_and(|r| r == "duplicate"));
    }
    let mut out = format!("{:>20} {:>6} {:>12} {:>12} {:>12}\n", "planted", "pages", "at arrival", "in the end", "as copies");
    for (kind, [pages, at_arrival, in_the_end, copies]) in kinds {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{kind:>20} {pages:>6} {at_arrival:>12} {in_the_end:>12} {copies:>12}");
    }
    Ok(out)
}
