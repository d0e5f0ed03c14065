//! The host: Java, memory, disk, limits.

use kafsh_sdk::step::{Finding, HostFacts, Node, Preset, ProcessState};

use crate::view::{View, name, names};

/// Free disk below which nothing is started, and below which the user is warned, MiB.
const DISK_MIN_MIB: u64 = 512;
const DISK_WARN_MIB: u64 = 2048;

/// Open files: a broker without topics has some 200, each partition adds at least 3. Kafka's own
/// advice for production is 100,000.
const OPEN_FILES_MIN: u64 = 4096;
const OPEN_FILES_GOOD: u64 = 100_000;

/// `vm.max_map_count`: a segment needs two. Linux has 65,530 by default, Kafka advises more for
/// production.
const MEMORY_MAPS_MIN: u64 = 65_530;
const MEMORY_MAPS_GOOD: u64 = 262_144;

/// What a JVM takes beside its heap, of the heap, percent.
const BESIDE_HEAP_PERCENT: u64 = 30;

/// Oldest Java that the servers are started with: argument files came with 9, and of what came
/// after, Kafka knows 11.
const JAVA_MIN: u32 = 11;
/// Oldest Java of Kafka 4.
const JAVA_MIN_KAFKA_4: u32 = 17;

/// Codes `java-missing`, `java-too-old`, `java-untested`, `memory-short`, `disk-short`,
/// `open-files-low`, `memory-maps-low`, `node-paused`.
pub(crate) fn check(view: &View, findings: &mut Vec<Finding>) {
    findings.extend(paused(view));
    if view.idle().is_empty() {
        return;
    }
    findings.extend(java(view));
    findings.extend(memory(view));
    findings.extend(disk(view));
    findings.extend(open_files(view));
    findings.extend(memory_maps(view));
}

fn paused(view: &View) -> Vec<Finding> {
    let paused = view.observed.nodes.iter().filter_map(|facts| match facts.process {
        ProcessState::Paused(pid) => Some((&facts.node, pid)),
        _ => None,
    });
    let tell = |(node, pid): (&Node, u32)| {
        let message = format!("{} is paused (pid {pid})", name(node));
        let found = Finding::warning("node-paused", name(node), message)
            .cause("it was stopped by SIGSTOP: it holds its port and answers nobody");
        match node {
            Node::Broker(id) => {
                found.next(format!("@{} broker resume {id}", view.spec.name)).safe()
            }
            _ => found.next(format!("!kill -CONT {pid}")),
        }
    };
    paused.map(tell).collect()
}

fn java(view: &View) -> Option<Finding> {
    let kafka = &view.spec.kafka;
    let install = "!sudo apt-get install --yes openjdk-17-jre-headless".to_owned();
    let Some(java) = &view.observed.host.java else {
        let message = "no Java was found".to_owned();
        return Some(
            Finding::problem("java-missing", "host", message)
                .cause(
                    "ZooKeeper and Kafka run on Java; it is looked for in `JAVA_HOME` and `PATH`",
                )
                .next(install),
        );
    };
    let oldest = match view.version() {
        Some((major, _)) if major >= 4 => JAVA_MIN_KAFKA_4,
        _ => JAVA_MIN,
    };
    let evidence = [format!("{} is Java {}", java.path, java.version)];
    if java.major < oldest {
        let message = format!("Java {} is too old for Kafka {kafka}", java.major);
        let cause = format!("it needs Java {oldest} or later");
        return Some(
            Finding::problem("java-too-old", "host", message)
                .evidence(evidence)
                .cause(&cause)
                .next(install),
        );
    }
    let newest = newest_tested(view.version()?)?;
    (java.major > newest).then(|| {
        let message = format!("Kafka {kafka} was never tested on Java {}", java.major);
        let cause = format!("its own tests end with Java {newest}");
        Finding::warning("java-untested", "host", message)
            .evidence(evidence)
            .cause(&cause)
            .next(install)
    })
}

/// Newest Java in the tests of a release of Kafka in ZooKeeper mode, by its build files.
fn newest_tested(kafka: (u32, u32)) -> Option<u32> {
    match kafka {
        (4.., _) => None,
        (3, 7..) => Some(21),
        (3, 6) => Some(20),
        (3, 1..=5) => Some(17),
        (3, 0) => Some(16),
        _ => Some(15),
    }
}

/// Heap of a server, MiB (`-Xmx`): small in `dev`, else what Kafka's own start scripts give.
fn heap_mib(preset: &Preset, node: &Node) -> u64 {
    match (preset, node) {
        (Preset::Dev, Node::Zookeeper) => 96,
        (Preset::Dev, _) => 256,
        (_, Node::Zookeeper) => 512,
        _ => 1024,
    }
}

/// Resident memory of a server that has just started, MiB, measured and rounded up: with less it
/// cannot come up at all.
fn idle_mib(preset: &Preset, node: &Node) -> u64 {
    match (preset, node) {
        (Preset::Dev, Node::Zookeeper) => 70,
        (Preset::Dev, _) => 280,
        (_, Node::Zookeeper) => 100,
        _ => 450,
    }
}

fn memory(view: &View) -> Option<Finding> {
    let available = view.observed.host.memory_available_mib;
    let (idle, preset) = (view.idle(), &view.spec.preset);
    let least: u64 = idle.iter().map(|node| idle_mib(preset, node)).sum();
    let heaps: u64 = idle.iter().map(|node| heap_mib(preset, node)).sum();
    let most = heaps + heaps * BESIDE_HEAP_PERCENT / 100;
    // No machine that runs has none: not known.
    if available == 0 || available >= most {
        return None;
    }
    let evidence = [
        format!("{available} MiB available"),
        format!("{least} MiB at the start, up to {most} MiB later: {}", names(&idle)),
    ];
    let found = if available < least {
        let message = format!("{available} MiB of memory are too few to start these servers");
        Finding::problem("memory-short", "host", message)
    } else {
        let message = format!("{available} MiB of memory may be too few for these servers");
        Finding::warning("memory-short", "host", message)
    };
    let found = found
        .evidence(evidence)
        .cause("the kernel ends processes when memory runs out, and servers take the most");
    let spec = view.spec;
    Some(match &spec.preset {
        Preset::Dev => found.next(format!("cluster up {} --brokers 1", spec.name)),
        _ => {
            let brokers = spec.brokers.len();
            found.next(format!("cluster up {} --brokers {brokers} --preset dev", spec.name))
        }
    })
}

fn disk(view: &View) -> Option<Finding> {
    let free = view.observed.host.disk_free_mib;
    let message = format!("{free} MiB are free where the data goes");
    let found = match free {
        0..DISK_MIN_MIB => Finding::problem("disk-short", "host", message),
        DISK_MIN_MIB..DISK_WARN_MIB => Finding::warning("disk-short", "host", message),
        _ => return None,
    };
    let folder = view.observed.nodes.iter().flat_map(|facts| &facts.data).next();
    Some(
        found
            .evidence(folder.map(|dir| dir.path.clone()))
            .cause("a broker whose disk is full stops at once")
            .next("!df -h".to_owned()),
    )
}

fn open_files(view: &View) -> Option<Finding> {
    let HostFacts { open_files_max: max, .. } = view.observed.host;
    let message = format!("a process may open {max} files");
    let is_strict = view.spec.preset == Preset::Strict;
    let found = match max {
        // Not known: none at all is no limit under which anything runs.
        0 => return None,
        1..OPEN_FILES_MIN => Finding::problem("open-files-low", "host", message),
        OPEN_FILES_MIN..OPEN_FILES_GOOD if is_strict => {
            Finding::note("open-files-low", "host", message)
        }
        _ => return None,
    };
    // A child of the shell's has the shell for its parent, and servers inherit from the shell.
    let raise = format!("!sudo prlimit --pid $PPID --nofile={OPEN_FILES_GOOD}:{OPEN_FILES_GOOD}");
    Some(found.cause("a broker keeps three files open for each segment").next(raise))
}

fn memory_maps(view: &View) -> Option<Finding> {
    let max = view.observed.host.memory_maps_max;
    let message = format!("a process may map {max} areas of memory (`vm.max_map_count`)");
    let is_strict = view.spec.preset == Preset::Strict;
    let found = match max {
        0 => return None,
        1..MEMORY_MAPS_MIN => Finding::warning("memory-maps-low", "host", message),
        MEMORY_MAPS_MIN..MEMORY_MAPS_GOOD if is_strict => {
            Finding::note("memory-maps-low", "host", message)
        }
        _ => return None,
    };
    let raise = format!("!sudo sysctl -w vm.max_map_count={MEMORY_MAPS_GOOD}");
    Some(found.cause("a broker maps two for each segment, and stops when it gets none").next(raise))
}
