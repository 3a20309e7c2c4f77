//! How is a background written? In sections, with a digest of everything.
//!
//! ```text
//! "weirbg" version:u16 rules:u64             16 bytes; the rules that words are cut by
//! sections: count:u8, then each  raw_len:u64, packed_len:u64, packed bytes (zstd level 1)
//! blake3 of everything before                32 bytes
//! ```
//!
//! Any bytes may be loaded: that never panics, and needs at most [`SECTION_MAX`] bytes for each
//! section beside the result.

use std::io::Read;

use thiserror::Error;

use super::{
    model::{Background, BackgroundOrigin},
    word_order::WordOrder,
};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    table::{Bloom, LogSketch},
    text::{Language, Seed, Tokenizer},
    usage::{Sample, Words},
};

const MAGIC: &[u8; 6] = b"weirbg";
const VERSION: u16 = 5;
const DIGEST: usize = 32;
const HEADER: usize = 17;
/// Most bytes of an unpacked section.
const SECTION_MAX: u64 = 1 << 30;
const SECTIONS: [&str; 5] = ["figures", "words", "n-grams", "pairs", "sample"];

/// Why bytes cannot be loaded as a background.
#[derive(Debug, Error)]
pub enum LoadError {
    /// They are too short, or of another kind of file.
    #[error("not a background: got {got} bytes that do not begin with \"weirbg\"")]
    NotABackground {
        /// Number of bytes.
        got: usize,
    },
    /// Another version has written them.
    #[error("background of version {got}, expected {VERSION}: learn it again")]
    Version {
        /// Its number.
        got: u16,
    },
    /// It was learned from words that other rules or dictionaries have cut.
    #[error("background of other rules for words, got {got:016x}, expected {expected:016x}: learn it again")]
    Rules {
        /// Its rules.
        got: u64,
        /// The rules of this program.
        expected: u64,
    },
    /// They are torn or altered.
    #[error("background is damaged: its bytes have the digest {got}, expected {expected}")]
    Checksum {
        /// Digest of the bytes.
        got: String,
        /// The digest that they state.
        expected: String,
    },
    /// A section does not unpack.
    #[error("background section \"{section}\" does not unpack: {message}")]
    Packed {
        /// Which one.
        section: &'static str,
        /// What went wrong.
        message: String,
    },
    /// A section does not hold what it should.
    #[error("background section \"{section}\": {source}")]
    Section {
        /// Which one.
        section: &'static str,
        /// What was expected where.
        source: Corrupt,
    },
}

impl Background {
    /// A background of no documents, from which a run without a background starts.
    #[must_use]
    pub fn empty(seed: Seed) -> Self {
        Self::blank(seed).sealed()
    }

    /// Writes the background. Equal backgrounds give equal bytes.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&Tokenizer::rules().to_le_bytes());
        out.push(SECTIONS.len() as u8);
        let write = [
            Self::save_figures as fn(&Self, &mut Encoder),
            |b, e| b.words.save(e),
            |b, e| b.ngrams.save(e),
            |b, e| b.pairs.save(e),
            |b, e| b.sample.save(e),
        ];
        for section in write {
            let mut raw = Encoder::default();
            section(self, &mut raw);
            let packed = pack(&raw.bytes);
            out.extend_from_slice(&(raw.bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(&(packed.len() as u64).to_le_bytes());
            out.extend_from_slice(&packed);
        }
        let digest = blake3::hash(&out);
        out.extend_from_slice(digest.as_bytes());
        out
    }

    /// The background with the digest of its saved bytes.
    pub(super) fn sealed(mut self) -> Self {
        let bytes = self.save();
        self.digest.copy_from_slice(&bytes[bytes.len() - DIGEST..]);
        self
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn load(bytes: &[u8]) -> Result<Self, LoadError> {
        if bytes.len() < HEADER + DIGEST || !bytes.starts_with(MAGIC) {
            return Err(LoadError::NotABackground { got: bytes.len() });
        }
        let version = u16::from_le_bytes([bytes[6], bytes[7]]);
        if version != VERSION {
            return Err(LoadError::Version { got: version });
        }
        let (body, digest) = bytes.split_at(bytes.len() - DIGEST);
        let (got, mut expected) = (blake3::hash(body), [0; DIGEST]);
        expected.copy_from_slice(digest);
        let expected = blake3::Hash::from_bytes(expected);
        if got != expected {
            return Err(LoadError::Checksum { got: got.to_hex().to_string(), expected: expected.to_hex().to_string() });
        }
        let mut from = Decoder::new(&body[MAGIC.len() + size_of_val(&VERSION)..]);
        let at = |section| move |source| LoadError::Section { section, source };
        let (got, expected_rules) = (from.u64().map_err(at("header"))?, Tokenizer::rules());
        if got != expected_rules {
            return Err(LoadError::Rules { got, expected: expected_rules });
        }
        let mut sections = Vec::new();
        if usize::from(from.u8().map_err(at("header"))?) != SECTIONS.len() {
            return Err(LoadError::Section { section: "header", source: from.corrupt("five sections") });
        }
        for section in SECTIONS {
            let raw = from.u64().map_err(at(section))?;
            let packed = from.slice().map_err(at(section))?;
            sections.push(unpack(packed, raw).map_err(|message| LoadError::Packed { section, message })?);
        }
        from.end().map_err(at("end"))?;
        let mut background = Self::load_figures(&mut Decoder::new(&sections[0])).map_err(at("figures"))?;
        let documents = background.documents;
        background.words = whole(&sections[1], |d| Words::load(d, documents)).map_err(at("words"))?;
        background.ngrams = whole(&sections[2], LogSketch::load).map_err(at("n-grams"))?;
        background.pairs = whole(&sections[3], Bloom::load).map_err(at("pairs"))?;
        background.sample = whole(&sections[4], Sample::load).map_err(at("sample"))?;
        background.digest = *expected.as_bytes();
        Ok(background)
    }

    fn save_figures(&self, out: &mut Encoder) {
        out.u64(self.seed.0);
        out.u8(u8::from(self.origin == BackgroundOrigin::Own));
        out.u32(self.documents);
        out.u64(self.languages.len() as u64);
        for (language, documents) in &self.languages {
            out.u8(language.index());
            out.u32(*documents);
        }
        out.u64s(&self.publishers);
        out.u64s(&self.boilerplate);
        out.u64(self.platforms.len() as u64);
        self.platforms.iter().for_each(|p| out.str(p));
        self.word_order.save(out);
    }

    fn load_figures(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut b = Self::blank(Seed(from.u64()?));
        b.origin = if from.u8()? == 0 { BackgroundOrigin::Trusted } else { BackgroundOrigin::Own };
        b.documents = from.u32()?;
        for _ in 0..from.len(5)? {
            let language = Language::from_index(from.u8()?).ok_or_else(|| from.corrupt("a known language"))?;
            b.languages.insert(language, from.u32()?);
        }
        (b.publishers, b.boilerplate) = (from.u64s()?, from.u64s()?);
        if !b.publishers.is_sorted() || !b.boilerplate.is_sorted() {
            return Err(from.corrupt("keys in order"));
        }
        for _ in 0..from.len(8)? {
            b.platforms.insert(from.str()?.to_owned());
        }
        b.word_order = WordOrder::load(from)?;
        from.end()?;
        Ok(b)
    }
}

fn whole<T>(bytes: &[u8], load: impl FnOnce(&mut Decoder<'_>) -> Result<T, Corrupt>) -> Result<T, Corrupt> {
    let mut from = Decoder::new(bytes);
    let value = load(&mut from)?;
    from.end()?;
    Ok(value)
}

/// Packs by zstd, which cannot fail in memory. If it did, the section would be empty, and loading
/// would say so.
fn pack(raw: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(raw, 1).unwrap_or_default()
}

fn unpack(packed: &[u8], raw: u64) -> Result<Vec<u8>, String> {
    if raw > SECTION_MAX {
        return Err(format!("it states {raw} bytes, at most {SECTION_MAX} are allowed"));
    }
    let reader = zstd::stream::read::Decoder::with_buffer(packed).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    // One byte more than stated, so that a longer section is noticed and not silently cut.
    reader.take(raw + 1).read_to_end(&mut out).map_err(|e| e.to_string())?;
    if out.len() as u64 == raw { Ok(out) } else { Err(format!("it has {} bytes or more, {raw} were stated", out.len())) }
}
