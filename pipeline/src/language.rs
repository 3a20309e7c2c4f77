//! In which language is a document with findings written?
//!
//! The answer is a note for reviewers, and false findings are counted by it. No verdict depends on
//! it.
//!
//! **Cost** about 150 us a text, so only texts with findings are looked at.

/// Bytes that the detector looks at: enough for a stable answer, 20 times cheaper than a whole
/// page.
const BYTES: usize = 512;
/// Fewest bytes that are looked at: with fewer the detector guesses.
const BYTES_MIN: usize = 64;

/// The ISO 639-3 code of a text's language. `None` if the text is too short or the answer is not
/// reliable.
pub fn language(text: &str) -> Option<&'static str> {
    let end = text.floor_char_boundary(BYTES);
    if end < BYTES_MIN {
        return None;
    }
    whatlang::detect(&text[..end]).filter(whatlang::Info::is_reliable).map(|info| info.lang().code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_and_a_word() {
        assert_eq!(language("short"), None);
        assert_eq!(language(&"the quick brown fox jumps over the lazy dog and runs away. ".repeat(4)), Some("eng"));
        assert_eq!(language(&"der schnelle braune Fuchs springt über den faulen Hund und läuft weg. ".repeat(4)), Some("deu"));
    }
}
