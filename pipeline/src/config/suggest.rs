//! Which name was probably meant by one that does not exist?

use strsim::osa_distance;

/// Names longer than this many bytes are not compared: no key is as long.
const NAME_BYTES_MAX: usize = 64;

/// Returns the known name closest to `got`, if it is close: at most a third of it differs, counted
/// in insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
pub(super) fn closest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if got.len() > NAME_BYTES_MAX {
        return None;
    }
    let got = got.to_lowercase().replace('-', "_");
    let (edits, name) = known.into_iter().map(|name| (osa_distance(&got, name), name)).min_by_key(|(edits, _)| *edits)?;
    (edits <= (name.chars().count() / 3).clamp(1, 4)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_neighbours_are_one_edit() {
        let edits = |a: &str, b: &str| osa_distance(a, b);
        assert_eq!([edits("", ""), edits("", "abc"), edits("abc", ""), edits("same", "same")], [0, 3, 3, 0]);
        assert_eq!([edits("kitten", "sitting"), edits("bordre", "border"), edits("border", "boarders")], [3, 1, 2]);
    }

    #[test]
    fn only_what_is_close_is_meant() {
        let known = ["border", "batch_documents", "batch_bytes", "threads", "seed"];
        assert_eq!(closest("bordr", known), Some("border"));
        assert_eq!(closest("Batch-Bytes", known), Some("batch_bytes"));
        assert_eq!(closest("sede", known), Some("seed"));
        assert_eq!(closest("colour", known), None);
        assert_eq!(closest(&"x".repeat(1000), known), None);
        assert_eq!(closest("x", []), None);
    }
}
