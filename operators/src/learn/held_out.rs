//! Which documents are held out, to see what a background of the rest makes of them? A quarter: 18% at
//! random, and whole publishers, so that there are sites that the rest has never seen.

use crate::{
    background::ReferenceDocument,
    table::Counts,
    text::{Seed, hash::mix},
};

/// Percentage of documents that are held out at random, and of publishers that are held out whole.
const DOCUMENTS_HELD: u64 = 18;
const PUBLISHERS_HELD: u64 = 12;
/// Publishers with a greater share of all documents are never held out whole.
const PUBLISHER_SHARE_MAX: f64 = 0.02;

/// The held-out documents and the rest, both in the order of all documents.
pub(super) fn split(seed: Seed, documents: &[ReferenceDocument]) -> (Vec<&ReferenceDocument>, Vec<&ReferenceDocument>) {
    let mut sizes = Counts::new(documents.len());
    for d in documents {
        sizes.add(d.publisher.key, 1);
    }
    let most = PUBLISHER_SHARE_MAX * documents.len() as f64;
    let held = |(i, d): (usize, &ReferenceDocument)| {
        let whole = f64::from(sizes.get(d.publisher.key)) < most && mix(seed.0 ^ d.publisher.key) % 100 < PUBLISHERS_HELD;
        whole || mix(seed.0 ^ mix(i as u64)) % 100 < DOCUMENTS_HELD
    };
    let mut parts = (Vec::new(), Vec::new());
    for (i, d) in documents.iter().enumerate() {
        if held((i, d)) { parts.0.push(d) } else { parts.1.push(d) }
    }
    parts
}
