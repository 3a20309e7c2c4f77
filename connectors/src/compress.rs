//! What bytes does a file hold, packed or not?
//!
//! [`Reader`] reads plain, gzip (any number of members) and zstd (any number of frames) files, told apart by their first
//! bytes and not by their names. Damaged or exploding data is no I/O failure: it comes as an [`io::Error`] that carries
//! a [`Damage`], after which the file is over; resynchronisation behind a damaged gzip member is not attempted.
//!
//! **Cost** one copy of the decompressed bytes. **State** 64 KiB of each side, and at most 128 MiB of zstd window.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Chain, Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use thiserror::Error;

use crate::limits::Limits;

const BUFFER_BYTES: usize = 64 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest zstd window, as a power of two: what `zstd` itself accepts without `--long`.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Data that cannot be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Damage {
    /// Stable code: `gzip_corrupt`, `zstd_corrupt` or `decompression_bomb`.
    pub code: &'static str,
    /// What was got and what was expected.
    pub message: String,
}

impl Damage {
    /// Takes the damage out of a reader's error.
    ///
    /// # Errors
    /// The error itself, if it is a real I/O failure.
    pub fn from_error(error: io::Error) -> Result<Self, io::Error> {
        error.downcast::<Self>()
    }
}

/// Reads a file's decompressed bytes.
pub struct Reader {
    codec: Codec,
    meter: Arc<Meter>,
    ratio_max: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    produced: u64,
    damage: Option<Damage>,
}

type Input = Chain<Cursor<Vec<u8>>, BufReader<Metered>>;

enum Codec {
    Plain(Input),
    Gzip(Box<MultiGzDecoder<Input>>),
    Zstd(Box<zstd::Decoder<'static, Input>>),
}

impl Reader {
    /// Reads `inner` from its first byte on.
    ///
    /// # Errors
    /// If its first bytes cannot be read.
    pub fn new(inner: Box<dyn Read + Send>, limits: &Limits) -> io::Result<Self> {
        let meter = Arc::new(Meter::default());
        let mut input = BufReader::with_capacity(BUFFER_BYTES, Metered { inner, meter: Arc::clone(&meter) });
        // A pipe may hand over a single byte at first, so the magic is collected and put back in front.
        let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
        input.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic)?;
        let gzip = magic.starts_with(&GZIP_MAGIC);
        let zstd = magic == ZSTD_MAGIC || is_skippable_frame(&magic);
        let input = Cursor::new(magic).chain(input);
        let codec = if gzip {
            Codec::Gzip(Box::new(MultiGzDecoder::new(input)))
        } else if zstd {
            let mut decoder = zstd::Decoder::with_buffer(input)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Codec::Zstd(Box::new(decoder))
        } else {
            Codec::Plain(input)
        };
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self { codec, meter, ratio_max: limits.ratio_max, buffer, start: 0, end: 0, produced: 0, damage: None })
    }

    /// Bytes taken from the file so far, as they are on disk.
    pub fn consumed(&self) -> u64 {
        self.meter.consumed.load(Ordering::Relaxed)
    }

    /// At least `wanted` of the next bytes, not consumed; fewer at the end or before damage, which the next read says.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < wanted.min(self.buffer.len()) {
            let before = self.end;
            if let Err(error) = self.refill() {
                Damage::from_error(error)?;
            }
            if self.end == before {
                break;
            }
        }
        Ok(&self.buffer[..self.end])
    }

    /// Reads more behind what is there; nothing at the end.
    fn refill(&mut self) -> io::Result<()> {
        if let Some(damage) = &self.damage {
            return Err(io::Error::new(io::ErrorKind::InvalidData, damage.clone()));
        }
        let free = &mut self.buffer[self.end..];
        let read = match &mut self.codec {
            Codec::Plain(input) => input.read(free),
            Codec::Gzip(decoder) => decoder.read(free),
            Codec::Zstd(decoder) => decoder.read(free),
        };
        match read {
            Ok(count) => {
                self.end += count;
                self.produced += count as u64;
                self.damage = self.bomb();
                Ok(())
            }
            Err(error) if self.meter.failed.load(Ordering::Relaxed) => Err(error),
            Err(error) => {
                self.damage = Some(self.corrupt(&error));
                self.refill()
            }
        }
    }

    fn bomb(&self) -> Option<Damage> {
        let consumed = self.consumed();
        let packed = !matches!(self.codec, Codec::Plain(_));
        let over = self.produced > Limits::RATIO_FREE_BYTES && self.produced > consumed.saturating_mul(self.ratio_max);
        (packed && over).then(|| Damage {
            code: "decompression_bomb",
            message: format!(
                "{consumed} compressed bytes gave {} bytes, expected at most {} for each",
                self.produced, self.ratio_max
            ),
        })
    }

    fn corrupt(&self, error: &io::Error) -> Damage {
        let code = if matches!(self.codec, Codec::Gzip(_)) { "gzip_corrupt" } else { "zstd_corrupt" };
        let consumed = self.consumed();
        Damage { code, message: format!("{error}, within the first {consumed} compressed bytes; the rest of the file is lost") }
    }
}

/// Files of several zstd frames may begin with a frame of metadata.
fn is_skippable_frame(magic: &[u8]) -> bool {
    matches!(magic, [low, 0x2a, 0x4d, 0x18] if low & 0xf0 == 0x50)
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.refill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.end.min(self.start + amount);
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("consumed", &self.consumed()).field("produced", &self.produced).finish_non_exhaustive()
    }
}

/// What the decoders, which own the file, have taken from it.
#[derive(Default)]
struct Meter {
    consumed: AtomicU64,
    /// Whether the file itself failed: the decoders' own errors are of the same type.
    failed: AtomicBool,
}

struct Metered {
    inner: Box<dyn Read + Send>,
    meter: Arc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(out) {
                Ok(count) => {
                    self.meter.consumed.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.meter.failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).expect("in memory")
    }

    fn unpack(packed: Vec<u8>, limits: &Limits) -> (Vec<u8>, Option<Damage>, u64) {
        let mut reader = Reader::new(Box::new(Cursor::new(packed)), limits).expect("in memory");
        let mut bytes = Vec::new();
        let damage = reader.read_to_end(&mut bytes).err().map(|error| Damage::from_error(error).expect("damage"));
        (bytes, damage, reader.consumed())
    }

    #[test]
    fn kinds_are_told_apart_by_their_first_bytes() {
        let (first, second) = (b"one line\n".repeat(9000), b"another\n".repeat(5));
        let whole = [first.clone(), second.clone()].concat();
        let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9][..], &zstd_frame(&whole)].concat();
        let cases = [
            ("plain", whole.clone()),
            ("gzip members", [gzip(&first), gzip(b""), gzip(&second)].concat()),
            ("zstd frames", [zstd_frame(&first), zstd_frame(&second)].concat()),
            ("zstd with metadata", skippable),
        ];
        for (name, packed) in cases {
            let length = packed.len() as u64;
            assert_eq!(unpack(packed, &Limits::default()), (whole.clone(), None, length), "{name}");
        }
        // The magic is put back as a chunk of its own, which must not be all that is seen.
        let mut reader = Reader::new(Box::new(Cursor::new(b"WARC/1.0 and more")), &Limits::default()).expect("in memory");
        assert_eq!(reader.peek(12).expect("in memory"), b"WARC/1.0 and more");
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("in memory");
        assert_eq!(rest, b"WARC/1.0 and more");
        for short in [&b""[..], b"{", b"{}\n"] {
            assert_eq!(unpack(short.to_vec(), &Limits::default()).0, short);
        }
    }

    #[test]
    fn damage_ends_the_file_with_its_code() {
        let text: Vec<u8> = (0..90_000_u32).flat_map(|i| format!("{}\n", i.wrapping_mul(2_654_435_761)).into_bytes()).collect();
        for (code, packed) in [("gzip_corrupt", gzip(&text)), ("zstd_corrupt", zstd_frame(&text))] {
            let (bytes, damage, _) = unpack(packed[..packed.len() / 2].to_vec(), &Limits::default());
            assert_eq!(damage.expect("truncated").code, code);
            assert!(text.starts_with(&bytes) && bytes.len() > text.len() / 4);

            let mut flipped = packed;
            let last = flipped.len() - 6; // in the checksum for gzip, in the last block for zstd
            flipped[last] ^= 0x40;
            let (_, damage, _) = unpack(flipped, &Limits::default());
            assert!(code == "zstd_corrupt" || damage.expect("checksum").code == code);
        }
    }

    #[test]
    fn a_bomb_is_cut_where_the_ratio_passes_the_limit() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let limits = Limits { ratio_max: 100, ..Limits::default() };
        let (bytes, damage, _) = unpack(bomb.clone(), &limits);
        assert_eq!(damage.expect("bomb").code, "decompression_bomb");
        assert!(bytes.len() as u64 <= Limits::RATIO_FREE_BYTES + BUFFER_BYTES as u64, "got {} bytes", bytes.len());
        // A plain file of the same bytes is none.
        assert_eq!(unpack(vec![0; 17 << 20], &Limits { ratio_max: 0, ..limits }).1, None);
    }

    #[test]
    fn a_failing_disk_is_an_error_and_no_damage() {
        struct Failing(usize);
        impl Read for Failing {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(io::ErrorKind::Interrupted.into()),
                    2 => (&gzip(b"text")[..15]).read(out),
                    _ => Err(io::Error::new(io::ErrorKind::InvalidData, "sector")),
                }
            }
        }
        let mut reader = Reader::new(Box::new(Failing(0)), &Limits::default()).expect("magic is read");
        let error = reader.read_to_end(&mut Vec::new()).expect_err("disk fails");
        assert_eq!(Damage::from_error(error).expect_err("no damage").to_string(), "sector");
    }

    proptest! {
        #[test]
        fn any_bytes_end(head in 0_usize..4, tail in proptest::collection::vec(any::<u8>(), 0..600)) {
            let heads: [&[u8]; 4] = [b"", &[0x1f, 0x8b, 8], &ZSTD_MAGIC, &[0x50, 0x2a, 0x4d, 0x18]];
            unpack([heads[head], &tail].concat(), &Limits::default());
        }
    }
}
