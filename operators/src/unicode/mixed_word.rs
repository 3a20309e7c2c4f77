//! Is a word written with letters of another script that look like its own?
//!
//! A word that mixes two scripts is one if each letter of the one has a counterpart in the other that
//! looks the same (the confusables of UTS 39, among characters that it allows in identifiers). That is
//! so for Cyrillic letters in a Latin word as for Latin ones in a Cyrillic or Greek word.
//!
//! People mix scripts, too: acronyms with an ending (`SQL` and a Cyrillic `а`), symbols (a Greek letter
//! and its index), units, a first letter typed before the keyboard was switched. There the scripts
//! change once, at an end of the word; so a change on both sides of a letter says more.

use unicode_normalization::UnicodeNormalization;
use unicode_script::Script;
use unicode_security::GeneralSecurityProfile;

use super::orthography::{is_east_asian, letter_script};
use crate::text::lookalike::counterpart;

/// Fewest letters of a word that says anything: `hν` is a formula, `рH` a quantity.
const LETTERS_MIN: usize = 3;
/// How much a word says that mixes scripts in its middle.
pub(super) const INSIDE: u32 = 4;
/// How much it says if it does so at an end. Who writes Cyrillic or Greek has Latin letters on the
/// same keyboard, and forgets to switch; who writes Latin letters rarely has others.
const AT_EDGE: u32 = 2;
const AT_EDGE_OF_LATIN: u32 = 3;

/// How much a word says that mixes two scripts: 0 if its letters are what they look like.
pub(super) fn weight(word: &str, scripts: [Script; 2]) -> u32 {
    if scripts.into_iter().any(is_east_asian) {
        return 0;
    }
    let letters: Vec<(char, Script)> = word.chars().filter_map(|c| letter_script(c).map(|script| (c, script))).collect();
    if letters.len() < LETTERS_MIN {
        return 0;
    }
    let own = |script| letters.iter().filter(move |letter| letter.1 == script);
    let pair = [Script::Latin, Script::Cyrillic];
    if pair.iter().all(|script| scripts.contains(script)) && own(Script::Latin).all(|letter| is_borrowed(letter.0)) {
        return 0;
    }
    let disguised = |from: Script, to: Script| own(from).all(|&(c, _)| has_counterpart(c, to));
    let [a, b] = scripts;
    if !(disguised(a, b) || disguised(b, a)) || scripts.into_iter().any(|script| is_acronym(own(script).map(|l| l.0))) {
        return 0;
    }
    let changes = letters.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    if changes > 1 {
        return INSIDE;
    }
    let innocent = !scripts.into_iter().all(has_case) || scripts.into_iter().any(|script| is_symbol(&letters, script));
    match own(Script::Latin).count() * 2 > letters.len() {
        _ if innocent => 0,
        true => AT_EDGE_OF_LATIN,
        false => AT_EDGE,
    }
}

/// Whether a script has a letter, in ordinary use, that looks like `c` without its accents.
fn has_counterpart(c: char, script: Script) -> bool {
    let base = c.nfd().next().unwrap_or(c);
    counterpart(base, script).is_some_and(char::identifier_allowed)
}

/// Two or more letters that are all capitals.
fn is_acronym(mut letters: impl Iterator<Item = char> + Clone) -> bool {
    letters.clone().count() > 1 && letters.all(char::is_uppercase)
}

/// Whether the letter of the script is a symbol at an end of the word: a Greek letter with an index, a
/// unit's capital; or a capital that was typed before the keyboard was switched.
fn is_symbol(letters: &[(char, Script)], script: Script) -> bool {
    let mut own = letters.iter().filter(|letter| letter.1 == script);
    let (Some(&(c, _)), None) = (own.next(), own.next()) else { return false };
    script == Script::Greek || c.is_uppercase()
}

/// Scripts with capitals, whose letters come from each other's. An ending of another script behind a
/// word is grammar: Persian plurals of English words end in letters that look like `o` and `l`.
fn has_case(script: Script) -> bool {
    matches!(script, Script::Latin | Script::Cyrillic | Script::Greek | Script::Armenian)
}

/// Whether Cyrillic is written with this Latin letter where keyboards lack its own: `i` in Ukrainian
/// and Kazakh, `h` in Bashkir, `q` and `w` in Kurdish and Yukaghir.
fn is_borrowed(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 'h' | 'i' | 'q' | 'w')
}
