//! State on disk: what a crash, a stranger or a second shell can do to it.

use std::fs;
use std::process::{Command, Stdio};

use kafsh_cluster::Store;
use kafsh_cluster::spec::{self, PortRegistry, SpecRequest};
use kafsh_cluster::store::{Attached, AuditEntry, AuditQuery, Event, JournalEnd};
use kafsh_model::plan::{Action, Node};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Class, ClusterName};

fn name(text: &str) -> ClusterName {
    ClusterName::new(text).unwrap()
}

fn demo(text: &str) -> ClusterSpec {
    let mut request = SpecRequest::new(name(text));
    request.kafka = Some("3.9.2".into());
    spec::build(&request, &PortRegistry::default()).unwrap()
}

fn store() -> (Store, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    (Store::open(home.path()).unwrap(), home)
}

#[test]
fn a_home_is_an_absolute_folder() {
    for bad in ["relative", "/", ""] {
        assert_eq!(Store::open(bad).unwrap_err().code, "bad-home", "{bad}");
    }
}

#[test]
fn clusters_are_listed_and_taken_away() {
    let (store, home) = store();
    assert!(store.list().unwrap().is_empty());
    store.save_spec(&demo("b")).unwrap();
    store.save_spec(&demo("a")).unwrap();
    fs::create_dir_all(home.path().join("clusters/Not A Cluster")).unwrap();
    fs::create_dir_all(home.path().join("clusters/empty")).unwrap();
    assert_eq!(store.list().unwrap(), [name("a"), name("b")]);
    let registry = store.keep_ports(PortRegistry::default(), Some(&name("b"))).unwrap();
    assert_eq!(registry.keeper(9091), Some(&name("a")));
    store.set_current(Some(&name("a"))).unwrap();
    assert_eq!(store.current().unwrap(), Some(name("a")));
    let own = store.cluster_dir(&name("a")).join("archive");
    fs::create_dir_all(&own).unwrap();
    store.remove(&name("a")).unwrap();
    assert!(own.exists(), "what is not the store's stays");
    assert_eq!(store.current().unwrap(), None);
    let error = store.load_spec(&name("bb")).unwrap_err();
    assert_eq!(error.code, "cluster-not-found");
    store.remove(&name("b")).unwrap();
    assert!(!store.cluster_dir(&name("b")).exists());
}

/// A file cut off anywhere is refused, never guessed at, and left as it is.
#[test]
fn every_cut_of_a_spec_is_refused() {
    let (store, _home) = store();
    let spec = demo("demo");
    store.save_spec(&spec).unwrap();
    let path = store.spec_path(&spec.name);
    let whole = fs::read_to_string(&path).unwrap();
    for end in 0..whole.trim_end().len() {
        let Some(cut) = whole.get(..end) else { continue };
        fs::write(&path, cut).unwrap();
        match store.load_spec(&spec.name) {
            Err(error) => {
                assert_eq!(error.code, "state-damaged", "cut at {end}");
                let file = path.display();
                assert_eq!(error.next, [format!("!mv '{file}' '{file}.damaged'")], "{end}");
            }
            // Without its last lines a spec may still be one; it is then another one.
            Ok(other) => assert_ne!(other, spec, "cut at {end}"),
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), cut, "the file is left as it is");
    }
}

#[test]
fn a_newer_schema_and_a_strangers_spec_are_refused() {
    let (store, _home) = store();
    let spec = demo("demo");
    store.save_spec(&spec).unwrap();
    let path = store.spec_path(&spec.name);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("schema = 1", "schema = 2\nnew_key = 1")).unwrap();
    assert_eq!(store.load_spec(&spec.name).unwrap_err().code, "state-too-new");
    fs::write(&path, text.replace("name = \"demo\"", "name = \"other\"")).unwrap();
    assert_eq!(store.load_spec(&spec.name).unwrap_err().code, "state-damaged");
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(store.load_spec(&spec.name).unwrap_err().code, "state-damaged");
    assert!(store.keep_ports(PortRegistry::default(), None).is_ok(), "others go on");
}

#[test]
fn a_journal_survives_any_cut() {
    let (store, _home) = store();
    let cluster = name("demo");
    store.save_spec(&demo("demo")).unwrap();
    let (mut journal, before) = store.begin_run(&cluster, "cluster up demo").unwrap();
    assert_eq!(before, None);
    let start = Action::Start { nodes: vec![Node::ZooKeeper] };
    let folders = Action::CreateDirectories { node: Node::ZooKeeper };
    journal.write(Event::Intent { step: "layout".into(), what: folders }).unwrap();
    journal.write(Event::Done { step: "layout".into() }).unwrap();
    journal.write(Event::Intent { step: "launch".into(), what: start.clone() }).unwrap();
    drop(journal);
    let open = store.unfinished(&cluster).unwrap().unwrap();
    assert_eq!((open.done, open.in_flight), (1, Some(start)));
    let path = store.state_dir(&cluster).join("journal.jsonl");
    let whole = fs::read(&path).unwrap();
    for end in 0..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let (mut journal, _) = store.begin_run(&cluster, "again").unwrap();
        journal.write(Event::Ended { end: JournalEnd::Done }).unwrap();
        assert_eq!(store.unfinished(&cluster).unwrap(), None, "cut at {end}");
        let last = store.journal(&cluster).unwrap().pop().unwrap();
        assert_eq!(last.event, Event::Ended { end: JournalEnd::Done }, "cut at {end}");
    }
    fs::write(&path, "{\"schema\":2}\n").unwrap();
    assert_eq!(store.begin_run(&cluster, "x").unwrap_err().code, "state-too-new");
    fs::write(&path, "\u{0}garbage\nmore\n").unwrap();
    assert!(store.begin_run(&cluster, "x").is_ok());
}

#[test]
fn a_lock_is_one_shells_and_not_its_childrens() {
    let (store, _home) = store();
    let cluster = name("demo");
    let lock = store.lock(&cluster, "cluster up demo").unwrap();
    let error = store.lock(&cluster, "cluster stop demo").unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("locked", Class::Busy));
    assert!(error.evidence[0].ends_with("cluster up demo"), "{error:?}");
    assert!(store.lock(&name("other"), "x").is_ok(), "another cluster is free");
    let mut child = Command::new("sleep").arg("30").stdin(Stdio::null()).spawn().unwrap();
    drop(lock);
    let again = store.lock(&cluster, "cluster stop demo");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(again.is_ok(), "a child that lives on holds no lock");
}

#[test]
fn locks_are_fought_for_and_never_shared() {
    let (store, _home) = store();
    let inside = std::sync::atomic::AtomicUsize::new(0);
    let won = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    if let Ok(_lock) = store.lock(&name("demo"), "race") {
                        use std::sync::atomic::Ordering::SeqCst;
                        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two are inside");
                        won.fetch_add(1, SeqCst);
                        inside.fetch_sub(1, SeqCst);
                    }
                }
            });
        }
    });
    assert!(won.into_inner() > 50);
}

#[test]
fn attached_clusters_are_kept() {
    let (store, home) = store();
    let prod = Attached {
        name: name("prod"),
        bootstrap: vec!["host:9092".into()],
        zookeeper: None,
        read_only: true,
        cluster_id: Some("abc".into()),
        client: [("sasl.password".to_string(), "s\"e\ncret".to_string())].into(),
    };
    store.attach(prod.clone()).unwrap();
    assert_eq!(store.attached().unwrap(), std::slice::from_ref(&prod));
    let mut changed = prod.clone();
    changed.read_only = false;
    store.attach(changed.clone()).unwrap();
    assert_eq!(store.attached_cluster(&prod.name).unwrap(), Some(changed));
    store.save_spec(&demo("demo")).unwrap();
    let clash = Attached { name: name("demo"), ..prod.clone() };
    assert_eq!(store.attach(clash).unwrap_err().code, "cluster-exists");
    assert!(store.detach(&prod.name).unwrap() && !store.detach(&prod.name).unwrap());
    fs::write(home.path().join("attached.toml"), "schema = 9").unwrap();
    assert_eq!(store.attached().unwrap_err().code, "state-too-new");
    assert_eq!(store.attach(prod).unwrap_err().code, "state-too-new");
    assert_eq!(fs::read_to_string(home.path().join("attached.toml")).unwrap(), "schema = 9");
}

#[test]
fn the_audit_log_is_bounded() {
    let (store, home) = store();
    let entry = |n: usize| AuditEntry {
        time_ms: n as i64,
        cluster: Some("demo".into()),
        command: "x".repeat(5_000),
        outcome: "done".into(),
    };
    for n in 0..2_200 {
        store.audit(&entry(n)).unwrap();
    }
    let last = AuditQuery { count: 1, ..AuditQuery::default() };
    assert_eq!(store.audit_entries(&last).unwrap()[0].time_ms, 2_199);
    let most = AuditQuery { count: 1_000, ..AuditQuery::default() };
    let times: Vec<i64> = store.audit_entries(&most).unwrap().iter().map(|e| e.time_ms).collect();
    let newest_first: Vec<i64> = (1_200..2_200).rev().collect();
    assert_eq!(times, newest_first, "both files are read, the newest entry first");
    let bytes: u64 =
        fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 2 * (kafsh_cluster::store::AUDIT_BYTES_MAX + 5_000));
}

#[test]
fn entries_of_the_audit_log_are_found_by_time_outcome_and_cluster() {
    let (store, home) = store();
    let all = AuditQuery { count: 10, ..AuditQuery::default() };
    assert!(store.audit_entries(&all).unwrap().is_empty(), "there is no file yet");
    for (time_ms, cluster, outcome) in
        [(1, "demo", "done"), (2, "demo", "policy-denied"), (3, "other", "topic-exists")]
    {
        let (cluster, command) = (Some(cluster.to_string()), "topic create t".to_string());
        let outcome = outcome.to_string();
        store.audit(&AuditEntry { time_ms, cluster, command, outcome }).unwrap();
    }
    // A line that was cut short by a crash hides no other.
    let path = home.path().join("audit.jsonl");
    fs::write(&path, [fs::read(&path).unwrap(), b"{\"time_ms\":4,".to_vec()].concat()).unwrap();
    let times = |query: AuditQuery| -> Vec<i64> {
        store.audit_entries(&query).unwrap().iter().map(|entry| entry.time_ms).collect()
    };
    assert_eq!(times(all.clone()), [3, 2, 1]);
    assert_eq!(times(AuditQuery { failed: true, ..all.clone() }), [3, 2]);
    assert_eq!(times(AuditQuery { since_ms: Some(3), ..all.clone() }), [3]);
    assert_eq!(times(AuditQuery { cluster: Some("demo".into()), ..all.clone() }), [2, 1]);
    assert_eq!(times(AuditQuery { count: 1, ..all }), [3]);
}
