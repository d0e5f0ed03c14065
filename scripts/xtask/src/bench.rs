//! Measures a release build of the shell against kcat and Kafka's own tools, on a cluster that is
//! made for it and destroyed after, and the sandbox of plugins against the bare engine. Prints the
//! tables that BENCHMARKS.md holds.

use crate::bare::{Bare, Way};
use crate::machine::Machine;
use crate::measure::{idle_megabytes, machine_line, milliseconds, resident, series, today};
use crate::page::Page;
use crate::place::{Place, test_home};
use crate::run::{Failure, Show, output, run};
use crate::stats::{Row, Summary, markdown};
use crate::{KAFKA_VERSION, demo, java, need, setup};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The cluster that is measured.
const CLUSTER: &str = "xtask-bench";
/// The topic that is written to and read from.
const TOPIC: &str = "test";
/// Runs of what takes milliseconds.
const RUNS_QUICK: usize = 30;
/// Runs of what takes a second: Kafka's own tools, starting and stopping a cluster.
const RUNS_SLOW: usize = 5;
/// Topics that the page is measured with.
const TOPICS: usize = 1_000;
/// Pages that are kept open at once.
const PAGES_OPEN: usize = 10;
/// How long they are, before memory is read: a few looks at the cluster.
const PAGES_OPEN_FOR: Duration = Duration::from_secs(10);
/// How long making and destroying the cluster may take, each.
const CLUSTER_MAX: Duration = Duration::from_secs(180);
/// How long the sandbox may take: an optimised build, and half a minute of figures.
const SANDBOX_MAX: Duration = Duration::from_secs(30 * 60);
/// How deep in the store the jars are looked for.
const STORE_DEPTH_MAX: usize = 8;

/// Builds, measures, prints.
///
/// # Errors
/// Something is missing, or a program that is measured fails.
pub fn bench(machine: &mut Machine, place: &Place, yes: bool) -> Result<(), Failure> {
    setup::setup(machine, &need::EVERY, yes)?;
    eprintln!("build (release: this takes minutes)");
    let mut cargo = machine.cargo();
    cargo.args(["build", "--locked", "--release", "-p", "kafsh"]);
    run(&mut cargo, Show::Inherit, None, "the compiler's messages are above")?;
    let bench = Bench { machine, kafsh: place.kafsh_release()?, home: test_home()? };
    demo::install_kafka(&mut bench.kafsh(&[]))?;
    let rows = bench.measured()?;
    print!("{}", markdown(&today(), &machine_line(), &rows));
    eprintln!("measure: the sandbox of plugins (release: building it takes minutes)");
    println!("\nThe sandbox: figures of a call, or of one record of its batch.\n");
    let advice = "what the benchmark says is above";
    run(&mut sandbox(machine), Show::Inherit, Some(SANDBOX_MAX), advice)
}

/// Measures calls of plugins and prints rows of its own: only the host's crate has an engine.
fn sandbox(machine: &Machine) -> Command {
    let mut cargo = machine.cargo();
    cargo.args(["run", "--locked", "--release", "-p", "kafsh-host", "--example", "plugin_bench"]);
    cargo
}

struct Bench<'a> {
    machine: &'a Machine,
    kafsh: PathBuf,
    home: PathBuf,
}

/// A cluster for as long as this lives.
struct Cluster<'a>(&'a Bench<'a>);

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        let mut command = self.0.kafsh(&["cluster", "destroy", CLUSTER, "--yes"]);
        let gone = run(&mut command, Show::Quiet, Some(CLUSTER_MAX), "it may still be running");
        if let Err(failure) = gone {
            eprintln!("warning: {}", failure.text);
        }
    }
}

impl Bench<'_> {
    fn kafsh(&self, args: &[&str]) -> Command {
        let mut command = self.machine.command(&self.kafsh);
        command.args(args).env("KAFSH_HOME", &self.home).env_remove("KAFKA_HOME");
        command
    }

    fn of_cluster(&self, args: &[&str]) -> Command {
        let mut command = self.kafsh(&["-C", CLUSTER]);
        command.args(args);
        command
    }

    fn program(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.machine.command(name);
        command.args(args);
        command
    }

    fn measured(&self) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        eprintln!("measure: start, idle memory");
        let start = series(RUNS_QUICK, || self.kafsh(&["-c", ""]), "")?;
        rows.push(row("start to prompt: `kafsh -c ''`", "ms", &start, None, "≤ 30 ms")?);
        let mut script = self.machine.command("script");
        script.env("KAFSH_HOME", &self.home);
        let memory = idle_megabytes(&self.kafsh, &mut script)?;
        rows.push(row("memory of the prompt, idle", "MB", &[memory], None, "≤ 40 MB")?);

        let up = ["cluster", "up", CLUSTER, "--brokers", "3", "--base-port", "auto"];
        let advice = "what `kafsh cluster up` says is above";
        let cluster = Cluster(self);
        run(&mut self.kafsh(&up), Show::Lines, Some(CLUSTER_MAX), advice)?;
        let create = ["topic", "create", TOPIC, "--partitions", "10", "--replication-factor", "3"];
        milliseconds(&mut self.of_cluster(&create), "")?;
        let bootstrap = self.bootstrap()?;
        self.lists(&bootstrap, &mut rows)?;
        self.records(&bootstrap, &mut rows)?;
        self.stops_and_starts(&mut rows)?;
        self.pages(&mut rows)?;
        drop(cluster);
        Ok(rows)
    }

    /// The address of the cluster, from the environment that `!` gives its programs.
    fn bootstrap(&self) -> Result<String, Failure> {
        let mut command = self.of_cluster(&["-c", "!printf %s \"$KAFSH_BOOTSTRAP\""]);
        let said = output(&mut command, CLUSTER_MAX).unwrap_or_default();
        match said.trim() {
            "" => Err(Failure::new("the shell does not tell the address of its cluster")),
            address => Ok(address.to_owned()),
        }
    }

    fn lists(&self, bootstrap: &str, rows: &mut Vec<Row>) -> Result<(), Failure> {
        eprintln!("measure: topic list");
        let ours = series(RUNS_QUICK, || self.of_cluster(&["topic", "list"]), "")?;
        let kcat = series(RUNS_QUICK, || self.program("kcat", &["-L", "-q", "-b", bootstrap]), "")?;
        let jars = jars_in(&self.home, STORE_DEPTH_MAX).ok_or_else(|| {
            Failure::new(format!("no jars of Kafka are in `{}`", self.home.display()))
        })?;
        let runtime = self.java()?;
        let tool = || {
            let mut command = self.machine.command(runtime.home.join("bin/java"));
            let main = "org.apache.kafka.tools.TopicCommand";
            command.arg("-cp").arg(jars.join("*"));
            command.args([main, "--bootstrap-server", bootstrap, "--list"]);
            command
        };
        let jvm = series(RUNS_SLOW, tool, "")?;
        let target = "≤ 15 ms, ≤ 1.5 × kcat";
        rows.push(row("`topic list`", "ms", &ours, Some((&kcat, "kcat")), target)?);
        let target = "≤ 0.025 × TopicCommand";
        rows.push(row("`topic list`", "ms", &ours, Some((&jvm, "TopicCommand")), target)?);
        rows.push(row("`kcat -L`", "ms", &kcat, None, "")?);
        rows.push(row("TopicCommand --list, JVM flags as they come", "ms", &jvm, None, "")?);
        Ok(())
    }

    fn records(&self, bootstrap: &str, rows: &mut Vec<Row>) -> Result<(), Failure> {
        eprintln!("measure: one record in, one record out");
        let line = "hello\n";
        let ours = series(RUNS_QUICK, || self.of_cluster(&["produce", TOPIC]), line)?;
        let args = ["-P", "-b", bootstrap, "-t", TOPIC];
        let kcat = series(RUNS_QUICK, || self.program("kcat", &args), line)?;
        let target = "≤ 2 × kcat";
        let what = "one-shot `produce` of a line, to its ack";
        rows.push(row(what, "ms", &ours, Some((&kcat, "kcat")), target)?);
        rows.push(row("`kcat -P`", "ms", &kcat, None, "")?);
        let args = ["consume", TOPIC, "--count", "1"];
        let ours = series(RUNS_QUICK, || self.of_cluster(&args), "")?;
        let args = ["-C", "-q", "-b", bootstrap, "-t", TOPIC, "-o", "beginning", "-c", "1"];
        let kcat = series(RUNS_QUICK, || self.program("kcat", &args), "")?;
        let what = "`consume --count 1`, to its record";
        rows.push(row(what, "ms", &ours, Some((&kcat, "kcat")), target)?);
        rows.push(row("`kcat -C -c 1`", "ms", &kcat, None, "")?);
        Ok(())
    }

    /// In turns with the peer, so that a busy minute of the machine is shared.
    fn stops_and_starts(&self, rows: &mut Vec<Row>) -> Result<(), Failure> {
        eprintln!("measure: clean stop, bring-up, and that by a bare script");
        let stop = || milliseconds(&mut self.kafsh(&["cluster", "stop", CLUSTER]), "");
        let start = || milliseconds(&mut self.kafsh(&["cluster", "start", CLUSTER]), "");
        // The first stop writes the class archives, the start after it is the first to use them.
        stop()?;
        start()?;
        let (mut stops, mut starts) = (Vec::new(), Vec::new());
        let (mut same, mut shipped) = (Vec::new(), Vec::new());
        for _ in 0..RUNS_SLOW {
            stops.push(stop()?);
            let java = self.java()?.home.join("bin/java");
            let bare = Bare::of_cluster(&self.home.join("clusters").join(CLUSTER), &java)?;
            same.push(bare.milliseconds(Way::SameFlags)?);
            shipped.push(bare.milliseconds(Way::ShippedOneByOne)?);
            starts.push(start()?);
        }
        let what = format!("ZooKeeper and 3 brokers of Kafka {KAFKA_VERSION}, every gate green");
        let peer = Some((same.as_slice(), "a bare script, same flags"));
        rows.push(row(&what, "ms", &starts, peer, "≤ 1.10 × bare script")?);
        let peer = Some((shipped.as_slice(), "shipped flags, one by one"));
        rows.push(row(&what, "ms", &starts, peer, "≤ 0.45 × shipped flags")?);
        rows.push(row("bare script, same flags, until the ports answer", "ms", &same, None, "")?);
        rows.push(row("shipped flags, one after the other", "ms", &shipped, None, "")?);
        rows.push(row("clean stop of the four", "ms", &stops, None, "≤ 3 s")?);
        Ok(())
    }

    /// The page, with as many topics as a grown cluster has. Each first answer is of a new server.
    fn pages(&self, rows: &mut Vec<Row>) -> Result<(), Failure> {
        eprintln!("measure: the page with {TOPICS} topics");
        let lines: String = (0..TOPICS).map(|n| format!("page-{n:04},1,1\n")).collect();
        let csv = format!("name,partitions,replication_factor\n{lines}");
        let made = "read - --as csv | topic create > /dev/null";
        milliseconds(&mut self.of_cluster(&["-c", made]), &csv)?;
        let list = series(RUNS_SLOW, || self.of_cluster(&["topic", "list", "--sizes"]), "")?;
        let serve = || Page::open(&mut self.of_cluster(&["ui", "--no-open"]));
        for path in ["/", "/topics"] {
            let (mut times, mut sizes) = (Vec::new(), Vec::new());
            for _ in 0..RUNS_SLOW {
                let got = serve()?.get(path)?;
                times.push(got.milliseconds);
                sizes.push(got.bytes as f64 / 1000.0);
            }
            let what = format!("`ui`: first `{path}` with {TOPICS} topics");
            let peer = Some((list.as_slice(), "topic list --sizes"));
            rows.push(row(&what, "ms", &times, peer, "≤ 200 ms")?);
            rows.push(row(&format!("its size: `{path}`"), "kB", &sizes, None, "≤ 150 kB")?);
        }
        let page = serve()?;
        page.get("/topics")?;
        let one = resident(page.pid()).unwrap_or_default();
        let open = (0..PAGES_OPEN).map(|_| page.keep_open("/topics"));
        let open = open.collect::<Result<Vec<_>, _>>()?;
        std::thread::sleep(PAGES_OPEN_FOR);
        let ten = resident(page.pid()).unwrap_or_default();
        drop(open);
        let what = format!("memory of `ui` with {PAGES_OPEN} open pages");
        rows.push(row(&what, "MB", &[ten], Some((&[one], "none open")), "")?);
        Ok(())
    }

    fn java(&self) -> Result<java::Java, Failure> {
        java::find_all(self.machine)
            .into_iter()
            .find(|java| java::SUPPORTED.contains(&java.release))
            .ok_or_else(|| Failure::new("no Java that Kafka runs on was found"))
    }
}

fn row(
    what: &str,
    unit: &'static str,
    values: &[f64],
    other: Option<(&[f64], &'static str)>,
    target: &'static str,
) -> Result<Row, Failure> {
    let none = || Failure::new(format!("nothing was measured for {what}"));
    let summary = Summary::of(values).ok_or_else(none)?;
    let ratio = match other {
        Some((values, name)) => {
            Some((summary.median / Summary::of(values).ok_or_else(none)?.median, name))
        }
        None => None,
    };
    Ok(Row { what: what.into(), unit, summary, ratio, target })
}

/// The folder below `folder` that holds the jar of Kafka's tools.
fn jars_in(folder: &Path, depth: usize) -> Option<PathBuf> {
    let name = format!("kafka-tools-{KAFKA_VERSION}.jar");
    if folder.join(&name).is_file() {
        return Some(folder.to_owned());
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    let deeper = depth.checked_sub(1)?;
    folders.iter().find_map(|folder| jars_in(folder, deeper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_medians() {
        let row = row("x", "ms", &[1.0, 3.0, 9.0], Some((&[2.0, 1.0], "y")), "").unwrap();
        assert_eq!(row.ratio, Some((2.0, "y")));
    }

    #[test]
    fn the_sandbox_is_measured_by_the_bench_that_is_there() {
        let place = crate::sandbox::Sandbox::new();
        let command = sandbox(&place.machine());
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let named = words.iter().position(|word| word == "--example").map(|at| &words[at + 1]);
        let file = format!("../../shell/crates/host/examples/{}.rs", named.unwrap());
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file());
    }

    #[test]
    fn the_jars_are_found_in_the_store_but_not_for_ever() {
        let sandbox = crate::sandbox::Sandbox::new();
        let libs = sandbox.folder().join("kafka/x/libs");
        std::fs::create_dir_all(&libs).unwrap();
        assert_eq!(jars_in(sandbox.folder(), 8), None);
        std::fs::write(libs.join(format!("kafka-tools-{KAFKA_VERSION}.jar")), "").unwrap();
        assert_eq!(jars_in(sandbox.folder(), 8), Some(libs));
        assert_eq!(jars_in(sandbox.folder(), 2), None);
    }
}
