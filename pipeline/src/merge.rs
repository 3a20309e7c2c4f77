//! The outputs of several machines become one: what each of them could not see of the others is caught up where it can be.
//!
//! Parts are joined in the order of their shards, whichever order they are given in. A document that is clean in its own
//! shard, and a copy of one that is clean in an earlier shard, is recalled and moves to `duplicates/`: exact copies by their
//! digests, near copies by their signatures, whose texts nobody compares any more, so with a margin. Everything else is each
//! shard's own: alarms, reputation, what is a page's boilerplate.
//!
//! Nothing of the shards is changed. A join that is killed is done again from its beginning, with the same bytes.
//!
//! **State** 24 bytes a document, 32 for each that is clean, and the index of near copies (176 bytes, of as many documents as
//! the operator remembers). **Cost** one read of the shards' logs; files are linked where the file system allows it.

mod copies;
mod corpus;
mod summary;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use connectors::file::{FileCheckpoint, write_atomically};
use operators::document::SeqNo;

use crate::{
    layout::{OutputFolder, remove_if_there},
    manifest::{InputEnd, Manifest, RunPhase, Share},
    output::lines::{RecallLine, to_line},
    report::Report,
    state::{ledger::Ledger, sync_folder},
};

/// A finished shard.
pub struct Part {
    output: OutputFolder,
    manifest: Manifest,
    share: Share,
    decided: InputEnd,
    mark: FileCheckpoint,
    ledger: Ledger,
}

impl Part {
    /// Opens the output of `weir replay --shard`.
    ///
    /// # Errors
    /// If it is something else, or not finished.
    pub fn open(root: &Path) -> Result<Self> {
        let (folder, output) = (root.display(), OutputFolder::new(root));
        let Some(manifest) = Manifest::read(&output.manifest())? else {
            bail!("{folder} is no output of weir, expected one of `weir replay --shard`");
        };
        let Some(share) = manifest.share.clone() else {
            bail!("{folder} holds a run over a whole list, expected one of `weir replay --shard`");
        };
        if manifest.phase != RunPhase::Finished {
            bail!("{folder} is not finished: give its own command again first");
        }
        let decided = manifest.decided.clone().with_context(|| format!("{folder}: run.json does not say where the run ended"))?;
        let mark = FileCheckpoint::decode(decided.checkpoint.as_bytes()).with_context(|| format!("{folder}: run.json"))?;
        let ledger = Ledger::open(&output.share().ledger(), Ledger::SPAN, decided.next, decided.ledger_tail)
            .with_context(|| format!("{folder}: what a finished shard keeps for a merge"))?;
        Ok(Self { output, manifest, share, decided, mark, ledger })
    }

    /// The sequence numbers of its own documents.
    fn seqnos(&self) -> std::ops::Range<SeqNo> {
        self.decided.first..self.ledger.len() as SeqNo
    }

    fn root(&self) -> &Path {
        self.output.root()
    }
}

/// Puts the parts into the order of their shards.
///
/// # Errors
/// If they are not all shards of one list, each once, decided alike.
pub fn in_order(mut parts: Vec<Part>) -> Result<Vec<Part>> {
    parts.sort_by_key(|part| part.share.index);
    let Some(first) = parts.first() else { bail!("got no shards, expected at least one") };
    for (number, part) in parts.iter().enumerate() {
        let (folder, share) = (part.root().display(), &part.share);
        if (share.count, &share.list) != (first.share.count, &first.share.list) {
            bail!(
                "{folder} is shard {}/{} of list {}, expected one of {} of list {} as {}",
                share.index,
                share.count,
                share.list,
                first.share.count,
                first.share.list,
                first.root().display()
            );
        }
        if share.index as usize != number {
            let what = if (share.index as usize) < number { "given twice" } else { "missing" };
            let which = if what == "missing" { number as u32 } else { share.index };
            bail!("shard {which}/{} is {what}, expected each once", share.count);
        }
        if part.manifest.verdict_digest != first.manifest.verdict_digest {
            bail!("{folder} was decided under another configuration or background than {}", first.root().display());
        }
        if part.manifest.shape != first.manifest.shape {
            bail!("{folder} was written with other output options ({}), expected {}", part.manifest.shape, first.manifest.shape);
        }
    }
    if parts.len() != first.share.count as usize {
        bail!("shard {}/{} is missing, expected each once", parts.len(), first.share.count);
    }
    Ok(parts)
}

/// Joins the parts, which are in order, into a folder; what the report says. `None`: it was done before.
///
/// # Errors
/// If a file cannot be read or written, a part was changed since it was finished, or the folder holds something else.
pub fn merge(parts: &[Part], output: &OutputFolder) -> Result<Option<Report>> {
    let Some(first) = parts.first() else { bail!("got no shards, expected at least one") };
    if parts.iter().any(|part| fs::canonicalize(part.root()).ok() == fs::canonicalize(output.root()).ok()) {
        bail!("{} is one of the shards, expected a folder of its own", output.root().display());
    }
    let mut manifest = Manifest {
        shape: format!("joined: {}", first.manifest.shape),
        input: parts.iter().flat_map(|part| part.manifest.input.iter().cloned()).collect(),
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
    corpus::check(parts)?;
    manifest.write(&output.manifest())?;
    let copies = copies::find(parts)?;
    connectors::kill::point("merge.found");
    for name in ["decisions.jsonl", "alarms.jsonl", "dead-letters.jsonl"] {
        concatenate(parts, output, name, &[])?;
    }
    concatenate(parts, output, "recalls.jsonl", &recalls(parts, &copies)?)?;
    connectors::kill::point("merge.joined");
    if first.mark.options.corpus {
        corpus::join(parts, output, &copies)?;
    }
    let report = summary::report(parts, &copies)?;
    write_atomically(&output.file("report.json"), &report.bytes()?)?;
    connectors::kill::point("merge.reported");
    manifest.phase = RunPhase::Finished;
    manifest.write(&output.manifest())?;
    // Links, and what a kill left half written.
    remove_if_there(&output.private().join("staged"))?;
    Ok(Some(report))
}

/// Recalls of documents that are copies of others in earlier shards.
fn recalls(parts: &[Part], copies: &copies::Copies) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (part, found) in parts.iter().zip(&copies.by_part) {
        for (&seqno, copy) in found {
            let identity = part.ledger.identity(seqno)?;
            let original = parts[copy.of.0].ledger.identity(copy.of.1)?;
            let (Some(identity), Some(original)) = (identity, original) else { continue };
            lines.extend(to_line(&RecallLine::copy(&identity, copy.operator, copy.reason, &original)));
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// One file of lines after the other, and `more` behind them.
fn concatenate(parts: &[Part], output: &OutputFolder, name: &str, more: &[u8]) -> Result<()> {
    let (path, aside) = (output.file(name), output.file(&format!("{name}.tmp")));
    let write = || -> io::Result<File> {
        let mut out = File::create(&aside)?;
        for part in parts {
            io::copy(&mut File::open(part.output.file(name))?, &mut out)?;
        }
        io::copy(&mut &more[..], &mut out)?;
        Ok(out)
    };
    let written = write().and_then(|out| out.sync_all()).and_then(|()| fs::rename(&aside, &path));
    written.with_context(|| format!("join the shards' {name} in {}", path.display()))?;
    Ok(sync_folder(output.root())?)
}

/// A path of the output of a part.
fn file(part: &Part, folder: &str, name: &str) -> PathBuf {
    part.root().join(folder).join(name)
}
