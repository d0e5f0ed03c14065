//! Pages that keep themselves up to date: the same drawing, sent again where it has changed.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use jiff::Timestamp;
use kafsh_model::Error;
use maud::html;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::ask::Records;
use crate::desk::{Desk, Visit};
use crate::layout;
use crate::pages::{self, Request, messages, record};
use crate::server::Shared;
use crate::show;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Most pages that are kept up to date at once.
pub const PAGES_MAX: usize = 32;

/// `/live?at=ADDRESS`: event `page` with the new drawing where it has changed, event `read` with
/// the time of a look that found the same.
pub async fn follow(State(shared): State<Shared>, request: HttpRequest) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let at = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "at");
    let Some(request) = at.and_then(|(_, at)| Request::parse(&at)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Ok(seat) = shared.seats.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let look = Look { desk: shared.desk, request, stop: shared.stop, last: None, _seat: seat };
    let stream = unfold(look, |mut look| async move {
        let event = look.next().await?;
        Some((Ok::<_, Infallible>(event), look))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

struct Look {
    desk: Arc<Desk>,
    request: Request,
    stop: watch::Receiver<bool>,
    /// Hash of the last drawing
    last: Option<u64>,
    _seat: OwnedSemaphorePermit,
}

impl Look {
    async fn next(&mut self) -> Option<Event> {
        // What the browser has was drawn a moment ago.
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => return None,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let visit = Visit::new(self.desk.clone(), self.request.now());
        let drawn = pages::draw(&visit).await;
        let markup = drawn.body.into_string();
        let mut hasher = DefaultHasher::new();
        markup.hash(&mut hasher);
        let hash = hasher.finish();
        let changed = self.last.replace(hash) != Some(hash);
        let clock = show::time(Timestamp::now().as_millisecond()).into_string();
        Some(match changed {
            true => {
                let both = html! { (maud::PreEscaped(&clock)) }.into_string() + "\n" + &markup;
                // A carriage return would end a line of the protocol.
                Event::default().event("page").data(both.replace('\r', "&#13;"))
            }
            false => Event::default().event("read").data(clock),
        })
    }
}

/// Most records that one look at a live topic shows: a page cannot be read faster.
const FOLLOWED_MAX: usize = 50;

/// Between two of them.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// `/follow?at=ADDRESS`: event `records` with rows as they come, event `read` with how many were
/// read in all, event `failed` with an error, at which it ends.
pub async fn records(State(shared): State<Shared>, request: HttpRequest) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let at = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "at");
    let Some(request) = at.and_then(|(_, at)| Request::parse(&at)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Ok(seat) = shared.seats.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let visit = Visit::new(shared.desk.clone(), request);
    let mut browse = messages::browse(&visit);
    browse.consume = browse.consume.switch("follow");
    let state = match shared.desk.browse(browse).await {
        Ok(records) => Following::Reading(records),
        Err(error) => Following::Failed(error),
    };
    let tail = Tail { state, stop: shared.stop, _seat: seat };
    let stream = unfold(tail, |mut tail| async move {
        let event = tail.next().await?;
        Some((Ok::<_, Infallible>(event), tail))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

enum Following {
    Reading(Box<dyn Records>),
    Failed(Error),
    Ended,
}

struct Tail {
    state: Following,
    stop: watch::Receiver<bool>,
    _seat: OwnedSemaphorePermit,
}

impl Tail {
    async fn next(&mut self) -> Option<Event> {
        let records = match std::mem::replace(&mut self.state, Following::Ended) {
            Following::Ended => return None,
            Following::Failed(error) => {
                let text = layout::error(&error).into_string();
                return Some(Event::default().event("failed").data(text.replace('\r', "&#13;")));
            }
            Following::Reading(records) => records,
        };
        self.state = Following::Reading(records);
        let Following::Reading(records) = &mut self.state else { return None };
        let mut rows = Vec::new();
        let until = tokio::time::sleep(FOLLOW_EVERY);
        tokio::pin!(until);
        loop {
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = &mut until => break,
                batch = records.next() => match batch {
                    Ok(Some(batch)) => {
                        rows.extend(batch.into_iter().map(record::cut));
                        let surplus = rows.len().saturating_sub(FOLLOWED_MAX);
                        rows.drain(..surplus);
                    }
                    Ok(None) => return None,
                    Err(error) => {
                        self.state = Following::Failed(error);
                        break;
                    }
                },
            }
        }
        let scanned = match &self.state {
            Following::Reading(records) => records.progress().scanned,
            _ => 0,
        };
        let count = show::grouped(&scanned.to_string());
        if rows.is_empty() {
            return Some(Event::default().event("read").data(count));
        }
        rows.reverse();
        let rows = html! { @for row in &rows { (messages::row(row, "")) } }.into_string();
        let both = count + "\n" + &rows;
        Some(Event::default().event("records").data(both.replace('\r', "&#13;")))
    }
}
