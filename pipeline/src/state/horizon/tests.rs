//! Whatever memory, files and restarts do: the same documents are found as by a plain search.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use operators::{
    document::SeqNo,
    lookup::{Horizon as _, Recollection},
    text::{Seed, Token, Tokenizer, hash::mix},
};

use super::{
    filter::{Filter, SLICE, keys_of},
    layout::{FILTER, SEGMENT, TEXTS},
    segment::list,
    store::Horizon,
};

const DOCUMENTS_MAX: SeqNo = 9000;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = mix(self.0);
        (self.0 % n as u64) as usize
    }

    /// A few lines of a few words: some words in most texts, some in one of hundreds.
    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(13) {
            let rarity = [4, 60, 4000][self.below(3)];
            text += "w";
            text += &self.below(rarity).to_string();
            text.push_str([" ", " ", " ", "\n", ", "][self.below(5)]);
        }
        text
    }
}

fn tokenizer() -> Tokenizer {
    Tokenizer::new(Seed(1), 1000)
}

fn open(folder: &Path, memory: usize, next: SeqNo, tail: u64) -> Horizon {
    Horizon::open(folder, Recollection::Search, DOCUMENTS_MAX, memory, next, tail).expect("opens")
}

fn tokens(text: &str) -> Arc<[Token]> {
    tokenizer().tokens(text).ids.into()
}

fn push(horizon: &mut Horizon, text: &str) {
    horizon.push(Some(&tokens(text))).expect("pushed");
}

/// A store, and what a plain search needs to say what it should answer.
struct Pair {
    folder: PathBuf,
    memory: usize,
    horizon: Horizon,
    documents: Vec<Option<Arc<[Token]>>>,
    floor: SeqNo,
    /// Documents and bytes of the last segment, as of the last two snapshots, older first.
    snapshots: [(SeqNo, u64); 2],
}

impl Pair {
    fn new(folder: &Path, memory: usize) -> Self {
        let horizon = open(folder, memory, 0, 0);
        Self { folder: folder.to_owned(), memory, horizon, documents: Vec::new(), floor: 0, snapshots: [(0, 0); 2] }
    }

    fn push(&mut self, random: &mut Random, n: usize) {
        for _ in 0..n {
            let text = (random.below(50) > 0).then(|| random.text());
            match &text {
                Some(text) => push(&mut self.horizon, text),
                None => self.horizon.push(None).expect("pushed"),
            }
            // An empty text is one all the same; only it holds nothing.
            self.documents.push(text.map(|text| tokens(&text)));
        }
    }

    fn begin_epoch(&mut self, random: &mut Random) {
        let epoch = self.documents.len() - random.below(self.documents.len().min(300) + 1);
        self.floor = (epoch as SeqNo).saturating_sub(DOCUMENTS_MAX);
        self.horizon.begin_epoch(epoch as SeqNo);
    }

    fn snapshot(&mut self) {
        let tail = self.horizon.flush().expect("flushed");
        self.snapshots = [self.snapshots[1], (self.documents.len() as SeqNo, tail)];
        self.horizon.remove_before(self.snapshots[0].0).expect("removed");
    }

    /// Killed, and opened at one of the snapshots, after something has happened to the filters.
    fn restart(&mut self, random: &mut Random) {
        let (next, tail) = self.snapshots[random.below(2)];
        let folder = self.folder.clone();
        drop(std::mem::replace(&mut self.horizon, open(&folder.join("elsewhere"), 0, 0, 0)));
        fs::remove_dir_all(folder.join("elsewhere")).expect("removed");
        damage(&folder, random);
        self.horizon = open(&folder, self.memory, next, tail);
        self.documents.truncate(next as usize);
        self.snapshots = [(next, tail); 2];
        self.floor = 0;
        let first = self.horizon.oldest_on_disk();
        self.documents[..first as usize].fill(None);
        self.check_files();
    }

    /// Every full segment has a sound filter, and there is nothing else.
    fn check_files(&self) {
        let found: Vec<_> = list(&self.folder).expect("listed").into_iter().map(|(first, kind, _)| (first, kind)).collect();
        let mut expected = Vec::new();
        for sealed in &self.horizon.sealed {
            let first = sealed.texts.first;
            assert!(Filter::open(&self.horizon.path(first, FILTER), sealed.texts.identity()).is_some());
            expected.extend([(first, FILTER.to_owned()), (first, TEXTS.to_owned())]);
        }
        expected.extend(self.horizon.tail.iter().map(|tail| (tail.first, TEXTS.to_owned())));
        assert_eq!(found, expected);
    }

    fn check_searches(&self, random: &mut Random) {
        for _ in 0..12 {
            let (length, noise) = (1 + random.below(5), random.text());
            let from = self.documents.get(random.below(self.documents.len().max(1))).cloned().flatten();
            let from = from.filter(|_| random.below(4) > 0).unwrap_or(tokens(&noise));
            let start = random.below(from.len().max(1)).min(from.len());
            let span = &from[start..(start + length).min(from.len())];
            let plain = |o: &SeqNo| {
                let document = &self.documents[*o as usize];
                !span.is_empty() && document.as_ref().is_some_and(|d| d.windows(span.len()).any(|w| w == span))
            };
            let expected: Vec<_> = (self.floor..self.documents.len() as SeqNo).filter(plain).collect();
            assert_eq!(self.horizon.may_carry(span), expected, "{span:?} of {}", self.documents.len());
        }
    }
}

/// Something that a crash, a disk or another version may leave, done to some of the filters.
fn damage(folder: &Path, random: &mut Random) {
    let files = list(folder).expect("listed");
    let filters: Vec<_> = files.iter().filter(|(_, kind, _)| kind == FILTER).map(|(_, _, path)| path).collect();
    for path in &filters {
        let mut bytes = fs::read(path).expect("read");
        if bytes.is_empty() {
            continue;
        }
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => fs::remove_file(path).expect("removed"),
            1 => {
                bytes[at] ^= 1 << random.below(8);
                fs::write(path, bytes).expect("written");
            }
            2 => fs::write(path, &bytes[..at]).expect("written"),
            3 => fs::write(path, [bytes.clone(), vec![0; 4096]].concat()).expect("written"),
            // Of another segment; nothing comes of it where that one was just removed.
            4 => drop(fs::copy(filters[random.below(filters.len())], path)),
            5 => fs::write(path, vec![0; bytes.len()]).expect("written"),
            _ => {}
        }
    }
    if random.below(2) == 0 {
        fs::write(folder.join("0000077824.filter"), b"of no segment").expect("written");
        fs::write(folder.join("0000000000.filter.tmp"), b"half").expect("written");
    }
}

#[test]
fn agrees_with_a_plain_search_through_restarts_and_damage() {
    let dir = tempfile::tempdir().expect("a folder");
    for (case, memory) in [0, 3000, 200_000, 1 << 30].into_iter().enumerate() {
        let mut random = Random(case as u64);
        let mut pair = Pair::new(&dir.path().join(case.to_string()), memory);
        let mut restarts = 0;
        while restarts < 4 || pair.documents.len() < 16_000 {
            let n = 1 + random.below(2500);
            pair.push(&mut random, n);
            match random.below(6) {
                0 | 1 => pair.snapshot(),
                2 => pair.begin_epoch(&mut random),
                3 if pair.documents.len() > 6000 => {
                    pair.restart(&mut random);
                    restarts += 1;
                }
                4 => {
                    // Under a running process: what fails its check is not used.
                    pair.horizon.finish();
                    damage(&pair.folder, &mut random);
                }
                _ => {}
            }
            pair.check_searches(&mut random);
        }
    }
}

#[test]
fn finds_carriers_in_memory_and_on_disk_and_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    for memory in [0, 1000, 1 << 30] {
        let folder = dir.path().join(format!("{memory}"));
        let mut horizon = open(&folder, memory, 0, 0);
        for i in 0..13_000 {
            match i {
                7 | 8000 | 12_999 => push(&mut horizon, "here zor bani stands"),
                50 => horizon.push(None).expect("pushed"),
                _ => push(&mut horizon, &format!("ordinary text {i}")),
            }
        }
        let span = tokens("zor bani");
        assert_eq!(horizon.may_carry(&span), [7, 8000, 12_999]);
        horizon.begin_epoch(12_960);
        assert_eq!(horizon.may_carry(&span), [8000, 12_999], "7 is beyond the horizon");
        let tail = horizon.flush().expect("flushed");
        push(&mut horizon, "zor bani, never acknowledged");
        drop(horizon);
        let mut horizon = open(&folder, memory, 13_000, tail);
        assert_eq!(horizon.may_carry(&span), [7, 8000, 12_999]);
        assert_eq!(horizon.tokens(50), None);
        horizon.remove_before(13_200).expect("removed");
        assert!(folder.join("0000000000.texts").exists(), "the horizon reaches it until the next epoch boundary");
        horizon.begin_epoch(13_200);
        horizon.remove_before(13_200).expect("removed");
        assert_eq!(horizon.may_carry(&span), [8000, 12_999]);
        assert!(!folder.join("0000000000.texts").exists() && !folder.join("0000000000.filter").exists());
        assert!(folder.join("0000004096.texts").exists() && folder.join("0000004096.filter").exists());
    }
}

#[test]
fn filters_leave_few_documents_to_look_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut horizon = open(dir.path(), 0, 0, 0);
    let mut random = Random(5);
    let words = |random: &mut Random| -> String {
        let words: Vec<_> = (0..50).map(|_| format!("v{}", random.below(500_000))).collect();
        words.join(" ")
    };
    for i in 0..2 * SEGMENT {
        let text = if i == 4100 { "zor bani".to_owned() } else { words(&mut random) };
        push(&mut horizon, &text);
    }
    horizon.finish();
    let candidates = |span: &str| -> Vec<SeqNo> {
        horizon.sealed.iter().flat_map(|s| s.candidates(&keys_of(&tokens(span)), &(0..horizon.next))).collect()
    };
    let slice: Vec<SeqNo> = (4096..4096 + SLICE as SeqNo).collect();
    assert_eq!(candidates("zor bani"), slice, "the carrier's slice and no other");
    assert!(candidates("bani zor").is_empty(), "the words, and not the pair");
    let falsely: usize = (0..300).map(|i| candidates(&format!("absent{i}")).len() / SLICE).sum();
    assert!(falsely < 300 * 64 / 50, "{falsely} of {} slices for words that none holds", 300 * 64);
    let filters: u64 = horizon.sealed.iter().map(|s| s.disk_bytes() - s.texts.log.len()).sum();
    let keys = 2 * u64::from(SEGMENT) * 99;
    assert!((keys * 11 / 8..keys * 13 / 8).contains(&filters), "{filters} bytes for {keys} keys");
}

#[test]
fn what_nobody_asks_is_not_kept_and_can_be_asked_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let span = tokens("zor bani");
    for (keeps, on_disk) in [(Recollection::Nothing, false), (Recollection::Tokens, true)] {
        let folder = dir.path().join(format!("{keeps:?}"));
        let mut horizon = Horizon::open(&folder, keeps, DOCUMENTS_MAX, 1 << 20, 0, 0).expect("opens");
        (0..5000).for_each(|_| push(&mut horizon, "here zor bani stands"));
        assert_eq!(horizon.tokens(4998), on_disk.then(|| tokens("here zor bani stands")));
        assert!(list(&folder).expect("listed").iter().all(|(_, kind, _)| kind == TEXTS), "no filter");
        assert_eq!(horizon.disk_bytes() > 5000 * 16, on_disk);
        let tail = horizon.flush().expect("flushed");
        drop(horizon);
        let horizon = open(&folder, 0, 5000, tail);
        assert_eq!(horizon.may_carry(&span).len(), if on_disk { 5000 } else { 0 });
    }
}

#[test]
fn a_text_without_words_is_a_text() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut horizon = open(dir.path(), 0, 0, 0);
    (0..SEGMENT).for_each(|_| push(&mut horizon, ""));
    horizon.push(None).expect("pushed");
    assert_eq!([horizon.tokens(0), horizon.tokens(SEGMENT)], [Some(tokens("")), None]);
}

#[test]
fn missing_texts_are_an_error_and_not_an_answer() {
    let dir = tempfile::tempdir().expect("a folder");
    let fill = |folder: &Path, n: SeqNo| {
        let mut horizon = open(folder, 0, 0, 0);
        (0..n).for_each(|_| push(&mut horizon, "text"));
        horizon.flush().expect("flushed")
    };
    for (name, n) in [("partly", 5000), ("wholly", 8192)] {
        let folder = dir.path().join(name);
        let tail = fill(&folder, n);
        let reopen = |next| Horizon::open(&folder, Recollection::Search, DOCUMENTS_MAX, 0, next, tail);
        assert!(reopen(n + 1).is_err(), "a text too few");
        fs::remove_file(folder.join("0000004096.texts")).expect("removed");
        assert!(reopen(n).is_err(), "the newest texts");
    }
}
