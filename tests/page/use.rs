//! Whether everybody can use every page: rules of WCAG 2.2 AA as far as a program can judge them,
//! by keyboard, without scripts, on a phone, in the dark.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::browser::{Browser, Dress};
use crate::served::Served;
use crate::stage::{Stage, kinds, wander};

/// Narrowest window that has to do, in CSS pixels: WCAG asks for 320, phones have 360.
const NARROW: Dress = Dress { width: 360, height: 780, dark: false, mobile: true };
const WIDE: Dress = Dress { width: 1280, height: 900, dark: false, mobile: false };
/// A phone, for pictures.
const PHONE: Dress = Dress { width: 390, height: 844, dark: false, mobile: true };

/// Most steps by Tab through one page.
const TABS_MAX: usize = 400;

/// Where pictures go, when somebody wants to look at them: `cargo xtask screenshots` sets it.
const PICTURES: &str = "KAFSH_PICTURES";

/// A cluster that has something of everything, with one broker gone.
fn stage() -> Stage {
    Stage::told("broker kill 2 --yes")
}

/// One page of each kind, and that of the broker that is gone.
#[track_caller]
fn addresses(served: &mut Served) -> Vec<String> {
    let cookie = served.cookie();
    let mut addresses = kinds(&wander(served, &cookie));
    addresses.push("/brokers/2".to_string());
    addresses
}

fn url(served: &Served, address: &str) -> String {
    format!("http://127.0.0.1:{}{address}", served.port)
}

/// A browser that came in by a link.
#[track_caller]
pub fn enter(served: &mut Served) -> Browser {
    let mut browser = Browser::start();
    browser.wear(WIDE);
    browser.open(&served.link());
    browser
}

/// That it asked for nothing elsewhere, and had nothing to say on its console.
#[track_caller]
pub fn is_at_peace(browser: &Browser, served: &Served) {
    let own = url(served, "/");
    let elsewhere: Vec<&String> = browser
        .requested
        .iter()
        .filter(|url| !url.starts_with(&own) && *url != "about:blank")
        .collect();
    assert!(elsewhere.is_empty(), "asked for {elsewhere:?}");
    assert!(browser.complaints.is_empty(), "{}", browser.complaints.join("\n"));
}

/// What the rules of `audit.js` find in the page as it is shown.
#[track_caller]
pub fn audit(browser: &mut Browser) -> Vec<String> {
    let found = browser.eval(include_str!("audit.js"));
    let found = found.as_array().expect("a list of sentences").iter();
    found.map(|each| each.as_str().unwrap_or_default().to_string()).collect()
}

#[test]
fn every_page_is_accessible_in_every_dress() {
    let mut stage = stage();
    let addresses = addresses(&mut stage.served);
    let mut browser = enter(&mut stage.served);
    let mut found = Vec::new();
    for address in &addresses {
        browser.open(&url(&stage.served, address));
        pause_updates(&mut browser);
        for dress in [WIDE, NARROW] {
            for dark in [false, true] {
                browser.wear(Dress { dark, ..dress });
                let words = if dark { "dark" } else { "light" };
                let of = format!("{address} at {} px, {words}", dress.width);
                found.extend(audit(&mut browser).iter().map(|each| format!("{of}: {each}")));
            }
        }
    }
    assert!(found.is_empty(), "{} offences:\n{}", found.len(), found.join("\n"));
    is_at_peace(&browser, &stage.served);
    stage.served.end();
}

#[test]
fn the_rules_find_what_they_are_for() {
    let mut browser = Browser::start();
    browser.wear(NARROW);
    let page = "<meta name=viewport content='width=device-width'><h1>a</h1><h1>b</h1><h3>c</h3>\
                <input name=q><a href='/x'></a><table><tr><th>d<td>e</table><p id=i><p id=i>\
                <p style='color:%23999;background:%23fff'>pale</p><p aria-labelledby=nobody>f</p>\
                <div style='width:900px'>wide</div><button style='height:9px'>g</button>";
    browser.open(&format!("data:text/html,{page}"));
    let found = audit(&mut browser).join("\n");
    let rules = [
        "no language",
        "no title",
        "main landmarks",
        "2 h1",
        "follows a heading",
        "no label",
        "no name",
        "th without scope",
        "a table without a name",
        "the id i is there twice",
        "contrast 2.8",
        "is nobody",
        "px wide in 360 px",
        "hard to hit",
        "attribute style",
    ];
    for rule in rules {
        assert!(found.contains(rule), "nothing says `{rule}`:\n{found}");
    }
}

#[test]
fn every_page_is_used_by_keyboard() {
    let mut stage = stage();
    let addresses = addresses(&mut stage.served);
    let mut browser = enter(&mut stage.served);
    let mut found = Vec::new();
    for address in &addresses {
        browser.open(&url(&stage.served, address));
        pause_updates(&mut browser);
        // From the top of the page.
        browser.eval("document.activeElement.blur(); scrollTo(0, 0)");
        for step in 0..TABS_MAX {
            browser.press("Tab");
            let at = browser.eval(include_str!("tab.js"));
            if at.is_null() {
                break;
            }
            if step == 0 && at["called"] != "<a> \"Skip to the page\"" {
                found.push(format!("{address}: first comes {}", at["called"]));
            }
            for what in ["outlined", "inView"] {
                if at[what] != Value::Bool(true) {
                    found.push(format!("{address}: not {what} when it has the focus: {at}"));
                }
            }
        }
        let left = browser.eval(include_str!("unreached.js"));
        let left = left.as_array().expect("a list").iter();
        found.extend(left.map(|each| format!("{address}: Tab does not come to {each}")));
    }
    assert!(found.is_empty(), "{} offences:\n{}", found.len(), found.join("\n"));
    // Enter opens what has the focus.
    browser.open(&url(&stage.served, "/"));
    browser.eval("document.querySelector('nav a[href=\"/topics\"]').focus()");
    browser.press("Enter");
    browser.wait_for("location.pathname === '/topics'", Duration::from_secs(30));
    is_at_peace(&browser, &stage.served);
    stage.served.end();
}

#[test]
fn every_page_can_be_read_without_scripts() {
    let mut stage = stage();
    let addresses = addresses(&mut stage.served);
    let mut browser = enter(&mut stage.served);
    for address in &addresses {
        let mut read = |scripts: bool| {
            browser.run_scripts(scripts);
            browser.open(&url(&stage.served, address));
            let main = "document.querySelector('main').innerText";
            let headings =
                "[...document.querySelectorAll('h1, h2, thead th')].map((h) => h.innerText)";
            let text = browser.eval(main).as_str().unwrap_or_default().to_string();
            (browser.eval(&format!("{headings}.join('|')")), text)
        };
        let (headings, _) = read(true);
        let (without, text) = read(false);
        assert_eq!(without, headings, "{address}");
        assert!(text.len() > 80, "{address} shows only `{text}`");
        assert!(!text.contains("Pause"), "{address} has a button that does nothing:\n{text}");
        assert!(text.contains("Read again"), "{address} cannot be read again:\n{text}");
    }
    // A form works by itself.
    browser.open(&url(&stage.served, "/topics"));
    browser.click("form input[name=q]");
    browser.type_text("pay");
    browser.press("Enter");
    browser.wait_for("location.search.includes('q=pay')", Duration::from_secs(30));
    browser.wait_for("document.body.innerText.includes('payments')", Duration::from_secs(30));
    assert!(!browser.text().contains("orders"), "{}", browser.text());
    is_at_peace(&browser, &stage.served);
    stage.served.end();
}

/// What `page.js` does with what comes while one looks.
const AGAIN: &str = "(() => { const live = document.getElementById('live'); if (live) { \
                     live.innerHTML = live.innerHTML; window.htmx?.process(live); } })()";

/// Time for what was put in to load, to fail and to be told.
const HOSTILE_PAUSE: Duration = Duration::from_millis(150);

#[test]
fn nothing_hostile_runs_in_a_browser() {
    let mut stage = crate::hostile::stage();
    let cookie = stage.served.cookie();
    let mut addresses: Vec<String> = wander(&stage.served, &cookie).into_keys().collect();
    addresses.push("/topics/hostile/messages?from=earliest".to_string());
    let mut browser = enter(&mut stage.served);
    for address in &addresses {
        browser.open(&url(&stage.served, address));
        // As a look of the live page puts the same texts in by a script; `onerror` comes later.
        browser.eval(AGAIN);
        browser.pause(HOSTILE_PAUSE);
        is_at_peace(&browser, &stage.served);
        let strange =
            "document.querySelectorAll('main img, main svg, main iframe, main style').length";
        assert_eq!(browser.eval(strange), Value::from(0), "{address}");
    }
    stage.served.end();
}

#[test]
fn a_filter_narrows_while_one_types() {
    let mut stage = stage();
    let mut browser = enter(&mut stage.served);
    browser.open(&url(&stage.served, "/topics"));
    browser.eval("window.unchanged = true; document.querySelector('#q').focus()");
    browser.eval(
        "document.querySelector('#q').value = 'pay'; \
         document.querySelector('#q').dispatchEvent(new Event('input', { bubbles: true }))",
    );
    let only = "[...document.querySelectorAll('#live tbody tr')].length === 1 \
                && document.querySelector('#live tbody').innerText.includes('payments')";
    browser.wait_for(only, Duration::from_secs(10));
    assert_eq!(browser.eval("location.search.includes('q=pay')"), Value::Bool(true));
    assert_eq!(browser.eval("window.unchanged"), Value::Bool(true), "the page was not left");
    let focus = "document.activeElement.id + document.activeElement.value";
    assert_eq!(browser.eval(focus), Value::from("qpay"));
    is_at_peace(&browser, &stage.served);
    stage.served.end();
}

#[test]
fn every_page_has_its_picture_in_every_dress() {
    let mut stage = stage();
    let addresses = addresses(&mut stage.served);
    let kept = tempfile::tempdir().expect("a folder");
    let wanted = std::env::var_os(PICTURES).map(PathBuf::from);
    let folder = wanted.as_deref().unwrap_or(kept.path());
    let mut browser = enter(&mut stage.served);
    for address in &addresses {
        browser.open(&url(&stage.served, address));
        for dress in [WIDE, PHONE] {
            for dark in [false, true] {
                take(&mut browser, Dress { dark, ..dress }, address, folder);
            }
        }
    }
    is_at_peace(&browser, &stage.served);
    stage.served.end();
}

/// Writes a picture, and sees that it is one of the right width with something in it.
#[track_caller]
fn take(browser: &mut Browser, dress: Dress, address: &str, folder: &Path) {
    browser.wear(dress);
    let png = browser.picture();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "no PNG of {address}");
    let width = u32::from_be_bytes(png[16..20].try_into().expect("four bytes"));
    assert_eq!(width, dress.width, "the picture of {address} is as wide as the window");
    assert!(png.len() > 5_000, "{address} is blank: {} bytes", png.len());
    let scheme = if dress.dark { "dark" } else { "light" };
    let file = folder.join(format!("{}-{}-{scheme}.png", file_stem(address), dress.width));
    std::fs::create_dir_all(folder).expect("a folder for pictures");
    std::fs::write(&file, png).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
}

/// `/topics/orders?tab=config` as `topics-orders-tab-config`.
fn file_stem(address: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let stem: String = address.chars().map(plain).collect();
    let stem = stem.trim_matches('-');
    if stem.is_empty() { "overview".to_string() } else { stem.to_string() }
}

/// So that nothing is replaced while it is looked at.
#[track_caller]
fn pause_updates(browser: &mut Browser) {
    browser.eval("document.querySelector('#pause:not([hidden])')?.click()");
    browser.eval("window.visited = undefined");
}
