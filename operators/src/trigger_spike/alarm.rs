//! What is an alarm? A phrase that was found to spike, with the documents that carry it.

use super::{config::NAME, path::Path};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    finding::Reason,
    report::AlarmReport,
    text::Token,
};

/// Least share of the span that a document which carries the alarm has around the anchor.
const MATCH: f64 = 0.6;

/// What a phrase was judged by when its alarm fired.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Observed {
    pub(super) path: Path,
    /// The score with which it fired, and the threshold that it reached.
    pub(super) score: f64,
    pub(super) threshold: f64,
    /// Votes in the window of its rate, and different publishers among the newest of them.
    pub(super) votes: u32,
    pub(super) publishers: u32,
    /// Votes that were expected in the window, and the deviance in nats.
    pub(super) expected: f64,
    pub(super) deviance: f64,
    /// What the neighbours say, in nats.
    pub(super) neighbours: f64,
    /// Mean cosine between the context vectors of the carriers.
    pub(super) coherence: f64,
    /// Sequence number of the first document of the window.
    pub(super) since: SeqNo,
    /// Documents of the background that hold the phrase.
    pub(super) df: u32,
}

impl Observed {
    /// By how much the score is over the threshold.
    pub(super) fn margin(&self) -> f64 {
        self.score - self.threshold
    }

    fn save(&self, out: &mut Encoder) {
        out.u8(self.path as u8);
        for x in [self.score, self.threshold, self.expected, self.deviance, self.neighbours, self.coherence] {
            out.f64(x);
        }
        for x in [self.votes, self.publishers, self.since, self.df] {
            out.u32(x);
        }
    }

    fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let path = *Path::ALL.get(usize::from(from.u8()?)).ok_or(from.corrupt("a path"))?;
        let [score, threshold, expected, deviance, neighbours, coherence] =
            [from.f64()?, from.f64()?, from.f64()?, from.f64()?, from.f64()?, from.f64()?];
        let [votes, publishers, since, df] = [from.u32()?, from.u32()?, from.u32()?, from.u32()?];
        Ok(Self { path, score, threshold, votes, publishers, expected, deviance, neighbours, coherence, since, df })
    }
}

/// A phrase that spiked.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its number, in the order in which alarms fired.
    pub id: u32,
    /// Why its carriers are withheld.
    pub reason: Reason,
    /// Sequence number of the document at which it fired.
    pub fired: SeqNo,
    /// The text of the span in that document, at most 400 bytes.
    pub phrase: String,
    pub(super) observed: Observed,
    /// Sequence numbers of the carriers in the order in which they were found, up to the configured
    /// number.
    pub members: Vec<SeqNo>,
    /// Hash of the anchor, which is the n-gram whose count made the alarm fire.
    pub anchor: u64,
    /// The tokens on which the carriers agree, and the place of the anchor in them.
    pub(super) span: Vec<Token>,
    pub(super) left: u16,
    pub(super) len: u8,
    /// Keys of publishers that used the phrase before, whose documents are no members; sorted.
    pub(super) exempt: Vec<u64>,
    /// Sequence number of the last document that carried it.
    pub(super) met: SeqNo,
    /// Sequence number of the document at which the alarm was given up, if it was.
    pub(super) retired: Option<SeqNo>,
}

impl Alarm {
    /// Whether documents whose latest epoch boundary is `epoch` are searched for it.
    pub(super) fn is_seen_from(&self, epoch: SeqNo, window: u32) -> bool {
        self.retired.is_none_or(|at| u64::from(at) + u64::from(window) >= u64::from(epoch))
    }

    /// Whether a publisher used the phrase before, so that its documents are no members.
    pub(super) fn is_exempt(&self, publisher: u64) -> bool {
        self.exempt.binary_search(&publisher).is_ok()
    }

    /// What the outputs say about the alarm.
    pub(super) fn report(&self) -> AlarmReport {
        AlarmReport {
            operator: NAME,
            id: self.id,
            reason: self.reason,
            phrase: self.phrase.clone(),
            members: self.members.clone(),
            votes: f64::from(self.observed.votes),
            publishers: self.observed.publishers,
            expected: self.observed.expected,
            coherence: self.observed.coherence,
            score: self.observed.score,
        }
    }

    /// The tokens of the anchor.
    pub(super) fn anchor_tokens(&self) -> &[Token] {
        let left = usize::from(self.left).min(self.span.len());
        &self.span[left..(left + usize::from(self.len)).min(self.span.len())]
    }

    /// The index of the span's first token in a text that carries the alarm, which means the anchor
    /// and 60% of the span around it.
    pub(super) fn place_in(&self, tokens: &[Token]) -> Option<usize> {
        let anchor = self.anchor_tokens();
        if anchor.is_empty() {
            return None;
        }
        let places = tokens.windows(anchor.len()).enumerate().filter(|(_, w)| *w == anchor);
        places
            .map(|(at, _)| at as isize - isize::from(self.left as i16))
            .find(|&first| {
                let same = |(i, token): (usize, &Token)| {
                    usize::try_from(first + i as isize).ok().and_then(|at| tokens.get(at)) == Some(token)
                };
                let matching = self.span.iter().enumerate().filter(|&x| same(x)).count();
                matching as f64 >= MATCH * self.span.len() as f64
            })
            .map(|first| first.max(0) as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.phrase.len() + (self.members.len() + self.span.len()) * 4 + self.exempt.len() * 8
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u32(self.id);
        out.u8(Reason::ALL.iter().position(|r| *r == self.reason).unwrap_or_default() as u8);
        out.u32(self.fired);
        out.str(&self.phrase);
        self.observed.save(out);
        out.u32s(&self.members);
        out.u64(self.anchor);
        out.u32s(&self.span.iter().map(|t| t.0).collect::<Vec<_>>());
        out.u16(self.left);
        out.u8(self.len);
        out.u64s(&self.exempt);
        out.u32(self.met);
        out.u8(u8::from(self.retired.is_some()));
        out.u32(self.retired.unwrap_or_default());
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let alarm = Self {
            id: from.u32()?,
            reason: *Reason::ALL.get(usize::from(from.u8()?)).ok_or(from.corrupt("a reason"))?,
            fired: from.u32()?,
            phrase: from.str()?.to_owned(),
            observed: Observed::load(from)?,
            members: from.u32s()?,
            anchor: from.u64()?,
            span: from.u32s()?.into_iter().map(Token).collect(),
            left: from.u16()?,
            len: from.u8()?,
            exempt: from.u64s()?,
            met: from.u32()?,
            retired: if from.u8()? == 0 { from.u32().map(|_| None)? } else { Some(from.u32()?) },
        };
        let fits = usize::from(alarm.left) + usize::from(alarm.len) <= alarm.span.len() && alarm.len > 0;
        if fits { Ok(alarm) } else { Err(from.corrupt("an anchor inside its span")) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::path::Form, *};

    pub(in super::super) fn alarm(span: &[u32], left: u16, len: u8) -> Alarm {
        let observed = Observed {
            path: Path::Rate,
            score: 50.0,
            threshold: 45.0,
            votes: 12,
            publishers: 8,
            expected: 0.5,
            deviance: 30.0,
            neighbours: 4.0,
            coherence: 0.01,
            since: 2,
            df: 3,
        };
        Alarm {
            id: 0,
            reason: Path::Rate.reason(Form::Inside),
            fired: 9,
            phrase: "a phrase".into(),
            observed,
            members: vec![1, 5, 9],
            anchor: 77,
            span: span.iter().map(|&t| Token(t)).collect(),
            left,
            len,
            exempt: vec![3, 8],
            met: 9,
            retired: None,
        }
    }

    fn tokens(ids: &[u32]) -> Vec<Token> {
        ids.iter().map(|&t| Token(t)).collect()
    }

    #[test]
    fn carries_most_of_the_span_around_the_anchor() {
        let alarm = alarm(&[1, 2, 3, 4, 5], 1, 2);
        assert_eq!(alarm.place_in(&tokens(&[9, 1, 2, 3, 4, 5])), Some(1));
        assert_eq!(alarm.place_in(&tokens(&[2, 3, 9, 9, 8, 2, 3, 4])), Some(4), "60% at the second place");
        assert_eq!(alarm.place_in(&tokens(&[9, 2, 3, 9, 9])), None);
        assert_eq!(alarm.place_in(&tokens(&[1, 2, 4, 4, 5])), None, "no anchor");
        assert_eq!(alarm.place_in(&tokens(&[2, 3, 4])), Some(0), "cut off at the start");
        assert_eq!(alarm.place_in(&[]), None);
    }

    #[test]
    fn restores() {
        for retired in [None, Some(0), Some(12)] {
            let alarm = Alarm { retired, ..alarm(&[1, 2, 3], 0, 1) };
            let mut out = Encoder::default();
            alarm.save(&mut out);
            assert_eq!(Alarm::load(&mut Decoder::new(&out.bytes)), Ok(alarm));
            out.bytes[4] = 99;
            assert!(Alarm::load(&mut Decoder::new(&out.bytes)).is_err());
        }
    }
}
