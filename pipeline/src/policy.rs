//! Where does a document go when it arrives, given its findings? This is the only place that
//! decides it. Recalls and restores that come later are applied in `engine/settle.rs`, and
//! `output/publishing.rs` chooses the final folder after them.
//!
//! The decision is pure, it exists for any findings, and it is monotone: one more finding never
//! makes a verdict milder. Only the user's allow list does. The scores of enforced findings combine
//! as a noisy-or, `1 - (1 - a)(1 - b)...`. So an operator whose score reaches the threshold (0.5)
//! withholds a document alone, and weak evidence can tip a near miss.

use operators::{
    finding::{Finding, Score},
    mode::Mode,
};

/// Where a document goes, from mildest to gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Into the corpus.
    Clean,
    /// Kept apart as a copy of a clean document.
    Duplicate,
    /// Withheld.
    Quarantine,
}

impl Route {
    /// The stable name, as written in decisions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Duplicate => "duplicate",
            Self::Quarantine => "quarantine",
        }
    }
}

/// What was decided about a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Where it goes.
    pub route: Route,
    /// Combined score of the enforced findings that are no copies, in `[0, 1]`.
    pub score: f64,
    /// Whether it would be withheld if its publisher were not allowed.
    pub overruled: bool,
}

/// Combines the scores of the enforced findings that are no copies, by noisy-or.
pub fn suspicion<'a>(findings: impl IntoIterator<Item = (&'a Finding, Mode)>) -> f64 {
    let clear = findings
        .into_iter()
        .filter(|(f, mode)| *mode == Mode::Enforce && !f.reason.is_copy())
        .fold(1.0, |clear, (f, _)| clear * (1.0 - f.score.get()));
    Score::new(1.0 - clear).get()
}

/// Decides where a document goes. If its publisher is `allowed` by the user's list, it is only held
/// back as a copy.
pub fn decide(findings: &[(Finding, Mode)], allowed: bool, quarantine_score: f64) -> Verdict {
    let score = suspicion(findings.iter().map(|(f, m)| (f, *m)));
    let copy = findings.iter().any(|(f, mode)| *mode == Mode::Enforce && f.reason.is_copy());
    let suspicious = score >= quarantine_score;
    let route = if suspicious && !allowed {
        Route::Quarantine
    } else if copy {
        Route::Duplicate
    } else {
        Route::Clean
    };
    Verdict { route, score, overruled: suspicious && allowed }
}

#[cfg(test)]
mod tests {
    use operators::finding::Reason;

    use super::*;

    fn finding(reason: Reason, score: f64) -> (Finding, Mode) {
        (Finding::new("test", reason, Score::new(score)), Mode::Enforce)
    }

    #[test]
    fn nothing_found_is_clean() {
        assert_eq!(decide(&[], false, 0.5), Verdict { route: Route::Clean, score: 0.0, overruled: false });
    }

    #[test]
    fn weak_evidence_tips_a_near_miss_and_shadow_does_not_count() {
        let near_miss = finding(Reason::Gibberish, 0.4);
        let weak = finding(Reason::PoorReputation, 0.3);
        assert_eq!(decide(std::slice::from_ref(&near_miss), false, 0.5).route, Route::Clean);
        assert_eq!(decide(&[near_miss.clone(), weak.clone()], false, 0.5).route, Route::Quarantine);
        assert_eq!(decide(&[near_miss, (weak.0, Mode::Shadow)], false, 0.5).route, Route::Clean);
    }

    #[test]
    fn one_more_finding_is_never_milder_and_order_is_irrelevant() {
        let reasons = [Reason::ExactDuplicate, Reason::Gibberish, Reason::PoorReputation, Reason::SentenceSpike];
        let all: Vec<_> = (0..12).map(|i| finding(reasons[i % 4], [0.1, 0.45, 0.5, 1.0][(i / 3) % 4])).collect();
        for set in 0..1_u32 << all.len() {
            let chosen: Vec<_> = (0..all.len()).filter(|i| set >> i & 1 == 1).map(|i| all[i].clone()).collect();
            let verdict = decide(&chosen, false, 0.5);
            let reversed: Vec<_> = chosen.iter().rev().cloned().collect();
            assert_eq!(decide(&reversed, false, 0.5).route, verdict.route);
            for more in &all {
                let mut larger = chosen.clone();
                larger.push(more.clone());
                assert!(decide(&larger, false, 0.5).route >= verdict.route);
            }
            let allowed = decide(&chosen, true, 0.5);
            assert!(allowed.route <= verdict.route, "allowing only makes it milder");
            assert_eq!((allowed.overruled, verdict.overruled), (verdict.route == Route::Quarantine, false), "and is told");
        }
    }
}
