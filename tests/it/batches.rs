//! A batch is never a unit of meaning: any split, and any number of threads, gives the same bytes.

use std::path::Path;

use connectors::committer::Channel;
use pipeline::{config::Config, engine::fault::Faults};
use testkit::{
    disturbed::{read_all, undisturbed},
    stream::{lines, small_config},
};

/// Backgrounds learned on the way through 1,100 documents with epoch boundaries every 4 and a delay of 128: at sequence number 512 from 384
/// documents, and at 1,024 from more than twice as many.
const VERSIONS: &[&str] = &["own-0000000384.weir", "own-0000000896.weir"];

fn versions(state: &Path) -> Vec<String> {
    let files = std::fs::read_dir(state).expect("a state folder");
    let names = files.filter_map(|f| f.ok()?.file_name().into_string().ok());
    let mut own: Vec<String> = names.filter(|n| n.starts_with("own-")).collect();
    own.sort();
    own
}

/// Runs the same documents in several splits on several numbers of threads; what all of them said.
fn check(config: &Config, documents: usize, bootstraps: bool) -> Vec<(Channel, Vec<u8>)> {
    let records = read_all(&lines(11, documents, 1));
    let mut first: Option<Vec<(Channel, Vec<u8>)>> = None;
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for batch in [1, 7, 1024] {
            let home = tempfile::tempdir().expect("a folder");
            let run = || undisturbed(config, records.clone(), 1, batch, bootstraps, Faults::default(), home.path());
            let got = pool.install(run);
            assert_eq!(versions(home.path()), if bootstraps { VERSIONS } else { [].as_slice() });
            let first = first.get_or_insert_with(|| got.clone());
            let differs = got.iter().zip(first.iter()).find(|(g, f)| g != f);
            let show = |(channel, line): &(Channel, Vec<u8>)| format!("{}: {}", channel.name(), String::from_utf8_lossy(line));
            let differs = differs.map(|(g, f)| format!("got {}\nexpected {}", show(g), show(f)));
            assert_eq!(differs, None, "batches of {batch} on {threads} threads");
            assert_eq!(got.len(), first.len(), "batches of {batch} on {threads} threads");
        }
    }
    first.unwrap_or_default()
}

#[test]
fn splits_and_threads_change_nothing() {
    let said = check(&small_config(), 600, false);
    assert!(said.iter().any(|(channel, _)| *channel == Channel::Recalls), "something happens in it");
}

#[test]
fn splits_change_nothing_where_the_background_is_learned_on_the_way() {
    let mut config = small_config();
    config.operators.trigger_spike.bootstrap_documents = 128;
    check(&config, 1_100, true);
}
