//! What is done in which order to join finished shards: their lines, their corpora, their report.

use std::{
    fs::{self, File},
    io,
};

use anyhow::{Context, Result, bail};
use connectors::file::write_atomically;

use super::{
    copies::{self, ShardCopies},
    corpus,
    shard::FinishedShard,
    summary,
};
use crate::{
    layout::{OutputFolder, remove_if_there},
    manifest::{Manifest, RunPhase},
    output::lines::{RecallLine, to_line},
    report::Report,
    state::sync_folder,
};

/// Joins the shards, which are in order, into a folder. Returns the report, or `None` if the folder
/// holds the finished join already.
///
/// # Errors
/// If a file cannot be read or written, a shard was changed since it was finished, or the folder
/// holds something else.
pub fn merge(shards: &[FinishedShard], output: &OutputFolder) -> Result<Option<Report>> {
    let Some(first) = shards.first() else { bail!("got no shards, expected at least one") };
    if shards.iter().any(|shard| fs::canonicalize(shard.root()).ok() == fs::canonicalize(output.root()).ok()) {
        bail!("{} is one of the shards, expected a folder of its own", output.root().display());
    }
    let mut manifest = Manifest {
        shape: format!("joined: {}", first.manifest.shape),
        input: shards.iter().flat_map(|shard| shard.manifest.input.iter().cloned()).collect(),
        share: None,
        phase: RunPhase::Reading,
        decided: None,
        ..first.manifest.clone()
    };
    if let Some(earlier) = Manifest::read(&output.manifest())? {
        earlier.check_same(&manifest, output.root())?;
        if earlier.phase == RunPhase::Finished {
            return Ok(None);
        }
    }
    corpus::check(shards)?;
    manifest.write(&output.manifest())?;
    let copies = copies::find(shards)?;
    connectors::kill::point("merge.found");
    for name in ["decisions.jsonl", "alarms.jsonl", "dead-letters.jsonl"] {
        concatenate(shards, output, name, &[])?;
    }
    concatenate(shards, output, "recalls.jsonl", &recalls(shards, &copies)?)?;
    connectors::kill::point("merge.joined");
    if first.mark.options.corpus {
        corpus::join(shards, output, &copies)?;
    }
    let report = summary::report(shards, &copies)?;
    write_atomically(&output.file("report.json"), &report.bytes()?)?;
    connectors::kill::point("merge.reported");
    manifest.phase = RunPhase::Finished;
    manifest.write(&output.manifest())?;
    // Here lie links, and what a kill left half written.
    remove_if_there(&output.private().join("staged"))?;
    Ok(Some(report))
}

/// The lines of the recalls: one for each document that is a copy of one in an earlier shard.
fn recalls(shards: &[FinishedShard], copies: &ShardCopies) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (shard, found) in shards.iter().zip(&copies.by_shard) {
        for (&seqno, copy) in found {
            let identity = shard.ledger.identity(seqno)?;
            let original = shards[copy.of.0].ledger.identity(copy.of.1)?;
            let (Some(identity), Some(original)) = (identity, original) else { continue };
            lines.extend(to_line(&RecallLine::copy(&identity, copy.operator, copy.reason, &original)));
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// Writes the shards' files of one name one behind the other, and `more` behind them.
fn concatenate(shards: &[FinishedShard], output: &OutputFolder, name: &str, more: &[u8]) -> Result<()> {
    let (path, aside) = (output.file(name), output.file(&format!("{name}.tmp")));
    let write = || -> io::Result<File> {
        let mut out = File::create(&aside)?;
        for shard in shards {
            io::copy(&mut File::open(shard.output.file(name))?, &mut out)?;
        }
        io::copy(&mut &more[..], &mut out)?;
        Ok(out)
    };
    let written = write().and_then(|out| out.sync_all()).and_then(|()| fs::rename(&aside, &path));
    written.with_context(|| format!("join the shards' {name} in {}", path.display()))?;
    Ok(sync_folder(output.root())?)
}
