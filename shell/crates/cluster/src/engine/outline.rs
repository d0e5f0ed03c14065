//! What `cluster up` says before it begins: one line of what there will be, and of what is in the
//! way, whether it is a cluster that could be adopted.

use std::collections::BTreeSet;

use kafsh_model::keys;
use kafsh_model::plan::{Action, Node, Plan};
use kafsh_model::snapshot::{Listener, PortFacts, PortOwner, ServerKind, Snapshot};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::Engine;
use super::plan::is_authored;

const MIB_PER_GIB: f64 = 1024.0;

/// Most next commands that an error names.
const NEXT_MAX: usize = 3;

/// `plan  1 ZooKeeper :2181 · 3 brokers :9091-9093 · RF 3, min.isr 2 · about 0.9 GB`: replicas as
/// the properties of the brokers will have them, memory of servers that have just started.
pub(super) fn outline(spec: &ClusterSpec, before: &Snapshot, plan: &Plan) -> String {
    let mut ports: Vec<u16> =
        spec.brokers.iter().filter_map(|b| b.listeners.first()).map(|l| l.port).collect();
    ports.sort_unstable();
    let in_a_row = ports.windows(2).all(|pair| pair[1] - pair[0] == 1);
    let ports = match (ports.first(), ports.last()) {
        (Some(first), Some(last)) if in_a_row && first != last => format!(":{first}-{last}"),
        _ => ports.iter().map(|port| format!(":{port}")).collect::<Vec<_>>().join(" "),
    };
    let number = |key| effective(spec, before, plan, key);
    format!(
        "plan  1 ZooKeeper :{} · {} {} {ports} · RF {}, min.isr {} · about {:.1} GB",
        spec.zookeeper.port,
        spec.brokers.len(),
        if spec.brokers.len() == 1 { "broker" } else { "brokers" },
        number("default.replication.factor"),
        number("min.insync.replicas"),
        spec.memory_mib() as f64 / MIB_PER_GIB,
    )
}

/// `step pin: 3 topics get their retention`: what the steps of authors are about to do, where they
/// do anything.
pub(super) fn summaries(plan: &Plan) -> impl Iterator<Item = String> {
    let busy = plan.steps.iter().filter(|step| {
        is_authored(&step.step) && !step.plan.actions.is_empty() && !step.plan.summary.is_empty()
    });
    busy.map(|step| format!("step {}: {}", step.step, step.plan.summary))
}

/// A property as the brokers will have it; where they differ, each value once: `2/3`.
fn effective(spec: &ClusterSpec, before: &Snapshot, plan: &Plan, key: &str) -> String {
    let of = |node: Node| {
        let written = plan.actions().filter_map(|action| match action {
            Action::WriteProperties { node: of, properties } if *of == node => Some(properties),
            _ => None,
        });
        let there = before.node(node).map(|facts| &facts.properties);
        let properties = written.last().or(there);
        let set = properties.and_then(|all| all.iter().find(|(name, _)| name == key));
        let default = keys::broker(key).and_then(|key| key.default).unwrap_or("?");
        set.map_or(default.to_string(), |(_, value)| value.trim().to_string())
    };
    let values: BTreeSet<String> =
        spec.brokers.iter().map(|broker| of(Node::Broker(broker.id))).collect();
    values.into_iter().collect::<Vec<_>>().join("/")
}

impl Engine {
    /// Adds the command that would adopt the brokers which hold a new cluster's ports, where they
    /// tell of their files.
    pub(super) async fn offer_adoption(
        &self,
        spec: &ClusterSpec,
        before: &Snapshot,
        mut error: Error,
    ) -> Error {
        // Who holds them may be gone by now; then there is nothing to offer.
        let files = self.files_of_holders(&before.ports).await.unwrap_or_default();
        if files.is_empty() || self.store.exists(&spec.name) {
            return error;
        }
        let words: Vec<String> = files.iter().map(|path| word(path)).collect();
        error.next.truncate(NEXT_MAX - 1);
        error.next.push(format!("cluster adopt {} {}", spec.name, words.join(" ")));
        error
    }

    async fn files_of_holders(&self, ports: &[PortFacts]) -> Result<Vec<String>> {
        let taken = ports.iter().filter(|facts| {
            matches!((&facts.owner, facts.node), (PortOwner::Foreign { .. }, Node::Broker(_)))
        });
        let addresses: Vec<String> = taken.map(|f| format!("{}:{}", f.bind, f.port)).collect();
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let mut files: Vec<String> = Vec::new();
        for listener in self.runtime.listeners(&addresses).await? {
            if let Listener::Process(server) = listener
                && server.kind == Some(ServerKind::Broker)
                && server.cluster.is_none()
                && let Some(file) = server.file
                && !files.contains(&file.path)
            {
                files.push(file.path);
            }
        }
        Ok(files)
    }
}

/// A path as one word of the shell's language.
fn word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    match path.chars().all(plain) {
        true => path.to_string(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use kafsh_model::ClusterName;
    use kafsh_model::plan::{PlannedStep, StepPlan};

    use super::*;
    use crate::spec::{Brokers, PortRegistry, SpecRequest, build};

    fn spec(brokers: u16) -> ClusterSpec {
        let mut request = SpecRequest::new(ClusterName::new("demo").unwrap());
        request.kafka = Some("3.9.2".to_string());
        request.brokers = Some(Brokers::Count(brokers));
        build(&request, &PortRegistry::default()).unwrap()
    }

    fn writes(pairs: &[(i32, &str, &str)]) -> Plan {
        let actions = pairs.iter().map(|(id, key, value)| Action::WriteProperties {
            node: Node::Broker(*id),
            properties: vec![(key.to_string(), value.to_string())],
        });
        let plan = StepPlan { actions: actions.collect(), ..StepPlan::default() };
        Plan { steps: vec![PlannedStep { step: "broker-layout".to_string(), plan }] }
    }

    #[test]
    fn the_line_says_what_there_will_be() {
        let line = |brokers, plan: &Plan| outline(&spec(brokers), &Snapshot::default(), plan);
        assert_eq!(
            line(3, &Plan::default()),
            "plan  1 ZooKeeper :2181 · 3 brokers :9091-9093 · RF 1, min.isr 1 · about 0.9 GB",
            "Kafka's own defaults where nothing is written"
        );
        let key = "default.replication.factor";
        let asked = writes(&[(1, key, "2"), (2, key, "3")]);
        assert!(line(2, &asked).contains(" :9091-9092 · RF 2/3, min.isr 1 · about 0.6 GB"));
        assert!(line(1, &asked).contains("1 broker :9091 · RF 2, "));
        let mut large = spec(1);
        large.brokers[0].heap_mib = Some(64);
        let line = outline(&large, &Snapshot::default(), &Plan::default());
        assert!(line.ends_with("about 0.1 GB"), "a smaller heap takes less: {line}");
    }

    #[test]
    fn paths_are_one_word() {
        assert_eq!(word("/etc/kafka/server-2.properties"), "/etc/kafka/server-2.properties");
        assert_eq!(word("/a b/it's"), r"'/a b/it'\''s'");
    }
}
