//! `weir learn --output FILE PATH...`: what does trusted text look like? The answer is written as a
//! background.

use std::{cmp::Reverse, collections::BTreeSet, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Result, bail};
use clap::Args;
use connectors::{
    file::write_atomically,
    limits::Limits,
    source::{Columns, Limit, Source},
};
use decode::{Decoded, columns, decode};
use operators::{
    background::{Background, BackgroundOrigin},
    document::Publisher,
    learn::{LearnOptions, Learner},
    reputation::publisher::{Platforms, publisher_of},
    text::{Language, Seed, Tokenizer},
};
use rayon::prelude::*;
use tracing::warn;

use super::{input::Input, process::start_threads, terminal::print};
use crate::{
    config::Config,
    features::language,
    progress::Progress,
    run::{decode_options, seed_of},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub input: Input,
    /// Where the background is written.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Threads; 0: one for each core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    start_threads(config, arguments.threads)?;
    let began = Instant::now();
    let background = learn(config, arguments)?;
    print(&format!(
        "learned from {} documents of {} publishers in {:.1} s: {}\n{}",
        background.documents(),
        background.publishers(),
        began.elapsed().as_secs_f64(),
        arguments.output.display(),
        languages(&background),
    ));
    Ok(ExitCode::SUCCESS)
}

/// A line for each language of a background: its code, how many documents it has, and from which
/// score on its text is gibberish. The one with most comes first.
fn languages(background: &Background) -> String {
    let mut languages: Vec<_> = background.languages().iter().map(|(&language, &documents)| (documents, language)).collect();
    languages.sort_by_key(|&(documents, language)| (Reverse(documents), language.code()));
    let line = |&(documents, language): &(u32, Language)| {
        let order = background.word_order().language(language);
        let gibberish =
            order.map_or_else(|| "too few to judge by".to_owned(), |order| format!("gibberish {:.2}", order.threshold()));
        let thin = background.silence(language).map_or("", |_| "  too few documents to judge by; add more of this language");
        format!("{:>14} {documents:>10}  {gibberish}{thin}\n", language.code())
    };
    languages.iter().map(line).collect::<Vec<_>>().concat()
}

/// Learns a background and writes the file.
pub(super) fn learn(config: &Config, arguments: &Arguments) -> Result<Background> {
    let (mut source, _) = arguments.input.open(Limits::default(), config.input.join_wet, None)?;
    let options = decode_options(config);
    let columns = Columns::Named { names: columns(&options), check_others: false };
    source = source.with_columns(columns);
    let fingerprints: Vec<String> = source.fingerprint()?.iter().map(ToString::to_string).collect();
    let seed = Seed(config.engine.seed.unwrap_or_else(|| seed_of(&fingerprints)));
    let tokenizer = Tokenizer::new(seed, config.input.tokens_max);
    let mut learner = Learner::new(seed, LearnOptions::default());
    let names = source.partitions().to_vec();
    let progress = Progress::reading(source.size_hint());
    let mut counts = crate::engine::Counts::default();
    loop {
        let records = source.read(Limit { records: config.engine.batch_documents, bytes: config.engine.batch_bytes })?;
        if records.is_empty() {
            break;
        }
        let pages: Vec<_> = records
            .par_iter()
            .map(|record| {
                let name = names.get(record.position.partition as usize).map_or("", String::as_str);
                match decode(record, name, &options) {
                    Decoded::Page(page) => {
                        let tokens = tokenizer.tokens(&page.text).ids;
                        let language = language(&page);
                        let contributor = page.contributor.map(|contributor| (String::new(), contributor));
                        let (url, source) = contributor.unwrap_or_else(|| (page.url.unwrap_or_default(), name.to_owned()));
                        Ok(Some((url, source, language, tokens)))
                    }
                    Decoded::WithoutText(_) => Ok(None),
                    Decoded::Reject(reject) => {
                        Err(format!("{name}#{}: {}: {}", record.position.offset, reject.code, reject.message))
                    }
                }
            })
            .collect();
        for page in pages {
            counts.received += 1;
            match page {
                Ok(Some((url, source, language, tokens))) => {
                    counts.clean += 1;
                    learner.add(&url, &source, language, &tokens);
                }
                Ok(None) => counts.without_text += 1,
                Err(why) => {
                    counts.dead_letters += 1;
                    warn!("passed over: {}", why.escape_debug());
                }
            }
        }
        progress.at(source.consumed(), &counts);
    }
    progress.done();
    if learner.is_empty() {
        bail!("nothing to learn from: no document with text in {} records", counts.received);
    }
    let options = &config.operators.reputation;
    let platforms_on = |hosts: &BTreeSet<String>| Platforms::new(hosts, &options.account_patterns, &options.account_hosts);
    platforms_on(&BTreeSet::new())?;
    let publisher = |url: &str, source: &str, platforms: &BTreeSet<String>| -> Publisher {
        let platforms = platforms_on(platforms).expect("patterns and rows were read above");
        publisher_of(url, source, seed, &platforms)
    };
    let background = learner.finish(BackgroundOrigin::Trusted, &publisher);
    write_atomically(&arguments.output, &background.save())?;
    Ok(background)
}
