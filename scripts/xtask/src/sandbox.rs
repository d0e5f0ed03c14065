//! For tests: a machine of its own in a temporary folder, with programs that are small scripts
//! and, where wanted, write down how they were called.

use crate::machine::Machine;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A folder that is gone when this is dropped.
pub struct Sandbox {
    folder: PathBuf,
}

impl Sandbox {
    pub fn new() -> Self {
        let name =
            format!("kafsh-xtask-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::create_dir_all(folder.join("tools")).unwrap();
        fs::create_dir_all(folder.join("root/etc")).unwrap();
        // What the scripts themselves use; nothing else of this machine is on their path.
        for tool in ["mkdir", "touch", "chmod"] {
            let found = crate::run::find_all(tool, &std::env::var_os("PATH").unwrap());
            std::os::unix::fs::symlink(&found[0], folder.join("tools").join(tool)).unwrap();
        }
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the search path that programs are put in.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The machine: root, nobody to ask, and only this sandbox's programs.
    pub fn machine(&self) -> Machine {
        let path = std::env::join_paths([self.bin(), self.folder.join("tools")]).unwrap();
        Machine {
            path,
            root: self.folder.join("root"),
            java_home: None,
            superuser: true,
            terminal: false,
            checkout: self.folder.clone(),
        }
    }

    /// Makes it a Debian.
    pub fn debian(&self) {
        fs::write(self.folder.join("root/etc/debian_version"), "12.11\n").unwrap();
    }

    /// A program on the search path.
    pub fn program(&self, name: &str, script: &str) {
        write_script(&self.bin().join(name), script);
    }

    /// A program at a path of the sandbox's file system.
    pub fn program_in_root(&self, path: &str, script: &str) {
        let file = self.folder.join("root").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        write_script(&file, script);
    }

    /// A program on the search path that writes down its arguments, then runs `script`.
    pub fn recorder(&self, name: &str, script: &str) {
        let log = self.folder.join(format!("{name}.calls"));
        let record = format!("echo \"$DEBIAN_FRONTEND|$*\" >>{}; {script}", log.display());
        self.program(name, &record);
    }

    /// The arguments of each call of a recorder, oldest first.
    pub fn calls(&self, name: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join(format!("{name}.calls")));
        let log = log.unwrap_or_default();
        log.lines().filter_map(|line| line.split_once('|')).map(|(_, args)| args.into()).collect()
    }

    /// How many calls of a recorder kept dpkg from asking questions.
    pub fn noninteractive_calls(&self, name: &str) -> usize {
        let log = fs::read_to_string(self.folder.join(format!("{name}.calls"))).unwrap();
        log.lines().filter(|line| line.starts_with("noninteractive|")).count()
    }

    /// A Java runtime in `/usr/lib/jvm`; gives its home.
    pub fn java(&self, version: &str) -> PathBuf {
        self.program_in_root(&format!("usr/lib/jvm/java-{version}/bin/java"), "exit 0");
        let home = self.folder.join(format!("root/usr/lib/jvm/java-{version}"));
        fs::write(home.join("release"), format!("JAVA_VERSION=\"{version}\"\n")).unwrap();
        home
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Written by another process: were it open for writing here while another test starts a program,
/// that program would inherit the open file for a moment, and running it would fail as "busy".
fn write_script(file: &Path, script: &str) {
    let write = "printf '#!/bin/sh\n%s\n' \"$1\" >\"$2\" && chmod 755 \"$2\"";
    let args = ["-c", write, "sh", script];
    assert!(Command::new("sh").args(args).arg(file).status().unwrap().success());
}
