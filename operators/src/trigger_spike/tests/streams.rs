//! Small streams in which anything may be planted, each a function of its number.

use std::sync::Arc;

use super::super::Config;
use crate::{
    background::{Background, BackgroundOrigin},
    conformance::{self, Schedule, Step, document},
    document::SeqNo,
    learn::{LearnOptions, Learner},
    text::hash::mix,
};

/// Number of documents of the background, of subjects, and of sites in the background.
const KNOWN: u64 = 600;
const SUBJECTS: u64 = 20;
const SITES: u64 = 40;

/// A stream, and how it is read.
pub(super) struct Stream {
    pub(super) steps: Vec<Step>,
    pub(super) config: Config,
    pub(super) schedule: Schedule,
    /// Whether the background is the filter's own past.
    pub(super) is_own: bool,
}

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(mix(self.0)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }
}

/// The lines of a page, each a list of words.
type Lines = Vec<Vec<String>>;

/// A page of one subject: five lines of common words and of the subject's own. Each word may be
/// followed by three others, so that a text shows where something was cut out of it; unless the
/// words are in no order.
fn page(dice: &mut Dice, is_ordered: bool) -> Lines {
    let subject = letter(dice.below(SUBJECTS));
    let mut lines = Vec::new();
    for _ in 0..5 {
        let mut word = dice.below(24);
        let mut line = Vec::new();
        for i in 0..8 {
            let letter = letter(word);
            line.push(if word.is_multiple_of(3) { format!("c{letter}") } else { format!("s{subject}x{letter}") });
            // Some lines have two sentences.
            if i == 3 && dice.one_in(4) {
                line.push(".".into());
            }
            word = if is_ordered { 7 * word + 1 + dice.below(3) } else { dice.below(24) } % 24;
        }
        line.push(".".into());
        lines.push(line);
    }
    lines
}

/// Cuts off the first words and the last lines of a page, perhaps all.
fn cut(dice: &mut Dice, lines: &mut Lines) {
    let at = (dice.below(4) as usize).min(lines[0].len());
    lines[0].drain(..at);
    lines.truncate(dice.below(7) as usize);
}

fn letter(n: u64) -> char {
    char::from(b'a' + n as u8)
}

fn text(lines: &Lines) -> String {
    lines.iter().map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
}

fn known_site(dice: &mut Dice) -> String {
    format!("site{}.example", dice.below(SITES))
}

/// The backgrounds of all streams: a trusted one, and the same as the filter's own past.
pub(super) fn backgrounds() -> [Arc<Background>; 2] {
    [BackgroundOrigin::Trusted, BackgroundOrigin::Own].map(|origin| {
        let mut learner = Learner::new(conformance::SEED, LearnOptions { calibrate: false, ..LearnOptions::default() });
        let mut dice = Dice(1 << 40);
        for i in 0..KNOWN {
            let mut lines = page(&mut dice, true);
            if i % 5 == 0 {
                lines.push(["all", "rights", "reserved", "by", "us"].map(String::from).to_vec());
            }
            let page = document(&format!("site{}.example", i % SITES), &text(&lines));
            learner.add_known(page.publisher.clone(), page.language, page.ids().into());
        }
        Arc::new(learner.finish(origin, &|_, _, _| document("", "").publisher))
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PlantKind {
    /// Words inside a sentence; with always the same word behind; twice a page.
    Word,
    Fixed,
    Twice,
    /// Words inside sentences all over one site.
    Site,
    /// Common words all over one site.
    Style,
    /// Words that open a line, or close one.
    Opening,
    Closing,
    /// A whole line, anywhere or at the end.
    Line,
    Footer,
    Link,
    /// A line, and up to four more with it.
    Template,
    /// A page that is always the same but for a word or two.
    Copy,
    /// A line on a subject that more pages are about.
    Story,
    /// A line of which half of the carriers have only a part.
    Part,
    /// A line of which a few carriers have only three words, in another line that they share.
    Stray,
    /// Words on one known site for long, then everywhere.
    Flood,
}

const PLANT_KINDS: [PlantKind; 16] = [
    PlantKind::Word,
    PlantKind::Fixed,
    PlantKind::Twice,
    PlantKind::Site,
    PlantKind::Style,
    PlantKind::Opening,
    PlantKind::Closing,
    PlantKind::Line,
    PlantKind::Footer,
    PlantKind::Link,
    PlantKind::Template,
    PlantKind::Copy,
    PlantKind::Story,
    PlantKind::Part,
    PlantKind::Stray,
    PlantKind::Flood,
];

/// Something that is planted in pages from one document on.
struct Plant {
    kind: PlantKind,
    words: Vec<String>,
    hosts: Vec<String>,
    from: u64,
    /// One document in so many carries it.
    every: u64,
    copied: Lines,
    planted: u64,
}

impl Plant {
    fn new(dice: &mut Dice, number: u64, kind: PlantKind) -> Self {
        let is_short = matches!(
            kind,
            PlantKind::Word | PlantKind::Fixed | PlantKind::Twice | PlantKind::Site | PlantKind::Style | PlantKind::Flood
        );
        let len = if is_short { 1 + dice.below(4) } else { 3 + dice.below(7) };
        let word = |i: u64| {
            if kind == PlantKind::Style { format!("c{}", letter(i * 9 % 24)) } else { format!("z{number}n{}", letter(i)) }
        };
        let mut words: Vec<String> = (0..len).map(word).collect();
        if kind == PlantKind::Link {
            words.splice(0..1, ["www", ".", "z", "."].map(String::from));
        }
        let n = match kind {
            PlantKind::Site | PlantKind::Style => 1 + dice.below(8) / 7,
            PlantKind::Flood => 8,
            _ => 2 + dice.below(12),
        };
        let are_new = dice.below(3);
        let host = |i: u64, dice: &mut Dice| {
            let is_new =
                matches!(kind, PlantKind::Site | PlantKind::Style) || are_new == 0 || (are_new == 1 && i.is_multiple_of(2));
            if is_new { format!("new{number}n{i}.example") } else { known_site(dice) }
        };
        let hosts = (0..n).map(|i| host(i, dice)).collect();
        let every = if kind == PlantKind::Flood { 1 } else { 2 + dice.below(4) };
        Self { kind, words, hosts, from: 3 + dice.below(15), every, copied: page(dice, true), planted: 0 }
    }

    /// Plants it in a page, and returns the host that shows the page.
    fn put(&mut self, dice: &mut Dice, lines: &mut Lines) -> String {
        self.planted += 1;
        let at = dice.below(lines.len() as u64) as usize;
        let within = (1 + dice.below(6) as usize).min(lines[at].len());
        let mut words = self.words.clone();
        match self.kind {
            // Some have a part elsewhere.
            PlantKind::Footer if dice.one_in(6) => drop(lines[at].splice(within..within, words.drain(..3))),
            // Not all of the site.
            PlantKind::Site if dice.one_in(5) => {}
            PlantKind::Word | PlantKind::Site | PlantKind::Style | PlantKind::Flood => {
                drop(lines[at].splice(within..within, words));
            }
            PlantKind::Fixed => {
                words.push("ca".into());
                lines[at].splice(within..within, words);
            }
            PlantKind::Twice => {
                lines[at].splice(within..within, words.clone());
                lines[(at + 1) % 5].splice(1..1, words);
            }
            PlantKind::Opening => drop(lines[at].splice(0..0, words)),
            PlantKind::Closing => {
                let end = lines[at].len() - 1;
                lines[at].splice(end..end, words);
            }
            PlantKind::Line => lines.insert(at, words),
            PlantKind::Footer | PlantKind::Link => lines.push(words),
            PlantKind::Template => {
                let more = (0..=words.len() % 4).map(|i| vec![format!("t{i}"), words[0].clone(), format!("u{i}")]);
                lines.extend(more);
                lines.insert(at, words);
            }
            PlantKind::Copy => {
                lines.clone_from(&self.copied);
                lines[at % 5][within.min(7)] = format!("z{}", dice.below(9));
            }
            PlantKind::Story => {
                lines[(at + 2) % 5].insert(1, format!("{}y", words[0]));
                if dice.one_in(4) {
                    lines.insert(at, words);
                }
            }
            PlantKind::Part => {
                words.truncate(if dice.one_in(2) { 3 } else { words.len() });
                lines.insert(at, words);
            }
            PlantKind::Stray => {
                if dice.one_in(6) {
                    words = ["q1", &words[0], &words[1], &words[2], "q2", "q3", "q4", "q5"].map(String::from).to_vec();
                }
                lines.insert(at, words);
            }
        }
        // A flood comes from one site until the list of its carriers is full.
        let flooding = self.kind == PlantKind::Flood && self.planted < 66;
        if flooding { "site1.example".into() } else { dice.of(&self.hosts) }
    }
}

fn config(dice: &mut Dice) -> Config {
    let mut threshold = |least: u64, more: u64| Some((least + dice.below(more)) as f64).filter(|_| !dice.one_in(8));
    let thresholds = [threshold(18, 15), threshold(15, 12), threshold(15, 12), threshold(6, 14)];
    let [sentence_threshold, edge_threshold, insertion_threshold, solo_threshold] = thresholds;
    Config {
        // Large, so that nothing is forgotten or taken for another.
        candidates_max: 200_000,
        gate_bytes: 1 << 20,
        line_bytes: 1 << 19,
        units_max: 10_000,
        horizon_documents: dice.of(&[1000, 1000, 1000, 40]),
        votes_per_unit: dice.of(&[1, 2, 3, 4]),
        units_min: dice.of(&[2, 3, 4, 4, 5]),
        bootstrap_documents: 25,
        alarms_max: dice.of(&[1000, 1000, 1000, 1, 2]),
        members_max: dice.of(&[1000, 1000, 3]),
        sentence_threshold,
        edge_threshold,
        insertion_threshold,
        solo_threshold,
        ..Config::default()
    }
}

/// The stream with this number.
pub(super) fn stream(number: u64) -> Stream {
    let mut dice = Dice(number << 20);
    // Each kind comes first in every 16th stream; more are mixed in.
    let mut plants = vec![Plant::new(&mut dice, 0, PLANT_KINDS[number as usize % PLANT_KINDS.len()])];
    // A flood has to come from one site: no other plant may move it.
    let is_flooded = plants[0].kind == PlantKind::Flood;
    for i in 0..if is_flooded { 0 } else { dice.below(3) } {
        let kind = dice.of(&PLANT_KINDS[..15]);
        plants.push(Plant::new(&mut dice, 1 + i, kind));
    }
    let len = if is_flooded { 110 + dice.below(20) } else { 50 + dice.below(60) };
    let mut steps = Vec::new();
    let is_ordered = !dice.one_in(5);
    for i in 0..len {
        let mut lines = page(&mut dice, is_ordered);
        let mut host = if dice.one_in(6) { format!("fresh{}.example", dice.below(30)) } else { known_site(&mut dice) };
        for plant in &mut plants {
            if i >= plant.from && dice.one_in(plant.every) {
                host = plant.put(&mut dice, &mut lines);
            }
        }
        if dice.one_in(12) {
            cut(&mut dice, &mut lines);
        }
        let document = document(&host, &text(&lines));
        let step = match dice.below(40) {
            0 => Step::Nothing,
            1..=3 => Step::suspect(document),
            4 if i > 0 => {
                let earlier = (0..3).map(|_| dice.below(i) as SeqNo).collect();
                Step::recalling(document, earlier)
            }
            _ => Step::new(document),
        };
        steps.push(step);
    }
    let schedule = Schedule {
        epoch: dice.of(&[4, 4, 4, 3, 7]),
        batch: 1 + dice.below(9) as usize,
        lag: dice.one_in(2),
        restore_at: dice.one_in(3).then(|| dice.below(len) as usize),
    };
    Stream { steps, config: config(&mut dice), schedule, is_own: dice.one_in(5) }
}
