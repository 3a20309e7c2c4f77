//! Which lines does a text have, and under which key does a host show them?

use super::{
    hash::{Seed, mix},
    token::Token,
};

/// Keyed hash of a line of tokens as one host shows it.
#[must_use]
pub fn line_key(seed: Seed, host: u64, line: &[Token]) -> u64 {
    line.iter().fold(mix(seed.0 ^ host), |h, t| mix(h ^ u64::from(t.0)))
}

/// Calls `each` for every line of a text that has tokens, with the index of its first token and its
/// tokens.
pub fn for_each_line(tokens: &[Token], mut each: impl FnMut(usize, &[Token])) {
    let mut start = 0;
    for line in tokens.split(|&t| t == Token::BREAK) {
        if !line.is_empty() {
            each(start, line);
        }
        start += line.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_left_out_and_count_their_breaks() {
        let text = [1, 2, 0, 0, 3, 0].map(Token);
        let mut lines = Vec::new();
        for_each_line(&text, |from, line| lines.push((from, line.to_vec())));
        assert_eq!(lines, [(0, vec![Token(1), Token(2)]), (4, vec![Token(3)])]);
        assert_ne!(line_key(Seed(1), 7, &text[..2]), line_key(Seed(1), 8, &text[..2]), "by host");
    }
}
