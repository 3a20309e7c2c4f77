//! Which words has a run of letters of scripts without spaces?
//!
//! The run is read in pieces, so no text makes it dear. Where a piece ends makes no difference to
//! the words: those near its end are left to the next piece.

use super::{
    character::{CharClass, character},
    dictionary::{WORD_BYTES_MAX, first_word},
    form,
};

/// Bytes of a piece. A word near its end is read twice, so it is much longer than a word.
const PIECE: usize = 32 * WORD_BYTES_MAX;
/// Most characters whose form is made together.
const LETTER_MAX: usize = 64;

/// A piece of a run, in the form in which words are compared. It is kept from run to run, for its
/// memory.
#[derive(Debug, Default)]
pub struct UnspacedRun {
    form: String,
    letters: Vec<Letter>,
    /// The byte ranges of what shows nothing.
    pub invisible: Vec<(u32, u32)>,
    /// The first byte behind the piece.
    end: u32,
    /// Whether the run ends with the piece.
    is_whole: bool,
}

/// A part of the form that is not divided, and the bytes that it is the form of.
#[derive(Clone, Copy, Debug)]
struct Letter {
    form_end: u32,
    from: u32,
    to: u32,
}

impl UnspacedRun {
    /// Reads a piece of the run that begins at byte `at` of a text.
    pub fn read(&mut self, text: &str, at: usize) {
        self.form.clear();
        self.letters.clear();
        self.invisible.clear();
        self.is_whole = true;
        let mut at = at;
        // The letters that the next character may change: those since the last one that has no mark.
        let mut base = None;
        let mut combining = 0;
        while let Some(c) = text[at..].chars().next() {
            let known = character(c);
            let end = at + c.len_utf8();
            match known.class {
                CharClass::Invisible => {
                    self.add_invisible(at, end);
                    at = end;
                    continue;
                }
                CharClass::Unspaced if self.form.len() >= PIECE => {
                    self.is_whole = false;
                    break;
                }
                CharClass::Unspaced | CharClass::Combining => {}
                _ => break,
            }
            let in_order = known.combining == 0 || combining <= known.combining;
            if known.is_simple && in_order {
                if known.class == CharClass::Unspaced {
                    base = Some(self.letters.len());
                }
                combining = known.combining;
                self.form.push(known.matching);
                self.add_letter(at, end);
                at = end;
            } else {
                at = self.read_together(text, at, base.take());
                combining = 0;
            }
        }
        self.end = at as u32;
    }

    /// Reads characters whose form depends on each other, with the letters from number `base` on.
    fn read_together(&mut self, text: &str, at: usize, base: Option<usize>) -> usize {
        let from = base.map_or(at, |base| self.letters[base].from as usize);
        if let Some(base) = base {
            self.letters.truncate(base);
            self.form.truncate(self.letters.last().map_or(0, |letter| letter.form_end as usize));
        }
        let mut end = at;
        for c in text[at..].chars().take(LETTER_MAX) {
            let known = character(c);
            let behind = end + c.len_utf8();
            match known.class {
                CharClass::Invisible => self.add_invisible(end, behind),
                CharClass::Combining => {}
                // What follows nikhahit to make AM.
                CharClass::Unspaced if !known.is_simple || matches!(c, '\u{e32}' | '\u{eb2}') => {}
                _ => break,
            }
            end = behind;
        }
        form::matching(&text[from..end], &mut self.form);
        self.add_letter(from, end);
        end
    }

    fn add_letter(&mut self, from: usize, to: usize) {
        self.letters.push(Letter { form_end: self.form.len() as u32, from: from as u32, to: to as u32 });
    }

    fn add_invisible(&mut self, from: usize, to: usize) {
        match self.invisible.last_mut().filter(|last| last.1 as usize == from) {
            Some(last) => last.1 = to as u32,
            None => self.invisible.push((from as u32, to as u32)),
        }
    }

    /// Calls `each` for every word, with its form and its bytes in the text. Returns where to read
    /// on.
    pub fn for_each_word(&self, mut each: impl FnMut(&str, (u32, u32))) -> usize {
        let (mut at, mut letter) = (0, 0);
        while at < self.form.len() {
            let Some(&Letter { from, .. }) = self.letters.get(letter) else { break };
            if !self.is_whole && self.form.len() - at < 2 * WORD_BYTES_MAX {
                return from as usize;
            }
            let end = at + first_word(&self.form[at..]);
            let mut to = from;
            while let Some(next) = self.letters.get(letter).filter(|next| next.form_end as usize <= end) {
                to = next.to;
                letter += 1;
            }
            // A word may end within letters whose form was made together.
            let begun = letter.checked_sub(1).map_or(0, |before| self.letters[before].form_end as usize);
            if begun < end
                && let Some(next) = self.letters.get(letter)
            {
                to = next.to;
            }
            each(&self.form[at..end], (from, to));
            at = end;
        }
        self.end as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, (u32, u32))> {
        let (mut run, mut words, mut at) = (UnspacedRun::default(), Vec::new(), 0);
        while at < text.len() {
            run.read(text, at);
            let before = at;
            at = run.for_each_word(|form, bytes| words.push((form.to_owned(), bytes)));
            assert!(at > before, "no progress at {at}");
        }
        words
    }

    #[track_caller]
    fn check(text: &str, want: &str) {
        let words = words(text);
        let forms: Vec<&str> = words.iter().map(|(form, _)| form.as_str()).collect();
        assert_eq!(forms.join("|"), want, "{text}");
        let ends: Vec<u32> = words.iter().map(|(_, bytes)| bytes.1).collect();
        assert!(ends.is_sorted() && ends.last() == Some(&(text.len() as u32)), "{ends:?} of {}", text.len());
    }

    #[test]
    fn forms_of_one_letter_are_cut_the_same() {
        check("ガラス窓", "ガラス|窓");
        check("ｶﾞﾗｽ窓", "ガラス|窓");
        check("カ\u{3099}ラス窓", "ガラス|窓");
        check("人々と", "人人|と");
        check("น้ำ", "น้ำ");
        check("น้\u{e4d}า", "น้ำ");
        check("ทุก\u{200b}วั\u{200b}น", "ทุก|วัน");
    }

    #[test]
    fn pieces_make_no_difference() {
        let sentence = "図書館の本を三週間借りましたห้องสมุดเปิดทุกวันភាសាខ្មែរガラス";
        let once = words(sentence);
        let repeats = 200;
        let all = words(&sentence.repeat(repeats));
        assert!(sentence.len() * repeats > 4 * PIECE);
        let of: Vec<&str> = all.iter().map(|(form, _)| form.as_str()).collect();
        assert_eq!(of.len(), once.len() * repeats);
        assert!(of.chunks(once.len()).all(|chunk| chunk.iter().zip(&once).all(|(got, want)| *got == want.0)));
        assert!(all.windows(2).all(|w| w[0].1.1 == w[1].1.0));
    }

    #[test]
    fn hostile_runs_end() {
        for piece in ["\u{3099}か", "々", "ゞ", "\u{e4d}\u{e32}", "\u{200b}か", "\u{e40}", "\u{1039}", "\u{20000}", "ﾞ"] {
            let text = format!("か{}", piece.repeat(20_000));
            assert!(!words(&text).is_empty());
        }
    }
}
