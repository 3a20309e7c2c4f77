//! How often has a background two words side by side that ordinary text has side by side, and two
//! that chance has?
//!
//! That depends on how common the words are, and on how much text of their language there is: of a
//! language with few documents most pairs are new, whoever wrote them. So pairs are sorted into cells
//! by the rarer word's occurrences and by how often chance alone would have put the two side by side,
//! and the background knows for each cell the share of known pairs in ordinary text and among random
//! words of one document. The shares are those of all languages together; each language has a factor
//! of its own for each of them.
//!
//! What a pair says is the logarithm of the ratio of the two chances: how much likelier it is to find
//! it known, or unknown, among random words than in ordinary text. Where the background knows little,
//! both chances are small, and it says nothing.
//!
//! **State** 5 KB, and 4 KB for each language and script.

use std::collections::BTreeMap;

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::Language,
};

/// Classes of the rarer word by its occurrences: 1, 2 or 3, 4 to 7, and so on.
const RARITIES: usize = 13;
/// Classes of the number of times that chance would have put two words side by side: powers of two.
const CHANCES: usize = 24;
/// The class of a number of times of 1.
const CHANCE_ONE: i32 = 14;
/// Number of cells.
pub(crate) const CELLS: usize = RARITIES * CHANCES;
/// A language's factor is at most e to the power of this, either way.
const FACTOR_LOG_MAX: f64 = 4.0;
/// How much text, in pairs whose outcome is open, outweighs the factor that all languages have.
const PRIOR_PAIRS: f64 = 2.5;

/// Pairs of words by cell: how many there are, and how many of them are known.
#[derive(Clone, Debug)]
pub(crate) struct PairTally {
    all: Vec<f64>,
    known: Vec<f64>,
}

impl Default for PairTally {
    fn default() -> Self {
        Self { all: vec![0.0; CELLS], known: vec![0.0; CELLS] }
    }
}

impl PairTally {
    /// Counts a pair of a cell.
    pub(crate) fn add(&mut self, cell: usize, known: bool) {
        self.all[cell] += 1.0;
        self.known[cell] += f64::from(u8::from(known));
    }

    /// Adds the pairs of another tally.
    pub(crate) fn join(&mut self, other: &Self) {
        self.all.iter_mut().zip(&other.all).for_each(|(mine, theirs)| *mine += theirs);
        self.known.iter_mut().zip(&other.known).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// The logarithm of the odds that a pair of each cell is known.
    fn odds(&self) -> Vec<f64> {
        let cells = self.all.iter().zip(&self.known);
        cells.map(|(all, known)| libm::log((known + 0.5) / (all - known + 0.5))).collect()
    }

    /// The number to add to `odds` so that as many pairs are known as are: a logistic regression with
    /// one unknown, by Newton's method.
    fn shift(&self, odds: &[f64]) -> f64 {
        let mut shift = 0.0;
        for _ in 0..4 {
            let (mut excess, mut information) = (0.0, PRIOR_PAIRS);
            for ((all, known), odds) in self.all.iter().zip(&self.known).zip(odds) {
                let share = share(odds + shift);
                excess += known - all * share;
                information += all * share * (1.0 - share);
            }
            shift = f64::clamp(shift + excess / information, -FACTOR_LOG_MAX, FACTOR_LOG_MAX);
        }
        shift
    }
}

/// The share that has these odds.
fn share(odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-odds))
}

/// What is known of the order of words in one language, or in a script.
#[derive(Clone, Debug, PartialEq)]
pub struct LanguageOrder {
    /// Its words in the background.
    words: u64,
    /// What is added to the odds of all languages: in ordinary text, and among random words.
    shifts: [f64; 2],
    /// The score from which on text is gibberish.
    threshold: f64,
    /// What a pair of each cell says if it is unknown, and if it is known. It follows from the rest.
    says: Vec<[f32; 2]>,
}

impl LanguageOrder {
    /// The score from which on text is gibberish.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// How much likelier a pair of words that occur `left` and `right` times is among random words
    /// than in ordinary text, as a logarithm. 0 if a word is unknown.
    #[inline]
    #[must_use]
    pub fn evidence(&self, left: u32, right: u32, known: bool) -> f32 {
        cell(left, right, self.words).map_or(0.0, |cell| self.says[cell][usize::from(known)])
    }

    fn new(odds: &[Vec<f64>; 2], words: u64, shifts: [f64; 2], threshold: f64) -> Self {
        let says = odds[0].iter().zip(&odds[1]).map(|(ordinary, random)| {
            let random = share(random + shifts[1]);
            // Ordinary text never has fewer known pairs than random words.
            let ordinary = share(ordinary + shifts[0]).max(random);
            [libm::log((1.0 - random) / (1.0 - ordinary)) as f32, libm::log(random / ordinary) as f32]
        });
        Self { words, shifts, threshold, says: says.collect() }
    }
}

/// The cell of two words that occur so often in a language with so many words.
pub(crate) fn cell(left: u32, right: u32, words: u64) -> Option<usize> {
    let rarity = left.min(right).checked_ilog2()?;
    let chance = (u64::from(left) * u64::from(right)).ilog2() as i32 - words.max(1).ilog2() as i32 + CHANCE_ONE;
    let chance = chance.clamp(0, CHANCES as i32 - 1) as usize;
    Some((rarity as usize).min(RARITIES - 1) * CHANCES + chance)
}

/// What was counted of one language, or of a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct LanguageTally {
    /// Its words in the whole background.
    pub(crate) words: u64,
    pub(crate) ordinary: PairTally,
    pub(crate) random: PairTally,
}

/// See the module documentation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WordOrder {
    /// The logarithms of the odds that a pair of each cell is known, in ordinary text and among random
    /// words of a document; without any if nothing was learned.
    odds: [Vec<f64>; 2],
    languages: BTreeMap<Language, LanguageOrder>,
}

impl WordOrder {
    /// Everything but the thresholds, which follows from the tallies of all languages together, and of
    /// each one.
    pub(crate) fn new(ordinary: &PairTally, random: &PairTally, languages: BTreeMap<Language, LanguageTally>) -> Self {
        let odds = [ordinary.odds(), random.odds()];
        let order = |tally: LanguageTally| {
            let shifts = [tally.ordinary.shift(&odds[0]), tally.random.shift(&odds[1])];
            LanguageOrder::new(&odds, tally.words, shifts, 1.0)
        };
        let languages = languages.into_iter().map(|(language, tally)| (language, order(tally))).collect();
        Self { odds, languages }
    }

    /// Sets the score from which on text of a language is gibberish.
    pub(crate) fn set_threshold(&mut self, language: Language, threshold: f64) {
        if let Some(order) = self.languages.get_mut(&language) {
            order.threshold = threshold;
        }
    }

    /// What is known of a language itself.
    #[must_use]
    pub fn language(&self, language: Language) -> Option<&LanguageOrder> {
        self.languages.get(&language)
    }

    /// What is known of all text in the script of a language, or else of all text.
    #[must_use]
    pub fn around(&self, language: Language) -> Option<&LanguageOrder> {
        self.languages.get(&language.undetermined()).or_else(|| self.languages.get(&Language::UNKNOWN))
    }

    /// Writes it.
    pub(super) fn save(&self, out: &mut Encoder) {
        for odds in &self.odds {
            out.u64(odds.len() as u64);
            for &x in odds {
                out.f64(x);
            }
        }
        out.u64(self.languages.len() as u64);
        for (language, LanguageOrder { words, shifts, threshold, .. }) in &self.languages {
            out.u8(language.index());
            out.u64(*words);
            for &x in shifts.iter().chain([threshold]) {
                out.f64(x);
            }
        }
    }

    /// Reads what [`Self::save`] wrote.
    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut odds = [Vec::new(), Vec::new()];
        for odds in &mut odds {
            let n = from.len(8)?;
            *odds = (0..n).map(|_| from.f64()).collect::<Result<_, _>>()?;
            if (n != 0 && n != CELLS) || odds.iter().any(|x| !x.is_finite()) {
                return Err(from.corrupt("finite odds of each cell"));
            }
        }
        let mut languages = BTreeMap::new();
        for _ in 0..from.len(33)? {
            let language = Language::from_index(from.u8()?).ok_or_else(|| from.corrupt("a known language"))?;
            let words = from.u64()?;
            let (shifts, threshold) = ([from.f64()?, from.f64()?], from.f64()?);
            let sound = shifts.iter().all(|x| x.abs() <= FACTOR_LOG_MAX) && threshold > 0.0 && threshold <= 1.0;
            if !sound || odds[0].len() != CELLS || odds[1].len() != CELLS {
                return Err(from.corrupt("figures of a language"));
            }
            languages.insert(language, LanguageOrder::new(&odds, words, shifts, threshold));
        }
        Ok(Self { odds, languages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of the common pairs of ordinary text are known and few random ones; of a language with
    /// little text a tenth of that.
    fn order() -> WordOrder {
        let tally = |share: usize| {
            let mut tally = PairTally::default();
            for left in [2, 20, 200] {
                let cell = cell(left, 30, 10_000).expect("known words");
                (0..1000).for_each(|i| tally.add(cell, i % 1000 < share));
            }
            tally
        };
        let language = |words, ordinary, random| LanguageTally { words, ordinary, random };
        let (rich, thin) = (language(10_000, tally(500), tally(20)), language(10_000, tally(30), tally(2)));
        let languages = [("eng", rich), ("lao", thin)].map(|(code, tally)| (Language::parse(code).expect("a code"), tally));
        WordOrder::new(&tally(500), &tally(20), languages.into())
    }

    #[test]
    fn a_pair_says_more_where_more_is_known() {
        let order = order();
        let of = |code: &str| order.language(Language::parse(code).expect("a code")).expect("a language");
        let unknown = |code: &str| of(code).evidence(20, 30, false);
        assert!((unknown("eng") - 0.67).abs() < 0.02, "{}", unknown("eng"));
        assert!(unknown("lao") > 0.0 && unknown("lao") < 0.05, "{}", unknown("lao"));
        assert!((of("eng").evidence(20, 30, true) + 3.2).abs() < 0.1);
        assert!(of("eng").evidence(0, 30, false).abs() < f32::EPSILON, "an unknown word says nothing");
        assert!(order.language(Language::UNKNOWN).is_none() && order.around(Language::UNKNOWN).is_none());
    }

    #[test]
    fn saves_and_loads_and_refuses_all_else() {
        for order in [order(), WordOrder::default()] {
            let mut out = Encoder::default();
            order.save(&mut out);
            let mut from = Decoder::new(&out.bytes);
            assert_eq!(WordOrder::load(&mut from).expect("what save wrote"), order);
            from.end().expect("all of it");
            for end in (0..out.bytes.len()).step_by(61) {
                assert!(WordOrder::load(&mut Decoder::new(&out.bytes[..end])).is_err());
            }
        }
    }
}
