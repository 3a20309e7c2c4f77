//! What is the sample about? Forty topics, each with its own distribution of words, fixed
//! expressions, people and places.
//!
//! A topic's words are Zipf-distributed; three in ten are drawn from the whole vocabulary or from
//! the sister topic, so that topics overlap. Topics `2k` and `2k + 1` are sisters. State: about
//! 1,800 word ids and 300 short strings a topic.

use super::random::{Rng, Zipf};
use super::vocabulary::{Vocabulary, WordClass, WordId};

/// How many topics there are.
pub(super) const TOPICS: usize = 40;
/// Fixed expressions a topic owns.
const COLLOCATIONS: usize = 300;
/// People who turn up again and again in a topic.
const PEOPLE: usize = 80;

/// Words of one class in falling order of use.
const NOUNS: usize = 800;
const VERBS: usize = 260;
const ADJECTIVES: usize = 320;
const ADVERBS: usize = 90;
const PLACES: usize = 40;

/// One topic.
#[derive(Debug)]
pub(super) struct SampleTopic {
    nouns: Vec<WordId>,
    verbs: Vec<WordId>,
    adjectives: Vec<WordId>,
    adverbs: Vec<WordId>,
    places: Vec<WordId>,
    /// Fixed expressions of two to four words.
    pub(super) collocations: Vec<String>,
    /// "First Last".
    pub(super) people: Vec<String>,
}

impl SampleTopic {
    /// The topic's own words of a class (names of people are in `people`).
    pub(super) fn words(&self, class: WordClass) -> &[WordId] {
        match class {
            WordClass::Noun => &self.nouns,
            WordClass::Verb => &self.verbs,
            WordClass::Adjective => &self.adjectives,
            WordClass::Adverb => &self.adverbs,
            WordClass::Place | WordClass::First | WordClass::Surname => &self.places,
        }
    }
}

/// The distributions that all topics share, by the length of the list.
#[derive(Debug)]
pub(super) struct Ranks {
    nouns: Zipf,
    verbs: Zipf,
    adjectives: Zipf,
    adverbs: Zipf,
    places: Zipf,
    /// Over the fixed expressions.
    pub(super) collocations: Zipf,
    /// Over the people.
    pub(super) people: Zipf,
}

impl Ranks {
    /// The tables.
    pub(super) fn new() -> Self {
        Self {
            nouns: Zipf::new(NOUNS, 6),
            verbs: Zipf::new(VERBS, 4),
            adjectives: Zipf::new(ADJECTIVES, 5),
            adverbs: Zipf::new(ADVERBS, 3),
            places: Zipf::new(PLACES, 2),
            collocations: Zipf::new(COLLOCATIONS, 12),
            people: Zipf::new(PEOPLE, 4),
        }
    }

    /// The distribution over a topic's words of a class.
    pub(super) fn of(&self, class: WordClass) -> &Zipf {
        match class {
            WordClass::Noun => &self.nouns,
            WordClass::Verb => &self.verbs,
            WordClass::Adjective => &self.adjectives,
            WordClass::Adverb => &self.adverbs,
            WordClass::Place | WordClass::First | WordClass::Surname => &self.places,
        }
    }
}

/// All topics of `seed`, the common words first: topics mix them in (`common`).
pub(super) fn all(seed: u64, vocabulary: &Vocabulary, ranks: &Ranks) -> Vec<SampleTopic> {
    let mut topics: Vec<SampleTopic> = Vec::with_capacity(TOPICS);
    for number in 0..TOPICS {
        let mut rng = Rng::new(seed, 2, number as u64);
        let sister = if number % 2 == 1 { topics.last() } else { None };
        let topic = topic(&mut rng, vocabulary, ranks, sister);
        topics.push(topic);
    }
    topics
}

/// Words that no topic owns and every topic uses, like "way" or "part" in English.
pub(super) fn common(seed: u64, vocabulary: &Vocabulary, ranks: &Ranks) -> SampleTopic {
    topic(&mut Rng::new(seed, 2, TOPICS as u64), vocabulary, ranks, None)
}

fn topic(rng: &mut Rng, vocabulary: &Vocabulary, ranks: &Ranks, sister: Option<&SampleTopic>) -> SampleTopic {
    let mut list = |class: WordClass, len: usize| -> Vec<WordId> {
        let mut words = Vec::with_capacity(len);
        while words.len() < len {
            let word = match sister {
                Some(sister) if rng.chance(30) => rng.pick(sister.words(class)),
                _ => any(class, vocabulary, words.len() < len / 3, rng),
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words
    };
    let mut topic = SampleTopic {
        nouns: list(WordClass::Noun, NOUNS),
        verbs: list(WordClass::Verb, VERBS),
        adjectives: list(WordClass::Adjective, ADJECTIVES),
        adverbs: list(WordClass::Adverb, ADVERBS),
        places: list(WordClass::Place, PLACES),
        collocations: Vec::new(),
        people: Vec::new(),
    };
    topic.collocations = (0..COLLOCATIONS).map(|_| collocation(&topic, vocabulary, ranks, rng)).collect();
    topic.people = (0..PEOPLE).map(|_| person(vocabulary, rng)).collect();
    topic
}

/// Any word; a short one where words are to be frequent, since frequent words are short.
fn any(class: WordClass, vocabulary: &Vocabulary, short: bool, rng: &mut Rng) -> WordId {
    let mut word = Vocabulary::any(class, rng);
    for _ in 0..if short { 4 } else { 0 } {
        let other = Vocabulary::any(class, rng);
        if vocabulary.spell(other).len() < vocabulary.spell(word).len() {
            word = other;
        }
    }
    word
}

/// A fixed expression out of the topic's own words.
fn collocation(topic: &SampleTopic, vocabulary: &Vocabulary, ranks: &Ranks, rng: &mut Rng) -> String {
    let mut word = |class: WordClass| vocabulary.spell(topic.words(class)[ranks.of(class).rank(rng.next())]).to_owned();
    let (a, n, m) = (word(WordClass::Adjective), word(WordClass::Noun), word(WordClass::Noun));
    match rng.below(10) {
        0..4 => format!("{a} {n}"),
        4..6 => format!("{n} {m}"),
        6 => format!("{a} {n} {m}"),
        7 => format!("{n} of {m}"),
        8 => format!("{a} and {n} {m}"),
        _ => format!("{a} {n} of {m}s"),
    }
}

/// Any first name, any surname.
pub(super) fn person(vocabulary: &Vocabulary, rng: &mut Rng) -> String {
    let (first, last) = (Vocabulary::any(WordClass::First, rng), Vocabulary::any(WordClass::Surname, rng));
    format!("{} {}", vocabulary.spell(first), vocabulary.spell(last))
}
