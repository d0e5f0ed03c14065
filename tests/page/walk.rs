//! The first walk seen in the page, on a real cluster: three brokers, a topic, records, and what
//! the page does when a broker is gone.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::served::Served;
use crate::stage::wander;
use crate::support::{Kafsh, RUN_DEADLINE, RealCluster, finish};
use crate::usable::{audit, enter, is_at_peace};

/// Longest until an open page shows that a broker is gone.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);
/// Longest until the brokers themselves have noticed, or are in sync again.
const NOTICED_WITHIN: Duration = Duration::from_secs(90);
/// Longest that a page may take with a broker that hangs, beside other tests.
const HANGING_MAX: Duration = Duration::from_secs(20);
/// A few looks of the live page.
const LOOKS: Duration = Duration::from_secs(5);

/// Records by which the lag of a group grows.
const LAG_STEP: usize = 500;
/// Between two looks at the groups: those that are closer are not compared.
const LOOK_EVERY: Duration = Duration::from_millis(1_600);

/// Records that are produced until the first of them is seen.
const FOLLOW_TRIES: u32 = 10;

const CLOCK: &str = "document.querySelector('#clock').innerText";

#[test]
fn is_seen_in_the_page() {
    let cluster = RealCluster::up("page", 3);
    cluster.run(&["topic", "create", "test", "-p", "10", "-r", "3"]).ok();
    cluster.kafsh().stdin("hello\nworld\n<b>bold</b>\n").run(&["produce", "test"]).ok();
    cluster.run(&["consume", "test", "--group", "readers", "--count", "2"]).ok();
    let mut served = Served::start(&cluster.kafsh(), &["ui", "--no-open"]);
    let own = format!("http://127.0.0.1:{}", served.port);
    let mut browser = enter(&mut served);

    // Without anything being typed, the overview shows that all is well.
    let text = browser.text();
    assert!(text.contains(&cluster.name) && text.contains("3 of 3"), "{text}");
    assert_eq!(
        browser.eval("document.querySelectorAll('.tile.amber, .tile.red').length"),
        json!(0)
    );
    browser.click("nav a[href='/topics']");
    browser.wait_for("location.pathname === '/topics'", NOTICED_WITHIN);
    browser.wait_for("document.querySelector('a[href=\"/topics/test\"]')", NOTICED_WITHIN);
    browser.click("a[href='/topics/test']");
    browser.wait_for("document.querySelector('h1').innerText.includes('test')", NOTICED_WITHIN);
    let rows = browser.eval("document.querySelectorAll('#live tbody tr').length");
    assert!(rows.as_u64() >= Some(10), "ten partitions, of which {rows} are shown");
    browser.open(&format!("{own}/topics/test/messages?from=earliest"));
    let text = browser.text();
    for value in ["hello", "world", "<b>bold</b>"] {
        assert!(text.contains(value), "no `{value}`:\n{text}");
    }
    follows(&cluster, &mut browser);
    let cookie = served.cookie();
    same_answers(&cluster, &served, &cookie);
    live_update(&cluster, &mut browser, &own, (&served, &cookie));
    silence(&cluster, &served, &cookie);
    lag_has_a_way(&cluster, &served, &cookie);
    is_at_peace(&browser, &served);
    served.end();
}

/// Records that come while one looks are put in above those that are there, as text.
#[track_caller]
fn follows(cluster: &RealCluster, browser: &mut Browser) {
    browser.click("#follow");
    let pressed = "document.querySelector('#follow').ariaPressed === 'true'";
    browser.wait_for(pressed, NOTICED_WITHIN);
    // Until it reads, what is produced may be before its beginning: later ones are seen for sure.
    let seen = "document.body.innerText.includes('<img src=x onerror=alert(1)>')";
    for _ in 0..FOLLOW_TRIES {
        cluster.kafsh().stdin("<img src=x onerror=alert(1)>\n").run(&["produce", "test"]).ok();
        browser.pause(Duration::from_secs(1));
        if browser.eval(seen) == json!(true) {
            break;
        }
    }
    browser.wait_for(seen, NOTICED_WITHIN);
    assert_eq!(browser.eval("document.querySelectorAll('main img').length"), json!(0));
    browser.click("#follow");
    browser.wait_for(&format!("!({pressed})"), NOTICED_WITHIN);
}

/// Every command that a page names gives what the page shows.
#[track_caller]
fn same_answers(cluster: &RealCluster, served: &Served, cookie: &str) {
    let mut tried = BTreeSet::new();
    for address in wander(served, cookie).into_keys() {
        let sign = if address.contains('?') { '&' } else { '?' };
        let json = served.get(&format!("{address}{sign}format=json"), cookie).json();
        for (key, answer) in json["answers"].as_object().expect("answers by name") {
            let line = answer["command"].as_str().expect("a command").to_string();
            assert!(answer["error"].is_null(), "{address} {key}: {answer}");
            if !tried.insert(line.clone()) {
                continue;
            }
            match line.ends_with(" topic list") {
                true => {
                    let shown: Value = serde_json::from_slice(&typed(cluster, &line, "-O json"))
                        .unwrap_or_else(|e| panic!("`{line}`: {e}"));
                    assert_eq!(shown, answer["value"], "{line}");
                }
                false => {
                    // Where the page has nothing to show, neither has the command.
                    let value = match answer["value"].get("records") {
                        Some(records) => records,
                        None => &answer["value"],
                    };
                    let nothing = value.as_array().is_some_and(Vec::is_empty) || value.is_null();
                    let printed = typed(cluster, &line, "");
                    let same = nothing || !printed.is_empty();
                    assert!(same, "`{line}` shows nothing: {answer}");
                }
            }
        }
    }
    assert!(tried.len() >= 8, "{tried:?}");
}

/// Types a line in a POSIX shell; what it prints.
#[track_caller]
fn typed(cluster: &RealCluster, line: &str, more: &str) -> Vec<u8> {
    let program = Path::new(env!("CARGO_BIN_EXE_kafsh"));
    let folder = program.parent().expect("a folder of programs").to_string_lossy().into_owned();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line} {more}")]).stdin(Stdio::null()).env_clear();
    // As a shell of the tests has it, but for the program that is found.
    let kafsh = Kafsh::at(&cluster.home).command(&[]);
    shell.envs(kafsh.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = shell.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    finish(child.expect("a shell"), RUN_DEADLINE, line).ok().stdout_bytes
}

/// A broker that hangs: it takes connections and answers nothing. Every page comes in time, says
/// what it could not find out, and never 0 for it.
#[track_caller]
fn silence(cluster: &RealCluster, served: &Served, cookie: &str) {
    cluster.run(&["broker", "pause", "3"]).ok();
    let addresses =
        ["/", "/brokers", "/brokers/3", "/topics", "/topics/test", "/groups", "/groups/readers"];
    for address in addresses.iter().chain(&["/topics/test/messages", "/zookeeper", "/plugins"]) {
        let began = Instant::now();
        let answer = served.get(address, cookie);
        assert!(began.elapsed() < HANGING_MAX, "{address}: {:?}", began.elapsed());
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    }
    let overview = served.get("/", cookie);
    assert!(overview.text().contains("2 of 3"), "{}", overview.text());
    let brokers = served.get("/brokers", cookie);
    let text = brokers.text();
    assert!(text.contains("paused") && text.contains("unknown"), "{text}");
    assert!(text.contains("since <time"), "since when it is paused:\n{text}");
    // Its settings are its own to tell: they are given up on, and the rest of its page is there.
    let answers = served.get("/brokers/3?format=json", cookie).json()["answers"].clone();
    assert!(!answers["config"]["error"].is_null(), "{answers}");
    assert_eq!(answers["broker"]["value"]["state"], "paused", "{answers}");
    cluster.run(&["broker", "resume", "3"]).ok();
    let until = Instant::now() + NOTICED_WITHIN;
    while !served.get("/", cookie).text().contains("3 of 3") {
        assert!(Instant::now() < until, "it is back, and nothing shows it");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// What one group has to read grows while records come, and drains while it reads.
#[track_caller]
fn lag_has_a_way(cluster: &RealCluster, served: &Served, cookie: &str) {
    let lines = "record\n".repeat(LAG_STEP);
    served.get("/groups", cookie);
    cluster.kafsh().stdin(lines).run(&["produce", "test"]).ok();
    seen_soon(served, cookie, "growing ");
    // Looks of a minute are compared: it has to come below all that was seen in its first half.
    cluster.run(&["consume", "test", "--group", "readers", "--timeout", "10s"]).ok();
    seen_soon(served, cookie, "draining ");
}

/// Looks at the groups as an open page does, until a word is there.
#[track_caller]
fn seen_soon(served: &Served, cookie: &str, word: &str) {
    let until = Instant::now() + SHOWN_WITHIN;
    loop {
        let page = served.get("/groups", cookie);
        if page.text().contains(word) {
            let twice = page.text().contains("/s/s") || page.text().contains("/min/s");
            return assert!(!twice, "{}", page.text());
        }
        assert!(Instant::now() < until, "no `{word}`:\n{}", page.text());
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A broker goes and comes back before an open page.
#[track_caller]
fn live_update(
    cluster: &RealCluster,
    browser: &mut Browser,
    own: &str,
    (served, cookie): (&Served, &str),
) {
    browser.open(&format!("{own}/"));
    browser.eval("window.here = 1");
    // The pointer rests above what is kept up to date, not on it.
    browser.point("h1");
    cluster.run(&["broker", "kill", "2", "--yes"]).ok();
    browser.wait_for("document.querySelector('#live .tile.amber')", SHOWN_WITHIN);
    let under = "document.querySelector('#live a.tile.amber[href*=\"under-replicated\"]')";
    browser.wait_for(under, NOTICED_WITHIN);
    browser.wait_for(&format!("{under}.innerText.includes('since ')"), SHOWN_WITHIN);
    browser.wait_for("document.body.innerText.includes('2 of 3')", SHOWN_WITHIN);
    for (address, before) in [("/brokers", "died"), ("/topics/test", ">Since</th>")] {
        let page = served.get(address, cookie);
        let told = page.text().split_once(before).is_some_and(|(_, rest)| rest.contains("<time"));
        assert!(told, "{address} does not say since when:\n{}", page.text());
    }
    assert_eq!(audit(browser), Vec::<String>::new(), "the overview with a broker gone");

    // Nothing moves under the pointer.
    browser.eval("document.querySelector('#live .tiles').id = 'marked'");
    browser.point("#live .tile");
    browser.wait_for("!document.querySelector('#held').hidden", NOTICED_WITHIN);
    assert_ne!(browser.eval("document.querySelector('#marked')"), Value::Null);
    browser.point("h1");
    browser.wait_for("!document.querySelector('#marked')", NOTICED_WITHIN);

    // Pause stops it, and lets it go on.
    browser.click("#pause");
    browser.wait_for("document.querySelector('#pause').ariaPressed === 'true'", LOOKS);
    let clock = browser.eval(CLOCK);
    browser.pause(LOOKS);
    assert_eq!(browser.eval(CLOCK), clock, "a paused page stands still");
    browser.click("#pause");
    browser.wait_for(&format!("{CLOCK} !== {clock}"), NOTICED_WITHIN);

    cluster.run(&["broker", "start", "2"]).ok();
    browser.wait_for("document.body.innerText.includes('3 of 3')", NOTICED_WITHIN);
    browser.wait_for("!document.querySelector('.tile.amber, .tile.red')", NOTICED_WITHIN);
    assert_eq!(browser.eval("window.here"), json!(1), "it was never loaded again");
}
