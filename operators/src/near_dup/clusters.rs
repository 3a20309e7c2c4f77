//! How many documents copy one another, from how many publishers, over which stretch of the stream?
//! Clusters of copies, for reports.
//!
//! A cluster's id is the sequence number of the first document that others were found to copy. The
//! id stays when that document is recalled and a copy takes its place. No verdict depends on a
//! cluster: every copy was compared with the document that it is said to copy, and chains of copies
//! do not count.
//!
//! **State** some 100 bytes a cluster and 4 a publisher, up to 32 publishers. A cluster is
//! forgotten with its last document.

use std::collections::BTreeMap;

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

/// Distinct publishers that a cluster counts; [`Cluster::publishers`] stops there.
pub const PUBLISHERS_MAX: usize = 32;

/// A document and its copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Number of documents, the first one included.
    pub size: u32,
    /// Sequence number of the first document.
    pub first: SeqNo,
    /// Sequence number of the last document.
    pub last: SeqNo,
    /// Hashes of the publishers, ascending.
    publishers: Vec<u32>,
}

impl Cluster {
    /// Number of distinct publishers. It is exact below [`PUBLISHERS_MAX`].
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

    /// All clusters, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNo, &Cluster)> {
        self.by_id.iter().map(|(&id, cluster)| (id, cluster))
    }

    /// Adds a copy to cluster `id`. `of` is the document that it copies; both come with the hash of
    /// their publisher.
    pub fn add(&mut self, id: SeqNo, of: (SeqNo, u32), copy: (SeqNo, u32)) {
        let start = || Cluster { size: 1, first: of.0, last: of.0, publishers: vec![of.1] };
        let cluster = self.by_id.entry(id).or_insert_with(start);
        cluster.size = cluster.size.saturating_add(1);
        cluster.last = copy.0;
        cluster.add_publisher(copy.1);
    }

    /// Forgets the clusters whose last document is older than `oldest`.
    pub fn forget(&mut self, oldest: SeqNo) {
        self.by_id.retain(|_, cluster| cluster.last >= oldest);
    }

    /// Bytes held, about: the nodes of a map are two thirds full.
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
                return Err(from.corrupt("publishers in ascending order"));
            }
            by_id.insert(id, Cluster { size, first, last, publishers });
        }
        self.by_id = by_id;
        Ok(())
    }
}
