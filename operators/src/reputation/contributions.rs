//! Who contributes most among the publishers that nobody knows? This is reported and never acted
//! on.
//!
//! Documents of publishers that no list and no background knows are counted in a count-min sketch
//! (Cormode, Muthukrishnan 2005). It may count too much, at most e / 16,384 of all documents
//! counted with probability .98, and never too little. The 64 publishers with the highest counts
//! are kept by name.
//!
//! **Cost** about 100 ns a document. **State** 512 KiB and the names.

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::Publisher,
    operator::Persist,
    text::hash::mix,
};

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
#[derive(Debug)]
pub struct Contributions {
    rows: [Vec<u64>; ROWS],
    top: Vec<Contributor>,
    documents: u64,
}

impl Default for Contributions {
    fn default() -> Self {
        Self { rows: std::array::from_fn(|_| vec![0; CELLS]), top: Vec::new(), documents: 0 }
    }
}

/// The cell of a publisher in a row.
fn cell(key: u64, row: usize) -> usize {
    (mix(key ^ mix(row as u64)) % CELLS as u64) as usize
}

impl Contributions {
    /// Counts a document of a publisher that nobody knows.
    pub fn add(&mut self, publisher: &Publisher) {
        self.documents += 1;
        let mut documents = u64::MAX;
        for (i, row) in self.rows.iter_mut().enumerate() {
            let count = &mut row[cell(publisher.key, i)];
            *count += 1;
            documents = documents.min(*count);
        }
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

    /// Bytes held.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        let names: usize = self.top.iter().map(|c| c.publisher.len() + size_of::<Contributor>()).sum();
        ROWS * CELLS * size_of::<u64>() + names
    }
}

impl Persist for Contributions {
    fn save(&self, out: &mut Encoder) {
        out.u64(self.documents);
        out.u64(self.top.len() as u64);
        for contributor in &self.top {
            out.u64(contributor.key);
            out.u64(contributor.documents);
            out.str(&contributor.publisher);
        }
        for row in &self.rows {
            // Most cells are empty in short runs, so the others are written as pairs of cell and count.
            let cells = row.iter().enumerate().filter(|&(_, &count)| count != 0);
            let flat: Vec<u64> = cells.flat_map(|(cell, &count)| [cell as u64, count]).collect();
            out.u64s(&flat);
        }
    }

    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        let mut loaded = Self { documents: from.u64()?, ..Self::default() };
        let top = from.len(24)?;
        if top > TOP {
            return Err(from.corrupt("at most 64 publishers"));
        }
        for _ in 0..top {
            let (key, documents, publisher) = (from.u64()?, from.u64()?, from.str()?.into());
            loaded.top.push(Contributor { publisher, documents, key });
        }
        for row in &mut loaded.rows {
            for pair in from.u64s()?.chunks(2) {
                let &[cell, count] = pair else { return Err(from.corrupt("pairs of cell and count")) };
                let slot = usize::try_from(cell).ok().and_then(|cell| row.get_mut(cell)).filter(|slot| **slot == 0);
                let (Some(slot), 0..=0xffff_ffff) = (slot, count) else {
                    return Err(from.corrupt("a new cell and its count"));
                };
                *slot = count;
            }
        }
        *self = loaded;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn survives_saving_and_refuses_other_bytes() {
        let mut counts = counted();
        let saved = |c: &Contributions| {
            let mut out = Encoder::default();
            c.save(&mut out);
            out.bytes
        };
        let bytes = saved(&counts);
        let mut again = Contributions::default();
        again.load(&mut Decoder::new(&bytes)).expect("loads what it saved");
        for i in 0..100 {
            counts.add(&publisher(i));
            again.add(&publisher(i));
        }
        assert!(saved(&counts) == saved(&again) && counts.top() == again.top());
        for cut in (0..bytes.len()).step_by(997) {
            assert!(Contributions::default().load(&mut Decoder::new(&bytes[..cut])).is_err());
        }
        for at in (0..bytes.len()).step_by(61) {
            let mut altered = bytes.clone();
            altered[at] ^= 0xff;
            let _ = Contributions::default().load(&mut Decoder::new(&altered));
        }
    }
}
