//! What comes out of every page: a document, the same data as JSON, and the command to type.

use serde_json::Value;

use crate::component::plugin;
use crate::stage::{Stage, wander};

/// Pages that the bar at the top leads to.
const NAV_MIN: usize = 6;

#[test]
fn every_page_is_come_to_by_links_and_says_what_it_is() {
    let mut stage = Stage::told("broker kill 2 --yes");
    let cookie = stage.served.cookie();
    let pages = wander(&stage.served, &cookie);
    let nav = crate::markup::links(pages["/"].split("</nav>").next().expect("a bar of links"));
    let nav: Vec<&String> = nav.iter().filter(|href| href.starts_with('/')).collect();
    assert!(nav.len() > NAV_MIN, "{nav:?}");
    for path in nav {
        assert!(pages.contains_key(path.as_str()), "{path} was not come to");
    }
    for part in ["/topics/orders", "/groups/billing", "/brokers/2"] {
        let there = pages.keys().any(|address| address.starts_with(part));
        assert!(there, "no link leads to `{part}`: {:?}", pages.keys());
    }
    for (address, document) in &pages {
        assert!(document.contains("<title>"), "{address}");
        assert!(document.contains("kafsh --rehearse"), "{address} names no command");
    }
    // What is broken stands on the first page, with the broker's name and the time.
    let first = &pages["/"];
    assert!(first.contains("at risk") && first.contains("broker 2"), "{first}");
    assert!(first.contains("since "), "{first}");
    for address in ["/", "/brokers", "/brokers/2"] {
        let page = &pages[address];
        let mends = "<code class=\"next\">kafsh --rehearse -C demo broker start 2</code>";
        assert!(page.contains(mends), "what to type about it:\n{page}");
        assert!(page.contains("class=\"since\">since <time"), "since when it is gone:\n{page}");
    }
    // Of its partitions ZooKeeper tells it, once the session of the broker has ended.
    assert!(pages["/topics/orders"].contains(">Since</th>"), "{}", pages["/topics/orders"]);
    stage.served.end();
}

#[test]
fn every_page_is_there_as_json() {
    let mut stage = Stage::told("broker kill 2 --yes");
    let cookie = stage.served.cookie();
    for address in wander(&stage.served, &cookie).into_keys() {
        let sign = if address.contains('?') { '&' } else { '?' };
        let answer = stage.served.get(&format!("{address}{sign}format=json"), &cookie);
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.header("content-type"), "application/json", "{address}");
        let json = answer.json();
        assert_eq!(json["cluster"], "demo", "{address}");
        let answers = json["answers"].as_object().expect("answers by name");
        assert!(!answers.is_empty(), "{address} asks nothing");
        for (key, answer) in answers {
            let command = answer["command"].as_str().unwrap_or_default();
            assert!(command.starts_with("kafsh "), "{address} {key}: {answer}");
            assert!(answer["read_ms"].is_u64(), "{address} {key}: {answer}");
            let either = answer.get("value").is_some() != answer.get("error").is_some();
            assert!(either, "{address} {key}: {answer}");
            // A broker that is gone cannot be asked for its settings.
            let silent = address == "/brokers/2" && key == "config";
            let code = if silent { Value::from("broker-not-found") } else { Value::Null };
            assert_eq!(answer["error"]["code"], code, "{address} {key}: {answer}");
        }
    }
    stage.served.end();
}

#[test]
fn somebody_elses_plugin_is_shown_with_its_grant_and_what_was_stopped() {
    let script = "cluster up demo --brokers 3\ntopic create t -p 1 -r 1\nproduce t <<END\nx\nEND\n\
                  plugin install theirs.wasm --grant clock\n\
                  try consume t | transform theirs > \"out.txt\"";
    let component = plugin("transform", "theirs", "1.2.0", &["log", "clock"]);
    let mut stage = Stage::with(script, &[("theirs.wasm", &component)]);
    let cookie = stage.served.cookie();
    let answers = stage.served.get("/plugins?format=json", &cookie).json();
    let rows = answers["answers"]["plugins"]["value"].as_array().expect("plugins").clone();
    let row = rows.iter().find(|row| row["name"] == "theirs").expect("what was installed");
    let digest = row["digest"].as_str().expect("a digest");
    let page = stage.served.get("/plugins", &cookie);
    let (denied, installed) = page.text().split_once(">Policies in charge<").expect("two parts");
    assert!(denied.contains("/plugins/theirs") && denied.contains("plugin-panic"), "{denied}");
    let own = installed.split("<tr>").find(|row| row.contains("/plugins/theirs"));
    let own = own.unwrap_or_else(|| panic!("no row of its own:\n{installed}"));
    assert!(own.contains("1.2.0") && own.contains("clock") && own.contains(digest), "{own}");
    let one = stage.served.get("/plugins/theirs", &cookie);
    assert!(one.text().contains("clock") && one.text().contains(digest), "{}", one.text());
    stage.served.end();
}
