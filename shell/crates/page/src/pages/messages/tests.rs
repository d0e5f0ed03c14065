//! Where a look begins, what it finds, and where the next one begins.

use std::sync::Arc;

use serde_json::{Value, json};

use super::look::{Look, read};
use super::place::{Place, SHOWN_MAX, written};
use crate::desk::{Desk, Visit};
use crate::testing::{Told, request};

fn record(partition: i64, offset: i64, timestamp: i64) -> Value {
    json!({ "topic": "t", "partition": partition, "offset": offset, "timestamp": timestamp,
        "key": null, "value": "v", "headers": [] })
}

async fn looked(address: &str, question: &str, records: Vec<Value>) -> (Place, Look) {
    let told = Told::new().answers(question, Value::Array(records));
    let visit = Visit::new(Arc::new(Desk::new(Arc::new(told))), request(address));
    let place = Place::of(&visit.request).unwrap();
    let look = read(&visit, &place, place.browse(&visit.request)).await.unwrap();
    (place, look)
}

/// The last partition holds the newest records; those before it fill many pages.
#[tokio::test]
async fn the_newest_are_found_in_whatever_partition_they_are() {
    let mut records: Vec<Value> =
        (0..100).flat_map(|p| (0..50).map(move |o| record(p, o, 1_000 + o))).collect();
    records.push(record(100, 7, 9_000));
    let look = looked("/topics/t/messages", "consume t --output=jsonl --from=-50", records);
    let (place, look) = look.await;
    assert_eq!(look.records.len(), SHOWN_MAX);
    assert_eq!((&look.records[0]["partition"], look.stopped), (&json!(100), None));
    assert_eq!(look.progress.scanned, 5_001);
    // Those that had no room come first on the page before; 49 are shown, of the last offset.
    let earlier = look.earlier(&place.newest.unwrap());
    assert_eq!(earlier.len(), 100, "all of the last partition were looked at: {earlier:?}");
    assert_eq!(earlier.values().filter(|end| **end == 49).count(), 49);
    assert_eq!(earlier.values().filter(|end| **end == 50).count(), 51);
}

#[tokio::test]
async fn a_look_back_ends_before_what_was_seen_and_says_where_the_next_one_does() {
    let address = "/topics/t/messages?before=0:80,1:10&value=20";
    let question = "consume t --output=jsonl --from=latest --start=0:60 --start=1:0";
    let records = (60..90).map(|o| record(0, o, o)).chain((0..12).map(|o| record(1, o, o)));
    let (place, look) = looked(address, question, records.collect()).await;
    assert_eq!((look.records.len(), look.stopped), (30, None));
    assert_eq!((&look.records[0]["offset"], &look.records[29]["offset"]), (&json!(79), &json!(0)));
    let newest = place.newest.unwrap();
    assert_eq!(written(&look.earlier(&newest)), "0:60");
    assert_eq!((newest.further(30, false, 2), newest.further(30, true, 2)), (20, 400));
}

#[tokio::test]
async fn who_goes_on_keeps_the_place_of_every_partition() {
    let address = "/topics/t/messages?from=offset&value=300&start=0:310,2:320";
    let question = "consume t --output=jsonl --from=300 --start=0:310 --start=2:320";
    let (place, look) = looked(address, question, vec![record(2, 320, 1)]).await;
    assert_eq!(place.onward(&look.progress.next), "0:310,2:321");
}

#[test]
fn places_that_are_none_are_refused() {
    let places =
        ["?start=1", "?start=0:-1", "?before=x:1", "?value=noon", "?value=0", "?start=0:1:2"];
    for place in places {
        let error = Place::of(&request(&format!("/topics/t/messages{place}"))).unwrap_err();
        assert_eq!(error.code, "bad-value", "{place}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_where_the_next_page_begins() {
    let records: Vec<Value> = (0..70).map(|n| record(n % 2, n / 2, n)).collect();
    let question = "consume t --output=jsonl --from=earliest";
    let (_, look) = looked("/topics/t/messages?from=earliest", question, records).await;
    assert_eq!(look.records.len(), SHOWN_MAX);
    assert_eq!(written(&look.progress.next), "0:25,1:25");
}
