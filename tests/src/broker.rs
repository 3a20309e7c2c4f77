//! A real Apache Kafka for tests. It is fetched once, started on free loopback ports, and ends with
//! the process that started it.
//!
//! Maven fetches the jars into `target/kafka/`. Each node is the child of a shell that waits for
//! the end of its standard input and then kills the node and removes its folder: the pipe also
//! closes when the test panics or is killed. `WEIR_TEST_KAFKA=host:port` names a running broker to
//! use instead. Where Java or Maven is missing, the tests are not run ([`crate::runner`] says so at
//! the end).
//!
//! **Cost** the first time 10 s for the jars; then 5 s a start and 0.4 GB of memory a node.

mod client;
mod install;
mod node;
pub mod rights;
pub mod secure;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub use client::{Client, Consumed, Message};

use self::node::{ExtraSettings, Node, NodeLayout};

/// How long nodes may take until they answer.
const UP_WITHIN: Duration = Duration::from_secs(90);

/// Brokers that this process has started.
pub struct Cluster {
    nodes: Vec<Node>,
    address: String,
}

impl Cluster {
    /// Starts one node.
    ///
    /// # Errors
    /// If it cannot be started; the text says why.
    pub fn one() -> Result<Self, String> {
        Self::start(1, &ExtraSettings::default())
    }

    /// Starts one node of a cluster that is another one by its identity as well.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn other() -> Result<Self, String> {
        Self::start(1, &ExtraSettings { cluster_id: Some("b3RoZXJvdGhlcm90aGVybw"), ..ExtraSettings::default() })
    }

    /// Starts three nodes. A topic has three replicas, two of which must be in sync, unless it is
    /// made with another number.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn three() -> Result<Self, String> {
        Self::start(3, &ExtraSettings::default())
    }

    fn start(nodes: usize, extra: &ExtraSettings) -> Result<Self, String> {
        let libs = install::libs()?;
        let mut why = String::new();
        // A port that was free may be taken a moment later.
        for _ in 0..3 {
            let layouts = NodeLayout::of_cluster(nodes, &libs, extra)?;
            let address = layouts.iter().map(NodeLayout::address).collect::<Vec<_>>().join(",");
            let nodes = layouts.into_iter().map(Node::start).collect::<Result<Vec<_>, _>>()?;
            let cluster = Self { nodes, address };
            match cluster.wait_up() {
                Ok(()) => return Ok(cluster),
                Err(error) => why = format!("{error}\n{}", cluster.nodes[0].log_end()),
            }
        }
        Err(why)
    }

    /// Returns the address `host:port`; several are separated by commas.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns a client of these brokers.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// Returns a client that never has to ask one of the nodes for the addresses of the others.
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

    /// Suspends a node (SIGSTOP).
    pub fn freeze(&self, node: usize) {
        self.nodes[node].signal("STOP");
    }

    /// Resumes a suspended node (SIGCONT).
    pub fn thaw(&self, node: usize) {
        self.nodes[node].signal("CONT");
    }
}

/// Returns a client of the broker that all tests of a process share; the first call starts it.
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

/// Returns a name that no other test uses, on this broker or an existing one.
#[must_use]
pub fn unique(name: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}
