//! From a node to a running JVM: its options, its files, its environment, its own session.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::spec::{ClusterSpec, Preset};
use kafsh_model::{Error, Result};

use super::cds::Use;
use super::layout::{NodePaths, node_slug};
use super::process::nonce_argument;
use crate::runtime::files;

/// What the servers may see of the environment, beside `LC_*`. KAFKA_OPTS, JAVA_TOOL_OPTIONS,
/// JMX_PORT, LOG_DIR and their like change a JVM behind the user's back.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

/// Flags of the collector and compiler: part of an archive's identity.
pub(super) fn gc_flags(preset: Preset) -> &'static [&'static str] {
    match preset {
        // Many small JVMs on few cores: no parallel collector, no second compiler.
        Preset::Dev => &["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
        // Kafka's own.
        Preset::Classic | Preset::Strict => &[
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
        ],
    }
}

fn main_class(node: Node) -> &'static str {
    match node {
        Node::ZooKeeper => "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        Node::Broker(_) => "kafka.Kafka",
    }
}

/// Everything a start needs.
pub(super) struct Launch<'a> {
    pub(super) spec: &'a ClusterSpec,
    pub(super) node: Node,
    pub(super) paths: &'a NodePaths,
    pub(super) java: &'a Path,
    pub(super) class_path: &'a str,
    pub(super) nonce: &'a str,
    pub(super) archive: &'a Use,
}

impl Launch<'_> {
    /// Writes the argument file and the logging configuration.
    pub(super) fn write_files(&self) -> Result<()> {
        let options: String = self.options()?.iter().map(|option| quote(option) + "\n").collect();
        files::write_atomic(&self.paths.argfile, options.as_bytes(), files::PRIVATE)?;
        let log4j = log4j(&text(&self.paths.logs.join("server.log"))?);
        files::write_atomic(&self.paths.log4j, log4j.as_bytes(), files::PRIVATE)
    }

    fn options(&self) -> Result<Vec<String>> {
        let heap = self.spec.heap_mib(self.node);
        let tmp = text(&self.paths.tmp)?;
        let mut options = vec![format!("-Xmx{heap}m")];
        if self.spec.preset != Preset::Dev {
            options.push(format!("-Xms{heap}m"));
        }
        options.extend(gc_flags(self.spec.preset).iter().map(|flag| flag.to_string()));
        options.extend(
            [
                "-XX:+ExitOnOutOfMemoryError",
                // hsperfdata: a shared file under /tmp for each JVM, which nobody reads here.
                "-XX:-UsePerfData",
                "-XX:ErrorFile=logs/hs_err_pid%p.log",
                "-Xlog:gc*:file=logs/gc.log:time,tags:filecount=3,filesize=5m",
                "-Djava.awt.headless=true",
                "-Dfile.encoding=UTF-8",
                // Overridden by the properties file; without either it would listen on *:8080.
                "-Dzookeeper.admin.enableServer=false",
                "-Dzookeeper.jmx.log4j.disable=true",
            ]
            .map(String::from),
        );
        // A /tmp mounted noexec, or shared with other versions, breaks native libraries.
        options.push(format!("-Djava.io.tmpdir={tmp}"));
        options.push(format!("-DZstdTempFolder={tmp}"));
        options.push(format!("-Dorg.xerial.snappy.tempdir={tmp}"));
        options.push(format!("-Dkafka.logs.dir={}", text(&self.paths.logs)?));
        options.push(format!("-Dlog4j.configuration={}", file_url(&text(&self.paths.log4j)?)));
        match self.archive {
            Use::Nothing => {}
            Use::Read(path) => {
                options.push(format!("-XX:SharedArchiveFile={}", text(path)?));
                options.push("-Xshare:auto".into());
                options.push("-Xlog:cds=off".into());
                options.push("-Xlog:cds+dynamic=off".into());
            }
            Use::Write(path) => {
                options.push(format!("-XX:ArchiveClassesAtExit={}", text(path)?));
                options.push("-Xlog:cds=off".into());
                options.push("-Xlog:cds+dynamic=off".into());
            }
        }
        options.extend(["-cp".to_string(), self.class_path.to_string()]);
        Ok(options)
    }

    /// Starts it: own session, nothing on standard input, output to `logs/console.log`, no
    /// descriptor of ours.
    pub(super) fn spawn(&self) -> Result<Child> {
        let console = self.console()?;
        let errors =
            console.try_clone().map_err(|e| files::io_error("open", &self.paths.logs, &e))?;
        let mut command = Command::new(self.java);
        command
            .arg(nonce_argument(self.nonce))
            .arg(format!("-Dkafsh.cluster={}", self.spec.name))
            .arg(format!("-Dkafsh.node={}", node_slug(self.node)))
            .arg(format!("@{}", text(&self.paths.argfile)?))
            .arg(main_class(self.node))
            .arg(&self.paths.properties)
            .env_clear()
            .envs(environment(std::env::vars_os()))
            .current_dir(&self.paths.folder)
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(errors);
        // SAFETY: between fork and exec only async-signal-safe calls may run; both are plain
        // system calls and neither allocates.
        unsafe { command.pre_exec(leave_the_shell) };
        spawn_patiently(&mut command).map_err(|e| files::io_error("run", self.java, &e))
    }

    /// A fresh `console.log`; the previous one is kept beside it.
    fn console(&self) -> Result<File> {
        let path = self.paths.logs.join("console.log");
        let previous = self.paths.logs.join("console.log.1");
        match fs::rename(&path, &previous) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(files::io_error("move", &path, &e));
            }
            _ => {}
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(files::PRIVATE)
            .open(&path)
            .map_err(|e| files::io_error("create", &path, &e))
    }
}

/// Own session, so that neither Ctrl-C nor a closed terminal reaches the server; descriptors that
/// a library left open must not reach it either.
fn leave_the_shell() -> io::Result<()> {
    const FIRST_AFTER_STANDARD: libc::c_uint = 3;
    rustix::process::setsid()?;
    // SAFETY: the call takes plain numbers. The flag keeps them open until exec, because the
    // standard library reports a failed exec through one of them.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_AFTER_STANDARD,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    // Kernels before 5.11 lack the flag; what we open is close-on-exec anyway.
    let _ = failed;
    Ok(())
}

/// A program that was written a moment ago may still be open in a child of another thread.
fn spawn_patiently(command: &mut Command) -> io::Result<Child> {
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 1..TRIES {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy => std::thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
    command.spawn()
}

/// The scrubbed environment. Java decodes file names by the locale, so it is made a UTF-8 one.
fn environment(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    let mut kept: Vec<(OsString, OsString)> = all
        .filter(|(name, _)| {
            name.to_str().is_some_and(|n| ENVIRONMENT.contains(&n) || n.starts_with("LC_"))
        })
        .collect();
    let value = |name: &str| {
        let found = kept.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.to_string_lossy().to_ascii_lowercase().replace('-', ""))
    };
    let locale = value("LC_ALL").or(value("LC_CTYPE")).or(value("LANG")).unwrap_or_default();
    if !locale.contains("utf8") {
        kept.retain(|(name, _)| name != "LC_ALL");
        kept.push(("LC_ALL".into(), "C.UTF-8".into()));
    }
    kept.into_iter()
}

/// A path as text; paths were checked when the layout was made.
pub(super) fn text(path: &Path) -> Result<String> {
    path.to_str()
        .map(String::from)
        .ok_or_else(|| Error::usage("bad-path", format!("`{}` is not UTF-8", path.display())))
}

/// One argument of a Java argument file.
fn quote(argument: &str) -> String {
    format!("\"{}\"", argument.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A `file:` URL: log4j parses its configuration's place as one.
fn file_url(path: &str) -> String {
    let mut url = String::from("file:");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// Configuration of reload4j: one file of bounded size, at INFO.
fn log4j(server_log: &str) -> String {
    let pairs = [
        ("log4j.rootLogger", "INFO, file"),
        ("log4j.appender.file", "org.apache.log4j.RollingFileAppender"),
        ("log4j.appender.file.File", server_log),
        ("log4j.appender.file.MaxFileSize", "10MB"),
        ("log4j.appender.file.MaxBackupIndex", "5"),
        ("log4j.appender.file.encoding", "UTF-8"),
        ("log4j.appender.file.layout", "org.apache.log4j.PatternLayout"),
        ("log4j.appender.file.layout.ConversionPattern", "[%d] %p %m (%c)%n"),
        // One line for each request of each session is no use at INFO.
        ("log4j.logger.kafka.network.RequestChannel$", "WARN"),
        ("log4j.logger.kafka.request.logger", "WARN"),
    ];
    let pairs: Vec<(String, String)> =
        pairs.map(|(key, value)| (key.to_string(), value.to_string())).into();
    crate::runtime::properties::write(&["written by kafsh at each start"], &pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_scrubbed() {
        let poisoned = [
            ("PATH", "/bin"),
            ("KAFKA_OPTS", "-x"),
            ("JAVA_TOOL_OPTIONS", "-x"),
            ("JMX_PORT", "9999"),
            ("LD_PRELOAD", "/x.so"),
            ("LC_TIME", "de_DE.UTF-8"),
            ("LANG", "C"),
        ];
        let poisoned = poisoned.map(|(k, v)| (OsString::from(k), OsString::from(v)));
        let kept: Vec<_> = environment(poisoned.into_iter())
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(kept, ["PATH=/bin", "LC_TIME=de_DE.UTF-8", "LANG=C", "LC_ALL=C.UTF-8"]);
    }

    #[test]
    fn a_utf8_locale_is_left_alone() {
        let given = [(OsString::from("LANG"), OsString::from("de_DE.UTF-8"))];
        assert_eq!(environment(given.clone().into_iter()).collect::<Vec<_>>(), given);
    }

    #[test]
    fn arguments_and_urls_survive_odd_paths() {
        assert_eq!(quote(r#"-Dx=a b\"c""#), r#""-Dx=a b\\\"c\"""#);
        assert_eq!(file_url("/a b/ü#%"), "file:/a%20b/%C3%BC%23%25");
    }
}
