//! Fetches Kafka's jars with Maven into the target folder, unless they are there.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The version of Kafka that is tested against.
const VERSION: &str = "4.1.0";

/// Returns the folder of jars.
pub(super) fn libs() -> Result<PathBuf, String> {
    expect_program("java", "a Java runtime (17 or later), such as Debian's openjdk-17-jre-headless")?;
    let folder = target().join("kafka").join(VERSION);
    let libs = folder.join("libs");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    // Several test processes may come at once.
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if !libs.is_dir() {
        expect_program("mvn", "Maven, such as Debian's maven: it fetches Apache Kafka once")?;
        fetch(&folder)?;
        fs::rename(folder.join("fetched"), &libs).map_err(failed)?;
    }
    Ok(libs)
}

fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}

fn expect_program(name: &str, install: &str) -> Result<(), String> {
    let run = Command::new(name).arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match run {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("no {name}: install {install}")),
    }
}

fn fetch(folder: &Path) -> Result<(), String> {
    let pom = format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>weir</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"#
    );
    fs::write(folder.join("pom.xml"), pom).map_err(|error| format!("pom.xml: {error}"))?;
    let maven = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=fetched"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = maven.map_err(|error| format!("mvn: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Err(format!("Maven could not fetch Apache Kafka {VERSION}: {}", said.lines().next().unwrap_or("it says nothing")))
}
