//! What has the stream held so far? Its documents, who carries an n-gram and still votes, and its
//! mixture of subjects.

use std::collections::BTreeMap;

use super::{RARE, alarms::Said};
use crate::{
    background::{Background, ContextVector},
    document::{Document, SeqNo},
    lookup::Fate,
    text::{
        NGRAM_MAX, Token,
        line::{for_each_line, line_key},
        ngram,
    },
};

/// Carriers of a phrase that are listed.
const LISTED: usize = 64;

/// A document that was read.
pub(super) struct Seen<'a> {
    pub(super) document: &'a Document,
    votes: bool,
    /// Its rare n-grams: where each stands first, in how many documents of the background it is.
    pub(super) rare: BTreeMap<&'a [Token], (usize, u8)>,
    /// Its number among the documents of its publisher, counted from 1.
    pub(super) sequence: usize,
    /// The background does not know its publisher.
    pub(super) is_new: bool,
    pub(super) context: ContextVector,
    pub(super) subject: usize,
    fate: Fate,
    /// Carries an alarm by which it was withheld on arrival.
    alarmed: bool,
}

/// How often an n-gram was seen, as document `now` sees it.
#[derive(Default)]
pub(super) struct Count {
    /// Documents that carry it and vote.
    pub(super) live: usize,
    /// Those that can be named, oldest first, with the n-gram's first place.
    pub(super) listed: Vec<(SeqNo, usize)>,
    /// The count has reached the next number at which it is tested.
    pub(super) due: bool,
}

/// The documents of the stream that the mixture is taken of.
pub(super) struct Mixture {
    pub(super) documents: f64,
    pub(super) new: f64,
}

pub(super) struct Past<'a> {
    background: &'a Background,
    window: u32,
    all: Vec<Option<Seen<'a>>>,
    /// Documents that voted for each rare n-gram, oldest first.
    votes: BTreeMap<&'a [Token], Vec<(SeqNo, usize)>>,
    /// How often each line was shown, by host.
    shown: BTreeMap<(u64, &'a [Token]), usize>,
}

impl<'a> Past<'a> {
    pub(super) fn new(background: &'a Background, window: u32) -> Self {
        Self { background, window, all: Vec::new(), votes: BTreeMap::new(), shown: BTreeMap::new() }
    }

    pub(super) fn take_in_nothing(&mut self) {
        self.all.push(None);
    }

    pub(super) fn take_in(&mut self, document: &'a Document, votes: bool) {
        let now = self.all.len() as SeqNo;
        let rare = self.rare(document.ids());
        if votes {
            for (gram, &(place, _)) in &rare {
                self.votes.entry(gram).or_default().push((now, place));
            }
        }
        let of_publisher = |seen: &&Seen<'_>| seen.document.publisher.name == document.publisher.name;
        let context = self.background.context(&self.own_words(document));
        self.all.push(Some(Seen {
            document,
            votes,
            rare,
            sequence: self.all.iter().flatten().filter(of_publisher).count() + 1,
            is_new: !self.background.knows_publisher(document.publisher.key),
            subject: usize::from(self.background.subject(&context)),
            context,
            fate: Fate::Clean,
            alarmed: false,
        }));
    }

    /// Its distinct words outside lines that the host has shown more than twice, here or in the
    /// background.
    fn own_words(&mut self, document: &'a Document) -> Vec<Token> {
        let mut words = Vec::new();
        for line in document.ids().split(|&t| t == Token::BREAK).filter(|line| !line.is_empty()) {
            if self.background.is_boilerplate(line_key(self.background.seed(), document.publisher.host, line)) {
                continue;
            }
            let times = self.shown.entry((document.publisher.host, line)).or_default();
            *times += 1;
            if *times <= 2 {
                words.extend_from_slice(line);
            }
        }
        words.sort_unstable();
        words.dedup();
        words
    }

    fn rare(&self, text: &'a [Token]) -> BTreeMap<&'a [Token], (usize, u8)> {
        let mut rare = BTreeMap::new();
        for_each_line(text, |from, _| {
            let line = text[from..].split(|&t| t == Token::BREAK).next().unwrap_or_default();
            for len in 1..=NGRAM_MAX {
                for (i, gram) in line.windows(len).enumerate() {
                    let df = self.documents_with(gram);
                    if df <= RARE {
                        rare.entry(gram).or_insert((from + i, df));
                    }
                }
            }
        });
        rare
    }

    /// Documents of the background that hold an n-gram: none if they do not hold its parts.
    fn documents_with(&self, gram: &[Token]) -> u8 {
        let [rest @ .., _] = gram else { return u8::MAX };
        if gram.len() > 1 && (self.documents_with(rest) == 0 || self.documents_with(&gram[1..]) == 0) {
            return 0;
        }
        ngram::hash(self.background.seed(), gram).map_or(0, |hash| self.background.ngram_documents(hash))
    }

    pub(super) fn seen(&self, seqno: SeqNo) -> Option<&Seen<'a>> {
        self.all.get(seqno as usize)?.as_ref()
    }

    /// Everything before `now`, oldest first.
    pub(super) fn before(&self, now: SeqNo) -> impl Iterator<Item = (SeqNo, &Seen<'a>)> {
        (0..now).filter_map(|o| Some((o, self.seen(o)?)))
    }

    pub(super) fn epoch_of(&self, seqno: SeqNo) -> SeqNo {
        seqno / self.window * self.window
    }

    /// Whether the votes of a document are gone at an epoch boundary: what is decided at n shows at
    /// `(n / W + 2) W`.
    fn is_withdrawn(&self, seqno: SeqNo, epoch: SeqNo) -> bool {
        let gone = self.seen(seqno).is_some_and(|s| s.votes && s.alarmed);
        gone && (seqno / self.window + 2) * self.window <= epoch
    }

    /// The history of an n-gram up to `now`, which carries it.
    pub(super) fn count(&self, gram: &[Token], now: SeqNo) -> Count {
        let mut count = Count::default();
        let mut next_test = 4;
        let votes = self.votes.get(gram).map_or(&[][..], Vec::as_slice);
        for (earlier, &(seqno, place)) in votes.iter().filter(|&&(o, _)| o <= now).enumerate() {
            self.withdraw(&mut count, self.epoch_of(seqno));
            count.due = false;
            // The first carrier is known to have been, not by name. It shows with the second.
            match earlier {
                0 => continue,
                1 => count.live = 2,
                _ => count.live += 1,
            }
            count.listed.push((seqno, place));
            if count.listed.len() > LISTED {
                count.listed.remove(0);
            }
            if earlier >= 2 && count.live >= next_test {
                count.due = seqno == now;
                next_test = if count.live < 32 { count.live + 1 } else { count.live + count.live / 8 };
            }
        }
        count
    }

    fn withdraw(&self, count: &mut Count, epoch: SeqNo) {
        let before = count.listed.len();
        count.listed.retain(|&(o, _)| !self.is_withdrawn(o, epoch));
        count.live -= before - count.listed.len();
    }

    /// Documents that carry an n-gram as of an epoch boundary.
    pub(super) fn live_at(&self, gram: &[Token], epoch: SeqNo) -> usize {
        let Some(last) = epoch.checked_sub(1) else { return 0 };
        let mut count = self.count(gram, last);
        self.withdraw(&mut count, epoch);
        count.live
    }

    /// What was settled more than a window before the epoch boundary: all of it, or one subject.
    pub(super) fn mixture(&self, epoch: SeqNo, subject: Option<usize>) -> Mixture {
        let settled = self.before(epoch.saturating_sub(self.window)).map(|(_, s)| s);
        let of_subject = settled.filter(|s| subject.is_none_or(|subject| subject == s.subject));
        let (mut documents, mut new) = (0.0, 0.0);
        for s in of_subject {
            documents += 1.0;
            new += f64::from(u8::from(s.is_new));
        }
        Mixture { documents, new }
    }

    pub(super) fn is_in_corpus(&self, seqno: SeqNo) -> bool {
        self.seen(seqno).is_some_and(|s| s.fate == Fate::Clean)
    }

    pub(super) fn recall(&mut self, seqno: SeqNo) {
        if let Some(seen) = &mut self.all[seqno as usize] {
            seen.fate = Fate::Recalled;
        }
    }

    pub(super) fn settle(&mut self, now: SeqNo, withheld: bool, said: &Said) {
        said.recalls.iter().for_each(|r| self.recall(r.seqno));
        if let Some(seen) = &mut self.all[now as usize] {
            seen.alarmed = !said.findings.is_empty();
            seen.fate = if withheld { Fate::Quarantined } else { Fate::Clean };
        }
    }

    /// Documents whose votes are gone at the end.
    pub(super) fn withdrawn(&self) -> usize {
        let end = self.epoch_of(self.all.len() as SeqNo);
        (0..end).filter(|&o| self.is_withdrawn(o, end)).count()
    }
}
