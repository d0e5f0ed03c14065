//! Every example that `help` shows is run, on a rehearsal with a cluster and two topics.

mod support;

#[path = "support/component.rs"]
mod component;
#[path = "support/plugins.rs"]
mod plugins;

use support::{Kafsh, root};

/// What the examples may count on.
const GROUND: &str = "\
cluster up demo --brokers 3
cluster use demo
topic create test orders --partitions 3 --replication-factor 3
produce test <<END
k1:hello
k2:world
END
consume test --group nightly --count 1
cluster attach prod --bootstrap 127.0.0.1:9091
plugin install plugins/house-rules-1.wasm --grant clock
plugin install house-rules.wasm --grant random
";

/// What goes on until Ctrl-C: its first line is enough.
const SERVES: [&str; 1] = ["ui"];

fn first(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

#[test]
fn every_example_runs() {
    let home = tempfile::tempdir().expect("a folder");
    let pages = Kafsh::at(home.path()).run(&["help", "--examples"]).ok();
    let examples: Vec<&str> = pages.stdout.lines().collect();
    assert!(examples.len() >= 60, "only {} examples", examples.len());
    let mut failed = Vec::new();
    for example in &examples {
        let folder = tempfile::tempdir().expect("a folder");
        plugins::fill(folder.path());
        adoptable(folder.path());
        let examples = root().join("scripts");
        std::os::unix::fs::symlink(&examples, folder.path().join("scripts")).expect("a link");
        let ends = if SERVES.contains(&first(example)) { " | head 1" } else { "" };
        let script = format!("{GROUND}{example}{ends}\n");
        let temporary = tempfile::tempdir().expect("a folder");
        let kafsh = Kafsh::at(home.path()).in_directory(folder.path()).with_cargo();
        let kafsh = kafsh.env("TMPDIR", &temporary.path().to_string_lossy());
        let ran = kafsh.with(&["--rehearse", "--yes", "-c", &script]).run(&[]);
        if ran.status != 0 {
            failed.push(format!("{example}\n{}", ran.stderr));
        }
        let left: Vec<_> = std::fs::read_dir(temporary.path()).expect("a folder").collect();
        assert!(left.is_empty(), "`{example}` left {left:?}");
    }
    assert!(failed.is_empty(), "{} examples fail:\n{}", failed.len(), failed.join("\n"));
}

/// The files of a cluster that somebody else set up, which does not run.
fn adoptable(folder: &std::path::Path) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("a file");
    let data = folder.join("theirs").display().to_string();
    write("zookeeper.properties", format!("clientPort=12181\ndataDir={data}/zookeeper\n"));
    let broker = "broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:19092\n\
                  zookeeper.connect=localhost:12181\n";
    write("server.properties", format!("{broker}log.dirs={data}/broker1\n"));
}
