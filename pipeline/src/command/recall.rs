//! `weir recall apply CORPUS...`: which lines of a corpus on disk are recalled documents? They are
//! taken out.
//!
//! Recalls are the lines of a replay's `recalls.jsonl`, or those of the stage's recalls topic. The
//! topic is given as an exported file, or it is read as it is: from its oldest record to where it
//! ended at the start, and only what is committed. Of several lines about one document the last one
//! counts. Lines of the topic come after those of files.
//!
//! The decoder that judged a line also names it, so ids are those of the decisions. `--by position`
//! takes the line's own field `position` instead, for an export that adds it. Where documents share
//! an id, the publisher tells them apart; where that is the same too, nothing is taken out, and that
//! is a problem of the report. Restored copies were
//! never in the corpus. They are listed with their positions, so that whoever has them can add
//! them.
//!
//! **Cost** two or three reads of each file, and one write of each file that changes. **State** the
//! ids of all recalls.

mod fates;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use connectors::{
    file::{FolderLock, InputFile, InputOrigin, Rewrite, Rewritten, walk},
    framing::Format,
    position::Position,
    remote::Address,
    source::{Payload, Record},
};
use decode::{Decoded, decode};
use operators::{
    background::Background,
    reputation::publisher::{Platforms, contributor, publisher_of},
    text::Seed,
};
use serde::Deserialize;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

use self::fates::{CorpusLine, RecallFates, RecallsTopic, TopicRead};
use super::{
    process::BAD_CONFIG,
    terminal::{print, say},
};
use crate::{
    config::{Config, Problems, load::Loaded},
    layout::OutputFolder,
    run::{decode_options, load_background, platforms},
};

/// The most characters of an id that a message shows.
const ID_CHARS_SHOWN: usize = 60;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: RecallAction,
}

#[derive(Debug, Subcommand)]
enum RecallAction {
    /// Takes recalled documents out of files of JSON lines. May be killed and given again; a second
    /// time changes nothing.
    Apply(Apply),
}

#[derive(Debug, Args)]
struct Apply {
    /// Files of JSON lines (plain, .gz, .zst) and folders: the corpus.
    #[arg(required = true, value_name = "CORPUS")]
    corpus: Vec<PathBuf>,
    /// Recalls as a replay writes them, or exported from the recalls topic; may be given again for
    /// more files.
    #[arg(long, required_unless_present = "recalls_topic", value_name = "FILE")]
    recalls: Vec<PathBuf>,
    /// Recalls as they stand on the stage's recalls topic now: `kafka.topics.recalls`, or TOPIC.
    /// They count after those of files.
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "TOPIC")]
    #[expect(clippy::option_option, reason = "not given, given without a value, given with one")]
    recalls_topic: Option<Option<String>>,
    /// What a line of the corpus is known by.
    #[arg(long, value_enum, default_value_t = By::Id)]
    by: By,
    /// Where the lines go that are taken out. One process works with such a folder at a time.
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    removed: Option<PathBuf>,
    /// Count, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// The document's id, where its schema has it.
    Id,
    /// The line's field `position`.
    Position,
}

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    let RecallAction::Apply(apply) = &arguments.action;
    let topic = match apply.topic(loaded) {
        Ok(topic) => topic,
        Err(problems) => {
            say(&problems.to_string());
            return Ok(ExitCode::from(BAD_CONFIG));
        }
    };
    let (report, restores) = apply.run(&loaded.config, topic.as_ref())?;
    print(&report.table(apply.dry_run));
    for restore in &restores {
        print(restore);
    }
    for problem in &report.problems {
        say(&format!("weir: {problem}; this is as it was"));
    }
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Apply {
    /// Returns the topic that recalls are read from, if there is one.
    fn topic(&self, loaded: &Loaded) -> Result<Option<RecallsTopic>, Problems> {
        let Some(named) = &self.recalls_topic else { return Ok(None) };
        let kafka = loaded.kafka()?;
        let name = named.as_ref().unwrap_or(&kafka.topics.recalls).clone();
        Ok(Some(RecallsTopic { kafka, name }))
    }

    /// Reads the recalls and rewrites the corpus. Returns what was done, and the copies to restore.
    fn run(&self, config: &Config, topic: Option<&RecallsTopic>) -> Result<(RecallReport, Vec<String>)> {
        let mut fates = RecallFates::read(&self.recalls, topic, self.by == By::Position)?;
        let found = walk(&self.corpus)?;
        for path in &found.skipped {
            warn!(path = %path.display(), "left out: its name is none of JSONL, WARC, WET, ARC, WACZ or Parquet");
        }
        self.check(&found.files)?;
        let removed = self.removed.as_deref().filter(|_| !self.dry_run);
        let _lock = removed.map(FolderLock::acquire).transpose()?;
        let background = match &config.background.path {
            Some(path) => load_background(config, path)?,
            None => Background::empty(Seed(0)),
        };
        let platforms = platforms(config, &background)?;
        let names = LineNames { by: self.by, options: decode_options(config), platforms };
        if self.by == By::Id {
            for file in &found.files {
                let InputOrigin::File { path, .. } = &file.origin else { continue };
                let count = Rewrite { line_bytes_max: config.input.record_bytes_max, removed: None };
                // What is wrong with a file is said below.
                let _ = count.run(path, &mut |line| {
                    if let Some((name, domain)) = names.name(line) {
                        fates.survey(&name, domain.as_deref(), xxh3_64(line.trim_ascii()));
                    }
                    false
                });
            }
        }
        let mut report = RecallReport {
            recalled: fates.recalled(),
            settled: fates.passed_over,
            topic: fates.topic,
            ..RecallReport::default()
        };
        let (mut unclear, mut first_unclear) = (0_u64, None);
        for file in &found.files {
            let InputOrigin::File { path, .. } = &file.origin else { continue };
            if let Some(got @ (Format::Warc | Format::Parquet)) = file.format {
                let got = if got == Format::Warc { "WARC" } else { "Parquet" };
                report.problems.push(format!("{}: got {got}, expected JSON lines", path.display()));
                continue;
            }
            let rewrite = Rewrite {
                line_bytes_max: config.input.record_bytes_max,
                removed: removed.map(|folder| (folder, file.name.as_str())),
            };
            let done = rewrite.run(path, &mut |line| {
                let Some((name, domain)) = names.name(line) else {
                    report.nameless += u64::from(!line.trim_ascii().is_empty());
                    return false;
                };
                match fates.meet(&name, domain.as_deref()) {
                    CorpusLine::Recalled => true,
                    CorpusLine::Unclear => {
                        unclear += 1;
                        first_unclear.get_or_insert(name);
                        false
                    }
                    CorpusLine::Other => false,
                }
            });
            match done {
                Ok(done) => report.add(&done),
                Err(error) => report.problems.push(error.to_string()),
            }
        }
        if let Some(id) = first_unclear {
            report.problems.push(format!(
                "{unclear} lines share the ids of recalled documents, {:?} first, and nothing says which of them are meant; an \
                 export with the field `position` (header weir-position) and --by position tell",
                id.chars().take(ID_CHARS_SHOWN).collect::<String>()
            ));
        }
        report.missing = fates.missing();
        let restores = fates.restores(&config.kafka.topics.duplicates);
        Ok((report, restores))
    }

    /// Refuses arguments with which the command would destroy something.
    fn check(&self, files: &[InputFile]) -> Result<()> {
        let real = |path: &Path| fs::canonicalize(path).with_context(|| format!("open {}", path.display()));
        for argument in &self.corpus {
            if argument.as_os_str() == "-" {
                bail!("got - (standard input), expected files and folders: what is read is replaced");
            }
            if argument.to_str().is_some_and(Address::is_one) {
                bail!("got {}, expected files and folders: what is read is replaced", argument.display());
            }
            if OutputFolder::new(argument).manifest().exists() {
                let folder = argument.display();
                bail!(
                    "{folder} is the output of a replay, which has applied its own recalls; expected a corpus, such as {folder}/clean"
                );
            }
        }
        for recalls in &self.recalls {
            let recalls = real(recalls)?;
            for file in files {
                if let InputOrigin::File { path, .. } = &file.origin
                    && real(path)? == recalls
                {
                    bail!("{} is among the corpus, expected a file beside it", recalls.display());
                }
            }
        }
        let Some(removed) = self.removed.as_deref().filter(|_| !self.dry_run) else { return Ok(()) };
        fs::create_dir_all(removed).with_context(|| format!("make {}", removed.display()))?;
        let folder = real(removed)?;
        for argument in &self.corpus {
            if folder.starts_with(real(argument)?) {
                bail!("--removed {} lies in the corpus {}, expected a folder beside it", removed.display(), argument.display());
            }
        }
        Ok(())
    }
}

/// How the name of a corpus line is found.
struct LineNames {
    by: By,
    options: decode::Options,
    platforms: Platforms,
}

impl LineNames {
    /// Returns the name of a line, and its publisher where it tells one; `None` if it has no name.
    fn name(&self, line: &[u8]) -> Option<(String, Option<String>)> {
        if self.by == By::Position {
            #[derive(Deserialize)]
            struct PositionOnly {
                position: String,
            }
            return serde_json::from_slice::<PositionOnly>(line).ok().map(|line| (line.position, None));
        }
        let position = Position { partition: 0, offset: 0 };
        match decode(&Record::new(position, 0, Payload::Line(line.to_vec())), "", &self.options) {
            Decoded::Page(page) => {
                let publisher = match (&page.contributor, &page.url) {
                    (Some(name), _) => Some(contributor(name, Seed(0))),
                    (None, Some(url)) => Some(publisher_of(url, "", Seed(0), &self.platforms)),
                    (None, None) => None,
                };
                Some((page.id?, publisher.map(|publisher| publisher.name.into())))
            }
            // There was no decision about it, so it cannot be recalled.
            Decoded::WithoutText(_) | Decoded::Reject(_) => None,
        }
    }
}

/// What the command has done.
#[derive(Debug, Default)]
struct RecallReport {
    recalled: usize,
    missing: usize,
    settled: u64,
    topic: Option<TopicRead>,
    files: u64,
    changed: u64,
    kept: u64,
    removed: u64,
    nameless: u64,
    unseen: u64,
    problems: Vec<String>,
}

impl RecallReport {
    /// Counts a file.
    fn add(&mut self, done: &Rewritten) {
        self.files += 1;
        self.changed += u64::from(done.removed > 0);
        self.kept += done.kept;
        self.removed += done.removed;
        self.unseen += done.unseen;
    }

    /// Returns the counts as a table for people.
    fn table(&self, dry_run: bool) -> String {
        let mut out = String::new();
        let mut row = |name: &str, n: u64, note: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name:>14} {n:>10}  {note}");
        };
        if let Some(topic) = self.topic {
            row("from topic", topic.records, "records: recalls, restores and marks");
            if topic.removed > 0 {
                row("expired", topic.removed, "offsets before them: recalls there are not known here, give them with --recalls");
            }
        }
        row("recalled", self.recalled as u64, "documents, after all recalls and restores");
        row("not found", self.missing as u64, "of them: never in this corpus, or taken out before");
        row("files", self.files, "read");
        row("changed", self.changed, if dry_run { "would be, without --dry-run" } else { "replaced" });
        row("removed", self.removed, if dry_run { "lines that would go" } else { "lines" });
        row("kept", self.kept, "lines, byte for byte");
        if self.nameless > 0 {
            row("nameless", self.nameless, "lines kept that have nothing to be known by");
        }
        if self.unseen > 0 {
            row("unseen", self.unseen, "lines kept that are longer than input.record_bytes_max");
        }
        if self.settled > 0 {
            row("passed over", self.settled, "lines of the recalls that neither recall nor restore");
        }
        row("failed", self.problems.len() as u64, "problems; what they name was left as it was");
        out.truncate(out.trim_end().len());
        out
    }
}

#[cfg(test)]
mod tests;
