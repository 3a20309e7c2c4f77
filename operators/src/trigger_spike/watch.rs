//! Which scores does ordinary text reach? `weir learn` runs the operator on trusted text to find its
//! thresholds. For that, thresholds are so low that everything that could matter is scored, and no
//! alarm is raised.

use std::sync::Arc;

use super::{Config, SpikeClass, TriggerSpike};
use crate::{
    background::{Background, Thresholds},
    document::{Document, Publisher, SeqNo, TextParts},
    lookup::{Fate, Horizon, Ledger},
    operator::{KEY_SHARDS, Operator, Scene, Tick},
    text::{Language, Token, Tokens},
};

/// Sequence numbers between epoch boundaries while watching.
const WINDOW: u32 = 64;
/// Lower scores cannot reach the least thresholds, since growth in exposure multiplies them by 2.3
/// at most.
const LOW: Thresholds = Thresholds { sentence: 13.0, edge: 16.0, insertion: 16.0, single_site: 5.0 };

/// A horizon of texts in memory.
struct Texts(Vec<Arc<[Token]>>);

impl Horizon for Texts {
    fn tokens(&self, seqno: SeqNo) -> Option<Arc<[Token]>> {
        self.0.get(seqno as usize).cloned()
    }

    fn may_carry(&self, _: &[Token]) -> Vec<SeqNo> {
        Vec::new()
    }
}

/// A ledger in which all documents are clean.
struct Clean;

impl Ledger for Clean {
    fn fate(&self, _: SeqNo) -> Fate {
        Fate::Clean
    }
}

/// The best score of each class, by the number of the class.
pub(crate) fn best_scores<'a>(
    background: &Arc<Background>,
    documents: impl Iterator<Item = (&'a Publisher, &'a Arc<[Token]>)>,
) -> [f64; 4] {
    let mut operator = TriggerSpike::new(Config::default(), Arc::clone(background), WINDOW);
    operator.thresholds = LOW;
    operator.watching = true;
    let mut shards: Vec<_> = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
    let mut texts = Texts(Vec::new());
    let mut best = [0.0f64; SpikeClass::ALL.len()];
    for (seqno, (publisher, tokens)) in (0u32..).zip(documents) {
        let epoch = seqno - seqno % WINDOW;
        if seqno == epoch && seqno > 0 {
            operator.begin_epoch(epoch, &[], &mut shards, &texts);
        }
        let document = document(publisher, tokens);
        let tick = Tick { seqno, epoch, votes: true };
        let probe = operator.probe(&document);
        let answers: Vec<_> = shards.iter_mut().enumerate().map(|(i, s)| operator.fold(s, i, tick, &probe)).collect();
        let facts = operator.describe(&document, &probe, &answers);
        operator.remember(seqno, Some(facts));
        texts.0.push(Arc::clone(tokens));
        let scene = Scene { tick, shards: &shards, horizon: &texts };
        let mut proposal = operator.judge(&document, &probe, &answers, &scene);
        for raised in std::mem::take(&mut proposal.raised) {
            let score = &mut best[raised.class as usize];
            *score = score.max(raised.score);
        }
        operator.settle(tick, &document, &probe, proposal, false, &Clean, &texts);
    }
    best
}

fn document(publisher: &Publisher, tokens: &Arc<[Token]>) -> Document {
    Document {
        publisher: publisher.clone(),
        url: Box::default(),
        text: Box::default(),
        parts: TextParts::default(),
        tokens: Tokens { ids: tokens.to_vec(), ..Tokens::default() },
        digest: [0; 16],
        language: Language::UNKNOWN,
        time: None,
        differs: None,
    }
}
