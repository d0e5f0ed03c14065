//! `cluster adopt`: servers that somebody else started become a managed cluster, as they run.
//!
//! Nothing of theirs is changed: not their files, not their data, not their processes. The spec is
//! written last, so an adoption that was cut off has not been.

use std::path::{Component, Path, PathBuf};

use kafsh_model::plan::{Action, Node};
use kafsh_model::snapshot::{Server, ServerFile, ServerKind, ZooKeeperFacts};
use kafsh_model::spec::{ClusterSpec, ListenerSpec, SecurityProtocol};
use kafsh_model::{ClusterName, Error, Result};

use super::Engine;
use crate::spec::adopt::{
    BrokerFile, Connect, ZooKeeperFile, adopted, broker_file, together, zookeeper_file,
};
use crate::spec::validate;

mod claims;

/// The step that writes properties files.
const LAYOUT: &str = "broker-layout";

/// What is to be adopted.
#[derive(Clone, Debug)]
pub struct AdoptRequest {
    pub name: ClusterName,
    /// A `server.properties` for each broker
    pub brokers: Vec<ServerFile>,
    /// `None`: the file that the running ZooKeeper was started with
    pub zookeeper: Option<ServerFile>,
    /// Version of Kafka to start it with; `None`: the one that runs
    pub kafka: Option<String>,
    /// Where neither is known
    pub kafka_default: String,
}

/// What was adopted, or would be.
#[derive(Clone, Debug)]
pub struct AdoptReport {
    pub spec: ClusterSpec,
    /// `None`: nothing has ever run
    pub cluster_id: Option<String>,
    pub nodes: Vec<AdoptedNode>,
    /// What is worth knowing about the servers
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedNode {
    pub node: Node,
    /// `None`: it does not run
    pub pid: Option<u32>,
    /// The file that its settings come from
    pub file: String,
    /// Folders of its data, which stay where they are
    pub data: Vec<String>,
}

/// A file, and the process that was started with it.
struct Found<T> {
    file: T,
    server: Option<Server>,
}

impl Engine {
    /// Takes servers over that were started from `request`'s files. Those that do not run are
    /// adopted as stopped.
    ///
    /// # Errors
    /// `cluster-exists`; `locked`; what [`broker_file`] and its like say of a file; `other-host`,
    /// `not-a-kafka-server`, `already-managed`, `adoption-mismatch`, `broker-file-missing`
    /// (refused); `zookeeper-file-missing`; `cluster-id-mismatch`; `zookeeper-not-serving`. Nothing
    /// is left behind then.
    pub async fn adopt(&self, request: &AdoptRequest, dry_run: bool) -> Result<AdoptReport> {
        let _lock = self.store.lock(&request.name, &self.command)?;
        if self.store.exists(&request.name) {
            let name = &request.name;
            return Err(Error::failed("cluster-exists", format!("`{name}` exists already"))
                .with_next(format!("cluster status {name}"))
                .with_next("help cluster adopt"));
        }
        let files = request.brokers.iter().map(broker_file).collect::<Result<Vec<_>>>()?;
        let connect = together(&files)?;
        let (zookeeper, brokers) = self.cancel.run(self.find(request, &connect, files)).await?;
        let mut notes = notes(&zookeeper, &brokers);
        let nodes = nodes(&zookeeper, &brokers);
        let mut spec = spec_of(request, zookeeper, brokers)?;
        self.refuse_managed(&spec)?;
        let zookeeper = self.cancel.run(self.check_claims(&spec, &nodes)).await?;
        let cluster_id = self.check_identities(&spec, zookeeper.as_ref()).await?;
        // What is missing is told before what does not fit without it.
        let warnings = validate(&spec, None)?;
        notes.extend(warnings.into_iter().map(|finding| finding.message));
        if let Some(zookeeper) = &zookeeper {
            name_as_registered(&mut spec, request, zookeeper);
        }
        if !dry_run {
            self.take_over(&spec, &nodes, cluster_id.as_deref()).await?;
        }
        Ok(AdoptReport { spec, cluster_id, nodes, notes })
    }

    /// The processes behind the files, by the ports they listen at.
    async fn find(
        &self,
        request: &AdoptRequest,
        connect: &Connect,
        files: Vec<BrokerFile>,
    ) -> Result<(Found<ZooKeeperFile>, Vec<Found<BrokerFile>>)> {
        let address = |listener: &ListenerSpec| format!("{}:{}", listener.bind, listener.port);
        let mut addresses = vec![connect.address()];
        addresses.extend(files.iter().filter_map(|file| file.plain().map(address)));
        let mut listeners = self.runtime.listeners(&addresses).await?.into_iter();
        let mut addresses = addresses.into_iter();
        let mut next = |kind: ServerKind, what: &str| {
            let (Some(listener), Some(address)) = (listeners.next(), addresses.next()) else {
                return Err(Error::bug("the runtime left out an address"));
            };
            claims::server_at(listener, &address, kind, what)
        };
        let server = next(ServerKind::ZooKeeper, "ZooKeeper")?;
        let found = match (&request.zookeeper, server.as_ref().and_then(|s| s.file.as_ref())) {
            (Some(given), _) => given,
            (None, Some(own)) => own,
            (None, None) => return Err(claims::no_zookeeper_file(connect, server.as_ref())),
        };
        let mut zookeeper = Found { file: zookeeper_file(found)?, server };
        if zookeeper.file.port != connect.port {
            let message = format!("`{}` is of another ZooKeeper", zookeeper.file.path);
            return Err(Error::refused("adoption-mismatch", message)
                .with_evidence(format!("clientPort={}", zookeeper.file.port))
                .with_evidence(format!("zookeeper.connect={}", connect.address()))
                .with_next("help cluster adopt"));
        }
        let path = zookeeper.file.path.clone();
        let resolve = |dir: &mut String| absolute(dir, zookeeper.server.as_ref(), &path);
        resolve(&mut zookeeper.file.data_dir)?;
        zookeeper.file.data_log_dir.as_mut().map(resolve).transpose()?;
        let mut brokers = Vec::new();
        for mut file in files {
            let server = next(ServerKind::Broker, &format!("the broker of `{}`", file.path))?;
            claims::check_file(&file.path, server.as_ref())?;
            let path = file.path.clone();
            file.log_dirs.iter_mut().try_for_each(|dir| absolute(dir, server.as_ref(), &path))?;
            brokers.push(Found { file, server });
        }
        Ok((zookeeper, brokers))
    }

    /// Writes everything that a managed cluster has, the spec last.
    async fn take_over(
        &self,
        spec: &ClusterSpec,
        nodes: &[AdoptedNode],
        cluster_id: Option<&str>,
    ) -> Result<()> {
        let saved = match self.record(spec, nodes).await {
            Ok(()) => self.store.save_spec(spec),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            for node in spec.nodes() {
                // What was not recorded yet is not there to be taken back.
                let _ = self.runtime.adopt(spec, node, None).await;
            }
            return Err(match self.runtime.destroy(spec, false).await {
                Ok(()) => error.with_evidence("nothing was adopted"),
                Err(left) => error.with_evidence(format!("left: {}", left.message)),
            });
        }
        cluster_id.map_or(Ok(()), |id| self.store.set_cluster_id(&spec.name, id))
    }

    async fn record(&self, spec: &ClusterSpec, nodes: &[AdoptedNode]) -> Result<()> {
        for node in spec.nodes() {
            self.runtime.create_directories(spec, node).await?;
        }
        let mut layout = spec.clone();
        layout.steps = vec![LAYOUT.to_string()];
        let snapshot = self.cancel.run(self.observe(spec)).await?;
        for action in self.plan(&layout, &snapshot).await?.actions() {
            if let Action::WriteProperties { node, properties } = action {
                self.runtime.write_properties(spec, *node, properties).await?;
            }
        }
        self.cancel.check()?;
        for adopted in nodes {
            self.runtime.adopt(spec, adopted.node, adopted.pid).await?;
        }
        Ok(())
    }
}

fn spec_of(
    request: &AdoptRequest,
    zookeeper: Found<ZooKeeperFile>,
    brokers: Vec<Found<BrokerFile>>,
) -> Result<ClusterSpec> {
    let runs = brokers.iter().filter_map(|found| found.server.as_ref());
    let running = runs.clone().find_map(|server| server.kafka.clone());
    let kafka = request.kafka.clone().or(running).unwrap_or(request.kafka_default.clone());
    let heap = |server: &Option<Server>| server.as_ref().and_then(|server| server.heap_mib);
    let heaps: Vec<Option<u32>> = brokers.iter().map(|found| heap(&found.server)).collect();
    let zookeeper_heap = heap(&zookeeper.server);
    let files = brokers.into_iter().map(|found| found.file).collect();
    let mut spec = adopted(request.name.clone(), kafka, zookeeper.file, files)?;
    spec.zookeeper.heap_mib = zookeeper_heap;
    for (broker, heap) in spec.brokers.iter_mut().zip(heaps) {
        broker.heap_mib = heap;
    }
    Ok(spec)
}

fn nodes(zookeeper: &Found<ZooKeeperFile>, brokers: &[Found<BrokerFile>]) -> Vec<AdoptedNode> {
    let pid = |server: &Option<Server>| server.as_ref().map(|server| server.pid);
    let file = &zookeeper.file;
    let data = std::iter::once(&file.data_dir).chain(&file.data_log_dir);
    let first = AdoptedNode {
        node: Node::ZooKeeper,
        pid: pid(&zookeeper.server),
        file: file.path.clone(),
        data: data.cloned().collect(),
    };
    let rest = brokers.iter().filter_map(|found| {
        Some(AdoptedNode {
            node: Node::Broker(found.file.id?),
            pid: pid(&found.server),
            file: found.file.path.clone(),
            data: found.file.log_dirs.clone(),
        })
    });
    std::iter::once(first).chain(rest).collect()
}

fn notes(zookeeper: &Found<ZooKeeperFile>, brokers: &[Found<BrokerFile>]) -> Vec<String> {
    let mut notes = Vec::new();
    for found in brokers {
        let secure = found.file.listeners.iter();
        for listener in secure.filter(|l| l.protocol != SecurityProtocol::Plaintext) {
            let (name, protocol) = (&listener.name, listener.protocol.name());
            notes.push(format!(
                "listener `{name}` ({protocol}) of `{}` is kept; kafsh itself asks over plaintext",
                found.file.path
            ));
        }
    }
    let servers = brokers.iter().map(|found| &found.server).chain([&zookeeper.server]);
    if servers.flatten().next().is_some() {
        notes.push(
            "files and data stay as they are; servers that kafsh starts later have its own \
             options of the JVM, and log to the cluster's folder"
                .to_string(),
        );
    }
    notes
}

/// What Kafka itself calls this host, where its file does not say.
fn name_as_registered(spec: &mut ClusterSpec, request: &AdoptRequest, zookeeper: &ZooKeeperFacts) {
    let itself = request.brokers.iter().filter_map(|file| broker_file(file).ok());
    let itself: Vec<BrokerFile> = itself.filter(|file| file.names_itself).collect();
    for broker in &mut spec.brokers {
        let known = zookeeper.registrations.iter().find(|r| r.broker == broker.id);
        let (Some(registration), true) =
            (known, itself.iter().any(|file| file.id == Some(broker.id)))
        else {
            continue;
        };
        for listener in &mut broker.listeners {
            let head = format!("{}://", listener.name);
            let told = registration.endpoints.iter().find_map(|url| url.strip_prefix(&head));
            if let Some((host, _)) = told.and_then(|address| address.rsplit_once(':')) {
                listener.advertised_host = host.to_string();
            }
        }
    }
}

/// A folder as its server sees it, without `.` and doubled slashes.
fn absolute(dir: &mut String, server: Option<&Server>, file: &str) -> Result<()> {
    let path = match (dir.starts_with('/'), server.and_then(|server| server.directory.as_ref())) {
        (true, _) => PathBuf::from(&*dir),
        (false, Some(directory)) => Path::new(directory).join(&*dir),
        (false, None) => {
            let message = format!("`{file}` names the folder `{dir}`, which is not absolute");
            return Err(Error::usage("bad-log-dir", message)
                .with_cause("it depends on where its server was started, and that does not run")
                .with_next("help cluster adopt"));
        }
    };
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    *dir = plain.display().to_string();
    Ok(())
}
