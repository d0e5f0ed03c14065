//! The ZooKeeper port: four-letter words and znodes.

use std::time::Duration;

use kafsh_model::port::{BoxFuture, ZnodeData, ZooKeeper, ZooKeeperStatus};
use kafsh_model::{Error, Result};

use crate::Rehearsal;
use crate::cluster::{Registration, ZooKeeperData};
use crate::defaults::static_value;
use crate::tree::{Tree, check_path};
use crate::world::{Key, World};

/// The ZooKeeper that Kafka 3.9 ships.
const VERSION: &str = "3.8.4";
const BUILD: &str = "9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC";

/// Words that are answered where the whitelist allows them.
const WORDS: [&str; 7] = ["srvr", "stat", "ruok", "mntr", "conf", "wchs", "cons"];

/// `zookeeper.session.timeout.ms` of Kafka, in ms.
const SESSION_TIMEOUT_MS: u32 = 18_000;

/// Where clients come from, each from a port of its own.
const FIRST_CLIENT_PORT: u16 = 40_001;

pub(crate) struct MemoryZooKeeper {
    rehearsal: Rehearsal,
    address: String,
}

impl MemoryZooKeeper {
    pub(crate) fn new(rehearsal: &Rehearsal, address: &str) -> Self {
        MemoryZooKeeper { rehearsal: rehearsal.clone(), address: address.to_string() }
    }

    fn read<'a, T: Send + 'a>(
        &'a self,
        path: &'a str,
        work: impl FnOnce(&Tree) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        self.rehearsal.look(move |world| {
            check_path(path)?;
            let (_, data) = world.serving(&self.address)?;
            work(&data.tree)
        })
    }

    fn write<'a>(
        &'a self,
        path: &'a str,
        work: impl FnOnce(&mut Tree) -> Result<()> + Send + 'a,
    ) -> BoxFuture<'a, Result<()>> {
        self.rehearsal.later(move |world| {
            check_path(path)?;
            let key = world.serving(&self.address)?.0.clone();
            let data = world.servers.get_mut(&key).and_then(|server| server.zookeeper.as_mut());
            data.map_or_else(|| Err(Error::bug("a ZooKeeper is gone")), |data| work(&mut data.tree))
        })
    }
}

impl ZooKeeperData {
    /// The brokers whose sessions are kept alive, and who asks.
    fn connections(&self) -> String {
        let brokers = self.clusters.values().flat_map(|cluster| cluster.brokers.values());
        let connected = brokers.filter(|broker| broker.expires.is_none());
        let line = |(broker, port): (&Registration, u16)| {
            let (sid, since) = (broker.session, broker.since_ms);
            format!(
                " /127.0.0.1:{port}[1](queued=0,recved=1,sent=1,sid={sid:#x},lop=PING,est={since},\
                 to={SESSION_TIMEOUT_MS},lcxid=0x1,lzxid={},lresp=1,llat=0,minlat=0,avglat=0,\
                 maxlat=0)\n",
                self.tree.zxid()
            )
        };
        let lines = connected.zip(FIRST_CLIENT_PORT..).map(line).collect::<String>();
        format!("{lines} /127.0.0.1:{}[0](queued=0,recved=1,sent=0)\n\n", FIRST_CLIENT_PORT - 1)
    }
}

impl World {
    /// The ZooKeeper that serves at an address.
    fn serving(&self, address: &str) -> Result<(&Key, &ZooKeeperData)> {
        let unavailable = |message: String, evidence: &str, cause: &str, next: &str| {
            Error::unavailable("unavailable", message)
                .with_evidence(format!("{address}: {evidence}"))
                .with_cause(cause)
                .with_next("zookeeper status")
                .with_next(next.to_string())
        };
        let Some((key, server, _)) = self.at(address) else {
            return Err(unavailable(
                format!("nothing listens at `{address}`"),
                "Connection refused (os error 111)",
                "ZooKeeper is down, or still starting",
                "cluster status",
            ));
        };
        match &server.zookeeper {
            Some(data) if server.process.answers() => Ok((key, data)),
            _ => Err(unavailable(
                format!("the ZooKeeper at `{address}` is silent"),
                "no answer in time",
                "it is starting, paused, or something else listens there",
                "cluster doctor",
            )),
        }
    }

    fn zookeeper_status(&self, address: &str) -> Result<ZooKeeperStatus> {
        let (_, data) = self.serving(address)?;
        let sessions: usize = data.clusters.values().map(|cluster| cluster.brokers.len()).sum();
        Ok(ZooKeeperStatus {
            version: VERSION.to_string(),
            mode: "standalone".to_string(),
            zxid: data.tree.zxid(),
            znodes: data.tree.len() as u64,
            // Who asks is one, too.
            connections: sessions as u64 + 1,
            outstanding: 0,
            latency_ms: (0.0, 0.0, 0.0),
        })
    }

    fn answer(&self, address: &str, word: &str) -> Result<String> {
        if word.len() != 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(Error::usage("bad-word", format!("`{}` is no word", word.escape_debug()))
                .with_cause(
                    "ZooKeeper's words have four letters, such as `srvr`, `conf`, `cons`",
                ));
        }
        let status = self.zookeeper_status(address)?;
        let (key, data) = self.serving(address)?;
        let fixed = self.servers.get(key).map_or(&[][..], |server| &server.in_force);
        let allowed = static_value(fixed, "4lw.commands.whitelist").unwrap_or("srvr");
        let is_allowed = |known: &str| matches!(known.trim(), "*") || known.trim() == word;
        if !allowed.split(',').any(is_allowed) {
            return Ok(format!("{word} is not executed because it is not in the whitelist.\n"));
        }
        if !WORDS.contains(&word) {
            return Ok(String::new());
        }
        let connections = status.connections;
        Ok(match word {
            "ruok" => "imok".to_string(),
            "mntr" => format!(
                "zk_version\t{VERSION}-{BUILD}\nzk_server_state\t{}\n\
                 zk_num_alive_connections\t{connections}\nzk_znode_count\t{}\n",
                status.mode,
                data.tree.len()
            ),
            "conf" => fixed.iter().map(|(key, value)| format!("{key}={value}\n")).collect(),
            "cons" => data.connections(),
            "wchs" => format!("{connections} connections watching 0 paths\nTotal watches:0\n"),
            _ => format!(
                "Zookeeper version: {VERSION}-{BUILD}\nLatency min/avg/max: 0/0.0/0\nReceived: 1\n\
                 Sent: 0\nConnections: {connections}\nOutstanding: 0\nZxid: {}\nMode: {}\n\
                 Node count: {}\n",
                status.zxid,
                status.mode,
                data.tree.len()
            ),
        })
    }
}

impl ZooKeeper for MemoryZooKeeper {
    /// A silent server is told at once: a rehearsal keeps nobody waiting.
    fn status(&self, _timeout: Duration) -> BoxFuture<'_, Result<ZooKeeperStatus>> {
        self.rehearsal.look(move |world| world.zookeeper_status(&self.address))
    }

    fn four_letter<'a>(
        &'a self,
        word: &'a str,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<String>> {
        self.rehearsal.look(move |world| world.answer(&self.address, word))
    }

    fn get<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<ZnodeData>> {
        self.read(path, move |tree| tree.get(path))
    }

    fn children<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.read(path, move |tree| tree.children(path))
    }

    fn create<'a>(&'a self, path: &'a str, data: &'a [u8]) -> BoxFuture<'a, Result<()>> {
        self.write(path, move |tree| tree.create(path, data))
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        self.write(path, move |tree| tree.delete(path))
    }
}
