//! The pages: a table of paths, and what a request for one says.

mod brokers;
mod groups;
pub mod messages;
mod overview;
mod plugins;
pub mod record;
mod topic;
mod topics;
mod zookeeper;

use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use kafsh_model::port::BoxFuture;
use maud::{Markup, html};
use percent_encoding::percent_decode_str;

use crate::desk::Visit;
use crate::link;

/// Most parameters of an address.
const PARAMS_MAX: usize = 32;

/// What a page drew.
pub struct Drawn {
    pub title: String,
    pub body: Markup,
    pub status: StatusCode,
    /// It is drawn again while it is open
    pub live: bool,
}

impl Drawn {
    pub fn new(title: impl Into<String>, body: Markup) -> Self {
        Drawn { title: title.into(), body, status: StatusCode::OK, live: true }
    }

    /// A page that does not change by itself.
    #[must_use]
    pub fn still(mut self) -> Self {
        self.live = false;
        self
    }

    #[must_use]
    pub fn missing(mut self) -> Self {
        self.status = StatusCode::NOT_FOUND;
        self.live = false;
        self
    }
}

type Draw = for<'a> fn(&'a Visit) -> BoxFuture<'a, Drawn>;

/// Pause between two looks at a page that is kept up to date.
const OFTEN: Duration = Duration::from_secs(2);
/// Where a look costs every group's coordinator two requests; as often as lag is worth a look.
const AT_TIMES: Duration = Duration::from_secs(5);
/// Where a look runs policies over every topic, and what is shown changes by a command alone.
const SELDOM: Duration = Duration::from_secs(30);

/// A path by segment, `*` for a name, how often it is looked at, and who draws it.
type Page = (&'static [&'static str], Duration, Draw);

const PAGES: &[Page] = &[
    (&[], OFTEN, |visit| Box::pin(overview::draw(visit))),
    (&["brokers"], OFTEN, |visit| Box::pin(brokers::list(visit))),
    (&["brokers", "*"], OFTEN, |visit| Box::pin(brokers::one(visit))),
    (&["topics"], OFTEN, |visit| Box::pin(topics::draw(visit))),
    (&["topics", "*"], OFTEN, |visit| Box::pin(topic::draw(visit))),
    (&["topics", "*", "messages"], SELDOM, |visit| Box::pin(messages::draw(visit))),
    (&["topics", "*", "messages", "*", "*"], SELDOM, |visit| Box::pin(record::draw(visit))),
    (&["groups"], AT_TIMES, |visit| Box::pin(groups::list(visit))),
    (&["groups", "*"], OFTEN, |visit| Box::pin(groups::one(visit))),
    (&["zookeeper"], OFTEN, |visit| Box::pin(zookeeper::draw(visit))),
    (&["plugins"], SELDOM, |visit| Box::pin(plugins::draw(visit))),
    (&["plugins", "*"], SELDOM, |visit| Box::pin(plugins::one(visit))),
];

/// What the bar at the top leads to.
pub const NAV: &[(&str, &str)] = &[
    ("/", "Overview"),
    ("/brokers", "Brokers"),
    ("/topics", "Topics"),
    ("/groups", "Groups"),
    ("/zookeeper", "ZooKeeper"),
    ("/plugins", "Plugins"),
];

fn page_of(request: &Request) -> Option<&'static Page> {
    let segments = &request.segments;
    PAGES.iter().find(|(path, ..)| {
        path.len() == segments.len()
            && path.iter().zip(segments).all(|(known, given)| *known == "*" || *known == given)
    })
}

/// Pause between two looks at the page of a request.
pub fn every(request: &Request) -> Duration {
    page_of(request).map_or(SELDOM, |(_, every, _)| *every)
}

/// Draws the page of a visit's path.
pub async fn draw(visit: &Visit) -> Drawn {
    match page_of(&visit.request) {
        Some((.., draw)) => draw(visit).await,
        None => {
            let body = html! { p { "There is no such page. " a href="/" { "The overview" } } };
            Drawn::new("Not found", body).missing()
        }
    }
}

/// An address of the page, taken apart.
#[derive(Clone, Debug)]
pub struct Request {
    /// Decoded
    pub segments: Vec<String>,
    params: Vec<(String, String)>,
    /// ms since 1970, when it was read
    pub now_ms: i64,
}

impl Request {
    /// `None` where it is none: no text, or too many parameters.
    pub fn parse(address: &str) -> Option<Request> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path = path.strip_prefix('/')?;
        let decode = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
        let parts = path.split('/').filter(|part| !part.is_empty());
        let segments = parts.map(decode).collect::<Option<Vec<_>>>()?;
        if segments.iter().any(|part| part.contains('\0')) {
            return None;
        }
        let params: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().take(PARAMS_MAX + 1).collect();
        let now_ms = Timestamp::now().as_millisecond();
        (params.len() <= PARAMS_MAX).then_some(Request { segments, params, now_ms })
    }

    /// The same, asked now.
    pub fn now(&self) -> Request {
        Request { now_ms: Timestamp::now().as_millisecond(), ..self.clone() }
    }

    /// A parameter; empty where it is not there.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The name in the path; empty where the path has none.
    pub fn name(&self) -> &str {
        self.segments.get(1).map_or("", String::as_str)
    }

    fn path(&self) -> String {
        let segments = self.segments.iter().map(|part| format!("/{}", link::segment(part)));
        let path: String = segments.collect();
        if path.is_empty() { "/".to_string() } else { path }
    }

    /// As a link, without the format.
    pub fn address(&self) -> String {
        self.address_with(&[])
    }

    /// The same page with other parameters; an empty value takes one away.
    pub fn address_with(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.params.iter().filter(|(name, _)| {
            name != "format" && !changes.iter().any(|(changed, _)| changed == name)
        });
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let params: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
        link::with(&self.path(), &params)
    }

    /// The page of `path`, or one below it.
    pub fn is_below(&self, path: &str) -> bool {
        let first = path.trim_start_matches('/');
        self.segments.first().map_or("", String::as_str) == first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Desk;
    use crate::testing::Told;
    use kafsh_model::Error;
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[test]
    fn an_address_is_taken_apart_and_put_together() {
        let request = Request::parse("/topics/a%2Fb%20%3C?from=-5&format=json").unwrap();
        assert_eq!(request.segments, ["topics", "a/b <"]);
        assert_eq!(request.param("from"), "-5");
        assert_eq!(request.address(), "/topics/a%2Fb%20%3C?from=-5");
        assert_eq!(
            request.address_with(&[("from", ""), ("sort", "x&y")]),
            "/topics/a%2Fb%20%3C?sort=x%26y"
        );
        assert!(request.is_below("/topics") && !request.is_below("/"));
        assert!(Request::parse("/").unwrap().is_below("/"));
    }

    #[test]
    fn what_is_costly_is_looked_at_less_often() {
        let every = |path| every(&Request::parse(path).unwrap());
        assert!(every("/") < every("/groups") && every("/groups") < every("/plugins"));
        assert_eq!(every("/none"), SELDOM);
    }

    /// Every page says what failed where nothing answers, and stays a page.
    #[tokio::test]
    async fn pages_stand_without_an_answer() {
        let refused = || Error::unavailable("unavailable", "no broker <answers>");
        let told = Told::new()
            .fails("cluster health", refused())
            .fails("cluster status", refused())
            .fails("topic describe t", refused())
            .fails("group describe g", Error::not_found("group-not-found", "no group `g`"));
        let desk = Arc::new(Desk::new(Arc::new(told)));
        let paths = ["/", "/brokers", "/brokers/1", "/topics", "/topics/t", "/groups", "/groups/g"];
        for path in paths.into_iter().chain(["/topics/t/messages", "/zookeeper", "/plugins"]) {
            let visit = Visit::new(desk.clone(), Request::parse(path).unwrap());
            let drawn = draw(&visit).await;
            let status = if path == "/groups/g" { StatusCode::NOT_FOUND } else { drawn.status };
            assert_eq!(drawn.status, status, "{path}");
            let text = crate::layout::page(&visit, drawn).into_string();
            assert!(text.contains("kafsh -C demo"), "{path} names what it asked");
            assert!(!text.contains("<answers>"), "{path}");
            let value = visit.to_json();
            assert!(value["answers"].as_object().is_some_and(|all| !all.is_empty()), "{path}");
        }
        let visit = Visit::new(desk, Request::parse("/none").unwrap());
        assert_eq!(draw(&visit).await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn red_is_where_writes_fail_and_unknown_is_not_nought() {
        let count = |n: Value| json!({ "count": n, "since_ms": 1_000 });
        let health = json!({
            "offline": count(json!(2)), "under_min_isr": count(Value::Null),
            "under_replicated": count(json!(3)), "brokers_ready": 2, "brokers_total": 3,
            "controller": { "broker": 1, "since_ms": 5, "changes": [] }, "partitions": [],
        });
        let told = Told::new().answers("cluster health", health);
        let visit = Visit::new(Arc::new(Desk::new(Arc::new(told))), Request::parse("/").unwrap());
        let text = draw(&visit).await.body.into_string();
        let tile = |name: &str| {
            let at = text.find(&format!("<span class=\"name\">{name}")).unwrap();
            let start = text[..at].rfind("<a class=\"tile ").unwrap();
            text[start..at].to_string()
        };
        assert!(tile("Offline").contains("red"));
        assert!(tile("Under min ISR").contains("dim"));
        assert!(tile("Under-replicated").contains("amber"));
        assert!(tile("Brokers").contains("amber"));
        assert!(text.contains("unknown"));
    }

    /// ZooKeeper names a controller that hangs until its session ends.
    #[tokio::test]
    async fn a_controller_that_hangs_is_not_fine() {
        let health = json!({
            "offline": { "count": 1, "since_ms": null },
            "controller": { "broker": 1, "since_ms": 5, "changes": [] }, "partitions": [],
        });
        let node = |state: &str, ready: bool| {
            let node = json!({ "node": "broker 1", "broker": 1, "state": state, "ready": ready });
            json!({ "nodes": [node] })
        };
        let text = async |status: Value| {
            let told = Told::new()
                .answers("cluster health", health.clone())
                .answers("cluster status", status);
            let visit =
                Visit::new(Arc::new(Desk::new(Arc::new(told))), Request::parse("/").unwrap());
            draw(&visit).await.body.into_string()
        };
        let paused = text(node("paused", false)).await;
        assert!(paused.contains("paused, and none is elected yet"), "{paused}");
        assert!(text(node("running", false)).await.contains("silent, and none"), "{paused}");
        assert!(!text(node("running", true)).await.contains("none is elected"));
        assert!(paused.contains("since: <span class=\"unknown\">unknown"), "{paused}");
    }

    #[test]
    fn what_is_no_address_is_none() {
        assert!(Request::parse("http://elsewhere/").is_none());
        assert!(Request::parse("/%ff").is_none(), "not UTF-8");
        let many: String = (0..=PARAMS_MAX).map(|n| format!("a{n}=1&")).collect();
        assert!(Request::parse(&format!("/?{many}")).is_none());
        assert_eq!(Request::parse("/../etc/passwd").unwrap().segments, ["..", "etc", "passwd"]);
    }
}
