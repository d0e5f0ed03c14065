//! Real servers: what counts as ready, what is said of servers that do not start or stop as they
//! should, and what lies in the way of them.

use std::path::Path;
use std::process::Command;

use super::support::{Kafsh, RealCluster};

/// Makes a key with its certificate, and a store that trusts it.
fn keys(folder: &Path) -> (String, String) {
    let path = |name: &str| folder.join(name).to_str().expect("a plain path").to_string();
    let (own, certificate, trusted) = (path("own.p12"), path("own.cer"), path("trusted.p12"));
    let keytool = |words: &[&str]| {
        let store = ["-storetype", "PKCS12", "-storepass", "secret7", "-alias", "own"];
        let output = Command::new("keytool").args(words).args(store).output().expect("keytool");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    let names = ["-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1"];
    let make = ["-genkeypair", "-keyalg", "EC", "-validity", "2", "-keystore", &own];
    keytool(&[&make[..], &names].concat());
    keytool(&["-exportcert", "-keystore", &own, "-file", &certificate]);
    keytool(&["-importcert", "-noprompt", "-keystore", &trusted, "-file", &certificate]);
    (own, trusted)
}

/// kafsh speaks no TLS: that the listener does is told from its first message.
#[test]
fn a_broker_that_speaks_only_tls_gets_ready() {
    // Declared first, so that it is dropped last: the broker reads its keys.
    let folder = tempfile::tempdir().expect("a folder");
    let (own, trusted) = keys(folder.path());
    let cluster = RealCluster::reserve("tls");
    let (base, zookeeper, name) = (cluster.base_port, cluster.zookeeper_port(), &cluster.name);
    let spec = format!(
        "schema = 1\nname = \"{name}\"\nkafka = \"3.9.2\"\n\
         [zookeeper]\nbind = \"127.0.0.1\"\nport = {zookeeper}\n\
         [properties]\n\
         \"ssl.keystore.location\" = \"{own}\"\n\"ssl.keystore.type\" = \"PKCS12\"\n\
         \"ssl.keystore.password\" = \"secret7\"\n\
         \"ssl.truststore.location\" = \"{trusted}\"\n\"ssl.truststore.type\" = \"PKCS12\"\n\
         \"ssl.truststore.password\" = \"secret7\"\n\
         [[brokers]]\nid = 1\nlisteners = [{{ name = \"SECURE\", protocol = \"SSL\", \
         bind = \"127.0.0.1\", port = {base}, advertised_host = \"localhost\", \
         advertised_port = {base} }}]\n"
    );
    let file = folder.path().join("spec.toml");
    std::fs::write(&file, spec).expect("a spec");
    let path = file.to_str().expect("a plain path");
    let up = Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    assert!(up.stderr.contains("controller 1"), "{}", up.stderr);
    assert!(up.stderr.contains("no record is sent through the new cluster"), "{}", up.stderr);
    let status = cluster.run(&["cluster", "status", "-O", "json"]).json();
    assert_eq!(status["brokers_ready"], 1, "{status}");
    let again = Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    cluster.run(&["cluster", "stop"]).ok();
    assert!(cluster.pids().is_empty(), "nothing is left running");
}
