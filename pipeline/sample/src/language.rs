//! How does the sample speak? The language of one seed, and a writer that fills templates for one
//! page.
//!
//! A noun is taken from what the page is about (15%), the topic (61%), the words common to all
//! topics (20%) or anywhere (4%, the long tail). Each word prefers some partners: two times in
//! three its successor is one of six that the pair of word and class decides, so adjacent pairs
//! recur without a table of pairs.
//!
//! Cost: about 40 ns a word. State: the vocabulary and the topics, some 5 MB.

use super::function_words as f;
use super::grammar::{self, Template, TemplatePart, TemplateSlot};
use super::random::{Rng, Zipf, mix};
use super::topics::{self, Ranks, SampleTopic};
use super::vocabulary::{Vocabulary, WordClass, WordId, capitalised};

/// Partners that a word prefers.
const PARTNERS: u64 = 6;

/// The language of one seed.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) vocabulary: Vocabulary,
    pub(super) topics: Vec<SampleTopic>,
    common: SampleTopic,
    ranks: Ranks,
    noun_phrases: Vec<Template>,
    noun_phrase_ranks: Zipf,
    pub(super) sentences: Templates,
    pub(super) items: Templates,
    pub(super) titles: Templates,
    pub(super) product: Templates,
    pub(super) planted: Templates,
}

/// Templates of one kind with how often each is used.
#[derive(Debug)]
pub(super) struct Templates {
    templates: Vec<Template>,
    ranks: Zipf,
}

impl Templates {
    fn new(texts: &[&'static str], shift: u64) -> Self {
        Self { templates: grammar::parse(texts), ranks: Zipf::new(texts.len(), shift) }
    }
}

impl Language {
    /// The language of `seed` over a vocabulary.
    pub(super) fn new(seed: u64, vocabulary: Vocabulary) -> Self {
        let ranks = Ranks::new();
        let topics = topics::all(seed, &vocabulary, &ranks);
        let common = topics::common(seed, &vocabulary, &ranks);
        Self {
            vocabulary,
            topics,
            common,
            ranks,
            noun_phrases: grammar::parse(grammar::NOUN_PHRASES),
            noun_phrase_ranks: Zipf::new(grammar::NOUN_PHRASES.len(), 4),
            sentences: Templates::new(grammar::SENTENCES, 12),
            items: Templates::new(grammar::ITEMS, 12),
            titles: Templates::new(grammar::TITLES, 6),
            product: Templates::new(grammar::PRODUCT, 40),
            planted: Templates::new(grammar::PLANTED, 1),
        }
    }

    /// A word drawn from a topic without regard to its neighbours.
    pub(super) fn word_of(&self, topic: usize, class: WordClass, rng: &mut Rng) -> WordId {
        self.topics[topic].words(class)[self.ranks.of(class).rank(rng.next())]
    }
}

/// Writes about one subject: a topic, and a few words and people that come up again and again.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    language: &'a Language,
    topic: &'a SampleTopic,
    focus: [WordId; 4],
    people: [String; 2],
    /// What `{product}` stands for; empty unless the page is about one.
    product: &'a str,
    last: WordId,
}

impl<'a> Writer<'a> {
    /// A writer with a subject of its own.
    pub(super) fn new(language: &'a Language, topic: usize, rng: &mut Rng) -> Self {
        let own = &language.topics[topic];
        let focus = std::array::from_fn(|i| {
            if i == 0 { rng.pick(own.words(WordClass::Noun)) } else { language.word_of(topic, WordClass::Noun, rng) }
        });
        let mut person = || own.people[language.ranks.people.rank(rng.next())].clone();
        Self { language, topic: own, focus, people: [person(), person()], product: "", last: focus[0] }
    }

    /// The same writer, on a product.
    pub(super) fn with_product(self, product: &'a str) -> Self {
        Self { product, ..self }
    }

    /// A sentence or line, its first letter in upper case.
    pub(super) fn write(&mut self, templates: &'a Templates, rng: &mut Rng) -> String {
        let template = &templates.templates[templates.ranks.rank(rng.next())];
        let mut out = String::with_capacity(160);
        for part in template {
            match *part {
                TemplatePart::TemplateSlot(TemplateSlot::NounPhrase) => {
                    let language = self.language;
                    for part in &language.noun_phrases[language.noun_phrase_ranks.rank(rng.next())] {
                        self.part(*part, &mut out, rng);
                    }
                }
                part => self.part(part, &mut out, rng),
            }
        }
        match out.bytes().next() {
            Some(b'a'..=b'z') => out[..1].make_ascii_uppercase(),
            Some(b'"') if out.len() > 1 && out.is_char_boundary(2) => out[1..2].make_ascii_uppercase(),
            _ => {}
        }
        out
    }

    /// One piece of a template.
    fn part(&mut self, part: TemplatePart, out: &mut String, rng: &mut Rng) {
        let slot = match part {
            TemplatePart::Text(text) => return out.push_str(text),
            TemplatePart::TemplateSlot(slot) => slot,
        };
        match slot {
            TemplateSlot::Noun => self.push(WordClass::Noun, "", out, rng),
            TemplateSlot::Nouns => self.push(WordClass::Noun, "s", out, rng),
            TemplateSlot::Adjective => self.push(WordClass::Adjective, "", out, rng),
            TemplateSlot::Adverb => self.push(WordClass::Adverb, "", out, rng),
            TemplateSlot::Verb => self.push(WordClass::Verb, "", out, rng),
            TemplateSlot::Verbs => self.push(WordClass::Verb, "s", out, rng),
            TemplateSlot::Verbed => self.push(WordClass::Verb, "ed", out, rng),
            TemplateSlot::Verbing => self.push(WordClass::Verb, "ing", out, rng),
            TemplateSlot::Place => self.push(WordClass::Place, "", out, rng),
            TemplateSlot::Collocation => {
                let rank = self.language.ranks.collocations.rank(rng.next());
                push_word(out, &self.topic.collocations[rank], "");
            }
            TemplateSlot::Person => self.person(out, rng),
            TemplateSlot::Number => out.push_str(&number(rng)),
            TemplateSlot::Year => out.push_str(&(2025 - rng.below(8) * rng.below(10)).to_string()),
            TemplateSlot::Date => {
                let (day, month) = (rng.between(1, 28), rng.pick(f::MONTHS));
                out.extend([day.to_string().as_str(), " ", month]);
            }
            TemplateSlot::Determiner => function_word(f::DETERMINERS, out, rng),
            TemplateSlot::Quantifier => function_word(f::QUANTIFIERS, out, rng),
            TemplateSlot::Preposition => function_word(f::PREPOSITIONS, out, rng),
            TemplateSlot::Conjunction => function_word(f::CONJUNCTIONS, out, rng),
            TemplateSlot::Opener => function_word(f::OPENERS, out, rng),
            TemplateSlot::Modal => function_word(f::MODALS, out, rng),
            TemplateSlot::LittleAdverb => function_word(f::ADVERBS, out, rng),
            TemplateSlot::Pronoun => function_word(f::PRONOUNS, out, rng),
            TemplateSlot::Product => out.push_str(self.product),
            // Noun phrases hold none; `write` has filled those of sentences.
            TemplateSlot::NounPhrase => {}
        }
    }

    fn push(&mut self, class: WordClass, ending: &str, out: &mut String, rng: &mut Rng) {
        let word = self.word(class, rng);
        self.last = word;
        push_word(out, self.language.vocabulary.spell(word), ending);
    }

    /// The next word of a class.
    fn word(&self, class: WordClass, rng: &mut Rng) -> WordId {
        let source = rng.below(100);
        if class == WordClass::Noun && source < 15 {
            return rng.pick(&self.focus);
        }
        if source >= 96 {
            return Vocabulary::any(class, rng);
        }
        let (topic, common) = if source < 76 { (self.topic, 0) } else { (&self.language.common, 1) };
        let draw = if rng.below(3) < 2 {
            let partner = rng.next() % PARTNERS;
            mix(mix(u64::from(self.last), class as u64 * 2 + common), partner)
        } else {
            rng.next()
        };
        topic.words(class)[self.language.ranks.of(class).rank(draw)]
    }

    fn person(&self, out: &mut String, rng: &mut Rng) {
        match rng.below(100) {
            0..55 => out.push_str(&self.people[rng.below(2)]),
            55..92 => out.push_str(&self.topic.people[self.language.ranks.people.rank(rng.next())]),
            _ => out.push_str(&topics::person(&self.language.vocabulary, rng)),
        }
    }
}

/// Appends a word; an "a" before it becomes "an" where it must.
fn push_word(out: &mut String, word: &str, ending: &str) {
    let article = out == "a" || out.ends_with(" a") || out == "a " || out.ends_with(" a ");
    if article && word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        let end = out.trim_end().len();
        out.insert(end, 'n');
    }
    out.push_str(word);
    out.push_str(ending);
}

/// One of a list in falling order of use, without a table: the lesser of two draws leans to the
/// front.
fn function_word(list: &[&str], out: &mut String, rng: &mut Rng) {
    let rank = rng.below(list.len()).min(rng.below(list.len())).min(rng.below(list.len()));
    push_word(out, list[rank], "");
}

/// Small numbers mostly, some with a thousands separator.
fn number(rng: &mut Rng) -> String {
    match rng.below(10) {
        0..5 => rng.between(2, 40).to_string(),
        5..8 => rng.between(41, 999).to_string(),
        _ => format!("{},{:03}", rng.between(1, 90), rng.below(100) * 10),
    }
}

/// An invented word that is no part of the vocabulary, for planting.
pub(super) fn planted_name(vocabulary: &mut Vocabulary, seed: u64, number: u64) -> String {
    capitalised(&vocabulary.fresh(WordClass::Noun, &mut Rng::new(seed, 3, number)))
}
