//! Consumer groups: listed from every broker, described by their coordinator.

use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::consumer_group_describe_response as next_generation;
use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DescribeGroupsRequest, GroupId,
    ListGroupsRequest, ListGroupsResponse, OffsetFetchRequest, OffsetFetchResponse,
    list_groups_response,
};
use kafka_protocol::protocol::{Decodable, Message};
use kafsh_model::group::{CommittedOffset, GroupDescription, GroupListing, GroupMember};
use kafsh_model::port::BrokerGroups;
use kafsh_model::topic::TopicPartition;
use kafsh_model::{BrokerId, Error, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{KafkaAdmin, text};
use crate::kafka_error::{GROUP_ID_NOT_FOUND, kafka_error};
use crate::wire::client::Repeat;
use crate::wire::fault::Fault;

const LISTING: &str = "list groups";

/// The part of a call's time for which the coordinator of a group may be silent or on the move.
const COORDINATOR_PART: u32 = 2;

/// State that a coordinator reports of a group it does not know (before Kafka 4.0 it is no error).
const DEAD: &str = "Dead";

impl KafkaAdmin {
    pub(super) async fn groups(&self, timeout: Duration) -> Result<Vec<BrokerGroups>> {
        // As for log folders: who asks for so little time gives up waiting, not the connection.
        let deadline = self.client.deadline();
        let soon = deadline.min(Instant::now() + timeout);
        let silent = move |address: &str| {
            let what = "ListGroups".into();
            Fault::Silent { what, waited: timeout }.error(LISTING, address)
        };
        let brokers = timeout_at(soon, self.client.brokers(LISTING, deadline)).await;
        let brokers = brokers.unwrap_or_else(|_| Err(silent("any broker")))?;
        let mut tasks = JoinSet::new();
        // Each coordinator lists its own groups.
        for (broker, address) in brokers {
            let client = self.client.clone();
            tasks.spawn(async move {
                let ask = |_| ListGroupsRequest::default();
                let asked = client.call_broker(LISTING, broker, ask, Repeat::Safe, deadline);
                let asked = timeout_at(soon, asked).await.unwrap_or_else(|_| Err(silent(&address)));
                (broker, asked.and_then(|response| listed(&response)))
            });
        }
        let mut all = Vec::new();
        while let Some(joined) = tasks.join_next().await {
            all.push(joined.map_err(|e| Error::bug(format!("a task of ours failed: {e}")))?);
        }
        all.sort_by_key(|(broker, _)| *broker);
        Ok(all)
    }

    /// When a coordinator that is silent is given up: others than it know nothing of its groups.
    fn coordinator_deadline(&self) -> Instant {
        let now = Instant::now();
        now + self.client.deadline().saturating_duration_since(now) / COORDINATOR_PART
    }

    pub(crate) async fn group(&self, group: &str) -> Result<GroupDescription> {
        let deadline = self.coordinator_deadline();
        let doing = "describe a group";
        let ask = |_| DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group))]);
        let code = |response: &kafka_protocol::messages::DescribeGroupsResponse| {
            response.groups.first().map_or(0, |group| group.error_code)
        };
        let (coordinator, response) =
            self.client.call_coordinator(doing, group, ask, code, deadline).await?;
        let Some(found) = response.groups.first() else { return Err(not_found(group)) };
        if found.error_code == 0 && &*found.group_state != DEAD {
            return Ok(description(found, coordinator));
        }
        if found.error_code != 0 && found.error_code != GROUP_ID_NOT_FOUND {
            let what = format!("cannot describe group `{group}`");
            let message = found.error_message.as_deref();
            return Err(kafka_error(found.error_code, message, what, group));
        }
        self.next_generation_group(group, coordinator).await
    }

    /// A group of the next generation of the protocol (KIP-848), which DescribeGroups calls dead.
    async fn next_generation_group(
        &self,
        group: &str,
        coordinator: BrokerId,
    ) -> Result<GroupDescription> {
        let deadline = self.coordinator_deadline();
        let ask =
            |_| ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(text(group))]);
        let repeat = Repeat::Safe;
        let asked = self.client.call_broker("describe a group", coordinator, ask, repeat, deadline);
        let response = match asked.await {
            Ok(response) => response,
            // A broker too old for such groups has none.
            Err(error) if error.code == "unsupported-version" => return Err(not_found(group)),
            Err(error) => return Err(error),
        };
        match response.groups.first() {
            Some(found) if found.error_code == 0 => Ok(GroupDescription {
                group: group.to_string(),
                state: found.group_state.to_string(),
                protocol_type: "consumer".to_string(),
                protocol: found.assignor_name.to_string(),
                coordinator: Some(coordinator),
                members: found.members.iter().map(next_generation_member).collect(),
            }),
            _ => Err(not_found(group)),
        }
    }

    pub(super) async fn committed(&self, group: &str) -> Result<Vec<CommittedOffset>> {
        let deadline = self.coordinator_deadline();
        let ask = |version| {
            let request = OffsetFetchRequest::default();
            if version < 8 {
                return request.with_group_id(GroupId(text(group))).with_topics(None);
            }
            let wanted = OffsetFetchRequestGroup::default().with_group_id(GroupId(text(group)));
            request.with_topics(Some(Vec::new())).with_groups(vec![wanted.with_topics(None)])
        };
        let code = |response: &OffsetFetchResponse| {
            response.groups.first().map_or(response.error_code, |group| group.error_code)
        };
        let doing = "read committed offsets";
        let (_, response) = self.client.call_coordinator(doing, group, ask, code, deadline).await?;
        match code(&response) {
            0 => {}
            GROUP_ID_NOT_FOUND => return Err(not_found(group)),
            code => {
                let what = format!("cannot read the committed offsets of group `{group}`");
                return Err(kafka_error(code, None, what, group));
            }
        }
        let mut offsets = committed_offsets(&response);
        offsets.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(offsets)
    }
}

fn listed(response: &ListGroupsResponse) -> Result<Vec<GroupListing>> {
    if response.error_code != 0 {
        return Err(kafka_error(response.error_code, None, format!("cannot {LISTING}"), ""));
    }
    let listing = |group: &list_groups_response::ListedGroup| GroupListing {
        group: group.group_id.0.to_string(),
        protocol_type: group.protocol_type.to_string(),
        state: Some(group.group_state.to_string()).filter(|state| !state.is_empty()),
    };
    let mut groups: Vec<GroupListing> = response.groups.iter().map(listing).collect();
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    Ok(groups)
}

fn not_found(group: &str) -> Error {
    kafka_error(GROUP_ID_NOT_FOUND, None, format!("no group `{group}`"), group)
}

fn committed_offsets(response: &OffsetFetchResponse) -> Vec<CommittedOffset> {
    let older = response.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|p| {
            (&topic.name, p.partition_index, p.committed_offset, &p.metadata, p.error_code)
        })
    });
    let newer = response.groups.iter().flat_map(|group| &group.topics).flat_map(|topic| {
        topic.partitions.iter().map(|p| {
            (&topic.name, p.partition_index, p.committed_offset, &p.metadata, p.error_code)
        })
    });
    older
        .chain(newer)
        // -1: nothing committed
        .filter(|(_, _, offset, _, code)| *offset >= 0 && *code == 0)
        .map(|(topic, partition, offset, metadata, _)| CommittedOffset {
            topic: topic.0.to_string(),
            partition,
            offset,
            metadata: metadata.as_ref().map(ToString::to_string).filter(|m| !m.is_empty()),
        })
        .collect()
}

fn description(found: &DescribedGroup, coordinator: BrokerId) -> GroupDescription {
    let members = found.members.iter().map(|member| GroupMember {
        member_id: member.member_id.to_string(),
        client_id: member.client_id.to_string(),
        client_host: member.client_host.to_string(),
        assignment: assignment(&found.protocol_type, &member.member_assignment),
    });
    GroupDescription {
        group: found.group_id.0.to_string(),
        state: found.group_state.to_string(),
        protocol_type: found.protocol_type.to_string(),
        protocol: found.protocol_data.to_string(),
        coordinator: Some(coordinator),
        members: members.collect(),
    }
}

fn next_generation_member(member: &next_generation::Member) -> GroupMember {
    let assigned = member.assignment.topic_partitions.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| TopicPartition {
            topic: topic.topic_name.0.to_string(),
            partition: *partition,
        })
    });
    let mut assignment: Vec<_> = assigned.collect();
    assignment.sort();
    GroupMember {
        member_id: member.member_id.to_string(),
        client_id: member.client_id.to_string(),
        client_host: member.client_host.to_string(),
        assignment,
    }
}

/// The partitions in a member's assignment (`ConsumerProtocolAssignment`: an `int16` version, then
/// the struct). Groups of other kinds (Connect) write something else there: no partitions then.
fn assignment(protocol_type: &str, bytes: &Bytes) -> Vec<TopicPartition> {
    let mut bytes = bytes.clone();
    if protocol_type != "consumer" || bytes.len() < 2 {
        return Vec::new();
    }
    // A later version only adds fields at the end (KIP-429): read it as the newest we know.
    let version = bytes.get_i16().clamp(0, ConsumerProtocolAssignment::VERSIONS.max);
    let Ok(assignment) = ConsumerProtocolAssignment::decode(&mut bytes, version) else {
        return Vec::new();
    };
    let mut partitions: Vec<TopicPartition> = assignment
        .assigned_partitions
        .iter()
        .flat_map(|topic| {
            topic.partitions.iter().map(|partition| TopicPartition {
                topic: topic.topic.0.to_string(),
                partition: *partition,
            })
        })
        .collect();
    partitions.sort();
    partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the Java client's range assignor writes it: version 1, `a` [1, 0], no user data.
    const ASSIGNMENT: &[u8] =
        b"\0\x01\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\x01\0\0\0\0\xff\xff\xff\xff";

    #[test]
    fn assignments_are_read_whatever_follows_them() {
        let partition = |partition| TopicPartition { topic: "a".into(), partition };
        let expected = vec![partition(0), partition(1)];
        assert_eq!(assignment("consumer", &Bytes::from_static(ASSIGNMENT)), expected);
        let mut later = ASSIGNMENT.to_vec();
        later[1] = 9;
        later.extend_from_slice(b"more");
        assert_eq!(assignment("consumer", &Bytes::from(later)), expected);
        assert!(assignment("connect", &Bytes::from_static(ASSIGNMENT)).is_empty());
        assert!(assignment("consumer", &Bytes::from_static(&ASSIGNMENT[..9])).is_empty());
        assert!(assignment("consumer", &Bytes::new()).is_empty());
    }
}
