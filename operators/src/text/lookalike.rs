//! Which word does a reader see where some letters are of another script and look like those of the
//! rest?
//!
//! A letter that is not of the script of most letters is replaced by the letter of that script with
//! the same prototype (UTS 39, confusable detection), if there is one: "pаypal" with Cyrillic а is
//! "paypal". Words of one script are never changed, and neither are letters that look like nothing
//! else ("kΩ").
//!
//! **Cost** some us for a word of several scripts; nothing for others. **State** some 100 KB, made
//! when the first such word comes.

use std::{collections::HashMap, sync::OnceLock};

use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;

/// Letters beyond this are not put in place of others: later blocks hold no script of ordinary
/// text whose letters look like those of another one.
const COUNTERPARTS_LAST: u32 = 0x2dff;

/// The word that a reader sees, if it is another one.
#[must_use]
pub fn seen(word: &str) -> Option<String> {
    let script = main_script(word)?;
    let mut differs = false;
    let seen = word
        .chars()
        .map(|c| {
            let counterpart = is_foreign(c, script).then(|| counterpart(c, script)).flatten();
            differs |= counterpart.is_some();
            counterpart.unwrap_or(c)
        })
        .collect();
    differs.then_some(seen)
}

/// The script of most letters; of equals the first.
fn main_script(word: &str) -> Option<Script> {
    let mut counts: Vec<(Script, u32)> = Vec::new();
    for script in word.chars().map(|c| c.script()).filter(|script| !matches!(script, Script::Common | Script::Inherited)) {
        match counts.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => counts.push((script, 1)),
        }
    }
    counts.iter().rev().max_by_key(|(_, count)| *count).map(|(script, _)| *script)
}

fn is_foreign(c: char, script: Script) -> bool {
    !matches!(c.script(), Script::Common | Script::Inherited) && c.script() != script
}

/// The letter of `script` that looks like `c`.
#[must_use]
pub fn counterpart(c: char, script: Script) -> Option<char> {
    static LETTERS: OnceLock<HashMap<(char, Script), char>> = OnceLock::new();
    let prototype = prototype(c)?;
    if prototype.script() == script {
        return Some(prototype);
    }
    let letters = LETTERS.get_or_init(|| {
        let mut letters = HashMap::new();
        for letter in ('\u{80}'..=char::from_u32(COUNTERPARTS_LAST).unwrap_or_default()).filter(|c| c.is_alphabetic()) {
            if let Some(prototype) = self::prototype(letter).filter(|&p| p != letter) {
                letters.entry((prototype, letter.script())).or_insert(letter);
            }
        }
        letters
    });
    letters.get(&(prototype, script)).copied()
}

/// What UTS 39 has for all characters that look like this one, if that is one character.
fn prototype(c: char) -> Option<char> {
    let mut buffer = [0; 4];
    let mut skeleton = skeleton(c.encode_utf8(&mut buffer));
    skeleton.next().filter(|_| skeleton.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_another_script_are_read_as_they_look() {
        assert_eq!(seen("p\u{430}yp\u{430}l").as_deref(), Some("paypal"));
        assert_eq!(seen("пapoль").as_deref(), Some("пароль"));
        assert_eq!(seen("ΜΑΚEΔΟΝΙΑ").as_deref(), Some("ΜΑΚΕΔΟΝΙΑ"));
    }

    #[test]
    fn other_words_stay() {
        for word in ["paypal", "пароль", "k\u{3a9}", "µm", "caf\u{e9}", "Nguyễn", "日本go", "αβγ", "x2", ""] {
            assert_eq!(seen(word), None, "{word}");
        }
    }
}
