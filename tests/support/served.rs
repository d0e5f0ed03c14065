//! A page that `ui` serves for a test: its links, and an orderly end.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::http::{Answer, get};
use crate::support::Kafsh;

/// Longest until a link is printed: what stands before `ui` in a script takes its time too.
const LINK_MAX: Duration = Duration::from_secs(120);
/// Longest from Ctrl-C to the end.
const END_MAX: Duration = Duration::from_secs(30);

/// A running `ui`. It is ended by Ctrl-C, as a person ends it, or killed where the test failed.
pub struct Served {
    child: Option<Child>,
    links: Receiver<String>,
    stderr: Option<std::thread::JoinHandle<String>>,
    /// Until it was used
    first: Option<String>,
    pub port: u16,
}

impl Served {
    /// Runs these words, the last command of which is a `ui --no-open`.
    #[track_caller]
    pub fn start(kafsh: &Kafsh, words: &[&str]) -> Served {
        let mut child = kafsh.spawn(words);
        drop(child.stdin.take());
        let stdout = child.stdout.take().expect("a pipe");
        let mut stderr = child.stderr.take().expect("a pipe");
        let (sender, links) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in lines.filter(|line| line.starts_with("http://127.0.0.1:")) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What it said until it was killed is all there is.
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut served =
            Served { child: Some(child), links, stderr: Some(stderr), first: None, port: 0 };
        let link = served.link();
        let port = link.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split('/').next());
        served.port = port.and_then(|port| port.parse().ok()).expect("a port in the link");
        served.first = Some(link);
        served
    }

    /// The next link that is printed; each opens the page once.
    #[track_caller]
    pub fn link(&mut self) -> String {
        if let Some(link) = self.first.take() {
            return link;
        }
        if let Ok(link) = self.links.recv_timeout(LINK_MAX) {
            return link;
        }
        self.kill();
        let said = self.stderr.take().map(|thread| thread.join().expect("what it said"));
        panic!("`ui` printed no link:\n{}", said.unwrap_or_default());
    }

    /// The path and the parameters of the next link.
    #[track_caller]
    pub fn entrance(&mut self) -> String {
        let link = self.link();
        let (_, path) = link.rsplit_once(&format!(":{}", self.port)).expect("a link with a port");
        path.to_string()
    }

    /// Comes in by the next link; what the browser would send along from then on.
    #[track_caller]
    pub fn cookie(&mut self) -> String {
        let entrance = self.entrance();
        let answer = get(self.port, &entrance, &[]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie");
        cookie.split(';').next().expect("a cookie").to_string()
    }

    /// Asks for a page as somebody who is known.
    #[track_caller]
    pub fn get(&self, target: &str, cookie: &str) -> Answer {
        get(self.port, target, &[("cookie", cookie)])
    }

    /// Resident memory of the program that serves, in bytes (`VmRSS` of proc(5)).
    #[track_caller]
    pub fn memory_bytes(&self) -> u64 {
        let pid = self.child.as_ref().expect("a child that runs").id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.expect("a number of KiB") << 10
    }

    /// Ctrl-C; it must end well, in time, and leave its port.
    #[track_caller]
    pub fn end(mut self) {
        let mut child = self.child.take().expect("a child that runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::INT).expect("a child to interrupt");
        let until = Instant::now() + END_MAX;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child to wait for") {
                break status;
            }
            if Instant::now() > until {
                self.child = Some(child);
                panic!("`ui` did not end within {END_MAX:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let said = self.stderr.take().expect("a reader").join().expect("what it said");
        assert!(!said.contains("panicked at"), "{said}");
        assert_eq!(status.code(), Some(0), "{said}");
        let there = std::net::TcpStream::connect(("127.0.0.1", self.port));
        assert!(there.is_err(), "port {} still answers", self.port);
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Gone already is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}
