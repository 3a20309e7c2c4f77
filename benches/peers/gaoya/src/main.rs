//! Which lines does gaoya's index call copies? `peers-gaoya INPUT.jsonl LINES` prints their numbers.
//!
//! The same parameters as all tools of `dedup.py`: word 5-grams in lower case, 14 bands of 8 rows.

use std::{
    env,
    error::Error,
    fs::File,
    io::{BufRead, BufReader},
};

use gaoya::minhash::{MinHashIndex, MinHasher, MinHasher32};

const BANDS: usize = 14;
const ROWS: usize = 8;
const WORDS: usize = 5;
const SIMILARITY_MIN: f64 = 0.75;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let limit: usize = arguments.next().ok_or("how many lines?")?.parse()?;
    let hasher = MinHasher32::new(BANDS * ROWS);
    let mut index = MinHashIndex::new(BANDS, ROWS, SIMILARITY_MIN);
    for (number, line) in BufReader::new(File::open(path)?).lines().take(limit).enumerate() {
        let value: serde_json::Value = serde_json::from_str(&line?)?;
        let text = value["text"].as_str().ok_or("a line without text")?.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
        let grams = words.windows(WORDS).map(|words| words.join(" "));
        let signature = hasher.create_signature(grams);
        if !index.query(&signature).is_empty() {
            println!("{number}");
        }
        index.insert(number, signature);
    }
    Ok(())
}
