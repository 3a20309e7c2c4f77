//! What does a document ask of keyed state? Its n-grams, its lines and its publisher, which follow
//! from the document and the background alone.

use crate::{
    background::Background,
    document::Document,
    operator::{KEY_SHARDS, key_shard_of},
    text::{
        Token, hash,
        line::{for_each_line, line_key},
        ngram,
    },
};

/// The first occurrence in a document of an n-gram that may be a planted phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhraseKey {
    /// Keyed hash.
    pub hash: u64,
    /// Number of documents of the background that hold it.
    pub df: u32,
    /// The tokens beside it; a line break stands for the ends of the text too.
    pub left: Token,
    /// The token behind it.
    pub right: Token,
    /// Index of its first token.
    pub place: u16,
    /// Number of tokens.
    pub len: u8,
}

/// A line of a document that is not known to be its host's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLine {
    /// Keyed hash of host and line.
    pub key: u64,
    /// Index of its first token.
    pub from: u32,
    /// Index behind its last token.
    pub to: u32,
}

/// What a document asks of the key shards.
#[derive(Clone, Debug)]
pub struct PhraseProbe {
    /// Distinct n-grams that are not too common, in the order of their hashes.
    pub ngrams: Vec<PhraseKey>,
    /// Lines in the order of their keys, repeated ones as often as they occur.
    pub lines: Vec<HostLine>,
    /// Where the n-grams and the lines of each key shard begin.
    pub(super) ngrams_of: [u32; KEY_SHARDS + 1],
    pub(super) lines_of: [u32; KEY_SHARDS + 1],
    /// Key of the publisher.
    pub publisher: u64,
    /// 16 bits of the publisher's key.
    pub mark: u16,
    /// Whether the background has no document of the publisher.
    pub is_new: bool,
    /// Number of words, up to 65,535.
    pub words: u16,
    /// Number of words that the background does not have, up to 65,535.
    pub unknown: u16,
}

impl PhraseProbe {
    pub(super) fn new(background: &Background, document: &Document) -> Self {
        let seed = background.seed();
        let tokens = cut(document.ids());
        let ngrams = phrases(background, tokens);
        let mut lines = Vec::new();
        for_each_line(tokens, |from, line| {
            let key = line_key(seed, document.publisher.host, line);
            if !background.is_boilerplate(key) {
                lines.push(HostLine { key, from: from as u32, to: (from + line.len()) as u32 });
            }
        });
        lines.sort_unstable_by_key(|l| (l.key, l.from));
        let words = tokens.iter().copied().filter(|t| t.is_word());
        let is_new = !background.knows_publisher(document.publisher.key);
        Self {
            ngrams_of: starts(ngrams.iter().map(|n| n.hash)),
            lines_of: starts(lines.iter().map(|l| l.key)),
            ngrams,
            lines,
            publisher: document.publisher.key,
            mark: document.publisher.key as u16,
            words: words.clone().count().min(usize::from(u16::MAX)) as u16,
            unknown: words.filter(|&t| background.words().get(t).0 == 0).count().min(usize::from(u16::MAX)) as u16,
            is_new,
        }
    }

    /// Index of an n-gram in `ngrams`.
    pub(super) fn find(&self, hash: u64) -> Option<usize> {
        self.ngrams.binary_search_by_key(&hash, |n| n.hash).ok()
    }
}

/// The tokens whose indices fit into 16 bits.
fn cut(tokens: &[Token]) -> &[Token] {
    &tokens[..tokens.len().min(usize::from(u16::MAX))]
}

/// Largest share of the background's documents that hold a phrase which may be planted, and a number
/// of documents that is never too many.
const SHARE_MAX: f64 = 0.02;
const DOCUMENTS_FEW: u32 = 40;

/// The distinct n-grams of a text that are not too common, in the order of their hashes.
///
/// Shorter ones are looked up first: if the background does not hold a part of an n-gram, it does
/// not hold the whole, which then need not be looked up. That saves most look-ups, and the sketch's
/// errors with them. Each length has a loop of its own, so that look-ups overlap.
pub(super) fn phrases(background: &Background, tokens: &[Token]) -> Vec<PhraseKey> {
    let tokens = cut(tokens);
    let most = ((SHARE_MAX * f64::from(background.documents())) as u32).max(DOCUMENTS_FEW);
    let mut hashes = vec![ngram::start(background.seed()); tokens.len()];
    // Documents that hold the n-gram of the length before, by its first token; there is one more behind the end.
    let mut seen = vec![u32::MAX; tokens.len() + 1];
    let mut ngrams = Vec::with_capacity(tokens.len() * 2);
    let mut places: Vec<u16> = (0..tokens.len() as u16).collect();
    for len in 1..=ngram::NGRAM_MAX {
        let last = len - 1;
        places.retain(|&p| tokens.get(usize::from(p) + last).is_some_and(|&t| t != Token::BREAK));
        // What is looked up is brought into the cache first: a look-up whose result decides what comes next would wait.
        let mut touched = 0;
        for &place in &places {
            let p = usize::from(place);
            hashes[p] = ngram::extend(hashes[p], tokens[p + last]);
            touched ^= match len {
                1 => u64::from(background.words().touch(tokens[p])),
                _ if seen[p] == 0 || seen[p + 1] == 0 => 0,
                _ => background.touch_ngram(hashes[p]),
            };
        }
        std::hint::black_box(touched);
        for &place in &places {
            let p = usize::from(place);
            // `seen[p + 1]` is still of the length before, since places rise.
            let df = match len {
                1 => background.words().get(tokens[p]).0,
                _ if seen[p] == 0 || seen[p + 1] == 0 => 0,
                _ => background.ngram_documents(hashes[p]),
            };
            seen[p] = df;
            if df <= most {
                let beside = |at: Option<usize>| at.and_then(|at| tokens.get(at)).copied().unwrap_or(Token::BREAK);
                let (left, right) = (beside(p.checked_sub(1)), beside(Some(p + len)));
                ngrams.push(PhraseKey { hash: hashes[p], df, left, right, place, len: len as u8 });
            }
        }
    }
    let mut ngrams = hash::in_order(&ngrams, |n| n.hash);
    ngrams.dedup_by_key(|n| n.hash);
    ngrams
}

/// Where the keys of each key shard begin among sorted keys.
pub(super) fn starts(keys: impl Iterator<Item = u64>) -> [u32; KEY_SHARDS + 1] {
    let mut starts = [0; KEY_SHARDS + 1];
    keys.for_each(|key| starts[key_shard_of(key) + 1] += 1);
    for i in 0..KEY_SHARDS {
        starts[i + 1] += starts[i];
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[test]
    fn asks_for_each_ngram_and_line_once_grouped_by_shard() {
        let background = Background::empty(conformance::SEED);
        let document = conformance::document("a.example", "one two three one two\nfooter\nfooter");
        let probe = PhraseProbe::new(&background, &document);
        let mut want = ngram::distinct(conformance::SEED, document.ids(), |_| true);
        want.sort_unstable_by_key(|n| n.hash);
        assert!(
            probe.ngrams.iter().map(|n| (n.hash, u32::from(n.place), n.len)).eq(want.iter().map(|n| (n.hash, n.place, n.len)))
        );
        assert_eq!(probe.lines.len(), 3);
        for shard in 0..KEY_SHARDS {
            let range = probe.ngrams_of[shard] as usize..probe.ngrams_of[shard + 1] as usize;
            assert!(probe.ngrams[range].iter().all(|n| key_shard_of(n.hash) == shard));
        }
        assert_eq!(probe.ngrams_of[KEY_SHARDS] as usize, probe.ngrams.len());
        assert!(probe.is_new);
    }
}
