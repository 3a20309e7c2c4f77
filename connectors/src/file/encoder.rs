//! How are records appended to a file in compression frames?
//!
//! A frame (a gzip member or zstd frame) is closed on demand and never depends on what stands
//! before it. So a file that is truncated at a frame's end and written on has the bytes of an
//! undisturbed run.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::write::GzEncoder;

use crate::{compression::Compression, error::Error};

/// Bytes that are collected before they are written to the file.
const BUFFER_BYTES: usize = 256 << 10;
/// The default levels of the programs `gzip` and `zstd`.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

/// Writes frames to one file.
pub(super) struct FrameWriter {
    file: File,
    path: PathBuf,
    compression: Compression,
    frame: OpenFrame,
    bytes: u64,
}

/// The open frame, and those of its bytes that are not in the file yet. Dropping it writes nothing.
enum OpenFrame {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
}

impl OpenFrame {
    fn begin(compression: Compression, buffer: Vec<u8>) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(buffer),
            Compression::Gzip => Self::Gzip(GzEncoder::new(buffer, flate2::Compression::new(GZIP_LEVEL))),
            Compression::Zstd => Self::Zstd(zstd::Encoder::new(buffer, ZSTD_LEVEL)?),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(buffer) => buffer.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(buffer) => buffer,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(buffer) => Ok(buffer),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl FrameWriter {
    /// Appends to `file`, which holds `bytes` bytes.
    pub(super) fn new(file: File, path: PathBuf, compression: Compression, bytes: u64) -> Self {
        // No frame is open until something is written, so a file never holds an empty one.
        Self { file, path, compression, frame: OpenFrame::Plain(Vec::new()), bytes }
    }

    /// Creates `path`, and drops what was there.
    pub(super) fn create(path: &Path, compression: Compression) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::file("create", path, source))?;
        Ok(Self::new(file, path.to_owned(), compression, 0))
    }

    /// Appends `bytes` to the open frame, or to a new one if none is open.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.try_write(bytes).map_err(|source| Error::file("write", &self.path, source))
    }

    /// Appends lines. The first one begins in `lines` at `begin`, and each ends at one of `ends`.
    pub(super) fn write_lines(&mut self, lines: &[u8], begin: usize, ends: &[usize]) -> Result<(), Error> {
        let whole = &lines[begin..ends.last().copied().unwrap_or(begin)];
        if self.compression == Compression::None && whole.len() >= BUFFER_BYTES {
            // They need not be collected.
            let written = self.drain().and_then(|()| self.file.write_all(whole));
            self.bytes += whole.len() as u64;
            return written.map_err(|source| Error::file("write", &self.path, source));
        }
        // Compressed line by line, so that the frame does not depend on how many lines come at once.
        let begins = std::iter::once(begin).chain(ends.iter().copied());
        begins.zip(ends).try_for_each(|(begin, &end)| self.write(&lines[begin..end]))
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let OpenFrame::Plain(buffer) = &mut self.frame
            && self.compression != Compression::None
        {
            let buffer = std::mem::take(buffer);
            self.frame = OpenFrame::begin(self.compression, buffer)?;
        }
        self.frame.write(bytes)?;
        if self.frame.buffer().len() >= BUFFER_BYTES {
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        let buffer = self.frame.buffer();
        self.file.write_all(buffer)?;
        self.bytes += buffer.len() as u64;
        buffer.clear();
        Ok(())
    }

    /// Closes the open frame. Afterwards the file holds everything that was written.
    pub(super) fn finish_frame(&mut self) -> Result<(), Error> {
        let finish = |writer: &mut Self| {
            let frame = std::mem::replace(&mut writer.frame, OpenFrame::Plain(Vec::new()));
            writer.frame = OpenFrame::Plain(frame.finish()?);
            writer.drain()
        };
        finish(self).map_err(|source| Error::file("write", &self.path, source))
    }

    /// Makes the bytes of the file durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|source| Error::file("sync", &self.path, source))
    }

    /// Returns the length of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::{compress::Reader, limits::Limits};

    #[test]
    fn frames_are_independent_and_counted() {
        let folder = tempfile::tempdir().expect("temporary folder");
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let path = folder.path().join(compression.name());
            let mut writer = FrameWriter::create(&path, compression).expect("created");
            let mut expected = Vec::new();
            for frame in 0..3 {
                for line in 0..20_000_u32 {
                    let line = format!("{frame} {}\n", line.wrapping_mul(2_654_435_761));
                    writer.write(line.as_bytes()).expect("written");
                    expected.extend_from_slice(line.as_bytes());
                }
                writer.finish_frame().expect("finished");
                writer.finish_frame().expect("an empty frame is none");
                assert_eq!(writer.bytes(), path.metadata().expect("there").len());
            }
            let mut got = Vec::new();
            let mut reader = Reader::new(Box::new(File::open(&path).expect("there")), &Limits::default()).expect("readable");
            reader.read_to_end(&mut got).expect("whole");
            assert!(got == expected, "{compression:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_its_path() {
        let full = File::options().write(true).open("/dev/full").expect("there");
        let mut writer = FrameWriter::new(full, "/dev/full".into(), Compression::Gzip, 0);
        writer.write(b"text").expect("buffered");
        let error = writer.finish_frame().expect_err("full").to_string();
        assert!(error.starts_with("write /dev/full: No space left"), "{error}");
    }
}
