//! The small crawl that all tests filter, made once in each run of the suite.
//!
//! It has archived pages, lines with attacks and copies, and broken records. A background comes
//! with it, learned by the binary itself, and a configuration under which alarms, recalls and
//! snapshots happen early.
//!
//! The folder lies in cargo's folder for tests and is made anew by each run. A second run of the
//! suite in the same target folder waits until the first has ended.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use sample::Size;

use testkit::stream::{self, SMALL_CONFIG};

use crate::weir::weir;

/// Archived pages. They are long, so there are few.
const PAGES: usize = 120;
/// Lines of JSON.
const LINES: usize = 1_100;
/// Carriers of the first planted sentence in the first dump: too few for an alarm.
const CARRIERS_BEFORE: usize = 3;

/// Added to [`SMALL_CONFIG`]: snapshots, frames and parts end often, so that kills can tear them.
const CONFIG: &str = "
engine.threads = 1
state.snapshot_documents = 256
output.part_records = 200
operators.trigger_spike.bootstrap_documents = 300
";

/// The files that all tests share. No test may change them.
pub(crate) struct Corpus {
    /// A folder with an archive, a packed and a plain file of lines.
    pub(crate) crawl: PathBuf,
    /// All lines of JSON, in reading order and without line breaks.
    pub(crate) lines: Vec<Vec<u8>>,
    /// The same lines in two files. The first ends after a few carriers, and the second holds
    /// copies of documents of the first.
    pub(crate) dumps: [PathBuf; 2],
    /// Ids of the copies in the second dump, each with the id of its original in the first.
    pub(crate) copies: Vec<(String, String)>,
    /// The background.
    pub(crate) background: PathBuf,
    /// The configuration.
    pub(crate) config: PathBuf,
    /// The lock on the folder, held until the process ends.
    _lock: File,
}

/// Returns the corpus. The first call makes it.
pub(crate) fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(make)
}

fn make() -> Corpus {
    let cargo = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(cargo).expect("cargo's folder for tests");
    let lock = File::create(cargo.join("process.lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let home = cargo.join("process");
    let _ = fs::remove_dir_all(&home);
    let crawl = home.join("crawl");
    fs::create_dir_all(&crawl).expect("a folder");
    let sample = sample::generate(&home.join("sample"), Size { pages: 2_000, reference: 400 }, 3).expect("a sample");
    write(&crawl.join("a.warc"), &first_records(&sample.crawl, PAGES));
    let lines = stream::lines(5, LINES, 1).remove(0);
    let (packed, plain) = lines.split_at(LINES / 2);
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(&joined(packed)).expect("packed");
    write(&crawl.join("b.jsonl.gz"), &out.finish().expect("packed"));
    write(&crawl.join("c.jsonl"), &joined(plain));
    let config = home.join("weir.toml");
    write(&config, format!("{SMALL_CONFIG}{CONFIG}").as_bytes());
    let background = home.join("background.weir");
    let learned = weir(["--config".as_ref(), config.as_os_str(), "learn".as_ref(), "--output".as_ref(), background.as_os_str()])
        .arg(&sample.reference)
        .output()
        .expect("weir runs");
    assert!(learned.status.success(), "weir learn: {}", String::from_utf8_lossy(&learned.stderr));
    let (dumps, copies) = write_dumps(&home, &lines);
    Corpus { crawl, lines, dumps, copies, background, config, _lock: lock }
}

fn write_dumps(home: &Path, lines: &[Vec<u8>]) -> ([PathBuf; 2], Vec<(String, String)>) {
    let carries = |line: &&Vec<u8>| stream::SENTENCES.iter().any(|s| String::from_utf8_lossy(line).contains(s));
    let cut = lines.iter().enumerate().filter(|(_, line)| carries(line)).nth(CARRIERS_BEFORE).map(|(at, _)| at);
    let (first, second) = lines.split_at(cut.expect("carriers").max(40));
    let mut second = second.to_vec();
    let mut copies = Vec::new();
    // Copied is what the first dump calls clean: no carrier, nothing hidden, and no copy itself.
    let clean = |line: &&Vec<u8>| !carries(line) && !String::from_utf8_lossy(line).contains(['\u{200b}']);
    let mut seen = BTreeSet::new();
    for line in first.iter().filter(clean) {
        let Ok(mut page) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let is_new = page["text"].as_str().is_some_and(|text| !text.contains("altered") && seen.insert(text.to_owned()));
        if !is_new || copies.len() == 5 {
            continue;
        }
        let (original, copy) = (page["id"].as_str().expect("an id").to_owned(), format!("copy{}", copies.len()));
        page["id"] = copy.clone().into();
        page["url"] = format!("https://mirror.example/{copy}").into();
        second.insert(copies.len() * 100, page.to_string().into_bytes());
        copies.push((copy, original));
    }
    let dumps = ["first.jsonl", "second.jsonl"].map(|name| home.join(name));
    write(&dumps[0], &joined(first));
    write(&dumps[1], &joined(&second));
    (dumps, copies)
}

/// Returns the first records of a packed archive, unpacked.
fn first_records(path: &Path, records: usize) -> Vec<u8> {
    const BOUNDARY: &[u8] = b"\r\n\r\nWARC/1.1\r\n";
    let mut bytes = Vec::new();
    MultiGzDecoder::new(File::open(path).expect("the sample")).read_to_end(&mut bytes).expect("sound");
    let mut boundaries = bytes.windows(BOUNDARY.len()).enumerate().filter(|(_, window)| *window == BOUNDARY);
    let (end, _) = boundaries.nth(records - 1).expect("enough records");
    bytes.truncate(end + 4);
    bytes
}

/// Joins lines with line breaks, as a file holds them.
pub(crate) fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect()
}

/// Writes a file; a failure names it.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
}
