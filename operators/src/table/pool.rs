//! Short lists of numbers in size classes 2, 4, ..., 64: where the carriers of candidates lie.
//!
//! A list that outgrows its class moves to the next one; its old place is used again. At most half of what is held is
//! unused, beside the free places of a class.

/// Longest list.
pub(crate) const LIST_MAX: usize = 64;
const CLASSES: usize = 6;

/// A list's place: its class and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) class: u8,
    pub(crate) index: u32,
}

/// Lists of up to [`LIST_MAX`] numbers.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    lists: [Vec<u64>; CLASSES],
    free: [Vec<u32>; CLASSES],
}

/// Numbers that a list of a class holds.
pub(crate) fn capacity(class: u8) -> usize {
    2 << class
}

/// As derived, but for `clone_from`, which keeps the memory: see `copies`.
impl Clone for Pool {
    fn clone(&self) -> Self {
        Self { lists: self.lists.clone(), free: self.free.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { lists, free } = source;
        self.lists.clone_from(lists);
        self.free.clone_from(free);
    }
}

impl Pool {
    /// A list of the least class that holds `items` (at most [`LIST_MAX`]).
    pub(crate) fn allocate(&mut self, items: &[u64]) -> Place {
        let class = (0..CLASSES as u8 - 1).find(|&c| capacity(c) >= items.len()).unwrap_or(CLASSES as u8 - 1);
        let size = capacity(class);
        let store = &mut self.lists[usize::from(class)];
        let index = self.free[usize::from(class)].pop().unwrap_or_else(|| {
            store.resize(store.len() + size, 0);
            (store.len() / size - 1) as u32
        });
        let from = index as usize * size;
        store[from..from + items.len()].copy_from_slice(items);
        Place { class, index }
    }

    /// The whole room of a list.
    pub(crate) fn list(&self, place: Place) -> &[u64] {
        let size = capacity(place.class);
        &self.lists[usize::from(place.class)][place.index as usize * size..][..size]
    }

    /// The whole room of a list, to write to.
    pub(crate) fn list_mut(&mut self, place: Place) -> &mut [u64] {
        let size = capacity(place.class);
        &mut self.lists[usize::from(place.class)][place.index as usize * size..][..size]
    }

    /// Gives a list's place back.
    pub(crate) fn release(&mut self, place: Place) {
        self.free[usize::from(place.class)].push(place.index);
    }

    /// Takes memory for an eighth more of each class where little is left, and touches it.
    pub(crate) fn spare(&mut self) {
        self.lists.iter_mut().for_each(|list| spare(list, list.len() / 16, list.len() / 8));
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.lists.iter().map(|l| l.len() * 8).sum::<usize>() + self.free.iter().map(|f| f.len() * 4).sum::<usize>()
    }
}

/// If there is no room for `least` more items, makes room for `more`, and touches it: memory is given out page by page when it
/// is first written to.
pub(super) fn spare<T: Copy + Default>(items: &mut Vec<T>, least: usize, more: usize) {
    let len = items.len();
    if items.capacity() - len < least {
        items.reserve_exact(more);
        items.resize(items.capacity(), T::default());
        items.truncate(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_room_takes_what_comes_without_moving() {
        let mut items = vec![1_u64; 1600];
        spare(&mut items, 100, 200);
        assert_eq!((items.len(), items.iter().sum::<u64>()), (1600, 1600), "nothing else changes");
        let (at, room) = (items.as_ptr(), items.capacity());
        items.clone_from(&vec![2; 1800]);
        assert_eq!((items.as_ptr(), items.capacity()), (at, room));
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
