//! What does one document leave behind for a phrase that it carries? A vote of 16 bytes, which
//! holds the evidence that a phrase is judged by without the document's text.

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    table::ListItem,
    text::Token,
};

/// A document that carries a phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) seqno: SeqNo,
    /// Index of the first token of the phrase's first occurrence.
    pub(super) place: u16,
    /// 16 bits of the publisher's key.
    pub(super) mark: u16,
    /// The tokens beside the phrase; a line break stands for the ends of the text too.
    pub(super) left: Token,
    pub(super) right: Token,
}

/// Least number of votes that one publisher may have for a phrase, and the number that all publishers
/// may have together before that limit holds for each.
const PER_PUBLISHER: usize = 4;
const TOGETHER: usize = 32;
/// Number of publishers that make a crowd.
pub(super) const CROWD: usize = 4;
/// Most votes of one publisher with the same neighbours: more are its page template.
const SAME_NEIGHBOURS: usize = 2;

impl Vote {
    /// Whether the vote counts beside earlier ones. One publisher is one voice, so it has a few votes:
    /// four, or more if few publishers carry the phrase, so that there is enough to judge it by. And
    /// what a publisher repeats with the same words on either side is its template.
    pub(super) fn counts_beside(&self, earlier: &[Self]) -> bool {
        let own = earlier.iter().filter(|v| v.mark == self.mark);
        let (mut all, mut same) = (0, 0);
        for vote in own {
            all += 1;
            same += usize::from((vote.left, vote.right) == (self.left, self.right));
        }
        if same >= SAME_NEIGHBOURS {
            return false;
        }
        all < PER_PUBLISHER || all < TOGETHER / publishers(earlier)
    }
}

/// Number of different publishers, up to that from which on each has the least number of votes.
fn publishers(votes: &[Vote]) -> usize {
    let mut marks = [0u16; TOGETHER / PER_PUBLISHER];
    let mut n = 0;
    for vote in votes {
        if !marks[..n].contains(&vote.mark) {
            marks[n] = vote.mark;
            n += 1;
            if n == marks.len() {
                break;
            }
        }
    }
    n.max(1)
}

impl ListItem for Vote {
    const BYTES: usize = 16;

    fn save(&self, out: &mut Encoder) {
        out.u32(self.seqno);
        out.u16(self.place);
        out.u16(self.mark);
        out.u32(self.left.0);
        out.u32(self.right.0);
    }

    fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(Self {
            seqno: from.u32()?,
            place: from.u16()?,
            mark: from.u16()?,
            left: Token(from.u32()?),
            right: Token(from.u32()?),
        })
    }
}

const _: () = assert!(size_of::<Vote>() == Vote::BYTES, "as large in memory as saved");

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(mark: u16, left: u32) -> Vote {
        Vote { mark, left: Token(left), ..Vote::default() }
    }

    #[test]
    fn a_publisher_has_few_votes_and_its_template_fewer() {
        let crowd: Vec<Vote> = (10..18).map(|mark| vote(mark, 0)).collect();
        let with = |n: u32, left: &dyn Fn(u32) -> u32| {
            let mut votes = crowd.clone();
            votes.extend((0..n).map(|i| vote(1, left(i))));
            votes
        };
        assert!(vote(1, 99).counts_beside(&with(3, &|i| i)));
        assert!(!vote(1, 99).counts_beside(&with(4, &|i| i)));
        assert!(vote(1, 7).counts_beside(&with(1, &|_| 7)));
        assert!(!vote(1, 7).counts_beside(&with(2, &|_| 7)), "a template");
        let own = |sites: u16, n: u32| {
            let mut votes: Vec<Vote> = (1..sites).map(|i| vote(100 + i, 0)).collect();
            votes.extend((0..n).map(|i| vote(1, i)));
            votes
        };
        for (sites, most) in [(1, 32), (2, 16), (3, 10), (4, 8), (6, 5), (8, 4), (50, 4)] {
            assert!(vote(1, 99).counts_beside(&own(sites, most - 1)), "{sites} sites");
            assert!(!vote(1, 99).counts_beside(&own(sites, most)), "{sites} sites");
        }
    }

    #[test]
    fn restores() {
        let vote = Vote { seqno: 7, place: 8, mark: 9, left: Token(10), right: Token(11) };
        let mut out = Encoder::default();
        vote.save(&mut out);
        assert_eq!((out.bytes.len(), Vote::load(&mut Decoder::new(&out.bytes))), (Vote::BYTES, Ok(vote)));
    }
}
