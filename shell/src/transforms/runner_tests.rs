//! Tests of running batches: order, failures, poison, counts, what is remembered.

use std::sync::atomic::Ordering;

use super::super::fakes::{Fake, Shared, batch, values};
use super::super::pool::INSTANCES_MAX;
use super::super::trial::{self, Fate};
use super::*;

fn runner(fake: &Arc<Fake>, on_failure: OnFailure) -> Runner {
    let runner = Runner::new(Arc::new(Shared(fake.clone())), Arc::default(), on_failure).unwrap();
    fake.opened.store(0, Ordering::Relaxed);
    runner
}

fn passed(passed: &Passed) -> Vec<String> {
    passed.outs.iter().flat_map(|out| values(&out.batch)).collect()
}

fn failed(passed: &Passed) -> Vec<(&str, &str)> {
    passed.failures.iter().map(|failure| (&*failure.place, &*failure.code)).collect()
}

#[test]
fn each_record_has_its_fate_and_is_counted() {
    let fake = Fake::new();
    let mut runner = runner(&fake, OnFailure::GoOn);
    let done = runner.run(batch(3, 40, &["a", "drop", "bad", "b"]));
    assert_eq!(passed(&done), ["a", "b"]);
    assert_eq!(done.outs[0].sources, [0, 3]);
    assert_eq!(failed(&done), [("t/3@42", "bad-value")]);
    assert_eq!(values(&done.failures[0].original), ["bad"]);
    assert!(done.error.is_none());
    assert_eq!(runner.totals(), Totals { taken: 4, passed: 2, dropped: 1, failed: 1 });
    assert_eq!(runner.counters()["seen"], 4);
}

#[test]
fn where_a_failure_stops_it_what_came_before_passes_and_nothing_else() {
    let fake = Fake::new();
    let mut all = batch(0, 0, &["a", "drop", "b"]);
    for (partition, offset, value) in [(1, 9, "c"), (1, 10, "bad"), (1, 11, "d"), (2, 0, "e")] {
        let one = batch(partition, offset, &[value]);
        assert!(all.push(one.get(0)));
    }
    let mut runner = runner(&fake, OnFailure::Stop);
    let done = runner.run(all);
    assert_eq!(passed(&done), ["a", "b", "c"]);
    assert_eq!(failed(&done), [("t/1@10", "bad-value")]);
    assert_eq!(runner.totals(), Totals { taken: 5, passed: 3, dropped: 1, failed: 1 });
}

#[test]
fn a_poison_record_is_found_by_halving_with_few_calls() {
    for at in [0, 1, 249, 250, 257, 499] {
        let fake = Fake::new();
        let mut runner = runner(&fake, OnFailure::GoOn);
        let mut given = vec!["x"; 500];
        given[at] = "poison";
        let done = runner.run(batch(7, 1_000, &given));
        assert_eq!(passed(&done).len(), 499, "{at}");
        let place = format!("t/7@{}", 1_000 + at);
        assert_eq!(failed(&done), [(place.as_str(), "plugin-panic")]);
        let calls = fake.calls.load(Ordering::Relaxed);
        assert!(calls <= 19, "{calls} calls for a poison record at {at}");
        let sources: Vec<u32> = done.outs.iter().flat_map(|out| out.sources.clone()).collect();
        assert!(sources.is_sorted() && !sources.contains(&(at as u32)));
        assert_eq!(runner.totals().passed, 499);
    }
}

#[test]
fn a_poison_record_stops_it_after_what_came_before() {
    let fake = Fake::new();
    let mut runner = runner(&fake, OnFailure::Stop);
    let done = runner.run(batch(0, 0, &["a", "b", "c", "poison", "d", "poison"]));
    assert_eq!(
        (passed(&done), failed(&done)),
        (vec!["a".into(), "b".into(), "c".into()], vec![("t/0@3", "plugin-panic")])
    );
}

#[test]
fn what_is_no_fault_of_a_record_ends_it() {
    let fake = Fake::new();
    let done = runner(&fake, OnFailure::GoOn).run(batch(0, 0, &["a", "refused"]));
    assert_eq!(done.error.unwrap().code, "transform-output-refused");
    assert!(done.outs.is_empty() && done.failures.is_empty());
    let poison = vec!["poison"; 300];
    let done = runner(&fake, OnFailure::GoOn).run(batch(0, 0, &poison));
    assert_eq!(done.error.unwrap().code, "transform-broken");
    assert_eq!(done.failures.len(), 99);
}

#[test]
fn lines_are_named_by_their_number_across_batches() {
    let fake = Fake::new();
    let mut runner = runner(&fake, OnFailure::GoOn);
    let lines = |values: &[&str]| {
        let mut batch = RecordBatch::new();
        for value in values {
            let view = kafsh_model::record::RecordView::new("", None, Some(value.as_bytes()));
            assert!(batch.push(view));
        }
        batch
    };
    runner.run(lines(&["a", "b"]));
    let done = runner.run(lines(&["c", "bad"]));
    assert_eq!(failed(&done), [("record 4", "bad-value")]);
}

#[test]
fn instances_are_bounded_and_what_they_remember_is_not_lost() {
    let fake = Fake::new();
    let mut runner = runner(&fake, OnFailure::GoOn);
    let partitions = INSTANCES_MAX as i32 + 10;
    for partition in 0..partitions {
        assert_eq!(passed(&runner.run(batch(partition, 0, &["once", "poison", "once"]))), ["once"]);
    }
    for partition in 0..partitions {
        assert!(passed(&runner.run(batch(partition, 9, &["once"]))).is_empty());
    }
    assert_eq!(runner.states().len(), partitions as usize);
    let next = Runner::new(Arc::new(Shared(fake)), Arc::default(), OnFailure::GoOn).unwrap();
    let mut next = next.with_states(Arc::default(), runner.states());
    assert!(passed(&next.run(batch(5, 10, &["once"]))).is_empty());
    assert!(next.keeps_something());
}

#[test]
fn settings_are_refused_before_there_is_a_record() {
    let refusing = Arc::new(Shared(Fake::refusing()));
    let error = Runner::new(refusing, Arc::default(), OnFailure::Stop).err().unwrap();
    assert_eq!(error.code, "plugin-failed");
}

#[test]
fn told_to_stop_it_ends_between_two_calls() {
    let fake = Fake::new();
    let mut runner = runner(&fake, OnFailure::GoOn);
    runner.stopper().store(true, Ordering::Release);
    let done = runner.run(batch(0, 0, &["a"]));
    assert_eq!(done.error.unwrap().code, "interrupted");
    assert_eq!(fake.calls.load(Ordering::Relaxed), 0);
}

#[test]
fn a_trial_says_what_became_of_each() {
    let transform = Arc::new(Shared(Fake::new()));
    let given = batch(0, 0, &["a", "drop", "bad", "poison", "b"]);
    let (fates, counters) = trial::run(transform, Arc::default(), given).unwrap();
    let shown: Vec<String> = fates
        .iter()
        .map(|fate| match fate {
            Fate::Became(records) => values(records).join(","),
            Fate::Failed(failure) => failure.code.clone(),
        })
        .collect();
    assert_eq!(shown, ["a", "", "bad-value", "plugin-panic", "b"]);
    assert_eq!(counters["seen"], 4);
}
