//! Compiled plugins are kept, used again, and never trusted blindly.

mod support;

use std::fs;

use kafsh_model::port::Steps;
use support::{Place, component, input};

const STEP: &str = "well-behaved";

fn plan(place: &Place) {
    let host = place.host(false);
    host.add_step(STEP, component(STEP)).unwrap();
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
fn a_list_needs_no_plugin_once_they_are_known() {
    let place = Place::new();
    plan(&place);
    fs::remove_file(place.compiled().remove(0)).unwrap();
    let host = place.host(false);
    host.add_step(STEP, component(STEP)).unwrap();
    let list = host.list();
    assert_eq!((list[0].name.as_str(), list[0].version.as_str()), (STEP, "0.1.0"));
    assert!(place.compiled().is_empty(), "it was compiled to be listed");
}

#[test]
fn without_a_cache_nothing_is_written() {
    let place = Place::new();
    let host = place.host(true);
    host.add_step(STEP, component(STEP)).unwrap();
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
fn one_that_cannot_be_loaded_is_listed_with_the_reason() {
    let place = Place::new();
    let host = place.host(false);
    host.add_step("wrong-world", component("wrong-world")).unwrap();
    host.add_step(STEP, component(STEP)).unwrap();
    let list = host.list();
    assert_eq!(list.len(), 2);
    assert!(list[1].summary.contains("does not export"), "{list:?}");
}

#[test]
fn a_digest_that_is_not_of_the_bytes_is_found_out() {
    let place = Place::new();
    let host = place.host(false);
    let bytes: &'static [u8] = component(STEP).leak();
    host.add_bundled_step(STEP, bytes, &"0".repeat(64)).unwrap();
    assert_eq!(host.step(STEP).err().unwrap().code, "bug");
    assert_eq!(host.add_bundled_step(STEP, bytes, "x").unwrap_err().code, "bug");
}
