//! Which documents does a sample have, one after the other, without any file?

use std::sync::Arc;

use super::document::{SampleDocument, SamplePart, Size};
use super::world::SampleWorld;

/// Returns all documents, the reference first. The crawl begins where the kind is no longer
/// [`DocumentKind::Reference`](super::DocumentKind::Reference).
pub fn documents(size: Size, seed: u64) -> impl Iterator<Item = SampleDocument> {
    let world = Arc::new(SampleWorld::new(size, seed));
    part(Arc::clone(&world), SamplePart::Reference).chain(part(world, SamplePart::Crawl))
}

/// Returns the documents of the crawl alone.
pub fn crawl(size: Size, seed: u64) -> impl Iterator<Item = SampleDocument> {
    part(Arc::new(SampleWorld::new(size, seed)), SamplePart::Crawl)
}

/// Returns the documents of one part.
fn part(world: Arc<SampleWorld>, part: SamplePart) -> impl Iterator<Item = SampleDocument> {
    (0..world.len(part)).map(move |number| world.place(part, number).document())
}
