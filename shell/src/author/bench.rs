//! What a plugin costs: time as users have it, then fuel in an engine that counts.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_model::Result;
use kafsh_model::plan::StepInput;
use kafsh_model::plugin::{ClusterFacts, Settings};
use kafsh_model::policy::{Operation, Policies, PolicyRequest, TopicState};
use kafsh_model::port::Steps;
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::transform::{SourcePartition, State, Transforms};
use serde_json::{Value, json};

use super::subject::Subject;

/// Longest that one figure may take, so that a slow plugin has figures too.
const FIGURE_TIME_MAX: Duration = Duration::from_secs(5);
/// Records that fuel is counted over.
const FUEL_RECORDS: usize = 100;
/// Timestamp of the first record, ms.
const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;

/// A plugin twice: as users have it, and counted.
pub struct Bench {
    pub plain: Subject,
    pub counted: Subject,
    pub settings: Arc<Settings>,
}

/// Values of the records that a transform is given.
pub enum Values {
    /// JSON of about so many bytes
    Sized(usize),
    /// Those of a file, again and again; there is one at least
    Given(Vec<Vec<u8>>),
}

impl Values {
    fn value(&self, index: usize) -> Cow<'_, [u8]> {
        match self {
            Values::Given(values) => Cow::Borrowed(&values[index % values.len()]),
            Values::Sized(size) => {
                let head = format!("{{\"id\":{index},\"name\":\"kim\",\"text\":\"");
                let fill = size.saturating_sub(head.len() + 2);
                Cow::Owned(format!("{head}{}\"}}", "x".repeat(fill)).into_bytes())
            }
        }
    }

    /// In bytes; of those of a file the mean.
    pub fn size(&self) -> usize {
        match self {
            Values::Sized(size) => *size,
            Values::Given(values) => values.iter().map(Vec::len).sum::<usize>() / values.len(),
        }
    }
}

/// Times of calls, and their fuel.
#[derive(Debug)]
pub struct Calls {
    pub calls: usize,
    pub median: Duration,
    pub p99: Duration,
    pub fuel: Option<u64>,
    pub memory_bytes: usize,
}

impl Calls {
    pub fn row(&self, what: &str) -> Value {
        json!({
            "what": what,
            "calls": self.calls,
            "median_us": micros(self.median),
            "p99_us": micros(self.p99),
            "fuel": self.fuel,
            "memory_bytes": self.memory_bytes,
        })
    }
}

/// To a tenth.
fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

/// A topic to be created.
pub fn request(topic: &str, state: TopicState) -> PolicyRequest {
    PolicyRequest {
        operation: Operation::Create,
        topic: topic.to_string(),
        cluster: "test".to_string(),
        current: None,
        touched: state.configs.keys().cloned().collect(),
        proposed: Some(state),
        extras: Default::default(),
    }
}

impl Bench {
    /// Asks the policy again and again.
    ///
    /// # Errors
    /// What the policy does wrong.
    pub fn policy(&self, count: usize, request: &PolicyRequest) -> Result<Calls> {
        let name = &self.plain.manifest.name;
        let policy = self.plain.host.policy(name)?;
        // Facts of a cluster without topics: what it costs to read them hangs on the cluster.
        let facts = policy.wants_facts().then(|| Arc::new(ClusterFacts::default()));
        let times =
            repeat(count, || policy.check(request, &self.settings, facts.as_ref()).map(drop))?;
        let counted =
            self.counted.host.measure_policy(name, request, &self.settings, facts.as_ref())?;
        Ok(calls(times, counted.fuel, counted.memory_bytes))
    }

    /// Has the step plan again and again.
    ///
    /// # Errors
    /// What the step does wrong.
    pub fn step(&self, count: usize, input: &StepInput) -> Result<Calls> {
        let name = &self.plain.manifest.name;
        let step = self.plain.host.step(name)?;
        let times = repeat(count, || step.plan(input).map(drop))?;
        let counted = self.counted.host.measure_step(name, input, &self.settings)?;
        Ok(calls(times, counted.fuel, counted.memory_bytes))
    }

    /// Gives records to one instance of the transform, so many at once.
    ///
    /// # Errors
    /// What the transform does wrong.
    pub fn transform(&self, records: usize, values: &Values, at_once: usize) -> Result<Value> {
        let name = &self.plain.manifest.name;
        let source = SourcePartition { topic: "test".to_string(), partition: 0 };
        let batch = batch(&source, at_once, values);
        let open = |subject: &Subject| {
            subject.host.transform(name)?.open(&source, &self.settings, State::new())
        };
        let mut instance = open(&self.plain)?;
        let (mut done, mut failed, mut took) = (0, 0, Duration::ZERO);
        while done < records && took < FIGURE_TIME_MAX {
            let mut given = batch.clone();
            let began = Instant::now();
            let transformed = instance.process(&mut given)?;
            took += began.elapsed();
            done += batch.len();
            failed += transformed.failed.len();
        }
        let memory_bytes = instance.memory_bytes();
        let mut given = self::batch(&source, at_once.min(FUEL_RECORDS), values);
        let counted_records = given.len();
        let fuel = open(&self.counted)?.process(&mut given)?.fuel;
        let each = took.as_secs_f64() / done as f64;
        Ok(json!({
            "value_bytes": values.size(),
            "batch": at_once,
            "records": done,
            "failed": failed,
            "records_per_second": (1.0 / each).round() as u64,
            "ns_per_record": (each * 1e9).round() as u64,
            "fuel_per_record": fuel.map(|fuel| fuel / counted_records as u64),
            "memory_bytes": memory_bytes,
        }))
    }
}

fn repeat(count: usize, mut call: impl FnMut() -> Result<()>) -> Result<Vec<Duration>> {
    let began = Instant::now();
    let mut times = Vec::with_capacity(count);
    while times.len() < count && (times.is_empty() || began.elapsed() < FIGURE_TIME_MAX) {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn calls(mut times: Vec<Duration>, fuel: Option<u64>, memory_bytes: usize) -> Calls {
    times.sort_unstable();
    let at = |share: usize| {
        times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied()
    };
    let (median, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
    Calls { calls: times.len(), median, p99, fuel, memory_bytes }
}

fn batch(source: &SourcePartition, count: usize, values: &Values) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for index in 0..count {
        let key = index.to_string();
        let value = values.value(index);
        let offset = i64::try_from(index).unwrap_or(i64::MAX);
        let view = RecordView {
            partition: source.partition,
            offset,
            timestamp_ms: FIRST_TIMESTAMP + offset,
            ..RecordView::new(&source.topic, Some(key.as_bytes()), Some(&value))
        };
        if !batch.push(view) {
            break;
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_size_that_was_asked_for() {
        let source = SourcePartition { topic: "t".to_string(), partition: 0 };
        let batch = batch(&source, 3, &Values::Sized(100));
        assert_eq!(batch.len(), 3);
        for record in batch.iter() {
            let value = record.value.unwrap();
            assert_eq!(value.len(), 100);
            serde_json::from_slice::<Value>(value).unwrap();
        }
    }

    #[test]
    fn values_of_a_file_come_again() {
        let source = SourcePartition { topic: "t".to_string(), partition: 0 };
        let values = Values::Given(vec![b"one".to_vec(), b"three".to_vec()]);
        let batch = batch(&source, 3, &values);
        let given: Vec<_> = batch.iter().map(|record| record.value.unwrap().to_vec()).collect();
        assert_eq!(
            (given, values.size()),
            (vec![b"one".to_vec(), b"three".to_vec(), b"one".to_vec()], 4)
        );
    }

    #[test]
    fn figures_are_of_the_middle_and_of_the_slowest() {
        let times = (1..=100).map(Duration::from_micros).rev().collect();
        let calls = calls(times, Some(7), 0);
        assert_eq!((calls.median.as_micros(), calls.p99.as_micros()), (51, 100));
        assert_eq!(calls.row("x")["fuel"], 7);
    }
}
