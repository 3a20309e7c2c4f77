//! A node that has a second listener behind TLS and SASL, with a user, a password, its certificate
//! and a wrong one.
//!
//! Tests talk to the plain listener, and the process under test to the other one.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{
    Cluster, install,
    node::{ExtraSettings, free_ports},
};

/// The user that the node knows.
pub const USER: &str = "weir";
/// That user's password.
pub const PASSWORD: &str = "correct-horse-41";
/// The password of the key stores, which are removed with the test.
const STORE_PASSWORD: &str = "store-of-a-test";

/// One node with two listeners.
pub struct Secure {
    /// The node; its address is that of the plain listener.
    pub cluster: Cluster,
    /// `host:port` of the listener behind TLS and SASL (`SCRAM-SHA-256` and `PLAIN`).
    pub address: String,
    /// The node's certificate in PEM, for the address 127.0.0.1 and no name.
    pub certificate: PathBuf,
    /// Another certificate for the same address, which the node does not have.
    pub foreign: PathBuf,
    /// The folder of the certificates; it is removed when this is dropped.
    _folder: TempDir,
}

impl Secure {
    /// Starts the node.
    ///
    /// # Errors
    /// If it cannot be started; the text says why.
    pub fn start() -> Result<Self, String> {
        install::libs()?;
        let folder = tempfile::Builder::new().prefix("weir-tls-").tempdir().map_err(|e| format!("temporary folder: {e}"))?;
        let (certificate, foreign) = (certificate(folder.path(), "broker")?, certificate(folder.path(), "foreign")?);
        let port = free_ports(1)?[0];
        let store = folder.path().join("broker.p12");
        let properties = format!(
            "advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{port}
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},SASL_SSL://127.0.0.1:{port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-256,PLAIN
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
             user_{USER}=\"{PASSWORD}\";
ssl.keystore.type=PKCS12
ssl.keystore.location={}
ssl.keystore.password={STORE_PASSWORD}
ssl.key.password={STORE_PASSWORD}
",
            store.display()
        );
        let format = vec!["--add-scram".to_owned(), format!("SCRAM-SHA-256=[name={USER},password={PASSWORD}]")];
        let cluster = Cluster::start(1, &ExtraSettings { properties, format, ..ExtraSettings::default() })?;
        Ok(Self { cluster, address: format!("127.0.0.1:{port}"), certificate, foreign, _folder: folder })
    }
}

/// Makes a key and a certificate that is its own authority.
fn certificate(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let (store, certificate) = (folder.join(format!("{name}.p12")), folder.join(format!("{name}.pem")));
    let make = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=weir test", "-ext", "san=ip:127.0.0.1", "-ext", "bc=ca:true"];
    keytool(&store, &make)?;
    keytool(&store, &["-exportcert", "-rfc", "-file", &certificate.display().to_string()])?;
    Ok(certificate)
}

/// The program that makes keys and certificates; every Java has it.
fn keytool(store: &Path, arguments: &[&str]) -> Result<(), String> {
    let run = Command::new("keytool")
        .args(arguments)
        .args(["-alias", "broker", "-storetype", "PKCS12", "-storepass", STORE_PASSWORD, "-keystore"])
        .arg(store)
        .stdin(Stdio::null())
        .output();
    let output = run.map_err(|error| format!("keytool: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("keytool: {}", String::from_utf8_lossy(&output.stdout))) }
}
