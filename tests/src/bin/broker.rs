//! Starts a real Kafka broker for trying things out: `cargo run -p testkit --bin broker`.
//!
//! It prints the broker's address, and stops the broker at the end of standard input or on a
//! signal.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::io::{Read, stdin};

use testkit::broker::Cluster;

fn main() -> Result<(), String> {
    let cluster = Cluster::one()?;
    println!("broker at {}", cluster.address());
    println!("it stops at the end of standard input (Ctrl-D)");
    // Whatever comes, or an error, is the end.
    let _ = stdin().read_to_end(&mut Vec::new());
    Ok(())
}
