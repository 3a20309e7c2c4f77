//! What was probably meant by a name that does not exist?

/// Names longer than this are not compared: no key is.
const NAME_BYTES_MAX: usize = 64;

/// The known name closest to `got`, if it is close: at most a third of it differs, counting swapped neighbours once.
pub(super) fn closest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if got.len() > NAME_BYTES_MAX {
        return None;
    }
    let got: Vec<char> = got.to_lowercase().replace('-', "_").chars().collect();
    let near = known.into_iter().map(|name| (distance(&got, &name.chars().collect::<Vec<_>>()), name));
    let (edits, name) = near.min_by_key(|(edits, _)| *edits)?;
    (edits <= (name.chars().count() / 3).clamp(1, 4)).then_some(name)
}

/// Insertions, deletions, substitutions and swaps of neighbours that make `b` of `a`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before[j - 2] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let edits = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
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
