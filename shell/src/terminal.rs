//! The person at the terminal: remarks on standard error, questions, Ctrl-C.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kafsh_cluster::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Style;
use crate::output::{escape_controls, is_ascii_locale, wants_color};
use crate::repl::progress;
use crate::run::User;

/// How often a question that waits for its answer looks whether Ctrl-C was pressed.
const ASK_POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Longest answer to a question, in bytes.
const ANSWER_BYTES_MAX: usize = 256;

/// Interrupts since the program started: signals are the process's, so this is too.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// The terminal is gone or we were told to end: no further line is read.
static LEAVING: AtomicBool = AtomicBool::new(false);

pub struct Terminal {
    style: Style,
}

impl Terminal {
    pub fn new(style: Style) -> Self {
        Terminal { style }
    }
}

impl User for Terminal {
    fn note(&self, text: &str) {
        progress::close_line();
        let text = escape_controls(text);
        match self.style.color {
            true => tell!("\u{1b}[2m{text}\u{1b}[0m\n"),
            false => tell!("{text}\n"),
        }
    }

    fn is_there(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    fn ask(&self, question: &str) -> Option<bool> {
        let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
        if !stdin.is_terminal() || !stderr.is_terminal() {
            return None;
        }
        progress::close_line();
        // What was typed or pasted before the question was asked is no answer to it.
        let _ = tcflush(stdin.as_fd(), QueueSelector::IFlush);
        // Counted before the question can be seen: a Ctrl-C that answers it comes after.
        let before = INTERRUPTS.load(Ordering::Acquire);
        let _ = write!(stderr, "{} [y/N] ", escape_controls(question));
        let _ = stderr.flush();
        let answer = read_answer(stdin.as_fd(), before);
        if answer.is_none() {
            let _ = writeln!(stderr);
        }
        // No answer, or one that cannot be read, is a no.
        Some(answer.is_some_and(|text| matches!(text.trim(), "y" | "Y" | "yes")))
    }
}

/// A line from the terminal; `None` after Ctrl-C, Ctrl-D or an error. It is read without a buffer:
/// what follows the line belongs to the prompt.
fn read_answer(terminal: impl AsFd, before: u32) -> Option<String> {
    let mut bytes = [0; ANSWER_BYTES_MAX];
    loop {
        let mut waiting = [PollFd::new(&terminal, PollFlags::IN)];
        let ready = poll(&mut waiting, Some(&ASK_POLL));
        if INTERRUPTS.load(Ordering::Acquire) != before {
            return None;
        }
        match ready {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(_) => return None,
        }
    }
    let read = rustix::io::read(&terminal, &mut bytes).ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&bytes[..read]).into_owned())
}

/// How standard error is drawn on.
pub fn stderr_style() -> Style {
    let terminal = std::io::stderr().is_terminal();
    Style { color: terminal && wants_color(), ascii: is_ascii_locale(), place: true }
}

/// Tells work to stop at every Ctrl-C, until this is aborted.
pub async fn cancel_on_interrupt(cancel: Cancel) {
    while tokio::signal::ctrl_c().await.is_ok() {
        cancel.cancel();
    }
}

/// Does work while watching for interrupts: the first Ctrl-C (or SIGTERM, SIGHUP) tells it to end
/// in order, the third ends the shell. The watch stands before the work begins, so none is lost;
/// it is a task of its own, since a question waits on the work's own thread.
pub async fn interruptible<T>(cancel: Cancel, work: impl Future<Output = T>) -> T {
    let watcher = tokio::spawn(watch_interrupts(signals(), cancel));
    let outcome = work.await;
    watcher.abort();
    outcome
}

async fn watch_interrupts(signals: Option<[Signal; 3]>, cancel: Cancel) {
    let Some([mut interrupt, mut terminate, mut hangup]) = signals else { return };
    let mut seen = 0;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => LEAVING.store(true, Ordering::Release),
            _ = hangup.recv() => LEAVING.store(true, Ordering::Release),
        }
        seen += 1;
        INTERRUPTS.fetch_add(1, Ordering::AcqRel);
        cancel.cancel();
        match seen {
            1 => {}
            2 => tell!("ending in order; once more leaves at once\n"),
            _ => std::process::exit(130),
        }
    }
}

fn signals() -> Option<[Signal; 3]> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(interrupt), Ok(terminate), Ok(hangup)] = kinds.map(signal) else { return None };
    Some([interrupt, terminate, hangup])
}

/// A write beyond the limit on a file's size (`ulimit -f`) fails as on a full disk, and does not
/// end the process by SIGXFSZ. What we start has the signal as it was: a handler ends with `exec`.
pub fn take_limits_as_errors() {
    // It stays when its stream is dropped.
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
}

/// SIGTERM or SIGHUP came while a command ran.
pub fn is_leaving() -> bool {
    LEAVING.load(Ordering::Acquire)
}

/// The signals of the prompt, taken for the life of the shell. Taken before the line editor starts:
/// it saves and restores handlers around each line, and what it restores must be ours. And kept: a
/// signal that comes between two lines is still there at the next.
pub struct Standing(Option<[Signal; 3]>);

impl Standing {
    pub fn take() -> Self {
        Standing(signals())
    }

    /// Returns when the shell is told to end while it waits for a line. Ctrl-C is a key there;
    /// where a terminal cannot say so it is a signal, and means nothing.
    pub async fn told_to_leave(&mut self) {
        let Some([interrupt, terminate, hangup]) = &mut self.0 else {
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => return,
                _ = hangup.recv() => return,
            }
        }
    }
}

/// The terminal as it was at the start: put back when the editor cannot do so itself.
pub struct Restore(Option<Termios>);

impl Restore {
    pub fn take() -> Self {
        Restore(tcgetattr(std::io::stdin()).ok())
    }

    pub fn put_back(&self) {
        if let Some(modes) = &self.0 {
            // The mode of pasted text is the editor's too.
            out!("\u{1b}[?2004l\r\n");
            let _ = std::io::stdout().flush();
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
        }
    }
}
