//! A batch is never a unit of meaning: any split, and any number of threads, gives the same bytes.

use connectors::committer::Channel;
use pipeline::engine::fault::Faults;
use testkit::{
    disturbed::{read_all, undisturbed},
    stream::{lines, small_config},
};

#[test]
fn splits_and_threads_change_nothing() {
    let config = small_config();
    let records = read_all(&lines(11, 600, 1));
    let mut first = None;
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for batch in [1, 7, 1024] {
            let home = tempfile::tempdir().expect("a folder");
            let got = pool.install(|| undisturbed(&config, records.clone(), 1, batch, Faults::default(), home.path()));
            let first = first.get_or_insert_with(|| got.clone());
            let differs = got.iter().zip(first.iter()).find(|(g, f)| g != f);
            let show = |(channel, line): &(Channel, Vec<u8>)| format!("{}: {}", channel.name(), String::from_utf8_lossy(line));
            let differs = differs.map(|(g, f)| format!("got {}\nexpected {}", show(g), show(f)));
            assert_eq!(differs, None, "batches of {batch} on {threads} threads");
            assert_eq!(got.len(), first.len(), "batches of {batch} on {threads} threads");
        }
    }
}
