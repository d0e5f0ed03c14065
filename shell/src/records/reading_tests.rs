//! Tests of reading against a consumer in memory.

use std::sync::{Arc, Mutex};

use kafsh_model::port::Fetched;
use kafsh_model::record::RecordView;

use super::*;

#[derive(Default)]
struct Account {
    handed_out: usize,
    committed: usize,
    closed: bool,
}

/// Hands out so many records, then ends or is silent.
struct Memory {
    left: usize,
    endless: bool,
    account: Arc<Mutex<Account>>,
}

impl Consumer for Memory {
    fn next<'a>(&'a mut self, max: usize, wait: Duration) -> BoxFuture<'a, Result<Fetched>> {
        Box::pin(async move {
            let mut fetched = Fetched::default();
            if self.left == 0 && self.endless {
                tokio::time::sleep(wait).await;
                return Ok(fetched);
            }
            for _ in 0..max.min(self.left) {
                assert!(fetched.batch.push(RecordView::new("t", None, Some(b"v\n"))));
            }
            self.left -= fetched.batch.len();
            self.account.lock().unwrap().handed_out += fetched.batch.len();
            fetched.finished = self.left == 0 && !self.endless;
            Ok(fetched)
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        let mut account = self.account.lock().unwrap();
        account.committed = account.handed_out;
        Box::pin(async { Ok(()) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.account.lock().unwrap().closed = true;
            Ok(())
        })
    }
}

fn reading(left: usize, endless: bool, limits: Limits) -> (Box<Reading>, Arc<Mutex<Account>>) {
    let account = Arc::new(Mutex::new(Account::default()));
    let consumer = Box::new(Memory { left, endless, account: account.clone() });
    (Box::new(Reading::new(consumer, limits, "t".to_string(), Cancel::new())), account)
}

async fn drain(mut reading: Box<Reading>) -> (u64, Result<Vec<String>>) {
    let mut seen = 0;
    while let Some(batch) = reading.next().await.unwrap() {
        seen += batch.len() as u64;
        reading.acknowledge().await.unwrap();
    }
    (seen, reading.finish().await)
}

#[tokio::test]
async fn the_end_is_told() {
    let (reading, account) = reading(5, false, Limits::default());
    assert_eq!(drain(reading).await, (5, Ok(vec!["end of t: 5 records".to_string()])));
    assert!(account.lock().unwrap().closed);
}

#[tokio::test]
async fn a_count_is_never_passed() {
    let limits = Limits { count: Some(3), timeout: None };
    let (reading, account) = reading(5, true, limits);
    assert_eq!(drain(reading).await, (3, Ok(Vec::new())));
    let account = account.lock().unwrap();
    assert_eq!((account.handed_out, account.committed, account.closed), (3, 3, true));
}

#[tokio::test]
async fn too_few_in_time_is_a_failure() {
    for endless in [true, false] {
        let limits = Limits { count: Some(3), timeout: Some(Duration::from_millis(20)) };
        let (reading, account) = reading(2, endless, limits);
        let (seen, ended) = drain(reading).await;
        let error = ended.unwrap_err();
        assert_eq!((seen, error.class), (2, kafsh_model::Class::TimedOut));
        assert_eq!(error.message, "2 of 3 records came from t");
        assert!(account.lock().unwrap().closed);
    }
    let limits = Limits { count: None, timeout: Some(Duration::from_millis(20)) };
    let (seen, ended) = drain(reading(2, true, limits).0).await;
    assert_eq!((seen, ended), (2, Ok(vec!["stopped after 20ms: 2 records of t".to_string()])));
}

#[tokio::test]
async fn an_interrupt_closes() {
    let (mut reading, account) = reading(0, true, Limits::default());
    let cancel = reading.cancel.clone();
    let canceller = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cancel.cancel();
    });
    assert_eq!(reading.next().await.unwrap_err().code, "interrupted");
    canceller.await.unwrap();
    assert!(account.lock().unwrap().closed);
}

#[tokio::test]
async fn a_format_keeps_newlines_inside_a_record_apart() {
    for (format, newline) in [("%t:%s\\n", true), ("%t:%s", false)] {
        let (reading, _) = reading(2, false, Limits::default());
        let mut formatted = Formatted::new(reading, RecordFormat::parse(format).unwrap());
        let lines = formatted.next().await.unwrap().unwrap();
        assert_eq!(lines, [b"t:v\n", b"t:v\n"], "{format}");
        assert_eq!(formatted.ending().newline, newline);
    }
}

#[tokio::test]
async fn a_closing_that_was_dropped_is_awaited_at_the_end() {
    let (mut reading, account) = reading(0, true, Limits::default());
    reading.cancel.cancel();
    // The stage after saw the interrupt too, and let go of the item it waited for.
    let waited = tokio::time::timeout(Duration::ZERO, reading.next()).await;
    assert!(waited.is_err() && !account.lock().unwrap().closed);
    reading.finish().await.unwrap();
    assert!(account.lock().unwrap().closed);
}
