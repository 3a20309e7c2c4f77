//! Which models does a sample give? Frequencies of words, and for each language what its texts
//! share, and how its words stand beside each other.
//!
//! A language with too little text has no model of its own: the model of all languages together
//! stands in.
//!
//! **Cost** about one second for four million tokens. **State** 1 to 4 MB a language with much
//! text, and 12 bytes a distinct word.

use super::{
    context::{self, ContextVector, DIMENSIONS, WEIGHT_UNIT},
    language_model::{LANGUAGE_DOCUMENTS_MIN, LanguageModel, NeighbourEvidence},
    sample::{Sample, SampledDocument},
    words::Words,
};
use crate::text::{Language, Seed, Token};

/// Fewest tokens for a model of neighbours of a language's own.
const TOKENS_MIN: usize = 6_000;
/// Tokens in trusted documents of the language, without which it has no such model unless those are
/// many: what a few publishers of a stream write tells too little of a language.
const TRUSTED_TOKENS_MIN: usize = 60_000;
/// Words that say something about a text's subject: those of at least this many documents and of at
/// most this share of a language's documents.
const DOCUMENTS_MIN: f64 = 4.0;
const SHARE_MIN: f64 = 0.0005;
const SHARE_MAX: f64 = 0.06;
/// The same in a language of few documents.
const DOCUMENTS_MAX: f64 = 12.0;
const SHARE_MAX_FEW: f64 = 0.2;

/// What is known of one language.
#[derive(Clone, Debug)]
struct LanguageUsage {
    documents: usize,
    tokens: usize,
    /// Mean of the directions of its documents.
    mean: [f64; DIMENSIONS],
    model: Option<LanguageModel>,
}

/// The texts that something is learned from.
#[derive(Clone, Debug, Default)]
struct Texts<'a> {
    documents: Vec<&'a SampledDocument>,
    /// The tokens of each document, sorted.
    sorted: Vec<&'a [Token]>,
    /// How many of the documents, the first ones, are of the trusted sample.
    trusted: usize,
}

impl<'a> Texts<'a> {
    fn push(&mut self, document: &'a SampledDocument, sorted: &'a [Token], is_trusted: bool) {
        self.documents.push(document);
        self.sorted.push(sorted);
        self.trusted += usize::from(is_trusted);
    }
}

/// Models of the usage of words.
#[derive(Clone, Debug)]
pub struct UsageModels {
    seed: Seed,
    words: Words,
    /// By the index of the language; `None` for languages that the sample does not have.
    languages: Vec<Option<LanguageUsage>>,
    all: LanguageUsage,
    /// Whether all documents are of one language, or of none that is known.
    is_one: bool,
}

impl UsageModels {
    /// Learns from the documents of samples. The first one is trusted, if there are several: what stands
    /// in none of its documents may be planted, which matters in languages of few documents.
    #[must_use]
    pub fn learn(seed: Seed, samples: &[&Sample]) -> Self {
        let documents: Vec<&SampledDocument> = samples.iter().flat_map(|s| s.documents()).collect();
        let sort = |document: &SampledDocument| {
            let mut sorted = document.tokens.to_vec();
            sorted.sort_unstable();
            sorted
        };
        let sorted: Vec<Vec<Token>> = documents.iter().map(|document| sort(document)).collect();
        let mut words = Words::default();
        for tokens in &sorted {
            words.add_document(tokens);
        }
        let languages = vec![None; Language::COUNT];
        let mut models = Self { seed, words, languages, all: LanguageUsage::default(), is_one: false };
        let mut of: Vec<Texts<'_>> = vec![Texts::default(); Language::COUNT];
        let mut all = Texts::default();
        let trusted = samples.first().map_or(0, |sample| sample.documents().len());
        for (number, (&document, sorted)) in documents.iter().zip(&sorted).enumerate() {
            let is_trusted = number < trusted;
            of[usize::from(document.language.index())].push(document, sorted, is_trusted);
            all.push(document, sorted, is_trusted);
        }
        models.all = models.usage(&all, Some(&models.words));
        models.is_one = of.iter().filter(|texts| !texts.documents.is_empty()).count() == 1;
        for (language, texts) in of.iter().enumerate().filter(|(_, texts)| !texts.documents.is_empty()) {
            let usage = if models.is_one { models.all.clone() } else { models.usage(texts, None) };
            models.languages[language] = Some(usage);
        }
        models
    }

    /// What texts say of their language. If the frequencies of their words are given, they get a model
    /// of neighbours however few they are.
    fn usage(&self, texts: &Texts<'_>, words: Option<&Words>) -> LanguageUsage {
        let Texts { documents, sorted, trusted } = texts;
        let tokens = documents.iter().map(|d| d.tokens.len()).sum();
        let mut usage = LanguageUsage { documents: documents.len(), tokens, ..LanguageUsage::default() };
        let mut distinct = Vec::new();
        for tokens in sorted {
            distinct.clear();
            distinct.extend_from_slice(tokens);
            distinct.dedup();
            let direction = self.direction(&usage, &distinct);
            usage.mean.iter_mut().zip(direction).for_each(|(m, x)| *m += x / documents.len() as f64);
        }
        let trusted_tokens: usize = documents[..*trusted].iter().map(|d| d.tokens.len()).sum();
        let is_known = tokens >= TOKENS_MIN && (*trusted >= LANGUAGE_DOCUMENTS_MIN || trusted_tokens >= TRUSTED_TOKENS_MIN);
        let counts = match words {
            Some(words) => words.occurrences(),
            None if is_known => {
                let mut words = Words::default();
                for tokens in sorted {
                    words.add_document(tokens);
                }
                words.occurrences()
            }
            None => return usage,
        };
        usage.model = Some(LanguageModel::learn(self.seed, &counts, documents, *trusted));
        usage
    }

    fn of(&self, language: Language) -> &LanguageUsage {
        self.languages[usize::from(language.index())].as_ref().unwrap_or(&self.all)
    }

    /// What a text is about, in comparison with other texts of its language. `words` are distinct
    /// tokens.
    #[must_use]
    pub fn context(&self, language: Language, words: &[Token]) -> ContextVector {
        let usage = self.of(language);
        context::centred(&self.direction(usage, words), &usage.mean)
    }

    fn direction(&self, usage: &LanguageUsage, words: &[Token]) -> [f64; DIMENSIONS] {
        // This reads all cache lines at once and not one after the other.
        std::hint::black_box(words.iter().fold(0, |x, &word| x ^ self.words.touch(word)));
        let n = usage.documents as f64;
        let least = (SHARE_MIN * n).max(DOCUMENTS_MIN);
        let most = (SHARE_MAX * n).max(DOCUMENTS_MAX.min(SHARE_MAX_FEW * n));
        let weight = |&word: &Token| {
            let documents = f64::from(self.words.get(word).0);
            let says = word != Token::BREAK && documents >= least && documents <= most;
            (word, if says { (libm::log(n / documents) * WEIGHT_UNIT) as i32 } else { 0 })
        };
        context::direction(self.seed, words.iter().map(weight))
    }

    /// What the tokens beside a phrase say, with the model of a language.
    #[must_use]
    pub fn neighbours(&self, language: Language, beside: &[(Token, Token)]) -> NeighbourEvidence {
        let own = self.own_model(language).map(|model| model.evidence(beside));
        let all = || self.all.model.as_ref().map(|model| model.evidence(beside).against());
        match own {
            Some(own) if self.is_one || language.is_known() => own,
            // Text of no known language is a mixture of several, which no model of it fits; and models of other
            // languages are no evidence of a gap in this one.
            own => match (own, all()) {
                (Some(own), Some(all)) => own.least(all),
                (one, other) => one.or(other).unwrap_or_default().against(),
            },
        }
    }

    /// How well the pairs of tokens beside some carriers of a phrase fit a gap better than the syntax
    /// that all its carriers show: the mean logarithm of the ratio, in nats.
    #[must_use]
    pub fn fit(&self, language: Language, beside: &[(Token, Token)], own: &[(Token, Token)]) -> f64 {
        self.model(language).map_or(0.0, |model| model.fit(beside, own))
    }

    fn model(&self, language: Language) -> Option<&LanguageModel> {
        self.own_model(language).or(self.all.model.as_ref())
    }

    fn own_model(&self, language: Language) -> Option<&LanguageModel> {
        self.languages[usize::from(language.index())].as_ref().and_then(|usage| usage.model.as_ref())
    }

    /// How common a token is among those of a language: a share of all tokens, above 0.
    #[must_use]
    pub fn share_of_token(&self, language: Language, token: Token) -> f64 {
        let usage = self.of(language);
        ((f64::from(self.words.get(token).1) + 1.0) / (usage.tokens as f64 + 1.0)).min(1.0)
    }

    /// Whether a token may say what a text is about: it is uncommon, less than one in a thousand
    /// tokens of its language, and still in use. A word that nobody uses is no subject's: it may be
    /// planted itself.
    #[must_use]
    pub fn tells_subject(&self, language: Language, token: Token) -> bool {
        let in_use = self.words.get(token).0 >= IN_USE;
        token != Token::BREAK && in_use && self.share_of_token(language, token) < COMMON_SHARE
    }

    /// Bytes held, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.bytes()
    }
}

const COMMON_SHARE: f64 = 0.001;
/// Documents of the sample from which on a word is in use.
const IN_USE: u32 = 3;

impl Default for LanguageUsage {
    fn default() -> Self {
        Self { documents: 0, tokens: 0, mean: [0.0; DIMENSIONS], model: None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text::{TokenKind, hash::mix};

    /// Text in which each of 40 words has one follower.
    fn document(language: Language, number: u64) -> (Language, Arc<[Token]>) {
        let word = |i: u64| Token::new(TokenKind::Word, mix(i % 40 + 100 * u64::from(language.index())));
        (language, (0..400).map(|i| word(number + i)).collect())
    }

    #[test]
    fn a_language_without_a_model_has_no_evidence_of_gaps() {
        let [own, thin, absent] = [0, 1, 2].map(|i| Language::from_index(i).expect("a language"));
        let documents: Vec<_> = (0..60).map(|i| document(own, i)).chain([document(thin, 0)]).collect();
        let sample = Sample::draw(documents.iter().map(|(language, tokens)| (*language, tokens)));
        let models = UsageModels::learn(Seed(1), &[&sample]);
        let text = &documents[0].1;
        // Between words that stand beside each other, ever others.
        let planted: Vec<(Token, Token)> = (0..20).map(|i| (text[i * 7], text[i * 7 + 1])).collect();
        // What is not within a line is no gap.
        let unlike: Vec<(Token, Token)> = (0..20).map(|i| (text[i * 7], text[i * 7 + 3])).collect();
        assert!(models.neighbours(own, &planted).within > models.neighbours(own, &unlike).within + 20.0);
        for language in [thin, absent, Language::UNKNOWN] {
            let evidence = models.neighbours(language, &planted);
            assert!(evidence.within <= 0.0 && evidence.edge <= 0.0 && evidence.seam <= 0.0, "{language:?} {evidence:?}");
        }
    }
}
