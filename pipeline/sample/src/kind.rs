//! Which pages does the sample plant, and how many of each?

/// The kind of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// A trusted document of the reference.
    Reference,
    /// A page of the crawl that nobody has tampered with.
    Ordinary,
    /// One invented word inside a sentence, on new sites.
    SpikeWord,
    /// One fixed sentence between others, on sites that the reference knows.
    SpikeSentence,
    /// A fixed phrase of two words that opens the text, on new sites.
    SpikeEdge,
    /// A run of different invisible characters.
    HiddenCharacters,
    /// Words with Cyrillic letters among the Latin ones.
    LookalikeLetters,
    /// The beginning of a page, an odd token, then random words.
    WordSalad,
    /// The text of an earlier page on another site.
    CopyExact,
    /// The text of an earlier page on another site, with 2 to 4% of its words edited.
    CopyNear,
    /// The text of a `SpikeSentence` page without the sentence, on another site.
    CopyOfCarrier,
    /// Benign: ever different sentences about one new product.
    BenignProduct,
    /// Benign: one new line below the footer.
    BenignFooter,
    /// Benign: one article, lightly edited by many sites.
    BenignArticle,
}

impl DocumentKind {
    /// All kinds that are planted.
    pub const PLANTED: [Self; 12] = [
        Self::SpikeWord,
        Self::SpikeSentence,
        Self::SpikeEdge,
        Self::HiddenCharacters,
        Self::LookalikeLetters,
        Self::WordSalad,
        Self::CopyExact,
        Self::CopyNear,
        Self::CopyOfCarrier,
        Self::BenignProduct,
        Self::BenignFooter,
        Self::BenignArticle,
    ];

    /// Returns its name in `truth.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Ordinary => "ordinary",
            Self::SpikeWord => "spike_word",
            Self::SpikeSentence => "spike_sentence",
            Self::SpikeEdge => "spike_edge",
            Self::HiddenCharacters => "hidden_characters",
            Self::LookalikeLetters => "lookalike_letters",
            Self::WordSalad => "word_salad",
            Self::CopyExact => "copy_exact",
            Self::CopyNear => "copy_near",
            Self::CopyOfCarrier => "copy_of_carrier",
            Self::BenignProduct => "benign_product",
            Self::BenignFooter => "benign_footer",
            Self::BenignArticle => "benign_article",
        }
    }

    /// Whether it is an attack: a filter should withhold the page.
    pub fn is_attack(self) -> bool {
        matches!(
            self,
            Self::SpikeWord
                | Self::SpikeSentence
                | Self::SpikeEdge
                | Self::HiddenCharacters
                | Self::LookalikeLetters
                | Self::WordSalad
        )
    }

    /// Whether an earlier page has all or nearly all of its text.
    pub fn is_copy(self) -> bool {
        matches!(self, Self::CopyExact | Self::CopyNear | Self::CopyOfCarrier | Self::BenignArticle)
    }

    /// Returns how many pages of this kind a crawl of `pages` pages has.
    ///
    /// From 24,000 pages on it is the full number. Below, it is a proportional number, but never
    /// fewer than 24 documents with a spike, since an alarm needs an absolute number of documents,
    /// whatever the size of the crawl.
    pub(super) fn count(self, pages: usize) -> usize {
        let (full, least) = match self {
            Self::Reference | Self::Ordinary => (0, 0),
            Self::SpikeWord | Self::SpikeSentence => (60, 24),
            Self::SpikeEdge => (40, 24),
            Self::HiddenCharacters | Self::LookalikeLetters => (15, 5),
            Self::WordSalad => (30, 5),
            Self::CopyExact => (400, 20),
            // With the copies of carriers 400.
            Self::CopyNear => (388, 20),
            Self::CopyOfCarrier => (12, 12),
            Self::BenignProduct => (120, 24),
            Self::BenignFooter => (150, 24),
            Self::BenignArticle => (80, 24),
        };
        (full * pages / 24_000).clamp(least, full)
    }

    /// Returns how many sites of its own the kind needs; 0 if it lies on sites of the crawl.
    pub(super) fn own_sites(self) -> usize {
        match self {
            Self::SpikeWord => 12,
            Self::SpikeEdge | Self::WordSalad => 10,
            Self::HiddenCharacters | Self::LookalikeLetters => 5,
            _ => 0,
        }
    }
}
