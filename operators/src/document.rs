//! A document as operators see it: its identity, who published it, and the features computed once from its text.

use serde::Serialize;

use crate::text::{Token, Tokens};

/// A document's place in reading order, over all dumps that share a state. At most 2^32 - 1 documents a state; the
/// engine refuses to go beyond.
pub type Ordinal = u32;

/// Who speaks: the smallest publisher that one person is assumed to control. The registrable domain, or the account on
/// hosts that many people share; a file or source where a record has no URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// Canonical lower-case name, such as `example.org` or `github.com/someone`.
    pub name: Box<str>,
    /// Keyed hash of `name`.
    pub key: u64,
    /// Keyed hash of the host alone: pages of one host share a template, also where accounts are units.
    pub host: u64,
}

/// Features of one document. Pure: a function of the record, the config and the hash seed.
#[derive(Clone, Debug)]
pub struct Document {
    /// Publisher.
    pub unit: Unit,
    /// Address, empty where the record has none.
    pub url: Box<str>,
    /// The text as decoded: what a trainer would see.
    pub text: Box<str>,
    /// Matching tokens of `text` (case folded, digits masked), cut at the stated maximum.
    pub tokens: Tokens,
    /// blake3 of the normalised text, digits not masked, first 128 bits. The exact-duplicate key.
    pub digest: [u8; 16],
    /// Seconds since 1970 at which the record says it was fetched.
    pub time: Option<i64>,
    /// Which digest its record states that its bytes do not have.
    pub differs: Option<Differs>,
}

/// A digest that an archive states and its bytes do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Differs {
    /// That of the whole block.
    Block,
    /// That of the payload, which is the HTTP body.
    Payload,
}

impl Document {
    /// The matching tokens, shorthand for `self.tokens.ids`.
    #[must_use]
    pub fn ids(&self) -> &[Token] {
        &self.tokens.ids
    }
}
