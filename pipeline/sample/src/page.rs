//! What does a page say? A title and blocks of sentences on one topic, and the edits that make
//! copies and plants of it.
//!
//! Lengths are lognormal (median 250 words, sigma .85), from a table of quantiles, cut at 4,000.

use super::language::{Language, Writer};
use super::random::Rng;
use super::vocabulary::{Vocabulary, WordClass};

/// A part of a page's text.
#[derive(Clone, Debug)]
pub(super) enum TextBlock {
    /// A heading between paragraphs.
    Heading(String),
    /// Sentences.
    Paragraph(Vec<String>),
    /// Lines of a list.
    List(Vec<String>),
}

/// A page without the navigation and footer that its site adds.
#[derive(Clone, Debug)]
pub(super) struct InventedPage {
    pub(super) title: String,
    pub(super) blocks: Vec<TextBlock>,
    /// A line below the site's own footer.
    pub(super) last_line: Option<String>,
}

/// Per mille of pages, words: the lognormal's quantile function.
const LENGTHS: &[(usize, usize)] = &[
    (0, 25),
    (10, 35),
    (50, 62),
    (100, 84),
    (250, 141),
    (500, 250),
    (750, 444),
    (900, 743),
    (950, 1012),
    (990, 1807),
    (999, 3460),
    (1000, 4000),
];

/// How many words a page shall have.
pub(super) fn length(rng: &mut Rng) -> usize {
    let at = rng.below(1_000_000);
    let upper = LENGTHS.iter().position(|(mille, _)| mille * 1000 > at).unwrap_or(LENGTHS.len() - 1);
    let ((low, from), (high, to)) = (LENGTHS[upper - 1], LENGTHS[upper]);
    from + (to - from) * (at - low * 1000) / ((high - low) * 1000)
}

impl InventedPage {
    /// A page of about `words` words.
    pub(super) fn compose(language: &Language, topic: usize, words: usize, rng: &mut Rng) -> Self {
        let mut writer = Writer::new(language, topic, rng);
        let mut page = Self { title: writer.write(&language.titles, rng), blocks: Vec::new(), last_line: None };
        let mut left = words;
        while left > 0 {
            let block = match rng.below(100) {
                0..6 if !page.blocks.is_empty() => {
                    TextBlock::List((0..rng.between(3, 7)).map(|_| writer.write(&language.items, rng)).collect())
                }
                6..16 if left > 80 && !page.blocks.is_empty() => TextBlock::Heading(writer.write(&language.titles, rng)),
                _ => paragraph(&mut writer, language, left, rng),
            };
            left = left.saturating_sub(block.words());
            page.blocks.push(block);
        }
        page
    }

    /// How many words the blocks hold.
    fn words(&self) -> usize {
        self.blocks.iter().map(TextBlock::words).sum()
    }

    /// All sentences of paragraphs.
    fn sentences(&mut self) -> Vec<&mut String> {
        self.blocks
            .iter_mut()
            .filter_map(|block| if let TextBlock::Paragraph(sentences) = block { Some(sentences) } else { None })
            .flatten()
            .collect()
    }

    /// Puts `phrase` between two words of some sentence.
    pub(super) fn insert_words(&mut self, phrase: &str, rng: &mut Rng) {
        let mut sentences = self.sentences();
        let at = rng.below(sentences.len());
        if let Some(sentence) = sentences.get_mut(at) {
            let gaps: Vec<usize> = sentence.match_indices(' ').map(|(i, _)| i).collect();
            let gap = if gaps.is_empty() { sentence.len() } else { rng.pick(&gaps) };
            sentence.insert_str(gap, &format!(" {phrase}"));
        }
    }

    /// Puts a sentence between others.
    pub(super) fn add_sentence(&mut self, sentence: &str, rng: &mut Rng) {
        let mut paragraphs: Vec<&mut Vec<String>> = self
            .blocks
            .iter_mut()
            .filter_map(|block| if let TextBlock::Paragraph(sentences) = block { Some(sentences) } else { None })
            .collect();
        let at = rng.below(paragraphs.len());
        if let Some(paragraph) = paragraphs.get_mut(at) {
            let at = rng.between(1, paragraph.len());
            paragraph.insert(at, sentence.to_owned());
        }
    }

    /// Opens the text with a phrase.
    pub(super) fn open_with(&mut self, phrase: &str) {
        if let Some(first) = self.sentences().first_mut() {
            first.insert_str(0, &format!("{phrase} "));
        }
    }

    /// Replaces letters of `count` words by Cyrillic ones that look the same.
    pub(super) fn disguise(&mut self, count: usize, rng: &mut Rng) {
        for _ in 0..count {
            self.edit_word(rng, |word, _| {
                word.chars()
                    .map(|c| LOOKALIKES.iter().find(|(latin, _)| *latin == c).map_or(c, |(_, cyrillic)| *cyrillic))
                    .collect()
            });
        }
    }

    /// Edits `per_mille` of the words: replaced, left out or doubled by another.
    pub(super) fn edit(&mut self, language: &Language, topic: usize, per_mille: usize, rng: &mut Rng) {
        for _ in 0..(self.words() * per_mille).div_ceil(1000) {
            self.edit_word(rng, |word, rng| {
                let class = rng.pick(&[WordClass::Noun, WordClass::Adjective, WordClass::Verb]);
                let other = language.vocabulary.spell(language.word_of(topic, class, rng));
                match rng.below(4) {
                    0 => String::new(),
                    1 => format!("{word} {other}"),
                    _ => other.to_owned(),
                }
            });
        }
    }

    /// Puts another word in the place of one inside a sentence (neither the first nor the last).
    fn edit_word(&mut self, rng: &mut Rng, edit: impl FnOnce(&str, &mut Rng) -> String) {
        let mut sentences = self.sentences();
        let at = rng.below(sentences.len());
        let Some(sentence) = sentences.get_mut(at) else { return };
        let mut words: Vec<&str> = sentence.split(' ').collect();
        if words.len() < 3 {
            return;
        }
        let at = rng.between(1, words.len() - 2);
        let edited = edit(words[at], rng);
        if edited.is_empty() {
            words.remove(at);
        } else {
            words[at] = &edited;
        }
        **sentence = words.join(" ");
    }

    /// Keeps the beginning, at least one block.
    pub(super) fn cut(&mut self, words: usize) {
        let mut sum = 0;
        let keep = self
            .blocks
            .iter()
            .take_while(|block| {
                let wanted = sum < words;
                sum += block.words();
                wanted
            })
            .count();
        self.blocks.truncate(keep.max(1));
    }

    /// Adds `words` words drawn from the whole vocabulary without any order.
    pub(super) fn add_salad(&mut self, vocabulary: &Vocabulary, words: usize, rng: &mut Rng) {
        let mut salad = String::new();
        for _ in 0..words {
            let class = rng.pick(&[WordClass::Noun, WordClass::Noun, WordClass::Verb, WordClass::Adjective, WordClass::Adverb]);
            salad.push_str(vocabulary.spell(Vocabulary::any(class, rng)));
            salad.push(' ');
        }
        salad.pop();
        self.blocks.push(TextBlock::Paragraph(vec![salad]));
    }
}

impl TextBlock {
    fn words(&self) -> usize {
        let count = |text: &String| text.bytes().filter(|&b| b == b' ').count() + 1;
        match self {
            Self::Heading(text) => count(text),
            Self::Paragraph(lines) | Self::List(lines) => lines.iter().map(count).sum(),
        }
    }
}

/// Latin letters and the Cyrillic ones that look like them.
const LOOKALIKES: &[(char, char)] = &[
    ('a', '\u{430}'),
    ('e', '\u{435}'),
    ('o', '\u{43e}'),
    ('p', '\u{440}'),
    ('c', '\u{441}'),
    ('y', '\u{443}'),
    ('x', '\u{445}'),
    ('i', '\u{456}'),
];

/// Two to six sentences, fewer where the page ends.
fn paragraph<'a>(writer: &mut Writer<'a>, language: &'a Language, left: usize, rng: &mut Rng) -> TextBlock {
    let mut sentences = Vec::new();
    for _ in 0..rng.between(2, 6).min(left.div_ceil(15)) {
        sentences.push(writer.write(&language.sentences, rng));
    }
    TextBlock::Paragraph(sentences)
}
