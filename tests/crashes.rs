//! A shell that is killed, interrupted or not alone, on real servers: the next one finishes or
//! undoes what it began, and no server is lost sight of.

mod support;

use std::process::Child;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::{Kafsh, Ran, RealCluster, finish, signal};

/// Longest that a shell may take to end in order after Ctrl-C.
const UNDONE_WITHIN: Duration = Duration::from_secs(60);

/// Moments of one bring-up at which it is struck, for each of the ways to strike.
const MOMENTS: u32 = 5;

/// Journal entries after which it is struck, spread over all of them.
const ENTRIES: usize = 5;

/// Servers of the clusters here: ZooKeeper and one broker.
const SERVERS: usize = 2;

/// `cluster up`, begun.
fn begin(cluster: &RealCluster) -> Child {
    let (base, zookeeper) = (cluster.base_port.to_string(), cluster.zookeeper_port().to_string());
    let words = ["cluster", "up", &cluster.name, "--brokers", "1", "--base-port", &base];
    Kafsh::at(&cluster.home).spawn(&[&words[..], &["--zookeeper-port", &zookeeper]].concat())
}

/// Entries of the cluster's journal; none where there is none.
fn entries(cluster: &RealCluster) -> usize {
    let store = kafsh_cluster::Store::open(&cluster.home).expect("a store");
    let name = kafsh_model::ClusterName::new(&cluster.name).expect("a name");
    store.journal(&name).map_or(0, |journal| journal.len())
}

/// What a bring-up that nobody disturbs takes, and how many entries it writes.
fn undisturbed(cluster: &RealCluster) -> (Duration, usize) {
    let begun = Instant::now();
    finish(begin(cluster), support::RUN_DEADLINE, "cluster up").ok();
    let (took, entries) = (begun.elapsed(), entries(cluster));
    assert!(entries > 10, "only {entries} entries: nothing to strike between");
    destroy(cluster);
    (took, entries)
}

fn destroy(cluster: &RealCluster) {
    cluster.run(&["cluster", "destroy", &cluster.name, "--yes"]).ok();
    assert!(cluster.pids().is_empty() && !cluster.folder().exists(), "nothing is left");
}

/// The next `cluster up` makes it whole: each server once.
fn heals(cluster: &RealCluster, what: &str) {
    let ran = finish(begin(cluster), support::RUN_DEADLINE, "the next cluster up");
    assert_eq!(ran.status, 0, "{what}: {}", ran.stderr);
    let status = cluster.run(&["cluster", "status", "-O", "json"]).ok().json();
    assert_eq!(status["healthy"], true, "{what}: {status}");
    assert_eq!(cluster.pids().len(), SERVERS, "no orphan, nothing twice, {what}");
    destroy(cluster);
}

/// Kills the shell, which then has no say in what becomes of the servers.
fn strike_dead(cluster: &RealCluster, mut shell: Child, what: &str) {
    shell.kill().expect("a shell to kill");
    shell.wait().expect("its end");
    heals(cluster, what);
}

/// Ctrl-C: all is undone, unless it came when all was done.
fn interrupt(cluster: &RealCluster, shell: Child, what: &str) {
    signal("-INT", shell.id());
    let ran = finish(shell, UNDONE_WITHIN, what);
    match ran.status {
        130 => {
            assert!(cluster.pids().is_empty(), "{what}: servers are left: {}", ran.stderr);
            assert!(!cluster.folder().exists(), "{what}: its folder is left: {}", ran.stderr);
        }
        // It was about to end.
        0 => assert_eq!(cluster.pids().len(), SERVERS, "{what}: {}", ran.stderr),
        status => panic!("{what}: status {status}: {}", ran.stderr),
    }
    heals(cluster, what);
}

/// Numbers that nobody chose; a failure names the seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let given = std::env::var("KAFSH_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or(now.as_secs());
        eprintln!("KAFSH_TEST_SEED={seed} strikes at the same moments again");
        Random(seed)
    }

    /// Below `bound`: splitmix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

#[test]
fn struck_at_random_moments_it_is_finished_or_undone() {
    let cluster = RealCluster::reserve("moments");
    let (whole, _) = undisturbed(&cluster);
    let mut random = Random::new();
    // One moment in each part of the time, so that none is left out.
    let part = u64::try_from(whole.as_millis()).expect("ms") / u64::from(MOMENTS);
    for (way, strike) in [("killed", strike_dead as Strike), ("interrupted", interrupt)] {
        for index in 0..u64::from(MOMENTS) {
            let after = Duration::from_millis(part * index + random.below(part));
            let what = format!("{way} after {after:?} of {whole:?}");
            eprintln!("{what}");
            let shell = begin(&cluster);
            std::thread::sleep(after);
            strike(&cluster, shell, &what);
        }
    }
}

type Strike = fn(&RealCluster, Child, &str);

#[test]
fn struck_between_any_two_entries_of_the_journal_it_is_finished_or_undone() {
    let cluster = RealCluster::reserve("entries");
    let (_, all) = undisturbed(&cluster);
    for (way, strike) in [("killed", strike_dead as Strike), ("interrupted", interrupt)] {
        for index in 0..ENTRIES {
            let wanted = 1 + index * (all - 2) / (ENTRIES - 1);
            let mut shell = begin(&cluster);
            let end = Instant::now() + support::RUN_DEADLINE;
            while entries(&cluster) < wanted && shell.try_wait().expect("a shell").is_none() {
                assert!(Instant::now() < end, "entry {wanted} does not come");
                std::thread::sleep(Duration::from_micros(200));
            }
            let what = format!("{way} at entry {} of {all} ({wanted})", entries(&cluster));
            eprintln!("{what}");
            strike(&cluster, shell, &what);
        }
    }
}

/// Runs the same words in two shells at once.
fn both(cluster: &RealCluster, first: &[&str], second: &[&str]) -> [Ran; 2] {
    let shells = [first, second].map(|words| cluster.kafsh().spawn(words));
    shells.map(|shell| finish(shell, support::RUN_DEADLINE, "one of two shells"))
}

/// Of two shells at least one did its work; the other did too, or was told who is at it.
fn one_waits_or_is_refused(ran: &[Ran; 2], what: &str) {
    assert!(ran.iter().any(|ran| ran.status == 0), "{what}: {ran:?}");
    for other in ran.iter().filter(|ran| ran.status != 0) {
        assert!(other.stderr.contains("another kafsh is changing"), "{what}: {}", other.stderr);
        assert!(other.stderr.contains("pid "), "{what}: who? {}", other.stderr);
        assert!(!other.stderr.contains("panicked"), "{what}: {}", other.stderr);
    }
}

#[test]
fn two_shells_at_once_break_nothing() {
    let cluster = RealCluster::reserve("twice");
    let shells = [begin(&cluster), begin(&cluster)];
    let ran = shells.map(|shell| finish(shell, support::RUN_DEADLINE, "one of two cluster up"));
    one_waits_or_is_refused(&ran, "up and up");
    assert_eq!(cluster.pids().len(), SERVERS, "each server once");
    let up = ["cluster", "up", cluster.name.as_str()];
    let pairs: [(&[&str], &[&str]); 5] = [
        (&["cluster", "stop"], &["cluster", "stop"]),
        (&up, &["cluster", "start"]),
        (&["cluster", "stop"], &up),
        (&["cluster", "restart"], &["cluster", "stop"]),
        (&["broker", "restart", "1", "--force"], &["cluster", "stop"]),
    ];
    for (first, second) in pairs {
        cluster.run(&up).ok();
        let what = format!("{first:?} and {second:?}");
        one_waits_or_is_refused(&both(&cluster, first, second), &what);
        let pids = cluster.pids().len();
        assert!(pids <= SERVERS, "{what}: {pids} servers");
        cluster.run(&up).ok();
        assert_eq!(cluster.pids().len(), SERVERS, "{what}: each server once");
        let status = cluster.run(&["cluster", "status", "-O", "json"]).ok().json();
        assert_eq!(status["healthy"], true, "{what}: {status}");
    }
    for round in 0..3 {
        let topic = format!("t{round}");
        let create = ["topic", "create", &topic, "-p", "2", "-r", "1"];
        let mut ran = both(&cluster, &create, &create);
        ran.sort_by_key(|ran| ran.status);
        assert_eq!([ran[0].status, ran[1].status], [0, 1], "one makes it: {ran:?}");
        // Who is later by a moment hears it from us, who is later by less from Kafka.
        let said = ran[1].stderr.contains("already exists") && ran[1].stderr.contains(&topic);
        assert!(said, "{}", ran[1].stderr);
        let gentle = [&create[..], &["--if-not-exists"]].concat();
        cluster.run(&["topic", "delete", &topic, "--yes"]).ok();
        for ran in both(&cluster, &gentle, &gentle) {
            ran.ok();
        }
        let described = cluster.run(&["topic", "describe", &topic, "-O", "json"]).ok().json();
        assert_eq!(described["partitions"].as_array().map(Vec::len), Some(2), "{described}");
    }
}
