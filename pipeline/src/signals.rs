//! Was the process asked to stop?
//!
//! After SIGINT or SIGTERM the run stops behind the batch in flight. When the same command is given
//! again, what was decided since the last snapshot is decided again, with the same result. A second
//! signal ends the process at once; that is as safe as a kill.
//!
//! SIGHUP tells many services to read their configuration again, and ends any other process. A
//! stage reads its rules at the start alone; it says so and goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::warn;

/// Whether the process was asked to stop. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Exit code after a signal, as shells expect it (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

impl Stop {
    /// Begins to listen for signals, on a thread of its own.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> Result<Self> {
        Self::listen_with(false)
    }

    /// As [`Self::listen`], in a process that serves for months: SIGHUP does not end it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen_as_service() -> Result<Self> {
        Self::listen_with(true)
    }

    fn listen_with(ignores_hangup: bool) -> Result<Self> {
        let stop = Self::default();
        let runtime = runtime::Builder::new_current_thread().enable_io().build().context("listen for signals")?;
        let flag = Arc::clone(&stop.0);
        let wait = async move {
            let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            let mut hangup = ignores_hangup.then(|| signal(SignalKind::hangup())).transpose()?;
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    Some(()) = received(&mut hangup) => {
                        warn!("SIGHUP is ignored: configuration and lists are read at the start; a restart reads them again");
                        continue;
                    }
                }
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(INTERRUPTED));
                }
                warn!("stopping after the batch in flight; a second signal stops at once");
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            std::io::Result::Ok(())
        };
        std::thread::Builder::new()
            .name("weir-signals".to_owned())
            .spawn(move || runtime.block_on(wait))
            .context("listen for signals")?;
        Ok(stop)
    }

    /// Whether the process was asked to stop.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Waits for a signal; `None` at once if nobody listens for it.
async fn received(signal: &mut Option<Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}
