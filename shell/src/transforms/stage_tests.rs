//! Tests of the stage: nothing is acknowledged too early, nothing that failed passes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafsh_model::port::{Delivered, Delivery, Producer};

use super::super::fakes::{Fake, Given, Shared, batch, values};
use super::super::runner::OnFailure;
use super::*;

fn stage(given: Given, on_error: OnError) -> Stage {
    let on_failure = match on_error {
        OnError::Fail => OnFailure::Stop,
        _ => OnFailure::GoOn,
    };
    let runner = Runner::new(Arc::new(Shared(Fake::new())), Arc::default(), on_failure).unwrap();
    Stage::start(runner, Box::new(given), on_error, None).unwrap()
}

/// Two partitions in each batch, so that each comes in two parts.
fn two_parts(offset: i64, first: &str, second: &str) -> RecordBatch {
    let mut both = batch(0, offset, &[first]);
    assert!(both.push(batch(1, offset, &[second]).get(0)));
    both
}

/// Keeps what it is sent; fails where it is told to.
#[derive(Default)]
struct Post {
    sent: Mutex<Vec<RecordBatch>>,
    fails: bool,
    /// What was acknowledged upstream when letters came
    acknowledged: Arc<AtomicUsize>,
    seen: AtomicUsize,
}

impl Producer for Post {
    fn send<'a>(&'a self, batch: &'a RecordBatch) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async {
            self.seen.store(self.acknowledged.load(Ordering::Relaxed), Ordering::Relaxed);
            if self.fails {
                return Ok(vec![Err(Error::not_found("topic-not-found", "no topic `dead`"))]);
            }
            self.sent.lock().unwrap().push(batch.clone());
            Ok(vec![Ok(Delivered { partition: 0, offset: 0 }); batch.len()])
        })
    }
}

#[tokio::test]
async fn it_acknowledges_only_when_all_of_what_it_pulled_was_handed_out() {
    let given = Given::new([two_parts(0, "a", "b"), two_parts(1, "drop", "drop")]);
    let acknowledged = given.acknowledged.clone();
    let mut stage = stage(given, OnError::Fail);
    let acked = || acknowledged.load(Ordering::Relaxed);
    assert_eq!(values(&stage.next().await.unwrap().unwrap()), ["a"]);
    assert!(stage.ready());
    stage.acknowledge().await.unwrap();
    assert_eq!(acked(), 0, "`b` is still here");
    assert_eq!(values(&stage.next().await.unwrap().unwrap()), ["b"]);
    assert!(!stage.ready());
    stage.acknowledge().await.unwrap();
    assert_eq!(acked(), 1);
    assert!(stage.next().await.unwrap().unwrap().is_empty(), "what was dropped is done as well");
    stage.acknowledge().await.unwrap();
    assert_eq!(acked(), 2);
    assert!(stage.next().await.unwrap().is_none());
    let notes = Box::new(stage).finish().await.unwrap();
    assert_eq!(notes[0], "transform fake: 4 records in, 2 out, 2 dropped");
    assert_eq!(notes[1], "transform fake counted seen 4");
}

#[tokio::test]
async fn after_a_failure_nothing_is_acknowledged() {
    let given = Given::new([two_parts(0, "a", "bad"), two_parts(1, "c", "d")]);
    let (acknowledged, pulled) = (given.acknowledged.clone(), given.pulled.clone());
    let mut stage = stage(given, OnError::Fail);
    assert_eq!(values(&stage.next().await.unwrap().unwrap()), ["a"]);
    assert!(!stage.ready(), "whoever has something in hand sends it before the error comes");
    stage.acknowledge().await.unwrap();
    let error = stage.next().await.unwrap_err();
    assert_eq!(error.code, "transform-failed");
    assert_eq!(error.message, "`fake` could not transform t/1@0");
    assert_eq!(error.evidence[0], "bad-value: it is bad");
    assert_eq!(error.evidence[1], "transform fake: 2 records in, 1 out, 1 failed");
    assert_eq!(error.next[0], "consume t --partition 1 --from 0 --count 1 -O jsonl");
    stage.acknowledge().await.unwrap();
    assert!(stage.next().await.unwrap().is_none());
    assert_eq!((acknowledged.load(Ordering::Relaxed), pulled.load(Ordering::Relaxed)), (0, 1));
}

#[tokio::test]
async fn what_is_skipped_is_named() {
    let values_given: Vec<&str> = ["bad"; 7].into_iter().chain(["x"]).collect();
    let mut stage = stage(Given::new([batch(0, 0, &values_given)]), OnError::Skip);
    assert_eq!(values(&stage.next().await.unwrap().unwrap()), ["x"]);
    assert!(stage.next().await.unwrap().is_none());
    let notes = Box::new(stage).finish().await.unwrap();
    assert_eq!(notes[0], "transform fake: 8 records in, 1 out, 7 failed");
    assert!(notes[1].starts_with("transform fake left out t/0@0 (bad-value: it is bad); t/0@1 ("));
    assert!(notes[1].ends_with("; 2 more"), "{}", notes[1]);
}

#[tokio::test]
async fn dead_letters_are_written_before_anything_is_acknowledged() {
    let given = Given::new([batch(0, 0, &["a", "bad", "poison"])]);
    let post = Arc::new(Post { acknowledged: given.acknowledged.clone(), ..Post::default() });
    let letters = Letters::new(post.clone(), "dead".to_string());
    let mut stage = stage(given, OnError::DeadLetter(letters));
    // Halved, it comes in two batches.
    let mut passed = Vec::new();
    while let Some(batch) = stage.next().await.unwrap() {
        passed.extend(values(&batch));
        stage.acknowledge().await.unwrap();
    }
    assert_eq!(passed, ["a"]);
    assert_eq!(post.seen.load(Ordering::Relaxed), 0);
    let sent = post.sent.lock().unwrap().clone();
    assert_eq!(values(&sent[0]), ["bad", "poison"]);
    let headers = |index: usize| -> Vec<(String, String)> {
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        sent[0].get(index).headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect()
    };
    let expected = [
        ("kafsh.error.plugin", "fake"),
        ("kafsh.error.version", "1.2.3"),
        ("kafsh.error.code", "bad-value"),
        ("kafsh.error.message", "it is bad"),
        ("kafsh.source", "t/0@1"),
        ("kafsh.source.topic", "t"),
        ("kafsh.source.partition", "0"),
        ("kafsh.source.offset", "1"),
    ];
    assert_eq!(headers(0), expected.map(|(n, v)| (n.to_string(), v.to_string())));
    assert_eq!(headers(1)[2].1, "plugin-panic");
    assert_eq!((sent[0].get(0).topic, sent[0].get(0).partition), ("dead", -1));
    let notes = Box::new(stage).finish().await.unwrap();
    assert_eq!(notes[0], "transform fake: 3 records in, 1 out, 2 failed, 2 to dead");
}

#[tokio::test]
async fn a_dead_letter_that_is_not_written_ends_it() {
    let given = Given::new([batch(0, 0, &["a", "bad"])]);
    let acknowledged = given.acknowledged.clone();
    let post = Arc::new(Post { fails: true, ..Post::default() });
    let mut stage = stage(given, OnError::DeadLetter(Letters::new(post, "dead".to_string())));
    let error = stage.next().await.unwrap_err();
    assert_eq!(error.code, "dead-letter-failed");
    stage.acknowledge().await.unwrap();
    assert_eq!(acknowledged.load(Ordering::Relaxed), 0);
}
