//! Components of every kind with the imports and the manifest that a test wants: they can be
//! inspected and installed; called, each of their functions traps.
#![allow(dead_code, reason = "each target uses its own part")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// The custom section that holds the manifest.
pub const MANIFEST_SECTION: &str = "kafsh-manifest";

/// The contract, whichever crate's tests include this.
fn contract() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = crate_folder.ancestors().map(|folder| folder.join("sdk/wit"));
    folders.find(|folder| folder.is_dir()).expect("the contract")
}

/// A component of `kind` that imports these interfaces of `kafsh:host`, without a manifest.
pub fn bare(kind: &str, imports: &[&str]) -> Vec<u8> {
    encoded(kind, imports, StringEncoding::UTF8)
}

/// The same with another encoding of its strings.
pub fn encoded(kind: &str, imports: &[&str], strings: StringEncoding) -> Vec<u8> {
    let mut resolve = Resolve::default();
    for package in ["host", kind] {
        resolve.push_dir(contract().join(package)).expect("a package of the contract");
    }
    let imports: String =
        imports.iter().map(|name| format!("import kafsh:host/{name}@1.0.0;")).collect();
    let world = format!(
        "package test:plugin; world plugin {{ {imports} export kafsh:{kind}/{kind}@1.0.0; }}"
    );
    let package = resolve.push_str("world.wit", &world).expect("a world");
    let world = resolve.select_world(&[package], None).expect("one world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, strings).expect("its types");
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).expect("a component")
}

/// What a plugin without needs says of itself.
pub fn manifest(kind: &str, name: &str, version: &str) -> Value {
    json!({
        "schema": 1, "name": name, "version": version, "kind": kind,
        "api": format!("kafsh:{kind}@1.0.0"), "summary": format!("A {kind} for tests"),
    })
}

/// A component with a custom section at its end.
pub fn with_section(component: &[u8], name: &str, body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    leb128(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(body);
    let mut whole = component.to_vec();
    whole.push(0);
    leb128(&mut whole, content.len());
    whole.extend(content);
    whole
}

fn leb128(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// A component with a manifest.
pub fn with_manifest(component: &[u8], manifest: &Value) -> Vec<u8> {
    with_section(component, MANIFEST_SECTION, manifest.to_string().as_bytes())
}

/// A plugin that asks for what it imports; `cluster-read` for topics `orders-*`.
pub fn plugin(kind: &str, name: &str, version: &str, imports: &[&str]) -> Vec<u8> {
    let mut manifest = manifest(kind, name, version);
    let asks = imports.iter().filter(|name| !["log", "settings"].contains(name));
    let ask = |name: &&str| match *name {
        "cluster-read" => json!({
            "name": name, "scope": ["orders-*"], "reason": "compares with the topics that exist",
        }),
        name => json!({ "name": name, "reason": format!("needs the {name}") }),
    };
    manifest["capabilities"] = asks.map(ask).collect();
    with_manifest(&bare(kind, imports), &manifest)
}
