//! One look at the records of a topic, bounded in records and in time.

use std::time::Duration;

use jiff::Timestamp;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use super::place::{Newest, Offsets, Place, SCANNED_MAX, SHOWN_MAX, written};
use crate::ask::{Answer, Browse, Progress, Records};
use crate::desk::{Asked, Desk, Visit};
use crate::pages::record;

/// How long one look reads.
const LOOK_TIME: Duration = Duration::from_secs(4);

/// How long what a filter could not do is waited for.
const REMARKS_TIME: Duration = Duration::from_secs(1);

/// Until reading begins: a filter is compiled when it is first used.
pub const OPEN_TIME: Duration = Duration::from_secs(15);

/// What was found.
pub struct Look {
    pub records: Vec<Value>,
    pub progress: Progress,
    /// Of the newest, those for which the page had no room: the last of each partition
    pub left_out: Offsets,
    /// Why it stopped before the end, where it did
    pub stopped: Option<&'static str>,
    /// What the filter has to say: records that it could not be asked about
    pub remarks: Vec<String>,
}

/// Reads until there is a page full, or a bound is reached.
pub async fn look(visit: &Visit, place: &Place) -> Result<Look> {
    let mut browse = place.browse(&visit.request);
    if place.newest.is_none() && browse.text.is_none() && browse.keep.is_none() {
        // No more is read than is shown.
        browse.consume = browse.consume.flag("count", &SHOWN_MAX.to_string());
    }
    let line = browse.line(&visit.desk.program());
    let looked = read(visit, place, browse).await.map_err(|error| visit.desk.advise(error));
    let read_ms = Timestamp::now().as_millisecond();
    let outcome = match &looked {
        Ok(look) => Ok(Answer { value: told(place, look), notes: Vec::new() }),
        Err(error) => Err(error.clone()),
    };
    visit.keep("messages", Asked { line, read_ms, outcome });
    looked
}

fn told(place: &Place, look: &Look) -> Value {
    let earlier = place.newest.as_ref().map(|newest| written(&look.earlier(newest)));
    json!({
        "records": look.records,
        "scanned": look.progress.scanned,
        "matched": look.records.len(),
        "stopped": look.stopped,
        "next": place.onward(&look.progress.next),
        "earlier": earlier,
        "remarks": look.remarks,
    })
}

/// Begins to read.
///
/// # Errors
/// What the command says; `timed-out` where it does not begin.
pub async fn open(desk: &Desk, browse: Browse) -> Result<Box<dyn Records>> {
    let late = |_| {
        Error::timed_out("the first records did not come in time")
            .with_cause("a leader may be silent")
            .with_next("cluster health")
    };
    timeout(OPEN_TIME, desk.browse(browse)).await.map_err(late)?
}

pub(super) async fn read(visit: &Visit, place: &Place, browse: Browse) -> Result<Look> {
    let filtered = browse.keep.is_some();
    let mut records = open(&visit.desk, browse).await?;
    let deadline = Instant::now() + LOOK_TIME;
    let mut look = Look {
        records: Vec::new(),
        progress: Progress::default(),
        left_out: Offsets::new(),
        stopped: None,
        remarks: Vec::new(),
    };
    look.stopped = loop {
        let Ok(batch) = timeout_at(deadline, records.next()).await else {
            break Some(match filtered {
                true => "the time for one look was over; the filter may be slow",
                false => "the time for one look was over",
            });
        };
        let Some(batch) = batch? else { break None };
        look.take(batch, place.newest.as_ref());
        if let Some(newest) = &place.newest {
            if newest.is_read(&records.progress().next) {
                break None;
            }
        } else if look.records.len() >= SHOWN_MAX {
            break Some("the page is full");
        }
        if records.progress().scanned >= SCANNED_MAX {
            break Some("enough was read for one look");
        }
    };
    look.progress = records.progress();
    if filtered {
        let remarks = timeout(REMARKS_TIME, records.finish()).await;
        look.remarks = remarks.ok().and_then(Result::ok).unwrap_or_default();
    }
    // What does not fit is where the next page begins.
    for record in look.records.drain(SHOWN_MAX.min(look.records.len())..) {
        if let Some((partition, offset)) = at(&record) {
            let next = look.progress.next.entry(partition).or_insert(offset);
            *next = (*next).min(offset);
        }
    }
    Ok(look)
}

impl Look {
    /// Where the look before this one ends.
    pub fn earlier(&self, newest: &Newest) -> Offsets {
        newest.earlier(&self.progress.next, &self.left_out)
    }

    fn take(&mut self, batch: Vec<Value>, newest: Option<&Newest>) {
        let Some(newest) = newest else {
            self.records.extend(batch.into_iter().map(record::cut));
            return;
        };
        let wanted = |record: &Value| at(record).is_none_or(|(p, offset)| newest.is_in(p, offset));
        self.records.extend(batch.into_iter().filter(wanted).map(record::cut));
        // Every partition is read to its end: the newest of all may come last.
        self.records.sort_by_key(|record| {
            std::cmp::Reverse((record["timestamp"].as_i64(), record["offset"].as_i64()))
        });
        for record in self.records.drain(SHOWN_MAX.min(self.records.len())..) {
            if let Some((partition, offset)) = at(&record) {
                let last = self.left_out.entry(partition).or_insert(offset);
                *last = (*last).max(offset);
            }
        }
    }
}

fn at(record: &Value) -> Option<(i32, i64)> {
    let partition = record["partition"].as_i64().and_then(|id| i32::try_from(id).ok());
    Some((partition?, record["offset"].as_i64()?))
}
