//! The server: loopback alone, a bounded number of connections, one way in.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, SET_COOKIE,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kafsh_model::{Class, Error, Result};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};

use crate::ask::Ask;
use crate::connection::Bounded;
use crate::desk::{Desk, Visit};
use crate::gate::{Gate, HEADERS, Refusal};
use crate::pages::{Request, record};
use crate::{asset, follow, layout, live, pages};

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `None`: any free one
    pub port: Option<u16>,
}

/// What every request sees.
#[derive(Clone)]
pub struct Shared {
    pub desk: Arc<Desk>,
    gate: Arc<Gate>,
    used: Arc<Notify>,
    /// Places for pages that are kept up to date
    pub seats: Arc<Semaphore>,
    /// True when the server is to end
    pub stop: watch::Receiver<bool>,
}

/// A page that is being served; dropping it ends it.
pub struct Server {
    port: u16,
    gate: Arc<Gate>,
    used: Arc<Notify>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Binds a port of 127.0.0.1 and serves until this is dropped.
    ///
    /// # Errors
    /// `port-taken` (failed) where the port that was asked for is somebody else's; `io-error`.
    pub async fn start(ask: Arc<dyn Ask>, options: Options) -> Result<Server> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0)));
        let listener = TcpListener::bind(wanted).await.map_err(|e| refused(wanted, &e))?;
        let address = listener.local_addr().map_err(|e| refused(wanted, &e))?;
        let gate = Arc::new(Gate::new(address.port())?);
        let used = Arc::new(Notify::new());
        let (stop, stopped) = watch::channel(false);
        let shared = Shared {
            desk: Arc::new(Desk::new(ask)),
            gate: gate.clone(),
            used: used.clone(),
            seats: Arc::new(Semaphore::new(live::PAGES_MAX)),
            stop: stopped.clone(),
        };
        let listener = Bounded::new(listener);
        tokio::spawn(async move {
            let serving = axum::serve(listener, router(shared));
            let mut told = stopped;
            let told = async move {
                let _ = told.wait_for(|stop| *stop).await;
            };
            // Accepting has no error of its own: it waits and tries again.
            let _ = serving.with_graceful_shutdown(told).await;
        });
        Ok(Server { port: address.port(), gate, used, stop })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new link, good once.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn link(&self) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}/enter?token={}", self.port, self.gate.token()?))
    }

    /// Returns when somebody came in by a link.
    pub async fn entered(&self) {
        self.used.notified().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody listens where it ended by itself.
        let _ = self.stop.send(true);
    }
}

fn refused(wanted: SocketAddr, e: &std::io::Error) -> Error {
    match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::failed("port-taken", format!("port {} is taken", wanted.port()))
                .with_cause("another program listens there")
                .with_next("ui")
        }
        _ => Error::io(format!("the page cannot listen on {wanted}"), e),
    }
}

/// The parameter with which a program asks for a page.
const FORMAT_JSON: (Cow<'static, str>, Cow<'static, str>) =
    (Cow::Borrowed("format"), Cow::Borrowed("json"));

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/enter", get(enter))
        .route("/live", get(live::follow))
        .route("/follow", get(follow::records))
        .route("/raw", get(raw))
        .route(
            "/assets/{name}",
            get(|Path(name): Path<String>| async move { asset::response(&name) }),
        )
        .fallback(get(page))
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// Every request passes here first, and every answer last.
async fn guard(State(shared): State<Shared>, request: HttpRequest, next: Next) -> Response {
    let checked = shared
        .gate
        .check_origin(request.method(), request.uri(), request.headers())
        .and_then(|()| match is_open(request.uri().path()) {
            true => Ok(()),
            false => shared.gate.check_known(request.headers()),
        });
    let query = request.uri().query().unwrap_or_default();
    let as_json = form_urlencoded::parse(query.as_bytes()).any(|pair| pair == FORMAT_JSON);
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) if as_json => refuse_a_program(refusal),
        Err(refusal) => refuse(refusal),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The way in, and what the page that refuses is drawn with.
fn is_open(path: &str) -> bool {
    matches!(path, "/enter" | "/assets/page.css" | "/assets/icon.svg")
}

fn refuse(refusal: Refusal) -> Response {
    let (title, advice) = refusal.words();
    allowed(refusal, html(refusal.status(), layout::refusal(title, advice)))
}

/// The same for who asked for JSON.
fn refuse_a_program(refusal: Refusal) -> Response {
    let (message, advice) = refusal.words();
    let json = json!({ "error": { "message": message, "advice": advice } }).to_string();
    let headers = [(CONTENT_TYPE, "application/json")];
    allowed(refusal, (refusal.status(), headers, json).into_response())
}

fn allowed(refusal: Refusal, mut response: Response) -> Response {
    if refusal == Refusal::Method {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

async fn enter(State(shared): State<Shared>, request: HttpRequest) -> Response {
    if request.method() == Method::HEAD {
        // Who only looks at a link, as a program that shows a preview, does not use it up.
        return StatusCode::NO_CONTENT.into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    match shared.gate.enter(token.as_ref().map_or("", |(_, token)| token)) {
        Ok(cookie) => {
            shared.used.notify_one();
            // The token is gone from the address before anything of the page is loaded.
            (StatusCode::SEE_OTHER, [(LOCATION, "/".to_string()), (SET_COOKIE, cookie)])
                .into_response()
        }
        // A link that is opened again by a browser that is in already (its history) is no harm.
        Err(_) if shared.gate.check_known(request.headers()).is_ok() => {
            (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response()
        }
        Err(refusal) => refuse(refusal),
    }
}

async fn page(State(shared): State<Shared>, request: HttpRequest) -> Response {
    let address = request.uri().path_and_query().map_or("/", |all| all.as_str());
    let Some(request) = Request::parse(address) else {
        return html(
            StatusCode::BAD_REQUEST,
            layout::refusal("No such address", "It cannot be read."),
        );
    };
    let format = request.param("format");
    if !matches!(format, "" | "json") {
        let advice = "A page is HTML, or JSON with `?format=json`.";
        return html(StatusCode::BAD_REQUEST, layout::refusal("No such format", advice));
    }
    let as_json = format == "json";
    let visit = Visit::new(shared.desk, request);
    let mut drawn = pages::draw(&visit).await;
    if drawn.status == StatusCode::OK && visit.is_malformed() {
        drawn.status = StatusCode::BAD_REQUEST;
    }
    if as_json {
        let json = visit.to_json().to_string();
        return (drawn.status, [(CONTENT_TYPE, "application/json")], json).into_response();
    }
    html(drawn.status, layout::page(&visit, drawn))
}

/// `/raw?at=ADDRESS&part=value`: bytes of a record as a file, never as something a browser runs.
async fn raw(State(shared): State<Shared>, request: HttpRequest) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let param = |name: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    };
    let Some(request) = param("at").and_then(|at| Request::parse(&at)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let visit = Visit::new(shared.desk, request);
    match record::bytes(&visit, &param("part").unwrap_or_default()).await {
        Ok(bytes) => {
            let headers = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CONTENT_DISPOSITION, "attachment; filename=\"record.bin\""),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => {
            let status = match error.class {
                Class::NotFound => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_GATEWAY,
            };
            html(status, layout::refusal("It cannot be brought", &error.message))
        }
    }
}

pub fn html(status: StatusCode, markup: maud::Markup) -> Response {
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], markup.into_string()).into_response()
}
