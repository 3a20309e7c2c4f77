//! What has a run counted? What became of its records, and its findings by operator and reason.

use std::collections::BTreeMap;

use operators::{
    codec::{Corrupt, Decoder, Encoder},
    finding::Finding,
    mode::Mode,
    text::Language,
};
use serde::{Deserialize, Serialize};

use super::outcome::FateChange;
use crate::policy::Route;

/// Counters of one run. Except for records in flight,
/// `received = clean + quarantine + duplicate + dead_letters + without_text` holds at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records that were taken from the input.
    pub received: u64,
    /// Documents that were clean at arrival.
    pub clean: u64,
    /// Documents that were withheld at arrival.
    pub quarantine: u64,
    /// Documents that were held back as copies at arrival.
    pub duplicate: u64,
    /// Records that are no documents.
    pub dead_letters: u64,
    /// Sound records that hold no text.
    pub without_text: u64,
    /// Documents without an address, whose publisher could only be named by their source.
    pub without_url: u64,
    /// Documents withheld after they had passed.
    pub recalled: u64,
    /// Copies that took the place of a recalled representative.
    pub restored: u64,
    /// Findings by `operator/reason`, or by `operator/reason/shadow` if they were not acted on.
    pub findings: BTreeMap<String, u64>,
    /// What became of the documents of each language, by its code.
    #[serde(default)]
    pub languages: BTreeMap<String, LanguageCounts>,
}

/// What became of the documents of one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageCounts {
    /// All documents.
    pub documents: u64,
    /// Those about which the background says nothing, since it has few documents of the language or none.
    #[serde(default)]
    pub unjudged: u64,
    /// Those withheld at arrival.
    pub withheld: u64,
    /// Those withheld after they had passed.
    pub recalled: u64,
}

impl LanguageCounts {
    /// Combines each figure with that of `other`.
    #[must_use]
    pub fn with(self, other: Self, combine: fn(u64, u64) -> u64) -> Self {
        Self {
            documents: combine(self.documents, other.documents),
            unjudged: combine(self.unjudged, other.unjudged),
            withheld: combine(self.withheld, other.withheld),
            recalled: combine(self.recalled, other.recalled),
        }
    }
}

impl Counts {
    /// Counts a decided document. `language` is `None` where nobody has looked for one; `unjudged` says
    /// whether the background says nothing about it.
    pub fn count(
        &mut self,
        route: Route,
        language: Option<Language>,
        unjudged: bool,
        findings: &[(Finding, Mode)],
        changes: &[FateChange],
    ) {
        if let Some(language) = language {
            let own = self.language(language);
            own.documents += 1;
            own.unjudged += u64::from(unjudged);
            own.withheld += u64::from(route == Route::Quarantine);
        }
        match route {
            Route::Clean => self.clean += 1,
            Route::Duplicate => self.duplicate += 1,
            Route::Quarantine => self.quarantine += 1,
        }
        for (finding, mode) in findings {
            let shadow = if *mode == Mode::Shadow { "/shadow" } else { "" };
            *self.findings.entry(format!("{}/{}{shadow}", finding.operator, finding.reason)).or_default() += 1;
        }
        for change in changes {
            match change {
                FateChange::Recalled { identity, .. } => {
                    self.recalled += 1;
                    self.language(identity.language).recalled += 1;
                }
                FateChange::Restored { .. } => self.restored += 1,
                FateChange::Overruled { .. } => {}
            }
        }
    }

    fn language(&mut self, language: Language) -> &mut LanguageCounts {
        self.languages.entry(language.code().to_owned()).or_default()
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        let Self {
            received,
            clean,
            quarantine,
            duplicate,
            dead_letters,
            without_text,
            without_url,
            recalled,
            restored,
            findings,
            languages,
        } = self;
        let mine = [received, clean, quarantine, duplicate, dead_letters, without_text, without_url, recalled, restored];
        mine.into_iter().zip(other.numbers()).for_each(|(mine, theirs)| *mine += theirs);
        for (name, n) in &other.findings {
            *findings.entry(name.clone()).or_default() += n;
        }
        for (code, theirs) in &other.languages {
            let mine = languages.entry(code.clone()).or_default();
            *mine = mine.with(*theirs, |a, b| a + b);
        }
    }

    /// Whether every record received is accounted for.
    pub fn is_whole(&self) -> bool {
        self.received == self.clean + self.quarantine + self.duplicate + self.dead_letters + self.without_text
    }

    /// Writes the counters.
    pub(super) fn save(&self, out: &mut Encoder) {
        for n in self.numbers() {
            out.u64(n);
        }
        out.u64(self.findings.len() as u64);
        for (name, n) in &self.findings {
            out.str(name);
            out.u64(*n);
        }
        out.u64(self.languages.len() as u64);
        for (code, LanguageCounts { documents, unjudged, withheld, recalled }) in &self.languages {
            out.str(code);
            for n in [documents, unjudged, withheld, recalled] {
                out.u64(*n);
            }
        }
    }

    fn numbers(&self) -> [u64; 9] {
        [
            self.received,
            self.clean,
            self.quarantine,
            self.duplicate,
            self.dead_letters,
            self.without_text,
            self.without_url,
            self.recalled,
            self.restored,
        ]
    }

    /// Reads what [`Self::save`] wrote.
    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut counts = Self {
            received: from.u64()?,
            clean: from.u64()?,
            quarantine: from.u64()?,
            duplicate: from.u64()?,
            dead_letters: from.u64()?,
            without_text: from.u64()?,
            without_url: from.u64()?,
            recalled: from.u64()?,
            restored: from.u64()?,
            findings: BTreeMap::new(),
            languages: BTreeMap::new(),
        };
        for _ in 0..from.len(16)? {
            let name = from.str()?.to_owned();
            counts.findings.insert(name, from.u64()?);
        }
        for _ in 0..from.len(40)? {
            let code = from.str()?.to_owned();
            let [documents, unjudged, withheld, recalled] = [from.u64()?, from.u64()?, from.u64()?, from.u64()?];
            let language = LanguageCounts { documents, unjudged, withheld, recalled };
            counts.languages.insert(code, language);
        }
        Ok(counts)
    }
}
