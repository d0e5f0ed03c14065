//! Who is let in, and what is refused before anybody looks at a page.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::http::{self, Answer};
use crate::stage::Stage;

/// What every answer carries, whatever it answers.
const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("access-control-allow-origin", ""),
];

/// Most bytes of a refusal.
const REFUSAL_BYTES_MAX: usize = 4 << 10;

/// Pages that are kept up to date at once; one more is refused.
const LIVE_MAX: usize = 32;

#[track_caller]
fn is_armed(answer: &Answer) {
    for (name, value) in HEADERS {
        assert_eq!(answer.header(name), value, "{name} of an answer of {}", answer.status);
    }
    let policy = answer.header("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "no {rule} in `{policy}`");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let kept = answer.header("cache-control");
    assert!(kept.contains("no-store") || kept.contains("private"), "kept by others: `{kept}`");
}

#[track_caller]
fn refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    is_armed(answer);
    assert!(answer.body.len() < REFUSAL_BYTES_MAX, "{} bytes", answer.body.len());
    assert!(!answer.text().contains("demo"), "a refusal says nothing of the cluster");
}

#[test]
fn a_link_lets_one_browser_in_once() {
    let mut stage = Stage::bare();
    let served = &mut stage.served;
    let entrance = served.entrance();
    refused(&http::get(served.port, "/", &[]), 401);
    refused(&http::get(served.port, "/live?at=/", &[]), 401);
    let told = http::get(served.port, "/?format=json", &[]);
    refused(&told, 401);
    assert!(told.json()["error"]["advice"].is_string(), "a program is told in its language");
    let zeros = entrance.split('=').next().expect("a name").to_string() + "=" + &"0".repeat(64);
    refused(&http::get(served.port, &zeros, &[]), 401);
    refused(&http::get(served.port, "/enter", &[]), 401);

    // Who only looks at a link does not use it up.
    let looked = http::send(served.port, "HEAD", &entrance, &[]);
    assert_eq!((looked.status, looked.header("set-cookie")), (204, ""));
    let answer = http::get(served.port, &entrance, &[]);
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    is_armed(&answer);
    let cookie = answer.header("set-cookie").to_string();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    refused(&http::get(served.port, &entrance, &[]), 401);

    let pair = cookie.split(';').next().expect("a cookie");
    let page = served.get("/", pair);
    assert_eq!(page.status, 200, "{}", page.text());
    is_armed(&page);
    let (name, value) = pair.split_once('=').expect("a name and a value");
    let others = [format!("{name}=0"), format!("{name}="), format!("other={value}"), value.into()];
    for wrong in others {
        refused(&http::get(served.port, "/", &[("cookie", &wrong)]), 401);
    }
    let second = served.cookie();
    assert_eq!(served.get("/", &second).status, 200, "a second link is printed, and is good");
    stage.served.end();
}

#[test]
fn requests_that_were_meant_for_somebody_else_are_refused() {
    let mut stage = Stage::bare();
    let served = &mut stage.served;
    let (cookie, port) = (served.cookie(), served.port);
    let own = format!("http://127.0.0.1:{port}");
    for host in ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "[::1]:80"] {
        refused(&http::get(port, "/", &[("cookie", &cookie), ("host", host)]), 421);
    }
    let rebound = format!("evil.example:{port}");
    refused(&http::get(port, "/", &[("cookie", &cookie), ("host", &rebound)]), 421);
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"] {
        refused(&http::get(port, "/", &[("cookie", &cookie), ("origin", origin)]), 403);
    }
    assert_eq!(http::get(port, "/", &[("cookie", &cookie), ("origin", &own)]).status, 200);
    for site in ["cross-site", "same-site", "odd"] {
        refused(&http::get(port, "/", &[("cookie", &cookie), ("sec-fetch-site", site)]), 403);
    }
    for site in ["same-origin", "none"] {
        let answer = http::get(port, "/", &[("cookie", &cookie), ("sec-fetch-site", site)]);
        assert_eq!(answer.status, 200);
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let answer = http::send(port, method, "/", &[("cookie", &cookie), ("content-length", "0")]);
        refused(&answer, 405);
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    let head = http::send(port, "HEAD", "/", &[("cookie", &cookie)]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    is_armed(&head);
    stage.served.end();
}

#[test]
fn addresses_lead_nowhere_but_to_pages() {
    let mut stage = Stage::bare();
    let served = &mut stage.served;
    let cookie = served.cookie();
    let paths = [
        "/../etc/passwd",
        "/../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../x",
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e/x",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/assets/..%5c..%5cx",
        "/assets//etc/passwd",
        "/assets/",
        "/assets/page.css%00.js",
        "//evil.example/",
        "/nothing",
        "/.git/config",
    ];
    for path in paths {
        let answer = served.get(path, &cookie);
        assert_eq!(answer.status, 404, "{path}: {}", String::from_utf8_lossy(&answer.body));
        is_armed(&answer);
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!shown.contains("root:"), "{path}: {shown}");
    }
    let many = format!("/?{}", "a=1&".repeat(100));
    for address in ["/%ff", "/?", "/?=&&=", "/?format=xml", &many] {
        let answer = served.get(address, &cookie);
        assert!(matches!(answer.status, 200 | 400), "{address}: {}", answer.status);
        is_armed(&answer);
    }
    let long = format!("/topics?q={}", "x".repeat(10 << 10));
    refused(&served.get(&long, &cookie), 414);
    refused(&http::get(served.port, &long, &[]), 414);
    stage.served.end();
}

#[test]
fn files_of_the_page_are_what_they_say() {
    let mut stage = Stage::bare();
    let served = &mut stage.served;
    let cookie = served.cookie();
    let files = [
        ("/assets/page.css", "text/css", true),
        ("/assets/icon.svg", "image/svg+xml", true),
        ("/assets/page.js", "text/javascript", false),
        ("/assets/htmx.js", "text/javascript", false),
    ];
    for (path, media, open) in files {
        let answer = served.get(path, &cookie);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with(media), "{path}");
        is_armed(&answer);
        let stranger = http::get(served.port, path, &[]);
        assert_eq!(stranger.status, if open { 200 } else { 401 }, "{path} for a stranger");
    }
    stage.served.end();
}

#[test]
fn pages_are_kept_up_to_date_and_only_so_many() {
    let mut stage = Stage::bare();
    let cookie = stage.served.cookie();
    let port = stage.served.port;
    let follow = || {
        let mut stream = http::connect(port);
        let request = format!(
            "GET /live?at=%2F HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("the server takes a request");
        stream
    };
    let mut first = follow();
    let began = Instant::now();
    let seen = read_until(&mut first, "event: page\n");
    assert!(seen.contains("content-type: text/event-stream"), "{seen}");
    assert!(seen.contains("content-security-policy: default-src 'none'"), "{seen}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let mut others: Vec<_> = (1..LIVE_MAX).map(|_| follow()).collect();
    for stream in &mut others {
        read_until(stream, "200 OK");
    }
    let seen = read_until(&mut follow(), "\r\n\r\n");
    assert!(seen.starts_with("HTTP/1.1 503"), "one more than {LIVE_MAX}: {seen}");
    assert_eq!(stage.served.get("/", &cookie).status, 200, "a page can be read all the same");
    // With all of them still connected.
    stage.served.end();
}

#[test]
fn who_sends_nothing_keeps_nobody_out() {
    let mut stage = Stage::bare();
    let cookie = stage.served.cookie();
    let silent: Vec<_> = (0..100).map(|_| http::connect(stage.served.port)).collect();
    let mut half = http::connect(stage.served.port);
    half.write_all(b"GET / HTTP/1.1\r\nhost: ").expect("a half request");
    assert_eq!(stage.served.get("/", &cookie).status, 200);
    stage.served.end();
    drop(silent);
}

/// Reads until `text` has come; all that was read.
#[track_caller]
fn read_until(stream: &mut impl Read, text: &str) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let seen = String::from_utf8_lossy(&bytes).into_owned();
        if seen.contains(text) {
            return seen;
        }
        let read = stream.read(&mut chunk).unwrap_or_else(|e| panic!("no `{text}` ({e}): {seen}"));
        assert!(read > 0, "no `{text}` to the end: {seen}");
        bytes.extend_from_slice(&chunk[..read]);
    }
}
