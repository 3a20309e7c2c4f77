//! What do operators see of a document? Who published it, its text, and the features that are
//! computed from it once.

use serde::Serialize;

use crate::text::{Language, Token, Tokens};

/// A record's sequence number: its place in reading order, over all dumps that share a state. A
/// state holds at most 2^32 - 1 records; the engine refuses to go beyond.
pub type SeqNo = u32;

/// A publisher: the smallest part of the web that one person is assumed to control. It is a
/// registrable domain, or an account on a host that many people share, or the file or source of a
/// record that has no URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Publisher {
    /// The canonical name in lower case, such as `example.org` or `github.com/someone`.
    pub name: Box<str>,
    /// The keyed hash of `name`.
    pub key: u64,
    /// The keyed hash of the host alone. Pages of one host share a template, even where accounts
    /// are the publishers.
    pub host: u64,
}

/// One document with its features. It is a function of the record, the configuration and the hash
/// seed.
#[derive(Clone, Debug)]
pub struct Document {
    /// Who published the document.
    pub publisher: Publisher,
    /// The address; empty if the record has none.
    pub url: Box<str>,
    /// The text as it was decoded: what a trainer would see, and behind it what another extractor
    /// might find on the page (see [`Self::parts`]).
    pub text: Box<str>,
    /// Where the parts of `text` end.
    pub parts: TextParts,
    /// The tokens of all of `text`, with case folded and digits masked, cut at `input.tokens_max`,
    /// and where no operator looks at more
    /// ([`words_read`](crate::config::OperatorConfig::words_read)).
    pub tokens: Tokens,
    /// The first 128 bits of the blake3 hash of the normalised own text, with digits as they are.
    /// Exact copies have the same digest.
    pub digest: [u8; 16],
    /// The language of the own text: as the record says, or as its letters tell.
    pub language: Language,
    /// When the record says that it was fetched, in seconds since 1970.
    pub time: Option<i64>,
    /// A digest that the record states and its bytes do not have, if there is one.
    pub differs: Option<Differs>,
}

/// A digest that an archive states and its bytes do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Differs {
    /// The digest of the whole block.
    Block,
    /// The digest of the payload, which is the HTTP body.
    Payload,
}

/// Where the parts of a document's text end, in bytes, in their order. A text that does not come
/// from a page is one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextParts {
    /// The own text, which is written out and which copies are recognised by.
    pub own: u32,
    /// The text that a page holds and does not render.
    pub not_rendered: u32,
    /// The text that a page renders in such a way that nobody sees it. What comes after is
    /// boilerplate: the page shows it around its main content.
    pub visually_hidden: u32,
}

impl TextParts {
    /// The parts of a text that has only one.
    #[must_use]
    pub fn one(text: &str) -> Self {
        let end = text.len() as u32;
        Self { own: end, not_rendered: end, visually_hidden: end }
    }
}

impl Document {
    /// The part that is written out.
    #[must_use]
    pub fn own(&self) -> &str {
        self.part(0, self.parts.own)
    }

    /// The part that a page holds and does not render.
    #[must_use]
    pub fn not_rendered(&self) -> &str {
        self.part(self.parts.own, self.parts.not_rendered)
    }

    /// The part that a page renders in such a way that nobody sees it.
    #[must_use]
    pub fn visually_hidden(&self) -> &str {
        self.part(self.parts.not_rendered, self.parts.visually_hidden)
    }

    fn part(&self, from: u32, to: u32) -> &str {
        let end = self.text.floor_char_boundary(to as usize);
        self.text.get(from as usize..end).unwrap_or_default()
    }

    /// The tokens of the part that is written out.
    #[must_use]
    pub fn own_ids(&self) -> &[Token] {
        let end = self.tokens.spans.partition_point(|&(_, to)| to <= self.parts.own);
        self.tokens.ids.get(..end).unwrap_or_default()
    }

    /// All tokens; short for `self.tokens.ids`.
    #[must_use]
    pub fn ids(&self) -> &[Token] {
        &self.tokens.ids
    }
}
