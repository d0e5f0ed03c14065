//! What groups have still to read: committed offsets against the ends of the logs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::group::{CommittedOffset, GroupDescription, GroupListing};
use kafsh_model::port::Admin;
use kafsh_model::topic::{OffsetAt, TopicPartition};
use kafsh_model::{BrokerId, Error, Result};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a broker may take to list its groups; they are missing then.
pub const LISTING_WAIT: Duration = Duration::from_secs(2);

/// How long a leader may take to tell offsets; what it leads is not known then.
const LEADER_WAIT: Duration = Duration::from_secs(2);

/// States in which a group's members read what they are assigned, or nobody is to read.
const SETTLED: [&str; 2] = ["Stable", "Empty"];

/// A group as its coordinator knows it.
pub struct Loaded {
    pub group: GroupDescription,
    committed: Vec<CommittedOffset>,
}

/// One partition of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    pub place: TopicPartition,
    pub committed: Option<i64>,
    /// Where it goes on reading: the committed offset, else the start of the log
    pub read_to: Option<i64>,
    pub end: Option<i64>,
    /// `None`: the end is not known
    pub lag: Option<i64>,
    /// Id of the member that reads it
    pub member: Option<String>,
    /// It has lag that nobody reads; `None` where assignments or the lag are not known
    pub stuck: Option<bool>,
}

/// Ends and starts of logs, as far as they are known.
#[derive(Default)]
pub struct Logs {
    /// All partitions of each topic and their leaders; where there is none, no offset is asked for
    partitions: HashMap<String, Vec<(i32, Option<BrokerId>)>>,
    ends: HashMap<TopicPartition, i64>,
    starts: HashMap<TopicPartition, i64>,
}

/// Groups of all coordinators that answered in time, in order; each other is an error.
///
/// # Errors
/// What asking for the brokers says; where none of them told, what the first says.
pub async fn listed(admin: &dyn Admin) -> Result<(Vec<GroupListing>, Vec<(BrokerId, Error)>)> {
    let (mut groups, mut silent) = (Vec::new(), Vec::new());
    let all = admin.list_groups(LISTING_WAIT).await?;
    let any = all.iter().any(|(_, told)| told.is_ok());
    for (broker, told) in all {
        match told {
            Ok(told) => groups.extend(told),
            Err(error) if any => silent.push((broker, error)),
            Err(error) => return Err(error),
        }
    }
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    // A group on the move may be told by two.
    groups.dedup_by(|a, b| a.group == b.group);
    Ok((groups, silent))
}

/// What is said of coordinators that did not tell their groups.
pub fn missing(silent: &[(BrokerId, Error)]) -> Option<String> {
    let (_, first) = silent.first()?;
    let ids: Vec<String> = silent.iter().map(|(broker, _)| format!("broker {broker}")).collect();
    Some(format!("groups that {} coordinates are missing here: {first}", ids.join(" or ")))
}

/// # Errors
/// `group-not-found`; what asking the coordinator says.
pub async fn load(admin: &dyn Admin, name: &str) -> Result<Loaded> {
    let (group, committed) =
        tokio::try_join!(admin.describe_group(name), admin.committed_offsets(name))?;
    Ok(Loaded { group, committed })
}

fn silent(leader: BrokerId) -> Error {
    let waited = LEADER_WAIT.as_secs();
    Error::timed_out(format!("broker `{leader}` did not tell its offsets within {waited} s"))
        .with_cause("it may be paused, or a network silent")
        .with_next("broker list")
}

impl Logs {
    /// # Errors
    /// What asking the brokers says; a topic that is gone is none.
    pub async fn know_topics(&mut self, admin: &dyn Admin, groups: &[Loaded]) -> Result<()> {
        let names: BTreeSet<&String> = groups.iter().flat_map(Loaded::topics).collect();
        let is_new = |name: &&String| !self.partitions.contains_key(*name);
        let names: Vec<String> = names.into_iter().filter(is_new).cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        let topics = match admin.topics(Some(&names)).await {
            // One of them is gone: those that are there have to be picked out.
            Err(error) if error.code == "topic-not-found" => admin.topics(None).await?,
            topics => topics?,
        };
        // Those that are gone have no partitions, and are not asked for again.
        self.partitions.extend(names.iter().map(|name| (name.clone(), Vec::new())));
        for topic in topics.iter().filter(|topic| names.contains(&topic.name)) {
            let partitions = topic.partitions.iter().map(|p| (p.partition, p.leader));
            self.partitions.insert(topic.name.clone(), partitions.collect());
        }
        Ok(())
    }

    /// Asks for what is not known yet of the partitions of `groups`: each leader by itself, so that
    /// one that is silent hides no more than what it leads.
    ///
    /// # Errors
    /// The last of what asking the leaders says; what others told is known all the same.
    pub async fn know_offsets(&mut self, admin: &Arc<dyn Admin>, groups: &[Loaded]) -> Result<()> {
        // By leader: partitions whose end is wanted, and those whose start is.
        let mut wanted: BTreeMap<BrokerId, (Places, Places)> = BTreeMap::new();
        for (place, committed) in groups.iter().flat_map(|group| self.commits(group)) {
            let Some(leader) = self.leader(&place) else { continue };
            let (ends, starts) = wanted.entry(leader).or_default();
            // Where nothing was committed, all that is there is still to be read.
            if committed.is_none() && !self.starts.contains_key(&place) {
                starts.insert(place.clone());
            }
            if !self.ends.contains_key(&place) {
                ends.insert(place);
            }
        }
        let mut asked = JoinSet::new();
        for (leader, (ends, starts)) in wanted {
            let admin = admin.clone();
            let (ends, starts): (Vec<_>, Vec<_>) =
                (ends.into_iter().collect(), starts.into_iter().collect());
            asked.spawn(async move {
                let both = async {
                    tokio::try_join!(
                        admin.list_offsets(&ends, OffsetAt::Latest),
                        admin.list_offsets(&starts, OffsetAt::Earliest),
                    )
                };
                timeout(LEADER_WAIT, both).await.unwrap_or_else(|_| Err(silent(leader)))
            });
        }
        let mut outcome = Ok(());
        let known = |(place, offset): (TopicPartition, Option<i64>)| Some((place, offset?));
        while let Some(told) = asked.join_next().await {
            let told =
                told.unwrap_or_else(|e| Err(Error::bug(format!("a task of ours failed: {e}"))));
            match told {
                Ok((ends, starts)) => {
                    self.ends.extend(ends.into_iter().filter_map(known));
                    self.starts.extend(starts.into_iter().filter_map(known));
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    fn leader(&self, place: &TopicPartition) -> Option<BrokerId> {
        let partitions = self.partitions.get(&place.topic)?;
        partitions.iter().find(|(partition, _)| *partition == place.partition)?.1
    }

    fn commits(
        &self,
        group: &Loaded,
    ) -> impl Iterator<Item = (TopicPartition, Option<i64>)> + use<> {
        self.places(group).into_iter().map(|(place, (committed, _))| (place, committed))
    }

    /// Committed offsets and members of all partitions of the topics that a group has commits in
    /// or members on; a topic that was deleted since still has its commits.
    fn places(&self, group: &Loaded) -> Readers {
        let mut places = Readers::new();
        for commit in &group.committed {
            let place = TopicPartition { topic: commit.topic.clone(), partition: commit.partition };
            places.entry(place).or_default().0 = Some(commit.offset).filter(|offset| *offset >= 0);
        }
        for member in &group.group.members {
            for place in &member.assignment {
                places.entry(place.clone()).or_default().1 = Some(member.member_id.clone());
            }
        }
        let topics: BTreeSet<&String> = group.topics().collect();
        for topic in topics {
            for (partition, _) in self.partitions.get(topic).into_iter().flatten() {
                let place = TopicPartition { topic: topic.clone(), partition: *partition };
                places.entry(place).or_default();
            }
        }
        places
    }

    /// The partitions of a group, in order.
    pub fn lags(&self, group: &Loaded) -> Vec<Lag> {
        let GroupDescription { state, protocol_type, members, .. } = &group.group;
        let is_settled = SETTLED.contains(&state.as_str());
        let assignments_known = protocol_type == "consumer" || members.is_empty();
        let lag = |(place, (committed, member)): (TopicPartition, Reader)| {
            let end = self.ends.get(&place).copied();
            let read_to = committed.or_else(|| self.starts.get(&place).copied());
            // A log that was cut or made anew can end before what was committed.
            let lag = read_to.zip(end).map(|(read_to, end): (i64, i64)| (end - read_to).max(0));
            let stuck = match lag {
                None => None,
                Some(0) => Some(false),
                Some(_) if !is_settled => Some(true),
                Some(_) => assignments_known.then_some(member.is_none()),
            };
            Lag { place, committed, read_to, end, lag, member, stuck }
        };
        self.places(group).into_iter().map(lag).collect()
    }
}

/// A partition's committed offset and the member that reads it.
type Reader = (Option<i64>, Option<String>);
type Readers = BTreeMap<TopicPartition, Reader>;
type Places = BTreeSet<TopicPartition>;

impl Loaded {
    /// Topics that it has commits in or members on; may repeat.
    pub fn topics(&self) -> impl Iterator<Item = &String> {
        let assigned = self.group.members.iter().flat_map(|member| &member.assignment);
        let committed = self.committed.iter().map(|commit| &commit.topic);
        committed.chain(assigned.map(|place| &place.topic))
    }
}

/// What all partitions lack together; `None` where it is known of none.
pub fn total(lags: &[Lag]) -> Option<i64> {
    let known = || lags.iter().filter_map(|lag| lag.lag);
    (lags.is_empty() || known().next().is_some()).then(|| known().sum())
}

/// Partitions whose lag is not known: a total leaves them out.
pub fn unknown(lags: &[Lag]) -> usize {
    lags.iter().filter(|lag| lag.lag.is_none()).count()
}

/// The partition that has most to read; `None` where none has any.
pub fn worst(lags: &[Lag]) -> Option<&Lag> {
    let lagging = lags.iter().filter(|lag| lag.lag.is_some_and(|lag| lag > 0));
    // Of those that lack as much, the first.
    lagging.min_by_key(|lag| std::cmp::Reverse(lag.lag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::group::GroupMember;

    fn place(partition: i32) -> TopicPartition {
        TopicPartition { topic: "t".to_string(), partition }
    }

    fn group(state: &str, protocol_type: &str, assigned: &[i32]) -> Loaded {
        let member = GroupMember {
            member_id: "m".to_string(),
            client_id: "c".to_string(),
            client_host: "/127.0.0.1".to_string(),
            assignment: assigned.iter().copied().map(place).collect(),
        };
        let commit = |partition, offset| CommittedOffset {
            topic: "t".to_string(),
            partition,
            offset,
            metadata: None,
        };
        Loaded {
            group: GroupDescription {
                group: "g".to_string(),
                state: state.to_string(),
                protocol_type: protocol_type.to_string(),
                protocol: "range".to_string(),
                coordinator: Some(1),
                members: vec![member],
            },
            committed: vec![commit(0, 5), commit(2, 9), commit(3, 1)],
        }
    }

    /// Partition 0 lacks 7, 1 was never committed, 2 was cut, 3 has no leader.
    fn logs() -> Logs {
        Logs {
            partitions: [(
                "t".to_string(),
                vec![(0, Some(1)), (1, Some(1)), (2, Some(1)), (3, None)],
            )]
            .into(),
            ends: [(place(0), 12), (place(1), 3), (place(2), 4)].into(),
            starts: [(place(1), 1)].into(),
        }
    }

    #[test]
    fn lag_is_end_less_committed() {
        let lags = logs().lags(&group("Stable", "consumer", &[0, 1]));
        let found: Vec<Option<i64>> = lags.iter().map(|lag| lag.lag).collect();
        assert_eq!(found, [Some(7), Some(2), Some(0), None]);
        assert_eq!((lags[1].committed, lags[1].read_to), (None, Some(1)));
        assert_eq!(lags[1].member.as_deref(), Some("m"));
        assert_eq!(total(&lags), Some(9));
        assert_eq!(worst(&lags).map(|lag| &lag.place), Some(&place(0)));
    }

    #[test]
    fn what_is_unknown_is_not_nothing() {
        let unknown = Logs { ends: HashMap::new(), ..logs() };
        let lags = unknown.lags(&group("Stable", "consumer", &[0]));
        assert_eq!((total(&lags), worst(&lags)), (None, None));
        assert_eq!(total(&[]), Some(0), "a group without partitions has nothing to read");
    }

    #[test]
    fn a_partition_with_lag_that_nobody_reads_is_stuck() {
        let stuck = |state, protocol_type, assigned: &[i32]| -> Vec<Option<bool>> {
            let lags = logs().lags(&group(state, protocol_type, assigned));
            lags.iter().map(|lag| lag.stuck).collect()
        };
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(stuck("Stable", "consumer", &[0]), [no, yes, no, None]);
        assert_eq!(stuck("PreparingRebalance", "consumer", &[0, 1]), [yes, yes, no, None]);
        // Who reads what is not known of other kinds of groups.
        assert_eq!(stuck("Stable", "connect", &[]), [None, None, no, None]);
    }
}
