//! The peer of `cluster start`: the servers of a stopped cluster started as a bare script would,
//! from the same files, and waited for until their ports answer, which is all a script can see.

use crate::run::Failure;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long one server may take to answer, and to end.
const SERVER_MAX: Duration = Duration::from_secs(60);
/// How often a port is tried.
const POLL: Duration = Duration::from_millis(10);
/// How long a connection and an answer to `srvr` may take.
const ANSWER_MAX: Duration = Duration::from_millis(500);

/// What Kafka's own start scripts give its JVMs (kafka-run-class.sh and kafka-server-start.sh of
/// 3.9), here with the heaps of zookeeper-server-start.sh and kafka-server-start.sh.
const SHIPPED: [&str; 7] = [
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];
const SHIPPED_HEAP_ZOOKEEPER: [&str; 2] = ["-Xmx512M", "-Xms512M"];
const SHIPPED_HEAP_BROKER: [&str; 2] = ["-Xmx1G", "-Xms1G"];

/// How the servers are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The flags that kafsh gave them; ZooKeeper, then all brokers at once
    SameFlags,
    /// The flags of Kafka's scripts, each server when the one before answers
    ShippedOneByOne,
}

/// The servers of a stopped cluster.
pub struct Bare {
    java: PathBuf,
    zookeeper: Server,
    brokers: Vec<Server>,
}

struct Server {
    folder: PathBuf,
    options: Vec<String>,
    main: &'static str,
    properties: PathBuf,
    address: SocketAddr,
}

/// Servers that run; ended with this.
struct Running(Vec<Child>);

impl Bare {
    /// Reads what a cluster in `folder` was last started with.
    ///
    /// # Errors
    /// A file is missing, or says no port.
    pub fn of_cluster(folder: &Path, java: &Path) -> Result<Self, Failure> {
        let nodes = folder.join("nodes");
        let zookeeper = Server::read(
            &nodes.join("zookeeper"),
            "zookeeper.properties",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        )?;
        let mut folders: Vec<PathBuf> = std::fs::read_dir(&nodes)
            .map_err(|cause| Failure::new(format!("cannot list `{}`: {cause}", nodes.display())))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.file_name().is_some_and(|name| name != "zookeeper"))
            .collect();
        folders.sort();
        let broker = |folder: &PathBuf| Server::read(folder, "server.properties", "kafka.Kafka");
        let brokers = folders.iter().map(broker).collect::<Result<_, _>>()?;
        Ok(Bare { java: java.to_owned(), zookeeper, brokers })
    }

    /// Starts all, in milliseconds until every port answers; then stops them in order.
    ///
    /// # Errors
    /// One ends or does not answer in time.
    pub fn milliseconds(&self, way: Way) -> Result<f64, Failure> {
        let began = Instant::now();
        let mut zookeeper = Running(vec![self.zookeeper.start(&self.java, way)?]);
        self.zookeeper.await_mode(&mut zookeeper.0[0])?;
        let mut brokers = Running(Vec::new());
        for server in &self.brokers {
            brokers.0.push(server.start(&self.java, way)?);
            if let (Way::ShippedOneByOne, Some(child)) = (way, brokers.0.last_mut()) {
                server.await_port(child)?;
            }
        }
        for (server, child) in self.brokers.iter().zip(&mut brokers.0) {
            server.await_port(child)?;
        }
        let elapsed = began.elapsed().as_secs_f64() * 1000.0;
        // A broker ends in order only while its ZooKeeper is there.
        brokers.stop()?;
        zookeeper.stop()?;
        Ok(elapsed)
    }
}

impl Server {
    fn read(folder: &Path, file: &str, main: &'static str) -> Result<Self, Failure> {
        let text = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|cause| Failure::new(format!("cannot read `{}`: {cause}", path.display())))
        };
        let properties = folder.join("config").join(file);
        let address = address_in(&text(&properties)?)
            .ok_or_else(|| Failure::new(format!("`{}` names no port", properties.display())))?;
        let options = text(&folder.join("config/java.args"))?.lines().map(unquote).collect();
        Ok(Server { folder: folder.to_owned(), options, main, properties, address })
    }

    fn start(&self, java: &Path, way: Way) -> Result<Child, Failure> {
        let mut command = Command::new(java);
        match way {
            Way::SameFlags => command.args(&self.options),
            Way::ShippedOneByOne => {
                let heap = match self.main {
                    "kafka.Kafka" => SHIPPED_HEAP_BROKER,
                    _ => SHIPPED_HEAP_ZOOKEEPER,
                };
                let kept = |option: &&String| option.starts_with("-D");
                command.args(heap).args(SHIPPED).args(self.options.iter().filter(kept));
                command.args(self.options.iter().skip_while(|option| *option != "-cp"))
            }
        };
        command.arg(self.main).arg(&self.properties).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(|cause| Failure::new(format!("cannot start java: {cause}")))
    }

    fn await_port(&self, child: &mut Child) -> Result<(), Failure> {
        self.poll(child, || TcpStream::connect_timeout(&self.address, ANSWER_MAX).is_ok())
    }

    /// ZooKeeper serves once `srvr` shows its mode.
    fn await_mode(&self, child: &mut Child) -> Result<(), Failure> {
        self.poll(child, || {
            let asked = || -> std::io::Result<String> {
                let mut stream = TcpStream::connect_timeout(&self.address, ANSWER_MAX)?;
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                stream.write_all(b"srvr")?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer)?;
                Ok(answer)
            };
            asked().is_ok_and(|answer| answer.contains("Mode:"))
        })
    }

    fn poll(&self, child: &mut Child, mut there: impl FnMut() -> bool) -> Result<(), Failure> {
        let until = Instant::now() + SERVER_MAX;
        while !there() {
            if let Ok(Some(status)) = child.try_wait() {
                let what = self.folder.display();
                let log = std::fs::read_to_string(self.folder.join("logs/server.log"));
                let why = last_error(&log.unwrap_or_default()).map(|line| format!("\n  {line}"));
                return Err(Failure::new(format!(
                    "the server of `{what}` ended with {status}{}",
                    why.unwrap_or_default()
                )));
            }
            if Instant::now() > until {
                return Err(Failure::new(format!("nothing answers on {}", self.address)));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Running {
    fn stop(&mut self) -> Result<(), Failure> {
        for child in &self.0 {
            let _ = crate::measure::kill(child.id());
        }
        let until = Instant::now() + SERVER_MAX;
        for child in &mut self.0 {
            while matches!(child.try_wait(), Ok(None)) {
                if Instant::now() > until {
                    return Err(Failure::new("a server does not end"));
                }
                std::thread::sleep(POLL);
            }
        }
        self.0.clear();
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The last line of a server's log that tells of an error.
fn last_error(log: &str) -> Option<&str> {
    log.lines().rev().find(|line| line.contains("] ERROR ") || line.contains("] FATAL "))
}

/// A line of an argument file without its quotes.
fn unquote(line: &str) -> String {
    let inner = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    inner.replace("\\\"", "\"").replace("\\\\", "\\")
}

/// The address that a server of these properties binds on loopback.
fn address_in(properties: &str) -> Option<SocketAddr> {
    let port = properties.lines().find_map(|line| {
        if let Some(port) = line.strip_prefix("clientPort=") {
            return port.trim().parse::<u16>().ok();
        }
        let first = line.strip_prefix("listeners=")?.split(',').next()?;
        first.rsplit(':').next()?.trim().parse().ok()
    })?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_properties() {
        let address = |text| address_in(text).map(|address| address.port());
        assert_eq!(address("dataDir=/x\nclientPort=2181\n"), Some(2181));
        assert_eq!(address("listeners=IN://127.0.0.1:9091,OUT://0.0.0.0:9191\n"), Some(9091));
        assert_eq!(address("broker.id=1\n"), None);
    }

    #[test]
    fn the_last_error_of_a_log_is_found() {
        let log =
            "[2026-01-01] INFO up\n[2026-01-01] ERROR first\n[2026-01-02] ERROR last\n\tat x\n";
        assert_eq!(last_error(log), Some("[2026-01-02] ERROR last"));
        assert_eq!(last_error("[2026-01-01] INFO no ERROR here\n"), None);
    }

    #[test]
    fn argument_files_are_unquoted() {
        assert_eq!(unquote(r#""-Dx=a b""#), "-Dx=a b");
        assert_eq!(unquote(r#""-Dx=\"a\\b\"""#), r#"-Dx="a\b""#);
        assert_eq!(unquote("-Xmx1G"), "-Xmx1G");
    }
}
