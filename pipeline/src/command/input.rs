//! Which files does a command read?
//!
//! They are given as paths and addresses on the command line, or by a list. A file shard is one
//! machine's share of them.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use connectors::{
    byte_range::ByteRange,
    file::{FileShard, FileSource, InputFile, InputOrigin, ListBase, resolve_list, walk},
    limits::Limits,
    remote::{Address, RemoteClient},
};
use tracing::warn;

use crate::listing;

#[derive(Clone, Debug, Default, Args)]
pub(super) struct Input {
    /// Files (JSONL, WARC, WET, ARC; plain, .gz, .zst; WACZ, Parquet), folders (recursive, in order
    /// of name), or `-` for JSONL or WARC on standard input, which cannot be resumed. Also
    /// `s3://BUCKET/KEY`, `https://HOST/FILE`, and with a slash at the end all that lies below an
    /// s3:// prefix.
    #[arg(required_unless_present = "list", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A list of what to read instead: a paths file as Common Crawl has them (one path a line), or
    /// an answer of its index (CSV or JSON lines with `warc_filename`, `warc_record_offset`,
    /// `warc_record_length`), of which only those records are read. Packed or not, a file or an
    /// address.
    #[arg(long = "paths", conflicts_with = "paths", value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Where the paths of the list begin: a folder, `s3://BUCKET/PREFIX` or `https://HOST/PATH`.
    /// Without it they are taken from the working folder.
    #[arg(long, requires = "list", conflicts_with = "paths", value_name = "DIR|ADDRESS")]
    pub base: Option<String>,
}

impl Input {
    /// Opens the files. With `join`, each WET is read together with its WARC. If a `shard` is
    /// given, only its files are opened, and it is returned with the digest of the whole list.
    ///
    /// # Errors
    /// Fails if a file cannot be read, or if there is none.
    pub(super) fn open(
        &self,
        limits: Limits,
        join: bool,
        shard: Option<FileShard>,
    ) -> Result<(FileSource, Option<(FileShard, String)>)> {
        let (files, list) = self.files(join, shard)?;
        if files.is_empty() {
            let of_shard = shard.map(|shard| format!(" for shard {shard}")).unwrap_or_default();
            bail!("no input{of_shard}: {} hold no file that can be read (JSONL, WARC, WET, ARC, WACZ, Parquet)", self.names());
        }
        Ok((FileSource::new(files, limits).joining(join), shard.map(|shard| (shard, list))))
    }

    /// Opens the files as [`Self::open`] does, for a command that may be killed and then reads them
    /// again.
    ///
    /// # Errors
    /// Fails as [`Self::open`] does, and if standard input is among the files.
    pub(super) fn open_again_and_again(&self, limits: Limits, join: bool, why: &str) -> Result<FileSource> {
        if self.paths.iter().any(|path| path.as_os_str() == "-") {
            bail!("got - (standard input) {why}, expected files: what was begun must be able to go on after a kill");
        }
        Ok(self.open(limits, join, None)?.0)
    }

    /// Returns the files of `shard`, and a digest of the whole list. Outputs of machines that were
    /// given different lists must not be joined.
    fn files(&self, join: bool, shard: Option<FileShard>) -> Result<(Vec<InputFile>, String)> {
        let mut digest = blake3::Hasher::new();
        let mut name = |name: &str| {
            digest.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        };
        let (files, unclear) = if let Some(path) = &self.list {
            let base = self.base.as_deref().map(ListBase::parse).transpose().context("--base")?;
            let context = || format!("list {}", path.display());
            let list = listing::read(open_list(path)?).with_context(context)?;
            for file in &list {
                name(&file.path);
                file.parts.iter().flatten().for_each(|part| name(&format!("{} {}", part.offset, part.length)));
            }
            let found = resolve_list(list, base.as_ref(), shard, join).with_context(context)?;
            (found.files, found.unclear)
        } else {
            let found = walk(&self.paths)?;
            for skipped in &found.skipped {
                warn!(path = %skipped.display(), "left out: its name is none of JSONL, WARC, WET, ARC, WACZ or Parquet");
            }
            if shard.is_some() && found.files.iter().any(|file| file.origin == InputOrigin::Stdin) {
                bail!("got - (standard input) with --shard, expected files: every machine must see the same list");
            }
            found.files.iter().for_each(|file| name(&file.name));
            let found = if join { found.joined() } else { found };
            let ours = |(number, _): &(usize, InputFile)| shard.is_none_or(|shard| shard.has(*number));
            (found.files.into_iter().enumerate().filter(ours).map(|(_, file)| file).collect(), found.unclear)
        };
        for why in unclear {
            warn!("not joined: {why}");
        }
        Ok((files, digest.finalize().to_hex()[..16].to_owned()))
    }

    /// Returns what was given, for messages.
    fn names(&self) -> String {
        self.list.iter().chain(&self.paths).map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// Opens a list, which is a file or an object at an address.
fn open_list(path: &Path) -> Result<Box<dyn Read + Send>> {
    let Some(address) = path.to_str().filter(|text| Address::is_one(text)) else {
        return Ok(Box::new(File::open(path).with_context(|| format!("open {}", path.display()))?));
    };
    let client = RemoteClient::of_process()?;
    let mut found = client.look_up(&[Address::parse(address)?])?;
    let object = found.pop().context("an address was looked up and nothing was found")?;
    Ok(client.open(&object, ByteRange { offset: 0, length: object.size })?)
}
