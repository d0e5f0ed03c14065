//! Another ZooKeeper in a data folder. ZooKeeper takes no lock: a second one on the same folder
//! starts and serves, and the two corrupt it without a word.

use std::fs;
use std::path::{Path, PathBuf};

use super::process;
use crate::runtime::{files, properties};

/// In the command line of every ZooKeeper: the package of its main class. An editor, or a shell
/// that is told of its file, has no more than the word.
const MARK: &str = "org.apache.zookeeper.";

/// Keys of its configuration that name folders.
const FOLDERS: [&str; 2] = ["dataDir", "dataLogDir"];

/// What is known of a ZooKeeper that works in `dir`, by the files that it has open and by the
/// configuration it was started with. Processes of other users show neither, unless to root.
pub(super) fn zookeeper_in(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let entries = fs::read_dir("/proc").ok()?;
    let mut pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let found = pids.find(|pid| {
        let arguments = process::arguments(*pid);
        arguments.iter().any(|argument| argument.contains(MARK))
            && (has_open(*pid, &dir) || is_told(*pid, &arguments, &dir))
    });
    found.map(process::describe)
}

fn has_open(pid: u32, dir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.starts_with(dir)))
}

/// One of its arguments is a configuration that names the folder.
fn is_told(pid: u32, arguments: &[String], dir: &Path) -> bool {
    let working = PathBuf::from(format!("/proc/{pid}/cwd"));
    let names = |argument: &String| {
        // Relative to where it was started; an absolute one replaces that.
        let path = working.join(argument);
        // A pipe or a terminal would hold us up, and `/dev/stdin` is our own.
        if !path.is_file() {
            return None;
        }
        let text = files::read_small(&path).ok()??;
        let pairs = properties::parse(&text).ok()?;
        let folders = pairs.iter().filter(|(key, _)| FOLDERS.contains(&key.as_str()));
        let mut folders = folders.filter_map(|(_, path)| working.join(path).canonicalize().ok());
        folders.any(|folder| folder == dir).then_some(())
    };
    let configs = arguments.iter().skip(1).filter(|argument| !argument.starts_with('-'));
    configs.filter_map(names).next().is_some()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// A process with these arguments behind `sh -c SCRIPT`, ended with the test.
    struct Decoy(Child);

    impl Decoy {
        fn run(script: &str, arguments: &[&str]) -> Decoy {
            let mut command = Command::new("sh");
            command.args(["-c", script, "org.apache.zookeeper.Main"]).args(arguments);
            Decoy(command.stdin(Stdio::piped()).spawn().unwrap())
        }
    }

    impl Drop for Decoy {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn eventually(dir: &Path, pid: u32) {
        let end = Instant::now() + Duration::from_secs(20);
        let mark = format!("pid {pid} ");
        while !zookeeper_in(dir).is_some_and(|found| found.starts_with(&mark)) {
            assert!(Instant::now() < end, "pid {pid} is not found in {}", dir.display());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_second_zookeeper_is_found_by_its_files_and_by_its_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let (data, other) = (folder.path().join("data"), folder.path().join("other"));
        fs::create_dir_all(data.join("version-2")).unwrap();
        fs::create_dir(&other).unwrap();
        assert_eq!(zookeeper_in(&data), None);
        let log = data.join("version-2/log.1");
        let writes = Decoy::run("exec 3>>\"$1\"; read line", &[log.to_str().unwrap()]);
        eventually(&data, writes.0.id());
        assert_eq!(zookeeper_in(&other), None, "it works elsewhere");
        drop(writes);
        let config = folder.path().join("zoo.cfg");
        fs::write(&config, format!("clientPort=1\ndataDir={}\n", data.display())).unwrap();
        let told = Decoy::run("read line", &[config.to_str().unwrap()]);
        eventually(&data, told.0.id());
        assert_eq!(zookeeper_in(&other), None);
        drop(told);
        assert_eq!(zookeeper_in(&data), None, "it is gone");
        let named = folder.path().join("zookeeper.properties");
        fs::rename(&config, &named).unwrap();
        let mut editor = Command::new("sh");
        editor.args(["-c", "read line", "zookeeper"]).arg(&named).stdin(Stdio::piped());
        let editor = Decoy(editor.spawn().unwrap());
        let line = format!("/proc/{}/cmdline", editor.0.id());
        let end = Instant::now() + Duration::from_secs(20);
        while !fs::read_to_string(&line).is_ok_and(|words| words.contains("zookeeper.properties")) {
            assert!(Instant::now() < end, "it runs");
        }
        assert_eq!(zookeeper_in(&data), None, "who names the file is no ZooKeeper");
    }

    /// Arguments of strangers are no files to be read whatever they are: a pipe would hold us up.
    #[test]
    fn an_argument_that_is_a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (data, pipe) = (folder.path().join("data"), folder.path().join("pipe"));
        fs::create_dir(&data).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let stranger = Decoy::run("read line", &[pipe.to_str().unwrap()]);
        let arguments = process::arguments(stranger.0.id());
        let (told, answer) = std::sync::mpsc::channel();
        let pid = stranger.0.id();
        // Not joined: where it fails, it hangs.
        std::thread::spawn(move || told.send(is_told(pid, &arguments, &data)));
        assert_eq!(answer.recv_timeout(Duration::from_secs(10)), Ok(false));
    }
}
