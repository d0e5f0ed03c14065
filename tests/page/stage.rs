//! Rehearsed clusters with a page in front of them, and the way through all its pages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use tempfile::TempDir;

use crate::markup;
use crate::served::Served;
use crate::support::Kafsh;

/// Most addresses that a way through the pages visits.
const VISITS_MAX: usize = 120;
/// Addresses of one shape that are visited: the pages of three topics tell as much as those of all.
const SHAPE_VISITS_MAX: usize = 3;

/// What happened to the cluster `demo` before the page is opened: topics with records, groups that
/// lag, a broker that is gone.
const STORY: &str = r#"
cluster up demo --brokers 3
topic create orders --partitions 6 --replication-factor 3 --config retention.ms=604800000
topic create payments --partitions 3 --replication-factor 3 --config min.insync.replicas=2
topic create visits --partitions 1 --replication-factor 1
produce orders --envelope --file orders.jsonl
produce payments --key customer-7 --header source=checkout --header trace=4bf92f35 <<END
{"payment": 1, "amount": "12.50", "currency": "EUR"}
{"payment": 2, "amount": "3.00", "currency": "KRW"}
END
consume orders --group billing --count 25 > "billing.txt"
consume orders --group shipping > "shipping.txt"
produce orders --key late <<END
{"order": 100, "state": "new"}
END
"#;

/// A page on a rehearsed cluster. The folder goes last.
pub struct Stage {
    pub served: Served,
    _home: TempDir,
}

impl Stage {
    /// With the story, and `more` lines of a script behind it.
    #[track_caller]
    pub fn told(more: &str) -> Stage {
        Stage::with(&format!("{STORY}{more}"), &[])
    }

    /// With a script of its own, and files beside it.
    #[track_caller]
    pub fn with(script: &str, files: &[(&str, &[u8])]) -> Stage {
        let home = tempfile::tempdir().expect("a folder");
        let orders: String = (1..=40).map(order).collect();
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(home.path().join(name), bytes).expect("a file of the stage");
        };
        write("orders.jsonl", orders.as_bytes());
        for (name, bytes) in files {
            write(name, bytes);
        }
        write("stage.ksh", format!("{script}\nui --no-open\n").as_bytes());
        let served = Served::start(&kafsh(home.path()), &["run", "stage.ksh"]);
        Stage { served, _home: home }
    }

    /// A cluster and nothing in it.
    #[track_caller]
    pub fn bare() -> Stage {
        Stage::with("cluster up demo --brokers 3", &[])
    }
}

fn kafsh(home: &Path) -> Kafsh {
    // What a rehearsal that is killed leaves behind goes with the folder of the test.
    let folder = home.to_string_lossy();
    Kafsh::at(home).in_directory(home).env("TMPDIR", &folder).with(&["--rehearse", "-C", "demo"])
}

fn order(number: u32) -> String {
    let state = ["new", "paid", "sent"][number as usize % 3];
    let value = format!(r#"{{\"order\": {number}, \"state\": \"{state}\", \"items\": [1, 2]}}"#);
    let headers = r#"[{"name": "source", "value": "shop"}]"#;
    format!(
        "{{\"key\": \"customer-{}\", \"value\": \"{value}\", \"headers\": {headers}}}\n",
        number % 7
    )
}

/// Every page that can be come to by links from the first, with its document; several of a shape.
#[track_caller]
pub fn wander(served: &Served, cookie: &str) -> BTreeMap<String, String> {
    let mut waiting = VecDeque::from(["/".to_string()]);
    let mut known = BTreeSet::from(["/".to_string()]);
    let mut visits: BTreeMap<String, usize> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    while let Some(address) = waiting.pop_front() {
        let count = visits.entry(shape(&address)).or_default();
        *count += 1;
        if *count > SHAPE_VISITS_MAX {
            continue;
        }
        assert!(pages.len() < VISITS_MAX, "too many pages: {:?}", pages.keys());
        let answer = served.get(&address, cookie);
        assert_eq!(answer.status, 200, "`{address}`, which a page links to:\n{}", answer.text());
        if !answer.header("content-type").starts_with("text/html") {
            // A file to be kept: what a record holds is never shown as a page of ours.
            let kept = answer.header("content-disposition");
            assert!(kept.starts_with("attachment"), "`{address}` is `{kept}`");
            continue;
        }
        let document = answer.text().to_string();
        for href in markup::links(&document) {
            let href = href.split('#').next().unwrap_or_default().to_string();
            if is_page(&href) && known.insert(href.clone()) {
                waiting.push_back(href);
            }
        }
        pages.insert(address, document);
    }
    pages
}

/// One address of each shape: the first in the order of their names, Kafka's own topics left out.
pub fn kinds<T>(pages: &BTreeMap<String, T>) -> Vec<String> {
    let mut shapes = BTreeSet::new();
    let own = pages.keys().filter(|address| !address.contains("/__"));
    own.filter(|address| shapes.insert(shape(address))).cloned().collect()
}

fn is_page(href: &str) -> bool {
    href.starts_with('/') && !href.starts_with("/assets/") && !href.contains("format=json")
}

/// An address without names and values: `/topics/*/messages from`.
fn shape(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let segments = path.split('/').enumerate();
    // The first is empty, and names stand behind what they are names of.
    let path: Vec<&str> =
        segments.map(|(index, one)| if index == 1 || index == 3 { one } else { "*" }).collect();
    let mut params: Vec<String> = form(query)
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            // A tab is a page of its own.
            "tab" => format!("tab={value}"),
            _ => name,
        })
        .collect();
    params.sort();
    format!("{} {}", path.join("/"), params.join(" "))
}

fn form(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let part = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_string(), value.to_string())
    };
    pairs.map(part).collect()
}
