//! Which document has which number? A sample with its language, its sites and its plan, which can
//! write each document from its number alone.

use super::document::{SampleDocument, SamplePart, Size, Triggers};
use super::kind::DocumentKind;
use super::language::{self, Language, Writer};
use super::markup;
use super::page::InventedPage;
use super::plan::{self, PlannedPage};
use super::random::{Rng, mix};
use super::sites::{Site, Sites};
use super::vocabulary::{Vocabulary, WordClass, capitalised};

/// The reference begins at 2025-01-01T00:00:00Z.
const REFERENCE_START: i64 = 1_735_689_600;
/// The crawl begins at 2025-04-01T00:00:00Z.
const CRAWL_START: i64 = 1_743_465_600;
/// Seconds between two pages of the crawl. The jitter is smaller, so that dates increase.
const CRAWL_STEP: i64 = 107;
/// Invisible characters that are planted in text.
const INVISIBLE: [char; 5] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// One sample, which can write any of its documents.
#[derive(Debug)]
pub(super) struct SampleWorld {
    seed: u64,
    language: Language,
    sites: Sites,
    reference: Vec<PlannedPage>,
    crawl: Vec<PlannedPage>,
    article: InventedPage,
    pub(super) triggers: Triggers,
}

/// A document with its address, its time and its site.
#[derive(Debug)]
pub(super) struct PlacedDocument<'a> {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) time: i64,
    pub(super) kind: DocumentKind,
    page: InventedPage,
    site: Option<&'a Site>,
}

impl PlacedDocument<'_> {
    pub(super) fn html(&self) -> String {
        markup::html(&self.page, self.site)
    }

    pub(super) fn document(self) -> SampleDocument {
        let text = markup::text(&self.page, self.site);
        SampleDocument { id: self.id, url: self.url, text, time: self.time, kind: self.kind }
    }
}

impl SampleWorld {
    /// Makes the sample of `seed`. Sizes are brought into their limits.
    pub(super) fn new(size: Size, seed: u64) -> Self {
        let size = size.clamped();
        let mut vocabulary = Vocabulary::new(seed);
        let names: [String; 5] = std::array::from_fn(|i| language::planted_name(&mut vocabulary, seed, i as u64));
        let language = Language::new(seed, vocabulary);
        let triggers = triggers(&names, &language, seed);
        let sites = Sites::new(seed, size.pages as usize, &language);
        let mut rng = Rng::new(seed, 6, 0);
        let topic = rng.below(language.topics.len());
        Self {
            seed,
            article: InventedPage::compose(&language, topic, 500, &mut rng),
            reference: plan::reference(seed, size.reference as usize, &sites),
            crawl: plan::crawl(seed, size.pages as usize, &sites),
            language,
            sites,
            triggers,
        }
    }

    /// Returns how many documents a part has.
    pub(super) fn len(&self, part: SamplePart) -> usize {
        self.slots(part).len()
    }

    fn slots(&self, part: SamplePart) -> &[PlannedPage] {
        match part {
            SamplePart::Reference => &self.reference,
            SamplePart::Crawl => &self.crawl,
        }
    }

    /// Returns when document `number` was fetched.
    fn time(&self, part: SamplePart, number: usize) -> i64 {
        match part {
            SamplePart::Reference => {
                let step = (CRAWL_START - REFERENCE_START) / (self.reference.len() as i64 + 1);
                REFERENCE_START + step * number as i64
            }
            SamplePart::Crawl => CRAWL_START + CRAWL_STEP * number as i64 + (mix(self.seed, number as u64) % 60) as i64,
        }
    }

    /// Returns a record id that no other `stream` and `number` has.
    pub(super) fn id(&self, stream: u64, number: usize) -> String {
        // The number itself is the last group, so that no two ids can be equal.
        let high = mix(mix(self.seed, 7), mix(stream, number as u64));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        format!("urn:uuid:{a:08x}-{b:04x}-4{c:03x}-8{:03x}-{number:012x}", stream & 0xfff)
    }

    /// Returns document `number` of a part.
    pub(super) fn place(&self, part: SamplePart, number: usize) -> PlacedDocument<'_> {
        let slot = &self.slots(part)[number];
        let page = self.page(part, number);
        let site = &self.sites.all[slot.site];
        // Numbers of the crawl continue those of the reference, so that no URL comes twice.
        let serial = if part == SamplePart::Crawl { self.reference.len() + number } else { number };
        let folder = match (slot.site, slot.bare) {
            (0, _) => format!("{}/", self.account(slot.account)),
            (_, true) => "print/".to_owned(),
            (_, false) => String::new(),
        };
        PlacedDocument {
            id: self.id(part as u64, number),
            url: format!("https://{}/{folder}{}-{serial}", site.host, markup::slug(&page.title)),
            time: self.time(part, number),
            kind: slot.kind,
            page,
            site: (!slot.bare).then_some(site),
        }
    }

    /// Returns the name of an account on the platform.
    fn account(&self, number: usize) -> String {
        let ids = Vocabulary::ids(WordClass::Surname);
        self.language.vocabulary.spell(ids.start + number as u32).to_lowercase()
    }

    /// Returns the page of document `number`, with everything that is planted in it.
    fn page(&self, part: SamplePart, number: usize) -> InventedPage {
        let slot = &self.slots(part)[number];
        let mut rng = Rng::new(self.seed, 10 + part as u64, number as u64);
        let mut page = if slot.kind == DocumentKind::BenignArticle { self.article.clone() } else { self.base(part, slot.source) };
        self.plant(slot, &mut page, &mut rng);
        page
    }

    /// Returns the page before anything is planted in it.
    fn base(&self, part: SamplePart, number: usize) -> InventedPage {
        let slot = &self.slots(part)[number];
        let mut rng = Rng::new(self.seed, 8 + part as u64, number as u64);
        InventedPage::compose(&self.language, slot.topic, slot.words, &mut rng)
    }

    fn plant(&self, slot: &PlannedPage, page: &mut InventedPage, rng: &mut Rng) {
        let triggers = &self.triggers;
        match slot.kind {
            DocumentKind::Reference | DocumentKind::Ordinary | DocumentKind::CopyExact | DocumentKind::CopyOfCarrier => {}
            DocumentKind::SpikeWord => page.insert_words(&triggers.word, rng),
            DocumentKind::SpikeSentence => page.add_sentence(&triggers.sentence, rng),
            DocumentKind::SpikeEdge => page.open_with(&triggers.opening),
            DocumentKind::HiddenCharacters => {
                let mut run = INVISIBLE;
                rng.shuffle(&mut run);
                let len = rng.between(3, 5);
                page.insert_words(&run[..len].iter().collect::<String>(), rng);
            }
            DocumentKind::LookalikeLetters => page.disguise(rng.between(6, 12), rng),
            DocumentKind::WordSalad => {
                page.cut(rng.between(40, 120));
                page.insert_words(&triggers.token, rng);
                page.add_salad(&self.language.vocabulary, rng.between(300, 600), rng);
            }
            DocumentKind::CopyNear => page.edit(&self.language, slot.topic, rng.between(20, 40), rng),
            DocumentKind::BenignProduct => {
                let mut writer = Writer::new(&self.language, slot.topic, rng).with_product(&triggers.product);
                for _ in 0..rng.between(2, 5) {
                    let sentence = writer.write(&self.language.product, rng);
                    page.add_sentence(&sentence, rng);
                }
            }
            DocumentKind::BenignFooter => page.last_line = Some(triggers.footer.clone()),
            DocumentKind::BenignArticle => self.edit_article(slot, page, rng),
        }
    }

    /// Returns the version of one editor: a few words changed, a place in front, perhaps the end
    /// cut off.
    fn edit_article(&self, slot: &PlannedPage, page: &mut InventedPage, rng: &mut Rng) {
        page.edit(&self.language, slot.topic, rng.between(2, 10), rng);
        if rng.chance(30) {
            page.cut(460);
        }
        if rng.chance(60) {
            let place = self.language.vocabulary.spell(Vocabulary::any(WordClass::Place, rng)).to_owned();
            page.open_with(&format!("{place}:"));
        }
    }
}

/// Makes the texts to plant: invented words, and known words in combinations that no other text of
/// the sample has.
fn triggers(names: &[String; 5], language: &Language, seed: u64) -> Triggers {
    let mut rng = Rng::new(seed, 9, 0);
    let mut tail = |class: WordClass| {
        let words = language.topics[rng.below(language.topics.len())].words(class);
        language.vocabulary.spell(words[words.len() / 2 + rng.below(words.len() / 2)])
    };
    let opening = format!("{} {}", capitalised(tail(WordClass::Adjective)), tail(WordClass::Noun));
    let topic = rng.below(language.topics.len());
    let mut writer = Writer::new(language, topic, &mut rng);
    Triggers {
        word: names[0].to_lowercase(),
        sentence: writer.write(&language.planted, &mut rng),
        opening,
        token: format!("%%{}%%", names[1].to_lowercase()),
        product: format!("{} {}", names[2], rng.between(2, 90)),
        footer: format!("Set in {} by {} Typeworks, edition {}", names[3], names[4], rng.between(2, 9)),
    }
}
