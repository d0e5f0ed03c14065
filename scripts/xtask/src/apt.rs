//! Installs Debian packages: lists refreshed once, other users of apt waited for, nobody asked.

use crate::machine::Machine;
use crate::run::{Failure, Show, command_line, output, run};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long another apt or dpkg is waited for.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(300);
/// Pause between attempts to refresh the lists while somebody else does.
const LOCK_PAUSE: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 5 });
/// How long refreshing the lists may take.
const UPDATE_MAX: Duration = Duration::from_secs(600);
/// How long fetching and unpacking may take.
const INSTALL_MAX: Duration = Duration::from_secs(1800);
/// How long one question to apt's cache may take.
const CACHE_MAX: Duration = Duration::from_secs(60);

/// The line that installs `packages`, for somebody to type.
pub fn line_to_type(packages: &[&str]) -> String {
    format!(
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

/// Whether apt could install a package of this name.
pub fn knows(machine: &Machine, package: &str) -> bool {
    let mut command = machine.command("apt-cache");
    // The answer is read, so it has to be in English.
    command.args(["policy", package]).env("LC_ALL", "C");
    let answer = output(&mut command, CACHE_MAX).unwrap_or_default();
    let candidate = answer.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
    candidate.is_some_and(|version| version.trim() != "(none)")
}

/// Refreshes the package lists. A failure is said and otherwise let pass: one broken source of
/// several does not keep the packages from being there.
pub fn update(machine: &Machine) {
    let started = Instant::now();
    loop {
        let mut command = apt_get(machine);
        command.arg("update");
        eprintln!("  running {}", command_line(&command));
        let Err(failure) = run(&mut command, Show::Quiet, Some(UPDATE_MAX), "") else { return };
        // `DPkg::Lock::Timeout` does not hold for the lock of the lists.
        let locked = failure.text.contains("Could not get lock");
        if !locked || started.elapsed() > LOCK_WAIT_MAX {
            eprintln!("  warning: {}", failure.text);
            return;
        }
        eprintln!("  another apt is at work; trying again");
        std::thread::sleep(LOCK_PAUSE);
    }
}

/// Installs `packages` and nothing that they merely recommend.
///
/// # Errors
/// apt-get fails twice in a row.
pub fn install(machine: &Machine, packages: &[&str]) -> Result<(), Failure> {
    let attempt = || {
        let mut command = apt_get(machine);
        command.args(["install", "-y", "--no-install-recommends"]).args(packages);
        eprintln!("  running {}", command_line(&command));
        run(&mut command, Show::Lines, Some(INSTALL_MAX), &line_to_type(packages))
    };
    attempt().or_else(|failure| {
        eprintln!("  warning: {}", failure.text);
        // A mirror that moved on under us, or a package whose set-up wanted another done first.
        eprintln!("  trying once more");
        update(machine);
        attempt()
    })
}

fn apt_get(machine: &Machine) -> Command {
    let mut command = machine.command("apt-get");
    let timeout = format!("DPkg::Lock::Timeout={}", LOCK_WAIT_MAX.as_secs());
    command.args(["-o", &timeout]).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn only_a_package_with_a_candidate_is_known() {
        let sandbox = Sandbox::new();
        sandbox.program(
            "apt-cache",
            "case $2 in maven) c=3.8.7;; *) c='(none)';; esac; echo \"  Candidate: $c\"",
        );
        let machine = sandbox.machine();
        assert!(knows(&machine, "maven"));
        assert!(!knows(&machine, "openjdk-17-jre-headless"));
    }

    #[test]
    fn lists_that_are_locked_are_tried_again() {
        let sandbox = Sandbox::new();
        let flag = sandbox.folder().join("flag");
        let script = format!(
            "[ -e {0} ] || {{ touch {0}; echo 'E: Could not get lock /x' >&2; exit 100; }}",
            flag.display()
        );
        sandbox.recorder("apt-get", &script);
        update(&sandbox.machine());
        assert_eq!(sandbox.calls("apt-get").len(), 2);
    }

    #[test]
    fn an_install_is_tried_twice_and_then_explained() {
        let sandbox = Sandbox::new();
        sandbox.recorder("apt-get", "case $* in *install*) echo E: broken; exit 100;; esac");
        let failure = install(&sandbox.machine(), &["kcat"]).unwrap_err();
        assert_eq!(
            sandbox.calls("apt-get"),
            [
                "-o DPkg::Lock::Timeout=300 install -y --no-install-recommends kcat",
                "-o DPkg::Lock::Timeout=300 update",
                "-o DPkg::Lock::Timeout=300 install -y --no-install-recommends kcat",
            ]
        );
        assert!(failure.text.contains("| E: broken"), "{}", failure.text);
        assert!(failure.text.contains("sudo apt-get install"), "{}", failure.text);
    }
}
