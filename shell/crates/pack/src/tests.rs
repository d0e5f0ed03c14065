//! What is packed and what is refused.

use wit_component::StringEncoding;
use wit_parser::{Resolve, TypeDefKind};

use super::*;

const WIT: &str = r"
    package test:pack@0.1.0;
    interface out { say: func(); }
    interface other { say: func(); }
    world plugin { import out; export run: func(); }
";

fn module(wat: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("pack.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let utf8 = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    module
}

#[test]
fn a_module_of_the_contract_becomes_the_same_component_each_time() {
    let module = module(
        r#"(module (import "test:pack/out@0.1.0" "say" (func)) (func (export "run") call 0))"#,
    );
    let packed = pack(&module).unwrap();
    assert!(Parser::is_component(&packed.component));
    assert_eq!(packed.digest, Digest::of(&packed.component));
    assert_eq!(pack(&module).unwrap().component, packed.component);
}

#[test]
fn what_is_no_module() {
    let whole = module(r#"(module (func (export "run")))"#);
    let component = pack(&whole).unwrap().component;
    for bad in [b"".as_slice(), b"(module)", &whole[..whole.len() / 2], &component] {
        assert!(matches!(pack(bad), Err(PackError::NotAModule(_))), "{:?}", pack(bad).err());
    }
}

#[test]
fn a_module_without_contract() {
    let bare = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    assert_eq!(pack(&bare).unwrap_err(), PackError::NoContract);
}

#[test]
fn imports_outside_of_the_contract_are_named() {
    for (import, named) in [
        (r#""env" "exec""#, "env.exec"),
        (r#""wasi_snapshot_preview1" "fd_write""#, "wasi_snapshot_preview1.fd_write"),
        (r#""test:pack/other@0.1.0" "say""#, "test:pack/other@0.1.0"),
    ] {
        let module =
            module(&format!(r#"(module (import {import} (func)) (func (export "run") call 0))"#));
        assert_eq!(pack(&module).unwrap_err(), PackError::UndeclaredImport(named.into()));
    }
}

#[test]
fn an_export_that_is_missing_is_named() {
    let error = pack(&module("(module)")).unwrap_err();
    let PackError::Encoding(why) = &error else { panic!("{error:?}") };
    assert!(why.contains("run"), "{why}");
}

mod manifests {
    use kafsh_model::plugin::{CapabilityName, Manifest, PluginKind, SettingType};
    use serde_json::{Value, json};

    use super::*;

    const CONTRACT: &str = r"
        package kafsh:host@1.0.0;
        interface log { say: func(); }
        interface clock { now: func() -> u64; }
        interface state { count: func() -> u32; }
        world plugin { import log; import clock; import state; export run: func(); }
    ";

    const API: &str = "kafsh:policy@1.0.0 sdk 0.1.0";

    fn section(name: &str, text: &str) -> String {
        format!("(@custom {name:?} {text:?})")
    }

    /// A module that calls the interface and function named, with what the SDK leaves in it.
    fn plugin(import: Option<(&str, &str)>, api: &str, settings: &str) -> Vec<u8> {
        let (import, call) = match import {
            Some((interface, function)) => (
                format!(
                    r#"(import "kafsh:host/{interface}@1.0.0" "{function}" (func $f {}))"#,
                    match interface {
                        "clock" => "(result i64)",
                        "state" => "(result i32)",
                        _ => "",
                    }
                ),
                if interface == "log" { "call $f" } else { "call $f drop" },
            ),
            None => (String::new(), ""),
        };
        let mut sections = if api.is_empty() { String::new() } else { section("kafsh-api", api) };
        sections += &section("kafsh-settings", settings);
        let text = format!("(module {import} (func (export \"run\") {call}) {sections})");
        let mut module = wat::parse_str(&text).unwrap();
        let mut resolve = Resolve::default();
        let package = resolve.push_str("host.wit", CONTRACT).unwrap();
        let world = resolve.select_world(&[package], Some("plugin")).unwrap();
        let utf8 = StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
        module
    }

    fn package(kafsh: Value) -> Value {
        json!({ "name": "kafsh-policy-mine", "version": "1.2.3", "description": "Says\n  no",
                "authors": ["Kim"], "license": null, "repository": null,
                "metadata": { "kafsh": kafsh } })
    }

    fn about(kafsh: Value) -> About {
        About::from_cargo(&package(kafsh)).unwrap().unwrap()
    }

    fn policy() -> About {
        about(json!({ "kind": "policy" }))
    }

    #[test]
    fn a_manifest_is_made_of_cargo_and_sections_and_read_again() {
        let settings = r#"[{"name":"max","type":"integer","required":true,"one-of":[],"doc":"d"}]"#;
        // Of two structs with settings the linker makes two lists in one section.
        let settings = format!("{settings}[{}]", r#"{"name":"by","type":"text","doc":""}"#);
        let packed = pack_plugin(&plugin(Some(("log", "say")), API, &settings), &policy()).unwrap();
        let manifest = read_manifest(&packed.component).unwrap();
        assert_eq!(manifest, packed.manifest);
        assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("mine", "1.2.3"));
        assert_eq!((manifest.api.as_str(), manifest.sdk.as_str()), ("kafsh:policy@1.0.0", "0.1.0"));
        assert_eq!((manifest.kind, manifest.summary.as_str()), (PluginKind::Policy, "Says no"));
        let names: Vec<(&str, SettingType)> =
            manifest.settings.iter().map(|spec| (spec.name.as_str(), spec.kind)).collect();
        assert_eq!(names, [("max", SettingType::Integer), ("by", SettingType::Text)]);
        assert_eq!(packed.digest, Digest::of(&packed.component));
        wasmparser::Validator::new().validate_all(&packed.component).unwrap();
    }

    #[test]
    fn capabilities_are_declared_and_of_the_kind() {
        let clock = plugin(Some(("clock", "now")), API, "[]");
        let error = pack_plugin(&clock, &policy()).unwrap_err();
        assert_eq!(error, PackError::UndeclaredCapabilities(vec![CapabilityName::Clock]));
        assert!(error.to_string().contains(r#"name = "clock""#), "{error}");
        let asked = json!({ "kind": "policy",
                            "capabilities": [{ "name": "clock", "reason": "to tell the time" }] });
        assert!(pack_plugin(&clock, &about(asked)).is_ok());
        let state = plugin(Some(("state", "count")), API, "[]");
        assert_eq!(
            pack_plugin(&state, &policy()).unwrap_err(),
            PackError::ForeignCapability(PluginKind::Policy, CapabilityName::State)
        );
    }

    #[test]
    fn what_makes_no_manifest_is_told() {
        let told =
            |module: &[u8], about: &About| pack_plugin(module, about).unwrap_err().to_string();
        let good = plugin(None, API, "[]");
        assert!(told(&plugin(None, "", "[]"), &policy()).contains("kafsh-api"));
        let step = about(json!({ "kind": "step" }));
        assert!(told(&good, &step).contains("says it is a step"));
        assert!(told(&plugin(None, API, "[{]"), &policy()).contains("kafsh-settings"));
        for (kafsh, part) in [
            (json!({ "kind": "policy", "outputs": ["a"] }), "`outputs` are for transforms"),
            (json!({ "kind": "policy", "capabilities": [{ "name": "clock" }] }), "`reason`"),
            (
                json!({ "kind": "policy", "capabilities": [
                { "name": "log", "reason": "r" }] }),
                "all have it",
            ),
            (
                json!({ "kind": "policy", "capabilities": [
                { "name": "clock", "reason": "r", "scope": ["a"] }] }),
                "has no scope",
            ),
            (
                json!({ "kind": "policy", "capabilities": [
                { "name": "state", "reason": "r" }] }),
                "for no policy",
            ),
        ] {
            let told = told(&good, &about(kafsh.clone()));
            assert!(told.contains(part), "{kafsh}: {told}");
        }
        let mut unnamed = policy();
        unnamed.name = "Mine".into();
        assert!(told(&good, &unnamed).contains("`Mine` is no name"));
    }

    #[test]
    fn what_cargo_says_is_checked() {
        let read = |package: &Value| About::from_cargo(package);
        assert_eq!(read(&json!({ "name": "x", "version": "1.0.0" })), Ok(None));
        assert!(read(&package(json!({ "kind": "polcy" }))).unwrap_err().contains("polcy"));
        assert!(read(&package(json!({ "kind": "step", "x": 1 }))).unwrap_err().contains("`x`"));
        let mut bare = package(json!({ "kind": "step" }));
        bare["description"] = Value::Null;
        assert!(read(&bare).unwrap_err().contains("`description`"));
    }

    #[test]
    fn a_component_without_a_good_manifest() {
        let component = pack(&plugin(None, API, "[]")).unwrap().component;
        assert_eq!(read_manifest(&component), Err(ManifestError::Missing));
        assert!(matches!(read_manifest(b"\0asm"), Err(ManifestError::NotAComponent(_))));
        let whole = pack_plugin(&plugin(None, API, "[]"), &policy()).unwrap();
        let cut = &whole.component[..whole.component.len() - 9];
        assert!(matches!(read_manifest(cut), Err(ManifestError::NotAComponent(_))));
        let twice = add_manifest(&whole.component, &whole.manifest);
        assert!(matches!(read_manifest(&twice), Err(ManifestError::Bad(_))));
        let read = |manifest: &Manifest| read_manifest(&add_manifest(&component, manifest));
        let later = Manifest { schema: 2, ..whole.manifest.clone() };
        assert!(read(&later).unwrap_err().to_string().contains("another version of kafsh"));
        let huge = Manifest { summary: "x".repeat(300_000), ..whole.manifest };
        assert!(read(&huge).unwrap_err().to_string().contains("bytes"));
    }
}

/// Documentation that stands before an item of the contract.
fn told(docs: &wit_parser::Docs) -> bool {
    docs.contents.as_ref().is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn every_item_of_the_contract_is_documented() {
    let contract = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../sdk/wit");
    let mut resolve = Resolve::default();
    for package in ["host", "policy", "step", "transform"] {
        resolve.push_dir(contract.join(package)).unwrap();
    }
    let mut items = Vec::new();
    for (_, package) in &resolve.packages {
        items.push((package.name.to_string(), told(&package.docs)));
    }
    for (_, world) in &resolve.worlds {
        items.push((format!("world {}", world.name), told(&world.docs)));
    }
    for (_, interface) in &resolve.interfaces {
        let own = interface.name.as_deref().unwrap_or_default();
        items.push((format!("interface {own}"), told(&interface.docs)));
        for function in interface.functions.values() {
            items.push((format!("{own}.{}", function.name), told(&function.docs)));
        }
        for (name, id) in &interface.types {
            let ty = &resolve.types[*id];
            let inner: Vec<(&str, bool)> = match &ty.kind {
                TypeDefKind::Record(of) => {
                    of.fields.iter().map(|f| (&*f.name, told(&f.docs))).collect()
                }
                TypeDefKind::Variant(of) => {
                    of.cases.iter().map(|c| (&*c.name, told(&c.docs))).collect()
                }
                TypeDefKind::Enum(of) => {
                    of.cases.iter().map(|c| (&*c.name, told(&c.docs))).collect()
                }
                // What another interface brought: documented there.
                TypeDefKind::Type(_) => continue,
                _ => vec![],
            };
            items.push((format!("{own}.{name}"), told(&ty.docs)));
            items.extend(inner.into_iter().map(|(part, is)| (format!("{own}.{name}.{part}"), is)));
        }
    }
    assert!(items.len() > 200, "only {} items", items.len());
    let bare: Vec<&String> = items.iter().filter(|(_, is)| !is).map(|(name, _)| name).collect();
    assert!(bare.is_empty(), "without documentation: {bare:?}");
}
