//! Who contributes most among the publishers that nobody knows? This is reported and never acted
//! on.
//!
//! Documents of publishers that no list and no background knows are counted in a count-min sketch
//! (Cormode, Muthukrishnan 2005). It may count too much, at most e / 16,384 of all documents
//! counted with probability .98, and never too little. The 64 publishers with the highest counts
//! are kept by name. Nothing of it is saved: the report counts the run's documents when it is
//! written.
//!
//! **Cost** about 200 ns a document. **State** 512 KiB and the names.

use probabilistic_collections::{
    SipHasherBuilder,
    count_min_sketch::{CountMinSketch, CountMinStrategy},
};

use crate::document::Publisher;

const ROWS: usize = 4;
const CELLS: usize = 1 << 14;
/// Publishers kept by name.
pub const TOP: usize = 64;
const NAME_BYTES_MAX: usize = 1024;

/// A publisher and the number of its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributor {
    /// The publisher's name.
    pub publisher: Box<str>,
    /// Number of documents, which may be a little too high.
    pub documents: u64,
    key: u64,
}

/// The counts of publishers that nobody knows.
pub struct Contributions {
    sketch: CountMinSketch<CountMinStrategy, u64>,
    top: Vec<Contributor>,
    documents: u64,
}

impl Default for Contributions {
    /// The sketch hashes keys of publishers, which are keyed hashes already. Its own seeds are
    /// fixed, so that the same run gives the same report.
    fn default() -> Self {
        let hashers = [SipHasherBuilder::from_seed(0, 1), SipHasherBuilder::from_seed(2, 3)];
        Self { sketch: CountMinSketch::with_hashers(ROWS, CELLS, hashers), top: Vec::new(), documents: 0 }
    }
}

impl std::fmt::Debug for Contributions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contributions").field("documents", &self.documents).field("top", &self.top).finish_non_exhaustive()
    }
}

impl Contributions {
    /// Counts a document of a publisher that nobody knows.
    pub fn add(&mut self, publisher: &Publisher) {
        self.documents += 1;
        self.sketch.insert(&publisher.key, 1);
        let documents = self.sketch.count(&publisher.key).max(0) as u64;
        if let Some(known) = self.top.iter_mut().find(|c| c.key == publisher.key) {
            known.documents = documents;
            return;
        }
        let name = &publisher.name[..publisher.name.floor_char_boundary(NAME_BYTES_MAX)];
        let new = Contributor { publisher: name.into(), documents, key: publisher.key };
        if self.top.len() < TOP {
            self.top.push(new);
        } else if let Some(least) = self.top.iter_mut().min_by_key(|c| c.documents).filter(|c| c.documents < documents) {
            *least = new;
        }
    }

    /// Number of documents counted.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// The greatest contributors, greatest first, then by name.
    #[must_use]
    pub fn top(&self) -> Vec<&Contributor> {
        let mut top: Vec<&Contributor> = self.top.iter().collect();
        top.sort_by(|a, b| b.documents.cmp(&a.documents).then_with(|| a.publisher.cmp(&b.publisher)));
        top
    }

    /// Those of [`Self::top`] with more than `cap` documents.
    #[must_use]
    pub fn over(&self, cap: u64) -> Vec<&Contributor> {
        self.top().into_iter().filter(|c| c.documents > cap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::hash::mix;

    fn publisher(number: u64) -> Publisher {
        Publisher { name: format!("u{number}.example").into(), key: mix(number), host: 0 }
    }

    fn counted() -> Contributions {
        let mut counts = Contributions::default();
        // 3,000 publishers of one document each around five great ones.
        for i in 0..3000 {
            counts.add(&publisher(1000 + i));
            for great in 0..5 {
                if i % (great + 2) == 0 {
                    counts.add(&publisher(great));
                }
            }
        }
        counts
    }

    #[test]
    fn the_greatest_come_first_and_never_too_few() {
        let counts = counted();
        let names: Vec<_> = counts.top().iter().take(5).map(|c| c.publisher.to_string()).collect();
        assert_eq!(names, ["u0.example", "u1.example", "u2.example", "u3.example", "u4.example"]);
        for (i, c) in counts.top().into_iter().take(5).enumerate() {
            let exact = 3000_u64.div_ceil(i as u64 + 2);
            assert!((exact..=exact + 3).contains(&c.documents), "{}: {}", c.publisher, c.documents);
        }
        assert_eq!((counts.over(900).len(), counts.top().len()), (2, TOP));
    }

    #[test]
    fn the_same_documents_are_counted_alike_every_time() {
        let (once, again) = (counted(), counted());
        assert_eq!((once.top(), once.documents()), (again.top(), again.documents()));
    }
}
