use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use proptest::prelude::*;

use super::*;
use crate::{
    committer::{Channel, Committer, Outgoing},
    position::Positions,
    source::{Limit, Payload, Record, Source},
};

const ALL: Limit = Limit { records: usize::MAX, bytes: usize::MAX };

fn partitions() -> Vec<Vec<Vec<u8>>> {
    (0..3_u8).map(|partition| (0..40 + partition).map(|offset| vec![partition, offset]).collect()).collect()
}

fn script(steps: &[(u64, Fault)]) -> Faults {
    Faults::new(FaultScript { steps: steps.iter().copied().collect() })
}

fn positions(records: &[Record]) -> Vec<(u32, u64)> {
    records.iter().map(|record| (record.position.partition, record.position.offset)).collect()
}

#[test]
fn every_record_comes_once_in_an_order_of_the_seed() {
    let read = |seed| {
        let mut source = MemorySource::new(partitions(), seed, Faults::default());
        let mut records = Vec::new();
        loop {
            let more = source.read(Limit { records: 5, bytes: 7 }).expect("no fault");
            assert!(more.len() <= 3, "two bytes each, seven at most");
            if more.is_empty() {
                return records;
            }
            records.extend(more);
        }
    };
    let records = read(1);
    assert_eq!(positions(&records), positions(&read(1)));
    assert_ne!(positions(&records), positions(&read(2)));
    let mut next = [0, 0, 0];
    for record in &records {
        let partition = record.position.partition as usize;
        assert_eq!(record.position.offset, next[partition], "partitions are in order");
        assert_eq!(record.payload, Payload::Line(vec![partition as u8, next[partition] as u8]));
        next[partition] += 1;
    }
    assert_eq!(next, [40, 41, 42]);
}

#[test]
fn a_second_reading_differs_but_runs_repeat() {
    let mut source = MemorySource::new(partitions(), 1, Faults::default());
    let first = source.read(ALL).expect("no fault");
    source.seek(&Positions::default()).expect("the beginning");
    assert_ne!(positions(&source.read(ALL).expect("no fault")), positions(&first));
    source.seek(&Positions(vec![0, 10])).expect("within");
    let run = source.read_run(1, 10..15).expect("enough");
    assert_eq!(positions(&run), [(1, 10), (1, 11), (1, 12), (1, 13), (1, 14)]);
    assert!(source.read_run(1, 15..42).is_err() && source.read_run(9, 0..1).is_err());
    assert!(source.seek(&Positions(vec![41])).is_err() && source.seek(&Positions(vec![0, 0, 0, 1])).is_err());
}

#[test]
fn records_come_again_when_the_script_says_so() {
    let mut source = MemorySource::new(partitions(), 4, script(&[(1, Fault::Redeliver(2)), (2, Fault::FailRead)]));
    let first = positions(&source.read(Limit { records: 30, ..ALL }).expect("no fault"));
    let second = positions(&source.read(ALL).expect("no failure"));
    let again: Vec<_> = second.iter().filter(|position| first.contains(position)).collect();
    assert_eq!(again.len(), 2);
    assert_eq!(first.len() + second.len(), 40 + 41 + 42 + 2);
    assert!(source.read(ALL).is_err());
    assert!(source.read(ALL).expect("failed once").is_empty());
}

/// One batch a call, with one record.
fn commit(committer: &mut MemoryCommitter, number: u8) -> Result<(), crate::error::Error> {
    committer.begin()?;
    committer.write(&Outgoing::plain(Channel::Clean, &[number]))?;
    committer.commit(&Positions::default(), &[number])
}

fn committed(log: &Arc<Mutex<MemoryLog>>) -> Vec<u8> {
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let records: Vec<u8> = log.of(Channel::Clean).map(|record| record[0]).collect();
    assert_eq!(log.journal.concat(), records, "outputs and journal are one");
    records
}

#[test]
fn commits_are_whole_and_survive() {
    // Calls of a commit: begin, write, commit. 0 is recover.
    let faults =
        script(&[(1, Fault::FailCommitAfter), (5, Fault::FailCommitBefore), (9, Fault::FailWrite), (10, Fault::FailBegin)]);
    let log = Arc::new(Mutex::new(MemoryLog::default()));
    let mut committer = MemoryCommitter::new(Arc::clone(&log), faults.clone());
    assert!(commit(&mut committer, 9).is_err(), "not recovered");
    assert!(committed(&log).is_empty());
    let mut committer = MemoryCommitter::new(Arc::clone(&log), faults);
    committer.recover(None).expect("empty");
    let mut failed = Vec::new();
    for number in 0..6 {
        if let Err(error) = commit(&mut committer, number) {
            failed.push((number, error.to_string()));
            committer.recover(None).expect("an open batch is dropped");
        }
    }
    assert_eq!(failed.len(), 4, "{failed:?}");
    assert_eq!(failed[0], (0, "injected fault: commit fails and took place".to_owned()));
    let visible = committed(&log);
    assert!(visible.contains(&0) && visible.len() == 3, "{visible:?}");
}

#[test]
fn recover_returns_what_was_committed_after_the_mark() {
    let log = Arc::new(Mutex::new(MemoryLog::default()));
    let mut old = MemoryCommitter::new(Arc::clone(&log), Faults::default());
    old.recover(None).expect("empty");
    commit(&mut old, 1).expect("no fault");
    let checkpoint = old.checkpoint().expect("no fault");
    commit(&mut old, 2).expect("no fault");
    old.begin().expect("no fault");
    old.write(&Outgoing::plain(Channel::Clean, &[3])).expect("no fault");

    let mut new = MemoryCommitter::new(Arc::clone(&log), Faults::default());
    assert_eq!(new.recover(Some(&checkpoint)).expect("valid").journal, [vec![2]]);
    assert!(old.commit(&Positions::default(), &[3]).expect_err("fenced").to_string().contains("fenced"));
    assert_eq!(committed(&log), [1, 2]);
    assert_eq!(new.recover(None).expect("valid").journal.len(), 2);
    assert!(new.recover(Some(&[1])).is_err() && new.recover(Some(&[9, 0, 0, 0, 0, 0, 0, 0])).is_err());
}

proptest! {
    /// No fault of a script is lost, and each happens once, in a call that it fits.
    #[test]
    fn every_fault_happens_once(steps in proptest::collection::btree_map(0_u64..60, 0_usize..8, 0..20)) {
        let steps: BTreeMap<u64, Fault> = steps.into_iter().map(|(step, fault)| (step, Fault::ALL[fault])).collect();
        let faults = Faults::new(FaultScript { steps: steps.clone() });
        let mut seen = Vec::new();
        for call in 0..6 * (60 + 20) {
            let op = [Op::Read, Op::Begin, Op::Write, Op::Commit, Op::Checkpoint, Op::Recover][call % 6];
            if let Some(fault) = faults.next(op) {
                prop_assert_eq!(fault.op(), op);
                seen.push(fault);
            }
        }
        let name = |fault: &Fault| format!("{fault:?}");
        let (mut seen, mut expected): (Vec<_>, Vec<_>) = (seen.iter().map(name).collect(), steps.values().map(name).collect());
        seen.sort();
        expected.sort();
        prop_assert_eq!(seen, expected);
    }
}
