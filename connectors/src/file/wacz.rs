//! Which archives are in a WACZ, and where do they lie?
//!
//! A WACZ is a zip with archives in `archive/`, beside indexes and a list of pages. Each archive is
//! an input file of its own, named by the WACZ and its name in it, so positions and restarts are
//! those of any other file. Only the directory of the zip is read, entry by entry. Archives are
//! read where they lie, stored or deflated.
//!
//! A zip without a sound directory (the file is cut off, two entries lie over the same bytes, there
//! are too many entries) is read as a file of gzip members among garbage, which it is:
//! [`crate::compress::Reader`] finds those members.
//!
//! The checksums of the zip are not checked, because archives have their own.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Take},
    path::Path,
};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipFileHeaderRecord};

use super::input_format::format_by_name;
use crate::{
    compress::{Damage, Stretch, ZIP_MAGIC},
    framing::Format,
    limits::Limits,
};

/// The folder in a WACZ that holds the archives.
const FOLDER: &str = "archive/";
/// Longest name of an archive. Names are bounded because they are kept for every file.
const NAME_BYTES_MAX: usize = 1 << 10;

/// An archive within a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ZipArchiveEntry {
    /// Its name in the zip.
    pub name: String,
    /// Where it lies in the zip.
    pub location: ZipLocation,
    /// The format that its name stands for.
    pub format: Format,
}

/// Where an archive lies in a zip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZipLocation {
    /// Its bytes in the zip.
    pub stretch: Stretch,
    /// Whether these bytes are deflated.
    pub deflated: bool,
}

/// Returns the archives in a zip, in the order of its directory; `None` if the file is not a zip,
/// or has no sound directory.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn archives_of(path: &Path) -> io::Result<Option<Vec<ZipArchiveEntry>>> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    file.by_ref().take(ZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
    if magic != ZIP_MAGIC {
        return Ok(None);
    }
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let zip = match ZipArchive::from_file(file, &mut buffer) {
        Ok(zip) => zip,
        Err(error) => return unreadable(&error),
    };
    let mut found = Vec::new();
    let mut entries = zip.entries(&mut buffer);
    for _ in 0..Limits::ZIP_ENTRIES_MAX {
        match entries.next_entry() {
            Ok(Some(entry)) => match inner(&zip, &entry) {
                Ok(inner) => found.extend(inner),
                Err(error) => return unreadable(&error),
            },
            Ok(None) => return Ok(separate(&found).then_some(found)),
            Err(error) => return unreadable(&error),
        }
    }
    Ok(None)
}

/// Tells a zip that is not sound, which is data, from a disk that fails, which is an error.
fn unreadable(error: &rawzip::Error) -> io::Result<Option<Vec<ZipArchiveEntry>>> {
    match error.kind() {
        rawzip::ErrorKind::IO(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(io::Error::new(error.kind(), error.to_string()))
        }
        _ => Ok(None),
    }
}

/// Returns the archive that an entry holds, if it holds one.
fn inner(zip: &ZipArchive<FileReader>, entry: &ZipFileHeaderRecord<'_>) -> Result<Option<ZipArchiveEntry>, rawzip::Error> {
    let path = entry.file_path();
    let name = path.as_bytes();
    let (Ok(name), false) = (std::str::from_utf8(name), name.len() > NAME_BYTES_MAX) else { return Ok(None) };
    let format = format_by_name(name).filter(|format| matches!(format, Format::Warc | Format::Arc));
    let (Some(format), true) = (format, name.starts_with(FOLDER)) else { return Ok(None) };
    let deflated = match entry.compression_method() {
        CompressionMethod::STORE => false,
        CompressionMethod::DEFLATE => true,
        _ => return Ok(None),
    };
    let (begin, end) = zip.get_entry(entry.wayfinder())?.compressed_data_range();
    let stretch = Stretch { offset: begin, length: end.saturating_sub(begin) };
    Ok(Some(ZipArchiveEntry { name: name.to_owned(), location: ZipLocation { stretch, deflated }, format }))
}

/// Tells whether no two archives lie over the same bytes. Many archives over the same bytes are a
/// bomb.
fn separate(found: &[ZipArchiveEntry]) -> bool {
    let mut stretches: Vec<Stretch> = found.iter().map(|entry| entry.location.stretch).collect();
    stretches.sort_unstable_by_key(|stretch| (stretch.offset, stretch.length));
    stretches.windows(2).all(|pair| pair[0].offset.saturating_add(pair[0].length) <= pair[1].offset)
}

/// Opens an archive within a zip.
pub(super) fn open(path: &Path, location: ZipLocation) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(location.stretch.offset))?;
    let bytes = file.take(location.stretch.length);
    Ok(if location.deflated { Box::new(Deflated::new(bytes, location.stretch)) } else { Box::new(bytes) })
}

/// Reads an archive that is deflated in its zip. Bytes that cannot be inflated are damage, and end
/// it.
struct Deflated {
    decoder: DeflateDecoder<Take<File>>,
    stretch: Stretch,
    ended: bool,
}

impl Deflated {
    fn new(bytes: Take<File>, stretch: Stretch) -> Self {
        Self { decoder: DeflateDecoder::new(bytes), stretch, ended: false }
    }

    fn end(&mut self, code: &'static str, message: String) -> io::Error {
        self.ended = true;
        Damage { code, message, stretch: self.stretch }.into()
    }
}

impl Read for Deflated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (packed, made) = (self.decoder.total_in(), self.decoder.total_out());
        // The archive is compressed itself, so its ratio stays far below any bound for text.
        if made > Limits::RATIO_FREE_BYTES && made > packed.saturating_mul(Limits::default().ratio_max) {
            return Err(self.end("decompression_bomb", format!("{packed} bytes of a zip's entry gave {made} bytes")));
        }
        match self.decoder.read(out) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
                ) =>
            {
                Err(self.end("zip_corrupt", format!("an entry of a zip that is no deflate near its byte {packed}: {error}")))
            }
            read => read,
        }
    }
}

#[cfg(test)]
mod tests;
