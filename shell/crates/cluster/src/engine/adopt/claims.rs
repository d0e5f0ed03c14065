//! Whether processes, folders and ZooKeeper bear out what the files of an adoption claim.

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{
    DataDirFacts, Listener, NodeFacts, Registration, Server, ServerKind, ZooKeeperFacts,
};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::AdoptedNode;
use crate::engine::Engine;
use crate::spec::PortRegistry;
use crate::spec::adopt::Connect;

const HELP: &str = "help cluster adopt";

/// The server that listens at an address, if it is one of the kind that should.
pub(super) fn server_at(
    listener: Listener,
    address: &str,
    kind: ServerKind,
    what: &str,
) -> Result<Option<Server>> {
    let stranger = |who: &str, cause: &str| {
        let message = format!("`{address}` is not held by {what}");
        Error::refused("not-a-kafka-server", message)
            .with_evidence(format!("held by {who}"))
            .with_cause(cause)
            .with_next(HELP)
    };
    match listener {
        Listener::Nobody => Ok(None),
        Listener::Elsewhere => {
            let message = format!("`{address}` of {what} is no address of this host");
            Err(Error::refused("other-host", message)
                .with_cause("kafsh starts and stops servers of its own host alone")
                .with_next("help cluster attach"))
        }
        Listener::Hidden(who) => {
            Err(stranger(&who, "this user may neither see nor signal it; its owner may adopt it"))
        }
        Listener::Process(server) if server.kind != Some(kind) => {
            let wanted = match kind {
                ServerKind::ZooKeeper => "its main class is not ZooKeeper's",
                ServerKind::Broker => "its main class is not `kafka.Kafka`",
            };
            Err(stranger(&server.description, wanted))
        }
        Listener::Process(server) => match &server.cluster {
            Some(cluster) => Err(managed(what, cluster).with_evidence(server.description.clone())),
            None if !server.ours_to_signal => {
                Err(stranger(&server.description, "it runs as another user, who alone may stop it"))
            }
            None => Ok(Some(server)),
        },
    }
}

/// That a broker runs with the file that was given for it.
pub(super) fn check_file(path: &str, server: Option<&Server>) -> Result<()> {
    let Some((server, file)) = server.and_then(|s| Some((s, s.file.as_ref()?))) else {
        return Ok(());
    };
    if file.path == path {
        return Ok(());
    }
    Err(Error::refused("adoption-mismatch", format!("no broker runs with `{path}`"))
        .with_evidence(format!("its port is held by {}", server.description))
        .with_evidence(format!("that one was started with {}", file.path))
        .with_cause("settings would be taken from a file that is not in force")
        .with_next(HELP))
}

pub(super) fn no_zookeeper_file(connect: &Connect, server: Option<&Server>) -> Error {
    let (address, cause) = (
        connect.address(),
        match server {
            None => "nothing listens there, so no process tells of its file",
            Some(_) => "the process there names no file that can be read",
        },
    );
    let evidence = server.map(|server| server.description.clone());
    let error = Error::usage(
        "zookeeper-file-missing",
        format!("the settings of ZooKeeper at `{address}` are not known"),
    )
    .with_cause(format!("{cause}; name it with `--zookeeper FILE`"))
    .with_next(HELP);
    evidence.into_iter().fold(error, |error, line| error.with_evidence(line))
}

fn managed(what: &str, cluster: &str) -> Error {
    Error::refused("already-managed", format!("{what} belongs to cluster `{cluster}` already"))
        .with_cause("a server has one keeper")
        .with_next(format!("cluster status {cluster}"))
}

fn mismatch(message: String) -> Error {
    Error::refused("adoption-mismatch", message).with_next(HELP)
}

impl Engine {
    /// That no other cluster of this host has a port or folder of these.
    pub(super) fn refuse_managed(&self, spec: &ClusterSpec) -> Result<()> {
        let registry = self.store.keep_ports(PortRegistry::default(), Some(&spec.name))?;
        let listeners = spec.brokers.iter().flat_map(|broker| &broker.listeners);
        let ports = listeners.map(|l| l.port).chain([spec.zookeeper.port]);
        for port in ports {
            if let Some(keeper) = registry.keeper(port) {
                return Err(managed(&format!("port {port}"), keeper.as_str()));
            }
        }
        let own = folders(spec);
        for name in self.store.list()? {
            let Ok(other) = self.store.load_spec(&name) else { continue };
            if let Some(shared) = folders(&other).into_iter().find(|dir| own.contains(dir)) {
                return Err(managed(&format!("`{shared}`"), name.as_str()));
            }
        }
        let inside = |dir: &&String| std::path::Path::new(dir).starts_with(self.store.home());
        match own.iter().find(inside) {
            None => Ok(()),
            Some(dir) => Err(Error::refused(
                "already-managed",
                format!("`{dir}` lies in the folder of kafsh's own clusters"),
            )
            .with_next("cluster list")),
        }
    }

    /// That each process works in the folders of its file, that nobody works in those of a stopped
    /// server, and that ZooKeeper knows the same brokers. What ZooKeeper knows, if it runs.
    pub(super) async fn check_claims(
        &self,
        spec: &ClusterSpec,
        nodes: &[AdoptedNode],
    ) -> Result<Option<ZooKeeperFacts>> {
        let facts = self.node_facts(spec).await?;
        for adopted in nodes {
            let of = facts.iter().find(|facts| facts.node == adopted.node);
            of.map_or(Ok(()), |facts| check_folders(facts, adopted))?;
        }
        let runs = |node: Node| nodes.iter().any(|n| n.node == node && n.pid.is_some());
        if !runs(Node::ZooKeeper) {
            return Ok(None);
        }
        let zookeeper = self.zookeeper_facts(spec).await.map_err(|error| {
            let message = format!("ZooKeeper at {} does not serve", spec.zookeeper_address());
            Error::unavailable("zookeeper-not-serving", message)
                .with_evidence(error.message)
                .with_cause("it alone tells which brokers are the cluster's")
                .with_next(HELP)
        })?;
        for registration in &zookeeper.registrations {
            check_registration(spec, registration, runs(Node::Broker(registration.broker)))?;
        }
        for broker in spec.brokers.iter().filter(|broker| runs(Node::Broker(broker.id))) {
            if !zookeeper.registrations.iter().any(|r| r.broker == broker.id) {
                let message = format!("broker {} runs and is not registered", broker.id);
                return Err(mismatch(message).with_cause(format!(
                    "it is still starting, or belongs to another ZooKeeper than {}",
                    spec.zookeeper_connect()
                )));
            }
        }
        Ok(Some(zookeeper))
    }

    /// That the data of all brokers is of one cluster: ZooKeeper's, where it runs.
    pub(super) async fn check_identities(
        &self,
        spec: &ClusterSpec,
        zookeeper: Option<&ZooKeeperFacts>,
    ) -> Result<Option<String>> {
        let facts = self.node_facts(spec).await?;
        let mut known = zookeeper
            .and_then(|zookeeper| zookeeper.cluster_id.clone())
            .map(|id| (id, "ZooKeeper's `/cluster/id`".to_string()));
        for (node, dir) in facts.iter().flat_map(|f| f.data.iter().map(|dir| (f.node, dir))) {
            if let (Node::Broker(id), Some(stored)) = (node, dir.broker_id)
                && stored != id
            {
                let message = format!("`{}` holds data of broker {stored}", dir.path);
                return Err(mismatch(message).with_evidence(format!("the file says broker {id}")));
            }
            let Some(id) = &dir.cluster_id else { continue };
            match &known {
                Some((own, source)) if own != id => {
                    let message = format!("{node} holds data of another cluster");
                    return Err(Error::failed("cluster-id-mismatch", message)
                        .with_evidence(format!("{}/meta.properties: cluster.id={id}", dir.path))
                        .with_evidence(format!("{own} ({source})"))
                        .with_next(HELP));
                }
                Some(_) => {}
                None => known = Some((id.clone(), format!("{}/meta.properties", dir.path))),
            }
        }
        Ok(known.map(|(id, _)| id))
    }
}

/// Absolute folders that a spec names.
fn folders(spec: &ClusterSpec) -> Vec<String> {
    let of_brokers = spec.brokers.iter().flat_map(|broker| &broker.log_dirs);
    let all = of_brokers.chain(&spec.zookeeper.data_dir).chain(&spec.zookeeper.data_log_dir);
    all.filter(|dir| dir.starts_with('/')).cloned().collect()
}

fn check_folders(facts: &NodeFacts, adopted: &AdoptedNode) -> Result<()> {
    let node = adopted.node;
    let held_by = |dir: &DataDirFacts, pid: u32| {
        let mark = format!("pid {pid} ");
        dir.foreign_lock.as_ref().is_some_and(|holder| holder.starts_with(&mark))
    };
    for dir in &facts.data {
        match (adopted.pid, &dir.foreign_lock) {
            (Some(pid), holder) if !held_by(dir, pid) => {
                let message = format!("{node} (pid {pid}) does not work in `{}`", dir.path);
                let error = mismatch(message)
                    .with_evidence(format!("named by {}", adopted.file))
                    .with_cause("the file was changed after the start, or is another server's");
                return Err(holder.iter().fold(error, |error, holder| {
                    error.with_evidence(format!("in use by {holder}"))
                }));
            }
            (None, Some(holder)) => {
                let message = format!("{node} does not listen, and `{}` is in use", dir.path);
                return Err(mismatch(message)
                    .with_evidence(format!("held by {holder}"))
                    .with_cause("it is still starting, or listens elsewhere than its file says"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_registration(spec: &ClusterSpec, known: &Registration, runs: bool) -> Result<()> {
    let id = known.broker;
    let endpoints = known.endpoints.join(", ");
    let Some(broker) = spec.broker(id) else {
        let message = format!("broker {id} is registered, and no file of it was given");
        return Err(Error::refused("broker-file-missing", message)
            .with_evidence(endpoints)
            .with_cause("half a cluster cannot be stopped and started without harm to the rest")
            .with_next(HELP));
    };
    if !runs {
        let message = format!("broker {id} is registered, and does not listen here");
        return Err(mismatch(message)
            .with_evidence(endpoints)
            .with_cause("it runs on another host, or died within its session's timeout"));
    }
    let ports = || broker.listeners.iter().map(|listener| listener.advertised_port);
    let port_of = |url: &String| url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    match known.endpoints.iter().filter_map(port_of).any(|port: u16| ports().any(|p| p == port)) {
        true => Ok(()),
        false => {
            let named: Vec<String> = ports().map(|port| port.to_string()).collect();
            Err(mismatch(format!("broker {id} is registered at another port"))
                .with_evidence(format!("registered: {endpoints}"))
                .with_evidence(format!("its file: {}", named.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server {
            pid: 7,
            description: "pid 7 java".to_string(),
            kind: Some(ServerKind::Broker),
            ours_to_signal: true,
            ..Server::default()
        }
    }

    #[test]
    fn only_a_server_of_the_kind_that_is_nobodys_is_adopted() {
        let ask = |listener| server_at(listener, "h:1", ServerKind::Broker, "broker 1");
        assert_eq!(ask(Listener::Nobody).unwrap(), None);
        assert_eq!(ask(Listener::Process(server())).unwrap(), Some(server()));
        let code = |listener| ask(listener).unwrap_err().code;
        assert_eq!(code(Listener::Elsewhere), "other-host");
        assert_eq!(code(Listener::Hidden("x".into())), "not-a-kafka-server");
        let zookeeper = Server { kind: Some(ServerKind::ZooKeeper), ..server() };
        assert_eq!(code(Listener::Process(zookeeper)), "not-a-kafka-server");
        let ours = Server { cluster: Some("demo".into()), ..server() };
        assert_eq!(code(Listener::Process(ours)), "already-managed");
        let foreign = Server { ours_to_signal: false, ..server() };
        assert_eq!(code(Listener::Process(foreign)), "not-a-kafka-server");
    }

    #[test]
    fn a_broker_that_runs_with_another_file_is_not_taken_for_this_one() {
        let with = |path: &str| Server {
            file: Some(kafsh_model::snapshot::ServerFile {
                path: path.to_string(),
                properties: Vec::new(),
            }),
            ..server()
        };
        assert!(check_file("/a", None).is_ok() && check_file("/a", Some(&server())).is_ok());
        assert!(check_file("/a", Some(&with("/a"))).is_ok());
        let error = check_file("/a", Some(&with("/b"))).unwrap_err();
        assert_eq!(error.code, "adoption-mismatch");
        assert!(error.evidence[1].contains("/b"), "{error:?}");
    }
}
