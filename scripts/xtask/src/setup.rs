//! Set-up: finds what is missing, says it, installs it after one question, and looks again.
//! Run twice, the second run finds everything and does nothing.

use crate::machine::Machine;
use crate::need::{Need, packages_for};
use crate::run::Failure;
use crate::{apt, guest};
use std::io::{BufRead, Write};

/// Makes sure that `needs` are there.
///
/// # Errors
/// Something is missing and cannot be installed from here, or the user said no.
pub fn setup(machine: &mut Machine, needs: &[Need], yes: bool) -> Result<(), Failure> {
    eprintln!("set-up");
    let missing = look(machine, needs);
    if missing.is_empty() {
        return Ok(());
    }
    list(machine, &missing);
    let able = machine.superuser && machine.debian_like();
    let fetches = missing.contains(&Need::Guest) && machine.find("rustup").is_some();
    if machine.terminal && !yes && (able || fetches) && !agreed() {
        return Err(Failure::new(by_hand(machine, &missing)));
    }
    let cargo_before = machine.find("cargo");
    let missing = add_guest_target(machine, missing);
    if missing.is_empty() {
        return Ok(());
    }
    if !able {
        return Err(Failure::new(by_hand(machine, &missing)));
    }
    apt::update(machine);
    let packages = packages_for(&missing, |name| apt::knows(machine, name));
    apt::install(machine, &packages).map_err(|failure| Failure::new(failure.text))?;
    keep_cargo_first(machine, cargo_before);
    let missing = look(machine, &missing);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the packages are installed, but something is still missing\n{}",
        by_hand(machine, &missing)
    )))
}

/// Says what is there and gives back what is not.
fn look(machine: &Machine, needs: &[Need]) -> Vec<Need> {
    let mut missing = Vec::new();
    for need in needs {
        match need.probe(machine) {
            Ok(place) => eprintln!("  found    {} ({place})", need.title()),
            Err(found) => {
                let found = if found.is_empty() { found } else { format!(" (found {found})") };
                eprintln!("  missing  {}{found}", need.title());
                missing.push(*need);
            }
        }
    }
    missing
}

fn list(machine: &Machine, missing: &[Need]) {
    let rustup = missing.contains(&Need::Guest) && machine.find("rustup").is_some();
    let (guest, others): (Vec<Need>, Vec<Need>) =
        missing.iter().partition(|need| rustup && **need == Need::Guest);
    let packages = |needs: &[Need]| packages_for(needs, |name| apt::knows(machine, name)).join(" ");
    eprintln!("to be installed");
    if rustup {
        eprintln!("  with rustup    the target {}", guest::TARGET);
        if machine.debian_like() {
            eprintln!("                 or, if it cannot be fetched, {}", packages(&guest));
        }
    }
    if !others.is_empty() && machine.debian_like() {
        eprintln!("  with apt-get   {}", packages(&others));
    }
}

fn agreed() -> bool {
    eprint!("install them? [Y/n] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    // No answer at all (Ctrl-D) is not a yes.
    let read = std::io::stdin().lock().read_line(&mut answer).unwrap_or(0);
    read > 0 && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

/// Has rustup add the target if that is missing; gives back what is missing after that.
fn add_guest_target(machine: &Machine, mut missing: Vec<Need>) -> Vec<Need> {
    if !missing.contains(&Need::Guest) || machine.find("rustup").is_none() {
        return missing;
    }
    eprintln!("  running rustup target add {}", guest::TARGET);
    match guest::add(machine) {
        Ok(()) if Need::Guest.probe(machine).is_ok() => missing.retain(|need| *need != Need::Guest),
        Ok(()) => eprintln!("  warning: the pinned compiler still has no {}", guest::TARGET),
        Err(failure) => eprintln!("  warning: {}", failure.text),
    }
    missing
}

/// What to type when xtask may not or cannot install.
fn by_hand(machine: &Machine, missing: &[Need]) -> String {
    let mut text = String::from("this has to be installed first:");
    for need in missing {
        text.push_str("\n  ");
        text.push_str(need.title());
    }
    text.push_str("\ninstall it with");
    let rustup = machine.find("rustup").is_some();
    let mut rest = missing.to_vec();
    if rustup && missing.contains(&Need::Guest) {
        text.push_str(&format!("\n  rustup target add {}", guest::TARGET));
        if machine.debian_like() {
            text.push_str("        # not needed if the next line brings a compiler");
        }
    }
    if machine.debian_like() {
        let packages = packages_for(&rest, |name| apt::knows(machine, name));
        text.push_str(&format!("\n  {}", apt::line_to_type(&packages)));
    } else {
        rest.retain(|need| !(rustup && *need == Need::Guest));
        if !rest.is_empty() {
            text.push_str("\n  the package manager of this system (set-up knows only apt-get)");
        }
    }
    text
}

/// Debian's guest compiler brings a second cargo. Ours must stay the one that is found.
fn keep_cargo_first(machine: &mut Machine, before: Option<std::path::PathBuf>) {
    let Some(before) = before else { return };
    if machine.find("cargo").as_ref() == Some(&before) {
        return;
    }
    let Some(folder) = before.parent() else { return };
    eprintln!("  warning: Debian's cargo now comes before {}", before.display());
    eprintln!("           export PATH=\"{}:$PATH\"", folder.display());
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&machine.path));
    if let Ok(path) = std::env::join_paths(folders) {
        machine.path = path;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need::{DEMO, EVERY};
    use crate::sandbox::Sandbox;

    const OPTIONS: &str = "-o DPkg::Lock::Timeout=300";

    /// A Debian machine without anything but apt, whose packages put programs on the path.
    fn bare_debian() -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.debian();
        sandbox.program("apt-cache", "echo \"  Candidate: 1\"");
        let bin = sandbox.bin();
        let provide = |name: &str, program: &str| {
            format!(
                "case \" $* \" in *\" {name} \"*) printf '#!/bin/sh\\n' >{0}/{program}; \
                 chmod +x {0}/{program};; esac; ",
                bin.display()
            )
        };
        let mut script = String::new();
        let programs = [
            ("maven", "mvn"),
            ("kcat", "kcat"),
            ("chromium", "chromium"),
            ("fish", "fish"),
            ("zsh", "zsh"),
            ("gcc", "cc"),
            ("g++", "c++"),
            ("make", "make"),
            ("openssl", "openssl"),
            ("curl", "curl"),
        ];
        for (package, program) in programs {
            script += &provide(package, program);
        }
        let home = sandbox.folder().join("root/usr/lib/jvm/java-17");
        script += &format!(
            "case $* in *openjdk-17*) mkdir -p {0}/bin; touch {0}/bin/java; \
             echo 'JAVA_VERSION=\"17.0.15\"' >{0}/release;; esac",
            home.display()
        );
        sandbox.recorder("apt-get", &script);
        sandbox
    }

    fn with_guest(sandbox: &Sandbox) {
        let libraries = sandbox.folder().join("lib");
        std::fs::create_dir_all(&libraries).unwrap();
        std::fs::write(libraries.join("libstd-1.rlib"), "").unwrap();
        sandbox.program("rustc", &format!("echo {}", libraries.display()));
    }

    #[test]
    fn a_bare_machine_is_set_up_in_one_go_and_then_left_alone() {
        let sandbox = bare_debian();
        with_guest(&sandbox);
        let mut machine = sandbox.machine();
        setup(&mut machine, &EVERY, true).unwrap();
        let install = format!(
            "{OPTIONS} install -y --no-install-recommends gcc libc6-dev g++ make \
             openjdk-17-jre-headless maven kcat chromium fonts-dejavu-core \
             fish zsh openssl curl"
        );
        assert_eq!(sandbox.calls("apt-get"), [format!("{OPTIONS} update"), install]);
        assert_eq!(sandbox.noninteractive_calls("apt-get"), 2);
        setup(&mut machine, &EVERY, true).unwrap();
        assert_eq!(sandbox.calls("apt-get").len(), 2, "the second run installs nothing");
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        let sandbox = bare_debian();
        with_guest(&sandbox);
        for program in ["cc", "c++", "make", "mvn", "chromium", "fish", "zsh", "openssl", "curl"] {
            sandbox.program(program, "exit 0");
        }
        sandbox.java("21.0.2");
        setup(&mut sandbox.machine(), &EVERY, true).unwrap();
        let calls = sandbox.calls("apt-get");
        assert_eq!(calls[1], format!("{OPTIONS} install -y --no-install-recommends kcat"));
        assert_eq!(calls.len(), 2);
    }

    #[test]
    fn the_demo_asks_for_nothing_that_only_tests_use() {
        let sandbox = bare_debian();
        with_guest(&sandbox);
        setup(&mut sandbox.machine(), &DEMO, true).unwrap();
        let install = &sandbox.calls("apt-get")[1];
        assert!(!install.contains("kcat") && !install.contains("chromium"), "{install}");
    }

    #[test]
    fn an_ordinary_user_gets_the_line_to_type() {
        let sandbox = bare_debian();
        with_guest(&sandbox);
        let mut machine = sandbox.machine();
        machine.superuser = false;
        let failure = setup(&mut machine, &[Need::Maven, Need::Kcat], true).unwrap_err();
        assert_eq!(failure.status, 1);
        let line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends \
                    maven kcat";
        assert!(failure.text.ends_with(line), "{}", failure.text);
        assert!(sandbox.calls("apt-get").is_empty());
    }

    #[test]
    fn a_system_without_apt_is_told_what_is_missing() {
        let sandbox = Sandbox::new();
        let failure = setup(&mut sandbox.machine(), &[Need::Maven], true).unwrap_err();
        assert!(failure.text.contains("Maven, to fetch"), "{}", failure.text);
        assert!(!failure.text.contains("apt-get install"), "{}", failure.text);
    }

    #[test]
    fn rustup_brings_the_target_without_packages_or_root() {
        let sandbox = bare_debian();
        let libraries = sandbox.folder().join("lib");
        sandbox.program("rustc", &format!("echo {}", libraries.display()));
        sandbox.recorder(
            "rustup",
            &format!("mkdir {0}; touch {0}/libstd-1.rlib", libraries.display()),
        );
        let mut machine = sandbox.machine();
        machine.superuser = false;
        setup(&mut machine, &[Need::Guest], false).unwrap();
        assert_eq!(sandbox.calls("rustup"), ["target add wasm32-unknown-unknown"]);
        assert!(sandbox.calls("apt-get").is_empty());
    }

    #[test]
    fn where_rustup_cannot_fetch_debians_compiler_comes_and_stays_second() {
        let sandbox = bare_debian();
        sandbox.recorder("rustup", "echo 'error: could not download' >&2; exit 1");
        sandbox.program("rustc", "exit 1");
        sandbox.program("cargo", "exit 0");
        let usr = sandbox.folder().join("root/usr");
        let debian_rustc =
            format!("case $1 in --version) echo rustc 1.96.0;; *) echo {};; esac", usr.display());
        // In front of the search path, as where /usr/bin comes before the rustup folder.
        let front = usr.join("bin");
        sandbox.recorder(
            "apt-get",
            &format!(
                "case $* in *rustc-web*cargo-web*rust-web-src*lld*) \
                 mkdir -p {0}/bin {0}/lib/rustlib/src/rust/library/std; \
                 touch {0}/lib/rustlib/src/rust/library/std/Cargo.toml; \
                 printf '#!/bin/sh\\n%s\\n' \"{1}\" >{0}/bin/rustc; \
                 for p in cargo wasm-ld; do printf '#!/bin/sh\\n' >{0}/bin/$p; done; \
                 chmod +x {0}/bin/*;; esac",
                usr.display(),
                debian_rustc.replace('$', "\\$"),
            ),
        );
        let mut machine = sandbox.machine();
        let path = [front.clone()].into_iter().chain(std::env::split_paths(&machine.path));
        machine.path = std::env::join_paths(path).unwrap();
        setup(&mut machine, &[Need::Guest], true).unwrap();
        assert_eq!(sandbox.calls("rustup").len(), 1);
        assert!(front.join("cargo").is_file());
        assert_eq!(machine.find("cargo"), Some(sandbox.bin().join("cargo")));
    }

    #[test]
    fn packages_that_do_not_bring_the_thing_are_noticed() {
        let sandbox = Sandbox::new();
        sandbox.debian();
        sandbox.recorder("apt-get", "");
        let failure = setup(&mut sandbox.machine(), &[Need::Kcat], true).unwrap_err();
        assert!(failure.text.contains("still missing"), "{}", failure.text);
    }
}
