//! Who a process is: a pid is only a number, so nothing is believed or signalled on its word.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::record::RunRecord;
use crate::runtime::files;

/// Clock ticks a second in `/proc`: `USER_HZ`, fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Longest command line shown, in characters.
const COMMAND_CHARS_MAX: usize = 100;

/// The parts of `/proc/PID/stat` that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: char,
    /// Field 22: ticks since boot at which it started; survives exec
    pub(crate) start_ticks: u64,
}

pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command's name, in parentheses, may hold anything: count fields from the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some(Stat { state, start_ticks })
}

pub(crate) fn boot_id() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(path).map_err(|e| files::io_error("read", path, &e))?;
    Ok(text.trim().to_string())
}

/// Arguments of a process; empty for a zombie or a kernel thread.
pub(super) fn arguments(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let parts = bytes.split(|byte| *byte == 0);
    let mut arguments: Vec<String> =
        parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    while arguments.last().is_some_and(String::is_empty) {
        arguments.pop();
    }
    arguments
}

/// SHA-256 of arguments, as the kernel keeps them: they may hold secrets.
pub(super) fn digest(arguments: &[String]) -> String {
    files::sha256_hex(arguments.join("\0").as_bytes())
}

/// The argument that marks a process as one start of one node.
pub(super) fn nonce_argument(nonce: &str) -> String {
    format!("-Dkafsh.nonce={nonce}")
}

/// Our process that carries `nonce`, for a shell that was killed before it recorded the pid.
pub(super) fn find_by_nonce(nonce: &str) -> Option<u32> {
    let wanted = nonce_argument(nonce);
    let uid = rustix::process::geteuid().as_raw();
    let entries = fs::read_dir("/proc").ok()?;
    entries.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let own = entry.metadata().ok()?.uid() == uid;
        (own && arguments(pid).contains(&wanted)).then_some(pid)
    })
}

/// A process that is the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) pid: u32,
    pub(super) paused: bool,
    pub(super) uptime_ms: u64,
}

/// The recorded process, if it still is what was recorded: alive, started then, in this boot, and
/// with our nonce among its arguments, or the very arguments that it was adopted with.
pub(super) fn identify(record: &RunRecord) -> Result<Option<Live>> {
    let Some(started) = &record.process else { return Ok(None) };
    let Some(stat) = stat(started.pid) else { return Ok(None) };
    let same = !matches!(stat.state, 'Z' | 'X' | 'x')
        && stat.start_ticks == started.start_ticks
        && boot_id()? == started.boot_id
        && record.fits(&arguments(started.pid));
    Ok(same.then(|| Live {
        pid: started.pid,
        paused: matches!(stat.state, 'T' | 't'),
        uptime_ms: uptime_ms(stat.start_ticks),
    }))
}

/// A descriptor of the recorded process, to signal it; `None` where it is gone. Identity is checked
/// after opening, so the descriptor cannot be that of a later process with the same number.
pub(super) fn open(record: &RunRecord) -> Result<Option<OwnedFd>> {
    let Some(descriptor) = open_pidfd(record)? else { return Ok(None) };
    Ok(identify(record)?.map(|_| descriptor))
}

/// A descriptor to wait for the end of the recorded process. A process that is ending has lost its
/// arguments, and may be a zombie by its first thread, while it still holds ports and locks.
pub(super) fn open_ending(record: &RunRecord) -> Result<Option<OwnedFd>> {
    let Some(descriptor) = open_pidfd(record)? else { return Ok(None) };
    let Some(started) = &record.process else { return Ok(None) };
    let same = stat(started.pid).is_some_and(|stat| stat.start_ticks == started.start_ticks)
        && boot_id()? == started.boot_id;
    let arguments = arguments(started.pid);
    let ours = arguments.is_empty() || record.fits(&arguments);
    Ok((same && ours).then_some(descriptor))
}

/// Waits for the end of the recorded process where it is ending already.
pub(super) fn await_end(record: &RunRecord, deadline: Duration) -> Result<()> {
    let Some(descriptor) = open_ending(record)? else { return Ok(()) };
    let timeout = rustix::event::Timespec {
        tv_sec: i64::try_from(deadline.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(deadline.subsec_nanos()),
    };
    let mut watched = [PollFd::new(&descriptor, PollFlags::IN)];
    // Interrupted or run out: what there is to see then is seen by whoever asked.
    let _ = poll(&mut watched, Some(&timeout));
    Ok(())
}

fn open_pidfd(record: &RunRecord) -> Result<Option<OwnedFd>> {
    let pid = record.process.as_ref().and_then(|started| i32::try_from(started.pid).ok());
    let Some(pid) = pid.and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => Ok(Some(descriptor)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(e) => {
            let message = format!("process {} cannot be watched", pid.as_raw_nonzero());
            Err(Error::failed("pidfd", message)
                .with_evidence(e.to_string())
                .with_cause("kafsh needs Linux 5.3 or later"))
        }
    }
}

fn uptime_ms(start_ticks: u64) -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: f64 = text.split_whitespace().next().and_then(|s| s.parse().ok()).unwrap_or(0.0);
    ((seconds * 1000.0) as u64).saturating_sub(start_ticks * 1000 / TICKS_PER_SECOND)
}

/// One line on a process that may not be ours: `pid 4121 java kafka.Kafka a.properties (kim, 3h)`.
pub(super) fn describe(pid: u32) -> String {
    let mut words = shorten(&arguments(pid));
    if words.is_empty() {
        words = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        words = words.trim().to_string();
    }
    let user = fs::metadata(format!("/proc/{pid}")).map(|meta| user_name(meta.uid()));
    let up =
        stat(pid).map(|stat| show_duration(Duration::from_millis(uptime_ms(stat.start_ticks))));
    let about: Vec<String> = user.ok().into_iter().chain(up).collect();
    format!("pid {pid} {words} ({})", about.join(", "))
}

fn user_name(uid: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_string())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

pub(super) fn base_name(text: &str) -> &str {
    text.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(text)
}

/// A command line for people: base names, no JVM options, no secrets, about a line long.
fn shorten(arguments: &[String]) -> String {
    let Some((program, rest)) = arguments.split_first() else { return String::new() };
    let is_java = base_name(program).starts_with("java");
    let mut shown = vec![base_name(program).to_string()];
    let mut rest = rest.iter();
    let mut main_seen = !is_java;
    while let Some(argument) = rest.next() {
        if !main_seen {
            match argument.as_str() {
                "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path" => {
                    rest.next();
                    continue;
                }
                "-jar" | "-m" => continue,
                option if option.starts_with(['-', '@']) => continue,
                _ => main_seen = true,
            }
        }
        let (text, hides_next) = mask(argument);
        shown.push(text);
        if hides_next && rest.next().is_some() {
            shown.push("***".into());
        }
    }
    let text: String = shown.join(" ").chars().filter(|c| !c.is_control()).collect();
    match text.char_indices().nth(COMMAND_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// An argument without what may be a secret, and whether the next argument is one.
fn mask(argument: &str) -> (String, bool) {
    const SECRET_WORDS: [&str; 6] = ["password", "passwd", "secret", "token", "credential", "jaas"];
    let (name, value) = match argument.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (argument, None),
    };
    let lower = name.to_ascii_lowercase();
    if SECRET_WORDS.iter().any(|word| lower.contains(word)) {
        return match value {
            Some(_) => (format!("{name}=***"), false),
            None => (name.to_string(), name.starts_with('-')),
        };
    }
    if let Some((scheme, rest)) = argument.split_once("://")
        && let Some((_, host)) = rest.rsplit_once('@')
    {
        return (format!("{scheme}://***@{host}"), false);
    }
    let is_path = argument.starts_with('/');
    (if is_path { base_name(argument) } else { argument }.to_string(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn a_command_name_cannot_confuse_the_fields() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 148077 20";
        let stat = parse_stat(&format!("42 (a) T 9 (b) {tail}\n")).unwrap();
        assert_eq!(stat, Stat { state: 'S', start_ticks: 148_077 });
        assert_eq!(parse_stat("42 (cut"), None);
    }

    #[test]
    fn command_lines_are_short_and_keep_secrets() {
        let java = "/usr/bin/java -Xmx1g -Dssl.password=hunter2 -cp /a:/b kafka.Kafka \
                    /etc/kafka/server2.properties";
        assert_eq!(shorten(&words(java)), "java kafka.Kafka server2.properties");
        let other = "/opt/tool --password hunter2 --api-token=hunter2 http://kim:hunter2@host/x";
        let shown = shorten(&words(other));
        assert_eq!(shown, "tool --password *** --api-token=*** http://***@host/x");
        assert!(shorten(&[format!("x{}", "y".repeat(500))]).chars().count() <= 101);
    }

    #[test]
    fn this_process_can_be_described() {
        let line = describe(std::process::id());
        assert!(line.starts_with(&format!("pid {} ", std::process::id())), "{line}");
        let user = user_name(rustix::process::geteuid().as_raw());
        assert!(line.contains(&format!("({user}, ")), "{line}");
    }
}
