//! How is one gzip member after the other unpacked (RFC 1952)?

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{
    step::{UnpackError, UnpackStep},
    window::Window,
};

/// The first bytes of a member: the magic bytes, and deflate, the only method there is.
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Longest header of a member, in bytes. The standard sets no bound for name and comment.
const HEADER_BYTES_MAX: usize = 192 << 10;
/// Bytes of checksum and length behind the data.
pub(super) const TRAILER_BYTES: usize = 8;

/// Unpacks members.
pub(super) struct Gzip {
    inflate: Decompress,
    crc: Crc,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new(false), crc: Crc::new() }
    }

    /// Begins the member that is ahead.
    pub(super) fn begin(&mut self, window: &mut Window) -> Result<(), UnpackError> {
        self.inflate.reset(false);
        self.crc.reset();
        // Most headers are short. More bytes are read only for a header that goes on.
        for wanted in [64, HEADER_BYTES_MAX] {
            if let Some(length) = header_length(window.ahead(wanted)?).map_err(|why| UnpackError::Damage(why.to_owned()))? {
                window.advance(length);
                return Ok(());
            }
        }
        Err(UnpackError::Damage("the header of a gzip member does not end".to_owned()))
    }

    /// Unpacks into `out`.
    pub(super) fn run(&mut self, window: &mut Window, out: &mut [u8]) -> Result<UnpackStep, UnpackError> {
        loop {
            let input = window.ahead(1)?;
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(input, out, FlushDecompress::None);
            let status = status.map_err(|error| UnpackError::Damage(format!("data that is no deflate: {error}")))?;
            let (read, written) = ((self.inflate.total_in() - read) as usize, (self.inflate.total_out() - written) as usize);
            window.advance(read);
            self.crc.update(&out[..written]);
            if status == Status::StreamEnd {
                let flaw = self.check(window)?;
                return Ok(UnpackStep { bytes: written, ended: true, flaw });
            }
            if written > 0 {
                return Ok(UnpackStep { bytes: written, ended: false, flaw: None });
            }
            if read == 0 {
                return Err(UnpackError::Damage("the file ends within a gzip member".to_owned()));
            }
        }
    }

    /// Compares the unpacked bytes with the trailer, and returns what is wrong with them.
    fn check(&self, window: &mut Window) -> Result<Option<&'static str>, UnpackError> {
        let Some(trailer) = window.ahead(TRAILER_BYTES)?.first_chunk::<TRAILER_BYTES>().copied() else {
            return Err(UnpackError::Damage("the file ends within the checksum of a gzip member".to_owned()));
        };
        let stated = u64::from_le_bytes(trailer);
        let made = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
        window.advance(TRAILER_BYTES);
        Ok((stated != made).then_some("the checksum or length of a gzip member is not that of its data"))
    }

    /// Returns the first unpacked bytes of a member that begins with `bytes`; `None` if no member
    /// does. Forgets the member that was being unpacked.
    pub(super) fn trial<'a>(&mut self, bytes: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
        let length = header_length(bytes).ok()??;
        self.inflate.reset(false);
        self.inflate.decompress(&bytes[length..], out, FlushDecompress::None).ok()?;
        Some(&out[..self.inflate.total_out() as usize])
    }
}

/// Returns the length of the header that `bytes` begins with; `None` if it goes on behind them.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    const FLAG_CRC: u8 = 2;
    const FLAG_EXTRA: u8 = 4;
    const FLAG_NAME: u8 = 8;
    const FLAG_COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    let Some(fixed) = bytes.first_chunk::<10>() else { return Ok(None) };
    let flags = fixed[3];
    if !fixed.starts_with(&MAGIC) || flags & RESERVED != 0 {
        return Err("the header of a gzip member is damaged");
    }
    let mut at = fixed.len();
    if flags & FLAG_EXTRA != 0 {
        let Some(length) = bytes[at..].first_chunk() else { return Ok(None) };
        at += length.len() + usize::from(u16::from_le_bytes(*length));
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let Some(end) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0)) else { return Ok(None) };
            at += end + 1;
        }
    }
    at += if flags & FLAG_CRC != 0 { 2 } else { 0 };
    Ok((at <= bytes.len()).then_some(at))
}
