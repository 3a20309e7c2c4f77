//! Which page comes when, and on which site? Everything about a page that other pages depend on,
//! decided before any text.
//!
//! With the plan made, each page can be written from its number alone, copies included: a copy
//! writes its original again. State: 32 bytes a page.

use super::kind::DocumentKind;
use super::page;
use super::random::{Rng, Zipf};
use super::sites::{ACCOUNTS, Sites};
use super::topics::TOPICS;

/// What is known of a page before it is written.
#[derive(Clone, Debug)]
pub(super) struct PlannedPage {
    pub(super) site: usize,
    /// On the platform.
    pub(super) account: usize,
    pub(super) topic: usize,
    pub(super) words: usize,
    /// A print view, without navigation and footer.
    pub(super) bare: bool,
    pub(super) kind: DocumentKind,
    /// The page whose text this one has: itself unless it is a copy.
    pub(super) source: usize,
}

/// Pages with a copy have at least so many words, so that 2 to 4% are whole words and a missing
/// sentence is little.
const COPIED_WORDS: usize = 150;
const COPIED_CARRIER_WORDS: usize = 450;
/// Carriers that get copies, and how many pages in there are copies of them: before the eighth
/// carrier.
const COPIED_CARRIERS: usize = 6;
const COPIES_BEFORE_CARRIER: usize = 7;

/// The reference: each known site and each account at least once.
pub(super) fn reference(seed: u64, documents: usize, sites: &Sites) -> Vec<PlannedPage> {
    let mut rng = Rng::new(seed, 5, 0);
    let mut hosts = spread(sites.known.clone(), true, documents, &mut rng);
    rng.shuffle(&mut hosts);
    let mut accounts = Accounts::default();
    hosts
        .into_iter()
        .enumerate()
        .map(|(number, site)| slot(site, number, DocumentKind::Reference, sites, &mut accounts, &mut rng))
        .collect()
}

/// The crawl: ordinary pages with everything planted among them.
pub(super) fn crawl(seed: u64, pages: usize, sites: &Sites) -> Vec<PlannedPage> {
    let mut rng = Rng::new(seed, 5, 1);
    let kinds = positions(pages, &mut rng);
    let ordinary = kinds.iter().filter(|kind| **kind == DocumentKind::Ordinary).count();
    let mut hosts = spread(sites.new.clone(), false, pages / 5, &mut rng);
    hosts.append(&mut spread(sites.known.clone(), true, ordinary - hosts.len(), &mut rng));
    rng.shuffle(&mut hosts);

    let mut places = Places::new(sites, &mut rng);
    let mut accounts = Accounts::default();
    let mut slots = Vec::with_capacity(pages);
    for (number, kind) in kinds.into_iter().enumerate() {
        let site = match kind {
            DocumentKind::Ordinary => hosts.pop().unwrap_or(0),
            kind => places.next(kind, sites, &mut rng),
        };
        slots.push(slot(site, number, kind, sites, &mut accounts, &mut rng));
    }
    adjust_topics(&mut slots, &mut rng);
    link_copies(&mut slots, sites, &mut rng);
    slots
}

/// `count` sites of a range, each at least once, the first ones far more often than the last.
fn spread(range: std::ops::Range<usize>, platform: bool, count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut hosts: Vec<usize> = range.clone().collect();
    if platform {
        hosts.resize(hosts.len() + ACCOUNTS, 0);
    }
    let sizes = Zipf::new(range.len(), 12);
    while hosts.len() < count {
        let on_platform = platform && rng.chance(6);
        hosts.push(if on_platform { 0 } else { range.start + sizes.rank(rng.next()) });
    }
    hosts
}

/// Accounts in turn until each has had one page, then the first ones more often.
#[derive(Default)]
struct Accounts(usize);

impl Accounts {
    fn next(&mut self, rng: &mut Rng) -> usize {
        self.0 += 1;
        if self.0 <= ACCOUNTS { self.0 - 1 } else { rng.below(ACCOUNTS).min(rng.below(ACCOUNTS)) }
    }
}

fn slot(site: usize, number: usize, kind: DocumentKind, sites: &Sites, accounts: &mut Accounts, rng: &mut Rng) -> PlannedPage {
    let account = if site == 0 { accounts.next(rng) } else { 0 };
    let usual = if site == 0 { account % TOPICS } else { rng.pick(&sites.all[site].topics) };
    let topic = if rng.chance(75) { usual } else { rng.below(TOPICS) };
    PlannedPage { site, account, topic, words: page::length(rng), bare: rng.chance(8), kind, source: number }
}

/// The kind of every page. Plants lie uniformly in the last three quarters; copies of carriers
/// between early carriers.
fn positions(pages: usize, rng: &mut Rng) -> Vec<DocumentKind> {
    let mut kinds = vec![DocumentKind::Ordinary; pages];
    let mut free: Vec<usize> = (pages / 4..pages).collect();
    rng.shuffle(&mut free);
    for kind in DocumentKind::PLANTED {
        if kind != DocumentKind::CopyOfCarrier {
            for at in free.drain(free.len() - kind.count(pages)..) {
                kinds[at] = kind;
            }
        }
    }
    let carriers: Vec<usize> = (0..pages).filter(|&at| kinds[at] == DocumentKind::SpikeSentence).collect();
    let (from, to) = (carriers[COPIED_CARRIERS - 1], carriers[COPIES_BEFORE_CARRIER]);
    let mut between: Vec<usize> = free.into_iter().filter(|at| (from..to).contains(at)).collect();
    for at in between.drain(..DocumentKind::CopyOfCarrier.count(pages).min(between.len())) {
        kinds[at] = DocumentKind::CopyOfCarrier;
    }
    kinds
}

/// Where the next plant of a kind goes: its sites in turn, so that the pages are shared out evenly.
struct Places {
    used: [usize; DocumentKind::PLANTED.len()],
    known: Vec<usize>,
    new: Vec<usize>,
}

impl Places {
    fn new(sites: &Sites, rng: &mut Rng) -> Self {
        // The platform is left out: a page there would belong to an account.
        let mut known: Vec<usize> = sites.known.clone().skip(1).collect();
        let mut new: Vec<usize> = sites.new.clone().collect();
        rng.shuffle(&mut known);
        rng.shuffle(&mut new);
        Self { used: [0; DocumentKind::PLANTED.len()], known, new }
    }

    fn next(&mut self, kind: DocumentKind, sites: &Sites, rng: &mut Rng) -> usize {
        let index = DocumentKind::PLANTED.iter().position(|k| *k == kind).unwrap_or(0);
        let turn = self.used[index];
        self.used[index] += 1;
        let own = sites.own(kind);
        // How many known and how many new sites take turns.
        let (known, new) = match kind {
            DocumentKind::SpikeSentence => (30, 0),
            DocumentKind::BenignProduct => (40, 20),
            DocumentKind::BenignFooter => (35, 15),
            DocumentKind::BenignArticle => (60, 20),
            _ if own.is_empty() => return if rng.chance(80) { rng.pick(&self.known) } else { rng.pick(&self.new) },
            _ => return own.start + turn % own.len(),
        };
        let turn = turn % (known + new);
        // Different kinds start at different sites.
        let offset = index * 61;
        if turn < known { self.known[(offset + turn) % self.known.len()] } else { self.new[(offset + turn) % self.new.len()] }
    }
}

/// Spikes are planted on any subject; the product belongs to two sister topics.
fn adjust_topics(slots: &mut [PlannedPage], rng: &mut Rng) {
    let product = 2 * rng.below(TOPICS / 2);
    for slot in slots {
        match slot.kind {
            DocumentKind::SpikeWord | DocumentKind::SpikeSentence | DocumentKind::SpikeEdge => slot.topic = rng.below(TOPICS),
            DocumentKind::BenignProduct => slot.topic = product + rng.below(2),
            _ => {}
        }
    }
}

/// Gives every copy an earlier original on another site.
fn link_copies(slots: &mut [PlannedPage], sites: &Sites, rng: &mut Rng) {
    let carriers: Vec<usize> =
        (0..slots.len()).filter(|&at| slots[at].kind == DocumentKind::SpikeSentence).take(COPIED_CARRIERS).collect();
    for &carrier in &carriers {
        slots[carrier].words = slots[carrier].words.max(COPIED_CARRIER_WORDS);
        slots[carrier].bare = true;
    }
    let (mut carrier_turn, mut used) = (0, vec![false; slots.len()]);
    for at in 0..slots.len() {
        let source = match slots[at].kind {
            DocumentKind::CopyOfCarrier => {
                carrier_turn += 1;
                carriers[carrier_turn % carriers.len()]
            }
            DocumentKind::CopyExact | DocumentKind::CopyNear => loop {
                let source = rng.below(at);
                if slots[source].kind == DocumentKind::Ordinary && slots[source].words >= COPIED_WORDS && !used[source] {
                    break source;
                }
            },
            _ => continue,
        };
        used[source] = true;
        // An exact copy is a print view of a print view: navigation would make it another text.
        let bare = slots[at].kind != DocumentKind::CopyNear || rng.chance(50);
        slots[source].bare |= bare;
        let (topic, words) = (slots[source].topic, slots[source].words);
        let bare = slots[source].bare;
        slots[at] = PlannedPage { topic, words, bare, source, ..slots[at].clone() };
        while slots[at].site == slots[source].site {
            slots[at].site = sites.known.start + 1 + rng.below(sites.known.len() - 1);
        }
    }
}
