//! Times programs and reads what the kernel says of them and of the machine.

use crate::run::{Failure, command_line};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a prompt may take to be idle before its memory is read.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// Runs `command` with `input` on standard input and gives the milliseconds that it took.
///
/// # Errors
/// It cannot be started or fails: a timing of a failure is worth nothing.
pub fn milliseconds(command: &mut Command, input: &str) -> Result<f64, Failure> {
    let line = command_line(command);
    let failed = |cause: String| Failure::new(format!("`{line}` cannot be measured\n  {cause}"));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|cause| failed(cause.to_string()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that reads no input may be gone by now.
        let _ = pipe.write_all(input.as_bytes());
    }
    let ended = child.wait_with_output().map_err(|cause| failed(cause.to_string()))?;
    let elapsed = started.elapsed().as_secs_f64() * 1000.0;
    if ended.status.success() {
        return Ok(elapsed);
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(failed(format!("{}\n  {}", ended.status, said.trim_end().replace('\n', "\n  "))))
}

/// The same `runs` times, after one run that is not counted.
///
/// # Errors
/// As for [`milliseconds`].
pub fn series(
    runs: usize,
    mut command: impl FnMut() -> Command,
    input: &str,
) -> Result<Vec<f64>, Failure> {
    milliseconds(&mut command(), input)?;
    (0..runs).map(|_| milliseconds(&mut command(), input)).collect()
}

/// Resident memory, in MB, of the prompt of `kafsh` when nothing is typed. The prompt wants a
/// terminal, which the program `script` gives it.
///
/// # Errors
/// The prompt does not come up.
pub fn idle_megabytes(kafsh: &Path, script: &mut Command) -> Result<f64, Failure> {
    let failed = |cause: String| Failure::new(format!("the prompt cannot be measured\n  {cause}"));
    script.arg("-qec").arg(kafsh).arg("/dev/null");
    script.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = script.spawn().map_err(|cause| failed(cause.to_string()))?;
    std::thread::sleep(IDLE_AFTER);
    let memory = descendants(child.id())
        .into_iter()
        .find(|pid| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == kafsh))
        .and_then(resident);
    // Its terminal goes with it, which ends the prompt.
    drop(child.stdin.take());
    let ended = child.kill().and_then(|()| child.wait());
    ended.map_err(|cause| failed(cause.to_string()))?;
    memory.ok_or_else(|| failed("it was gone before it was idle".into()))
}

/// Resident memory of a process, in MB; `None` where it is gone.
pub fn resident(pid: u32) -> Option<f64> {
    resident_megabytes(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// `VmRSS:     20480 kB` is 20.
fn resident_megabytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Asks a process to end, by the shell's own `kill`: not every machine has the program.
///
/// # Errors
/// There is no `sh`.
pub fn kill(pid: u32) -> std::io::Result<std::process::ExitStatus> {
    Command::new("sh").args(["-c", &format!("kill {pid}")]).status()
}

fn descendants(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while next < all.len() {
        let file = format!("/proc/{0}/task/{0}/children", all[next]);
        let children = std::fs::read_to_string(file).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        next += 1;
    }
    all
}

/// The machine in one line: processor, cores, memory, kernel.
pub fn machine_line() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    describe(
        &read("/proc/cpuinfo"),
        &read("/proc/meminfo"),
        &read("/proc/sys/kernel/osrelease"),
        cores,
    )
}

fn describe(cpuinfo: &str, meminfo: &str, kernel: &str, cores: usize) -> String {
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field(cpuinfo, "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = field(meminfo, "MemTotal")
        .and_then(|text| text.strip_suffix(" kB")?.parse::<f64>().ok())
        .map_or_else(String::new, |kilobytes| format!(", {:.0} GiB", kilobytes / 1024.0 / 1024.0));
    let plural = if cores == 1 { "" } else { "s" };
    format!("{model}, {cores} core{plural}{memory}, Linux {}", kernel.trim())
}

/// Today, in UTC.
pub fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    crate::stats::date_of(now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_gives_no_timing() {
        let failure = milliseconds(Command::new("sh").args(["-c", "echo no >&2; exit 4"]), "");
        let text = failure.unwrap_err().text;
        assert!(text.contains("status: 4") && text.contains("no"), "{text}");
    }

    #[test]
    fn programs_get_their_input_and_the_first_run_does_not_count() {
        let mut started = 0;
        let command = || {
            started += 1;
            let mut command = Command::new("sh");
            command.args(["-c", "read line; [ \"$line\" = hello ]"]);
            command
        };
        assert_eq!(series(3, command, "hello\n").unwrap().len(), 3);
        assert_eq!(started, 4);
    }

    #[test]
    fn resident_memory_is_read_in_megabytes() {
        assert_eq!(resident_megabytes("Name:\tx\nVmRSS:\t   20480 kB\n"), Some(20.0));
        assert_eq!(resident_megabytes("Name:\tx\n"), None);
    }

    #[test]
    fn the_machine_is_described_in_one_line() {
        let line = describe("model name\t: Chip 9\n", "MemTotal: 16777216 kB\n", "6.1.0\n", 2);
        assert_eq!(line, "Chip 9, 2 cores, 16 GiB, Linux 6.1.0");
        assert_eq!(describe("", "", "6\n", 1), "unknown processor, 1 core, Linux 6");
        assert!(machine_line().contains("Linux "));
    }

    #[test]
    fn children_of_children_are_found() {
        let mut child = Command::new("sh").args(["-c", "sleep 20; true"]).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while descendants(child.id()).len() < 2 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let found = descendants(child.id());
        for pid in &found {
            let _ = kill(*pid);
        }
        child.wait().unwrap();
        assert!(found.len() >= 2, "{found:?}");
    }
}
