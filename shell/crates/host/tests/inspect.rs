//! What is refused of a file before anything of it is compiled, each case by the code of its error.

#[path = "../../../../tests/support/component.rs"]
mod component;

use component::{bare, encoded, manifest, plugin, with_manifest, with_section};
use kafsh_host::limits::COMPONENT_BYTES_MAX;
use kafsh_host::{Inspected, inspect};
use kafsh_model::plugin::{CapabilityName, PluginKind};
use serde_json::json;
use wit_component::StringEncoding;

#[track_caller]
fn accepted(bytes: &[u8]) -> Inspected {
    inspect(bytes).unwrap_or_else(|e| panic!("{e:?}"))
}

/// Its code and its cause.
#[track_caller]
fn refused(bytes: &[u8], code: &str) -> String {
    let error = inspect(bytes).expect_err("a refusal");
    assert_eq!(error.code, code, "{error:?}");
    error.cause.expect("a cause")
}

#[test]
fn a_plugin_is_what_it_imports_and_exports() {
    let bytes = plugin("policy", "naming", "1.2.3", &["log", "settings", "clock", "cluster-read"]);
    let found = accepted(&bytes);
    assert_eq!(found.kind, PluginKind::Policy);
    assert_eq!(
        (found.manifest.name.as_str(), found.manifest.version.as_str()),
        ("naming", "1.2.3")
    );
    let asked: Vec<_> = found.capabilities.iter().map(|c| (c.name, c.scope.join(","))).collect();
    let wanted = [(CapabilityName::Clock, ""), (CapabilityName::ClusterRead, "orders-*")];
    assert_eq!(asked, wanted.map(|(name, scope)| (name, scope.to_string())));
    assert!(found.capabilities[1].reason.contains("compares"));
    assert!(found.exports.contains(&"kafsh:policy/policy@1.0.0".to_string()), "{found:?}");
    assert!(found.imports.contains(&"kafsh:host/log@1.0.0".to_string()), "{found:?}");
    assert!(found.unused.is_empty());
    assert_eq!(found.bytes, bytes.len() as u64);
    let sum: u64 = found.sections.iter().map(|section| section.bytes).sum();
    assert!(sum > 0 && sum < found.bytes, "{:?}", found.sections);
    let names: Vec<&str> = found.sections.iter().map(|s| s.name.as_str()).collect();
    assert!(names.contains(&"code") && names.contains(&"custom kafsh-manifest"), "{names:?}");
}

#[test]
fn what_is_declared_and_not_imported_is_said_and_not_asked_for() {
    let mut said = manifest("transform", "mask", "0.1.0");
    said["capabilities"] = json!([{ "name": "state" }, { "name": "log" }]);
    let found = accepted(&with_manifest(&bare("transform", &["log"]), &said));
    assert!(found.capabilities.is_empty());
    assert_eq!(found.unused, [CapabilityName::State]);
}

#[test]
fn files_that_are_none() {
    for (bytes, code) in [
        (vec![], "plugin-not-component"),
        (b"#!/bin/sh\n".to_vec(), "plugin-not-component"),
        (wat::parse_str("(module)").unwrap(), "plugin-not-component"),
        (vec![0; COMPONENT_BYTES_MAX + 1], "plugin-too-large"),
        (wat::parse_str("(component)").unwrap(), "plugin-wrong-world"),
        (bare("policy", &[]), "plugin-no-manifest"),
        (encoded("policy", &["log"], StringEncoding::UTF16), "plugin-wrong-world"),
        (encoded("policy", &["log"], StringEncoding::CompactUTF16), "plugin-wrong-world"),
    ] {
        refused(&bytes, code);
    }
    let engine = wasmtime::Engine::default();
    let native = engine.precompile_component(&bare("step", &[])).unwrap();
    refused(&native, "plugin-precompiled");
}

#[test]
fn cut_short_anywhere_it_is_refused() {
    let whole = plugin("step", "layout", "1.0.0", &["log", "clock"]);
    accepted(&whole);
    let mut manifests_lost = 0;
    for end in 0..whole.len() {
        let code = inspect(&whole[..end]).expect_err("a refusal").code;
        match code.as_ref() {
            "plugin-not-component" => {}
            // The end of one section is where a component may end; the manifest comes last.
            "plugin-no-manifest" | "plugin-wrong-world" => manifests_lost += 1,
            other => panic!("{end} of {}: {other}", whole.len()),
        }
    }
    assert!(manifests_lost > 0);
}

#[test]
fn a_changed_byte_never_panics_and_changes_the_digest() {
    let whole = plugin("transform", "mask", "1.0.0", &["log", "state"]);
    let digest = accepted(&whole).digest;
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        if let Ok(found) = inspect(&changed) {
            assert_ne!(found.digest, digest, "byte {at}");
        }
    }
}

#[test]
fn imports_beyond_the_manifest_the_kind_or_the_contract() {
    let undeclared = with_manifest(&bare("policy", &["clock"]), &manifest("policy", "x", "1.0.0"));
    let why = refused(&undeclared, "plugin-import-refused");
    assert!(why.contains("kafsh:host/clock@1.0.0") && why.contains("manifest"), "{why}");
    // A transform may keep state, a policy may not, whatever it declares.
    accepted(&plugin("transform", "dedupe", "1.0.0", &["state"]));
    let why = refused(&plugin("policy", "x", "1.0.0", &["state"]), "plugin-import-refused");
    assert!(why.contains("its kind"), "{why}");
    for import in ["wasi:filesystem/preopens@0.2.0", "kafsh:host/clock@2.0.0", "kafsh:host/x@1.0.0"]
    {
        let text = format!(
            r#"(component (import "{import}" (instance)) (instance $i)
                (export "kafsh:policy/policy@1.0.0" (instance $i)))"#
        );
        let bytes =
            with_manifest(&wat::parse_str(text).unwrap(), &manifest("policy", "x", "1.0.0"));
        let why = refused(&bytes, "plugin-import-refused");
        assert!(why.contains(import), "{why}");
    }
}

#[test]
fn kinds_and_versions_that_do_not_agree() {
    let exporting = |names: &[&str], manifest: &serde_json::Value| {
        let exports: String =
            names.iter().map(|name| format!("(export \"{name}\" (instance $i))")).collect();
        let text = format!("(component (instance $i) {exports})");
        with_manifest(&wat::parse_str(text).unwrap(), manifest)
    };
    let policy = manifest("policy", "x", "1.0.0");
    accepted(&exporting(&["kafsh:policy/policy@1.7.0"], &policy));
    let why = refused(&exporting(&["kafsh:policy/policy@2.0.0"], &policy), "plugin-wrong-world");
    assert!(why.contains("knows version 1"), "{why}");
    let two = exporting(&["kafsh:policy/policy@1.0.0", "kafsh:step/step@1.0.0"], &policy);
    assert!(refused(&two, "plugin-wrong-world").contains("one kind"));
    let why = refused(&exporting(&["kafsh:step/step@1.0.0"], &policy), "plugin-bad-manifest");
    assert!(why.contains("calls it a policy"), "{why}");
    for api in ["kafsh:step@1.0.0", "kafsh:policy@2.0.0", "kafsh:policy", "", "kafsh:policy@10.0"] {
        let mut said = policy.clone();
        said["api"] = json!(api);
        refused(&exporting(&["kafsh:policy/policy@1.0.0"], &said), "plugin-bad-manifest");
    }
}

#[test]
fn manifests_that_are_none() {
    let component = bare("transform", &["log"]);
    let said = |key: &str, value: serde_json::Value| {
        let mut said = manifest("transform", "mask", "1.0.0");
        said[key] = value;
        with_manifest(&component, &said)
    };
    accepted(&said("summary", json!("fine")));
    let long = "x".repeat(1_025);
    for (key, value) in [
        ("schema", json!(2)),
        ("schema", json!("1")),
        ("name", json!("../../etc/passwd")),
        ("name", json!("a/b")),
        ("name", json!("Mask")),
        ("name", json!("mask\u{1b}[2J")),
        ("name", json!("")),
        ("version", json!("")),
        ("version", json!("1 2")),
        ("kind", json!("sink")),
        ("summary", json!(long)),
        ("summary", json!(7)),
        ("authors", json!(vec!["a"; 65])),
        ("capabilities", json!([{ "name": "network" }])),
        ("capabilities", json!([{ "name": "clock" }, { "name": "clock" }])),
        ("capabilities", json!([{ "name": "clock", "scope": ["a*"] }])),
        ("capabilities", json!([{ "name": "cluster-read", "scope": ["a b"] }])),
        ("limits", json!({ "memory-mib": 0 })),
        ("limits", json!({ "memory-gib": 1 })),
        ("outputs", json!(["a/b"])),
        ("capabilities", json!([{ "name": "outputs", "scope": ["a"] }])),
        ("settings", json!([{ "name": "a b", "type": "text" }])),
        ("settings", json!([{ "name": "a", "type": "text" }, { "name": "a", "type": "text" }])),
    ] {
        let why = refused(&said(key, value.clone()), "plugin-bad-manifest");
        assert!(!why.contains('\u{1b}'), "{key} {value}: {why:?}");
    }
    for body in ["", "{", "[]", "null", "{\"schema\":1,\"schema\":1}"] {
        let bytes = with_section(&component, component::MANIFEST_SECTION, body.as_bytes());
        refused(&bytes, "plugin-bad-manifest");
    }
    let nested = "[".repeat(100_000);
    let bytes = with_section(&component, component::MANIFEST_SECTION, nested.as_bytes());
    refused(&bytes, "plugin-bad-manifest");
    let large = vec![b' '; (256 << 10) + 1];
    refused(&with_section(&component, component::MANIFEST_SECTION, &large), "plugin-bad-manifest");
    let twice = with_manifest(&said("license", json!("")), &manifest("transform", "b", "1.0.0"));
    assert!(refused(&twice, "plugin-bad-manifest").contains("more than one"));
}

#[test]
fn a_manifest_inside_a_nested_component_is_none() {
    let inner = with_manifest(&bare("policy", &[]), &manifest("policy", "x", "1.0.0"));
    assert!(!inner.is_empty());
    let text = r#"(component
        (component (@custom "kafsh-manifest" "{}"))
        (instance $i) (export "kafsh:policy/policy@1.0.0" (instance $i)))"#;
    refused(&wat::parse_str(text).unwrap(), "plugin-no-manifest");
}
