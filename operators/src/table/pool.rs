//! Where do the carriers of a candidate lie? Short lists of items, in size classes of 1, 2, 4, ...,
//! 64 items.
//!
//! A list that outgrows its class moves to the next one, and its old place is used again. At most
//! half of the memory in use is unused room of lists; freed places come on top.

use super::copies::reserve_touched;
use crate::codec::{Corrupt, Decoder, Encoder};

/// Longest list.
pub(crate) const LIST_MAX: usize = 64;
const CLASSES: usize = 7;

/// The place of a list: its size class, and its index among the lists of that class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListPlace {
    pub(crate) class: u8,
    pub(crate) index: u32,
}

/// An item of a list, of fixed size.
pub trait ListItem: Copy + Default {
    /// Bytes that [`Self::save`] writes.
    const BYTES: usize;

    /// Writes the item.
    fn save(&self, out: &mut Encoder);

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the bytes end before.
    fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt>;
}

/// Lists of up to [`LIST_MAX`] items.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    lists: [Vec<T>; CLASSES],
    free: [Vec<u32>; CLASSES],
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { lists: Default::default(), free: Default::default() }
    }
}

/// Items that a list of a size class holds.
pub(crate) fn capacity(class: u8) -> usize {
    1 << class
}

/// Clones as a derived implementation would, but `clone_from` uses the memory of the old copy
/// again: see `copies`.
impl<T: Clone> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { lists: self.lists.clone(), free: self.free.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { lists, free } = source;
        self.lists.clone_from(lists);
        self.free.clone_from(free);
    }
}

impl<T: ListItem> Pool<T> {
    /// Makes a list of `items`, at most [`LIST_MAX`], in the smallest class that holds them.
    pub(crate) fn allocate(&mut self, items: &[T]) -> ListPlace {
        let class = (0..CLASSES as u8 - 1).find(|&c| capacity(c) >= items.len()).unwrap_or(CLASSES as u8 - 1);
        let size = capacity(class);
        let store = &mut self.lists[usize::from(class)];
        let index = self.free[usize::from(class)].pop().unwrap_or_else(|| {
            store.resize(store.len() + size, T::default());
            (store.len() / size - 1) as u32
        });
        let from = index as usize * size;
        store[from..from + items.len()].copy_from_slice(items);
        ListPlace { class, index }
    }

    /// All room of a list, its unused part included.
    pub(crate) fn list(&self, place: ListPlace) -> &[T] {
        let size = capacity(place.class);
        &self.lists[usize::from(place.class)][place.index as usize * size..][..size]
    }

    /// All room of a list, to be written to.
    pub(crate) fn list_mut(&mut self, place: ListPlace) -> &mut [T] {
        let size = capacity(place.class);
        &mut self.lists[usize::from(place.class)][place.index as usize * size..][..size]
    }

    /// Frees the place of a list.
    pub(crate) fn release(&mut self, place: ListPlace) {
        self.free[usize::from(place.class)].push(place.index);
    }

    /// Reserves memory for an eighth more of each class that has little left.
    pub(crate) fn reserve(&mut self) {
        self.lists.iter_mut().for_each(|list| reserve_touched(list, list.len() / 16, list.len() / 8));
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.lists.iter().map(|l| l.len() * size_of::<T>()).sum::<usize>() + self.free.iter().map(|f| f.len() * 4).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ListItem for u64 {
        const BYTES: usize = 8;

        fn save(&self, out: &mut Encoder) {
            out.u64(*self);
        }

        fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
            from.u64()
        }
    }

    #[test]
    fn lists_keep_apart_and_places_are_used_again() {
        let mut pool = Pool::default();
        let places: Vec<_> = (1..=64).map(|n| pool.allocate(&vec![n as u64; n])).collect();
        for (n, &place) in (1..=64).zip(&places) {
            assert!(capacity(place.class) >= n);
            assert_eq!(pool.list(place)[..n], vec![n as u64; n]);
        }
        let bytes = pool.bytes();
        for &place in &places {
            pool.release(place);
        }
        for n in 1..=64usize {
            pool.allocate(&vec![0; n]);
        }
        assert_eq!(pool.bytes(), bytes);
    }
}
