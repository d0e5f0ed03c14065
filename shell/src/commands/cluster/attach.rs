//! `cluster attach CLUSTER --bootstrap HOST:PORT`: gives a name to a cluster that is not ours.

use std::collections::BTreeMap;

use kafsh_cluster::store::Attached;
use kafsh_model::port::Target;
use kafsh_model::{ClusterName, Error, Result};
use serde_json::json;

use super::common::DRY_RUN;
use crate::call::{CALL_DEADLINE, Call};
use crate::config::client_properties;
use crate::context::check_identity;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind};

const FIELDS: &[Column] = &[
    column("name", "attached"),
    column("cluster_id", "cluster id"),
    column("brokers", "brokers"),
    column("access", "access"),
    column("next", "next"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "attach"],
    summary: "give a name to a cluster that kafsh did not make",
    detail: "It is asked once, and its cluster id is kept: if another cluster answers at the same \
             address later, `cluster status` says so, and nothing there is changed. Read-only \
             unless --writable: commands that would change something are refused. A name that is \
             attached already keeps its address and settings where --bootstrap is left out. Its \
             servers cannot be started or stopped from here. Connections are plaintext.",
    args: &[ArgSpec {
        name: "cluster",
        kind: Kind::Cluster,
        arity: Arity::One,
        help: "the name it gets here",
    }],
    flags: &[
        FlagSpec::value("bootstrap", "HOST:PORT", Kind::Bootstrap, "first contact, one or more")
            .short('B')
            .alias(&["bootstrap-server", "broker-list"]),
        FlagSpec::value("zookeeper", "HOST:PORT", Kind::Text, "its ZooKeeper: host:port/chroot"),
        FlagSpec::switch("writable", "allow commands that change something"),
        FlagSpec::value("client", "KEY=VALUE", Kind::KeyValue, "a property of the client library")
            .short('X')
            .repeated(),
        FlagSpec::value("command-config", "FILE", Kind::Path, "client properties from a file"),
        FlagSpec::value("deadline", "DURATION", Kind::Duration, "bound on the probe (default 10s)"),
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[
        Example {
            line: "cluster attach other --bootstrap 127.0.0.1:9091",
            about: "to look, not to touch",
        },
        Example {
            line: "cluster attach other -B 127.0.0.1:9091 --zookeeper 127.0.0.1:2181 --writable",
            about: "to work on it",
        },
        Example {
            line: "cluster attach other -B 127.0.0.1:9091; cluster attach other --writable",
            about: "to work on it after all",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = ClusterName::new(call.args.text("cluster")?)?;
    let mut attached = wanted(&call, &name)?;
    let target = Target {
        bootstrap: attached.bootstrap.clone(),
        zookeeper: None,
        client: attached.client.clone().into_iter().collect(),
        timeout: call.args.opt_duration("deadline")?.unwrap_or(CALL_DEADLINE),
    };
    let view = call.context.admin(&target)?.cluster().await?;
    // An id is kept only from a record that goes on: who names the address means what is there.
    check_identity(&attached, &view)?;
    attached.cluster_id = view.cluster_id.clone().or(attached.cluster_id);
    let mut ids: Vec<_> = view.brokers.iter().map(|broker| broker.id).collect();
    ids.sort_unstable();
    let value = json!({
        "name": name.to_string(),
        "cluster_id": view.cluster_id,
        "controller": view.controller,
        "brokers": ids,
        "access": if attached.read_only { "read-only" } else { "writable" },
        "next": format!("@{name} topic list"),
    });
    if !call.args.switch("dry-run") {
        call.context.store.attach(attached)?;
    }
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[] }))
}

/// The record as it is to be: a new one, or the one there is with what the flags say.
fn wanted(call: &Call, name: &ClusterName) -> Result<Attached> {
    let args = &call.args;
    let old = match args.opt_text("bootstrap") {
        Some(bootstrap) => Attached {
            name: name.clone(),
            bootstrap: bootstrap.split(',').map(String::from).collect(),
            zookeeper: None,
            read_only: true,
            cluster_id: None,
            client: BTreeMap::new(),
        },
        None => call.context.store.attached_cluster(name)?.ok_or_else(|| {
            Error::usage("missing-argument", "`--bootstrap` is missing")
                .with_cause(format!("`{name}` is not attached yet"))
                .with_next(format!("cluster attach {name} --bootstrap host:9092"))
        })?,
    };
    let zookeeper = args.opt_text("zookeeper");
    if let Some(address) = &zookeeper {
        check_zookeeper(address)?;
    }
    Ok(merged(old, zookeeper, client_properties(args)?, args.switch("writable")))
}

/// What is not named stays; access is as it is asked for this time.
fn merged(
    old: Attached,
    zookeeper: Option<String>,
    client: Vec<(String, String)>,
    writable: bool,
) -> Attached {
    let mut attached = Attached { read_only: !writable, ..old };
    attached.zookeeper = zookeeper.or(attached.zookeeper);
    attached.client.extend(client);
    attached
}

/// `host:port`, `host:port/chroot`.
fn check_zookeeper(address: &str) -> Result<()> {
    let host = address.split('/').next().unwrap_or_default();
    let good = host.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if good {
        return Ok(());
    }
    Err(Error::usage("bad-value", format!("`{address}` is no address of ZooKeeper"))
        .with_cause("it is `host:port`, with Kafka's chroot behind it where there is one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let old = Attached {
            name: ClusterName::new("prod").unwrap(),
            bootstrap: vec!["h:9092".to_string()],
            zookeeper: Some("h:2181/kafka".to_string()),
            read_only: true,
            cluster_id: Some("id".to_string()),
            client: BTreeMap::from([("client.id".to_string(), "me".to_string())]),
        };
        let writable = merged(old.clone(), None, Vec::new(), true);
        assert_eq!(writable, Attached { read_only: false, ..old.clone() });
        assert_eq!(merged(writable, None, Vec::new(), false), old, "read-only unless asked for");
        let more = vec![("client.id".to_string(), "you".to_string())];
        let changed = merged(old.clone(), Some("z:2181".to_string()), more, false);
        assert_eq!(changed.zookeeper.as_deref(), Some("z:2181"));
        assert_eq!(changed.client["client.id"], "you");
        assert_eq!((changed.bootstrap, changed.cluster_id), (old.bootstrap, old.cluster_id));
    }

    #[test]
    fn an_address_of_zookeeper_has_a_port() {
        for good in ["h:2181", "127.0.0.1:2181/kafka", "h:2181/"] {
            assert!(check_zookeeper(good).is_ok(), "{good}");
        }
        for bad in ["h", ":2181", "h:", "h:0", "h:x/kafka", ""] {
            assert!(check_zookeeper(bad).is_err(), "{bad}");
        }
    }
}
