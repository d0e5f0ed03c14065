//! Consumer groups: who is in them, who reads what, and what is committed.

use std::collections::{BTreeMap, BTreeSet};

use kafsh_model::group::{CommittedOffset, GroupDescription, GroupListing, GroupMember};
use kafsh_model::port::BrokerGroups;
use kafsh_model::topic::{BrokerView, TopicPartition};
use kafsh_model::{BrokerId, Error, Result};

use crate::cluster::Cluster;
use crate::defaults::static_value;
use crate::kafka_error::Kafka;
use crate::placement::assign;
use crate::world::{Contact, World};

/// Where Kafka keeps what groups commit.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Kafka's defaults of `offsets.topic.num.partitions` and `offsets.topic.replication.factor`.
const OFFSETS_PARTITIONS: usize = 50;
const OFFSETS_FACTOR: usize = 3;

/// What listing is called in errors.
pub(crate) const LISTING: &str = "list groups";

const ASSIGNOR: &str = "range";

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    topics: Vec<String>,
    pub(crate) assignment: Vec<TopicPartition>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// In the order of joining
    members: Vec<Member>,
    /// Goes up with every rebalance
    pub(crate) generation: u64,
    committed: BTreeMap<TopicPartition, i64>,
}

impl Group {
    fn state(&self) -> &'static str {
        if self.members.is_empty() { "Empty" } else { "Stable" }
    }

    pub(crate) fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(crate) fn committed(&self, at: &TopicPartition) -> Option<i64> {
        self.committed.get(at).copied()
    }
}

impl Cluster {
    pub(crate) fn join(&mut self, group: &str, id: String, topics: &[String]) {
        let member = Member { id, topics: topics.to_vec(), assignment: Vec::new() };
        self.groups.entry(group.to_string()).or_default().members.push(member);
        self.rebalance(group);
    }

    pub(crate) fn leave(&mut self, group: &str, id: &str) {
        let Some(found) = self.groups.get_mut(group) else { return };
        found.members.retain(|member| member.id != id);
        self.rebalance(group);
    }

    pub(crate) fn commit(&mut self, group: &str, offsets: &BTreeMap<TopicPartition, i64>) {
        if let Some(found) = self.groups.get_mut(group) {
            found.committed.extend(offsets.iter().map(|(at, offset)| (at.clone(), *offset)));
        }
    }

    /// The range assignor: of each topic the partitions in order, the first members one more.
    fn rebalance(&mut self, group: &str) {
        let Some(found) = self.groups.get_mut(group) else { return };
        found.generation += 1;
        let topics: BTreeSet<String> =
            found.members.iter().flat_map(|member| member.topics.iter().cloned()).collect();
        for member in &mut found.members {
            member.assignment.clear();
        }
        for topic in topics {
            let count = self.topics.get(&topic).map_or(0, |topic| topic.partitions.len());
            let mut readers: Vec<&mut Member> =
                found.members.iter_mut().filter(|m| m.topics.contains(&topic)).collect();
            let (share, more) = (count / readers.len().max(1), count % readers.len().max(1));
            let mut next = 0;
            for (index, reader) in readers.iter_mut().enumerate() {
                let own = share + usize::from(index < more);
                let place = |partition: usize| TopicPartition {
                    topic: topic.clone(),
                    partition: i32::try_from(partition).unwrap_or(i32::MAX),
                };
                reader.assignment.extend((next..next + own).map(place));
                next += own;
            }
        }
    }

    /// A topic has more partitions than before.
    pub(crate) fn rebalance_readers_of(&mut self, topic: &str) {
        let reads = |group: &&Group| {
            group.members.iter().any(|member| member.topics.iter().any(|name| name == topic))
        };
        let names: Vec<String> =
            self.groups.iter().filter(|(_, group)| reads(group)).map(|(n, _)| n.clone()).collect();
        for name in names {
            self.rebalance(&name);
        }
    }

    /// What was committed of a deleted topic goes with it; so does a group that has no more.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.rebalance_readers_of(topic);
        self.groups.retain(|_, group| {
            let before = group.committed.len();
            group.committed.retain(|at, _| at.topic != topic);
            let emptied = before > 0 && group.committed.is_empty();
            !(emptied && group.members.is_empty())
        });
    }

    /// Members have to find their coordinators again: nothing that a group in memory would notice,
    /// unless nobody is left to coordinate.
    pub(crate) fn drop_coordination(&mut self) {
        if self.brokers.is_empty() {
            for group in self.groups.values_mut() {
                group.members.clear();
                group.generation += 1;
            }
        }
    }
}

/// `String.hashCode` of Java, over UTF-16.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

impl World {
    /// The broker that coordinates a group: the leader of its partition of the offsets topic,
    /// which the first question about a group makes.
    ///
    /// # Errors
    /// `coordinator-not-available`.
    pub(crate) fn coordinator(
        &mut self,
        contact: &Contact,
        group: &str,
        doing: &str,
    ) -> Result<BrokerId> {
        let unavailable = |said: &str| {
            Err(Kafka::CoordinatorNotAvailable.error(format!("cannot {doing}"), group, said))
        };
        let cluster = self.cluster_of(contact)?;
        if !cluster.topics.contains_key(OFFSETS_TOPIC) {
            let fixed = self.servers.get(&contact.key).map_or(&[][..], |server| &server.in_force);
            let number = |key, default| {
                let value = static_value(fixed, key).and_then(|value| value.trim().parse().ok());
                value.unwrap_or(default)
            };
            let factor = number("offsets.topic.replication.factor", OFFSETS_FACTOR);
            let count = number("offsets.topic.num.partitions", OFFSETS_PARTITIONS);
            let brokers = cluster.broker_ids();
            if brokers.len() < factor {
                return unavailable("");
            }
            let placed = assign(&brokers, 0, count, factor, cluster.topics_made);
            let configs = [
                ("cleanup.policy", "compact"),
                ("compression.type", "producer"),
                ("segment.bytes", "104857600"),
            ];
            let configs = configs.map(|(k, v)| (k.to_string(), v.to_string())).into();
            self.add_topic(&contact.home, OFFSETS_TOPIC, placed, configs, true);
        }
        let cluster = self.cluster_of(contact)?;
        let Some(topic) = cluster.topics.get(OFFSETS_TOPIC) else { return unavailable("") };
        let partition = (java_hash(group) & i32::MAX) as usize % topic.partitions.len().max(1);
        let leader = topic.partitions.get(partition).and_then(|partition| partition.leader);
        match leader.filter(|id| self.live(cluster, *id).is_some()) {
            Some(leader) => Ok(leader),
            None => unavailable(""),
        }
    }

    pub(crate) fn list_groups(&mut self, contact: &Contact) -> Result<Vec<BrokerGroups>> {
        let names: Vec<String> = self.cluster_of(contact)?.groups.keys().cloned().collect();
        let mut coordinated: BTreeMap<BrokerId, Vec<GroupListing>> = BTreeMap::new();
        for name in names {
            // Where nobody coordinates it, nobody lists it.
            let Ok(coordinator) = self.coordinator(contact, &name, LISTING) else { continue };
            let Some(group) = self.cluster_of(contact)?.groups.get(&name) else { continue };
            coordinated.entry(coordinator).or_default().push(GroupListing {
                protocol_type: "consumer".to_string(),
                state: Some(group.state().to_string()),
                group: name,
            });
        }
        let cluster = self.cluster_of(contact)?;
        let mut one = |broker: &BrokerView| match self.live(cluster, broker.id) {
            Some(_) => (broker.id, Ok(coordinated.remove(&broker.id).unwrap_or_default())),
            None => {
                let address = format!("{}:{}", broker.host, broker.port);
                (broker.id, Err(self.silence(&address).error(LISTING, &address)))
            }
        };
        Ok(self.view(contact)?.brokers.iter().map(&mut one).collect())
    }

    pub(crate) fn describe_group(
        &mut self,
        contact: &Contact,
        name: &str,
    ) -> Result<GroupDescription> {
        let coordinator = self.coordinator(contact, name, "describe a group")?;
        let Some(group) = self.cluster_of(contact)?.groups.get(name) else {
            return Err(Kafka::GroupIdNotFound.error(format!("no group `{name}`"), name, ""));
        };
        let members = group.members.iter().map(|member| GroupMember {
            member_id: member.id.clone(),
            client_id: "rehearsal".to_string(),
            client_host: "/127.0.0.1".to_string(),
            assignment: member.assignment.clone(),
        });
        let stable = !group.members.is_empty();
        Ok(GroupDescription {
            group: name.to_string(),
            state: group.state().to_string(),
            protocol_type: "consumer".to_string(),
            protocol: if stable { ASSIGNOR.to_string() } else { String::new() },
            coordinator: Some(coordinator),
            members: members.collect(),
        })
    }

    pub(crate) fn committed_offsets(
        &mut self,
        contact: &Contact,
        name: &str,
    ) -> Result<Vec<CommittedOffset>> {
        self.coordinator(contact, name, "read committed offsets")?;
        let Some(group) = self.cluster_of(contact)?.groups.get(name) else { return Ok(Vec::new()) };
        let offset = |(at, offset): (&TopicPartition, &i64)| CommittedOffset {
            topic: at.topic.clone(),
            partition: at.partition,
            offset: *offset,
            metadata: None,
        };
        Ok(group.committed.iter().map(offset).collect())
    }

    /// # Errors
    /// `rebalance` where the group does not know the member any more.
    pub(crate) fn check_member(&self, contact: &Contact, group: &str, member: &str) -> Result<()> {
        let found = self.cluster_of(contact)?.groups.get(group);
        if found.is_some_and(|found| found.member(member).is_some()) {
            return Ok(());
        }
        let what = format!("cannot commit the offsets of group `{group}`");
        Err(Error::failed("rebalance", what)
            .with_evidence("Kafka: UNKNOWN_MEMBER_ID")
            .with_cause("the group no longer knows this member")
            .with_next(format!("group describe {group}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_placed_by_javas_hash() {
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash(""), 0);
        // Famous for its hash.
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }
}
