//! By which paths does evidence become an alarm? Each path has a score, a null and a share of the
//! alarm budget of its own, and one path is enough. So no weakness of one kind of evidence can sink
//! the others: an attacker has to evade all paths at once.
//!
//! | path | what it finds | score |
//! |---|---|---|
//! | insertion | a phrase between words that would stand beside each other without it | neighbours, surprise of the rate, company |
//! | word | the same for a single word that is at no edge of a sentence | the same |
//! | rate | a phrase whose rate rose beyond nearly all others of this stream, unless it clearly stands as syntax puts it | deviance less company |
//! | slot | a phrase in the place of a noun or of another word that syntax asks for, whose carriers share nothing else | deviance |
//! | sentence | a whole sentence or line | length, votes, surprise of the rate, company |
//! | site | a phrase on most pages of up to three sites that the background does not know | neighbours |
//!
//! Scores are in nats, about. Their weights were chosen on the streams that docs/detection.md reports.

use super::{budget::Policy, config::Config, evidence::Evidence, span::Reading};
use crate::{finding::Reason, text::Token};

/// A path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// A phrase of several words inside sentences that differ from carrier to carrier.
    Insertion = 0,
    /// A phrase whose rate has risen.
    Rate = 1,
    /// A whole sentence or line.
    Sentence = 2,
    /// A phrase all over a few new sites.
    Site = 3,
    /// A phrase whose rate has risen, in a place that syntax selects.
    Slot = 4,
    /// A single word inside such sentences.
    Word = 5,
}

/// The form of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A whole sentence or line.
    Sentence,
    /// It opens or closes a sentence or line.
    Edge,
    /// It stands inside sentences.
    Inside,
}

/// Share of carriers in which a sentence is whole, and in which an edge opens or closes one.
const WHOLE: f64 = 0.75;
const EDGE: f64 = 0.5;
/// Documents of the background from which on a sentence is in use.
const IN_USE: u32 = 3;
/// Fewest tokens and words of a sentence.
const SENTENCE_TOKENS: usize = 3;
/// Most tokens of an insertion. It lies within a sentence: of what crosses its end, one part is judged.
const INSERTION_TOKENS: usize = 6;
/// Most coherence, and most words in common, of a phrase that is no subject's own.
const COHERENT: f64 = 0.3;
const LOCAL: f64 = 4.5;
/// Most that neighbours say, for each nat of the rate's deviance, of a phrase and of a single word:
/// adverbs stand where nothing else is missed too, so without a rise in rate neighbours prove nothing.
/// What a single word's neighbours say is more certain, since syntax has types of words.
const LOUDEST: f64 = 4.0;
const LOUDEST_WORD: f64 = 8.0;
/// Fewest publishers and votes on the rate and slot paths.
const CROWD_PUBLISHERS: usize = 6;
const CROWD_VOTES: usize = 12;
/// Most that one token left out says, in nats.
const SEAM_MOST: f64 = 40.0;
/// What the use that was to be expected says against a single word, for each e-fold of votes: adverbs that
/// a stream likes better than the background does are words in use, and planted words seldom are.
const USED: f64 = 0.5;
/// What neighbours say, for each root of a vote, below which a phrase is used as syntax would. So are
/// the names of new products, whose carriers share a subject and other words.
const SYNTAX: f64 = -1.0;
/// Most coherence, and most words in common, of a phrase in a slot.
const SLOT_COHERENT: f64 = 0.035;
const SLOT_LOCAL: f64 = 1.0;
/// Votes of one publisher whose neighbours count in full.
const NEIGHBOURS_EACH: f64 = 4.0;
/// Votes of one publisher that count in full on the rate path.
const INDEPENDENT: f64 = 2.5;
/// Share of carriers from which on a whole last line is a footer.
const FOOTER: f64 = 0.6;

impl Path {
    /// All paths.
    pub const ALL: [Self; 6] = [Self::Insertion, Self::Rate, Self::Sentence, Self::Site, Self::Slot, Self::Word];

    /// The path for a phrase of `tokens` tokens inside sentences or at their edges. Adverbs open sentences,
    /// too, in a way that no type of syntax tells: so a single word at an edge is as any other phrase.
    pub(super) fn inside(tokens: usize, evidence: &Evidence) -> Self {
        if tokens == 1 && !is_edge(evidence) { Self::Word } else { Self::Insertion }
    }

    /// The reason for which a carrier is withheld.
    #[must_use]
    pub(super) fn reason(self, form: Form) -> Reason {
        match (self, form) {
            (Self::Site, _) => Reason::SingleSiteSpike,
            (Self::Sentence, _) | (_, Form::Sentence) => Reason::SentenceSpike,
            (_, Form::Edge) => Reason::EdgeSpike,
            (_, Form::Inside) => Reason::InsertionSpike,
        }
    }

    /// How the path's threshold is set.
    pub(super) fn policy(self, config: &Config) -> Policy {
        let none = f64::INFINITY;
        let fixed = match self {
            Self::Insertion | Self::Word => config.insertion_threshold,
            Self::Rate => config.rate_threshold,
            Self::Sentence => config.sentence_threshold,
            Self::Site => config.site_threshold,
            Self::Slot => config.slot_threshold,
        };
        let policy = match self {
            Self::Insertion => {
                Policy { ranks: (20, 199), floor: 9.0, start: Some(12.0), ceiling: 15.0, silent_above: none, share: 0.15 }
            }
            Self::Word => {
                Policy { ranks: (20, 199), floor: 9.0, start: Some(12.0), ceiling: 13.0, silent_above: none, share: 0.25 }
            }
            Self::Rate => Policy { ranks: (20, 199), floor: 16.0, start: None, ceiling: none, silent_above: 35.0, share: 0.3 },
            Self::Slot => Policy { ranks: (20, 199), floor: 20.0, start: None, ceiling: none, silent_above: 35.0, share: 0.1 },
            Self::Sentence => {
                Policy { ranks: (5, 29), floor: 6.5, start: Some(7.0), ceiling: none, silent_above: none, share: 0.15 }
            }
            Self::Site => Policy { ranks: (5, 29), floor: 7.0, start: Some(8.0), ceiling: none, silent_above: none, share: 0.05 },
        };
        match fixed {
            Some(threshold) => {
                Policy { floor: threshold, start: Some(threshold), ceiling: threshold, silent_above: none, ..policy }
            }
            None => policy,
        }
    }
}

/// The form of a span with these shares of openings and closings.
pub(super) fn form(evidence: &Evidence, span: &[Token]) -> Form {
    let (opens, closes) = (evidence.opens >= WHOLE, evidence.closes >= WHOLE);
    if opens && closes && span.len() >= SENTENCE_TOKENS && words(span) >= SENTENCE_TOKENS {
        Form::Sentence
    } else if is_edge(evidence) {
        Form::Edge
    } else {
        Form::Inside
    }
}

fn is_edge(e: &Evidence) -> bool {
    e.opens >= EDGE || e.closes >= EDGE
}

/// Number of tokens that are words or numbers.
pub(super) fn words(span: &[Token]) -> usize {
    span.iter().filter(|t| t.is_alphanumeric()).count()
}

/// The scores of a phrase of `tokens` tokens that is no sentence, at most: with the neighbours, publishers
/// and company that speak for it most.
pub(super) fn most(tokens: usize, votes: usize, deviance: f64, surprise: f64) -> [(Path, f64); 4] {
    let loudest = if tokens == 1 { LOUDEST_WORD } else { LOUDEST };
    let if_possible = |is_possible: bool, score: f64| if is_possible { score } else { f64::NEG_INFINITY };
    let insertion =
        0.28 * loudest * deviance + 0.1 * SEAM_MOST + surprise + 0.12 * deviance.min(25.0) + 2.4 * libm::log(votes as f64) - 7.2;
    let crowded = if_possible(votes >= CROWD_VOTES, deviance);
    let inside = if_possible(is_enough(deviance, votes), insertion);
    [(Path::Insertion, inside), (Path::Word, if_possible(tokens == 1, inside)), (Path::Rate, crowded), (Path::Slot, crowded)]
}

/// Whether the rate of a phrase has risen enough, or it has votes enough, to be an insertion.
fn is_enough(deviance: f64, votes: usize) -> bool {
    deviance >= 3.0 || votes >= 20
}

/// The score on the insertion path, at most: without what the texts say against the phrase.
/// `surprise` is that of the rate.
pub(super) fn insertion_bound(e: &Evidence, surprise: f64, path: Path) -> f64 {
    let loudest = if path == Path::Word { LOUDEST_WORD } else { LOUDEST };
    let m = e.votes as f64;
    // An edge is judged by the side that is open.
    let neighbours = if is_edge(e) { e.neighbours.edge } else { e.neighbours.within }.clamp(-80.0, loudest * e.rate.deviance);
    // Votes of one publisher are not independent.
    let neighbours = neighbours * if neighbours > 0.0 { (NEIGHBOURS_EACH * e.publishers as f64 / m).min(1.0) } else { 1.0 };
    let mode = (e.left_mode + e.right_mode - 2.5 / m - 0.12).max(0.0);
    let score = 0.28 * neighbours + 0.1 * e.neighbours.seam.clamp(-15.0, SEAM_MOST) + surprise + 0.12 * e.rate.deviance.min(25.0)
        - 1.6 * e.coherence.clamp(0.0, 0.5) * m.min(32.0)
        - 0.6 * mode * m.min(32.0)
        + 2.4 * libm::log(m)
        - if path == Path::Word { USED * libm::log1p(e.rate.expected) } else { 0.0 }
        - 7.2;
    if is_enough(e.rate.deviance, e.votes) && e.coherence < COHERENT { score } else { f64::NEG_INFINITY }
}

/// The score on the insertion path, with what the texts say.
pub(super) fn insertion(e: &Evidence, surprise: f64, reading: &Reading) -> f64 {
    let span = &reading.span;
    let trimmed = span.first().is_some_and(|t| t.is_alphanumeric()) && span.last().is_some_and(|t| t.is_alphanumeric());
    let is_one_sentence = !span[..span.len().saturating_sub(1)].iter().any(|t| t.is_stop());
    let fits = is_one_sentence
        && span.len() <= INSERTION_TOKENS
        && (trimmed || span.len() == 1)
        && reading.local < LOCAL
        && !is_footer(reading);
    let local = (reading.local - 0.5).clamp(0.0, 4.0) * (e.votes as f64).min(24.0) / 8.0;
    let path = Path::inside(span.len(), e);
    if fits { insertion_bound(e, surprise, path) - 0.2 * local } else { f64::NEG_INFINITY }
}

/// The score on the site path. Few sites say nothing by their number, and have words of their own:
/// so all are new, carry the phrase on most of their pages, and do not use it as syntax would.
pub(super) fn site(e: &Evidence, reading: &Reading) -> f64 {
    let m = e.votes as f64;
    let mode = (e.left_mode + e.right_mode - 2.5 / m - 0.12).max(0.0);
    let score = 0.28 * e.neighbours.within.clamp(-80.0, LOUDEST * e.rate.deviance)
        + 0.1 * e.neighbours.seam.clamp(-15.0, SEAM_MOST)
        - 0.6 * mode * m.min(32.0)
        + 2.4 * libm::log(m)
        - 7.2;
    let is_theirs = e.mostly == e.publishers && e.rate.deviance >= 3.0 && e.votes >= 12;
    if is_theirs && reading.span.len() <= INSERTION_TOKENS && !is_footer(reading) { score } else { f64::NEG_INFINITY }
}

/// The score on the rate path, at most.
pub(super) fn rate_bound(e: &Evidence) -> f64 {
    if is_crowd(e) && e.coherence < 0.10 && !is_ordinary(e) {
        independent_deviance(e) - 40.0 * (e.coherence - 0.03).max(0.0)
    } else {
        f64::NEG_INFINITY
    }
}

/// The score on the slot path, at most.
pub(super) fn slot_bound(e: &Evidence) -> f64 {
    if is_crowd(e) && e.coherence < SLOT_COHERENT && is_ordinary(e) { independent_deviance(e) } else { f64::NEG_INFINITY }
}

/// The score on the slot path, with what the texts say.
pub(super) fn slot(e: &Evidence, reading: &Reading) -> f64 {
    if reading.local < SLOT_LOCAL && !is_footer(reading) && words(&reading.span) > 0 { slot_bound(e) } else { f64::NEG_INFINITY }
}

fn is_crowd(e: &Evidence) -> bool {
    e.publishers >= CROWD_PUBLISHERS && e.votes >= CROWD_VOTES
}

/// Whether a phrase clearly stands as syntax puts it.
fn is_ordinary(e: &Evidence) -> bool {
    e.neighbours.within.max(e.neighbours.edge) < SYNTAX * (e.votes as f64).sqrt()
}

/// The deviance of a rate, less if a publisher has several votes, which are not as many independent
/// ones.
fn independent_deviance(e: &Evidence) -> f64 {
    e.rate.deviance * (INDEPENDENT * e.publishers as f64 / e.votes as f64).min(1.0)
}

/// The score on the rate path, with what the texts say.
pub(super) fn rate(e: &Evidence, reading: &Reading) -> f64 {
    if reading.local < 3.0 && !is_footer(reading) && words(&reading.span) > 0 {
        rate_bound(e) - 2.0 * (reading.local - 1.5).max(0.0)
    } else {
        f64::NEG_INFINITY
    }
}

/// The score on the sentence path.
/// `df` is the number of documents of the background that hold it.
pub(super) fn sentence(e: &Evidence, surprise: f64, reading: &Reading, df: u32) -> f64 {
    let (n, m) = (words(&reading.span) as f64, e.votes as f64);
    let short = n <= 4.0 && reading.whole >= 0.5;
    let score = (n - 4.0).clamp(-2.0, 6.0) + 2.5 * libm::log(m / 8.0) + surprise
        - 0.8 * (reading.local - 1.0).clamp(0.0, 6.0)
        - 6.0 * e.coherence.clamp(0.0, 0.5)
        - 1.5 * (libm::log(m / e.publishers as f64) - 0.4).max(0.0)
        + if short { 2.0 * (1.5 - reading.local).clamp(0.0, 1.5) } else { 0.0 }
        + 0.25 * (e.wholly as f64).min(10.0)
        - if n <= 5.0 || df >= IN_USE { (4.0 - e.rate.deviance).clamp(0.0, 4.0) } else { 0.0 };
    let fits = e.votes >= 10 && e.coherence < COHERENT && reading.local < LOCAL && !is_footer(reading);
    if fits { score } else { f64::NEG_INFINITY }
}

/// Whether the span is the last line of pages, or a part of one that they share, without a link: a
/// footer.
fn is_footer(reading: &Reading) -> bool {
    reading.last >= FOOTER && reading.whole.max(reading.same_line) >= FOOTER && !reading.has_link
}
