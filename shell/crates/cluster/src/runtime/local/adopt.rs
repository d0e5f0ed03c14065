//! Servers that somebody else started: what their processes tell, and how they become a cluster's.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{Listener, Server, ServerFile, ServerKind};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::record::{Adopted, RunRecord, Started};
use super::{Local, ports, process};
use crate::runtime::{files, properties};

/// Main classes, as a command line has them.
const BROKER_CLASSES: [&str; 1] = ["kafka.Kafka"];
const ZOOKEEPER_CLASSES: [&str; 2] = [
    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    "org.apache.zookeeper.server.ZooKeeperServerMain",
];

/// Jars whose name ends in Kafka's version, with what stands before it.
const VERSIONED_JARS: [&str; 3] = ["kafka-clients-", "kafka_2.13-", "kafka_2.12-"];

/// The argument by which servers of kafsh tell their cluster.
const CLUSTER_ARGUMENT: &str = "-Dkafsh.cluster=";

const KIB_PER_MIB: u64 = 1024;

/// Who listens at `host:port`.
pub(super) fn listener(address: &str) -> Listener {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let Ok(port) = port.parse::<u16>() else { return Listener::Elsewhere };
    let addresses = addresses(host, port);
    // Any port will do to learn whether an address is one of this host; a name may have others too.
    let here = |at: &SocketAddr| TcpListener::bind((at.ip(), 0)).is_ok();
    if !addresses.iter().any(here) {
        return Listener::Elsewhere;
    }
    let held = |at: &SocketAddr| match TcpListener::bind(at) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::AddrInUse,
    };
    if !addresses.iter().any(held) {
        return Listener::Nobody;
    }
    match ports::holder(&ports::all_sockets(), port) {
        Some(pid) => Listener::Process(server(pid)),
        None => Listener::Hidden("a process of another user".to_string()),
    }
}

/// Java's wildcard is both families.
fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    if ports::is_wildcard(host) {
        return vec![SocketAddr::from(([0, 0, 0, 0], port)), SocketAddr::from(([0; 8], port))];
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

/// What a process tells of itself.
fn server(pid: u32) -> Server {
    let arguments = process::arguments(pid);
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok();
    let main = arguments.iter().position(|a| kind_of(a).is_some());
    let kind = main.and_then(|at| kind_of(&arguments[at]));
    let given = main.and_then(|at| arguments.get(at + 1));
    let cluster = arguments.iter().find_map(|a| a.strip_prefix(CLUSTER_ARGUMENT));
    let uid = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(format!("/proc/{pid}")).map(|meta| meta.uid());
    Server {
        pid,
        description: process::describe(pid),
        kind,
        cluster: cluster.map(String::from),
        file: given.and_then(|path| config(&cwd.clone().unwrap_or_default().join(path))),
        kafka: class_path(&arguments).and_then(|path| version(path, cwd.as_deref())),
        heap_mib: arguments.iter().rev().find_map(|a| a.strip_prefix("-Xmx")).and_then(heap_mib),
        directory: cwd.and_then(|path| path.to_str().map(String::from)),
        ours_to_signal: uid == 0 || owner.is_ok_and(|owner| owner == uid),
    }
}

fn kind_of(argument: &str) -> Option<ServerKind> {
    match argument {
        class if BROKER_CLASSES.contains(&class) => Some(ServerKind::Broker),
        class if ZOOKEEPER_CLASSES.contains(&class) => Some(ServerKind::ZooKeeper),
        _ => None,
    }
}

fn config(path: &Path) -> Option<ServerFile> {
    let path = path.canonicalize().ok()?;
    let bytes = files::read_small(&path).ok()??;
    let properties = properties::parse(&bytes).ok()?;
    Some(ServerFile { path: path.to_str()?.to_string(), properties })
}

fn class_path(arguments: &[String]) -> Option<&str> {
    let flag =
        |argument: &String| matches!(argument.as_str(), "-cp" | "-classpath" | "--class-path");
    let at = arguments.iter().position(flag)?;
    arguments.get(at + 1).map(String::as_str)
}

/// Kafka's version by the names of its jars; a folder's jars are those of `folder/*`.
fn version(class_path: &str, cwd: Option<&Path>) -> Option<String> {
    class_path.split(':').find_map(|entry| match entry.strip_suffix("/*") {
        None => version_of(process::base_name(entry)),
        Some(folder) => {
            let folder = cwd.map_or(PathBuf::from(folder), |cwd| cwd.join(folder));
            files::names_in(&folder).ok()?.iter().find_map(|name| version_of(name))
        }
    })
}

fn version_of(jar: &str) -> Option<String> {
    let version = VERSIONED_JARS.iter().find_map(|head| jar.strip_prefix(head))?;
    let version = version.strip_suffix(".jar")?;
    let good = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    (good && version.contains('.')).then(|| version.to_string())
}

/// `1G`, `512m`, `1048576k`, or bytes.
fn heap_mib(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let kib = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "g" => number.checked_mul(KIB_PER_MIB * KIB_PER_MIB)?,
        "m" => number.checked_mul(KIB_PER_MIB)?,
        "k" => number,
        "" => number / KIB_PER_MIB,
        _ => return None,
    };
    u32::try_from(kib / KIB_PER_MIB).ok()
}

impl Local {
    pub(super) fn adopt(&self, spec: &ClusterSpec, node: Node, pid: Option<u32>) -> Result<()> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let Some(pid) = pid else {
            return match fs::remove_file(&paths.run) {
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    Err(files::io_error("delete", &paths.run, &e))
                }
                _ => Ok(()),
            };
        };
        let gone = || {
            Error::failed("not-running", format!("{node} ended before it was adopted"))
                .with_evidence(format!("pid {pid} is not there any more"))
        };
        let mut record = RunRecord::intent(spec.name.as_str(), node)?;
        record.process = Started::observe(pid)?;
        let arguments = process::arguments(pid);
        if record.process.is_none() || arguments.is_empty() {
            return Err(gone());
        }
        record.kafka.clone_from(&spec.kafka);
        record.java = arguments.first().cloned().unwrap_or_default();
        let properties = files::read_small(&paths.properties)?.unwrap_or_default();
        record.properties_sha256 = files::sha256_hex(&properties);
        record.adopted = Some(Adopted {
            arguments_sha256: process::digest(&arguments),
            log: open_log(pid),
            console: regular(&format!("/proc/{pid}/fd/1")),
        });
        // Its log is told of from its start on: there is no earlier life of it here.
        record.intended_at_ms = 0;
        match process::identify(&record)? {
            Some(_) => record.save(&paths.run),
            None => Err(gone()),
        }
    }
}

/// The `server.log` (or `zookeeper.log`) that a process has open.
fn open_log(pid: u32) -> Option<String> {
    const NAMES: [&str; 2] = ["server.log", "zookeeper.log"];
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    entries.flatten().find_map(|entry| {
        let path = regular(entry.path().to_str()?)?;
        NAMES.contains(&process::base_name(&path)).then_some(path)
    })
}

/// The file that a descriptor is open on, if it is a regular one.
fn regular(descriptor: &str) -> Option<String> {
    let path = fs::read_link(descriptor).ok()?;
    let is_file = path.metadata().is_ok_and(|meta| meta.is_file());
    is_file.then(|| path.to_str().map(String::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_heaps_are_read_from_a_command_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("libs")).unwrap();
        fs::write(folder.path().join("libs/kafka-clients-3.7.1.jar"), "").unwrap();
        let found = |path: &str| version(path, Some(folder.path()));
        assert_eq!(found("/x/y.jar:/opt/kafka_2.13-3.9.2.jar").as_deref(), Some("3.9.2"));
        assert_eq!(found("conf:libs/*").as_deref(), Some("3.7.1"));
        assert_eq!(found("/opt/kafka-clients-3.9.2-test.jar:/none/*"), None);
        for (text, mib) in [("1G", Some(1024)), ("256m", Some(256)), ("1048576", Some(1))] {
            assert_eq!(heap_mib(text), mib, "{text}");
        }
        assert_eq!(heap_mib("x"), None);
        assert_eq!(heap_mib("99999999999999999g"), None);
    }

    #[test]
    fn who_listens_is_told() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap().to_string();
        let Listener::Process(server) = listener(&address) else { panic!("it listens") };
        assert_eq!(server.pid, std::process::id());
        assert_eq!((server.kind, server.cluster), (None, None));
        assert!(server.ours_to_signal);
        drop(held);
        assert_eq!(listener(&address), Listener::Nobody);
        assert_eq!(listener("192.0.2.1:9092"), Listener::Elsewhere);
        assert_eq!(listener("nonsense"), Listener::Elsewhere);
        assert_eq!(listener("localhost:1"), Listener::Nobody);
    }

    #[test]
    fn main_classes_are_whole_words() {
        assert_eq!(kind_of("kafka.Kafka"), Some(ServerKind::Broker));
        assert_eq!(kind_of(ZOOKEEPER_CLASSES[0]), Some(ServerKind::ZooKeeper));
        assert_eq!(kind_of("kafka.KafkaExample"), None);
    }
}
