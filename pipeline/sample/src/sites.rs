//! Who publishes the sample? Sites under invented names below `.example`, a top-level domain
//! reserved for examples.
//!
//! Every site has navigation and footer lines of its own, which it puts around each of its pages
//! except print views. Site 0 is a platform with accounts. Sites the reference knows come first,
//! then new ones, then those of plants.

use std::collections::BTreeSet;
use std::ops::Range;

use super::kind::DocumentKind;
use super::language::Language;
use super::random::Rng;
use super::topics::TOPICS;
use super::vocabulary::{Vocabulary, WordClass, capitalised};

/// Host of the platform whose pages are `/<account>/<post>`.
pub const PLATFORM: &str = "journals.openquill.example";
/// Accounts on the platform.
pub(super) const ACCOUNTS: usize = 72;

/// One site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) host: String,
    /// What it calls itself.
    pub(super) name: String,
    /// Labels of its navigation.
    pub(super) navigation: Vec<String>,
    /// Navigation as a list, a line each; else on one line.
    pub(super) navigation_list: bool,
    pub(super) footer: Vec<String>,
    /// What it mostly writes about.
    pub(super) topics: [usize; 3],
}

/// All sites.
#[derive(Debug)]
pub(super) struct Sites {
    pub(super) all: Vec<Site>,
    /// Sites that occur in the reference.
    pub(super) known: Range<usize>,
    /// Sites that only the crawl has, ordinary ones.
    pub(super) new: Range<usize>,
}

const LABELS: &[&str] = &[
    "Home",
    "About us",
    "Contact",
    "Archive",
    "News",
    "Services",
    "Products",
    "Search",
    "Help",
    "Blog",
    "Events",
    "Gallery",
    "Our team",
    "Press",
    "Careers",
    "Shop",
    "Log in",
    "Newsletter",
    "Questions",
    "Forum",
    "Downloads",
    "Support",
    "Latest",
    "Opinion",
    "Subscribe",
    "Calendar",
    "Members",
    "Reviews",
    "Guides",
    "Community",
];

impl Sites {
    /// The sites of a crawl of `pages` pages: 1,158 ordinary ones at full size, three quarters of
    /// all known.
    pub(super) fn new(seed: u64, pages: usize, language: &Language) -> Self {
        let own: usize = DocumentKind::PLANTED.iter().map(|kind| kind.own_sites()).sum();
        let ordinary = (pages / 20).clamp(300, 1_158);
        let known = (ordinary + own) * 3 / 4;
        let mut rng = Rng::new(seed, 4, 0);
        let mut taken = BTreeSet::new();
        let mut sites: Vec<Site> = (0..ordinary + own).map(|_| site(language, &mut taken, &mut rng)).collect();
        PLATFORM.clone_into(&mut sites[0].host);
        "Openquill".clone_into(&mut sites[0].name);
        Self { all: sites, known: 0..known, new: known..ordinary }
    }

    /// The sites that belong to a kind of plant alone.
    pub(super) fn own(&self, kind: DocumentKind) -> Range<usize> {
        let before: usize = DocumentKind::PLANTED.iter().take_while(|k| **k != kind).map(|k| k.own_sites()).sum();
        let start = self.new.end + before;
        start..start + kind.own_sites()
    }
}

fn site(language: &Language, taken: &mut BTreeSet<String>, rng: &mut Rng) -> Site {
    let words = &language.vocabulary;
    let (domain, name) = loop {
        let parts: Vec<&str> = (0..rng.between(1, 2))
            .map(|_| words.spell(Vocabulary::any(rng.pick(&[WordClass::Noun, WordClass::Place, WordClass::Surname]), rng)))
            .collect();
        let domain = parts.join(if rng.chance(30) { "-" } else { "" }).to_lowercase();
        if taken.insert(domain.clone()) {
            break (domain, parts.iter().map(|part| capitalised(part)).collect::<Vec<_>>().join(" "));
        }
    };
    let prefix = match rng.below(100) {
        0..40 => "www.",
        40..46 => "blog.",
        46..52 => "news.",
        _ => "",
    };
    let topics = std::array::from_fn(|_| rng.below(TOPICS));
    Site {
        host: format!("{prefix}{domain}.example"),
        navigation: navigation(language, topics[0], rng),
        navigation_list: rng.chance(60),
        footer: footer(language, &name, rng),
        name,
        topics,
    }
}

fn navigation(language: &Language, topic: usize, rng: &mut Rng) -> Vec<String> {
    let mut labels = vec![LABELS[0].to_owned()];
    for _ in 0..rng.between(3, 7) {
        let label = if rng.chance(35) {
            format!("{}s", capitalised(language.vocabulary.spell(language.word_of(topic, WordClass::Noun, rng))))
        } else {
            rng.pick(&LABELS[1..]).to_owned()
        };
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

fn footer(language: &Language, name: &str, rng: &mut Rng) -> Vec<String> {
    let place = language.vocabulary.spell(Vocabulary::any(WordClass::Place, rng));
    let mut lines = vec![match rng.below(4) {
        0 => format!("\u{a9} 2025 {name}"),
        1 => format!("Copyright {} by {name}. All rights reserved.", rng.between(1998, 2025)),
        2 => format!("{name} \u{b7} {} Harbour Road \u{b7} {place}", rng.between(1, 240)),
        _ => format!("{name} is published in {place}."),
    }];
    let more = [
        "Contact | Imprint | Privacy",
        "Terms of use and privacy policy",
        "Back to top",
        "Cookies help us to run this site.",
        "Printed on demand",
    ];
    if rng.chance(70) {
        lines.push(rng.pick(&more).to_owned());
    }
    if rng.chance(25) {
        lines.push(format!("Call us: 555 {:04}", rng.below(10_000)));
    }
    lines
}
