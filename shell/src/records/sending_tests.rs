//! Tests of sending against a producer in memory.

use std::collections::VecDeque;
use std::sync::Mutex;

use kafsh_model::port::{BoxFuture, Delivered};

use super::*;

/// Keeps the values it is sent; refuses those that are `bad`.
#[derive(Default)]
struct Memory {
    sent: Mutex<Vec<Vec<u8>>>,
    batches: Mutex<usize>,
}

impl Producer for Memory {
    fn send<'a>(&'a self, batch: &'a RecordBatch) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move {
            *self.batches.lock().unwrap() += 1;
            let mut sent = self.sent.lock().unwrap();
            let deliver = |value: &[u8]| {
                if value == b"bad" {
                    return Err(Error::failed("corrupt-record", "a record is bad"));
                }
                sent.push(value.to_vec());
                Ok(Delivered { partition: 0, offset: sent.len() as i64 - 1 })
            };
            Ok(batch.iter().map(|r| r.value.unwrap_or_default()).map(deliver).collect())
        })
    }
}

/// Items one by one, with an account of what was acknowledged.
struct Counted {
    items: VecDeque<Value>,
    pulled: usize,
    acknowledged: Arc<Mutex<usize>>,
    /// Waits for ever at the end instead of ending
    endless: bool,
}

impl Source<Value> for Counted {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>>> {
        Box::pin(async {
            let item = self.items.pop_front();
            if item.is_none() && self.endless {
                std::future::pending::<()>().await;
            }
            self.pulled += usize::from(item.is_some());
            Ok(item)
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        *self.acknowledged.lock().unwrap() = self.pulled;
        Box::pin(async { Ok(()) })
    }
}

fn counted(items: &[&str], endless: bool) -> (Input, Arc<Mutex<usize>>) {
    let acknowledged = Arc::new(Mutex::new(0));
    let items = items.iter().map(|text| Value::String(text.to_string())).collect();
    let source = Counted { items, pulled: 0, acknowledged: acknowledged.clone(), endless };
    (Input::Values(Box::new(source)), acknowledged)
}

fn sending(producer: &Arc<Memory>) -> Sending {
    let shape = Shape { topic: "t".to_string(), ..Shape::default() };
    Sending::new(Some(producer.clone() as Arc<dyn Producer>), shape, true)
}

#[tokio::test]
async fn all_is_sent_in_order_and_acknowledged() {
    let producer = Arc::new(Memory::default());
    let (input, acknowledged) = counted(&["a", "b", "c"], false);
    let sent = sending(&producer).run(input, &Cancel::new()).await.unwrap();
    assert_eq!(*producer.sent.lock().unwrap(), [b"a", b"b", b"c"]);
    assert_eq!(*acknowledged.lock().unwrap(), 3);
    assert_eq!(sent.report.unwrap().len(), 3);
    assert!(sent.summary.starts_with("3 records to t (partitions 0:3), "), "{}", sent.summary);
}

#[tokio::test]
async fn a_failure_stops_and_says_what_was_acknowledged() {
    let producer = Arc::new(Memory::default());
    let (input, acknowledged) = counted(&["a", "bad", "c"], false);
    let error = sending(&producer).run(input, &Cancel::new()).await.err().unwrap();
    assert_eq!(error.code, "corrupt-record");
    let evidence = error.evidence.join("\n");
    assert!(evidence.contains(" acknowledged (partitions 0:"), "{evidence}");
    // Whoever reads the source again gets what failed again.
    assert!(*acknowledged.lock().unwrap() < 2);
}

#[tokio::test]
async fn what_is_in_hand_does_not_wait_for_the_next() {
    let producer = Arc::new(Memory::default());
    let (input, _) = counted(&["a", "b"], true);
    let cancel = Cancel::new();
    let ours = cancel.clone();
    let sending = sending(&producer);
    let task = tokio::spawn(async move { sending.run(input, &ours).await.err() });
    for _ in 0..500 {
        if producer.sent.lock().unwrap().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(producer.sent.lock().unwrap().len(), 2);
    cancel.cancel();
    let error = task.await.unwrap().unwrap();
    assert_eq!(error.code, "interrupted");
    assert_eq!(error.evidence, ["2 records were acknowledged (partitions 0:2)"]);
}

#[tokio::test]
async fn what_was_not_sent_is_counted_and_placed_and_not_sent_again() {
    let producer = Arc::new(Memory::default());
    let items = ["a", "bad", "c", "bad", "e"].map(|text| json!(text));
    let input = Input::Ready(items.into_iter().rev().collect());
    let error = sending(&producer).run(input, &Cancel::new()).await.err().unwrap();
    assert!(error.message.starts_with("2 of 5 records were not sent: "), "{}", error.message);
    assert_eq!(error.evidence[0], "the first of them: record 2 of the input");
    assert_eq!(error.evidence[1], "3 records were acknowledged (partitions 0:3)");
    assert_eq!((*producer.batches.lock().unwrap(), producer.sent.lock().unwrap().len()), (1, 3));
}

#[tokio::test]
async fn a_dry_run_sends_and_acknowledges_nothing() {
    let (input, acknowledged) = counted(&["a"], false);
    let shape = Shape { topic: "t".to_string(), ..Shape::default() };
    let sent = Sending::new(None, shape, false).run(input, &Cancel::new()).await.unwrap();
    assert_eq!(sent.summary, "dry run: 1 record would go to t; nothing was sent");
    assert_eq!(*acknowledged.lock().unwrap(), 0);
}

#[tokio::test]
async fn many_values_share_batches() {
    let producer = Arc::new(Memory::default());
    let items: Vec<Value> = (0..SEND_RECORDS + 5).rev().map(|n| json!(n)).collect();
    let input = Input::Ready(items);
    sending(&producer).run(input, &Cancel::new()).await.unwrap();
    let sent = producer.sent.lock().unwrap();
    assert_eq!((sent.len(), &sent[0][..]), (SEND_RECORDS + 5, b"0".as_slice()));
    assert_eq!(*producer.batches.lock().unwrap(), 2);
}

/// A producer whose cluster never answers.
struct Silent;

impl Producer for Silent {
    fn send<'a>(&'a self, _: &'a RecordBatch) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn an_interrupt_does_not_wait_for_a_cluster_that_is_gone() {
    let cancel = Cancel::new();
    let shape = Shape { topic: "t".to_string(), ..Shape::default() };
    let sending = Sending::new(Some(Arc::new(Silent) as Arc<dyn Producer>), shape, true);
    let (input, acknowledged) = counted(&["x"], false);
    let ours = cancel.clone();
    let task = tokio::spawn(async move { sending.run(input, &ours).await.err() });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    cancel.cancel();
    let ended = tokio::time::timeout(INTERRUPT_GRACE * 4, task).await.expect("it ends");
    let error = ended.unwrap().expect("it fails");
    assert_eq!(error.code, "interrupted");
    assert!(error.evidence[0].contains("1 records were handed over"), "{error:?}");
    assert_eq!(*acknowledged.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_report_that_is_cut_says_so() {
    let report = |count: usize| async move {
        let producer = Arc::new(Memory::default());
        let mut sending = sending(&producer);
        sending.report = Some(Vec::new());
        let items = vec!["x"; count];
        let sent = sending.run(counted(&items, false).0, &Cancel::new()).await.unwrap();
        (sent.report.unwrap().len(), sent.notes)
    };
    assert_eq!(report(3).await, (3, Vec::new()));
    let (rows, notes) = report(REPORT_ROWS_MAX + 1).await;
    assert_eq!(rows, REPORT_ROWS_MAX);
    assert_eq!(notes, ["the report has the first 100000 of 100001 records"]);
}
