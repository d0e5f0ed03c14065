//! What is refused of a component before it is compiled.

use std::borrow::Cow;
use std::fmt;

use wasmparser::{CanonicalFunction, CanonicalOption, ComponentExternalKind, Encoding, Parser};
use wasmparser::{Payload, WasmFeatures};

use crate::limits::COMPONENT_BYTES_MAX;

/// What a kind of plugin is.
pub(crate) struct World {
    /// `provisioning-step`, for messages
    pub(crate) name: &'static str,
    /// Interfaces that are linked
    pub(crate) imports: &'static [&'static str],
    /// The interface that it must have
    pub(crate) export: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooLarge(usize),
    Precompiled,
    NotComponent(Cow<'static, str>),
    Import(String),
    WrongWorld(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::TooLarge(bytes) => {
                write!(f, "it has {bytes} bytes, a plugin has at most {COMPONENT_BYTES_MAX}")
            }
            Refusal::Precompiled => {
                f.write_str("it is native code already, which nothing can hold in bounds")
            }
            Refusal::NotComponent(why) => f.write_str(why),
            Refusal::Import(name) => {
                write!(f, "it asks for `{name}`, which plugins of its kind are not given")
            }
            Refusal::WrongWorld(why) => f.write_str(why),
        }
    }
}

/// What can be said from the first bytes and the size.
pub(crate) fn check_outside(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(Refusal::TooLarge(bytes.len()));
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(Refusal::Precompiled);
    }
    if Parser::is_component(bytes) {
        return Ok(());
    }
    Err(Refusal::NotComponent(if Parser::is_core_wasm(bytes) {
        "it is a core module, not a component; `plugin build` makes one of it".into()
    } else {
        "it does not begin as a component".into()
    }))
}

/// What its sections say: well-formed, of this world, strings in UTF-8.
pub(crate) fn check_inside(bytes: &[u8], world: &World) -> Result<(), Refusal> {
    let damaged = |e: wasmparser::BinaryReaderError| {
        Refusal::NotComponent(format!("it is cut short or damaged: {e}").into())
    };
    let mut features = WasmFeatures::default();
    features.remove(WasmFeatures::THREADS | WasmFeatures::MEMORY64 | WasmFeatures::MULTI_MEMORY);
    wasmparser::Validator::new_with_features(features).validate_all(bytes).map_err(damaged)?;

    let mut depth = 0_usize;
    let mut exports = false;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    let name = import.map_err(damaged)?.name.name;
                    if !world.imports.iter().any(|known| same_track(name, known)) {
                        return Err(Refusal::Import(name.to_owned()));
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(damaged)?;
                    let is_instance = export.kind == ComponentExternalKind::Instance;
                    exports |= is_instance && same_track(export.name.name, world.export);
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    check_encoding(&function.map_err(damaged)?)?;
                }
            }
            _ => {}
        }
    }
    if exports {
        return Ok(());
    }
    let (name, export) = (world.name, world.export);
    Err(Refusal::WrongWorld(format!("it is no `{name}`: it does not export `{export}`")))
}

/// The other encodings have had the engine's gravest bugs, and no plugin needs them.
fn check_encoding(function: &CanonicalFunction) -> Result<(), Refusal> {
    let options = match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options
        }
        _ => return Ok(()),
    };
    let other = [CanonicalOption::UTF16, CanonicalOption::CompactUTF16];
    if options.iter().any(|option| other.contains(option)) {
        return Err(Refusal::WrongWorld("its strings are not in UTF-8".into()));
    }
    Ok(())
}

/// The same interface of the same major version (below 1.0: of the same minor one).
fn same_track(name: &str, known: &str) -> bool {
    let split = |name: &'_ str| -> Option<(String, String)> {
        let (interface, version) = name.split_once('@')?;
        let mut parts = version.splitn(3, '.');
        let (major, minor) = (parts.next()?, parts.next()?);
        let track = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
        Some((interface.to_owned(), track))
    };
    name == known || split(name).is_some_and(|name| Some(name) == split(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: World =
        World { name: "test", imports: &["a:b/log@0.1.0"], export: "a:b/step@0.1.0" };

    fn component(wat: &str) -> Vec<u8> {
        wat::parse_str(wat).unwrap()
    }

    #[test]
    fn versions_of_one_track_are_one_interface() {
        assert!(same_track("a:b/log@0.1.7", "a:b/log@0.1.0"));
        assert!(same_track("a:b/log@1.9.0", "a:b/log@1.2.0"));
        assert!(!same_track("a:b/log@0.2.0", "a:b/log@0.1.0"));
        assert!(!same_track("a:b/log@2.0.0", "a:b/log@1.0.0"));
        assert!(!same_track("a:b/logs@0.1.0", "a:b/log@0.1.0"));
        assert!(!same_track("log", "a:b/log@0.1.0"));
    }

    #[test]
    fn outside_and_inside() {
        assert_eq!(check_outside(&component("(component)")), Ok(()));
        assert!(matches!(check_outside(b""), Err(Refusal::NotComponent(_))));
        let large = vec![0; COMPONENT_BYTES_MAX + 1];
        assert_eq!(check_outside(&large), Err(Refusal::TooLarge(large.len())));

        let good = component(
            r#"(component
                (import "a:b/log@0.1.3" (instance))
                (instance $i) (export "a:b/step@0.1.1" (instance $i)))"#,
        );
        assert_eq!(check_inside(&good, &WORLD), Ok(()));
        let other = component(r#"(component (import "a:b/files@0.1.0" (instance)))"#);
        assert_eq!(check_inside(&other, &WORLD), Err(Refusal::Import("a:b/files@0.1.0".into())));
        let inner = component(
            r#"(component (component (instance $i) (export "a:b/step@0.1.0" (instance $i))))"#,
        );
        assert!(matches!(check_inside(&inner, &WORLD), Err(Refusal::WrongWorld(_))));
    }

    #[test]
    fn cut_short_anywhere_it_is_refused() {
        // Without names, so that the export is the last section.
        let whole = component(
            r#"(component (core module (memory 1)) (instance)
                (export "a:b/step@0.1.0" (instance 0)))"#,
        );
        for end in 8..whole.len() {
            assert!(check_inside(&whole[..end], &WORLD).is_err(), "{end} of {}", whole.len());
        }
        assert_eq!(check_inside(&whole, &WORLD), Ok(()));
    }
}
