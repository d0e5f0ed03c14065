//! A small driver of Debian's headless Chromium, over the pipe that it offers to debuggers: what a
//! person does in a browser, and what the browser saw meanwhile. Each wait is bounded.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What Debian calls it.
const PROGRAM: &str = "chromium";
/// Longest that one command, or the loading of one page, may take on a busy machine.
const COMMAND_MAX: Duration = Duration::from_secs(90);
/// Pause between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longest that it may take to close by itself.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// No sandbox of its own, since tests run as root in containers; no request of its own making, and
/// no name but loopback that would resolve.
const FLAGS: [&str; 21] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    // A picture is as wide as its window.
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--metrics-recording-only",
    "--no-pings",
    "--password-store=basic",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
];

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dress {
    /// Of the window, in CSS pixels
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    pub mobile: bool,
}

/// A browser with one page. It goes, with all it started and wrote, when it is dropped.
pub struct Browser {
    child: Child,
    pipe: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    last_id: u64,
    loaded: bool,
    /// Messages on the console, errors of scripts, dialogs and what the browser complained about
    pub complaints: Vec<String>,
    /// Every address that was asked for
    pub requested: Vec<String>,
    folder: TempDir,
}

impl Browser {
    /// # Panics
    /// Where Chromium is not installed or does not start.
    pub fn start() -> Browser {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there = std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file());
        assert!(there, "Chromium is not installed: run `cargo xtask test`");
        let folder = tempfile::Builder::new().prefix("kafsh-chromium-").tempdir();
        let folder = folder.expect("a folder for the browser");
        // It reads commands from descriptor 3 and writes what happens to 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", PROGRAM]);
        command.args(FLAGS).arg(format!("--user-data-dir={}", folder.path().display()));
        command.arg("about:blank").env("HOME", folder.path()).env("TMPDIR", folder.path());
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").env("TZ", "UTC").env("LANG", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().expect("a shell starts");
        let pipe = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
                bytes.pop();
                let message = serde_json::from_slice(&bytes).expect("the browser writes JSON");
                bytes.clear();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            pipe,
            messages,
            session: String::new(),
            last_id: 0,
            loaded: false,
            complaints: Vec::new(),
            requested: Vec::new(),
            folder,
        };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let made = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": made["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", target);
        self.session = attached["sessionId"].as_str().expect("a session").to_string();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Sends a command and waits for its answer; what happens meanwhile is taken note of.
    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("`{method}`: {error}"))
    }

    /// The same; what the browser has against the command is the error.
    #[track_caller]
    fn try_call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.pipe.write_all(&bytes).expect("the browser takes a command");
        let until = Instant::now() + COMMAND_MAX;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("`{method}`: no answer in {COMMAND_MAX:?}")
                }
                Err(RecvTimeoutError::Disconnected) => panic!("`{method}`: the browser has ended"),
            };
            if message["id"] == json!(id) {
                return match &message["error"] {
                    Value::Null => Ok(message["result"].clone()),
                    error => Err(error.clone()),
                };
            }
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => self.loaded = true,
            "Network.requestWillBeSent" => self.requested.push(text(&params["request"]["url"])),
            "Network.webSocketCreated" => self.requested.push(text(&params["url"])),
            "Runtime.consoleAPICalled" => {
                self.complaints.push(format!("console.{}: {}", params["type"], params["args"]));
            }
            "Runtime.exceptionThrown" => {
                self.complaints.push(format!("exception: {}", params["exceptionDetails"]));
            }
            "Log.entryAdded" => {
                let entry = &params["entry"];
                self.complaints.push(format!("{}: {}", entry["source"], entry["text"]));
            }
            "Page.javascriptDialogOpening" => {
                // It would hold every later command; nothing waits for the answer to this one.
                self.complaints.push(format!("dialog: {}", params["message"]));
                let close = json!({
                    "id": 0, "sessionId": self.session,
                    "method": "Page.handleJavaScriptDialog", "params": { "accept": false },
                });
                let bytes = [close.to_string().as_bytes(), &[0]].concat();
                self.pipe.write_all(&bytes).expect("the browser takes a command");
            }
            _ => {}
        }
    }

    /// Goes to an address and waits until it is loaded with all it consists of.
    #[track_caller]
    pub fn open(&mut self, url: &str) {
        self.loaded = false;
        let went = self.call("Page.navigate", json!({ "url": url }));
        assert!(went["errorText"].is_null(), "{url}: {}", went["errorText"]);
        let until = Instant::now() + COMMAND_MAX;
        while !self.loaded {
            assert!(Instant::now() < until, "{url} was not loaded in {COMMAND_MAX:?}");
            self.pause(LOOK_EVERY);
        }
    }

    /// Takes note of what happens for a while.
    pub fn pause(&mut self, length: Duration) {
        let until = Instant::now() + length;
        while let Ok(message) =
            self.messages.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.note(&message);
        }
    }

    /// What an expression gives in the page, as JSON.
    #[track_caller]
    pub fn eval(&mut self, js: &str) -> Value {
        let params = json!({ "expression": js, "returnByValue": true, "awaitPromise": true });
        let given = self.call("Runtime.evaluate", params);
        let thrown = &given["exceptionDetails"];
        assert!(thrown.is_null(), "`{js}` threw {thrown}");
        given["result"]["value"].clone()
    }

    /// Waits until an expression is true. Between two pages it may throw, and the page that was
    /// asked may be gone before it answers.
    #[track_caller]
    pub fn wait_for(&mut self, js: &str, deadline: Duration) {
        let until = Instant::now() + deadline;
        let expression = format!("(() => {{ try {{ return Boolean({js}) }} catch {{}} }})()");
        let params = json!({ "expression": expression, "returnByValue": true });
        let is_true = |given: Result<Value, Value>| {
            given.is_ok_and(|given| given["result"]["value"] == json!(true))
        };
        while !is_true(self.try_call("Runtime.evaluate", params.clone())) {
            if Instant::now() > until {
                let shown = text(&self.eval("document.body.innerText"));
                panic!("not `{js}` within {deadline:?}; the page:\n{shown}");
            }
            self.pause(LOOK_EVERY);
        }
    }

    /// Text of the page, as a person sees it.
    #[track_caller]
    pub fn text(&mut self) -> String {
        text(&self.eval("document.body.innerText"))
    }

    /// Moves the pointer onto the middle of an element.
    #[track_caller]
    pub fn point(&mut self, selector: &str) -> (f64, f64) {
        let quoted = json!(selector);
        let place = self.eval(&format!(
            "(() => {{ const each = document.querySelector({quoted});
               if (!each) return null;
               each.scrollIntoView({{ block: 'center' }});
               const box = each.getBoundingClientRect();
               return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        let at = |index: usize| place[index].as_f64().unwrap_or_else(|| panic!("no `{selector}`"));
        let (x, y) = (at(0), at(1));
        self.mouse("mouseMoved", x, y);
        (x, y)
    }

    /// Clicks on the middle of an element, as a mouse does.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let (x, y) = self.point(selector);
        self.mouse("mousePressed", x, y);
        self.mouse("mouseReleased", x, y);
    }

    #[track_caller]
    fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let params = json!({
            "type": kind, "x": x, "y": y, "button": button, "clickCount": 1, "pointerType": "mouse",
        });
        self.call("Input.dispatchMouseEvent", params);
    }

    /// Presses and lets go a key: `Tab`, `Enter` or a letter.
    #[track_caller]
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            letter => (u32::from(letter.to_ascii_uppercase().as_bytes()[0]), letter),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code,
            });
            if kind == "keyDown" && !text.is_empty() {
                params["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Types a text where the focus is.
    #[track_caller]
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Looks at pages like this from now on.
    #[track_caller]
    pub fn wear(&mut self, dress: Dress) {
        let metrics = json!({
            "width": dress.width, "height": dress.height, "deviceScaleFactor": 1,
            "mobile": dress.mobile,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dress.dark { "dark" } else { "light" };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.call("Emulation.setEmulatedMedia", media);
    }

    /// Whether scripts of pages run from the next page on.
    #[track_caller]
    pub fn run_scripts(&mut self, run: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !run }));
    }

    /// The page as it is now, as a PNG of its whole length.
    #[track_caller]
    pub fn picture(&mut self) -> Vec<u8> {
        let size = &self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1,
        });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.call("Page.captureScreenshot", params);
        decoded(shot["data"].as_str().expect("a picture"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let close = b"{\"id\":0,\"method\":\"Browser.close\"}\0";
        // It may have ended by itself; a test that failed already must not panic again.
        let asked = self.pipe.write_all(close).is_ok();
        let until = Instant::now() + if asked { CLOSE_MAX } else { Duration::ZERO };
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        // A helper that is dying may still write into the folder, which would then stay.
        let until = Instant::now() + CLOSE_MAX;
        while std::fs::remove_dir_all(self.folder.path()).is_err() && Instant::now() < until {
            if !self.folder.path().exists() {
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// Base64 with padding.
fn decoded(data: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("`{other}` is not a digit of base64"),
    };
    let data = data.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(data.len() / 4 * 3 + 2);
    for four in data.chunks(4) {
        let bits = four.iter().fold(0, |bits, byte| bits << 6 | digit(*byte));
        let bits = bits << (6 * (4 - four.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}
