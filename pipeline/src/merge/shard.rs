//! What does a merge know of a finished file shard? It is opened, and put into the order of its
//! list.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use connectors::file::FileCheckpoint;
use operators::document::SeqNo;

use crate::{
    layout::OutputFolder,
    manifest::{InputEnd, Manifest, RunPhase, Share},
    state::ledger::Ledger,
};

/// The output of a finished file shard.
pub struct FinishedShard {
    pub(super) output: OutputFolder,
    pub(super) manifest: Manifest,
    pub(super) share: Share,
    pub(super) decided: InputEnd,
    pub(super) mark: FileCheckpoint,
    pub(super) ledger: Ledger,
}

impl FinishedShard {
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
    pub(super) fn seqnos(&self) -> std::ops::Range<SeqNo> {
        self.decided.first..self.ledger.len() as SeqNo
    }

    /// A file of its output.
    pub(super) fn file(&self, folder: &str, name: &str) -> PathBuf {
        self.root().join(folder).join(name)
    }

    pub(super) fn root(&self) -> &Path {
        self.output.root()
    }
}

/// Puts the shards into the order of their numbers.
///
/// # Errors
/// If they are not all shards of one list, each of them once, decided under the same configuration.
pub fn in_order(mut shards: Vec<FinishedShard>) -> Result<Vec<FinishedShard>> {
    shards.sort_by_key(|shard| shard.share.index);
    let Some(first) = shards.first() else { bail!("got no shards, expected at least one") };
    for (number, shard) in shards.iter().enumerate() {
        let (folder, share) = (shard.root().display(), &shard.share);
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
        if shard.manifest.verdict_digest != first.manifest.verdict_digest {
            bail!("{folder} was decided under another configuration or background than {}", first.root().display());
        }
        if shard.manifest.shape != first.manifest.shape {
            bail!("{folder} was written with other output options ({}), expected {}", shard.manifest.shape, first.manifest.shape);
        }
    }
    if shards.len() != first.share.count as usize {
        bail!("shard {}/{} is missing, expected each once", shards.len(), first.share.count);
    }
    Ok(shards)
}
