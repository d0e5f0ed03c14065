//! What is refused of a component before it is compiled, and what can be said of one that is not.

mod manifest;
mod outline;
mod peek;
mod report;

use std::borrow::Cow;
use std::fmt;

use kafsh_model::error::{Class, Error};
use kafsh_model::plugin::{CapabilityName, Manifest, PluginKind};
use wasmparser::Parser;

use crate::capabilities::{asked_for, same_track};
use crate::grants::Grants;
use crate::limits::COMPONENT_BYTES_MAX;
use crate::text::shown_within;
pub(crate) use manifest::within_scope;
pub use manifest::{MANIFEST_SECTION, is_glob, is_plugin_name};
use outline::outline;
pub(crate) use peek::peek;
pub use report::{Inspected, SectionSize, inspect, lent_to};

/// Bytes of what is said of a refused component.
const REFUSAL_BYTES_MAX: usize = 1 << 10;

/// What a kind of plugin is.
pub(crate) struct World {
    /// `provisioning-step`, for messages
    pub(crate) name: &'static str,
    /// The interface of types that its functions speak of
    pub(crate) types: &'static str,
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
    /// Asked for, and not granted
    NotGranted(Vec<CapabilityName>),
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
            Refusal::NotGranted(_) => (Class::Refused, "plugin-not-granted"),
            Refusal::WrongWorld(_) => (Class::Failed, "plugin-wrong-world"),
            Refusal::NoManifest => (Class::Failed, "plugin-no-manifest"),
            Refusal::BadManifest(_) => (Class::Failed, "plugin-bad-manifest"),
        }
    }

    /// As an error that does not say yet which file it is about.
    pub(crate) fn error(&self) -> Error {
        let (class, code) = self.code();
        let error = Error::new(class, code, "the file is no plugin that can be used");
        let error = error.with_cause(shown_within(&self.to_string(), REFUSAL_BYTES_MAX));
        match self {
            Refusal::NotGranted(_) => error,
            Refusal::Undeclared(name) => error.with_evidence(match asked_for(name) {
                Some(capability) => format!(
                    "its author declares `{}` in `capabilities` of `[package.metadata.kafsh]`",
                    capability.name()
                ),
                None => "no capability stands for it".to_owned(),
            }),
            // Only who made the file can mend it: who knows the file names the command.
            _ => error,
        }
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
            Refusal::NotGranted(capabilities) => {
                let names = capabilities.iter().map(|name| format!("`{}`", name.name()));
                let names = names.collect::<Vec<_>>().join(", ");
                write!(f, "it asks for {names}, which it was not granted")
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

/// What a component may import.
#[derive(Clone, Copy)]
pub(crate) struct Allowed<'a> {
    pub(crate) kind: PluginKind,
    pub(crate) world: &'a World,
    pub(crate) manifest: &'a Manifest,
    pub(crate) grants: &'a Grants,
}

impl Allowed<'_> {
    /// Whether everything that is imported will be linked.
    pub(crate) fn check<'n>(self, imports: impl Iterator<Item = &'n str>) -> Result<(), Refusal> {
        let mut missing = Vec::new();
        for import in imports {
            if same_track(import, self.world.types) {
                continue;
            }
            let in_world = |asked: &CapabilityName| {
                asked.is_given_to_all() || lent_to(self.kind).contains(asked)
            };
            let asked = asked_for(import).filter(in_world);
            let Some(asked) = asked else { return Err(Refusal::Import(import.to_owned())) };
            let declared = self.manifest.capabilities.iter().any(|known| known.name == asked);
            if !declared && !asked.is_given_to_all() {
                return Err(Refusal::Undeclared(import.to_owned()));
            }
            if !self.grants.has(asked) {
                missing.push(asked);
            }
        }
        match missing.is_empty() {
            true => Ok(()),
            false => Err(Refusal::NotGranted(missing)),
        }
    }
}

/// What its sections say: well-formed, of this world, with the manifest that is known, importing
/// only what it may.
pub(crate) fn check_inside(bytes: &[u8], allowed: Allowed<'_>) -> Result<(), Refusal> {
    let world = allowed.world;
    let outline = outline(bytes)?;
    allowed.check(outline.imports.iter().map(String::as_str))?;
    if outline.instances.iter().any(|name| same_track(name, world.export)) {
        return Ok(());
    }
    let (name, export) = (world.name, world.export);
    Err(Refusal::WrongWorld(format!("it is no `{name}`: it does not export `{export}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::peek::tests::parsed;

    const WORLD: World = World { name: "test", types: "a:b/types@0.1.0", export: "a:b/step@0.1.0" };

    fn check(bytes: &[u8]) -> Result<(), Refusal> {
        let manifest = Manifest { name: "test".into(), ..parsed("").unwrap() };
        let grants = Grants::none();
        let kind = PluginKind::Step;
        let allowed = Allowed { kind, world: &WORLD, manifest: &manifest, grants: &grants };
        check_inside(bytes, allowed)
    }

    fn component(wat: &str) -> Vec<u8> {
        wat::parse_str(wat).unwrap()
    }

    #[test]
    fn outside_and_inside() {
        assert_eq!(check_outside(&component("(component)")), Ok(()));
        assert!(matches!(check_outside(b""), Err(Refusal::NotComponent(_))));
        let large = vec![0; COMPONENT_BYTES_MAX + 1];
        assert_eq!(check_outside(&large), Err(Refusal::TooLarge(large.len())));

        let good = component(
            r#"(component
                (import "a:b/types@0.1.3" (instance))
                (import "kafsh:host/log@1.7.0" (instance))
                (instance $i) (export "a:b/step@0.1.1" (instance $i)))"#,
        );
        assert_eq!(check(&good), Ok(()));
        let other = component(r#"(component (import "a:b/files@0.1.0" (instance)))"#);
        assert_eq!(check(&other), Err(Refusal::Import("a:b/files@0.1.0".into())));
        let inner = component(
            r#"(component (component (instance $i) (export "a:b/step@0.1.0" (instance $i))))"#,
        );
        assert!(matches!(check(&inner), Err(Refusal::WrongWorld(_))));
    }

    #[test]
    fn cut_short_anywhere_it_is_refused() {
        // Without names, so that the export is the last section.
        let whole = component(
            r#"(component (core module (memory 1)) (instance)
                (export "a:b/step@0.1.0" (instance 0)))"#,
        );
        for end in 8..whole.len() {
            assert!(check(&whole[..end]).is_err(), "{end} of {}", whole.len());
        }
        assert_eq!(check(&whole), Ok(()));
    }

    #[test]
    fn imports_are_declared_and_granted() {
        let clock = r#","capabilities":[{"name":"clock"},{"name":"state"}]"#;
        let (declares, silent) = (parsed(clock).unwrap(), parsed("").unwrap());
        let granted = Grants::all_of(&declares);
        let check = |manifest: &Manifest, grants: &Grants, import: &str| {
            let (kind, world) = (PluginKind::Step, &WORLD);
            Allowed { kind, world, manifest, grants }
                .check(["kafsh:host/log@1.0.0", import].into_iter())
        };
        let clock = "kafsh:host/clock@1.0.0";
        assert_eq!(check(&declares, &granted, clock), Ok(()));
        let refused = Err(Refusal::NotGranted(vec![CapabilityName::Clock]));
        assert_eq!(check(&declares, &Grants::none(), clock), refused);
        let refused = Err(Refusal::Undeclared(clock.into()));
        assert_eq!(check(&silent, &granted, clock), refused);
        // Not in the world of steps, whatever was granted; and none that there is.
        for import in ["kafsh:host/state@1.0.0", "kafsh:host/clock@2.0.0", "kafsh:host/files@1.0.0"]
        {
            let refused = Err(Refusal::Import(import.into()));
            assert_eq!(check(&declares, &granted, import), refused);
        }
    }
}
