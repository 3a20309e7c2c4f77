//! Alarms: phrases that were found to spike, and who carries them.

use super::score::Class;
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    text::Token,
};

/// Share of the span that a document must have around the anchor to carry the alarm.
const MATCH: f64 = 0.6;

/// A phrase that spiked.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Number, in the order of firing.
    pub id: u32,
    /// What kind of phrase.
    pub class: Class,
    /// Document at which it fired.
    pub fired: SeqNo,
    /// The span as it stands in that document, at most 400 bytes.
    pub phrase: String,
    /// Score at which it fired.
    pub score: f64,
    /// The threshold it reached.
    pub threshold: f64,
    /// Votes that counted.
    pub k: f64,
    /// Different publishers among them.
    pub domains: u32,
    /// Votes that would be ordinary.
    pub expected: f64,
    /// Mean cosine of the carriers' contexts.
    pub coherence: f64,
    /// Documents that carry it, in the order found, up to the configured number.
    pub members: Vec<SeqNo>,
    /// Hash of the anchor: the n-gram whose count fired.
    pub anchor: u64,
    /// The maximal span, and where the anchor lies in it.
    pub(super) span: Vec<Token>,
    pub(super) left: u16,
    pub(super) len: u8,
    /// The last document that carried it.
    pub(super) met: SeqNo,
    /// The document at which it was given up, if it was.
    pub(super) retired: Option<SeqNo>,
}

impl Alarm {
    /// Whether a document whose latest epoch boundary is `epoch` looks for it.
    pub(super) fn is_seen_from(&self, epoch: SeqNo, window: u32) -> bool {
        self.retired.is_none_or(|at| u64::from(at) + u64::from(window) >= u64::from(epoch))
    }

    /// The anchor's tokens.
    pub(super) fn anchor_tokens(&self) -> &[Token] {
        let left = usize::from(self.left).min(self.span.len());
        &self.span[left..(left + usize::from(self.len)).min(self.span.len())]
    }

    /// First token of the place where a text carries the alarm: the anchor, and 60% of the span around it.
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
        let class = *Class::ALL.get(usize::from(from.u8()?)).ok_or(from.corrupt("a class"))?;
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
            class: Class::Sentence,
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
