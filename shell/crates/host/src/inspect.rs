//! What is refused of a component before it is compiled, and what can be said of one that is not.

mod manifest;
mod outline;
mod report;

use std::borrow::Cow;
use std::fmt;

use kafsh_model::error::{Class, Error};
use wasmparser::Parser;

use crate::limits::COMPONENT_BYTES_MAX;
use crate::text::shown_within;
pub use manifest::{MANIFEST_SECTION, is_plugin_name, within_scope};
use outline::outline;
pub use report::{Inspected, SectionSize, inspect, lent_to};

/// Bytes of what is said of a refused component.
const REFUSAL_BYTES_MAX: usize = 1 << 10;

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
    /// Imported, but not asked for in the manifest
    Undeclared(String),
    WrongWorld(String),
    NoManifest,
    BadManifest(String),
}

impl Refusal {
    /// Stable, and whether it is a matter of trust or of a file that is no plugin.
    pub(crate) fn code(&self) -> (Class, &'static str) {
        match self {
            Refusal::TooLarge(_) => (Class::Failed, "plugin-too-large"),
            Refusal::Precompiled => (Class::Refused, "plugin-precompiled"),
            Refusal::NotComponent(_) => (Class::Failed, "plugin-not-component"),
            Refusal::Import(_) | Refusal::Undeclared(_) => {
                (Class::Refused, "plugin-import-refused")
            }
            Refusal::WrongWorld(_) => (Class::Failed, "plugin-wrong-world"),
            Refusal::NoManifest => (Class::Failed, "plugin-no-manifest"),
            Refusal::BadManifest(_) => (Class::Failed, "plugin-bad-manifest"),
        }
    }

    /// As an error that does not say yet which file it is about.
    fn error(&self) -> Error {
        let (class, code) = self.code();
        let error = Error::new(class, code, "the file is no plugin that can be used");
        error.with_cause(shown_within(&self.to_string(), REFUSAL_BYTES_MAX))
    }
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
            Refusal::Undeclared(name) => {
                write!(f, "it imports `{name}`, which its manifest does not ask for")
            }
            Refusal::WrongWorld(why) | Refusal::BadManifest(why) => f.write_str(why),
            Refusal::NoManifest => f.write_str(
                "it has no section `kafsh-manifest`, in which a plugin says what it is and asks for",
            ),
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
    let outline = outline(bytes)?;
    let known = |name: &str| world.imports.iter().any(|known| same_track(name, known));
    if let Some(other) = outline.imports.iter().find(|name| !known(name)) {
        return Err(Refusal::Import(other.clone()));
    }
    if outline.instances.iter().any(|name| same_track(name, world.export)) {
        return Ok(());
    }
    let (name, export) = (world.name, world.export);
    Err(Refusal::WrongWorld(format!("it is no `{name}`: it does not export `{export}`")))
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
