//! What does a document ask of keyed state? Its rare n-grams, its lines and its publisher, which
//! follow from the document and the background alone.

use crate::{
    background::{Background, RARE},
    document::Document,
    operator::{KEY_SHARDS, key_shard_of},
    text::{
        Token,
        line::{for_each_line, line_key},
        ngram,
    },
};

/// The first occurrence of a rare n-gram in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RareNgram {
    /// Keyed hash.
    pub hash: u64,
    /// Index of its first token.
    pub place: u16,
    /// Number of tokens.
    pub len: u8,
    /// Number of documents of the background that hold it, at most [`RARE`].
    pub df: u8,
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
    /// Distinct rare n-grams in the order of their hashes.
    pub ngrams: Vec<RareNgram>,
    /// Lines in the order of their keys, repeated ones as often as they occur.
    pub lines: Vec<HostLine>,
    /// Where the n-grams and the lines of each key shard begin.
    pub(super) ngrams_of: [u32; KEY_SHARDS + 1],
    pub(super) lines_of: [u32; KEY_SHARDS + 1],
    /// Key of the publisher.
    pub publisher: u64,
    /// 15 bits of the publisher's key, and whether the publisher is new to the background.
    pub mark: u16,
}

/// The bit of [`PhraseProbe::mark`] that says that the publisher is new to the background.
pub(super) const NEW: u16 = 1 << 15;

impl PhraseProbe {
    pub(super) fn new(background: &Background, document: &Document) -> Self {
        let seed = background.seed();
        let tokens = cut(document.ids());
        let ngrams = rare(background, tokens);
        let mut lines = Vec::new();
        for_each_line(tokens, |from, line| {
            let key = line_key(seed, document.publisher.host, line);
            if !background.is_boilerplate(key) {
                lines.push(HostLine { key, from: from as u32, to: (from + line.len()) as u32 });
            }
        });
        lines.sort_unstable_by_key(|l| (l.key, l.from));
        let is_new = !background.knows_publisher(document.publisher.key);
        Self {
            ngrams_of: starts(ngrams.iter().map(|n| n.hash)),
            lines_of: starts(lines.iter().map(|l| l.key)),
            ngrams,
            lines,
            publisher: document.publisher.key,
            mark: (document.publisher.key as u16 & !NEW) | if is_new { NEW } else { 0 },
        }
    }

    /// Index of an n-gram in `ngrams`.
    pub(super) fn find(&self, hash: u64) -> Option<usize> {
        self.ngrams.binary_search_by_key(&hash, |n| n.hash).ok()
    }

    pub(super) fn is_new(&self) -> bool {
        self.mark & NEW != 0
    }
}

/// The tokens whose indices fit into 16 bits.
fn cut(tokens: &[Token]) -> &[Token] {
    &tokens[..tokens.len().min(usize::from(u16::MAX))]
}

/// The distinct rare n-grams of a text, in the order of their hashes.
///
/// Shorter ones are looked up first: if the background does not hold a part of an n-gram, it does
/// not hold the whole, which then need not be looked up. That saves most look-ups, and the sketch's
/// errors with them. Each length has a loop of its own, so that look-ups overlap.
pub(super) fn rare(background: &Background, tokens: &[Token]) -> Vec<RareNgram> {
    let tokens = cut(tokens);
    let mut hashes = vec![ngram::start(background.seed()); tokens.len()];
    // Documents that hold the n-gram of the length before, by its first token; there is one more behind the end.
    let mut seen = vec![u8::MAX; tokens.len() + 1];
    let mut ngrams = Vec::with_capacity(tokens.len() * 2);
    let mut places: Vec<u16> = (0..tokens.len() as u16).collect();
    for len in 1..=ngram::NGRAM_MAX {
        let last = len - 1;
        places.retain(|&p| tokens.get(usize::from(p) + last).is_some_and(|&t| t != Token::BREAK));
        for &place in &places {
            let p = usize::from(place);
            hashes[p] = ngram::extend(hashes[p], tokens[p + last]);
            // `seen[p + 1]` is still of the length before, since places rise.
            let df = if seen[p] == 0 || (len > 1 && seen[p + 1] == 0) { 0 } else { background.ngram_documents(hashes[p]) };
            seen[p] = df;
            if df <= RARE {
                ngrams.push(RareNgram { hash: hashes[p], place, len: len as u8, df });
            }
        }
    }
    ngrams.sort_unstable_by_key(|n| (n.hash, n.place));
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
        assert!(probe.is_new());
    }
}
