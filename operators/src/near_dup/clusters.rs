//! Clusters of copies, for reports: how many, from how many publishers, from when to when.
//!
//! A cluster's id is the sequence number of the first document that others were found to copy; it stays when that document is
//! recalled and a copy takes its place. Nothing is decided on a cluster: every copy was compared with what it is said to
//! copy, and chains of copies have no say.
//!
//! **State** some 100 bytes a cluster and 4 a publisher, up to 32 publishers. A cluster is forgotten with its last member.

use std::collections::BTreeMap;

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

/// Distinct publishers told apart in a cluster; [`Cluster::publishers`] stops there.
pub const PUBLISHERS_MAX: usize = 32;

/// A document and its copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Documents, the first one included.
    pub size: u32,
    /// Sequence number of the first document met.
    pub first: SeqNo,
    /// Sequence number of the last one.
    pub last: SeqNo,
    /// Hashes of the publishers, ascending.
    publishers: Vec<u32>,
}

impl Cluster {
    /// Distinct publishers: at least so many, exactly if fewer than [`PUBLISHERS_MAX`].
    #[must_use]
    pub fn publishers(&self) -> usize {
        self.publishers.len()
    }

    fn add_publisher(&mut self, publisher: u32) {
        if let Err(at) = self.publishers.binary_search(&publisher)
            && self.publishers.len() < PUBLISHERS_MAX
        {
            self.publishers.insert(at, publisher);
        }
    }
}

/// All clusters, by id.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    by_id: BTreeMap<SeqNo, Cluster>,
}

impl Clusters {
    /// The cluster with this id.
    #[must_use]
    pub fn get(&self, id: SeqNo) -> Option<&Cluster> {
        self.by_id.get(&id)
    }

    /// All, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNo, &Cluster)> {
        self.by_id.iter().map(|(&id, cluster)| (id, cluster))
    }

    /// Adds a copy to cluster `id`; `of` is what it copies. Each comes with the hash of its publisher.
    pub fn add(&mut self, id: SeqNo, of: (SeqNo, u32), copy: (SeqNo, u32)) {
        let start = || Cluster { size: 1, first: of.0, last: of.0, publishers: vec![of.1] };
        let cluster = self.by_id.entry(id).or_insert_with(start);
        cluster.size = cluster.size.saturating_add(1);
        cluster.last = copy.0;
        cluster.add_publisher(copy.1);
    }

    /// Forgets clusters whose last member is before `oldest`.
    pub fn forget(&mut self, oldest: SeqNo) {
        self.by_id.retain(|_, cluster| cluster.last >= oldest);
    }

    /// Bytes held, about: a map's node is two thirds full.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let publishers: usize = self.by_id.values().map(|c| c.publishers.capacity()).sum();
        self.by_id.len() * (size_of::<Cluster>() + size_of::<SeqNo>()) * 3 / 2 + publishers * size_of::<u32>()
    }

    /// Writes all clusters.
    pub fn save(&self, out: &mut Encoder) {
        out.u64(self.by_id.len() as u64);
        for (id, cluster) in self.iter() {
            out.u32s(&[id, cluster.size, cluster.first, cluster.last]);
            out.u32s(&cluster.publishers);
        }
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are something else.
    pub fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        let mut by_id = BTreeMap::new();
        for _ in 0..from.len(32)? {
            let [id, size, first, last] = from.u32s()?[..] else { return Err(from.corrupt("four numbers of a cluster")) };
            let publishers = from.u32s()?;
            if publishers.len() > PUBLISHERS_MAX || publishers.windows(2).any(|u| u[0] >= u[1]) {
                return Err(from.corrupt("units in ascending order"));
            }
            by_id.insert(id, Cluster { size, first, last, publishers });
        }
        self.by_id = by_id;
        Ok(())
    }
}
