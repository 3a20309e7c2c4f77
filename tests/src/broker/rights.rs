//! A node that knows rights, some of which a test takes away and gives back.
//!
//! Only Java's clients can change rights here, so a few lines of Java do it. They are compiled as they
//! are run, which needs a whole JDK.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::{Cluster, install, node::ExtraSettings};

/// Who does nothing is allowed everything; on a topic of which rights are said, only what they say.
const PROPERTIES: &str = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
";

/// Forbids everybody to write to a topic, or takes that back.
const PROGRAM: &str = r#"
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.resource.*;

public class Rights {
    public static void main(String[] arguments) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            ResourcePattern topic = new ResourcePattern(ResourceType.TOPIC, arguments[2], PatternType.LITERAL);
            if (arguments[1].equals("forbid")) {
                List<AclBinding> rights = new ArrayList<>();
                rights.add(new AclBinding(topic, entry(AclOperation.ALL, AclPermissionType.ALLOW)));
                rights.add(new AclBinding(topic, entry(AclOperation.WRITE, AclPermissionType.DENY)));
                admin.createAcls(rights).all().get();
            } else {
                AclBindingFilter all = new AclBindingFilter(topic.toFilter(), AccessControlEntryFilter.ANY);
                admin.deleteAcls(List.of(all)).all().get();
            }
        }
    }

    static AccessControlEntry entry(AclOperation operation, AclPermissionType permission) {
        return new AccessControlEntry("User:*", "*", operation, permission);
    }
}
"#;

/// One node that knows rights.
pub struct Rights {
    /// The node.
    pub cluster: Cluster,
    libs: PathBuf,
    folder: TempDir,
}

impl Rights {
    /// Starts the node.
    ///
    /// # Errors
    /// If it cannot be started, or there is no JDK; the text says why.
    pub fn start() -> Result<Self, String> {
        let modules = Command::new("java").arg("--list-modules").output().map_err(|error| format!("java: {error}"))?;
        if !String::from_utf8_lossy(&modules.stdout).contains("jdk.compiler") {
            return Err("there is no JDK, only what runs Java".to_owned());
        }
        let libs = install::libs()?;
        let folder = tempfile::Builder::new().prefix("weir-rights-").tempdir().map_err(|e| format!("temporary folder: {e}"))?;
        fs::write(folder.path().join("Rights.java"), PROGRAM).map_err(|error| format!("a program: {error}"))?;
        let cluster = Cluster::start(1, &ExtraSettings { properties: PROPERTIES.to_owned(), ..ExtraSettings::default() })?;
        Ok(Self { cluster, libs, folder })
    }

    /// Takes the right to write to a topic away from everybody.
    ///
    /// # Panics
    /// If that fails.
    pub fn forbid_writing(&self, topic: &str) {
        self.run("forbid", topic);
    }

    /// Gives it back.
    ///
    /// # Panics
    /// If that fails.
    pub fn allow_writing(&self, topic: &str) {
        self.run("allow", topic);
    }

    fn run(&self, what: &str, topic: &str) {
        let run = Command::new("java")
            .args(["-cp", &format!("{}/*", self.libs.display())])
            .arg(self.folder.path().join("Rights.java"))
            .args([self.cluster.address(), what, topic])
            .output();
        let ended = run.expect("java runs");
        assert!(ended.status.success(), "{what} writing to {topic}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}
