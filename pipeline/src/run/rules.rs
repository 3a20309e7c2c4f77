//! Which rules was a batch decided with, and how is it read again under them?
//!
//! The rules are everything that a verdict depends on beside the input: the options that affect
//! verdicts, the hash seed, the background (by its digest; the file itself is the user's) and the
//! lists. The verdict digest is their name, and stands in every journal record. A process writes
//! its rules into the journal when it becomes active, and every process keeps those that it has
//! seen beside its state. So a batch that was decided before the configuration was changed is read
//! again with the rules that it was decided with.
//!
//! ```text
//! rules     zstd of a JSON object; in the journal, and as `rules/DIGEST` in the state folder
//! ```
//!
//! **State** the newest 16 rules on disk, each of at most 64 MiB unpacked.

use std::{fs, io, path::PathBuf};

use anyhow::{Context, Result, bail};
use connectors::file::write_atomically;
use data_encoding::HEXLOWER;
use operators::{reputation::ListFile, text::Seed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    config::{
        Config,
        digest::{VerdictOptions, verdict_digest},
    },
    engine::{Engine, LogLengths, Settings},
    layout::StateFolder,
    run::{
        assemble,
        ingredients::{Ingredients, platforms},
        lists::Lists,
    },
};

/// Most bytes of rules, unpacked.
const BYTES_MAX: usize = 64 << 20;
/// How many rules are kept beside a state.
const KEPT: usize = 16;
/// How hard rules are packed: they are written once in the life of a process.
const ZSTD_LEVEL: i32 = 9;

/// One version of the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    options: VerdictOptions,
    seed: u64,
    /// The background's digest, in hexadecimal.
    background: String,
    /// The allow lists.
    allow: Vec<ListFile>,
    /// The deny lists.
    deny: Vec<ListFile>,
}

impl Rules {
    /// The rules of this process.
    pub fn of(config: &Config, ingredients: &Ingredients) -> Self {
        Self {
            options: VerdictOptions::of(config),
            seed: ingredients.seed.0,
            background: HEXLOWER.encode(&ingredients.background.digest()),
            allow: ingredients.lists.allow_files.clone(),
            deny: ingredients.lists.deny_files.clone(),
        }
    }

    /// The key of every hash.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The verdict digest that names these rules.
    ///
    /// # Errors
    /// If the background's digest is none.
    pub fn digest(&self) -> Result<[u8; 16]> {
        let background = HEXLOWER.decode(self.background.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let background: [u8; 32] = background.context("rules: the digest of the background is none")?;
        let texts = self.allow.iter().chain(&self.deny).map(|file| &*file.text);
        Ok(verdict_digest(&self.options, &background, Seed(self.seed), texts.chain([""])))
    }

    /// Writes the rules.
    ///
    /// # Errors
    /// If they are too large.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).context("write rules")?;
        if json.len() > BYTES_MAX {
            bail!("the allow and deny lists make rules of {} bytes, expected at most {BYTES_MAX}", json.len());
        }
        zstd::bulk::compress(&json, ZSTD_LEVEL).context("pack rules")
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let json = zstd::bulk::decompress(bytes, BYTES_MAX).context("unpack rules")?;
        serde_json::from_slice(&json).context("read rules")
    }

    /// What differs from other rules, each as `key: this one's, expected the other's`.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let values = [self, expected].map(|rules| serde_json::to_value(&rules.options).unwrap_or_default());
        compare("", &values[0], &values[1], &mut found);
        if self.seed != expected.seed {
            found.push(format!("hash seed (engine.seed, or that of the background): {}, expected {}", self.seed, expected.seed));
        }
        if self.background != expected.background {
            found.push(format!("background: {}, expected {}", short(&self.background), short(&expected.background)));
        }
        for (name, ours, theirs) in
            [("policy.allow_files", &self.allow, &expected.allow), ("policy.deny_files", &self.deny, &expected.deny)]
        {
            if ours != theirs {
                let lines =
                    |list: &Vec<ListFile>| list.iter().flat_map(|file| file.text.lines()).filter(|l| !l.is_empty()).count();
                let [ours, theirs] = [ours, theirs].map(lines);
                found.push(format!("contents of {name}: {ours} lines, expected {theirs}"));
            }
        }
        found
    }
}

/// The beginning of a digest, as people compare it.
fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

fn compare(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    if let (Value::Object(ours), Value::Object(theirs)) = (ours, theirs) {
        for (key, value) in ours {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, value, theirs.get(key).unwrap_or(&Value::Null), found);
        }
    } else if ours != theirs {
        found.push(format!("{path}: {ours}, expected {theirs}"));
    }
}

/// A file of rules.
struct KeptRules {
    /// Files that were written later have higher numbers.
    number: u64,
    digest: String,
    path: PathBuf,
}

/// The rules of this process, and those that earlier batches were decided with.
pub struct RuleBook {
    config: Config,
    ingredients: Ingredients,
    state: StateFolder,
    /// Whether batches may be read again under other rules than their own, where those are not to
    /// be had.
    accepts_others: bool,
}

impl RuleBook {
    /// Opens the rules beside a state, and adds those of this process.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn open(config: Config, ingredients: Ingredients, state: StateFolder, accepts_others: bool) -> Result<Self> {
        let book = Self { config, ingredients, state, accepts_others };
        book.keep(&book.own().encode()?)?;
        Ok(book)
    }

    /// The rules of this process.
    pub fn own(&self) -> Rules {
        Rules::of(&self.config, &self.ingredients)
    }

    /// The verdict digest of the rules of this process.
    pub fn own_digest(&self) -> [u8; 16] {
        self.ingredients.verdict_digest
    }

    /// Keeps rules that a journal record holds.
    ///
    /// # Errors
    /// If they are none, or the disk fails.
    pub fn keep(&self, rules: &[u8]) -> Result<()> {
        let digest = HEXLOWER.encode(&Rules::decode(rules)?.digest()?);
        let folder = self.state.rules();
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let mut kept = self.kept()?;
        let number = kept.first().map_or(0, |newest| newest.number) + 1;
        write_atomically(&folder.join(format!("{number:08}-{digest}")), rules)?;
        let again: Vec<KeptRules> = kept.extract_if(.., |rules| rules.digest == digest).collect();
        for KeptRules { path, .. } in kept.into_iter().skip(KEPT - 1).chain(again) {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        Ok(())
    }

    /// The rules that are kept, the newest first. Their order is in their names: the clock of a
    /// machine may go back.
    fn kept(&self) -> Result<Vec<KeptRules>> {
        let folder = self.state.rules();
        let paths: io::Result<Vec<PathBuf>> =
            fs::read_dir(&folder).and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
        let paths = paths.with_context(|| format!("list {}", folder.display()))?;
        let named = paths.into_iter().filter_map(|path| {
            let (number, digest) = path.file_name()?.to_str()?.split_once('-')?;
            Some(KeptRules { number: number.parse().ok()?, digest: digest.to_owned(), path })
        });
        let mut kept: Vec<KeptRules> = named.collect();
        kept.sort_unstable_by_key(|rules| std::cmp::Reverse(rules.number));
        Ok(kept)
    }

    /// Finds the rules of this digest. `None`: they are not to be had, and the user accepts that
    /// others take their place. `first` is the number of the first document that was decided under
    /// them, for messages.
    ///
    /// # Errors
    /// If they are not to be had and that is not accepted, or if the disk fails.
    pub(super) fn find(&self, digest: [u8; 16], first: u64) -> Result<Option<(Config, Ingredients)>> {
        match self.look_up(digest)? {
            Ok(found) => Ok(Some(found)),
            Err(why) if self.accepts_others => {
                warn!(first, why, "documents from here on are read again under the present rules, as was accepted");
                Ok(None)
            }
            Err(why) => bail!(
                "documents from {first} on were decided under other rules, and reading them again needs those: {why}; --accept-loss \
                 reads them again under the present rules"
            ),
        }
    }

    /// Looks for rules; gives the reason where they are not to be had.
    fn look_up(&self, digest: [u8; 16]) -> Result<Result<(Config, Ingredients), String>> {
        if self.own_digest() == digest {
            return Ok(Ok((self.config.clone(), self.ingredients.clone())));
        }
        let name = HEXLOWER.encode(&digest);
        let Some(KeptRules { path, .. }) = self.kept()?.into_iter().find(|rules| rules.digest == name) else {
            return Ok(Err(format!("neither journal nor {} holds rules {name}", self.state.rules().display())));
        };
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let rules = match Rules::decode(&bytes) {
            Ok(rules) => rules,
            Err(error) => return Ok(Err(format!("{} is of another version of weir: {error:#}", path.display()))),
        };
        let own = self.own();
        if rules.background != own.background || rules.seed != own.seed {
            let of = |rules: &Rules| format!("background {} (hash seed {})", short(&rules.background), rules.seed);
            let (got, expected) = (of(&own), of(&rules));
            return Ok(Err(format!(
                "got {got}, expected {expected}: start once with that background.path until the stage is active"
            )));
        }
        let differences = own.differences(&rules).join("; ");
        info!(differences, "documents that were decided under other rules are read again under those");
        let config = rules.options.put_into(&self.config);
        let (lists, _) = Lists::parse(rules.allow, rules.deny, &platforms(&config, &self.ingredients.background)?);
        Ok(Ok((config, Ingredients { lists, verdict_digest: digest, ..self.ingredients.clone() })))
    }

    /// Makes an engine under other rules from what an engine has saved.
    pub(super) fn engine(
        &self,
        (config, ingredients): &(Config, Ingredients),
        old: Settings,
        logs: &LogLengths,
        body: &[u8],
    ) -> Result<Engine> {
        assemble::engine_again(config, ingredients, &self.state, old, logs, body)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn gathered(config: &Config) -> Ingredients {
        Ingredients::gather(config, None, None, &["seed".to_owned()]).expect("gathered")
    }

    fn book(config: &Config, folder: &std::path::Path, accepts_others: bool) -> RuleBook {
        RuleBook::open(config.clone(), gathered(config), StateFolder::new(folder.to_owned()), accepts_others).expect("a book")
    }

    #[test]
    fn rules_come_back_and_are_named_by_the_verdict_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("deny.txt");
        fs::write(&list, "evil.example\n").expect("written");
        let mut config = Config::default();
        config.policy.deny_files = vec![list];
        config.policy.quarantine_score = 0.7;
        let ingredients = gathered(&config);
        let rules = Rules::of(&config, &ingredients);
        assert_eq!(Rules::decode(&rules.encode().expect("small")).expect("rules"), rules);
        assert_eq!(rules.digest().expect("a digest"), ingredients.verdict_digest);
        assert!(Rules::decode(b"rules").is_err());
        let differences = Rules::of(&Config::default(), &gathered(&Config::default())).differences(&rules);
        let [files, score, contents] = &differences[..] else { panic!("{differences:?}") };
        assert!(files.starts_with("policy.deny_files: []"), "{files}");
        assert_eq!(score, "policy.quarantine_score: 0.5, expected 0.7");
        assert_eq!(contents, "contents of policy.deny_files: 0 lines, expected 1");
    }

    #[test]
    fn earlier_rules_are_found_and_unknown_ones_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut before = Config::default();
        before.policy.quarantine_score = 0.7;
        let digest = book(&before, folder.path(), false).own_digest();
        let now = book(&Config::default(), folder.path(), false);
        let (config, ingredients) = now.find(digest, 9).expect("found").expect("others");
        assert_eq!((config.policy.quarantine_score, ingredients.verdict_digest), (0.7, digest));
        let refused = now.find([9; 16], 9).err().expect("unknown").to_string();
        assert!(refused.contains("documents from 9 on") && refused.contains("--accept-loss"), "{refused}");
        assert!(book(&Config::default(), folder.path(), true).find([9; 16], 9).expect("accepted").is_none());
    }

    #[test]
    fn another_seed_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut before = Config::default();
        before.engine.seed = Some(7);
        let digest = book(&before, folder.path(), false).own_digest();
        let refused = book(&Config::default(), folder.path(), false).find(digest, 9).err().expect("another").to_string();
        assert!(refused.contains("expected background") && refused.contains("(hash seed 7)"), "{refused}");
    }

    #[test]
    fn few_rules_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        for score in 0..20 {
            let mut config = Config::default();
            config.policy.quarantine_score = f64::from(score) / 100.0;
            book(&config, folder.path(), false);
        }
        let count = || fs::read_dir(folder.path().join("rules")).expect("a folder").count();
        assert_eq!(count(), KEPT);
        // The newest ones stay, whatever the clock says of the others; the same rules again are no more.
        for entry in fs::read_dir(folder.path().join("rules")).expect("a folder") {
            let file = fs::File::options().write(true).open(entry.expect("an entry").path()).expect("opened");
            file.set_modified(UNIX_EPOCH + Duration::from_hours(24 * 365 * 100)).expect("set");
        }
        let own = [0.91, 0.92, 0.91].map(|score| {
            let mut config = Config::default();
            config.policy.quarantine_score = score;
            book(&config, folder.path(), false).own_digest()
        });
        assert_eq!(count(), KEPT);
        let now = book(&Config::default(), folder.path(), false);
        assert!(own.iter().all(|digest| now.find(*digest, 0).is_ok()), "what was written last was removed");
    }
}
