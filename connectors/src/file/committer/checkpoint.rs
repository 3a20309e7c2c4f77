//! How long was every output file at a checkpoint?
//!
//! A checkpoint is text: a line with the version, one with the options, and one for each channel.

use std::fmt::Write;

use super::options::FileOptions;
use crate::{committer::Channel, compression::Compression, error::Error};

const VERSION_LINE: &str = "weir-files 1";

/// How far one output was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputCheckpoint {
    /// Index of the part being written; the parts before it are complete. 0 for files that have no
    /// parts.
    pub part: u64,
    /// Records in that part.
    pub records: u64,
    /// Bytes of that part on disk.
    pub bytes: u64,
}

/// A point that file outputs can be brought back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCheckpoint {
    /// The options the outputs were written with. Going on with others would not give the same
    /// bytes.
    pub options: FileOptions,
    /// One entry for each of [`Channel::ALL`].
    pub outputs: Vec<OutputCheckpoint>,
}

impl FileCheckpoint {
    /// Returns the checkpoint before anything was written.
    pub(super) fn beginning(options: FileOptions) -> Self {
        Self { options, outputs: vec![OutputCheckpoint::default(); Channel::ALL.len()] }
    }

    /// Returns the records of a channel up to here, in all its parts.
    #[must_use]
    pub fn records(&self, channel: Channel) -> u64 {
        let output = self.outputs.get(channel as usize).copied().unwrap_or_default();
        output.part * self.options.part_records + output.records
    }

    /// Returns the bytes of a channel that has no parts, up to here.
    #[must_use]
    pub fn bytes(&self, channel: Channel) -> u64 {
        self.outputs.get(channel as usize).map_or(0, |output| output.bytes)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let FileOptions { compression, part_records, corpus } = self.options;
        let mut text = format!("{VERSION_LINE}\n{} {part_records} {corpus}\n", compression.name());
        for (channel, output) in Channel::ALL.iter().zip(&self.outputs) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {} {} {}", channel.name(), output.part, output.records, output.bytes);
        }
        text.into_bytes()
    }

    /// Reads a checkpoint back.
    ///
    /// # Errors
    /// [`Error::Refused`] if the bytes are not a checkpoint of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let refused = || {
            let got = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
            Error::Refused(format!(
                "checkpoint of file outputs: got {got:?}, expected {VERSION_LINE:?} and the lengths of all outputs"
            ))
        };
        str::from_utf8(bytes).ok().and_then(Self::parse).ok_or_else(refused)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != VERSION_LINE {
            return None;
        }
        let mut words = lines.next()?.split(' ');
        let name = words.next()?;
        let compression = [Compression::None, Compression::Gzip, Compression::Zstd].into_iter().find(|one| one.name() == name)?;
        let options = FileOptions { compression, part_records: words.next()?.parse().ok()?, corpus: words.next()?.parse().ok()? };
        let mut outputs = Vec::new();
        for channel in Channel::ALL {
            let numbers = lines.next()?.strip_prefix(channel.name())?.strip_prefix(' ')?;
            let mut numbers = numbers.split(' ').map(|number| number.parse::<u64>().ok());
            outputs.push(OutputCheckpoint { part: numbers.next()??, records: numbers.next()??, bytes: numbers.next()?? });
        }
        lines.next().is_none().then_some(Self { options, outputs })
    }

    pub(super) fn check(&self, options: FileOptions) -> Result<(), Error> {
        if self.options == options {
            return Ok(());
        }
        Err(Error::Refused(format!("outputs were begun with {:?}, got {options:?}: expected the same", self.options)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        let mut checkpoint =
            FileCheckpoint::beginning(FileOptions { compression: Compression::Zstd, part_records: 7, corpus: false });
        checkpoint.outputs[1] = OutputCheckpoint { part: 3, records: 2, bytes: u64::MAX };
        let bytes = checkpoint.encode();
        assert_eq!(FileCheckpoint::decode(&bytes).expect("valid"), checkpoint);
        assert_eq!(checkpoint.records(Channel::Quarantine), 23);
        for cut in 0..bytes.len() - 1 {
            // Cut inside the last number a checkpoint still parses; the snapshot's checksum is there for that.
            let whole_lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            assert!(FileCheckpoint::decode(&bytes[..cut]).is_err() || whole_lines == Channel::ALL.len() + 1, "cut at {cut}");
        }
        assert!(FileCheckpoint::decode(&[0xff, 0]).is_err());
        assert!(FileCheckpoint::decode(&[&bytes[..], b"more 1 2 3\n"].concat()).is_err());
        assert!(checkpoint.check(FileOptions::default()).is_err());
    }
}
