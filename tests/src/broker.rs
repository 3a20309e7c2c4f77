//! A real Apache Kafka for tests: fetched once, started on free loopback ports, gone with the process that started it.
//!
//! Jars come from Maven into `target/kafka/`. Each node runs below a shell that waits for the end of its standard input and
//! then kills the node and removes its folder: a pipe that closes also when the test panics or is killed.
//! `WEIR_TEST_KAFKA=host:port` names a running broker instead. Where Java or Maven is missing, tests are not run
//! ([`crate::runner`] says so at the end).
//!
//! **Cost** the first time 10 s for the jars; then 5 s a start and 0.4 GB a node.

mod client;
mod install;
mod node;
pub mod secure;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub use client::{Client, Consumed, Message};

use self::node::{Extra, Layout, Node};

/// How long nodes may take to be up.
const UP_WITHIN: Duration = Duration::from_secs(90);

/// Brokers started by this process.
pub struct Cluster {
    nodes: Vec<Node>,
    address: String,
}

impl Cluster {
    /// One node.
    ///
    /// # Errors
    /// If it cannot be started; the text says why.
    pub fn one() -> Result<Self, String> {
        Self::start(1, &Extra::default())
    }

    /// Three nodes: every topic made without a number has three replicas, two of which must be in sync.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn three() -> Result<Self, String> {
        Self::start(3, &Extra::default())
    }

    fn start(nodes: usize, extra: &Extra) -> Result<Self, String> {
        let libs = install::libs()?;
        let mut why = String::new();
        // A port that was free may be taken a moment later.
        for _ in 0..3 {
            let layouts = Layout::of_cluster(nodes, &libs, extra)?;
            let address = layouts.iter().map(Layout::address).collect::<Vec<_>>().join(",");
            let nodes = layouts.into_iter().map(Node::start).collect::<Result<Vec<_>, _>>()?;
            let cluster = Self { nodes, address };
            match cluster.wait_up() {
                Ok(()) => return Ok(cluster),
                Err(error) => why = format!("{error}\n{}", cluster.nodes[0].log_end()),
            }
        }
        Err(why)
    }

    /// `host:port`, several with commas.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A client of these brokers.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// A client that need not ask one of the nodes.
    #[must_use]
    pub fn client_without(&self, node: usize) -> Client {
        let others: Vec<_> =
            self.address.split(',').enumerate().filter(|(n, _)| *n != node).map(|(_, address)| address).collect();
        Client::new(&others.join(","))
    }

    /// Waits until every node is seen.
    ///
    /// # Errors
    /// If they are not in time.
    pub fn wait_up(&self) -> Result<(), String> {
        self.client().wait_up(self.nodes.len(), UP_WITHIN)
    }

    /// Kills a node with SIGKILL; its data stays.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a killed node again, on its ports and data.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn restart(&mut self, node: usize) -> Result<(), String> {
        self.nodes[node].restart()
    }

    /// Stops a node where it stands (SIGSTOP).
    pub fn freeze(&self, node: usize) {
        self.nodes[node].signal("STOP");
    }

    /// Lets a stopped node go on (SIGCONT).
    pub fn thaw(&self, node: usize) {
        self.nodes[node].signal("CONT");
    }
}

/// The broker that all tests of a process share, or why there is none.
///
/// # Errors
/// If it cannot be had; the text says what to install.
pub fn shared() -> Result<Client, &'static str> {
    enum Shared {
        Existing(String),
        Started(Cluster),
    }
    static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| match std::env::var("WEIR_TEST_KAFKA") {
        Ok(address) if !address.is_empty() => Ok(Shared::Existing(address)),
        _ => Cluster::one().map(Shared::Started),
    });
    match shared {
        Ok(Shared::Existing(address)) => Ok(Client::new(address)),
        Ok(Shared::Started(cluster)) => Ok(cluster.client()),
        Err(why) => Err(why),
    }
}

/// A name that no other test uses, on this or an existing broker.
#[must_use]
pub fn unique(name: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}
