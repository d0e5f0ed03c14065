//! Every process that is not a server: `!` commands, Maven, the jq worker, cargo.

use std::path::Path;
use std::process::Stdio;

use kafsh_model::port::BoxFuture;
use kafsh_model::{Error, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::flow::{Lines, Source};

/// Lines handed on at once.
const LINES_AT_ONCE: usize = 1_000;

/// Bytes of lines after which no more are gathered to be handed on together.
const LINES_BYTES: usize = 4 << 20;

/// Longest line of another program, in bytes.
const LINE_BYTES_MAX: usize = 16 << 20;

/// This same program as a worker.
pub fn own_worker(flag: &str) -> Result<Command> {
    let program = std::env::current_exe()
        .map_err(|e| Error::io("the place of this program cannot be found", &e))?;
    let mut command = Command::new(program);
    command.arg(flag).env_clear();
    Ok(command)
}

/// Variables for a `!` command, beside the shell's own environment.
pub type Environment = Vec<(String, String)>;

/// `sh -c TEXT` with `input` on its standard input; its output as lines. It inherits the terminal
/// where it has no input of ours.
pub fn shell(
    text: &str,
    environment: &Environment,
    input: Option<Box<dyn Source<Lines>>>,
    directory: &Path,
) -> Result<OsLines> {
    spawned(text, environment, input, directory, !has_foreground())
}

/// Whether this process may read from a terminal: then what it starts has to be of its group, so
/// that it may as well, and the terminal's Ctrl-C reaches both.
fn has_foreground() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    is_foreground(&stat)
}

/// By a line of `/proc/PID/stat`, behind the name: state, parent, group, session, terminal, and
/// the group that has the terminal.
fn is_foreground(stat: &str) -> bool {
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let fields: Vec<&str> = behind.split_whitespace().take(6).collect();
    matches!(fields[..], [_, _, group, _, _, holder] if group == holder)
}

/// With a `group` of its own, all that it started ends with it.
fn spawned(
    text: &str,
    environment: &Environment,
    input: Option<Box<dyn Source<Lines>>>,
    directory: &Path,
    group: bool,
) -> Result<OsLines> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(text).current_dir(directory);
    for (name, value) in environment {
        command.env(name, value);
    }
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::inherit() });
    command.stdout(Stdio::piped()).kill_on_drop(true);
    if group {
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(|e| Error::io("`sh` could not be started", &e))?;
    let group = group.then(|| Group::of(&child));
    let feeder = input.zip(child.stdin.take()).map(|(mut input, mut stdin)| {
        tokio::spawn(async move {
            let newline = input.ending().newline;
            while let Some(lines) = input.next().await? {
                let mut bytes = Vec::new();
                for line in &lines {
                    bytes.extend_from_slice(line);
                    if newline {
                        bytes.push(b'\n');
                    }
                }
                // The other program may have read enough (`head -1`): that is no failure of ours.
                // What it did not take is not done, so nothing is acknowledged.
                if stdin.write_all(&bytes).await.is_err() {
                    return Ok(None);
                }
            }
            Ok(Some(input))
        })
    });
    let stdout = child.stdout.take().ok_or_else(|| Error::bug("a command without output"))?;
    Ok(OsLines { child, group, stdout: BufReader::new(stdout), feeder, text: text.to_string() })
}

/// The output of a `!` command.
pub struct OsLines {
    child: Child,
    /// Where it leads one
    group: Option<Group>,
    stdout: BufReader<ChildStdout>,
    feeder: Option<Feeder>,
    text: String,
}

/// Ends with its input where the program took all of it.
type Feeder = tokio::task::JoinHandle<Result<Option<Box<dyn Source<Lines>>>>>;

impl Drop for OsLines {
    fn drop(&mut self) {
        // Left running it would hold its place in a group until a record came.
        if let Some(feeder) = &self.feeder {
            feeder.abort();
        }
    }
}

impl Source<Lines> for OsLines {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async move {
            let (mut lines, mut bytes) = (Lines::new(), 0);
            while lines.len() < LINES_AT_ONCE && bytes < LINES_BYTES {
                let mut line = Vec::new();
                let mut bounded = (&mut self.stdout).take(LINE_BYTES_MAX as u64 + 1);
                let read = bounded.read_until(b'\n', &mut line).await;
                let read =
                    read.map_err(|e| Error::io("a command's output could not be read", &e))?;
                if read == 0 {
                    break;
                }
                if line.len() > LINE_BYTES_MAX {
                    return Err(Error::failed("line-too-long", "a command wrote too long a line")
                        .with_cause(format!("the bound is {LINE_BYTES_MAX} bytes")));
                }
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                bytes += line.len();
                lines.push(line);
                if self.stdout.buffer().is_empty() {
                    break;
                }
            }
            Ok((!lines.is_empty()).then_some(lines))
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        Box::pin(async move {
            let status = self.child.wait().await;
            let status = status.map_err(|e| Error::io("a command could not be awaited", &e))?;
            // What it left running on purpose goes on.
            if let Some(group) = self.group.take() {
                group.forget();
            }
            if !status.success() {
                return Err(Error::failed(
                    "command-failed",
                    format!("`!{}` failed", self.text.trim()),
                )
                .with_evidence(status.to_string()));
            }
            let fed = match self.feeder.take() {
                Some(feeder) => feeder.await.map_err(|e| Error::bug(e.to_string()))??,
                None => None,
            };
            // Only now it is known that the program has done its work with what it was given.
            match fed {
                Some(mut input) => {
                    input.acknowledge().await?;
                    input.finish().await
                }
                None => Ok(Vec::new()),
            }
        })
    }
}

/// Runs a program to its end; its output is kept for the error alone.
pub async fn run_quietly(program: &str, args: &[&str], directory: &Path) -> Result<()> {
    let output = Command::new(program)
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                let install = match program {
                    "mvn" => "sudo apt-get install maven",
                    other => other,
                };
                Error::failed("program-missing", format!("`{program}` is not installed"))
                    .with_next(install)
            }
            _ => Error::io(format!("`{program}` could not be started"), &e),
        })?;
    if output.status.success() {
        return Ok(());
    }
    let mut error = Error::failed("program-failed", format!("`{program}` failed"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let tells = |line: &&str| line.contains("ERROR") && line.trim() != "[ERROR]";
    let lines: Vec<&str> = text.lines().filter(tells).take(2).collect();
    for line in lines {
        error = error.with_evidence(line.trim());
    }
    Err(error.with_cause(output.status.to_string()))
}

/// Longest that bringing a file by `curl` may take, in seconds.
const DOWNLOAD_SECONDS_MAX: &str = "120";
/// Redirects that are followed, from TLS to TLS alone.
const REDIRECTS_MAX: &str = "5";

/// How `curl` ends where a certificate cannot be verified.
const CURL_NOT_TRUSTED: i32 = 60;

/// What an https URL gives, by `curl`: the one program that every machine with TLS roots has, so
/// that no second TLS stack is linked. `shown` is the URL without what may be secret.
pub async fn download(url: &str, shown: &str, bytes_max: u64) -> Result<Vec<u8>> {
    let mut command = Command::new("curl");
    let bytes = bytes_max.to_string();
    // `-q` first: no configuration of the user's changes what is done here.
    command.args(["-q", "--silent", "--show-error", "--fail", "--location", "--globoff"]);
    command.args(["--proto", "=https", "--proto-redir", "=https"]);
    command.args(["--max-redirs", REDIRECTS_MAX, "--max-time", DOWNLOAD_SECONDS_MAX]);
    // The URL goes in by a pipe: arguments are for everybody on this machine to read.
    command.args(["--max-filesize", &bytes, "--config", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::failed("program-missing", "`curl` is not installed")
            .with_cause("it brings files over https")
            .with_next("sudo apt-get install curl"),
        _ => Error::io("`curl` could not be started", &e),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        let quoted = url.replace('\\', "\\\\").replace('"', "\\\"");
        // One that ends before it has read this says why by its status.
        let _ = stdin.write_all(format!("url = \"{quoted}\"\n").as_bytes()).await;
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let failed = |e: std::io::Error| Error::io("the output of `curl`", &e);
    let mut body = Vec::new();
    let mut said = Vec::new();
    let read_body = async {
        match stdout {
            Some(pipe) => pipe.take(bytes_max + 1).read_to_end(&mut body).await,
            None => Ok(0),
        }
    };
    let read_said = async {
        match stderr {
            Some(pipe) => pipe.take(LINE_BYTES_MAX as u64).read_to_end(&mut said).await,
            None => Ok(0),
        }
    };
    let (of_body, of_said) = tokio::join!(read_body, read_said);
    of_body.and(of_said).map_err(failed)?;
    if body.len() as u64 > bytes_max {
        return Err(crate::http::too_large(shown, bytes_max));
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(body);
    }
    let said = String::from_utf8_lossy(&said);
    let why = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let error = Error::unavailable("unavailable", format!("`{shown}` gives no file"))
        .with_evidence(why.trim().replace(url, shown));
    Err(match status.code() {
        Some(CURL_NOT_TRUSTED) => error
            .with_cause("nobody whom this machine trusts vouches for the server's certificate")
            .with_evidence("`CURL_CA_BUNDLE` may name a file with the certificates to trust"),
        _ => error.with_cause(format!("curl: {status}")),
    })
}

/// Opens a file in the browser of the desktop, where there is one; what becomes of it is its own.
pub fn open_in_browser(file: &Path) {
    let chosen = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let program = chosen.unwrap_or_else(|| "xdg-open".into());
    let mut command = Command::new(program);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A desktop without a browser has still the link that is printed.
    let _ = command.process_group(0).spawn();
}

/// Bytes that are kept of each stream of a tool.
const TOOL_BYTES_MAX: usize = 8 << 20;

/// Puts a short question to a tool (`rustc --print …`) and waits for the answer on this thread.
pub fn ask(command: &mut std::process::Command) -> std::io::Result<std::process::Output> {
    command.stdin(Stdio::null()).output()
}

/// How a tool ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub status: std::process::ExitStatus,
    /// Its beginning, where there was too much of it; so with `stderr`
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Runs a tool to its end. Dropped before, it takes all processes of the tool's with it.
pub async fn tool(command: std::process::Command) -> Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut command = Command::from(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: cargo's compilers end with it, and the terminal's Ctrl-C is ours to
    // pass on.
    command.process_group(0).kill_on_drop(true);
    let failed = |e: std::io::Error| Error::io(format!("`{program}` could not be run"), &e);
    let mut child = command.spawn().map_err(failed)?;
    let group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::join!(beginning(stdout), beginning(stderr));
    let (stdout, stderr) = (stdout.map_err(failed)?, stderr.map_err(failed)?);
    let status = child.wait().await.map_err(failed)?;
    group.forget();
    Ok(Ended { status, stdout, stderr })
}

/// Processes that end when this is dropped.
struct Group(Option<rustix::process::Pid>);

impl Group {
    /// The group that `child` leads.
    fn of(child: &Child) -> Group {
        Group(child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)))
    }

    /// The number may soon be somebody else's.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// Reads a pipe to its end, so that its writer never waits, and keeps as much as is allowed.
async fn beginning(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    let Some(mut pipe) = pipe else { return Ok(kept) };
    loop {
        let count = pipe.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        let room = TOOL_BYTES_MAX - kept.len();
        kept.extend_from_slice(&chunk[..count.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn run(text: &str) -> OsLines {
        spawned(text, &Environment::new(), None, Path::new("."), true).unwrap()
    }

    /// Gone, or waiting for somebody to look at it.
    fn has_ended(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, behind)| behind.trim_start().starts_with('Z'))
    }

    #[tokio::test]
    async fn what_a_command_started_ends_when_it_is_given_up() {
        let mut lines = run("sleep 300 & echo $!; wait");
        let said = lines.next().await.unwrap().unwrap();
        let pid = String::from_utf8(said[0].clone()).unwrap();
        assert!(!has_ended(&pid));
        drop(lines);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !has_ended(&pid) {
            assert!(Instant::now() < deadline, "process {pid} goes on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn long_lines_are_not_gathered_without_bound() {
        let mut lines = run("head -c 24000000 /dev/zero | tr '\\0' a | fold -w 1000000");
        let (mut count, mut most) = (0, 0);
        while let Some(some) = lines.next().await.unwrap() {
            most = most.max(some.len());
            count += some.len();
        }
        assert_eq!(count, 24);
        assert!(most <= 5, "{most} lines of a million bytes at once");
        Box::new(lines).finish().await.unwrap();
    }

    #[test]
    fn who_has_the_terminal_is_told_by_its_group() {
        let line = |group, holder| format!("7 (a ) b) S 1 {group} 3 34816 {holder} 4194304 0");
        assert!(is_foreground(&line("7", "7")));
        assert!(!is_foreground(&line("7", "9")) && !is_foreground(&line("7", "-1")));
        assert!(!is_foreground(""));
    }
}
