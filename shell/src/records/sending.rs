//! From what a pipeline gives to acknowledged records: gathers batches, sends them, counts what was
//! acknowledged, and stops at the first failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_cluster::Cancel;
use kafsh_model::port::{Admin, Delivery, Producer};
use kafsh_model::record::RecordBatch;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::shape::{Full, Shape};
use crate::flow::{Flow, Lines, Source};

/// A batch is sent when it holds so many records, or bytes of them.
const SEND_RECORDS: usize = 10_000;
const SEND_BYTES: usize = 4 << 20;

/// Rows that `--report` holds.
const REPORT_ROWS_MAX: usize = 100_000;

/// Failures shown as evidence.
const FAILURES_SHOWN: usize = 3;

/// Bound on the ending of the stage before, after an interrupt.
const ENDING_MAX: Duration = Duration::from_secs(2);

/// Longest that what was handed over is awaited after an interrupt: a healthy cluster acknowledges
/// within milliseconds, a broken one within no time that a person would wait.
const INTERRUPT_GRACE: Duration = Duration::from_secs(5);

/// What `produce` is fed with.
pub enum Input {
    Ready(Vec<Value>),
    Values(Box<dyn Source<Value>>),
    Lines(Box<dyn Source<Lines>>),
    Records(Box<dyn Source<RecordBatch>>),
}

enum Item {
    Value(Value),
    Lines(Lines),
    Records(RecordBatch),
}

impl Input {
    /// `None`: the stage before gives nothing to send.
    pub fn of(flow: Flow) -> Option<Input> {
        Some(match flow {
            Flow::Nothing => return None,
            Flow::Value { value: Value::Null, .. } => Input::Ready(Vec::new()),
            Flow::Value { value: Value::Array(items), .. } => {
                Input::Ready(items.into_iter().rev().collect())
            }
            Flow::Value { value: Value::String(text), .. } => {
                let lines = super::lines::split(text.as_bytes());
                Input::Lines(Box::new(crate::flow::Ready([lines].into())))
            }
            Flow::Value { value, .. } => Input::Ready(vec![value]),
            Flow::Values(values) => Input::Values(values),
            Flow::Lines(lines) => Input::Lines(lines),
            Flow::Records(records) => Input::Records(records),
        })
    }

    async fn next(&mut self) -> Result<Option<Item>> {
        Ok(match self {
            Input::Ready(values) => values.pop().map(Item::Value),
            Input::Values(values) => values.next().await?.map(Item::Value),
            Input::Lines(lines) => lines.next().await?.map(Item::Lines),
            Input::Records(records) => records.next().await?.map(Item::Records),
        })
    }

    fn ready(&self) -> bool {
        match self {
            Input::Ready(values) => !values.is_empty(),
            Input::Values(values) => values.ready(),
            Input::Lines(lines) => lines.ready(),
            Input::Records(records) => records.ready(),
        }
    }

    async fn acknowledge(&mut self) -> Result<()> {
        match self {
            Input::Ready(_) => Ok(()),
            Input::Values(values) => values.acknowledge().await,
            Input::Lines(lines) => lines.acknowledge().await,
            Input::Records(records) => records.acknowledge().await,
        }
    }

    async fn finish(self) -> Result<Vec<String>> {
        match self {
            Input::Ready(_) => Ok(Vec::new()),
            Input::Values(values) => values.finish().await,
            Input::Lines(lines) => lines.finish().await,
            Input::Records(records) => records.finish().await,
        }
    }
}

/// Sends what it is given.
pub struct Sending {
    /// `None`: nothing is sent (`--dry-run`)
    producer: Option<Arc<dyn Producer>>,
    /// Asked for topics that transforms name, before anything is sent there
    admin: Option<Arc<dyn Admin>>,
    /// Those that there are
    known: BTreeSet<String>,
    shape: Shape,
    batch: RecordBatch,
    acknowledged: u64,
    by_partition: BTreeMap<i32, u64>,
    /// What transforms sent to other topics, by topic
    elsewhere: BTreeMap<String, u64>,
    report: Option<Vec<Value>>,
    /// Items looked at, to name the one that is wrong
    seen: u64,
    began: Instant,
    /// Ctrl-C of the command
    cancel: Cancel,
}

/// What was done.
pub struct Sent {
    pub summary: String,
    pub report: Option<Vec<Value>>,
    /// Remarks of the stages before
    pub notes: Vec<String>,
}

impl Sending {
    pub fn new(producer: Option<Arc<dyn Producer>>, shape: Shape, report: bool) -> Self {
        Sending {
            producer,
            admin: None,
            known: BTreeSet::new(),
            shape,
            batch: RecordBatch::new(),
            acknowledged: 0,
            by_partition: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            report: report.then(Vec::new),
            seen: 0,
            began: Instant::now(),
            cancel: Cancel::new(),
        }
    }

    /// Refuses a batch as a whole where a topic of it is not there: half of it would be written
    /// again when it is tried again.
    #[must_use]
    pub fn looking_first(mut self, admin: Arc<dyn Admin>) -> Self {
        self.admin = Some(admin);
        self
    }

    /// Sends all of `input`. On an interrupt what was handed over is still awaited; an error always
    /// says how many records were acknowledged before it.
    pub async fn run(mut self, mut input: Input, cancel: &Cancel) -> Result<Sent> {
        self.cancel = cancel.clone();
        let outcome = self.pump(&mut input, cancel).await;
        let finished = match &outcome {
            Ok(()) => input.finish().await,
            // A consumer leaves its group, a child process is told: but not for long.
            Err(_) => {
                let ending = tokio::time::timeout(ENDING_MAX, input.finish()).await;
                ending.unwrap_or(Ok(Vec::new()))
            }
        };
        match outcome.and(finished) {
            Ok(mut notes) => {
                notes.extend(self.unreported());
                Ok(Sent { summary: self.summary(), report: self.report, notes })
            }
            Err(error) => Err(error.with_evidence(self.so_far())),
        }
    }

    async fn pump(&mut self, input: &mut Input, cancel: &Cancel) -> Result<()> {
        loop {
            let item = tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    self.send().await?;
                    return Err(Error::interrupted());
                }
                item = input.next() => item?,
            };
            let last = item.is_none();
            if let Some(item) = item {
                self.take(item).await?;
            }
            // Nothing that is in hand waits for what may never come.
            let due = self.batch.len() >= SEND_RECORDS || self.batch.bytes() >= SEND_BYTES;
            if last || due || !input.ready() {
                self.send().await?;
                if self.producer.is_some() {
                    input.acknowledge().await?;
                }
            }
            if last {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, item: Item) -> Result<()> {
        match item {
            Item::Value(value) => {
                self.seen += 1;
                let envelope = self.shape.value(&value).map_err(|e| self.located(e, "value"))?;
                self.push(|shape, batch| shape.push_envelope(&envelope, batch)).await
            }
            Item::Lines(lines) => {
                for line in lines {
                    self.seen += 1;
                    let envelope = self.shape.line(&line).map_err(|e| self.located(e, "line"))?;
                    self.push(|shape, batch| shape.push_envelope(&envelope, batch)).await?;
                }
                Ok(())
            }
            Item::Records(records) => {
                for record in records.iter() {
                    self.seen += 1;
                    self.push(|shape, batch| shape.push(record, batch)).await?;
                }
                Ok(())
            }
        }
    }

    fn located(&self, error: Error, what: &str) -> Error {
        let place = format!("{what} {} of the input", self.seen);
        error.with_evidence(place)
    }

    async fn push(
        &mut self,
        push: impl Fn(&Shape, &mut RecordBatch) -> Result<(), Full>,
    ) -> Result<()> {
        if self.batch.len() >= SEND_RECORDS || self.batch.bytes() >= SEND_BYTES {
            self.send().await?;
        }
        push(&self.shape, &mut self.batch).map_err(|Full| {
            Error::failed("record-too-large", "a record does not fit a batch")
                .with_cause("keys, values and headers of a batch have 4 GiB")
        })
    }

    /// Hands a batch over and awaits it; after an interrupt for [`INTERRUPT_GRACE`] only.
    async fn deliver(&self, producer: &dyn Producer, batch: &RecordBatch) -> Result<Vec<Delivery>> {
        let sending = producer.send(batch);
        tokio::pin!(sending);
        let cancelled = async {
            self.cancel.cancelled().await;
            tokio::time::sleep(INTERRUPT_GRACE).await;
        };
        tokio::select! {
            deliveries = &mut sending => deliveries,
            () = cancelled => Err(Error::interrupted().with_evidence(format!(
                "{} records were handed over and not acknowledged: some may have been written",
                batch.len()
            ))),
        }
    }

    /// Sends what was gathered and waits for its acknowledgement. Nothing cuts this short but the
    /// producer's own bound: what was handed over may be in the log already. Nothing is sent twice
    /// from here: the producer knows what can be, in which order.
    async fn send(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.look_at_topics(&batch).await?;
        let Some(producer) = self.producer.clone() else {
            batch.iter().for_each(|record| self.book(record.topic, -1));
            return Ok(());
        };
        let before = self.acknowledged;
        let deliveries = self.deliver(producer.as_ref(), &batch).await?;
        let failures = self.count(&batch, &deliveries);
        if let Some((index, first)) = failures.first() {
            let number = before + *index as u64 + 1;
            return Err(failed(first, &failures, deliveries.len(), number));
        }
        // Its memory is used again.
        self.batch = batch;
        self.batch.clear();
        Ok(())
    }

    /// # Errors
    /// `topic-not-found`.
    async fn look_at_topics(&mut self, batch: &RecordBatch) -> Result<()> {
        let own = &self.shape.topic;
        let is_new = |topic: &&str| topic != own && !self.known.contains(*topic);
        let new: Vec<String> = batch.topics().filter(is_new).map(String::from).collect();
        let Some(admin) = self.admin.as_ref().filter(|_| !new.is_empty()) else { return Ok(()) };
        let looked = self.cancel.run(admin.topics(Some(&new))).await;
        looked.map_err(|error| {
            let count = records(batch.len() as u64);
            error.with_evidence(format!(
                "a transform sends there; nothing of its batch was sent ({count})"
            ))
        })?;
        self.known.extend(new);
        Ok(())
    }

    /// Books what was delivered; gives what was not, by its place in the batch.
    fn count<'d>(
        &mut self,
        batch: &RecordBatch,
        deliveries: &'d [Delivery],
    ) -> Vec<(usize, &'d Error)> {
        let mut failures = Vec::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            let delivered = match delivery {
                Ok(delivered) => delivered,
                Err(error) => {
                    failures.push((index, error));
                    continue;
                }
            };
            let topic = batch.get(index).topic;
            self.book(topic, delivered.partition);
            if let Some(report) = &mut self.report
                && report.len() < REPORT_ROWS_MAX
            {
                report.push(json!({
                    "topic": topic,
                    "partition": delivered.partition,
                    "offset": delivered.offset,
                }));
            }
        }
        failures
    }

    fn book(&mut self, topic: &str, partition: i32) {
        self.acknowledged += 1;
        if topic == self.shape.topic {
            *self.by_partition.entry(partition).or_default() += 1;
        } else if let Some(count) = self.elsewhere.get_mut(topic) {
            *count += 1;
        } else {
            self.elsewhere.insert(topic.to_string(), 1);
        }
    }

    /// `3 records to orders, 1 to orders-de`
    fn by_topic(&self, partitions: &str) -> String {
        let elsewhere: u64 = self.elsewhere.values().sum();
        let own = records(self.acknowledged - elsewhere);
        let others = self.elsewhere.iter().map(|(topic, count)| format!(", {count} to {topic}"));
        format!("{own} to {}{partitions}{}", self.shape.topic, others.collect::<String>())
    }

    /// `(partitions 0:1 4:2)`
    fn partitions(&self) -> String {
        let counts: Vec<String> =
            self.by_partition.iter().map(|(partition, n)| format!("{partition}:{n}")).collect();
        match counts.is_empty() {
            true => String::new(),
            false => format!(" (partitions {})", counts.join(" ")),
        }
    }

    fn summary(&self) -> String {
        if self.producer.is_none() {
            let would_go = self.by_topic("").replacen(" to ", " would go to ", 1);
            return format!("dry run: {would_go}; nothing was sent");
        }
        let took = show_duration(self.began.elapsed());
        format!("{}, {took}", self.by_topic(&self.partitions()))
    }

    /// That the report is not of all records.
    fn unreported(&self) -> Option<String> {
        let rows = self.report.as_ref()?.len() as u64;
        let all = self.acknowledged;
        (rows < all).then(|| format!("the report has the first {rows} of {all} records"))
    }

    fn so_far(&self) -> String {
        match (self.producer.is_some(), self.acknowledged) {
            (false, _) => "dry run: nothing was sent".to_string(),
            (true, 0) => "no record was acknowledged".to_string(),
            (true, 1) => format!("1 record was acknowledged{}", self.partitions()),
            (true, n) => format!("{n} records were acknowledged{}", self.partitions()),
        }
    }
}

/// The error of a batch: that of its first failure, with how many more there are and where in the
/// input the first stands; `number` counts from 1.
fn failed(first: &Error, failures: &[(usize, &Error)], all: usize, number: u64) -> Error {
    let mut error = first.clone();
    if all > 1 {
        let count = failures.len();
        error.message = format!("{count} of {all} records were not sent: {}", error.message);
        error = error.with_evidence(format!("the first of them: record {number} of the input"));
    }
    let others = failures.iter().map(|(_, other)| other).filter(|o| o.message != first.message);
    for other in others.take(FAILURES_SHOWN) {
        error = error.with_evidence(other.message.clone());
    }
    error
}

/// `1 record`, `3 records`
pub fn records(count: u64) -> String {
    if count == 1 { "1 record".to_string() } else { format!("{count} records") }
}

#[cfg(test)]
#[path = "sending_tests.rs"]
mod tests;
