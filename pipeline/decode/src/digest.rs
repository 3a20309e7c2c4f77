//! Do the bytes of a record have the digest that the archive states?
//!
//! If they do not, the bytes are not those that the crawler wrote, by accident or on purpose.
//! Whoever changes an archive with care changes its digests too, so a digest that holds proves
//! nothing.
//!
//! Writers do not agree on what a payload is. So a digest holds if it is that of the block, of the
//! body as it was sent, of the body without its chunks, or of the body without its content
//! encodings. Nothing is compared for a record that the crawler has cut (`WARC-Truncated`), for a
//! segment of a longer record, and where the algorithm is none of MD5, SHA-1, SHA-256 and SHA-512.
//!
//! **Cost** one pass over the block, some 1 GB/s. The other forms of the payload are read only if
//! the block does not match.

use connectors::source::ArchiveHeader;
use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use md5::Md5;
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// A digest that an archive states and its bytes do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestMismatch {
    /// The digest of the whole block.
    Block,
    /// The digest of the payload, which is the HTTP body.
    Payload,
}

/// A digest as an archive states it.
struct StatedDigest {
    algorithm: DigestAlgorithm,
    digest: Vec<u8>,
}

#[derive(Clone, Copy)]
enum DigestAlgorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl DigestAlgorithm {
    fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().replace('-', "").as_str() {
            "md5" => Some(Self::Md5),
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl StatedDigest {
    /// Reads `sha1:` and the digest in base32 or hexadecimal digits; `None` if it is something
    /// else.
    fn parse(value: &str) -> Option<Self> {
        let (name, digits) = value.split_once(':')?;
        let algorithm = DigestAlgorithm::named(name)?;
        let digits = digits.trim().trim_end_matches('=');
        let hex = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok();
        let base32 = || BASE32_NOPAD.decode(digits.to_ascii_uppercase().as_bytes()).ok();
        let digest = hex.filter(|digest| digest.len() == algorithm.bytes()).or_else(base32)?;
        (digest.len() == algorithm.bytes()).then_some(Self { algorithm, digest })
    }

    fn is_of(&self, bytes: &[u8]) -> bool {
        self.algorithm.digest(bytes) == self.digest
    }
}

/// Returns the stated digest that the bytes of a record do not have. `payload` returns the forms of
/// its payload by number, and `None` behind the last one.
pub(super) fn differs<'a>(
    header: &ArchiveHeader,
    block: &[u8],
    payload: impl Fn(usize) -> Option<std::borrow::Cow<'a, [u8]>>,
) -> Option<DigestMismatch> {
    if header.get("WARC-Truncated").is_some() || header.get("WARC-Segment-Number").is_some() {
        return None;
    }
    let stated = |name: &str| header.get(name).and_then(StatedDigest::parse);
    let holds = |stated: &StatedDigest| stated.is_of(block) || (0..).map_while(&payload).any(|form| stated.is_of(&form));
    if stated("WARC-Block-Digest").is_some_and(|stated| !holds(&stated)) {
        Some(DigestMismatch::Block)
    } else if stated("WARC-Payload-Digest").is_some_and(|stated| !holds(&stated)) {
        Some(DigestMismatch::Payload)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use connectors::framing::warc;

    use super::*;

    fn parsed(block: &str) -> ArchiveHeader {
        warc::header(block.into())
    }

    fn check(fields: &str, block: &[u8]) -> Option<DigestMismatch> {
        differs(&parsed(&format!("WARC/1.0\r\n{fields}")), block, |form| (form == 0).then(|| b"abc".into()))
    }

    #[test]
    fn digests_are_read_in_every_form() {
        // Of "abc", by the standards' own test vectors; each once in a field of its own.
        for (value, known) in [
            ("md5:900150983cd24fb0d6963f7d28e17f72", true),
            ("sha1:A9993E364706816ABA3E25717850C26C9CD0D89D", true),
            ("sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5", true),
            ("SHA-1: vgmt4nsha2awvor6evyxqugcnsonbwe5", true),
            ("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", true),
            ("sha-256:XJ4BNP4PAHH6UQKBIDPF3LRCEOYAGYNDSYLXVHFUCD7WD4QACWWQ====", true),
            ("sha1:A9993E364706816ABA3E25717850C26C9CD0D8", false),
            ("sha1:", false),
            ("crc32:352441c2", false),
            ("abc", false),
        ] {
            for (field, differs) in
                [("WARC-Block-Digest", DigestMismatch::Block), ("WARC-Payload-Digest", DigestMismatch::Payload)]
            {
                let fields = format!("{field}: {value}\r\n");
                assert_eq!(check(&fields, b"abc"), None, "{value} of the block");
                assert_eq!(check(&fields, b"HTTP, then abc"), None, "{value} of the payload");
                let changed = |_: usize| None::<std::borrow::Cow<'static, [u8]>>;
                let header = parsed(&format!("WARC/1.0\r\n{fields}"));
                assert_eq!(super::differs(&header, b"abd", changed), known.then_some(differs), "{value} of neither");
                let cut = parsed(&format!("WARC/1.0\r\n{fields}WARC-Truncated: length\r\n"));
                assert_eq!(super::differs(&cut, b"abd", changed), None);
            }
        }
    }
}
