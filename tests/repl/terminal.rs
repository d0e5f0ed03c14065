//! A terminal for tests: kafsh at one end of a pty, the test's keys and eyes at the other.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Longest that anything on the screen is waited for.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub const CTRL_C: &str = "\u{3}";
pub const CTRL_D: &str = "\u{4}";
pub const CTRL_R: &str = "\u{12}";
pub const ENTER: &str = "\r";
pub const TAB: &str = "\t";
pub const UP: &str = "\u{1b}[A";

/// A prompt in a terminal of 100 columns. It is killed when this is dropped.
pub struct Terminal {
    child: Child,
    keys: File,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// Where in the text the next look begins
    at: usize,
}

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// `kafsh --rehearse` with its state under `home`.
    pub fn start(home: &Path) -> Self {
        Terminal::start_with(home, &["--rehearse"], &[])
    }

    pub fn start_with(home: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        Terminal::open(env!("CARGO_BIN_EXE_kafsh"), home, args, environment)
    }

    /// Any program, in kafsh's environment.
    pub fn open(program: &str, home: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a pty can be opened");
        grantpt(&master).expect("grantpt");
        unlockpt(&master).expect("unlockpt");
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("a size can be set");
        let name = ptsname(&master, Vec::new()).expect("ptsname");
        let name = Path::new(name.to_str().expect("a name in ASCII")).to_path_buf();
        let slave = || -> Stdio {
            let file = File::options().read(true).write(true).open(&name).expect("the other end");
            file.into()
        };
        let mut command = Command::new(program);
        command.args(args).current_dir(home).env_clear();
        command.env("KAFSH_HOME", home.join("home")).env("HOME", home).env("TERM", "xterm");
        // What a rehearsal that is killed leaves behind goes with the folder of the test.
        command.env("TMPDIR", home);
        command.env("LANG", "C.UTF-8").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(environment.iter().copied());
        command.stdin(slave()).stdout(slave()).stderr(slave());
        // SAFETY: two system calls between fork and exec, no allocation and no lock.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap_or_else(|error| panic!("`{program}`: {error}"));
        let keys = File::from(master);
        let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        watch(keys.try_clone().expect("a second handle"), seen.clone());
        Terminal { child, keys, seen, at: 0 }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Types a line and presses Enter.
    pub fn enter(&mut self, line: &str) {
        self.press(line);
        self.press(ENTER);
    }

    /// Waits until `text` is on the screen, behind what was waited for before. A newline at its end
    /// may be the beginning of the next.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let length = text.trim_end_matches('\n').len();
        let found = self.wait(DEADLINE, |shown| shown.find(text).map(|start| start + length));
        match found {
            Some(end) => self.at += end,
            None => panic!("no `{text}` within {DEADLINE:?}; the screen:\n{}", self.text()),
        }
    }

    /// Waits for a new prompt; what was shown before it.
    #[track_caller]
    pub fn prompt(&mut self, prompt: &str) -> String {
        let from = self.at;
        self.expect(&format!("\n{prompt}"));
        self.text()[from..self.at].to_string()
    }

    /// Waits until `text` is there, and says whether it came.
    pub fn sees(&mut self, text: &str, deadline: Duration) -> bool {
        let found = self.wait(deadline, |shown| shown.find(text).map(|at| at + text.len()));
        self.at += found.unwrap_or(0);
        found.is_some()
    }

    fn wait(&self, deadline: Duration, look: impl Fn(&str) -> Option<usize>) -> Option<usize> {
        let end = Instant::now() + deadline;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().expect("the reader lives");
        loop {
            let text = plain(&seen.bytes);
            if let Some(found) = look(text.get(self.at..).unwrap_or_default()) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                return None;
            }
            seen = changed.wait_timeout(seen, left).expect("the reader lives").0;
        }
    }

    /// Everything that was shown, without colours and movements.
    pub fn text(&self) -> String {
        plain(&self.seen.0.lock().expect("the reader lives").bytes)
    }

    /// Everything that was sent to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.0.lock().expect("the reader lives").bytes.clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the terminal edits lines itself, as it does for other programs.
    pub fn is_cooked(&self) -> bool {
        tcgetattr(&self.keys).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ICANON))
    }

    /// Waits until kafsh has ended; its exit status.
    #[track_caller]
    pub fn status(&mut self) -> i32 {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("kafsh did not end; the screen:\n{}", self.text());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(mut master: File, seen: Arc<(Mutex<Seen>, Condvar)>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            // A pty whose other end is closed gives an error, not an end.
            let read = master.read(&mut buffer).unwrap_or(0);
            let mut now = seen.0.lock().expect("the test lives");
            now.bytes.extend_from_slice(&buffer[..read]);
            now.ended = read == 0;
            seen.1.notify_all();
            if read == 0 {
                return;
            }
        }
    });
}

/// The text without escape sequences, carriage returns and bells; an unfinished sequence is left
/// out.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\u{7}' => {}
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                for c in chars.by_ref() {
                    if c.is_ascii_alphabetic() || c == '~' {
                        break;
                    }
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Both ends of a pipe: kafsh without a terminal.
pub fn piped(home: &Path, args: &[&str], input: &str) -> (String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kafsh"))
        .args(args)
        .current_dir(home)
        .env("KAFSH_HOME", home.join("home"))
        .env("TMPDIR", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("kafsh starts");
    let stdin: OwnedFd = child.stdin.take().expect("a pipe").into();
    // A program that reads nothing may be gone already.
    let _ = File::from(stdin).write_all(input.as_bytes());
    let output = child.wait_with_output().expect("kafsh ends");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}
