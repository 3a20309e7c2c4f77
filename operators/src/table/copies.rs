//! Copies of a table that another thread reads and gives back.
//!
//! The stream stands still while a table is copied, and most of that time would go to fresh memory, page by page. So the
//! memory of a copy is kept, and the next copy is made into it: once the table's size has settled that costs what moving
//! the bytes costs. The price is that the table is held twice from the first copy on.

use std::sync::{Arc, Mutex, PoisonError};

/// The copy that was given back, if one was. `T::clone_from` must reuse its memory for this to be of any use.
#[derive(Debug)]
pub(crate) struct Copies<T>(Arc<Mutex<Option<T>>>);

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> Copies<T> {
    /// A copy of `table`, into the memory of the last one.
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

    /// Copies `table` now; what is given back hands the copy to `write`, on whatever thread that is called, and keeps it;
    /// `write` may take memory in it for the next copy.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_as_of_the_moment_and_its_memory_is_used_again() {
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
}
