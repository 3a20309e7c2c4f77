//! Where does a word end in a script that is written without spaces?
//!
//! A word is the longest one of a dictionary that begins here: those of ICU, which `icu_segmenter`
//! brings along, for Chinese and Japanese, Thai, Lao, Khmer and Burmese. Where no word begins, and
//! in scripts without a dictionary, a word is one orthographic syllable: a letter with its marks,
//! with the consonant below it, with small kana behind it. So an invented name is cut into the same
//! syllables wherever it stands, but for its ends. (To join them, or whole runs of Katakana as UAX
//! 29 does, would hide a third of the places where an invented name is put into other text.) A word
//! in Chinese is 4.8 bytes long on average, 6.0 in Japanese, 11.9 in Thai.
//!
//! **Cost** 105 to 130 MB/s. `WordSegmenter` of the same crate with the same dictionaries does 30
//! (Chinese), 47 (Japanese) and 52 (Thai) on the same machine, since it looks up the first letter
//! of each word by bisection; here the first letter is an index. Its LSTM models do .5. **State**
//! .8 MB, made when the first such text comes, in 3 ms.

use std::sync::OnceLock;

use icu_collections::char16trie::Char16TrieCursor;
use icu_provider::prelude::{DataIdentifierBorrowed, DataMarker, DataMarkerAttributes, DataProvider, DataRequest};
use icu_segmenter::provider::{Baked, DictionaryBreakData, SegmenterDictionaryAutoV2, SegmenterDictionaryExtendedV2};
use script::{is_leading_vowel, stacks_next};
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerotrie::ZeroTrieSimpleAscii;

use super::character::{CharClass, character};

/// Most letters of a word, so that no text makes a word dear. The longest word of the dictionaries
/// has fewer.
const LETTERS_MAX: usize = 48;
/// Most bytes of a word, so most bytes that the place of its end can depend on.
pub const WORD_BYTES_MAX: usize = LETTERS_MAX * 4;

/// Bytes of the first word of a text of unspaced letters and their marks, which must not be empty.
#[must_use]
pub fn first_word(text: &str) -> usize {
    dictionaries().longest(text).unwrap_or_else(|| syllable(text))
}

/// A number that is equal where the dictionaries are.
#[must_use]
pub fn digest() -> u64 {
    dictionaries().digest
}

/// The first syllable. A preposed vowel belongs to the consonant behind it
/// (`Logical_Order_Exception`).
fn syllable(text: &str) -> usize {
    let mut chars = text.chars();
    let mut end = 0;
    while let Some(c) = chars.next() {
        end = with_marks(text, end + c.len_utf8());
        let small = text[end..].chars().take(LETTERS_MAX).take_while(|&c| is_small_kana(c));
        end += small.map(char::len_utf8).sum::<usize>();
        if end >= WORD_BYTES_MAX || may_end(&text[..end]) {
            break;
        }
        chars = text[end..].chars();
    }
    end
}

/// Whether it lengthens or alters the syllable before it: the small letters of Kana, and the mark of
/// length (UAX 14, class CJ).
fn is_small_kana(c: char) -> bool {
    matches!(
        c,
        'ぁ' | 'ぃ'
            | 'ぅ'
            | 'ぇ'
            | 'ぉ'
            | 'っ'
            | 'ゃ'
            | 'ゅ'
            | 'ょ'
            | 'ゎ'
            | 'ゕ'
            | 'ゖ'
            | 'ァ'
            | 'ィ'
            | 'ゥ'
            | 'ェ'
            | 'ォ'
            | 'ッ'
            | 'ャ'
            | 'ュ'
            | 'ョ'
            | 'ヮ'
            | 'ヵ'
            | 'ヶ'
            | 'ー'
            | '\u{31f0}'..='\u{31ff}'
    )
}

/// The end of the marks that follow byte `end`.
fn with_marks(text: &str, end: usize) -> usize {
    let marks = text[end..].chars().take(LETTERS_MAX).take_while(|&c| !may_begin(c));
    end + marks.map(char::len_utf8).sum::<usize>()
}

/// Whether a word may begin with a character. Not with a mark, nor with a vowel that is written
/// behind its consonant.
fn may_begin(c: char) -> bool {
    character(c).class != CharClass::Combining
        && !matches!(c, '\u{e30}' | '\u{e32}' | '\u{e33}' | '\u{e45}' | '\u{eb0}' | '\u{eb2}' | '\u{eb3}')
}

/// Whether a word may end here: not with a vowel that is written before its consonant, nor with the
/// sign that puts the next consonant below.
fn may_end(word: &str) -> bool {
    !word.ends_with(|c| is_leading_vowel(c) || stacks_next(c))
}

/// Words of Chinese and Japanese begin with these letters.
const CJ_FIRST: u32 = 0x3005;
const CJ_LAST: u32 = 0x9fff;
/// Letters of a script with a trie over its own alphabet.
const BLOCK: usize = 256;
/// What stands for a letter that is not in the alphabet.
const NO_LETTER: u8 = u8::MAX;

struct Dictionaries {
    /// The trie behind each first letter of a word, from [`CJ_FIRST`] on.
    cj: Vec<Option<Char16TrieCursor<'static>>>,
    others: Vec<BlockDictionary>,
    digest: u64,
}

/// The dictionary of a script with a small alphabet.
struct BlockDictionary {
    /// The first character of the script's block.
    first: u32,
    /// Each letter of the block as a byte of the trie.
    letters: [u8; BLOCK],
    trie: ZeroTrieSimpleAscii<&'static [u8]>,
}

fn dictionaries() -> &'static Dictionaries {
    static DICTIONARIES: OnceLock<Dictionaries> = OnceLock::new();
    DICTIONARIES.get_or_init(|| {
        let mut all = Dictionaries { cj: Vec::new(), others: Vec::new(), digest: 0 };
        all.add(load::<SegmenterDictionaryAutoV2>("cjdict"), CJ_FIRST);
        for (name, first) in [("thaidict", 0xe00), ("laodict", 0xe80), ("burmesedict", 0x1000), ("khmerdict", 0x1780)] {
            all.add(load::<SegmenterDictionaryExtendedV2>(name), first);
        }
        all
    })
}

/// The dictionary of a name; `None` if the crate does not have it.
fn load<M>(name: &'static str) -> Option<&'static DictionaryBreakData<'static>>
where
    M: DataMarker<DataStruct = DictionaryBreakData<'static>>,
    Baked: DataProvider<M>,
{
    let id = DataIdentifierBorrowed::for_marker_attributes(DataMarkerAttributes::from_str_or_panic(name));
    DataProvider::<M>::load(&Baked, DataRequest { id, ..DataRequest::default() }).ok()?.payload.get_static()
}

impl Dictionaries {
    /// Adds a dictionary whose letters begin at `first`. Without one, syllables are words.
    fn add(&mut self, dictionary: Option<&'static DictionaryBreakData<'static>>, first: u32) {
        let bytes = match dictionary {
            Some(DictionaryBreakData::Char16Trie(trie)) => {
                let root = trie.cursor();
                let behind = |letter: u32| {
                    let mut cursor = root.clone();
                    cursor.step32(letter);
                    (!cursor.is_empty()).then_some(cursor)
                };
                self.cj = (first..=CJ_LAST).map(behind).collect();
                trie.data.as_bytes()
            }
            Some(DictionaryBreakData::ZeroTrie { alphabet, trie }) => {
                let letter = |offset| alphabet.position32(first + offset as u32).map_or(NO_LETTER, |place| place as u8);
                let letters = std::array::from_fn(letter);
                self.others.push(BlockDictionary { first, letters, trie: ZeroTrieSimpleAscii::from_store(trie.as_bytes()) });
                trie.as_bytes()
            }
            None => &[],
        };
        self.digest = xxh3_64_with_seed(bytes, self.digest);
    }

    /// Bytes of the longest word that the text begins with.
    fn longest(&self, text: &str) -> Option<usize> {
        let first = text.chars().next()?;
        if let Some(behind) = (first as u32).checked_sub(CJ_FIRST).and_then(|index| self.cj.get(index as usize)) {
            return longest_cj(behind.as_ref()?.clone(), text, first.len_utf8());
        }
        // The last that begins before it: Lao begins within 256 characters of Thai.
        let block = |d: &&BlockDictionary| (d.first..d.first + BLOCK as u32).contains(&(first as u32));
        self.others.iter().rfind(block)?.longest(text)
    }
}

/// Bytes of the longest word of the trie. Its first letter, of `at` bytes, was looked up.
fn longest_cj(mut cursor: Char16TrieCursor<'static>, text: &str, mut at: usize) -> Option<usize> {
    let mut longest = None;
    let mut rest = text[at..].chars().take(LETTERS_MAX - 1);
    loop {
        let next = rest.next();
        if cursor.value().is_some() && next.is_none_or(may_begin) {
            longest = Some(at);
        }
        let Some(c) = next.filter(|_| !cursor.is_empty()) else { return longest };
        cursor.step(c);
        at += c.len_utf8();
    }
}

impl BlockDictionary {
    fn longest(&self, text: &str) -> Option<usize> {
        let mut cursor = self.trie.cursor();
        let (mut at, mut longest) = (0, None);
        let mut rest = text.chars().take(LETTERS_MAX);
        loop {
            let next = rest.next();
            if cursor.take_value().is_some() && next.is_none_or(may_begin) && may_end(&text[..at]) {
                longest = Some(at);
            }
            let Some(c) = next.filter(|_| !cursor.is_empty()) else { return longest };
            let offset = (c as usize).wrapping_sub(self.first as usize);
            cursor.step(self.letters.get(offset).copied().unwrap_or(NO_LETTER));
            at += c.len_utf8();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let (mut words, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (word, behind) = rest.split_at(first_word(rest));
            words.push(word);
            rest = behind;
        }
        assert_eq!(words.join("|"), want);
    }

    #[test]
    fn words_of_dictionaries() {
        check("市立图书馆每天上午开放", "市立|图书|馆|每天|上午|开放");
        check("図書館の本を借りました", "図書館|の|本|を|借り|まし|た");
        check("ห้องสมุดเปิดทุกวัน", "ห้อง|สมุด|เปิด|ทุก|วัน");
        check("ພາສາລາວ", "ພາສາ|ລາວ");
        check("ភាសាខ្មែរ", "ភាសាខ្មែរ");
        check("မြန်မာစာ", "မြန်မာ|စာ");
        assert_ne!(digest(), 0);
    }

    #[test]
    fn an_invented_name_is_cut_the_same_wherever_it_stands() {
        check("ヌジャヴェーを買う", "ヌ|ジャ|ヴェー|を|買う");
        check("電子ヌジャヴェープログラム", "電子|ヌ|ジャ|ヴェー|プログラム");
        check("沃蔻碧", "沃|蔻|碧");
    }

    #[test]
    fn syllables_where_no_word_begins() {
        check("ꦲꦏ꧀ꦱꦫ", "ꦲ|ꦏ꧀ꦱ|ꦫ");
        check("ᬅᬓ᭄ᬱᬭ", "ᬅ|ᬓ᭄ᬱ|ᬭ");
        check("ᥖᥭᥰ", "ᥖ|ᥭ|ᥰ");
        check("เฮฮฺ", "เฮ|ฮฺ");
        check("\u{e40}", "\u{e40}");
    }

    #[test]
    fn words_are_bounded() {
        for text in ["ア".repeat(1000), "\u{17d2}ក".repeat(1000), "\u{e40}".repeat(1000), "ก\u{e34}".repeat(1000)] {
            assert!((1..=2 * WORD_BYTES_MAX).contains(&first_word(&text)), "{}", first_word(&text));
        }
    }
}
