//! Which partitions do the input topics have now?
//!
//! They are asked for by a thread with a client of its own, so that a broker which stands still
//! keeps nobody from reading. What it finds waits until the source looks.
//!
//! **State** one answer that waits, and the oldest offset of each partition that was found later.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, TrySendError},
    },
    thread,
    time::Duration,
};

use rdkafka::{
    consumer::Consumer,
    metadata::{MetadataPartition, MetadataTopic},
};

use super::{
    query::{PartitionExtent, PartitionKey, query_with_retry},
    reports::ReportingConsumer,
};
use crate::error::Error;

/// Every partition of the input topics, with the oldest offset of those that were found later.
pub(super) type Listing = Vec<(PartitionKey, Option<u64>)>;

/// Asks again and again until it is dropped.
pub(super) struct PartitionWatch {
    listings: Receiver<Result<Listing, Error>>,
    /// The thread ends when this is dropped.
    _stop: Sender<()>,
}

impl PartitionWatch {
    /// Starts to ask for the partitions of `topics`; `known` are those that were found already.
    ///
    /// # Errors
    /// If no thread can be had.
    pub(super) fn start(
        client: Arc<ReportingConsumer>,
        topics: Vec<String>,
        known: BTreeSet<PartitionKey>,
        every: Duration,
    ) -> Result<Self, Error> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (send, listings) = mpsc::sync_channel(1);
        let watch = move || {
            let mut oldest = BTreeMap::new();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let listing = listing(&client, &topics, &known, &mut oldest);
                // Events of the client about its connections must not pile up.
                let _ = client.poll(Duration::ZERO);
                if let Err(TrySendError::Disconnected(_)) = send.try_send(listing) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("weir-partitions".to_owned()).spawn(watch);
        thread.map_err(|error| Error::Refused(format!("start a thread: {error}")))?;
        Ok(Self { listings, _stop: stop })
    }

    /// Returns the newest answer that the source has not seen.
    pub(super) fn newest(&self) -> Option<Result<Listing, Error>> {
        self.listings.try_iter().last()
    }
}

fn listing(
    client: &ReportingConsumer,
    topics: &[String],
    known: &BTreeSet<PartitionKey>,
    oldest: &mut BTreeMap<PartitionKey, u64>,
) -> Result<Listing, Error> {
    let found = list(client, topics)?;
    let new: Vec<PartitionKey> =
        found.iter().filter(|key| !known.contains(*key) && !oldest.contains_key(*key)).cloned().collect();
    let extents = PartitionExtent::of_all(client, &new)?;
    oldest.extend(new.into_iter().zip(extents.into_iter().map(|extent| extent.low)));
    Ok(found.into_iter().map(|key| (key.clone(), oldest.get(&key).copied())).collect())
}

/// Asks for every partition of the topics, in the order of topics and partitions.
pub(super) fn list(client: &ReportingConsumer, topics: &[String]) -> Result<Vec<PartitionKey>, Error> {
    let mut found = Vec::new();
    for topic in topics {
        let metadata = query_with_retry(|timeout| client.fetch_metadata(Some(topic), timeout))?;
        let topics = metadata.topics().iter().filter(|of| of.name() == topic && of.error().is_none());
        let mut ids: Vec<i32> = topics.flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
        if ids.is_empty() {
            return Err(Error::Changed(format!(
                "the input topic {topic} is not there; make it again, or take it out of kafka.topics.input if nothing of it was read"
            )));
        }
        ids.sort_unstable();
        found.extend(ids.into_iter().map(|id| (topic.clone(), id)));
    }
    Ok(found)
}
