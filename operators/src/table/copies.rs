//! Copies of a table, which another thread writes into a snapshot and then gives back.
//!
//! The stream stands still while a table is copied, and most of that time would go to fresh memory,
//! which the operating system hands out page by page. A copy's memory is therefore kept, and the
//! next copy is made into it. Once the table's size has settled, a copy costs no more than moving
//! the bytes. The price is that each table is held twice from the first snapshot on.

use std::sync::{Arc, Mutex, PoisonError};

/// Holds the copy that was given back last, if any. It helps only types whose `clone_from` reuses
/// their memory.
#[derive(Debug)]
pub(crate) struct Copies<T>(Arc<Mutex<Option<T>>>);

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> Copies<T> {
    /// Copies `table` into the memory of the copy that was given back last.
    fn copy(&self, table: &T) -> T {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match kept {
            Some(mut copy) => {
                copy.clone_from(table);
                copy
            }
            None => table.clone(),
        }
    }

    /// Copies `table` now. The closure that is returned hands the copy to `write`, on whatever
    /// thread it is called, and keeps it for the next copy; so `write` may also reserve memory in
    /// it.
    pub(crate) fn copy_table<W, F: FnOnce(&mut T, &mut W) + Send>(
        &self,
        table: &T,
        write: F,
    ) -> impl FnOnce(&mut W) + Send + use<T, W, F> {
        let (mut copy, kept) = (self.copy(table), Arc::clone(&self.0));
        move |to| {
            write(&mut copy, to);
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
        }
    }
}

/// If fewer than `least` items fit into the spare room of a vector, makes room for `more` items and
/// writes to it once: the operating system hands out memory when it is first written to.
pub(super) fn reserve_touched<T: Copy + Default>(items: &mut Vec<T>, least: usize, more: usize) {
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
    fn a_copy_shows_the_moment_it_was_made_and_its_memory_is_used_again() {
        let copies = Copies::default();
        let mut table = vec![1_u64; 1000];
        let look = |t: &mut Vec<u64>, to: &mut (u64, usize)| *to = (t[0], t.as_ptr().addr());
        let first = copies.copy_table(&table, look);
        table[0] = 2;
        let second = copies.copy_table(&table, look);
        let mut seen = [(0, 0); 3];
        first(&mut seen[0]);
        second(&mut seen[1]);
        assert_eq!((seen[0].0, seen[1].0), (1, 2));
        assert_ne!(seen[0].1, seen[1].1, "two at once are two copies");
        table[0] = 3;
        copies.copy_table(&table, look)(&mut seen[2]);
        assert_eq!(seen[2], (3, seen[1].1), "the copy given back last");
    }

    #[test]
    fn reserved_room_takes_what_comes_without_moving() {
        let mut items = vec![1_u64; 1600];
        reserve_touched(&mut items, 100, 200);
        assert_eq!((items.len(), items.iter().sum::<u64>()), (1600, 1600), "nothing else changes");
        let (at, room) = (items.as_ptr(), items.capacity());
        items.clone_from(&vec![2; 1800]);
        assert_eq!((items.as_ptr(), items.capacity()), (at, room));
    }
}
