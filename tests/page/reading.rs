//! Reading on, from page to page by the links that a page has: every record once, none left out.

use std::collections::BTreeSet;

use crate::markup;
use crate::served::Served;
use crate::stage::Stage;

/// Uneven over four partitions: their keys are spread as Java would.
const RECORDS: u32 = 1_520;

/// Pages that a walk may take: twice what is needed.
const PAGES_MAX: usize = 64;

type Place = (i32, i64);

fn stage() -> Stage {
    let line = |n: u32| format!("{{\"key\": \"k{n}\", \"value\": \"{{\\\"n\\\": {n}}}\"}}\n");
    let records: String = (0..RECORDS).map(line).collect();
    let script = "cluster up demo --brokers 3\n\
                  topic create many --partitions 4 --replication-factor 3\n\
                  produce many --envelope --file many.jsonl";
    Stage::with(script, &[("many.jsonl", records.as_bytes())])
}

/// The records of every page from `address` on, in order.
#[track_caller]
fn walked(served: &Served, cookie: &str, address: &str, goes_on: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let mut address = address.to_string();
    for _ in 0..PAGES_MAX {
        let page = served.get(&address, cookie);
        assert_eq!(page.status, 200, "{address}");
        let links = markup::links(page.text());
        places.extend(links.iter().filter_map(|href| place(href)));
        let leads_on = |href: &&String| {
            href.contains(goes_on) && !href.contains("format=") && **href != address
        };
        match links.iter().find(leads_on) {
            Some(next) => address = next.clone(),
            None => return places,
        }
    }
    panic!("no end after {PAGES_MAX} pages: {address}");
}

/// `/topics/many/messages/1/22`
fn place(href: &str) -> Option<Place> {
    let (partition, offset) = href.strip_prefix("/topics/many/messages/")?.split_once('/')?;
    Some((partition.parse().ok()?, offset.parse().ok()?))
}

#[track_caller]
fn each_once(places: &[Place], wanted: impl Fn(i64) -> bool, all: &BTreeSet<Place>) {
    let once: BTreeSet<Place> = places.iter().copied().collect();
    let wanted: BTreeSet<Place> = all.iter().filter(|(_, o)| wanted(*o)).copied().collect();
    assert_eq!(once, wanted);
    assert_eq!(places.len(), once.len(), "some came twice");
}

#[test]
fn reading_on_gives_every_record_once() {
    let mut stage = stage();
    let cookie = stage.served.cookie();
    let served = &stage.served;
    let read = |query: &str, goes_on: &str| {
        walked(served, &cookie, &format!("/topics/many/messages?{query}"), goes_on)
    };
    let forward = read("from=earliest", "start=");
    let all: BTreeSet<Place> = forward.iter().copied().collect();
    assert_eq!(all.len(), RECORDS as usize);
    assert_eq!(all.iter().map(|(partition, _)| partition).collect::<BTreeSet<_>>().len(), 4);
    each_once(&forward, |_| true, &all);
    each_once(&read("from=offset&value=300", "start="), |offset| offset >= 300, &all);
    each_once(&read("", "before="), |_| true, &all);
    // With a filter both ways; backwards it goes further at each page.
    each_once(&read("from=earliest&keep=.n%20%3E=%200", "start="), |_| true, &all);
    let found = read("keep=.n%20==%2011", "before=");
    assert_eq!(found.len(), 1, "one of the oldest: {found:?}");
}

#[test]
fn what_a_filter_could_not_do_is_told() {
    let mut stage = stage();
    let cookie = stage.served.cookie();
    let served = &stage.served;
    let said = |keep: &str| {
        let address = format!("/topics/many/messages?from=earliest&keep={keep}");
        served.get(&address, &cookie).text().to_string()
    };
    let failing = said(".n.deeper");
    assert!(failing.contains("1520 failed"), "{failing}");
    assert!(failing.contains("transform filter left out many/"), "{failing}");
    let eating = said("%5Brange(1e9)%5D%7Clength");
    assert!(eating.contains("out-of-memory") || eating.contains("memory"), "{eating}");
}
