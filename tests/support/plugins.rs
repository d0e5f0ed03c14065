//! A folder of plugins for tests of the commands of `plugin`: good ones, and ones that are refused.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::component::{bare, manifest, plugin, with_manifest};

/// Fills `folder` with what the scripts of `tests/scripts/plugin` install.
pub fn fill(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a plugin");
    };
    let quiet = plugin("transform", "quiet", "1.0.0", &["log"]);
    write("plugins/quiet.wasm", &quiet);
    write("one/quiet.wasm", &quiet);
    write("two/a.wasm", &quiet);
    write("two/b.wasm", &quiet);
    write("empty/README", b"no plugin\n");
    write("crate/Cargo.toml", b"[package]\nname = \"kafsh-transform-quiet\"\n");
    write("crate/target/plugin/quiet.wasm", &quiet);
    let one = ["log", "clock", "cluster-read"];
    write("plugins/house-rules-1.wasm", &plugin("policy", "house-rules", "1.0.0", &one));
    let two = ["log", "clock", "cluster-read", "random"];
    let newer = plugin("policy", "house-rules", "1.1.0", &two);
    write("plugins/house-rules-2.wasm", &newer);
    write("house-rules.wasm", &newer);
    write("plugins/launch.wasm", &plugin("step", "launch", "9.0.0", &[]));
    let undeclared = with_manifest(&bare("policy", &["clock"]), &manifest("policy", "x", "1.0.0"));
    write("plugins/beyond.wasm", &undeclared);
    write("plugins/module.wasm", b"\0asm\x01\0\0\0");
    let mut outside = manifest("policy", "x", "1.0.0");
    outside["name"] = json!("../../bin/sh");
    write("plugins/traversal.wasm", &with_manifest(&bare("policy", &[]), &outside));
    let mut odd = manifest("policy", "odd", "1.0.0");
    odd["summary"] = json!("\u{1b}[2Jnothing\r\nto \u{202e}see");
    odd["authors"] = json!(["Kim\u{1b}]0;title\u{7}"]);
    odd["capabilities"] = json!([{ "name": "clock", "reason": "\u{1b}[1A\u{1b}[2Kyes" }]);
    write("plugins/odd.wasm", &with_manifest(&bare("policy", &["clock"]), &odd));
}
