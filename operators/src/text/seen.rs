//! Which words does a reader see, with single spaces between them? Exact copies are told by these.
//!
//! White space, characters that show nothing, and the form of a letter make no difference; case and
//! digits do.
//!
//! **Cost** .5 ns a byte of ASCII; a word with another character takes 10 ns and more.

use super::character::push_seen;

const BYTES: usize = 8;
const HIGH: u64 = u64::from_ne_bytes([0x80; BYTES]);
const SPACES: u64 = u64::from_ne_bytes([b' '; BYTES]);
const ONES: u64 = u64::from_ne_bytes([0x7f; BYTES]);

/// Replaces `out` by the words of a text as a reader sees them, each with a space behind it.
pub fn seen_words(text: &str, out: &mut String) {
    out.clear();
    out.reserve(text.len() + BYTES);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + plain_bytes(&bytes[at..], out.as_bytes().last().is_none_or(|&last| last == b' '));
        out.push_str(&text[at..end]);
        at = end;
        let Some(&byte) = bytes.get(at) else { break };
        if !byte.is_ascii() {
            // The word that the character stands in is seen as a whole.
            let word_out = out.bytes().rposition(|byte| byte == b' ').map_or(0, |space| space + 1);
            at -= out.len() - word_out;
            out.truncate(word_out);
            at = push_word(text, at, out);
        } else if byte.is_ascii_whitespace() || byte == 0x0b {
            end_word(out);
            at += 1;
        } else {
            out.push(char::from(byte));
            at += 1;
        }
    }
    end_word(out);
}

/// Adds the word that begins at a byte, as it is seen. Returns where it ends.
fn push_word(text: &str, at: usize, out: &mut String) -> usize {
    let rest = &text[at..];
    let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
    push_seen(&rest[..len], out);
    let space = rest[len..].chars().next().map_or(0, char::len_utf8);
    end_word(out);
    at + len + space
}

/// Adds a space, unless there is one or nothing before it.
fn end_word(out: &mut String) {
    if out.bytes().next_back().is_some_and(|last| last != b' ') {
        out.push(' ');
    }
}

/// How many bytes of a text can be taken as they are, at least: eight at a time, as long as they
/// are ASCII without controls, and no space follows a space. `after_space` says whether one stands
/// before the text.
fn plain_bytes(text: &[u8], after_space: bool) -> usize {
    let mut before = if after_space { 0x80 } else { 0 };
    let (pieces, _) = text.as_chunks::<BYTES>();
    for (number, piece) in pieces.iter().enumerate() {
        let bytes = u64::from_le_bytes(*piece);
        let low = bytes & !HIGH;
        // The upper bit of each byte that is a space, and of each that is no control.
        let spaces = !((low ^ SPACES) + ONES) & HIGH;
        let printed = low + (HIGH - SPACES);
        if bytes & HIGH != 0 || printed & HIGH != HIGH || spaces & (spaces << BYTES | before) != 0 {
            return number * BYTES;
        }
        before = spaces >> (BYTES * (BYTES - 1));
    }
    pieces.len() * BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(text: &str) -> String {
        let mut seen = String::new();
        for word in text.split_whitespace() {
            let before = seen.len();
            push_seen(word, &mut seen);
            if seen.len() > before {
                seen.push(' ');
            }
        }
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn eight_bytes_at_a_time_are_seen_as_word_by_word(pieces in prop::collection::vec(prop_oneof![
            4 => "[ -~]{0,12}",
            2 => "[ \t\n\u{b}\u{1c}\u{7f}\r]{0,3}",
            1 => proptest::sample::select(vec!["é", "e\u{301}", "\u{ad}", "\u{200b}", "\u{85}", "\u{a0}", "\u{3000}", "ｶﾞ", "日本", "’"]).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ], 0..16)) {
            let text = pieces.concat();
            let mut got = "left over".to_owned();
            seen_words(&text, &mut got);
            prop_assert_eq!(got, plainly(&text), "{:?}", text);
        }
    }
}
