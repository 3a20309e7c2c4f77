//! Which words does a reader see, with single spaces between them? Exact copies are told by these.
//!
//! White space, characters that show nothing, and the form of a letter make no difference; case and
//! digits do.
//!
//! **Cost** .3 ns a byte of ASCII; a word with another character takes 10 ns and more.

use super::character::push_seen;

const BYTES: usize = 8;
const HIGH: u64 = repeat(0x80);
const SPACES: u64 = repeat(b' ');

/// The same byte eight times.
const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; BYTES])
}

/// Replaces `out` by the words of a text as a reader sees them, each with a space behind it.
pub fn seen_words(text: &str, out: &mut Vec<u8>) {
    out.clear();
    out.reserve(text.len() + BYTES);
    let bytes = text.as_bytes();
    let (mut at, mut word, mut after_space) = (0, String::new(), true);
    while at < bytes.len() {
        let piece = Piece::read(bytes, at, after_space);
        let before = out.len();
        // All eight, as a copy of a fixed length takes one instruction.
        out.extend_from_slice(&piece.seen.to_le_bytes());
        // Most pieces are whole: nothing that follows waits for their length.
        if piece.stop == 0 && bytes.len() - at >= BYTES {
            at += BYTES;
            after_space = piece.ends_with_space;
            continue;
        }
        let len = ((piece.stop.trailing_zeros() / u8::BITS) as usize).min(bytes.len() - at);
        out.truncate(before + len);
        at += len;
        match bytes.get(at) {
            None => break,
            Some(byte) if byte.is_ascii() => at += 1,
            Some(_) => {
                // The word that the character stands in is seen as a whole.
                let begin = out.iter().rposition(|&byte| byte == b' ').map_or(0, |space| space + 1);
                at -= out.len() - begin;
                out.truncate(begin);
                let rest = &text[at..];
                let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
                word.clear();
                push_seen(&rest[..len], &mut word);
                out.extend_from_slice(word.as_bytes());
                end_word(out);
                at += len + rest[len..].chars().next().map_or(0, char::len_utf8);
            }
        }
        after_space = is_word_ended(out);
    }
    end_word(out);
}

fn is_word_ended(out: &[u8]) -> bool {
    out.last().is_none_or(|&last| last == b' ')
}

/// Adds a space, unless there is one or nothing before it.
fn end_word(out: &mut Vec<u8>) {
    if !is_word_ended(out) {
        out.push(b' ');
    }
}

/// Up to eight bytes of ASCII.
struct Piece {
    /// With a space for each white space.
    seen: u64,
    /// The upper bit of each byte that is not ASCII, or white space that follows white space.
    stop: u64,
    ends_with_space: bool,
}

impl Piece {
    /// Reads on at a byte. `after_space` says whether white space stands before it.
    #[inline]
    fn read(text: &[u8], at: usize, after_space: bool) -> Self {
        let rest = &text[at..];
        let bytes = rest.first_chunk::<BYTES>().copied().unwrap_or_else(|| {
            let mut bytes = [0; BYTES];
            bytes[..rest.len()].copy_from_slice(rest);
            bytes
        });
        let bytes = u64::from_le_bytes(bytes);
        let low = bytes & !HIGH;
        // The upper bit of each byte that is a space, and of each from tab to carriage return.
        let spaces = !((low ^ SPACES) + repeat(0x7f));
        let controls = (low + repeat(0x80 - b'\t')) & !(low + repeat(0x80 - b'\r' - 1));
        let white = (spaces | controls) & !bytes & HIGH;
        let repeated = white & (white << u8::BITS | u64::from(after_space) << 7);
        let whole = (white >> 7) * 0xff;
        Self { seen: bytes & !whole | SPACES & whole, stop: bytes & HIGH | repeated, ends_with_space: white >> 63 == 1 }
    }
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
            let mut got = b"left over".to_vec();
            seen_words(&text, &mut got);
            prop_assert_eq!(String::from_utf8_lossy(&got), plainly(&text), "{:?}", text);
        }
    }
}
