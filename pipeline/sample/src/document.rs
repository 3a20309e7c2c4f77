//! Which facts does one generated page have, and which sizes can a sample have?

use super::kind::DocumentKind;

/// How many documents to invent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pages of the crawl. Default 24,000: from there on, every kind is planted in full number.
    pub pages: u32,
    /// Documents of the reference. Default 12,000.
    pub reference: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { pages: 24_000, reference: 12_000 }
    }
}

impl Size {
    /// Brings the numbers into their limits. Fewer pages would not hold the plants, and fewer
    /// documents not all known sites.
    pub(super) fn clamped(self) -> Self {
        Self { pages: self.pages.clamp(2_000, 10_000_000), reference: self.reference.clamp(1_000, 10_000_000) }
    }
}

/// A document as the pipeline sees it once its archive is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleDocument {
    /// `WARC-Record-ID` without the angle brackets, or the field `id` of the reference.
    pub id: String,
    /// Where it was fetched.
    pub url: String,
    /// The text, with a line for each block element: title, navigation, body, footer.
    pub text: String,
    /// When it was fetched, in seconds since 1970.
    pub time: i64,
    /// The kind of document.
    pub kind: DocumentKind,
}

/// The texts that are planted, to show beside the alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triggers {
    /// The word of [`DocumentKind::SpikeWord`].
    pub word: String,
    /// The sentence of [`DocumentKind::SpikeSentence`].
    pub sentence: String,
    /// The phrase of [`DocumentKind::SpikeEdge`].
    pub opening: String,
    /// The token before a [`DocumentKind::WordSalad`].
    pub token: String,
    /// The product of [`DocumentKind::BenignProduct`].
    pub product: String,
    /// The line of [`DocumentKind::BenignFooter`].
    pub footer: String,
}

/// The two parts of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SamplePart {
    /// Earlier documents that are trusted.
    Reference,
    /// The crawl with everything that is planted in it.
    Crawl,
}
