//! The store of installed plugins: what is granted to whom, what is kept, and what a crash leaves.

#[path = "../../../../tests/support/component.rs"]
mod component;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use component::plugin;
use kafsh_host::store::{Change, Installed, PluginStore, ProjectLock};
use kafsh_host::{Inspected, inspect};
use kafsh_model::error::Result;
use kafsh_model::plugin::{Capability, CapabilityName, PluginKind};

struct Place {
    dir: tempfile::TempDir,
    store: PluginStore,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let store = PluginStore::open(dir.path().join("plugins"))
        .reserving([("preflight".to_string(), PluginKind::Step)]);
    Place { dir, store }
}

fn capability(name: CapabilityName, scope: &[&str]) -> Capability {
    let scope = scope.iter().map(ToString::to_string).collect();
    Capability { name, scope, reason: String::new() }
}

fn looked_into(bytes: &[u8]) -> Inspected {
    inspect(bytes).unwrap_or_else(|e| panic!("{e:?}"))
}

fn install(
    store: &PluginStore,
    bytes: &[u8],
    grants: &[Capability],
) -> Result<(Installed, Change)> {
    store.install(bytes, &looked_into(bytes), None, "/somewhere/x.wasm", grants)
}

fn names(granted: &[Capability]) -> Vec<String> {
    granted.iter().map(|c| format!("{}={}", c.name.name(), c.scope.join(","))).collect()
}

/// Names of the files in the folder of the store, sorted.
fn files(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.store.folder()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    outcome.expect_err("a refusal").code.into_owned()
}

#[test]
fn what_is_installed_is_found_again_and_only_with_its_grants_loaded() {
    let place = place();
    assert!(place.store.list().unwrap().is_empty());
    let bytes = plugin("policy", "naming", "1.0.0", &["log", "clock", "cluster-read"]);
    let (installed, change) = install(&place.store, &bytes, &[]).unwrap();
    assert_eq!(change, Change::Installed);
    assert_eq!(installed.missing().len(), 2);
    assert_eq!(code(place.store.load(&installed)), "plugin-not-granted");
    let grants = [
        capability(CapabilityName::Clock, &[]),
        capability(CapabilityName::ClusterRead, &["orders-eu-*"]),
    ];
    let digest = installed.current.digest.clone();
    let granted = place.store.grant("naming", &digest, &grants).unwrap();
    assert_eq!(names(&granted.current.granted), ["clock=", "cluster-read=orders-eu-*"]);
    let found = place.store.get("naming").unwrap();
    assert_eq!(found, granted);
    assert_eq!(place.store.load(&found).unwrap(), bytes);
    let mode = |name: &str| {
        fs::metadata(place.store.folder().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("state.json"), 0o600);
    assert_eq!(mode(&format!("{digest}.wasm")), 0o600);
    let off = place.store.set_disabled("naming", true).unwrap();
    assert_eq!(code(place.store.load(&off)), "plugin-disabled");
    let less = place.store.revoke("naming", &[CapabilityName::Clock]).unwrap();
    assert_eq!(names(&less.current.granted), ["cluster-read=orders-eu-*"]);
    assert!(place.store.revoke("naming", &[]).unwrap().current.granted.is_empty());
    place.store.remove("naming").unwrap();
    assert_eq!(code(place.store.get("naming")), "plugin-not-found");
    assert_eq!(files(&place), ["lock", "state.json"]);
}

#[test]
fn nothing_is_granted_that_was_not_asked_for() {
    let place = place();
    let bytes = plugin("policy", "naming", "1.0.0", &["cluster-read"]);
    let wide = capability(CapabilityName::ClusterRead, &["*"]);
    let all = capability(CapabilityName::ClusterRead, &[]);
    let other = capability(CapabilityName::Random, &[]);
    for grant in [wide, all, other] {
        assert_eq!(code(install(&place.store, &bytes, std::slice::from_ref(&grant))), "bad-grant");
        assert!(place.store.list().unwrap().is_empty(), "{grant:?}");
    }
}

#[test]
fn a_new_file_keeps_grants_only_as_far_as_it_asks_for_no_more() {
    let place = place();
    let one = plugin("policy", "naming", "1.0.0", &["cluster-read"]);
    let narrow = capability(CapabilityName::ClusterRead, &["orders-eu-*"]);
    install(&place.store, &one, &[narrow]).unwrap();
    // The same capability and scope, another file: what the user narrowed stays narrow.
    let two = plugin("policy", "naming", "1.1.0", &["cluster-read"]);
    let (installed, change) = install(&place.store, &two, &[]).unwrap();
    assert_eq!(change, Change::Replaced);
    assert_eq!(names(&installed.current.granted), ["cluster-read=orders-eu-*"]);
    // More than before: what is new has to be granted.
    let three = plugin("policy", "naming", "1.2.0", &["cluster-read", "clock"]);
    let preview = place.store.preview(&looked_into(&three), None).unwrap();
    assert_eq!(names(&preview.wanted), ["clock="]);
    assert_eq!(names(&preview.carried), ["cluster-read=orders-eu-*"]);
    let (installed, _) = install(&place.store, &three, &[]).unwrap();
    assert_eq!(names(&installed.missing()), ["clock="]);
    // A wider scope is more, too.
    let mut said = component::manifest("policy", "naming", "1.3.0");
    said["capabilities"] = serde_json::json!([{ "name": "cluster-read", "scope": ["*"] }]);
    let four = component::with_manifest(&component::bare("policy", &["cluster-read"]), &said);
    let preview = place.store.preview(&looked_into(&four), None).unwrap();
    assert_eq!(names(&preview.wanted), ["cluster-read=*"]);
    assert!(preview.carried.is_empty());
    // Less than before: what it does not ask for any more is not granted.
    let five = plugin("policy", "naming", "1.4.0", &[]);
    let (installed, _) = install(&place.store, &five, &[]).unwrap();
    assert!(installed.current.granted.is_empty() && installed.missing().is_empty());
}

/// A transform without an import could otherwise write to any topic, unasked.
#[test]
fn outputs_are_asked_for_and_a_wider_one_again() {
    let place = place();
    let with_outputs = |version: &str, outputs: &[&str]| {
        let mut said = component::manifest("transform", "route", version);
        said["outputs"] = serde_json::json!(outputs);
        component::with_manifest(&component::bare("transform", &[]), &said)
    };
    let one = with_outputs("1.0.0", &["orders-*"]);
    let preview = place.store.preview(&looked_into(&one), None).unwrap();
    assert_eq!(names(&preview.wanted), ["outputs=orders-*"]);
    let (installed, _) = install(&place.store, &one, &[]).unwrap();
    assert_eq!(code(place.store.load(&installed)), "plugin-not-granted");
    install(&place.store, &one, &preview.wanted).unwrap();
    // As much, or less, goes on; more is asked for.
    let two = with_outputs("1.1.0", &["orders-eu"]);
    let preview = place.store.preview(&looked_into(&two), None).unwrap();
    assert!(preview.wanted.is_empty() && names(&preview.carried) == ["outputs=orders-eu"]);
    let three = with_outputs("1.2.0", &["*"]);
    let preview = place.store.preview(&looked_into(&three), None).unwrap();
    assert_eq!(names(&preview.wanted), ["outputs=*"]);
    assert!(preview.carried.is_empty());
}

#[test]
fn rolling_back_brings_the_file_and_its_grants() {
    let place = place();
    let clock = capability(CapabilityName::Clock, &[]);
    let versions = ["1.0.0", "1.1.0", "1.2.0"];
    for (index, version) in versions.iter().enumerate() {
        let bytes = plugin("transform", "mask", version, &["clock"]);
        let grants = if index == 0 { vec![clock.clone()] } else { vec![] };
        install(&place.store, &bytes, &grants).unwrap();
    }
    place.store.revoke("mask", &[]).unwrap();
    let back = place.store.rollback("mask", None).unwrap();
    assert_eq!((back.current.version.as_str(), back.history.len()), ("1.1.0", 1));
    assert_eq!(names(&back.current.granted), ["clock="], "as it was granted to that file");
    place.store.load(&back).unwrap();
    place.store.rollback("mask", None).unwrap();
    assert_eq!(code(place.store.rollback("mask", None)), "plugin-no-history");
    assert_eq!(place.store.get("mask").unwrap().current.version, "1.0.0");
    assert_eq!(files(&place).len(), 2 + 3, "what was left is kept");
}

#[test]
fn what_a_rollback_left_can_be_had_again() {
    let place = place();
    let bytes = |version: &str| plugin("transform", "mask", version, &["clock"]);
    let clock = capability(CapabilityName::Clock, &[]);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        install(&place.store, &bytes(version), std::slice::from_ref(&clock)).unwrap();
    }
    place.store.revoke("mask", &[]).unwrap();
    let shown = |plugin: &Installed| {
        let versions = |list: &[kafsh_host::store::Version]| {
            list.iter().map(|version| version.version.clone()).collect::<Vec<_>>().join(" ")
        };
        (versions(&plugin.history), plugin.current.version.clone(), versions(&plugin.later))
    };
    let state = |a: &str, b: &str, c: &str| (a.to_string(), b.to_string(), c.to_string());
    let back = place.store.rollback("mask", Some("1.0.0")).unwrap();
    assert_eq!(shown(&back), state("", "1.0.0", "1.2.0 1.1.0"));
    let digest = back.later[0].digest.clone();
    let forth = place.store.rollback("mask", Some(&format!("sha256:{}", digest.prefix()))).unwrap();
    assert_eq!(shown(&forth), state("1.0.0 1.1.0", "1.2.0", ""));
    assert!(names(&forth.current.granted).is_empty(), "what was revoked stays so");
    assert_eq!(code(place.store.rollback("mask", Some("9.0.0"))), "plugin-no-history");
    assert_eq!(code(place.store.rollback("mask", Some("sha256:"))), "plugin-no-history");
    // A new file comes after all that were there.
    place.store.rollback("mask", Some("1.0.0")).unwrap();
    let (next, _) = install(&place.store, &bytes("1.3.0"), &[]).unwrap();
    assert_eq!(shown(&next), state("1.1.0 1.2.0 1.0.0", "1.3.0", ""));
    // One that was left and is installed again is there once.
    place.store.rollback("mask", None).unwrap();
    let (again, _) = install(&place.store, &bytes("1.3.0"), &[]).unwrap();
    assert_eq!(shown(&again), state("1.1.0 1.2.0 1.0.0", "1.3.0", ""));
    assert_eq!(files(&place).len(), 2 + 4);
}

#[test]
fn history_is_bounded() {
    let place = place();
    for version in 0..9 {
        let bytes = plugin("transform", "mask", &format!("1.{version}.0"), &[]);
        install(&place.store, &bytes, &[]).unwrap();
    }
    assert_eq!(place.store.get("mask").unwrap().history.len(), 5);
    assert_eq!(files(&place).len(), 2 + 6);
}

#[test]
fn names_that_are_taken() {
    let place = place();
    let bundled = plugin("step", "preflight", "9.0.0", &[]);
    assert_eq!(code(install(&place.store, &bundled, &[])), "plugin-name-taken");
    let policy = plugin("policy", "preflight", "9.0.0", &[]);
    assert_eq!(code(install(&place.store, &policy, &[])), "plugin-name-taken");
    assert_eq!(code(place.store.remove("preflight")), "plugin-bundled");
    install(&place.store, &plugin("policy", "naming", "1.0.0", &[]), &[]).unwrap();
    let other = plugin("policy", "other", "1.0.0", &[]);
    let under = |name: &str| {
        place.store.install(&other, &looked_into(&other), Some(name), "x", &[]).map(|_| ())
    };
    assert_eq!(code(under("naming")), "plugin-name-taken");
    for name in ["../x", "a/b", "", "X", "a\u{1b}"] {
        assert_eq!(code(under(name)), "bad-name", "{name:?}");
    }
    under("my-other").unwrap();
    assert_eq!(place.store.get("my-other").unwrap().own_name, "other");
}

#[test]
fn a_changed_byte_after_the_grant_is_refused() {
    let place = place();
    let bytes = plugin("transform", "mask", "1.0.0", &["clock"]);
    let grant = [capability(CapabilityName::Clock, &[])];
    let (installed, _) = install(&place.store, &bytes, &grant).unwrap();
    place.store.verify(&installed).unwrap();
    let path = place.store.folder().join(format!("{}.wasm", installed.current.digest));
    let mut changed = bytes.clone();
    let last = changed.len() - 2;
    changed[last] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert_eq!(code(place.store.load(&installed)), "plugin-digest-changed");
    assert_eq!(code(place.store.verify(&installed)), "plugin-digest-changed");
    // Installing the file again mends it.
    let (_, change) = install(&place.store, &bytes, &[]).unwrap();
    assert_eq!(change, Change::Same);
    place.store.load(&installed).unwrap();
    // A link, a file that others may write, and none at all.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(code(place.store.load(&installed)), "plugin-digest-changed");
    let aside = place.dir.path().join("aside.wasm");
    fs::write(&aside, &bytes).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&aside, &path).unwrap();
    assert_eq!(code(place.store.load(&installed)), "plugin-digest-changed");
    fs::remove_file(&path).unwrap();
    assert_eq!(code(place.store.load(&installed)), "plugin-digest-changed");
}

#[test]
fn a_state_that_grants_more_than_was_asked_is_found() {
    let place = place();
    let bytes = plugin("policy", "naming", "1.0.0", &["clock"]);
    install(&place.store, &bytes, &[capability(CapabilityName::Clock, &[])]).unwrap();
    let path = place.store.folder().join("state.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"clock\"", "\"random\"");
    fs::write(&path, text).unwrap();
    let installed = place.store.get("naming").unwrap();
    assert_eq!(code(place.store.verify(&installed)), "plugin-digest-changed");
}

#[test]
fn a_shell_that_was_killed_leaves_nothing_that_stays() {
    let place = place();
    let bytes = plugin("policy", "naming", "1.0.0", &[]);
    install(&place.store, &bytes, &[]).unwrap();
    let folder = place.store.folder();
    // Killed after the file was written, before the state named it; and while writing.
    let orphan = folder.join(format!("{}.wasm", "a".repeat(64)));
    fs::write(&orphan, b"half").unwrap();
    fs::write(folder.join(".unfinished-x"), b"half").unwrap();
    assert_eq!(place.store.list().unwrap().len(), 1, "nobody names it");
    place.store.set_disabled("naming", true).unwrap();
    assert_eq!(files(&place).len(), 3, "{:?}", files(&place));
    assert!(!orphan.exists());
}

#[test]
fn a_state_that_cannot_be_understood_is_left_as_it_is() {
    let place = place();
    install(&place.store, &plugin("policy", "naming", "1.0.0", &[]), &[]).unwrap();
    let path = place.store.folder().join("state.json");
    let good = fs::read_to_string(&path).unwrap();
    let outside = "../".repeat(21) + "x";
    for (bad, wanted) in [
        ("{".to_string(), "state-damaged"),
        ("{}".to_string(), "state-damaged"),
        (good.replace("\"schema\": 1", "\"schema\": 2"), "state-too-new"),
        (good.replace("\"naming\": {", "\"../naming\": {"), "state-damaged"),
        (good.replace(&good[digest_at(&good)..digest_at(&good) + 64], &outside), "state-damaged"),
    ] {
        fs::write(&path, &bad).unwrap();
        assert_eq!(code(place.store.list()), wanted, "{bad}");
        assert_eq!(code(place.store.set_disabled("naming", true)), wanted);
        assert_eq!(fs::read_to_string(&path).unwrap(), bad);
    }
}

fn digest_at(state: &str) -> usize {
    state.find("\"digest\": \"").unwrap() + "\"digest\": \"".len()
}

#[test]
fn shells_that_change_at_once_lose_nothing() {
    let place = place();
    let bytes: Vec<Vec<u8>> =
        (0..8).map(|n| plugin("policy", &format!("p{n}"), "1.0.0", &[])).collect();
    std::thread::scope(|scope| {
        for bytes in &bytes {
            let store = place.store.clone();
            scope.spawn(move || install(&store, bytes, &[]).unwrap());
        }
    });
    assert_eq!(place.store.list().unwrap().len(), 8);
    for plugin in place.store.list().unwrap() {
        place.store.load(&plugin).unwrap();
    }
}

#[test]
fn a_rehearsal_begins_with_what_is_installed_and_changes_nothing_of_it() {
    let place = place();
    let bytes = plugin("policy", "naming", "1.0.0", &[]);
    install(&place.store, &bytes, &[]).unwrap();
    let over = PluginStore::open(place.dir.path().join("rehearsal")).over(place.store.folder());
    let seen = over.get("naming").unwrap();
    assert_eq!(over.load(&seen).unwrap(), bytes);
    install(&over, &plugin("policy", "naming", "2.0.0", &[]), &[]).unwrap();
    let back = over.rollback("naming", None).unwrap();
    assert_eq!(over.load(&back).unwrap(), bytes);
    over.remove("naming").unwrap();
    assert!(over.list().unwrap().is_empty());
    let real = place.store.get("naming").unwrap();
    assert_eq!(real.current.version, "1.0.0");
    place.store.load(&real).unwrap();
}

/// What it grants is not asked again.
#[test]
fn a_lock_file_that_others_could_have_written_is_refused() {
    let place = place();
    let path = place.dir.path().join("kafsh-plugins.lock");
    let find = || ProjectLock::find(place.dir.path(), None);
    fs::write(&path, "schema = 1\n").unwrap();
    let allow = |mode: u32| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o644);
    assert!(find().unwrap().is_some());
    allow(0o646);
    assert_eq!(code(find()), "lock-untrusted");
    fs::remove_file(&path).unwrap();
    // A pipe without a writer would be waited for.
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert_eq!(code(find()), "lock-untrusted");
    fs::remove_file(&path).unwrap();
    assert!(find().unwrap().is_none());
}

#[test]
fn a_lock_file_holds_digest_and_grants() {
    let place = place();
    let project = place.dir.path().join("project");
    let below = project.join("scripts/deep");
    fs::create_dir_all(&below).unwrap();
    let find = |from: &Path| ProjectLock::find(from, Some(place.dir.path())).unwrap();
    assert!(find(&below).is_none());
    let bytes = plugin("policy", "naming", "1.0.0", &["cluster-read"]);
    let source = project.join("plugins/naming.wasm").display().to_string();
    let grant = [capability(CapabilityName::ClusterRead, &["orders-eu-*"])];
    let looked = looked_into(&bytes);
    let (one, _) = place.store.install(&bytes, &looked, None, &source, &grant).unwrap();
    let mut lock = ProjectLock::new(&project);
    assert_eq!(code(lock.check(&one)), "plugin-not-locked");
    lock.put(&one);
    lock.save().unwrap();
    let text = fs::read_to_string(lock.path()).unwrap();
    assert!(text.contains("source = \"plugins/naming.wasm\""), "relative to it:\n{text}");
    assert!(find(&below).is_none(), "a folder above counts only below the root of a repository");
    fs::create_dir(project.join(".git")).unwrap();
    let lock = find(&below).expect("found upwards");
    lock.check(&one).unwrap();
    let line = lock.install_line(lock.get("naming").unwrap());
    assert!(line.ends_with("--grant 'cluster-read=orders-eu-*'"), "{line}");
    // Other grants, another file, not in it.
    let less = place.store.revoke("naming", &[]).unwrap();
    let error = lock.check(&less).unwrap_err();
    assert!(error.evidence.join("\n").contains("installed grants nothing"), "{error:?}");
    let (two, _) =
        install(&place.store, &plugin("policy", "naming", "1.1.0", &["cluster-read"]), &[])
            .unwrap();
    assert_eq!(code(lock.check(&two)), "plugin-not-locked");
    // It ends at the root of the repository.
    fs::create_dir(project.join("scripts/.git")).unwrap();
    assert!(find(&below).is_none());
    for bad in ["schema = 1\nplugin = 3\n", "x", "", "schema = 2\n", "schema = 1\nmore = 1\n"] {
        fs::write(lock.path(), bad).unwrap();
        let found = ProjectLock::find(&project, None).expect_err(bad);
        assert!(["lock-damaged", "state-too-new"].contains(&found.code.as_ref()), "{found:?}");
    }
}
