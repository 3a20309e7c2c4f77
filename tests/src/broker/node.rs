//! One node of a cluster: its files, its process and the signals it is sent.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

/// A cluster's identity: any 22 characters of base64 that stand for 16 bytes.
const CLUSTER_ID: &str = "d2VpcndlaXJ3ZWlyd2Vpcg";

/// What a node needs to be started, also after it was killed.
pub(super) struct NodeLayout {
    libs: PathBuf,
    folder: PathBuf,
    port: u16,
    memory: &'static str,
}

/// Settings of a node that differ from the usual ones.
#[derive(Default)]
pub(super) struct ExtraSettings {
    /// Properties that win over the usual ones; `{port}` and `{controller}` stand for the node's ports.
    pub(super) properties: String,
    /// Arguments for the tool that formats its storage.
    pub(super) format: Vec<String>,
    /// The cluster's identity, if it is another one than usual.
    pub(super) cluster_id: Option<&'static str>,
}

impl NodeLayout {
    /// Lays out the files of nodes that know each other, on ports that are free at the moment.
    pub(super) fn of_cluster(nodes: usize, libs: &Path, extra: &ExtraSettings) -> Result<Vec<Self>, String> {
        let ports = free_ports(2 * nodes)?;
        let (brokers, controllers) = ports.split_at(nodes);
        let voters: Vec<_> = controllers.iter().enumerate().map(|(i, port)| format!("{}@127.0.0.1:{port}", i + 1)).collect();
        let memory = if nodes == 1 { "-Xmx512m" } else { "-Xmx384m" };
        let mut layouts = Vec::new();
        for (i, (&port, &controller)) in brokers.iter().zip(controllers).enumerate() {
            let folder =
                tempfile::Builder::new().prefix("weir-kafka-").tempdir().map_err(|e| format!("temporary folder: {e}"))?.keep();
            let layout = Self { libs: libs.to_owned(), folder, port, memory };
            let more = extra.properties.replace("{port}", &port.to_string()).replace("{controller}", &controller.to_string());
            let usual = properties(i + 1, port, controller, &voters.join(","), nodes, &layout.folder);
            layout.write(&(usual + &more), extra.cluster_id.unwrap_or(CLUSTER_ID), &extra.format)?;
            layouts.push(layout);
        }
        Ok(layouts)
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn java(&self, class: &str) -> Vec<String> {
        let class_path = format!("{}/*", self.libs.display());
        let logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
        ["java", self.memory, "-XX:+UseSerialGC", logging, "-cp", &class_path, class].map(str::to_owned).to_vec()
    }

    fn write(&self, properties: &str, cluster_id: &str, format: &[String]) -> Result<(), String> {
        let path = self.folder.join("server.properties");
        fs::write(&path, properties).map_err(|error| format!("{}: {error}", path.display()))?;
        let java = self.java("kafka.tools.StorageTool");
        let format =
            Command::new(&java[0]).args(&java[1..]).args(["format", "-t", cluster_id, "-c"]).arg(&path).args(format).output();
        let output = format.map_err(|error| format!("java: {error}"))?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

pub(super) fn free_ports(count: usize) -> Result<Vec<u16>, String> {
    // All at once, so that no port is given twice.
    let listeners: Result<Vec<_>, _> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    let ports = listeners.and_then(|all| all.iter().map(|listener| Ok(listener.local_addr()?.port())).collect());
    ports.map_err(|error| format!("a free port: {error}"))
}

fn properties(id: usize, port: u16, controller: u16, voters: &str, nodes: usize, folder: &Path) -> String {
    let (replicas, in_sync) = if nodes >= 3 { (3, 2) } else { (1, 1) };
    let logs = folder.join("data");
    format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}
num.partitions=1
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
auto.create.topics.enable=false
delete.topic.enable=true
log.retention.check.interval.ms=1000
log.cleaner.backoff.ms=300
log.initial.task.delay.ms=500
",
        logs.display()
    )
}

/// A node that runs or was killed.
pub(super) struct Node {
    layout: NodeLayout,
    running: Option<Running>,
}

struct Running {
    shell: Child,
    /// The shell's standard input; the node runs as long as it is open.
    _alive: ChildStdin,
    java: u32,
}

/// Starts the node and ends it when standard input closes. `$0` is the folder, and the arguments
/// are the command.
const SHELL: &str = r#"folder=$0
"$@" >>"$folder/log" 2>&1 &
node=$!
echo $node
cat >/dev/null
kill -9 $node 2>/dev/null
[ -e "$folder/keep" ] || rm -rf "$folder"
"#;

impl Node {
    pub(super) fn start(layout: NodeLayout) -> Result<Self, String> {
        let mut node = Self { layout, running: None };
        node.restart()?;
        Ok(node)
    }

    pub(super) fn restart(&mut self) -> Result<(), String> {
        let layout = &self.layout;
        let failed = |error: std::io::Error| format!("start a node: {error}");
        let keep = layout.folder.join("keep");
        if keep.exists() {
            fs::remove_file(&keep).map_err(failed)?;
        }
        let mut shell = Command::new("sh")
            .args(["-c", SHELL])
            .arg(&layout.folder)
            .args(layout.java("kafka.Kafka"))
            .arg(layout.folder.join("server.properties"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (Some(alive), Some(output)) = (shell.stdin.take(), shell.stdout.take()) else { return Err("no pipes".to_owned()) };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(failed)?;
        let java = line.trim().parse().map_err(|_| format!("the shell says {line:?}, expected a process id"))?;
        self.running = Some(Running { shell, _alive: alive, java });
        Ok(())
    }

    /// Kills the node; its data stays for a restart.
    pub(super) fn kill(&mut self) {
        let _ = fs::write(self.layout.folder.join("keep"), "");
        self.end();
        let _ = fs::remove_file(self.layout.folder.join("keep"));
    }

    fn end(&mut self) {
        self.signal("KILL");
        if let Some(Running { mut shell, _alive: alive, .. }) = self.running.take() {
            drop(alive);
            let _ = shell.wait();
        }
    }

    pub(super) fn signal(&self, name: &str) {
        if let Some(running) = &self.running {
            let _ = Command::new("kill").arg(format!("-{name}")).arg(running.java.to_string()).status();
        }
    }

    /// Returns the last lines of the node's log.
    pub(super) fn log_end(&self) -> String {
        let log = fs::read_to_string(self.layout.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
        let _ = fs::remove_dir_all(&self.layout.folder);
    }
}
