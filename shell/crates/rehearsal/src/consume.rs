//! Records in: partitions assigned by hand or by a group, read in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use kafsh_model::Result;
use kafsh_model::port::{BoxFuture, ConsumeOptions, Consumer, Fetched, From, Target, To};
use kafsh_model::record::RecordBatch;
use kafsh_model::topic::TopicPartition;
use tokio::time::Instant;

use crate::Rehearsal;
use crate::fault::{no_leader, no_partition, no_topic};
use crate::range::Range;
use crate::world::{Contact, World};

/// A partition that is being read.
struct Place {
    at: TopicPartition,
    /// `None` while its leader could not be asked
    range: Option<Range>,
    next: i64,
}

impl Place {
    fn is_over(&self) -> bool {
        self.range.is_some_and(|range| range.is_over(self.next))
    }
}

pub(crate) struct MemoryConsumer {
    rehearsal: Rehearsal,
    bootstrap: Vec<String>,
    options: ConsumeOptions,
    /// In a group: its id as a member, and the generation of its assignment
    member: Option<(String, u64)>,
    /// `from` holds for the first assignment; after that the group's commits are the truth
    first: bool,
    places: Vec<Place>,
    /// Which place is read first, so that each gets its turn
    turn: usize,
    /// How many records may still be handed out
    left: Option<u64>,
    /// Offsets after the last record handed out
    positions: BTreeMap<TopicPartition, i64>,
    patience: Duration,
    last_news: Instant,
}

impl MemoryConsumer {
    pub(crate) fn open(
        rehearsal: &Rehearsal,
        target: &Target,
        options: ConsumeOptions,
    ) -> Result<Self> {
        options.check()?;
        let mut consumer = MemoryConsumer {
            rehearsal: rehearsal.clone(),
            bootstrap: target.bootstrap.clone(),
            left: options.count_hint,
            options,
            member: None,
            first: true,
            places: Vec::new(),
            turn: 0,
            positions: BTreeMap::new(),
            patience: target.timeout,
            last_news: Instant::now(),
        };
        rehearsal.change(|world| {
            let contact = world.contact(&consumer.bootstrap, "describe topics")?;
            world.topics(&contact, Some(&consumer.options.topics))?;
            match consumer.options.group.clone() {
                Some(group) => consumer.join(world, &contact, &group),
                None => consumer.assign(world, &contact),
            }
        })?;
        Ok(consumer)
    }

    fn join(&mut self, world: &mut World, contact: &Contact, group: &str) -> Result<()> {
        world.coordinator(contact, group, "join a group")?;
        let id = format!("rehearsal-{}", world.ids.uuid());
        if let Some(cluster) = world.cluster_mut(&contact.home) {
            cluster.join(group, id.clone(), &self.options.topics);
        }
        self.member = Some((id, 0));
        self.take_assignment(world, contact);
        Ok(())
    }

    /// All partitions, or the chosen ones, of every topic.
    fn assign(&mut self, world: &World, contact: &Contact) -> Result<()> {
        let chosen = &self.options.partitions;
        for topic in world.topics(contact, Some(&self.options.topics))? {
            let has = |number: &i32| topic.partitions.iter().any(|p| p.partition == *number);
            if let Some(missing) = chosen.iter().find(|number| !has(number)) {
                return Err(no_partition(&topic.name, *missing));
            }
            let numbers = topic.partitions.iter().map(|partition| partition.partition);
            for partition in numbers.filter(|n| chosen.is_empty() || chosen.contains(n)) {
                let at = TopicPartition { topic: topic.name.clone(), partition };
                let log = world.leader_log(&contact.home, &at.topic, partition);
                let log = log.ok_or_else(|| no_leader(std::slice::from_ref(&at)))?;
                let range = Range::new(self.options.from_of(&at), self.options.to, log, None);
                self.places.push(Place { at, range: Some(range), next: range.first });
            }
        }
        Ok(())
    }

    /// Takes over what the group gives this member, if that has changed.
    fn take_assignment(&mut self, world: &World, contact: &Contact) {
        let (Some((id, generation)), Some(group)) = (&mut self.member, &self.options.group) else {
            return;
        };
        let cluster = world.cluster(&contact.home);
        let Some(group) = cluster.and_then(|cluster| cluster.groups.get(group)) else { return };
        let Some(member) = group.member(id).filter(|_| group.generation != *generation) else {
            return;
        };
        *generation = group.generation;
        // Partitions that went to another member are not ours to commit any more.
        self.positions.retain(|at, _| member.assignment.contains(at));
        let from = if self.first { self.options.from } else { From::Committed };
        let begin = |at: &TopicPartition| {
            let log = world.leader_log(&contact.home, &at.topic, at.partition);
            let committed = group.committed(at);
            let range = log.map(|log| Range::new(from, self.options.to, log, committed));
            let next = range.map_or(committed.unwrap_or(0), |range| range.first);
            Place { at: at.clone(), range, next }
        };
        self.places = member.assignment.iter().map(begin).collect();
        self.first = false;
    }

    fn is_finished(&self) -> bool {
        self.left == Some(0)
            || self.places.iter().all(Place::is_over) && self.options.to != To::Never
    }

    /// What is there now, up to `max` records.
    fn fetch(&mut self, world: &World, max: usize) -> Result<RecordBatch> {
        let mut batch = RecordBatch::new();
        let contact = match world.contact(&self.bootstrap, "read records") {
            Ok(contact) => contact,
            // Brokers may come back; `explain_silence` says when that is too late.
            Err(_) => return Ok(batch),
        };
        self.take_assignment(world, &contact);
        let cluster = world.cluster_of(&contact)?;
        let count = self.places.len();
        for index in 0..count {
            let place = &mut self.places[(self.turn + index) % count];
            let TopicPartition { topic, partition } = &place.at;
            if !cluster.topics.contains_key(topic) && !place.is_over() {
                return Err(no_topic(topic));
            }
            let Some(log) = world.leader_log(&contact.home, topic, *partition) else { continue };
            let (to, from) = (self.options.to, From::Offset(place.next));
            let range = *place.range.get_or_insert_with(|| Range::new(from, to, log, None));
            while batch.len() < max && !range.is_over(place.next) {
                let Some(record) = log.get(place.next) else { break };
                if !record.view(topic, *partition, place.next, |view| batch.push(view)) {
                    break;
                }
                place.next += 1;
                self.positions.insert(place.at.clone(), place.next);
            }
        }
        self.turn = (self.turn + 1) % count.max(1);
        Ok(batch)
    }

    /// Nothing came for longer than a call may take: what is wrong, if anything is.
    fn explain_silence(&mut self, world: &World) -> Result<()> {
        self.last_news = Instant::now();
        let contact = world.contact(&self.bootstrap, "list offsets")?;
        let open = self.places.iter().filter(|place| !place.is_over());
        let stuck = |at: &TopicPartition| {
            world.leader_log(&contact.home, &at.topic, at.partition).is_none()
        };
        let stuck: Vec<_> = open.map(|place| place.at.clone()).filter(stuck).collect();
        if stuck.is_empty() { Ok(()) } else { Err(no_leader(&stuck)) }
    }

    async fn next_batch(&mut self, max: usize, max_wait: Duration) -> Result<Fetched> {
        let rehearsal = self.rehearsal.clone();
        let deadline = Instant::now() + max_wait;
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let max = max.max(1).min(left);
        let mut changes = rehearsal.changes();
        loop {
            let batch = self.fetch(&rehearsal.lock(), max)?;
            self.left = self.left.map(|left| left.saturating_sub(batch.len() as u64));
            let finished = self.is_finished();
            if !batch.is_empty() || finished {
                self.last_news = Instant::now();
                return Ok(Fetched { batch, finished });
            }
            if self.options.to != To::Never && self.last_news.elapsed() > self.patience {
                self.explain_silence(&rehearsal.lock())?;
            }
            if !changes.wait(&rehearsal, deadline).await {
                return Ok(Fetched::default());
            }
        }
    }

    fn leave(&mut self) {
        let (Some((id, _)), Some(group)) = (self.member.take(), self.options.group.clone()) else {
            return;
        };
        self.rehearsal.change(|world| {
            let Ok(contact) = world.contact(&self.bootstrap, "leave a group") else { return };
            if let Some(cluster) = world.cluster_mut(&contact.home) {
                cluster.leave(&group, &id);
            }
        });
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Consumer for MemoryConsumer {
    fn next<'a>(
        &'a mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> BoxFuture<'a, Result<Fetched>> {
        Box::pin(self.next_batch(max_records, max_wait))
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let Some(group) = self.options.group.clone() else { return Ok(()) };
            let Some((id, _)) = &self.member else { return Ok(()) };
            if self.positions.is_empty() {
                return Ok(());
            }
            self.rehearsal.change(|world| {
                let contact = world.contact(&self.bootstrap, "commit offsets")?;
                world.coordinator(&contact, &group, "commit offsets")?;
                world.check_member(&contact, &group, id)?;
                if let Some(cluster) = world.cluster_mut(&contact.home) {
                    cluster.commit(&group, &self.positions);
                }
                Ok(())
            })
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            self.leave();
            Ok(())
        })
    }
}
