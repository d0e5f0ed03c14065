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
use maud::html;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::desk::{Desk, Visit};
use crate::pages::{self, Request};
use crate::server::Shared;
use crate::show;

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
    let every = pages::every(&request);
    let (desk, stop) = (shared.desk, shared.stop);
    let look = Look { desk, request, every, stop, last: None, _seat: seat };
    let stream = unfold(look, |mut look| async move {
        let event = look.next().await?;
        Some((Ok::<_, Infallible>(event), look))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

struct Look {
    desk: Arc<Desk>,
    request: Request,
    /// Pause between two looks
    every: Duration,
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
            () = tokio::time::sleep(self.every) => {}
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
