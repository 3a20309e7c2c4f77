//! What do the innocent phrases of this stream look like? Their deviances and scores, as of the
//! latest epoch boundary, which is all that `judge` may see, and the thresholds that follow.

use std::collections::VecDeque;

use super::{budget::Budget, config::Config, drift::DriftNull, path::Path};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

/// Something that `judge` saw of one phrase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Observation {
    /// A deviance of a phrase with so many votes, which stands for several phrases.
    Deviance {
        /// Whether the phrase is a whole sentence, and not like an insertion.
        sentence: bool,
        votes: u16,
        deviance: f32,
        weight: u8,
    },
    /// The score of a span on a path.
    Score { path: Path, span: u64, score: f32 },
}

/// The null distributions and thresholds of all paths.
#[derive(Clone, Debug)]
pub(super) struct Nulls {
    insertions: DriftNull,
    sentences: DriftNull,
    budgets: [Budget; Path::ALL.len()],
    waiting: VecDeque<(SeqNo, Observation)>,
}

impl Nulls {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            insertions: DriftNull::new(),
            sentences: DriftNull::new(),
            budgets: Path::ALL.map(|path| Budget::new(path.policy(config))),
            waiting: VecDeque::new(),
        }
    }

    /// The surprise of a deviance among phrases that are like insertions.
    pub(super) fn insertion_surprise(&self, votes: usize, deviance: f64) -> f64 {
        self.insertions.surprise(votes, deviance)
    }

    /// The same among whole sentences; no more than the deviance itself.
    pub(super) fn sentence_surprise(&self, votes: usize, deviance: f64) -> f64 {
        self.sentences.surprise(votes, deviance).min(deviance)
    }

    /// The thresholds of a path.
    pub(super) fn budget(&self, path: Path) -> &Budget {
        &self.budgets[path as usize]
    }

    /// Adds what was seen while a document was judged, to be counted later.
    pub(super) fn add(&mut self, seqno: SeqNo, observations: &[Observation]) {
        self.waiting.extend(observations.iter().map(|&o| (seqno, o)));
    }

    /// Counts what was seen before `epoch - window`. `rate` is the number of wrong alarms a document
    /// that may be.
    pub(super) fn publish(&mut self, epoch: SeqNo, window: u32, rate: f64) {
        while let Some(&(seqno, observation)) = self.waiting.front() {
            if u64::from(seqno) + u64::from(window) >= u64::from(epoch) {
                break;
            }
            self.waiting.pop_front();
            match observation {
                Observation::Deviance { sentence, votes, deviance, weight } => {
                    let null = if sentence { &mut self.sentences } else { &mut self.insertions };
                    null.add(usize::from(votes), f64::from(deviance), f64::from(weight));
                }
                Observation::Score { path, span, score } => self.budgets[path as usize].add(span, f64::from(score)),
            }
        }
        self.insertions.refresh();
        self.sentences.refresh();
        for budget in &mut self.budgets {
            budget.refresh(f64::from(epoch), rate);
        }
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        self.insertions.save(out);
        self.sentences.save(out);
        self.budgets.iter().for_each(|b| b.save(out));
        out.u64(self.waiting.len() as u64);
        for (seqno, observation) in &self.waiting {
            out.u32(*seqno);
            observation.save(out);
        }
    }

    pub(super) fn load(from: &mut Decoder<'_>, config: &Config) -> Result<Self, Corrupt> {
        let mut nulls = Self::new(config);
        nulls.insertions = DriftNull::load(from)?;
        nulls.sentences = DriftNull::load(from)?;
        for path in Path::ALL {
            nulls.budgets[path as usize] = Budget::load(from, path.policy(config))?;
        }
        for _ in 0..from.len(12)? {
            nulls.waiting.push_back((from.u32()?, Observation::load(from)?));
        }
        Ok(nulls)
    }
}

impl Observation {
    fn save(&self, out: &mut Encoder) {
        match *self {
            Self::Deviance { sentence, votes, deviance, weight } => {
                out.u8(u8::from(sentence));
                out.u16(votes);
                out.u32(deviance.to_bits());
                out.u8(weight);
            }
            Self::Score { path, span, score } => {
                out.u8(2 + path as u8);
                out.u64(span);
                out.u32(score.to_bits());
            }
        }
    }

    fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let float = |bits| f32::from_bits(bits);
        match from.u8()? {
            kind @ 0..=1 => {
                Ok(Self::Deviance { sentence: kind == 1, votes: from.u16()?, deviance: float(from.u32()?), weight: from.u8()? })
            }
            path => {
                let path = *Path::ALL.get(usize::from(path) - 2).ok_or(from.corrupt("a path"))?;
                Ok(Self::Score { path, span: from.u64()?, score: float(from.u32()?) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_what_is_old_enough_and_restores() {
        let mut nulls = Nulls::new(&Config::default());
        for seqno in 0..100 {
            let deviance = Observation::Deviance { sentence: false, votes: 12, deviance: 1.0, weight: 16 };
            let score = Observation::Score { path: Path::Rate, span: u64::from(seqno), score: 20.0 };
            nulls.add(seqno, &[deviance, score]);
        }
        nulls.publish(50, 10, 1e-5);
        assert_eq!(nulls.waiting.len(), 2 * 60);
        let mut out = Encoder::default();
        nulls.save(&mut out);
        let mut back = Nulls::load(&mut Decoder::new(&out.bytes), &Config::default()).expect("what save wrote");
        back.publish(200, 10, 1e-5);
        nulls.publish(200, 10, 1e-5);
        let bytes = |nulls: &Nulls| {
            let mut out = Encoder::default();
            nulls.save(&mut out);
            out.bytes
        };
        assert_eq!(bytes(&back), bytes(&nulls));
        assert!(nulls.insertion_surprise(12, 5.0) > 3.0);
        assert!(
            (0..out.bytes.len())
                .step_by(97)
                .all(|end| Nulls::load(&mut Decoder::new(&out.bytes[..end]), &Config::default()).is_err())
        );
    }
}
