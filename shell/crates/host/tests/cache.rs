//! Compiled plugins are kept, used again, and never trusted blindly.

mod support;

use std::fs;

use kafsh_model::plugin::PluginKind;
use kafsh_model::port::Steps;
use support::{Place, input, source};

const STEP: &str = "well-behaved";

fn plan(place: &Place) {
    let host = place.host(false);
    host.add(source(STEP)).unwrap();
    assert_eq!(host.step(STEP).unwrap().plan(&input()).unwrap().summary, "one folder");
}

#[test]
fn a_compiled_plugin_is_used_again() {
    let place = Place::new();
    plan(&place);
    let compiled = place.compiled();
    assert_eq!(compiled.len(), 1);
    let written = fs::metadata(&compiled[0]).unwrap().modified().unwrap();
    plan(&place);
    assert_eq!(place.compiled(), compiled);
    assert_eq!(fs::metadata(&compiled[0]).unwrap().modified().unwrap(), written);
    assert!(place.lines.lock().unwrap().is_empty());
}

#[test]
fn an_altered_one_is_compiled_again() {
    let place = Place::new();
    plan(&place);
    let file = place.compiled().remove(0);
    let good = fs::read(&file).unwrap();
    for at in [0, 40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        fs::write(&file, &bad).unwrap();
        plan(&place);
        assert_ne!(fs::read(&file).unwrap(), bad, "byte {at} was believed");
    }
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    plan(&place);
    assert_eq!(fs::read(&file).unwrap().len(), good.len());
}

#[test]
fn another_key_makes_all_of_it_worthless() {
    let place = Place::new();
    plan(&place);
    let file = place.compiled().remove(0);
    let old = fs::read(&file).unwrap();
    fs::remove_dir_all(place.dir.path().join("state")).unwrap();
    plan(&place);
    assert_ne!(fs::read(&file).unwrap()[..32], old[..32]);
}

#[test]
fn a_list_needs_nothing_but_manifests() {
    let place = Place::new();
    let host = place.host(false);
    host.add(source(STEP)).unwrap();
    let list = host.list();
    assert_eq!((list[0].name.as_str(), list[0].version.as_str()), (STEP, "0.1.0"));
    assert_eq!(host.manifests(PluginKind::Step)[0].summary, "a guest");
    assert!(place.compiled().is_empty(), "it was compiled to be listed");
}

#[test]
fn without_a_cache_nothing_is_written() {
    let place = Place::new();
    let host = place.host(true);
    host.add(source(STEP)).unwrap();
    host.step(STEP).unwrap().plan(&input()).unwrap();
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 0);
}

#[test]
fn where_nothing_can_be_kept_plugins_work_and_it_is_said_once() {
    let place = Place::new();
    fs::write(place.dir.path().join("cache"), "a file where a folder should be").unwrap();
    plan(&place);
    let lines = place.lines.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].text.contains("compiled plugins are not kept"), "{lines:?}");
}

#[test]
fn one_that_does_not_say_who_it_is_is_not_kept() {
    let place = Place::new();
    let host = place.host(false);
    host.add(source("impostor")).unwrap();
    for _ in 0..2 {
        assert_eq!(host.load(PluginKind::Step, "impostor").unwrap_err().code, "plugin-bad-output");
    }
    assert!(place.compiled().is_empty());
}

#[test]
fn compiled_code_outlives_no_grant() {
    let place = Place::new();
    let name = "policy-well-behaved";
    let host = place.host(false);
    host.add(source(name)).unwrap();
    host.load(PluginKind::Policy, name).unwrap();
    assert_eq!(place.compiled().len(), 1);
    let revoked = place.host(false);
    revoked.add(kafsh_host::PluginSource { grants: Default::default(), ..source(name) }).unwrap();
    let error = revoked.load(PluginKind::Policy, name).unwrap_err();
    assert_eq!(error.code, "plugin-not-granted");
}

#[test]
fn another_way_of_running_has_code_of_its_own() {
    let place = Place::new();
    plan(&place);
    let host = place.host_with(|options| options.fuel = true);
    host.add(source(STEP)).unwrap();
    host.step(STEP).unwrap().plan(&input()).unwrap();
    assert_eq!(place.compiled().len(), 2);
}

#[test]
fn altered_bytes_are_found_out() {
    let place = Place::new();
    let host = place.host(false);
    let mut altered = source(STEP);
    let mut bytes = altered.component.into_owned();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    altered.component = bytes.into();
    host.add(altered).unwrap();
    let error = host.step(STEP).unwrap().plan(&input()).unwrap_err();
    assert_eq!(error.code, "plugin-digest-changed");
}

#[test]
fn bundled_plugins_bring_their_manifest_and_digest() {
    let place = Place::new();
    let host = place.host(true);
    let whole = source("policy-well-behaved");
    let bytes: &'static [u8] = whole.component.into_owned().leak();
    host.add_bundled(bytes, whole.digest.as_str()).unwrap();
    host.load(PluginKind::Policy, "policy-well-behaved").unwrap();
    assert_eq!(host.add_bundled(bytes, "x").unwrap_err().code, "bug");
    let bare = support::component(STEP).leak();
    assert_eq!(
        host.add_bundled(bare, whole.digest.as_str()).unwrap_err().code,
        "plugin-no-manifest"
    );
}
