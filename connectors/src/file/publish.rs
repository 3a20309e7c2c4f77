//! The last pass over one staged part: to which target does each record go?
//!
//! Targets are written beside their names, synced and renamed, and only then is the staged part
//! removed. A pass that was killed anywhere is done again and gives the same bytes, if `decide`
//! answers the same. A part that is not there is already done.
//!
//! **Cost** one or two reads of the part and one write. A part that moves as a whole is one rename,
//! after one read where it is not known that all its records are lines.
//! **State** a target's index for each record of the part, and one record.

use std::{
    fs::File,
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use super::{
    durable::{create_folder, folder_of, remove, rename, sync_folder, temporary},
    encoder::FrameWriter,
    final_format::FinalFormatWriter,
};
use crate::{compress::Reader, compression::Compression, error::Error, kill, limits::Limits};

/// Moves the records of `staged` to `targets`. `decide` returns the target of each record, which it
/// is given with its number in the part, from 0.
///
/// If all records are lines and go to the first target, the staged file is renamed with its bytes
/// unchanged. Otherwise each target that has records becomes one frame, or the files that
/// [`FinalFormatWriter`] makes of them. A target without records is not created.
///
/// # Errors
/// If a file cannot be read or written, or `decide` names a target that is not there.
pub fn publish_part(
    staged: &Path,
    targets: &[PathBuf],
    writer: &mut FinalFormatWriter<'_>,
    decide: &mut dyn FnMut(u64, &[u8]) -> usize,
) -> Result<(), Error> {
    let folders = folders(staged, targets);
    if staged.exists() {
        let (choices, as_staged) = choose(staged, targets.len(), writer, decide)?;
        folders.iter().try_for_each(|folder| create_folder(folder))?;
        if choices.is_empty() {
            remove(staged)?;
        } else if as_staged && choices.iter().all(|choice| *choice == 0) {
            rename(staged, &targets[0])?;
            kill::point("publish.renamed");
        } else {
            if as_staged {
                split(staged, targets, writer.compression(), &choices)?;
            } else {
                writer.split(targets, &choices, |write| {
                    for_each_line(staged, |line| write(line.strip_suffix(b"\n").unwrap_or(line)))
                })?;
            }
            // Until the new names are durable, only the staged part surely is.
            folders.iter().try_for_each(|folder| sync_folder(folder))?;
            kill::point("publish.synced");
            remove(staged)?;
            kill::point("publish.removed");
        }
    }
    // Also if the part was already done: the pass that did it may have been killed before this.
    folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| sync_folder(folder))
}

/// As [`publish_part`], of a part whose records are known to be lines that all go to the first
/// target. It is not read.
///
/// # Errors
/// If it cannot be moved.
pub fn publish_whole(staged: &Path, targets: &[PathBuf]) -> Result<(), Error> {
    let folders = folders(staged, targets);
    if staged.exists() {
        folders.iter().try_for_each(|folder| create_folder(folder))?;
        rename(staged, &targets[0])?;
        kill::point("publish.renamed");
    }
    folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| sync_folder(folder))
}

fn folders<'a>(staged: &'a Path, targets: &'a [PathBuf]) -> Vec<&'a Path> {
    let mut folders: Vec<&Path> = targets.iter().map(|target| folder_of(target)).chain([folder_of(staged)]).collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

/// Returns the target of each record, and whether all records leave as they are staged.
fn choose(
    staged: &Path,
    targets: usize,
    writer: &FinalFormatWriter<'_>,
    decide: &mut dyn FnMut(u64, &[u8]) -> usize,
) -> Result<(Vec<u8>, bool), Error> {
    let (mut choices, mut as_staged) = (Vec::new(), true);
    for_each_line(staged, |line| {
        let index = choices.len() as u64;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        as_staged = as_staged && writer.is_as_staged(line)?;
        let choice = decide(index, line);
        let narrow = u8::try_from(choice).ok().filter(|_| choice < targets);
        choices.push(narrow.ok_or_else(|| {
            let staged = staged.display();
            Error::Refused(format!("record {index} of {staged} goes to target {choice}, expected one below {targets} and 256"))
        })?);
        Ok(())
    })?;
    Ok((choices, as_staged))
}

fn split(staged: &Path, targets: &[PathBuf], compression: Compression, choices: &[u8]) -> Result<(), Error> {
    let mut writers: Vec<Option<FrameWriter>> = targets.iter().map(|_| None).collect();
    for choice in choices {
        let index = usize::from(*choice);
        if writers[index].is_none() {
            writers[index] = Some(FrameWriter::create(&temporary(&targets[index]), compression)?);
        }
    }
    let mut choices = choices.iter();
    for_each_line(staged, |line| match choices.next().map(|choice| &mut writers[usize::from(*choice)]) {
        Some(Some(writer)) => writer.write(line),
        _ => Err(Error::Changed(format!("{} has grown while it was read", staged.display()))),
    })?;
    for writer in writers.iter_mut().flatten() {
        writer.finish_frame()?;
        writer.sync()?;
        kill::point("publish.tmp_written");
    }
    for (target, writer) in targets.iter().zip(writers) {
        if writer.is_some() {
            rename(&temporary(target), target)?;
            kill::point("publish.renamed");
        }
    }
    Ok(())
}

/// Reads a staged part line by line. Its size was bounded when it was written, and it is not
/// hostile, so no limit applies.
fn for_each_line(path: &Path, mut body: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let failed = |source: io::Error| Error::file("read", path, source);
    let limits = Limits { ratio_max: u64::MAX, ..Limits::default() };
    let file = File::open(path).map_err(failed)?;
    let mut reader = Reader::new(Box::new(file), &limits).map_err(failed)?;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        body(&line)?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
