//! Runs other programs: shows what they print, bounds their time, and turns a failure into a
//! message with the command line, the last lines of output and what to do.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// How many of a program's last lines a failure repeats.
const TAIL_LINES_MAX: usize = 15;
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long output may still arrive once a program has ended: a daemon that it left behind may
/// hold the pipe open for ever.
const DRAIN_MAX: Duration = Duration::from_secs(1);
/// Lines that wait to be taken: a program that writes faster waits in its turn.
const LINES_MAX: usize = 1_024;

/// Why a chore stopped: the exit status of xtask and the text after `error: `.
#[derive(Debug)]
pub struct Failure {
    pub status: u8,
    pub text: String,
}

impl Failure {
    /// A failure with exit status 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { status: 1, text: text.into() }
    }

    /// A command line that was not understood: exit status 2.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { status: 2, text: text.into() }
    }
}

/// Where a program's output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Kept, and shown only if the program fails.
    Quiet,
    /// Shown line by line, indented, on standard error.
    Lines,
    /// The program writes to our own standard streams: colours and progress bars stay.
    Inherit,
}

/// Runs `command` to its end. `advice` is what a failure tells the user to do.
///
/// # Errors
/// The program cannot be started, fails, or takes longer than `limit` (it is killed then).
pub fn run(
    command: &mut Command,
    show: Show,
    limit: Option<Duration>,
    advice: &str,
) -> Result<(), Failure> {
    let line = command_line(command);
    let started = Instant::now();
    let lines = match show {
        Show::Inherit => Ok(None),
        Show::Quiet | Show::Lines => both_streams(command).map(Some),
    };
    let started_child = lines.and_then(|lines| command.spawn().map(|child| (child, lines)));
    // The command keeps its ends of the pipe open until it is given others.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let (mut child, lines) = started_child.map_err(|cause| {
        Failure::new(format!("`{line}` cannot be started\n  {cause}\n  {advice}"))
    })?;
    let lines = lines.unwrap_or_else(|| mpsc::sync_channel(LINES_MAX).1);
    let mut tail = VecDeque::new();
    let ended = wait(&mut child, &lines, show, limit, &mut tail)
        .map_err(|cause| Failure::new(format!("`{line}` cannot be watched\n  {cause}")))?;
    let seconds = started.elapsed().as_secs_f32();
    let what = match ended {
        Some(status) if status.success() => return Ok(()),
        Some(status) => match status.code() {
            Some(code) => format!("failed with status {code} after {seconds:.1} s"),
            None => format!("was ended by a signal after {seconds:.1} s ({status})"),
        },
        None => format!("was stopped, as it was not done after {seconds:.0} s"),
    };
    let mut text = format!("`{line}` {what}");
    for line in tail {
        let _ = write!(text, "\n  | {line}");
    }
    for line in advice.lines() {
        let _ = write!(text, "\n  {line}");
    }
    let code = ended.and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Err(Failure { status: code.unwrap_or(1), text })
}

/// What a short program prints on standard output, if it ends well within `limit`.
pub fn output(command: &mut Command, limit: Duration) -> Option<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let (sender, lines) = mpsc::sync_channel(LINES_MAX);
    if let Some(pipe) = child.stdout.take() {
        read_lines(pipe, sender);
    }
    let mut all = VecDeque::new();
    let status = wait_for(&mut child, &lines, Some(limit), |line| all.push_back(line)).ok()??;
    let text = all.iter().fold(String::new(), |text, line| text + line + "\n");
    status.success().then_some(text)
}

/// The command as one could type it.
pub fn command_line(command: &Command) -> String {
    let mut line = String::new();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        if !line.is_empty() {
            line.push(' ');
        }
        if !word.is_empty() && word.chars().all(plain) {
            line.push_str(&word);
        } else {
            let _ = write!(line, "'{}'", word.replace('\'', r"'\''"));
        }
    }
    line
}

fn wait(
    child: &mut Child,
    lines: &Receiver<String>,
    show: Show,
    limit: Option<Duration>,
    tail: &mut VecDeque<String>,
) -> std::io::Result<Option<ExitStatus>> {
    wait_for(child, lines, limit, |line| {
        if show == Show::Lines {
            eprintln!("    {line}");
        }
        if tail.len() == TAIL_LINES_MAX {
            tail.pop_front();
        }
        tail.push_back(line);
    })
}

/// Waits for the end of `child`; `None` if it had to be killed.
fn wait_for(
    child: &mut Child,
    lines: &Receiver<String>,
    limit: Option<Duration>,
    mut take: impl FnMut(String),
) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let status = loop {
        match lines.recv_timeout(POLL) {
            // One that goes on writing is looked at as well as one that is silent.
            Ok(line) => take(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(POLL),
        }
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if limit.is_some_and(|limit| started.elapsed() > limit) {
            child.kill()?;
            child.wait()?;
            break None;
        }
    };
    let drain_until = Instant::now() + DRAIN_MAX;
    loop {
        // Asked by the clock and not by what comes: a daemon may write faster than this reads.
        let left = drain_until.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) if !left.is_zero() => take(line),
            _ => return Ok(status),
        }
    }
}

/// One pipe for both streams, so that their lines stay in order.
fn both_streams(command: &mut Command) -> std::io::Result<Receiver<String>> {
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let (sender, receiver) = mpsc::sync_channel(LINES_MAX);
    read_lines(reader, sender);
    Ok(receiver)
}

fn read_lines(pipe: impl Read + Send + 'static, sender: SyncSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

/// The folders of a search path that hold an executable file called `program`, in order.
pub fn find_all(program: &str, path: &std::ffi::OsStr) -> Vec<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .filter(|file| {
            file.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_says_what_ran_its_last_lines_and_what_to_do() {
        let script = "for i in $(seq 1 40); do echo out $i; done; echo why >&2; exit 3";
        let failure = run(&mut shell(script), Show::Quiet, None, "try this").unwrap_err();
        assert_eq!(failure.status, 3);
        assert!(failure.text.starts_with("`sh -c 'for i in"), "{}", failure.text);
        assert!(failure.text.contains("failed with status 3 after"), "{}", failure.text);
        assert!(failure.text.contains("| out 40\n"), "{}", failure.text);
        assert!(failure.text.contains("| why"), "{}", failure.text);
        assert!(!failure.text.contains("| out 5\n"), "{}", failure.text);
        assert!(failure.text.ends_with("\n  try this"), "{}", failure.text);
    }

    #[test]
    fn a_program_that_never_stops_talking_is_stopped() {
        let started = Instant::now();
        let limit = Some(Duration::from_millis(200));
        let failure = run(&mut shell("exec timeout 60 yes"), Show::Quiet, limit, "").unwrap_err();
        assert!(failure.text.contains("was stopped"), "{}", failure.text);
        assert!(started.elapsed() < Duration::from_secs(30));
        // What it left behind, which goes on writing, does not keep us either.
        let failure = run(&mut shell("yes & exit 3"), Show::Quiet, None, "").unwrap_err();
        assert_eq!(failure.status, 3);
        assert!(started.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let started = Instant::now();
        let limit = Some(Duration::from_millis(100));
        let mut command = Command::new("sleep");
        let failure = run(command.arg("60"), Show::Quiet, limit, "").unwrap_err();
        assert!(failure.text.contains("was stopped"), "{}", failure.text);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_daemon_that_keeps_the_pipe_does_not_keep_us() {
        let sandbox = crate::sandbox::Sandbox::new();
        let file = sandbox.folder().join("pid");
        let script = format!("sleep 60 & echo $! >{}", file.display());
        let started = Instant::now();
        let ended = run(&mut shell(&script), Show::Quiet, None, "");
        let elapsed = started.elapsed();
        let pid = std::fs::read_to_string(file).unwrap();
        assert!(crate::measure::kill(pid.trim().parse().unwrap()).unwrap().success());
        ended.unwrap();
        assert!(elapsed < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let mut command = Command::new("kafsh-no-such-program");
        let failure = run(&mut command, Show::Quiet, None, "install it").unwrap_err();
        assert!(failure.text.contains("`kafsh-no-such-program` cannot be started"));
        assert!(failure.text.ends_with("install it"));
    }

    #[test]
    fn output_is_standard_output_of_a_program_that_ends_well() {
        let limit = Duration::from_secs(20);
        assert_eq!(output(&mut shell("echo a; echo b >&2"), limit).as_deref(), Some("a\n"));
        assert_eq!(output(&mut shell("echo a; exit 1"), limit), None);
    }

    #[test]
    fn command_lines_can_be_pasted() {
        let mut command = Command::new("a");
        command.args(["b c", "--d=e", "it's", ""]);
        assert_eq!(command_line(&command), r"a 'b c' --d=e 'it'\''s' ''");
    }
}
