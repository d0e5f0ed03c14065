//! Plugins as their authors make them, from `plugin new` to a real cluster: a step between those of
//! kafsh, a transform in a pipeline, a policy that refuses.

use std::path::Path;

use super::support::{Kafsh, RealCluster};

/// Kind and name; nobody else's in the tests' home.
const PLUGINS: [(&str, &str); 3] =
    [("step", "authored-step"), ("transform", "authored-transform"), ("policy", "authored-policy")];

/// They are installed for as long as this lives: the home outlives the test.
struct Installed<'a>(&'a Path);

impl<'a> Installed<'a> {
    /// Makes each from its template, and installs what was built.
    fn of_templates(home: &'a Path) -> Installed<'a> {
        let installed = Installed(home);
        installed.remove();
        let folder = tempfile::tempdir().expect("a folder");
        let script: String = PLUGINS
            .iter()
            .map(|(kind, name)| {
                format!(
                    "plugin new {name} --kind {kind}\nplugin build {name}\n\
                     plugin install {name}\n"
                )
            })
            .collect();
        let kafsh = Kafsh::at(home).in_directory(folder.path()).with_cargo();
        kafsh.run(&["-c", &script]).ok();
        installed
    }

    fn remove(&self) {
        for (_, name) in PLUGINS {
            // One that a killed test left, or nothing.
            Kafsh::at(self.0).run(&["plugin", "remove", name, "--yes"]);
        }
    }
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

fn spec(cluster: &RealCluster) -> String {
    let (name, base, zookeeper) = (&cluster.name, cluster.base_port, cluster.zookeeper_port());
    format!(
        "schema = 1\nname = \"{name}\"\nkafka = \"3.9.2\"\n\
         steps = [\"preflight\", \"zookeeper-clean\", \"broker-layout\", \"launch\", \
         \"authored-step\", \"prove\"]\n\
         [zookeeper]\nbind = \"127.0.0.1\"\nport = {zookeeper}\n\
         [[brokers]]\nid = 1\nlisteners = [{{ name = \"PLAINTEXT\", bind = \"127.0.0.1\", \
         port = {base}, advertised_host = \"127.0.0.1\", advertised_port = {base} }}]\n"
    )
}

#[test]
fn plugins_of_an_author_work_on_a_real_cluster() {
    let cluster = RealCluster::reserve("authored");
    let _installed = Installed::of_templates(&cluster.home);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("spec.toml");
    std::fs::write(&file, spec(&cluster)).expect("a spec");
    let path = file.to_str().expect("a plain path");

    // The step gets in between, and asked again has nothing to do.
    Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    let topic = cluster.run(&["topic", "describe", "events", "-O", "json"]).ok().json();
    assert_eq!(topic["partitions"].as_array().map(Vec::len), Some(6), "{topic}");
    let plan = cluster.run(&["cluster", "plan", &cluster.name, "-O", "json"]).ok().json();
    let steps = plan["steps"].as_array().expect("steps");
    assert_eq!(steps[4]["step"], "authored-step", "{plan}");
    let left: usize =
        steps.iter().filter_map(|step| step["actions"].as_array()).map(Vec::len).sum();
    assert_eq!(left, 0, "after apply a second plan is empty: {plan}");

    // The transform changes what it should, and what it fails on goes no further.
    cluster.run(&["topic", "create", "masked", "-p", "1", "-r", "1"]).ok();
    let lines = "{\"name\": \"Kim\", \"n\": 1.50}\nno JSON\n";
    cluster.kafsh().stdin(lines).run(&["produce", "events"]).ok();
    let pipeline = "consume events --count 2 | transform authored-transform --set fields=name \
                    --on-error skip | produce masked";
    cluster.run(&["-c", pipeline]).ok().says("1 failed").says("bad-json");
    let read = cluster.run(&["consume", "masked"]).ok();
    assert_eq!(read.stdout, "{\"name\": \"***\", \"n\": 1.50}\n");

    // The policy has a say from when it is bound.
    let bind = ["policy", "bind", "authored-policy", "--clusters", &cluster.name];
    cluster.run(&[&bind[..], &["--set", "max-partitions=6"]].concat()).ok();
    let denied = cluster.run(&["topic", "create", "wide", "-p", "7", "-r", "1"]).fails(3);
    denied.says("refused by policy `authored-policy`").says("[too-many-partitions]");
    cluster.run(&["topic", "create", "narrow", "-p", "6", "-r", "1"]).ok();
    let topics = cluster.run(&["topic", "list", "-O", "name"]).ok();
    assert_eq!(topics.stdout.lines().collect::<Vec<_>>(), ["events", "masked", "narrow"]);
    cluster.run(&["policy", "unbind", "authored-policy"]).ok();
}
