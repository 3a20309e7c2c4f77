//! A document as operators see it: its identity, who published it, and the features computed once from its text.

use serde::Serialize;

use crate::text::{Token, Tokens};

/// A document's place in reading order, over all dumps that share a state. At most 2^32 - 1 documents a state; the
/// engine refuses to go beyond.
pub type SeqNo = u32;

/// Who speaks: the smallest publisher that one person is assumed to control. The registrable domain, or the account on
/// hosts that many people share; a file or source where a record has no URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Publisher {
    /// Canonical lower-case name, such as `example.org` or `github.com/someone`.
    pub name: Box<str>,
    /// Keyed hash of `name`.
    pub key: u64,
    /// Keyed hash of the host alone: pages of one host share a template, also where accounts are publishers.
    pub host: u64,
}

/// Features of one document. Pure: a function of the record, the config and the hash seed.
#[derive(Clone, Debug)]
pub struct Document {
    /// Publisher.
    pub publisher: Publisher,
    /// Address, empty where the record has none.
    pub url: Box<str>,
    /// The text as decoded: what a trainer would see, and behind it what another extractor might find on the page
    /// ([`Self::parts`]).
    pub text: Box<str>,
    /// What of `text` is what.
    pub parts: Parts,
    /// Matching tokens of all of `text` (case folded, digits masked), cut at the stated maximum.
    pub tokens: Tokens,
    /// blake3 of the normalised own text, digits not masked, first 128 bits. The exact-duplicate key.
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

/// Where the parts of a document's text end, in bytes, in their order. Text that is no page's is one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What is written out, and what copies are told by.
    pub own: u32,
    /// What a page holds and does not render.
    pub hidden: u32,
    /// What a page renders so that nobody sees it. What comes after is shown around the page's matter.
    pub disguised: u32,
}

impl Parts {
    /// A text that is one part.
    #[must_use]
    pub fn one(text: &str) -> Self {
        let end = text.len() as u32;
        Self { own: end, hidden: end, disguised: end }
    }
}

impl Document {
    /// What is written out.
    #[must_use]
    pub fn own(&self) -> &str {
        self.part(0, self.parts.own)
    }

    /// What a page holds and does not render.
    #[must_use]
    pub fn hidden(&self) -> &str {
        self.part(self.parts.own, self.parts.hidden)
    }

    /// What a page renders so that nobody sees it.
    #[must_use]
    pub fn disguised(&self) -> &str {
        self.part(self.parts.hidden, self.parts.disguised)
    }

    fn part(&self, from: u32, to: u32) -> &str {
        let end = self.text.floor_char_boundary(to as usize);
        self.text.get(from as usize..end).unwrap_or_default()
    }

    /// The matching tokens of what is written out.
    #[must_use]
    pub fn own_ids(&self) -> &[Token] {
        let end = self.tokens.spans.partition_point(|&(_, to)| to <= self.parts.own);
        self.tokens.ids.get(..end).unwrap_or_default()
    }

    /// The matching tokens, shorthand for `self.tokens.ids`.
    #[must_use]
    pub fn ids(&self) -> &[Token] {
        &self.tokens.ids
    }
}
