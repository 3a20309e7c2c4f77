//! `weir settle`: which clean documents can no recall reach any more? It forwards them, exactly
//! once, until it is told to stop.
//!
//! A group has one process. A second one fences the first, which then ends with an error. On
//! SIGTERM or SIGINT what is in flight is committed. If the brokers do not answer, the process ends
//! with an error after `kafka.shutdown_seconds`, and nothing is lost.

use std::{process::ExitCode, thread, time::Duration};

use anyhow::Result;
use clap::Args;
use tracing::{error, info};

use super::{process::BAD_CONFIG, terminal::say};
use crate::{
    config::{load::Loaded, resolve::late_recalls},
    settle::{SettleConfig, Settler},
    signals::Stop,
};

/// How often the watchdog checks whether the process is to stop.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// After so long positions are committed again: far less than brokers keep them (7 days).
const COMMIT_AGAIN_EVERY: Duration = Duration::from_hours(1);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Go on without what is gone: records that were removed before they were read, or a topic that
    /// was made anew, are told as lost, and reading goes on at the oldest record.
    #[arg(long)]
    pub accept_loss: bool,
}

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    let kafka = match loaded.kafka() {
        Ok(kafka) => kafka,
        Err(problems) => {
            say(&problems.to_string());
            return Ok(ExitCode::from(BAD_CONFIG));
        }
    };
    let settle = &loaded.config.settle;
    let (clean, duplicates, recalls) =
        (kafka.topics.clean.clone(), kafka.topics.duplicates.clone(), kafka.topics.recalls.clone());
    let (settled, late_recalls) = (settle.topic.clone(), late_recalls(&settle.topic));
    let mut kafka = kafka;
    kafka.group.clone_from(&settle.group);
    let config = SettleConfig {
        kafka,
        clean,
        duplicates,
        recalls,
        settled,
        late_recalls,
        accepts_loss: arguments.accept_loss,
        commit_again_every: COMMIT_AGAIN_EVERY,
    };
    let stop = Stop::listen_as_service()?;
    watch_the_end(stop.clone(), loaded.config.kafka.shutdown);
    info!(from = config.clean, to = config.settled, group = config.kafka.group, "settling");
    let done = Settler::run(&config, || stop.is_asked())?;
    info!(
        forwarded = done.forwarded,
        recalled = done.recalled,
        late_recalls = done.late_recalls,
        lost = done.lost,
        settled_to = done.watermark,
        "stopped"
    );
    Ok(ExitCode::SUCCESS)
}

/// Ends the process if it does not end by itself in time after it was asked to stop.
fn watch_the_end(stop: Stop, within: Duration) {
    thread::spawn(move || {
        while !stop.is_asked() {
            thread::sleep(CHECK_EVERY);
        }
        thread::sleep(within);
        error!(seconds = within.as_secs(), "no answer from the brokers; what was in flight is forwarded after the next start");
        std::process::exit(1);
    });
}
