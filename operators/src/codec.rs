//! How is state written that survives a restart? As little-endian bytes. Every read is bounded: a
//! torn or hostile file gives [`Corrupt`], never a panic or a huge allocation.

use thiserror::Error;

/// The bytes are not what was written.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("corrupt state: {what} at byte {at}")]
pub struct Corrupt {
    /// What was expected.
    pub what: &'static str,
    /// Offset in the section.
    pub at: usize,
}

/// Appends numbers, texts and lists to a buffer.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The bytes written so far.
    pub bytes: Vec<u8>,
}

impl Encoder {
    /// Writes one byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Writes two bytes.
    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes four bytes.
    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes a number in eight bytes, as IEEE 754 says.
    pub fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// Writes a length and so many bytes.
    pub fn slice(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes the length of a text and the text.
    pub fn str(&mut self, text: &str) {
        self.slice(text.as_bytes());
    }

    /// Writes how many numbers there are, and the numbers.
    pub fn u32s(&mut self, numbers: &[u32]) {
        self.u64(numbers.len() as u64);
        self.bytes.reserve(numbers.len() * 4);
        for &n in numbers {
            self.u32(n);
        }
    }

    /// Writes how many numbers there are, and the numbers.
    pub fn u64s(&mut self, numbers: &[u64]) {
        self.u64(numbers.len() as u64);
        self.bytes.reserve(numbers.len() * 8);
        for &n in numbers {
            self.u64(n);
        }
    }
}

/// Reads what [`Encoder`] wrote.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder that reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The error for bytes at the current offset that are not `what`.
    #[must_use]
    pub fn corrupt(&self, what: &'static str) -> Corrupt {
        Corrupt { what, at: self.at }
    }

    fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Corrupt> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len()).ok_or(Corrupt { what, at: self.at })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Corrupt> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// At the end of the bytes, as all readers here.
    pub fn u8(&mut self) -> Result<u8, Corrupt> {
        Ok(self.array::<1>("a byte")?[0])
    }

    /// Reads two bytes.
    ///
    /// # Errors
    /// At the end of the bytes.
    pub fn u16(&mut self) -> Result<u16, Corrupt> {
        self.array("two bytes").map(u16::from_le_bytes)
    }

    /// Reads four bytes.
    ///
    /// # Errors
    /// At the end of the bytes.
    pub fn u32(&mut self) -> Result<u32, Corrupt> {
        self.array("four bytes").map(u32::from_le_bytes)
    }

    /// Reads eight bytes.
    ///
    /// # Errors
    /// At the end of the bytes.
    pub fn u64(&mut self) -> Result<u64, Corrupt> {
        self.array("eight bytes").map(u64::from_le_bytes)
    }

    /// Reads a number of eight bytes, as IEEE 754 says.
    ///
    /// # Errors
    /// At the end of the bytes.
    pub fn f64(&mut self) -> Result<f64, Corrupt> {
        self.u64().map(f64::from_bits)
    }

    /// Reads the length of a list whose items have at least `each` bytes.
    ///
    /// # Errors
    /// If the remaining bytes cannot hold so many items.
    pub fn len(&mut self, each: usize) -> Result<usize, Corrupt> {
        let n = self.u64()?;
        let room = (self.bytes.len() - self.at) / each.max(1);
        usize::try_from(n).ok().filter(|&n| n <= room).ok_or(self.corrupt("a length within the bytes"))
    }

    /// Reads `n` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Corrupt> {
        self.take(n, "bytes")
    }

    /// Reads a length and so many bytes.
    ///
    /// # Errors
    /// If the length is beyond the end.
    pub fn slice(&mut self) -> Result<&'a [u8], Corrupt> {
        let n = self.len(1)?;
        self.take(n, "bytes")
    }

    /// Reads a length and so many bytes of UTF-8 text.
    ///
    /// # Errors
    /// If the length is beyond the end or the bytes are no UTF-8.
    pub fn str(&mut self) -> Result<&'a str, Corrupt> {
        let at = self.at;
        std::str::from_utf8(self.slice()?).map_err(|_| Corrupt { what: "UTF-8 text", at })
    }

    /// Reads how many numbers there are, and the numbers.
    ///
    /// # Errors
    /// If the length is beyond the end.
    pub fn u32s(&mut self) -> Result<Vec<u32>, Corrupt> {
        let n = self.len(4)?;
        let bytes = self.take(n * 4, "numbers")?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|c| u32::from_le_bytes(*c)).collect())
    }

    /// Reads how many numbers there are, and the numbers.
    ///
    /// # Errors
    /// If the length is beyond the end.
    pub fn u64s(&mut self) -> Result<Vec<u64>, Corrupt> {
        let n = self.len(8)?;
        let bytes = self.take(n * 8, "numbers")?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c)).collect())
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// If bytes are left over.
    pub fn end(&self) -> Result<(), Corrupt> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.corrupt("the end")) }
    }
}
