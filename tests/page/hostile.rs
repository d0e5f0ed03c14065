//! Hostile data: whatever records, groups and addresses hold comes out as text, within bounds.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::markup::{escaped, tags};
use crate::stage::{Stage, wander};

/// Texts that were markup, script or protocol to somebody once. Each holds `zz` and its number, by
/// which it is found again.
pub const CORPUS: [&str; 14] = [
    "zz0<script>alert(1)</script>",
    "zz1\"><img src=x onerror=alert(1)>",
    "zz2'><svg onload=alert(1)>",
    "zz3</pre></code></td></table><script>alert(1)</script>",
    "zz4</title></head><body onload=alert(1)>",
    "zz5<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    // Attributes that htmx would act on.
    "zz6<a hx-get=\"/x\" hx-trigger=\"load\" hx-on:load=\"alert(1)\">",
    "zz7<style>*{background:url(//evil.example)}</style>",
    "zz8<base href=\"http://evil.example/\"><meta http-equiv=refresh content=0>",
    "zz9&lt;b&gt; &amp; &#60;script&#62;",
    "zz10{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "zz11javascript:alert(1)",
    // What would end an event of the live page, and begin another.
    "zz12\n\nevent: page\ndata: 0\ndata: <script>alert(1)</script>\n\n",
    "zz13\r\rdata: <b>\u{202e}gnp.exe\u{1b}[2J",
];

/// Elements that a page of ours consists of; there is no other.
const ELEMENTS: [&str; 49] = [
    "html", "head", "meta", "title", "link", "script", "body", "a", "abbr", "article", "aside",
    "b", "br", "button", "caption", "code", "dd", "details", "div", "dl", "dt", "em", "fieldset",
    "footer", "form", "h1", "h2", "h3", "header", "input", "label", "legend", "li", "main",
    "meter", "nav", "ol", "option", "p", "pre", "progress", "section", "select", "small", "span",
    "strong", "summary", "ul", "time",
];

/// And what a table consists of.
const TABLE_ELEMENTS: [&str; 7] = ["table", "thead", "tbody", "tfoot", "tr", "th", "td"];

/// Most bytes of a page, whatever is in the cluster.
const PAGE_BYTES_MAX: usize = 256 << 10;
/// Most bytes of the first page and of the list of topics, with 10,000 topics.
const FIRST_BYTES_MAX: usize = 150_000;
/// Topics that a page has to bear.
const TOPICS: usize = 10_000;
/// Most bytes of memory with them, the rehearsed cluster itself included.
const MANY_BYTES_MAX: u64 = 512 << 20;
/// Bytes of a large record's value, about.
const LARGE_BYTES: usize = 5 << 20;
/// How many of them there are.
const LARGE_RECORDS: usize = 8;
/// Most bytes of memory that looking at them may take, once for all looks.
const LARGE_MEMORY_MAX: u64 = 256 << 20;
/// Longest that a page may take here: unoptimised, beside other tests.
const PAGE_MAX: Duration = Duration::from_secs(20);

/// A cluster whose records and groups hold the corpus.
pub fn stage() -> Stage {
    let line = |record: Value| format!("{record}\n");
    let mut records: String = CORPUS
        .iter()
        .map(|text| {
            let headers = json!([{ "name": text, "value": text }]);
            line(json!({ "key": text, "value": text, "headers": headers }))
        })
        .collect();
    records += &line(json!({ "key": { "base64": "//79AA==" }, "value": { "base64": "gICAgA==" } }));
    records += &line(json!({ "key": null, "value": null }));
    let deep = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    records += &line(json!({ "key": "deep", "value": deep }));
    records += &line(json!({ "key": "<k>".repeat(2_000), "value": "<v>".repeat(200_000) }));
    let mut script = String::from(
        "topic create hostile --partitions 1 --replication-factor 1\n\
         produce hostile --envelope --file corpus.jsonl\n",
    );
    for (number, text) in CORPUS.iter().enumerate() {
        let quoted = text.replace('\\', "").replace('\'', "`");
        if quoted.chars().any(char::is_control) {
            continue;
        }
        script += &format!("consume hostile -g '{quoted}' -c 1 > \"read-{number}.txt\"\n");
    }
    Stage::with(&script, &[("corpus.jsonl", records.as_bytes())])
}

#[track_caller]
fn consists_of_ours(address: &str, document: &str) {
    for tag in tags(document) {
        let known =
            ELEMENTS.contains(&tag.name.as_str()) || TABLE_ELEMENTS.contains(&tag.name.as_str());
        assert!(known, "{address}: {tag:?}");
        for (name, value) in &tag.attributes {
            let shouts = name.starts_with("on") || name == "style" || name.starts_with("hx-on");
            assert!(!shouts, "{address}: {tag:?}");
            let address_of = matches!(name.as_str(), "href" | "src" | "action" | "hx-get");
            let own = value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
            assert!(!address_of || own, "{address}: {tag:?}");
        }
        match tag.name.as_str() {
            "script" => {
                let source = tag.attribute("src").unwrap_or_default();
                assert!(source.starts_with("/assets/"), "{address}: {tag:?}");
            }
            "meta" => assert_eq!(tag.attribute("http-equiv"), None, "{address}"),
            _ => {}
        }
    }
}

#[test]
fn hostile_texts_come_out_as_text() {
    let mut stage = stage();
    let cookie = stage.served.cookie();
    let pages = wander(&stage.served, &cookie);
    assert!(pages.keys().any(|address| address.contains("zz1")), "{:?}", pages.keys());
    let messages = stage.served.get("/topics/hostile/messages?from=earliest", &cookie);
    let mut all: Vec<(String, String)> = pages.into_iter().collect();
    all.push(("/topics/hostile/messages?from=earliest".to_string(), messages.text().to_string()));
    for (address, document) in &all {
        consists_of_ours(address, document);
        assert!(document.len() <= PAGE_BYTES_MAX, "{address}: {} bytes", document.len());
        for hidden in ['\u{202e}', '\u{1b}', '\u{0}'] {
            assert!(!document.contains(hidden), "{address} hides something by {hidden:?}");
        }
    }
    // They are shown, and not only left out.
    for text in CORPUS.iter().filter(|text| !text.contains(char::is_control)) {
        let shown = escaped(text);
        let there = all.iter().any(|(_, document)| document.contains(&shown));
        assert!(there, "no page shows `{text}`");
    }
    stage.served.end();
}

#[test]
fn hostile_parameters_give_a_page_that_says_what_is_wrong() {
    let mut stage = Stage::told("");
    let cookie = stage.served.cookie();
    let paths = [
        "/",
        "/topics",
        "/topics/orders",
        "/topics/nope",
        "/topics/%3Cb%3E",
        "/topics/..",
        "/topics/-x",
        "/topics/%2D%2Dhelp",
        "/topics/orders/x/y/z",
        "/topics/orders/messages",
        "/topics/nope/messages",
        "/topics/orders/messages/0/0",
        "/topics/orders/messages/x/-1",
        "/groups",
        "/groups/nope",
        "/groups/--help",
        "/brokers",
        "/brokers/1",
        "/brokers/99",
        "/brokers/x",
        "/brokers/-1",
        "/brokers/99999999999999999999",
        "/zookeeper",
        "/plugins",
    ];
    let values = [
        "",
        "-1",
        "0",
        "99999999999999999999",
        "1e9",
        "%00",
        "%0d%0aset-cookie:a=b",
        "--help",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
        "/../../etc/passwd",
        "a;b",
        "%E2%80%AE",
        "%25",
    ];
    let names = ["show", "sort", "page", "q", "tab", "from", "to", "partition", "filter", "path"];
    for path in paths {
        for (index, value) in values.iter().enumerate() {
            // Every value with every page; of the names always three others.
            let three = (0..3).map(|n| names[(index * 3 + n) % names.len()]);
            let query: Vec<String> = three.map(|name| format!("{name}={value}")).collect();
            let address = format!("{path}?{}", query.join("&"));
            let began = Instant::now();
            let answer = stage.served.get(&address, &cookie);
            assert!(began.elapsed() < PAGE_MAX, "{address}: {:?}", began.elapsed());
            let status = answer.status;
            assert!(matches!(status, 200 | 400 | 404), "{address}: {status}\n{}", answer.text());
            assert_eq!(answer.header("set-cookie"), "", "{address}");
            consists_of_ours(&address, answer.text());
        }
    }
    for path in ["/topics/nope", "/groups/nope", "/brokers/99", "/nothing"] {
        assert_eq!(stage.served.get(path, &cookie).status, 404, "{path}");
    }
    let wrong = [
        "/topics/%00",
        "/topics?format=xml",
        "/topics/orders/messages?partition=-1",
        "/topics/orders/messages?partition=abc&format=json",
        "/topics/orders/messages?start=x",
        "/topics/orders/messages?value=noon&format=json",
    ];
    for address in wrong {
        assert_eq!(stage.served.get(address, &cookie).status, 400, "{address}");
    }
    stage.served.end();
}

#[test]
fn ten_thousand_topics_make_no_larger_page() {
    let rows: String = (0..TOPICS).map(|n| format!("topic-{n:05},3,3\n")).collect();
    let csv = format!("name,partitions,replication_factor\n{rows}");
    let script = "cluster up demo --brokers 3\nread topics.csv | topic create > \"made.txt\"";
    let mut stage = Stage::with(script, &[("topics.csv", csv.as_bytes())]);
    let cookie = stage.served.cookie();
    for address in
        ["/", "/topics", "/topics?page=2", "/topics?q=topic-09&sort=partitions", "/brokers"]
    {
        let began = Instant::now();
        let answer = stage.served.get(address, &cookie);
        let length = answer.body.len();
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        assert!(began.elapsed() < PAGE_MAX, "{address}: {:?}", began.elapsed());
        assert!(length <= FIRST_BYTES_MAX, "{address}: {length} bytes");
    }
    let json = stage.served.get("/?format=json", &cookie).json();
    assert_eq!(json["answers"]["health"]["value"]["topics"], json!(TOPICS));
    let memory = stage.served.memory_bytes();
    assert!(memory < MANY_BYTES_MAX, "{memory} bytes are kept");
    stage.served.end();
}

#[test]
fn records_of_five_megabytes_are_shown_in_part_and_brought_whole() {
    let value = |n: usize| format!("{n}-{}", "0123456789abcde\n".repeat(LARGE_BYTES / 16));
    let record = |n| format!("{}\n", json!({ "key": format!("large-{n}"), "value": value(n) }));
    let records: String = (0..LARGE_RECORDS).map(record).collect();
    let script = "cluster up demo --brokers 3\n\
                  topic create large -p 1 -r 1 --config max.message.bytes=16777216\n\
                  produce large --envelope --file large.jsonl";
    let mut stage = Stage::with(script, &[("large.jsonl", records.as_bytes())]);
    let cookie = stage.served.cookie();
    // The rehearsal keeps its records in the same process.
    let before = stage.served.memory_bytes();
    let addresses = [
        "/topics/large/messages",
        "/topics/large/messages?from=earliest",
        "/topics/large/messages?from=earliest&text=large-3",
        "/topics/large/messages/0/3",
        "/topics/large/messages?format=json",
    ];
    for address in addresses {
        let began = Instant::now();
        let answer = stage.served.get(address, &cookie);
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        assert!(answer.text().contains("large-3"), "{address}");
        assert!(began.elapsed() < PAGE_MAX, "{address}: {:?}", began.elapsed());
        let length = answer.body.len();
        assert!(length <= PAGE_BYTES_MAX, "{address}: {length} bytes");
    }
    let more = stage.served.memory_bytes().saturating_sub(before);
    assert!(more < LARGE_MEMORY_MAX, "{more} bytes more than before anybody looked");
    let page = stage.served.get("/topics/large/messages/0/3", &cookie);
    let raw = crate::markup::links(page.text()).into_iter().find(|href| href.contains("raw"));
    let raw = raw.expect("a link to the whole value");
    let whole = stage.served.get(&raw, &cookie);
    assert!(whole.body == value(3).as_bytes(), "{raw}: {} bytes", whole.body.len());
    stage.served.end();
}
