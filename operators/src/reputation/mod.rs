//! What do lists and people's verdicts say about a document's publisher?
//!
//! **Finds** documents of publishers on the user's deny list, for certain; and of publishers with a
//! bad record, which is weak evidence: it tips the scales where another finding is just below its
//! threshold, and decides nothing by itself unless the user raises [`Config::score_max`].
//! **Misses** publishers without a record. The filter's own verdicts never enter the record.
//!
//! Publishers ([`mod@publisher`]) are also what spikes are counted by. [`contributions`] counts the
//! documents of publishers that nobody knows.
//!
//! **Cost** below a microsecond a document. **State** lists and verdicts, read once.

pub mod address;
pub mod contributions;
pub mod ledger;
pub mod lists;
pub mod publisher;

mod list_entry;
mod shared;

use serde::{Deserialize, Serialize};

pub use contributions::Contributions;
pub use ledger::{Prior, PublisherVerdict, VerdictLedger};
pub use lists::{ListFile, PublisherList};
pub use publisher::{Platforms, publisher_of};

use crate::{
    config::OperatorConfig,
    document::Document,
    finding::{Evidence, Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
};

/// `[operators.reputation]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Default `enforce`.
    pub mode: Mode,
    /// Regular expressions over host and path (`uni.example/~someone/page`) with one capture group,
    /// the account. Default none.
    pub account_patterns: Vec<String>,
    /// Rows such as `forum.example /u/{account}`, which say where a host has its accounts. They are
    /// asked before those that are shipped (`account_hosts.txt`, which explains them). Default none.
    pub account_hosts: Vec<String>,
    /// Days after which a verdict has half of its weight. Default 180.
    pub half_life_days: f64,
    /// Bad documents that every publisher is assumed to have before any verdict, at least 1.
    /// Default 1.
    pub prior_bad: f64,
    /// Good documents that every publisher is assumed to have before any verdict, at least 1.
    /// Default 4.
    pub prior_good: f64,
    /// Further good documents that publishers on the allow list are assumed to have. Default 20.
    pub prior_allowed: f64,
    /// Upper bound of the share of bad documents from which a record is poor. Default .6.
    pub bound_min: f64,
    /// Score of the worst record. From .5 on it withholds a document by itself. Default .45.
    pub score_max: f64,
    /// Documents of an unknown publisher beyond which the report names it. Default 1,000.
    pub contribution_cap: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            account_patterns: Vec::new(),
            account_hosts: Vec::new(),
            // Domains change hands and owners clean up; half a year keeps a campaign's hosts for its life.
            half_life_days: 180.0,
            // One bad document in five, with the weight of a handful of verdicts.
            prior_bad: 1.0,
            prior_good: 4.0,
            // A listed site needs many bad verdicts before its record is poor.
            prior_allowed: 20.0,
            // The bound of the prior alone is .53. One bad verdict (.66) makes a poor record, and a good one mends it.
            bound_min: 0.6,
            // Below the threshold of .5, so that a poor record never withholds a document by itself.
            score_max: 0.45,
            // The largest unseen site of an ordinary dump of a million pages has fewer.
            contribution_cap: 1000,
        }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn words_read(&self) -> usize {
        0
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut need = |key, got: f64, least: f64, most: f64| {
            if !(least..=most).contains(&got) {
                found.push((key, format!("got {got}, expected {least} to {most}")));
            }
        };
        need("half_life_days", self.half_life_days, 0.01, 36_500.0);
        need("prior_bad", self.prior_bad, 1.0, 1e6);
        need("prior_good", self.prior_good, 1.0, 1e6);
        need("prior_allowed", self.prior_allowed, 0.0, 1e6);
        need("bound_min", self.bound_min, 0.0, 1.0);
        need("score_max", self.score_max, 0.0, 1.0);
        if let Err(e) = Platforms::new([""; 0], &self.account_patterns, &[]) {
            found.push(("account_patterns", e.to_string()));
        }
        if let Err(e) = Platforms::new([""; 0], &[], &self.account_hosts) {
            found.push(("account_hosts", e.to_string()));
        }
        found
    }
}

/// Name of the inspector.
pub const NAME: &str = "reputation";
const DAY_SECONDS: f64 = 86_400.0;

/// See the [module documentation](self).
#[derive(Clone, Debug)]
pub struct Reputation {
    config: Config,
    allow: PublisherList,
    deny: PublisherList,
    ledger: VerdictLedger,
}

impl Reputation {
    /// An inspector over lists and verdicts.
    #[must_use]
    pub fn new(config: Config, allow: PublisherList, deny: PublisherList, verdicts: &[PublisherVerdict]) -> Self {
        let ledger = VerdictLedger::new(verdicts, config.half_life_days * DAY_SECONDS);
        Self { config, allow, deny, ledger }
    }

    /// Whether the user's allow list names the document's publisher. Nothing else makes a verdict
    /// milder.
    #[must_use]
    pub fn is_allowed(&self, document: &Document) -> bool {
        self.allow.contains(&document.publisher.name, &document.url)
    }

    /// Whether a list names the publisher or there is a verdict on it.
    #[must_use]
    pub fn knows(&self, document: &Document) -> bool {
        self.is_allowed(document)
            || self.deny.contains(&document.publisher.name, &document.url)
            || self.ledger.standing(&document.publisher.name, None, self.prior(false)).is_some()
    }

    fn prior(&self, allowed: bool) -> Prior {
        let more = if allowed { self.config.prior_allowed } else { 0.0 };
        Prior { alpha: self.config.prior_bad, beta: self.config.prior_good + more }
    }

    /// Evidence that the publisher has a bad record at event time `now`, in seconds since 1970.
    /// That is the engine's clock and not the document's own date, which its author chooses.
    /// Without a time all verdicts count in full.
    #[must_use]
    pub fn poor(&self, document: &Document, now: Option<i64>) -> Option<Finding> {
        if self.ledger.is_empty() {
            return None;
        }
        let prior = self.prior(self.is_allowed(document));
        let standing = self.ledger.standing(&document.publisher.name, now, prior)?;
        // A record is not poor for lack of verdicts: somebody must have decided so.
        if standing.bound < self.config.bound_min || standing.bad <= standing.good {
            return None;
        }
        let score = Score::new(self.config.score_max * standing.bound);
        let evidence = Evidence {
            observed: Some(standing.bound),
            expected: Some(ledger::upper_bound(prior.alpha, prior.beta)),
            ..Evidence::default()
        };
        Some(Finding { evidence, ..Finding::new(NAME, Reason::PoorReputation, score) })
    }
}

impl Inspector for Reputation {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, document: &Document, found: &mut Vec<Finding>) {
        if let Some(rule) = self.deny.find(&document.publisher.name, &document.url) {
            let evidence = Evidence { rule: Some(Box::new(rule)), ..Evidence::default() };
            found.push(Finding { evidence, ..Finding::new(NAME, Reason::DeniedPublisher, Score::ONE) });
        }
    }

    fn inspect_at(&self, document: &Document, now: Option<i64>) -> Option<Finding> {
        self.poor(document, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::document;

    fn reputation() -> Reputation {
        let verdict = |publisher: &str, bad| PublisherVerdict { publisher: publisher.to_owned(), bad, time: 1_000_000 };
        let mut verdicts = vec![verdict("once.example", true), verdict("mended.example", true), verdict("mended.example", false)];
        verdicts.extend((0..8).map(|_| verdict("worst.example", true)));
        verdicts.extend((0..8).map(|_| verdict("allowed.example", true)));
        let list =
            |text: &str| PublisherList::parse(&[ListFile { name: "list".into(), text: text.into() }], &Platforms::default()).0;
        Reputation::new(Config::default(), list("allowed.example"), list("denied.example\nhost.mixed.example"), &verdicts)
    }

    #[track_caller]
    fn check(host: &str, want: &[Reason]) {
        let mut found = Vec::new();
        let page = document(host, "a text");
        reputation().inspect(&page, &mut found);
        found.extend(reputation().poor(&page, Some(1_000_000)));
        let got: Vec<_> = found.iter().map(|f| f.reason).collect();
        assert_eq!(got, want, "{host}");
        for finding in found.iter().filter(|f| f.reason == Reason::PoorReputation) {
            assert!(finding.score.get() < 0.5 && finding.evidence.observed > finding.evidence.expected, "weak evidence only");
        }
    }

    #[test]
    fn lists_and_records() {
        check("denied.example", &[Reason::DeniedPublisher]);
        check("host.mixed.example", &[Reason::DeniedPublisher]);
        check("mixed.example", &[]);
        check("worst.example", &[Reason::PoorReputation]);
        check("once.example", &[Reason::PoorReputation]);
        check("mended.example", &[]);
        check("allowed.example", &[]);
        check("unknown.example", &[]);
    }

    #[test]
    fn verdicts_fade() {
        let page = document("once.example", "a text");
        assert!(reputation().poor(&page, None).is_some());
        assert_eq!(reputation().poor(&page, Some(1_000_000 + 5 * 365 * 86_400)), None);
    }

    #[test]
    fn knows_and_allows() {
        let reputation = reputation();
        let knows = |host| reputation.knows(&document(host, ""));
        assert_eq!(["denied.example", "allowed.example", "once.example", "x.example"].map(knows), [true, true, true, false]);
        assert!(reputation.is_allowed(&document("allowed.example", "")) && !reputation.is_allowed(&document("once.example", "")));
    }

    #[test]
    fn says_all_problems_at_once() {
        let bad = Config {
            half_life_days: f64::NAN,
            prior_bad: 0.0,
            score_max: 2.0,
            account_patterns: vec!["x".into()],
            account_hosts: vec!["x".into()],
            ..Config::default()
        };
        let keys: Vec<_> = bad.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["half_life_days", "prior_bad", "score_max", "account_patterns", "account_hosts"]);
        assert!(Config::default().problems().is_empty());
    }
}
