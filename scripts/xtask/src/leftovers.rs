//! After the tests: no server, cluster, open port, held lock or temporary file of theirs may be
//! left.

use crate::run::Failure;
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What temporary files and folders of kafsh and of the tests' browsers are called.
const TEMPORARY: [&str; 2] = ["kafsh-", ".kafsh-"];

/// Ports that clusters of tests get: the blocks of `tests/support`.
const TEST_PORTS: Range<u16> = 20_100..32_100;

/// Folders of the tests' home whose files are locks.
const LOCKS: [&str; 3] = ["locks", "ports", "cds"];

/// How long something that is on its way out may take: a folder is deleted when its process ends.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(200);

/// What there was before the tests and is somebody else's.
pub struct Before {
    temporary: BTreeSet<String>,
    ports: BTreeSet<u16>,
    /// The tests' own temporary folder, where there is one: everything in it is theirs
    pub own: Option<PathBuf>,
}

/// What is there now, and a temporary folder for the tests.
///
/// # Errors
/// The folder cannot be made.
pub fn before() -> Result<Before, Failure> {
    let temp = std::env::temp_dir();
    let own = temp.join(format!("kafsh-tests-{}", std::process::id()));
    fs::create_dir_all(&own)
        .map_err(|cause| Failure::new(format!("`{}` cannot be made\n  {cause}", own.display())))?;
    let ports = listening(Path::new("/proc/net"), &TEST_PORTS);
    Ok(Before { temporary: temporary(&temp), ports, own: Some(own) })
}

impl Drop for Before {
    fn drop(&mut self) {
        // One that is not empty stays, to be looked at.
        let _ = self.own.as_ref().map(fs::remove_dir);
    }
}

/// What the tests left behind that was not there `before`, in words.
///
/// # Errors
/// Anything was left.
pub fn check(test_home: &Path, before: &Before) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = left(Path::new("/proc"), &std::env::temp_dir(), test_home, before);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > end {
            let text = format!("the tests left something behind\n  {}", left.join("\n  "));
            return Err(Failure::new(text));
        }
        std::thread::sleep(POLL);
    }
}

fn left(proc: &Path, temp: &Path, test_home: &Path, before: &Before) -> Vec<String> {
    let mut left = servers(proc, test_home);
    left.extend(names(&test_home.join("clusters"), "cluster"));
    let ports = listening(&proc.join("net"), &TEST_PORTS);
    left.extend(ports.difference(&before.ports).map(|port| format!("port {port} is listened on")));
    left.extend(held(proc, test_home));
    left.extend(temporary(temp).difference(&before.temporary).cloned());
    left.extend(before.own.iter().flat_map(|own| names(own, "temporary")));
    left
}

/// Servers that a kafsh started and whose files are under `home`.
fn servers(proc: &Path, home: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains("-Dkafsh.nonce=") && line.contains(&home.display().to_string()) {
            found.push(format!("process {}: {line}", entry.file_name().to_string_lossy()));
        }
    }
    found
}

/// Ports of a range that somebody listens on, by the kernel's tables of TCP sockets.
fn listening(net: &Path, range: &Range<u16>) -> BTreeSet<u16> {
    const LISTEN: &str = "0A";
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(net.join(table)));
    let port = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        (state == LISTEN && range.contains(&port)).then_some(port)
    };
    tables.iter().flatten().flat_map(|table| table.lines().filter_map(port)).collect()
}

/// Locks on files of the tests' home that somebody holds.
fn held(proc: &Path, home: &Path) -> Vec<String> {
    // `N: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE START END`; who waits has `->` before it.
    let locks = fs::read_to_string(proc.join("locks")).unwrap_or_default();
    let holder = |inode: u64| {
        let mut lines = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find_map(|fields| {
            let of = fields.get(5)?.rsplit(':').next()?.parse::<u64>().ok()?;
            (of == inode).then(|| fields[4].to_string())
        })
    };
    let files = LOCKS.iter().flat_map(|folder| fs::read_dir(home.join(folder))).flatten().flatten();
    let files = files.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
    files
        .filter_map(|(path, facts)| {
            Some(format!("pid {} holds the lock {}", holder(facts.ino())?, path.display()))
        })
        .collect()
}

/// What lies in the temporary folder under a name that the tests give.
fn temporary(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    let ours = |name: &str| TEMPORARY.iter().any(|prefix| name.starts_with(prefix));
    entries
        .flatten()
        .filter(|entry| ours(&entry.file_name().to_string_lossy()))
        .map(|entry| format!("temporary {}", entry.path().display()))
        .collect()
}

fn names(folder: &Path, what: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| format!("{what} {}", entry.path().display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine in a folder: `/proc`, a temporary folder and the tests' home.
    struct Ground(PathBuf);

    impl Ground {
        fn new(name: &str) -> Self {
            let name = format!("leftovers-{name}-{}", std::process::id());
            let ground = Ground(std::env::temp_dir().join(name));
            for folder in ["proc/net", "temp", "own", "home/clusters", "home/ports"] {
                fs::create_dir_all(ground.path(folder)).unwrap();
            }
            ground
        }

        fn path(&self, path: &str) -> PathBuf {
            self.0.join(path)
        }

        fn left(&self, before: &Before) -> Vec<String> {
            left(&self.path("proc"), &self.path("temp"), &self.path("home"), before)
        }

        fn now(&self) -> Before {
            Before {
                temporary: temporary(&self.path("temp")),
                ports: listening(&self.path("proc/net"), &TEST_PORTS),
                own: Some(self.path("own")),
            }
        }
    }

    impl Drop for Ground {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn each_kind_of_leftover_is_found_and_what_was_there_is_not() {
        let ground = Ground::new("kinds");
        let home = ground.path("home");
        fs::create_dir_all(ground.path("temp/kafsh-rehearsal-theirs")).unwrap();
        let line =
            |port: u16, state: &str| format!("0: 0100007F:{port:04X} 00000000:0000 {state} x\n");
        let sockets = line(20_100, "0A") + &line(9_092, "0A") + &line(20_200, "01");
        fs::write(ground.path("proc/net/tcp"), &sockets).unwrap();
        let before = ground.now();
        assert_eq!(ground.left(&before), [""; 0], "all of this is somebody else's");
        for (pid, line) in [
            ("7", format!("java\0-Dkafsh.nonce=x\0@{}/a", home.display())),
            ("8", format!("java\0@{}/a", home.display())),
            ("9", "java\0-Dkafsh.nonce=x\0@/elsewhere/a".to_owned()),
        ] {
            fs::create_dir_all(ground.path("proc").join(pid)).unwrap();
            fs::write(ground.path("proc").join(pid).join("cmdline"), line).unwrap();
        }
        fs::create_dir_all(home.join("clusters/t-1")).unwrap();
        fs::write(ground.path("proc/net/tcp6"), line(20_139, "0A")).unwrap();
        fs::write(ground.path("own/.tmpAbCdEf"), "").unwrap();
        for name in ["kafsh-chromium-1", ".kafsh-half", "of-others"] {
            fs::write(ground.path("temp").join(name), "").unwrap();
        }
        for lock in ["0", "1"] {
            fs::write(home.join("ports").join(lock), "").unwrap();
        }
        let inode = fs::metadata(home.join("ports/1")).unwrap().ino();
        let locks = format!("1: FLOCK  ADVISORY  WRITE 42 fe:00:{inode} 0 EOF\n");
        fs::write(ground.path("proc/locks"), locks).unwrap();
        let found = ground.left(&before);
        let starts = ["process 7", "cluster ", "port 20139", "pid 42 holds the lock", "temporary "];
        for start in starts {
            assert!(found.iter().any(|line| line.starts_with(start)), "no {start}: {found:#?}");
        }
        assert_eq!(found.len(), 7, "and nothing else: {found:#?}");
    }

    /// The check looks at what the kernel says now, so it can fail.
    #[test]
    fn a_real_port_a_real_lock_and_a_real_file_are_found() {
        let ground = Ground::new("real");
        let home = ground.path("home");
        let before = ground.now();
        let seen = || left(Path::new("/proc"), &ground.path("temp"), &home, &before);
        let of_ours = |found: &[String], what: &str| found.iter().any(|line| line.contains(what));
        let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let net = Path::new("/proc/net");
        assert!(listening(net, &(port..port + 1)).contains(&port), "a port that is open is seen");
        drop(socket);
        // A program that another test starts holds what we had open until it is executed.
        let soon = |gone: &dyn Fn() -> bool| {
            (0..100).any(|_| {
                gone() || {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    false
                }
            })
        };
        let closed = || listening(net, &(port..port + 1)).is_empty();
        assert!(soon(&closed), "and one that is closed is not");
        let lock = fs::File::create(home.join("ports/7")).unwrap();
        lock.lock().unwrap();
        assert!(of_ours(&seen(), "ports/7"), "{:?}", seen());
        let error = check(&home, &before).expect_err("it is held");
        assert!(error.text.contains("ports/7"), "{}", error.text);
        drop(lock);
        assert!(soon(&|| !of_ours(&seen(), "ports/7")), "it is free");
        fs::write(ground.path("own/.tmpabc"), "").unwrap();
        assert!(of_ours(&seen(), "own/.tmpabc"));
    }
}
