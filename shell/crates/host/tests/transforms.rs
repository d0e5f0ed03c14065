//! Transforms: what comes out of a batch, what outlives an instance, and what a failure leaves.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_host::{PluginHost, limits};
use kafsh_model::error::Result;
use kafsh_model::plugin::Settings;
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::transform::{State, TransformInstance, Transforms};
use support::{Place, batch, partition, source};

fn open(host: &PluginHost, name: &str, state: State) -> Result<Box<dyn TransformInstance>> {
    host.transform(name)?.open(&partition(), &Arc::new(Settings::default()), state)
}

fn opened(name: &str) -> Box<dyn TransformInstance> {
    let host = Place::new().host(true);
    host.add(source(name)).unwrap();
    open(&host, name, State::new()).unwrap()
}

#[test]
fn the_identity_gives_everything_back_batch_after_batch() {
    let mut identity = opened("transform-identity");
    for records in [1, 64, 512, 3, 10_000] {
        let before = batch(records, 100);
        let mut after = before.clone();
        let transformed = identity.process(&mut after).unwrap();
        assert!(after.iter().eq(before.iter()), "{records}");
        assert_eq!(transformed.sources, (0..records as u32).collect::<Vec<_>>());
        assert!(transformed.failed.is_empty() && transformed.fuel.is_none());
    }
    assert!(identity.memory_bytes() >= 64 << 10);
    let mut nothing = RecordBatch::new();
    assert!(identity.process(&mut nothing).unwrap().sources.is_empty());
}

#[test]
fn only_its_own_partition_is_taken() {
    let mut identity = opened("transform-identity");
    let mut mixed = batch(2, 10);
    assert!(mixed.push(RecordView { partition: 4, ..RecordView::new("orders", None, None) }));
    assert_eq!(identity.process(&mut mixed).unwrap_err().code, "bug");
    let mut other = RecordBatch::new();
    assert!(other.push(RecordView { partition: 4, ..RecordView::new("orders", None, None) }));
    assert_eq!(identity.process(&mut other).unwrap_err().code, "bug");
    let mut flood = batch(limits::BATCH_RECORDS_MAX + 1, 0);
    assert_eq!(identity.process(&mut flood).unwrap_err().code, "bug");
    // None of this was the guest's fault.
    identity.process(&mut batch(1, 10)).unwrap();
}

#[test]
fn a_record_that_fails_is_kept_as_it_was() {
    let before = batch(3, 10);
    let mut after = before.clone();
    let transformed = opened("transform-escapes").process(&mut after).unwrap();
    assert!(after.is_empty());
    assert_eq!(transformed.failed.len(), 3);
    for (index, failed) in transformed.failed.iter().enumerate() {
        assert_eq!((failed.index as usize, &*failed.code), (index, "bad"));
        assert_eq!(failed.message, "\\u{1b}[31mred\\u{7}\\u{202e}");
        assert_eq!(failed.original.get(0), before.get(index));
    }
}

fn kept(keys: &[&str]) -> State {
    keys.iter().map(|key| (key.as_bytes().to_vec(), b"orders".to_vec())).collect()
}

#[test]
fn a_failed_batch_leaves_state_and_counters_as_they_were() {
    let mut keeps = opened("transform-keeps");
    keeps.process(&mut batch(1, 10)).unwrap();
    keeps.process(&mut batch(3, 10)).unwrap();
    assert_eq!(keeps.state(), &kept(&["k", "kkk"]));
    let mut batch_of_two = batch(2, 10);
    let error = keeps.process(&mut batch_of_two).unwrap_err();
    assert_eq!(error.code, "plugin-panic");
    assert_eq!(batch_of_two.len(), 2);
    assert_eq!(keeps.state(), &kept(&["k", "kkk"]));
    assert_eq!(keeps.counters(), BTreeMap::from([("seen".to_owned(), 4)]));
    assert_eq!(keeps.memory_bytes(), 0);
    assert_eq!(keeps.process(&mut batch(1, 10)).unwrap_err().code, "bug");
}

#[test]
fn a_new_instance_goes_on_with_what_was_kept() {
    let host = Place::new().host(true);
    host.add(source("transform-keeps")).unwrap();
    let mut keeps = open(&host, "transform-keeps", kept(&["kkk"])).unwrap();
    keeps.process(&mut batch(1, 10)).unwrap();
    assert_eq!(keeps.state(), &kept(&["k", "kkk"]));
}

#[test]
fn an_instance_that_has_seen_enough_makes_place() {
    let mut keeps = opened("transform-keeps");
    let full = batch(limits::BATCH_RECORDS_MAX, 0);
    let batches = limits::INSTANCE_RECORDS_MAX / full.len() as u64;
    // Its key is as long as its batch, beyond what a key may be: only the small one is kept.
    keeps.process(&mut batch(1, 0)).unwrap();
    let mut memory = Vec::new();
    for _ in 0..=batches {
        keeps.process(&mut full.clone()).unwrap();
        memory.push(keeps.memory_bytes());
    }
    // The guest frees nothing, so a smaller memory is another instance's.
    assert!(memory.windows(2).any(|pair| pair[1] < pair[0]), "{memory:?}");
    assert_eq!(keeps.state(), &kept(&["k"]));
    let seen = 1 + (batches + 1) * full.len() as u64;
    assert_eq!(keeps.counters()["seen"], seen);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut bomb = opened("transform-state-bomb");
    bomb.process(&mut batch(1, 10)).unwrap();
    let bytes: usize = bomb.state().iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!((8 << 20..=limits::STATE_BYTES_MAX).contains(&bytes), "{bytes}");
}

#[test]
fn settings_that_are_refused_open_nothing() {
    let host = Place::new().host(true);
    host.add(source("transform-configure-says-no")).unwrap();
    let error = open(&host, "transform-configure-says-no", State::new()).err().unwrap();
    assert_eq!(error.code, "plugin-failed");
    assert_eq!(error.cause.as_deref(), Some("there are none"));
}

#[test]
fn fuel_counts_the_work() {
    let place = Place::new();
    let host = place.host_with(|options| {
        options.no_cache = true;
        options.fuel = true;
    });
    host.add(source("transform-identity")).unwrap();
    let mut identity = open(&host, "transform-identity", State::new()).unwrap();
    let mut fuel = |records| identity.process(&mut batch(records, 100)).unwrap().fuel.unwrap();
    let (few, many) = (fuel(10), fuel(1_000));
    assert_eq!(fuel(10), few);
    let each = (many - few) / 990;
    assert!((5..50).contains(&each), "{few} {many}");
}

#[test]
fn a_fault_is_of_one_partition_alone() {
    let host = Place::new().host(true);
    host.add(source("transform-keeps")).unwrap();
    let mut one = open(&host, "transform-keeps", State::new()).unwrap();
    let mut other = open(&host, "transform-keeps", State::new()).unwrap();
    one.process(&mut batch(2, 10)).unwrap_err();
    other.process(&mut batch(1, 10)).unwrap();
}

#[test]
fn there_is_a_bound_on_instances_that_stay_warm() {
    let host = Place::new().host(true);
    host.add(source("transform-identity")).unwrap();
    let mut all: Vec<_> = (0..limits::INSTANCES_WARM_MAX)
        .map(|_| open(&host, "transform-identity", State::new()).unwrap())
        .collect();
    let error = open(&host, "transform-identity", State::new()).err().unwrap();
    assert_eq!(error.code, "plugin-memory");
    all.pop();
    open(&host, "transform-identity", State::new()).unwrap();
}
