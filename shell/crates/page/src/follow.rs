//! The end of a topic as it grows: records are read by a task of their own, so that what a filter
//! still works on is never given up for a look at the clock.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use kafsh_model::{Error, Result};
use maud::html;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use crate::ask::Browse;
use crate::desk::Desk;
use crate::layout;
use crate::pages::{Request, messages, record};
use crate::server::Shared;
use crate::show;

/// Most records that one look at a live topic shows: a page cannot be read faster.
const SHOWN_MAX: usize = 50;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Batches that wait to be looked at; reading goes no further ahead.
const WAITING_MAX: usize = 4;

/// `/follow?at=ADDRESS`: event `records` with rows as they come, event `read` with how many were
/// read in all, event `failed` with an error, at which it ends.
pub async fn records(State(shared): State<Shared>, request: HttpRequest) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let at = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "at");
    let Some(request) = at.and_then(|(_, at)| followed(&at)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Ok(seat) = shared.seats.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Ok(place) = messages::Place::of(&request) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut browse = place.browse(&request);
    browse.consume = browse.consume.switch("follow");
    let tail = Tail::new(read(shared.desk, browse), Some(seat));
    let stream = unfold((tail, shared.stop), |(mut tail, mut stop)| async move {
        let event = tail.next(&mut stop).await?;
        Some((Ok::<_, Infallible>(event), (tail, stop)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

/// The page whose topic is to be followed; no other has one.
fn followed(address: &str) -> Option<Request> {
    let request = Request::parse(address)?;
    let path: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    matches!(path.as_slice(), ["topics", _, "messages"]).then_some(request)
}

/// A batch with how many were read so far, or why it ends.
type Piece = Result<(Vec<Value>, u64)>;

/// Starts a task that reads for as long as somebody takes what it reads.
fn read(desk: Arc<Desk>, browse: Browse) -> mpsc::Receiver<Piece> {
    let (pieces, taken) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let reading = pour(&desk, browse, &pieces);
        let outcome = tokio::select! {
            () = pieces.closed() => return,
            outcome = reading => outcome,
        };
        if let Err(error) = outcome {
            // Nobody is there to be told where this fails.
            let _ = pieces.send(Err(desk.advise(error))).await;
        }
    });
    taken
}

async fn pour(desk: &Desk, browse: Browse, pieces: &mpsc::Sender<Piece>) -> Result<()> {
    let mut records = messages::open(desk, browse).await?;
    while let Some(batch) = records.next().await? {
        let rows = batch.into_iter().map(record::cut).collect();
        if pieces.send(Ok((rows, records.progress().scanned))).await.is_err() {
            break;
        }
    }
    Ok(())
}

struct Tail {
    pieces: mpsc::Receiver<Piece>,
    scanned: u64,
    failed: Option<Error>,
    _seat: Option<OwnedSemaphorePermit>,
}

impl Tail {
    fn new(pieces: mpsc::Receiver<Piece>, seat: Option<OwnedSemaphorePermit>) -> Self {
        Tail { pieces, scanned: 0, failed: None, _seat: seat }
    }

    async fn next(&mut self, stop: &mut watch::Receiver<bool>) -> Option<Event> {
        if let Some(error) = self.failed.take() {
            self.pieces.close();
            let text = layout::error(&error).into_string();
            return Some(Event::default().event("failed").data(text.replace('\r', "&#13;")));
        }
        let rows = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return None,
            rows = self.rows() => rows?,
        };
        let count = show::grouped(&self.scanned.to_string());
        if rows.is_empty() {
            return Some(Event::default().event("read").data(count));
        }
        let newest_first = rows.iter().rev();
        let rows = html! { @for row in newest_first { (messages::row(row, "")) } }.into_string();
        let both = count + "\n" + &rows;
        Some(Event::default().event("records").data(both.replace('\r', "&#13;")))
    }

    /// The last that came since the look before; `None` at the end.
    async fn rows(&mut self) -> Option<Vec<Value>> {
        let mut rows = Vec::new();
        let until = tokio::time::sleep(LOOK_EVERY);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => return Some(rows),
                piece = self.pieces.recv() => match piece {
                    Some(Ok((batch, scanned))) => {
                        self.scanned = scanned;
                        rows.extend(batch);
                        let surplus = rows.len().saturating_sub(SHOWN_MAX);
                        rows.drain(..surplus);
                    }
                    Some(Err(error)) => {
                        self.failed = Some(error);
                        return Some(rows);
                    }
                    None if rows.is_empty() => return None,
                    None => return Some(rows),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Ask, Question};
    use crate::testing::Told;
    use serde_json::json;

    fn tail(told: Told) -> Tail {
        let ask: Arc<dyn Ask> = Arc::new(told);
        let consume = Question::new(["consume", "t"]);
        Tail::new(read(Arc::new(Desk::new(ask)), Browse { consume, text: None, keep: None }), None)
    }

    #[test]
    fn nothing_but_messages_is_followed() {
        assert!(followed("/topics/t/messages?from=latest").is_some());
        for address in ["/topics/t", "/groups/t", "/topics/t/messages/0/7", "/", "t"] {
            assert!(followed(address).is_none(), "{address}");
        }
    }

    /// Whoever goes away leaves no task behind that reads on.
    #[tokio::test(start_paused = true)]
    async fn reading_ends_with_the_page() {
        let told: Arc<dyn Ask> = Arc::new(Told::new().hangs("consume t"));
        let consume = Question::new(["consume", "t"]);
        let desk = Arc::new(Desk::new(told));
        let pieces = read(desk.clone(), Browse { consume, text: None, keep: None });
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&desk), 2, "a task reads");
        drop(pieces);
        tokio::time::sleep(LOOK_EVERY).await;
        assert_eq!(Arc::strong_count(&desk), 1, "and ended");
    }

    /// What takes longer than a look is not begun anew by each look.
    #[tokio::test(start_paused = true)]
    async fn slow_records_come_all_the_same() {
        let records = json!([{ "topic": "t", "partition": 0, "offset": 7, "value": "late" }]);
        let told = Told::new().answers("consume t", records).slowly(5 * LOOK_EVERY);
        let mut tail = tail(told);
        let mut looks = 0;
        let rows = loop {
            let rows = tail.rows().await.expect("it goes on");
            looks += 1;
            if !rows.is_empty() {
                break rows;
            }
            assert!(looks < 50, "it never comes");
        };
        assert!(looks >= 4, "{looks}");
        assert_eq!(rows[0]["value"], "late");
        assert_eq!(tail.scanned, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_cannot_be_opened_fails_in_time() {
        let mut tail = tail(Told::new().hangs("consume t"));
        let looked = async { while tail.failed.is_none() && tail.rows().await.is_some() {} };
        tokio::time::timeout(2 * messages::OPEN_TIME, looked).await.expect("it ends");
        assert!(tail.failed.is_some());
    }
}
