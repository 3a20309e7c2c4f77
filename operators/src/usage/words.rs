//! How many documents hold a token, and how often does it occur? An exact table on
//! [`slots`](crate::table), grown by doubling.
//!
//! **Cost** one cache line. **State** 16 bytes a slot at a load of .3 to .6.

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    table::slots::{Load, Slot, Slots},
    text::{
        Token,
        hash::{mix, reduce},
    },
};

/// What is known of one token.
#[derive(Clone, Copy, Debug, Default)]
struct WordEntry {
    token: u32,
    /// Documents that hold the token; 0 marks an empty slot.
    df: u32,
    /// Occurrences of the token.
    tf: u32,
}

impl Slot for WordEntry {
    #[inline]
    fn is_empty(&self) -> bool {
        self.df == 0
    }
}

const SLOTS_MIN: usize = 64;
const LOAD_MAX: Load = Load { keys: 6, slots: 10 };

/// The frequencies of tokens.
#[derive(Clone, Debug, Default)]
pub struct Words {
    slots: Slots<WordEntry>,
    total: u64,
}

#[inline]
fn home(entry: WordEntry, slots: usize) -> usize {
    reduce(mix(u64::from(entry.token)), slots)
}

impl Words {
    /// The slot that holds the token, or the empty one where it belongs.
    #[inline]
    fn slot(&self, token: Token) -> usize {
        let sought = WordEntry { token: token.0, ..WordEntry::default() };
        self.slots.find(home(sought, self.slots.len()), |_, entry| entry.token == token.0)
    }

    #[inline]
    fn entry(&self, token: Token) -> WordEntry {
        if self.slots.len() == 0 { WordEntry::default() } else { *self.slots.key(self.slot(token)) }
    }

    /// Number of documents that hold the token, and of its occurrences in them.
    #[must_use]
    pub fn get(&self, token: Token) -> (u32, u32) {
        let entry = self.entry(token);
        (entry.df, entry.tf)
    }

    /// Reads the home of a token, so that it is in cache when the token is looked up. The result only
    /// has to be used somehow, so that the compiler keeps the read.
    #[inline]
    #[must_use]
    pub fn touch(&self, token: Token) -> u32 {
        if self.slots.len() == 0 {
            return 0;
        }
        let sought = WordEntry { token: token.0, ..WordEntry::default() };
        self.slots.key(home(sought, self.slots.len())).token
    }

    /// Number of occurrences of all tokens.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Number of distinct tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.used()
    }

    /// Whether no token was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.bytes()
    }

    /// Each token and how often it occurs, in the order of the tokens.
    pub(super) fn occurrences(&self) -> Vec<(Token, u32)> {
        let mut all: Vec<(Token, u32)> = self.slots.iter().map(|(_, entry, ())| (Token(entry.token), entry.tf)).collect();
        all.sort_unstable();
        all
    }

    /// Counts one document. `sorted` are all its tokens in the order of their numbers.
    pub(crate) fn add_document(&mut self, sorted: &[Token]) {
        for run in sorted.chunk_by(|a, b| a == b) {
            self.add(run[0], 1, run.len() as u32);
        }
    }

    fn add(&mut self, token: Token, df: u32, tf: u32) {
        if self.slots.is_full(LOAD_MAX) {
            self.slots.rebuild((self.slots.len() * 2).max(SLOTS_MIN), 0, home, |()| true);
        }
        let at = self.slot(token);
        let old = self.slots.key(at);
        let (df, tf_sum) = (old.df.saturating_add(df), old.tf.saturating_add(tf));
        self.slots.put(at, WordEntry { token: token.0, df, tf: tf_sum }, ());
        self.total += u64::from(tf);
    }

    /// Writes the table in the order of its tokens.
    pub(crate) fn save(&self, out: &mut Encoder) {
        let mut held: Vec<&WordEntry> = self.slots.iter().map(|(_, entry, ())| entry).collect();
        held.sort_unstable_by_key(|e| e.token);
        out.u64(held.len() as u64);
        // Column by column, which compresses better.
        for column in [|e: &WordEntry| e.token, |e: &WordEntry| e.df, |e: &WordEntry| e.tf] {
            for entry in &held {
                out.u32(column(entry));
            }
        }
    }

    /// Reads what `save` wrote.
    pub(crate) fn load(from: &mut Decoder<'_>, documents: u32) -> Result<Self, Corrupt> {
        let n = from.len(12)?;
        let mut column = || (0..n).map(|_| from.u32()).collect::<Result<Vec<_>, _>>();
        let (tokens, dfs, tfs) = (column()?, column()?, column()?);
        let mut words = Self::default();
        for ((token, df), tf) in tokens.into_iter().zip(dfs).zip(tfs) {
            if df == 0 || df > documents || tf < df || words.get(Token(token)).0 != 0 {
                return Err(from.corrupt("token frequencies"));
            }
            words.add(Token(token), df, tf);
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_exactly(documents in proptest::collection::vec(proptest::collection::vec(0u32..300, 0..40), 1..30)) {
            let mut words = Words::default();
            for d in &documents {
                let mut sorted: Vec<Token> = d.iter().map(|&t| Token(t)).collect();
                sorted.sort_unstable();
                words.add_document(&sorted);
            }
            for t in 0..300 {
                let df = documents.iter().filter(|d| d.contains(&t)).count() as u32;
                let tf = documents.iter().flatten().filter(|&&x| x == t).count() as u32;
                prop_assert_eq!(words.get(Token(t)), (df, tf));
            }
            let mut out = Encoder::default();
            words.save(&mut out);
            let back = Words::load(&mut Decoder::new(&out.bytes), documents.len() as u32).expect("what save wrote");
            prop_assert!((0..300).all(|t| back.get(Token(t)) == words.get(Token(t))));
            prop_assert_eq!(back.total(), words.total());
        }
    }
}
