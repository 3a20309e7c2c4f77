//! Which words does the sample invent? About 34,000, put together from syllables and the common
//! English endings of their class, so that they can be read aloud and inflected by rule. Some are
//! bound to exist somewhere; none is meant.
//!
//! State: 34,000 short strings. Cost: some 20 ms at start.

use std::collections::BTreeSet;

use super::function_words;
use super::random::Rng;

/// A word: its place in the table of all words.
pub(super) type WordId = u32;

/// What a word is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordClass {
    Noun,
    Verb,
    Adjective,
    Adverb,
    First,
    Surname,
    Place,
}

/// How many words each class has, in the order of the table.
const SIZES: [(WordClass, usize); 7] = [
    (WordClass::Noun, 18_000),
    (WordClass::Verb, 5_000),
    (WordClass::Adjective, 7_000),
    (WordClass::Adverb, 1_500),
    (WordClass::First, 300),
    (WordClass::Surname, 1_600),
    (WordClass::Place, 800),
];

/// Single consonants twice, since they are the commoner ones.
const ONSETS: &[&str] = &[
    "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "w", "", "b", "c", "d", "f", "h", "l", "m", "n", "p",
    "r", "s", "t", "j", "k", "br", "cl", "cr", "dr", "fl", "fr", "gr", "pl", "pr", "st", "sp", "th", "tr", "qu", "sw", "wh",
    "ch", "sh", "gl", "str",
];
const NUCLEI: &[&str] = &["a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "a", "e", "i", "o", "ea", "ee", "ou", "ai"];
/// No sibilant, so that "s" makes every plural and every third person.
const CODAS: &[&str] = &[
    "n", "r", "l", "t", "m", "d", "n", "r", "l", "t", "m", "d", "ck", "nd", "rt", "mp", "ng", "nt", "lt", "rk", "p", "b", "g",
    "st", "rn", "ll",
];

/// All invented words.
#[derive(Debug)]
pub(super) struct Vocabulary {
    words: Vec<String>,
    taken: BTreeSet<String>,
}

impl Vocabulary {
    /// The words of `seed`.
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1, 0);
        let mut vocabulary = Self { words: Vec::new(), taken: real_words() };
        for (class, size) in SIZES {
            for _ in 0..size {
                let word = vocabulary.fresh(class, &mut rng);
                vocabulary.words.push(word);
            }
        }
        vocabulary
    }

    /// A word of `class` that no call has returned yet.
    pub(super) fn fresh(&mut self, class: WordClass, rng: &mut Rng) -> String {
        loop {
            let word = invent(class, rng);
            if self.taken.insert(word.clone()) {
                return word;
            }
        }
    }

    /// The ids of a class.
    pub(super) fn ids(class: WordClass) -> std::ops::Range<WordId> {
        let before: usize = SIZES.iter().take_while(|(c, _)| *c != class).map(|(_, size)| size).sum();
        let size: usize = SIZES.iter().filter(|(c, _)| *c == class).map(|(_, size)| size).sum();
        before as WordId..(before + size) as WordId
    }

    /// Any word of a class, all alike likely.
    pub(super) fn any(class: WordClass, rng: &mut Rng) -> WordId {
        let ids = Self::ids(class);
        ids.start + rng.below(ids.len()) as WordId
    }

    /// Its spelling, not inflected.
    pub(super) fn spell(&self, id: WordId) -> &str {
        &self.words[id as usize]
    }

    /// How many words there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }
}

/// Invented words must not be taken for function words.
fn real_words() -> BTreeSet<String> {
    use function_words as f;
    let lists = [
        f::DETERMINERS,
        f::QUANTIFIERS,
        f::PREPOSITIONS,
        f::CONJUNCTIONS,
        f::OPENERS,
        f::MODALS,
        f::ADVERBS,
        f::PRONOUNS,
        f::MONTHS,
    ];
    lists.concat().iter().flat_map(|phrase| phrase.split(' ')).map(str::to_lowercase).collect()
}

/// A word in the shape of its class; names are capitalised.
fn invent(class: WordClass, rng: &mut Rng) -> String {
    let (syllables, endings): (usize, &[&str]) = match class {
        WordClass::Noun => (
            1 + usize::from(rng.chance(25)),
            &["", "er", "ion", "ment", "age", "ing", "ance", "or", "ship", "et", "on", "", "", ""],
        ),
        WordClass::Verb => (1 + usize::from(rng.chance(25)), &[""]),
        WordClass::Adjective => {
            (1 + usize::from(rng.chance(25)), &["al", "ous", "ive", "ful", "ic", "able", "y", "less", "en", "ant"])
        }
        WordClass::Adverb => (1, &["ally", "ously", "ively", "fully", "ably", "ily", "antly"]),
        WordClass::First => (1, &["a", "o", "in", "en", "us", "is", "y", "ie"]),
        WordClass::Surname => (1, &["er", "son", "man", "ley", "ton", "ings", "ski", "ard"]),
        WordClass::Place => (1, &["burg", "ford", "ham", "port", "mouth", "ville", "by", "haven"]),
    };
    let mut word = String::new();
    for syllable in 1..=syllables {
        word.push_str(rng.pick(ONSETS));
        word.push_str(rng.pick(NUCLEI));
        // The last syllable is closed, so that every ending can follow; the others mostly are open.
        if syllable == syllables || rng.chance(20) {
            word.push_str(rng.pick(CODAS));
        }
    }
    // One closed syllable alone is too often a real word: open it first.
    if syllables == 1 && matches!(class, WordClass::Noun | WordClass::Verb | WordClass::Adjective | WordClass::Adverb) {
        let open = [rng.pick(ONSETS), rng.pick(NUCLEI)].concat();
        word.insert_str(0, &open);
    }
    word.push_str(rng.pick(endings));
    if matches!(class, WordClass::First | WordClass::Surname | WordClass::Place) { capitalised(&word) } else { word }
}

/// `text` with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
