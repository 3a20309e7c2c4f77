//! What is an alarm? A phrase that was found to spike, with the documents that carry it.

use super::{config::NAME, score::SpikeClass};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    report::AlarmReport,
    text::Token,
};

/// Least share of the span that a document which carries the alarm has around the anchor.
const MATCH: f64 = 0.6;

/// A phrase that spiked.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its number, in the order in which alarms fired.
    pub id: u32,
    /// The class of the phrase.
    pub class: SpikeClass,
    /// Sequence number of the document at which it fired.
    pub fired: SeqNo,
    /// The text of the span in that document, at most 400 bytes.
    pub phrase: String,
    /// The score with which it fired.
    pub score: f64,
    /// The threshold that the score reached.
    pub threshold: f64,
    /// Number of votes that counted.
    pub k: f64,
    /// Number of different publishers among them.
    pub domains: u32,
    /// Number of votes that ordinary text would give.
    pub expected: f64,
    /// Mean cosine between the context vectors of the carriers.
    pub coherence: f64,
    /// Sequence numbers of the carriers in the order in which they were found, up to the configured
    /// number.
    pub members: Vec<SeqNo>,
    /// Hash of the anchor, which is the n-gram whose count made the alarm fire.
    pub anchor: u64,
    /// The tokens on which the carriers agree, and the place of the anchor in them.
    pub(super) span: Vec<Token>,
    pub(super) left: u16,
    pub(super) len: u8,
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

    /// What the outputs say about the alarm.
    pub(super) fn report(&self) -> AlarmReport {
        AlarmReport {
            operator: NAME,
            id: self.id,
            reason: self.class.reason(),
            phrase: self.phrase.clone(),
            members: self.members.clone(),
            votes: self.k,
            publishers: self.domains,
            expected: self.expected,
            coherence: self.coherence,
            score: self.score,
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
        size_of::<Self>() + self.phrase.len() + (self.members.len() + self.span.len()) * 4
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u32(self.id);
        out.u8(self.class as u8);
        out.u32(self.fired);
        out.str(&self.phrase);
        for x in [self.score, self.threshold, self.k, self.expected, self.coherence] {
            out.f64(x);
        }
        out.u32(self.domains);
        out.u32s(&self.members);
        out.u64(self.anchor);
        out.u32s(&self.span.iter().map(|t| t.0).collect::<Vec<_>>());
        out.u16(self.left);
        out.u8(self.len);
        out.u32(self.met);
        out.u8(u8::from(self.retired.is_some()));
        out.u32(self.retired.unwrap_or_default());
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let id = from.u32()?;
        let class = *SpikeClass::ALL.get(usize::from(from.u8()?)).ok_or(from.corrupt("a class"))?;
        let alarm = Self {
            id,
            class,
            fired: from.u32()?,
            phrase: from.str()?.to_owned(),
            score: from.f64()?,
            threshold: from.f64()?,
            k: from.f64()?,
            expected: from.f64()?,
            coherence: from.f64()?,
            domains: from.u32()?,
            members: from.u32s()?,
            anchor: from.u64()?,
            span: from.u32s()?.into_iter().map(Token).collect(),
            left: from.u16()?,
            len: from.u8()?,
            met: from.u32()?,
            retired: if from.u8()? == 0 { from.u32().map(|_| None)? } else { Some(from.u32()?) },
        };
        let fits = usize::from(alarm.left) + usize::from(alarm.len) <= alarm.span.len() && alarm.len > 0;
        if fits { Ok(alarm) } else { Err(from.corrupt("an anchor inside its span")) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn alarm(span: &[u32], left: u16, len: u8) -> Alarm {
        Alarm {
            id: 0,
            class: SpikeClass::Sentence,
            fired: 9,
            phrase: "a phrase".into(),
            score: 50.0,
            threshold: 45.0,
            k: 12.0,
            domains: 8,
            expected: 0.5,
            coherence: 0.01,
            members: vec![1, 5, 9],
            anchor: 77,
            span: span.iter().map(|&t| Token(t)).collect(),
            left,
            len,
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
            out.bytes[4] = 9;
            assert!(Alarm::load(&mut Decoder::new(&out.bytes)).is_err());
        }
    }
}
