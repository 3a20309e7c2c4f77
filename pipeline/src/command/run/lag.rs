//! How is the lag of an active process measured beside its loop?

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use connectors::kafka::LagMeter;
use tracing::debug;

use crate::watch::Watch;

/// Least time between two measurements: each asks every broker three times.
const EVERY_LEAST: Duration = Duration::from_millis(500);

/// Measures until it is dropped.
pub(super) struct LagThread {
    _stop: Sender<()>,
}

impl LagThread {
    /// Reports to `watch` what `meter` says. While brokers do not answer, the last lag stands.
    pub(super) fn start(meter: LagMeter, watch: Arc<Watch>, every: Duration) -> Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let every = every.max(EVERY_LEAST);
        let measure = move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                match meter.measure() {
                    Ok(lag) => watch.lag(&lag.iter().map(|(partition, lag)| (&**partition, Some(*lag))).collect::<Vec<_>>()),
                    Err(error) => debug!(%error, "the lag is not known"),
                }
            }
        };
        thread::Builder::new().name("weir-lag".to_owned()).spawn(measure).context("start a thread for the lag")?;
        Ok(Self { _stop: stop })
    }
}
