use std::fs;

use connectors::position::Position;
use operators::text::Language;
use proptest::prelude::*;

use super::*;

const SPAN: SeqNo = 8;

fn identity(n: u64) -> Identity {
    Identity {
        id: format!("id{n}"),
        position: format!("f#{n}"),
        place: Position { partition: 0, offset: n },
        run: 0,
        publisher: "u".into(),
        language: Language::UNKNOWN,
        time: n.is_multiple_of(2).then_some(n as i64 - 5),
        allowed_by: if n.is_multiple_of(3) { "u".into() } else { String::new() },
    }
}

#[test]
fn survives_a_restart_with_its_changes() -> Result<(), StateError> {
    let dir = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::open(dir.path(), SPAN, 0, 0)?;
    ledger.push(&identity(0), Fate::Clean)?;
    ledger.push_nothing()?;
    ledger.push(&identity(2), Fate::Duplicate(0))?;
    ledger.push(&identity(3), Fate::Duplicate(0))?;
    ledger.change(0, Fate::Recalled)?;
    ledger.change(2, Fate::Clean)?;
    ledger.change(3, Fate::Duplicate(2))?;
    ledger.sync()?;
    let tail = ledger.tail_bytes();
    ledger.change(3, Fate::Recalled)?;
    drop(ledger);
    let ledger = Ledger::open(dir.path(), SPAN, 4, tail)?;
    let fates: Vec<_> = (0..5).map(|o| ledger.fate(o)).collect();
    assert_eq!(fates, [Fate::Recalled, Fate::Unknown, Fate::Clean, Fate::Duplicate(2), Fate::Unknown]);
    assert_eq!((ledger.copies(0), ledger.copies(2)), (vec![], vec![3]));
    assert_eq!(ledger.identity(2)?, Some(identity(2)));
    assert_eq!(ledger.identity(1)?, None);
    Ok(())
}

#[test]
fn a_file_that_is_gone_shows() -> Result<(), StateError> {
    let dir = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::open(dir.path(), SPAN, 0, 0)?;
    for n in 0..3 * SPAN {
        ledger.push(&identity(n.into()), Fate::Clean)?;
    }
    ledger.sync()?;
    let tail = ledger.tail_bytes();
    drop(ledger);
    assert!(Ledger::open(dir.path(), SPAN, 3 * SPAN, tail).is_ok());
    assert!(Ledger::open(dir.path(), SPAN, 3 * SPAN, tail + 1).is_err(), "shorter than a snapshot says");
    for first in [SPAN, 0, 2 * SPAN] {
        fs::remove_file(dir.path().join(format!("{first:010}.ledger"))).expect("removed");
        assert!(Ledger::open(dir.path(), SPAN, 3 * SPAN, tail).is_err(), "nothing was forgotten, {first} is missing");
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    /// So many documents, each a copy of the one that far back (0: of none).
    Push(Vec<SeqNo>),
    /// The document that far back gets another fate.
    Change(SeqNo, bool),
    /// Everything but so many of the last ones is forgotten.
    Forget(SeqNo),
    /// A snapshot is kept, and what it needs no more removed.
    Snapshot,
    /// Back to the snapshot.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(prop_oneof![Just(0), 1..60_u32], 1..12).prop_map(Step::Push),
        2 => (1..20_u32, any::<bool>()).prop_map(|(back, copy)| Step::Change(back, copy)),
        2 => (20..60_u32).prop_map(Step::Forget),
        2 => Just(Step::Snapshot),
        1 => Just(Step::Restart),
    ]
}

/// A slow model of the ledger: everything that was ever noted, and what of it must still be known.
#[derive(Clone, Debug, Default)]
struct Everything {
    fates: Vec<Fate>,
    floor: SeqNo,
}

impl Everything {
    fn next(&self) -> SeqNo {
        self.fates.len() as SeqNo
    }

    fn copies(&self, of: SeqNo) -> Vec<SeqNo> {
        (self.floor..self.next()).filter(|&o| self.fates[o as usize] == Fate::Duplicate(of)).collect()
    }

    fn is_known(&self, seqno: SeqNo) -> bool {
        seqno >= self.floor || !self.copies(seqno).is_empty()
    }
}

fn check(ledger: &Ledger, truth: &Everything) {
    assert_eq!(ledger.len(), truth.fates.len());
    for seqno in 0..truth.next() {
        let known = truth.is_known(seqno);
        let fate = if known { truth.fates[seqno as usize] } else { Fate::Unknown };
        assert_eq!(ledger.fate(seqno), fate, "{seqno}, the floor is {}", truth.floor);
        assert_eq!(ledger.identity(seqno).expect("read"), known.then(|| identity(seqno.into())));
        assert_eq!(ledger.copies(seqno), truth.copies(seqno));
    }
    let held = ledger.table.rows.len() + ledger.table.kept.len();
    assert!(held <= (truth.next() - truth.floor) as usize * 2, "{held} held: a document and what it copies, at most");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_within_reach_is_known_whatever_restarts(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().expect("a folder");
        let mut ledger = Ledger::open(dir.path(), SPAN, 0, 0).expect("opens");
        let mut truth = Everything::default();
        let mut kept = (Everything::default(), 0);
        for step in steps {
            match step {
                Step::Push(documents) => for back in documents {
                    let of = truth.next().checked_sub(back).filter(|&of| back > 0 && truth.is_known(of));
                    let fate = of.map_or(Fate::Clean, Fate::Duplicate);
                    ledger.push(&identity(truth.next().into()), fate).expect("pushed");
                    truth.fates.push(fate);
                },
                Step::Change(back, copy) => {
                    let Some(seqno) = truth.next().checked_sub(back).filter(|&o| o >= truth.floor) else { continue };
                    let of = seqno.checked_sub(1).filter(|&of| copy && truth.is_known(of));
                    let fate = of.map_or(Fate::Recalled, Fate::Duplicate);
                    ledger.change(seqno, fate).expect("changed");
                    truth.fates[seqno as usize] = fate;
                }
                Step::Forget(reach) => {
                    let floor = truth.next().saturating_sub(reach);
                    ledger.forget(floor).expect("forgotten");
                    truth.floor = truth.floor.max(floor);
                }
                Step::Snapshot => {
                    ledger.sync().expect("synced");
                    kept = (truth.clone(), ledger.tail_bytes());
                    ledger.remove_before(kept.0.floor).expect("removed");
                }
                Step::Restart => {
                    drop(ledger);
                    truth = kept.0.clone();
                    ledger = Ledger::open(dir.path(), SPAN, truth.next(), kept.1).expect("opens");
                }
            }
            check(&ledger, &truth);
        }
        let files = fs::read_dir(dir.path()).expect("listed").count() as SeqNo;
        prop_assert!(files <= (truth.next() - kept.0.floor) / SPAN + 3, "{files} files");
    }
}
