//! A core Wasm module, built with the SDK, made a component with its digest.
//!
//! The only place that knows wit-component: the build of the bundled plugins, `plugin build` and
//! the tests all come here, so every plugin is encoded in the same way and no external tool is
//! needed.

mod digest;
mod manifest;
pub mod toolchain;

use std::fmt;

pub use digest::Digest;
use kafsh_model::plugin::{CapabilityName, Manifest, PluginKind};
pub use manifest::{
    About, MANIFEST_SECTION, ManifestError, add_manifest, plugin_name, read_manifest,
};
use wasmparser::{Parser, Payload};

/// Section in which the SDK leaves the types of its contract; encoders append a name to it.
const COMPONENT_TYPE_SECTION: &str = "component-type";

/// A component, ready to be shipped.
#[derive(Clone, Debug)]
pub struct Packed {
    pub component: Vec<u8>,
    /// SHA-256 of `component`
    pub digest: Digest,
}

/// A plugin as it is installed: a component that carries its manifest.
#[derive(Clone, Debug)]
pub struct PackedPlugin {
    pub component: Vec<u8>,
    /// SHA-256 of `component`
    pub digest: Digest,
    pub manifest: Manifest,
}

/// Why a module cannot be made a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackError {
    /// Not a core module: text, a component already, cut short, …
    NotAModule(String),
    /// Has no types of a contract: it was not built with the SDK
    NoContract,
    /// Imports what its contract does not have (`interface`, or `module.field` where it is none)
    UndeclaredImport(String),
    /// Everything else that the encoder refuses
    Encoding(String),
    /// Calls capabilities that its `Cargo.toml` does not ask for
    UndeclaredCapabilities(Vec<CapabilityName>),
    /// Calls a capability that plugins of its kind never have
    ForeignCapability(PluginKind, CapabilityName),
    /// What its `Cargo.toml` and its sections say makes no manifest
    Manifest(String),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackError::NotAModule(why) => write!(f, "not a core Wasm module: {why}"),
            PackError::NoContract => f.write_str(
                "the module has no `component-type` section: it was not built with `kafsh-sdk`, \
                 or exports nothing with it",
            ),
            PackError::UndeclaredImport(name) => {
                write!(f, "the module imports `{name}`, which its contract does not have")
            }
            PackError::Encoding(why) => write!(f, "the module cannot be made a component: {why}"),
            PackError::UndeclaredCapabilities(names) => {
                let each = |shape: &dyn Fn(&str) -> String, between: &str| {
                    let all = names.iter().map(|name| shape(name.name()));
                    all.collect::<Vec<_>>().join(between)
                };
                let used = each(&|name| format!("`{name}`"), ", ");
                let noun = if names.len() == 1 { "capability" } else { "capabilities" };
                let entries =
                    each(&|name| format!("{{ name = \"{name}\", reason = \"…\" }}"), ", ");
                write!(
                    f,
                    "the plugin uses the {noun} {used} and does not ask for it: add `{entries}` to \
                     `capabilities` in `[package.metadata.kafsh]` of its Cargo.toml"
                )
            }
            PackError::ForeignCapability(kind, name) => {
                write!(f, "the plugin uses the capability `{}`, which no {kind} has", name.name())
            }
            PackError::Manifest(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for PackError {}

/// Makes a component of `core_module` and validates it.
///
/// The same module gives the same bytes.
///
/// # Errors
/// [`PackError`] says what is wrong with the module.
pub fn pack(core_module: &[u8]) -> Result<Packed, PackError> {
    let outline = outline(core_module)?;
    if !outline.has_contract {
        return Err(PackError::NoContract);
    }
    let (_, bindings) =
        wit_component::metadata::decode(core_module).map_err(|e| encoding_error(&e))?;
    let world = &bindings.resolve.worlds[bindings.world];
    let declared: Vec<String> =
        world.imports.keys().map(|key| bindings.resolve.name_world_key(key)).collect();
    for (module, field) in &outline.imports {
        if !declared.contains(module) {
            let is_interface = module.contains('/');
            let name = if is_interface { module.clone() } else { format!("{module}.{field}") };
            return Err(PackError::UndeclaredImport(name));
        }
    }
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core_module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|e| encoding_error(&e))?;
    let digest = Digest::of(&component);
    Ok(Packed { component, digest })
}

/// [`pack`], with a manifest of what `about` and the sections of the SDK say.
///
/// # Errors
/// As [`pack`]; and where the plugin uses what it does not declare, or its parts disagree.
pub fn pack_plugin(core_module: &[u8], about: &About) -> Result<PackedPlugin, PackError> {
    let packed = pack(core_module)?;
    let outline = outline(core_module)?;
    let manifest = manifest::compose(about, &outline.api, &outline.settings)?;
    manifest::check_capabilities(&packed.component, &manifest)?;
    let component = add_manifest(&packed.component, &manifest);
    let digest = Digest::of(&component);
    Ok(PackedPlugin { component, digest, manifest })
}

/// What of a module decides before it is encoded.
#[derive(Default)]
struct Outline {
    has_contract: bool,
    /// Module and field
    imports: Vec<(String, String)>,
    /// What the SDK left in `kafsh-api` and `kafsh-settings`
    api: Vec<u8>,
    settings: Vec<u8>,
}

fn outline(bytes: &[u8]) -> Result<Outline, PackError> {
    let not_a_module = |why: &dyn fmt::Display| PackError::NotAModule(why.to_string());
    if Parser::is_component(bytes) {
        return Err(PackError::NotAModule("it is a component already".into()));
    }
    if !Parser::is_core_wasm(bytes) {
        return Err(PackError::NotAModule("it does not begin as one".into()));
    }
    let mut outline = Outline::default();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|e| not_a_module(&e))? {
            Payload::CustomSection(section) => {
                outline.has_contract |= section.name().starts_with(COMPONENT_TYPE_SECTION);
                match section.name() {
                    manifest::API_SECTION => outline.api.extend(section.data()),
                    manifest::SETTINGS_SECTION => outline.settings.extend(section.data()),
                    _ => {}
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(|e| not_a_module(&e))?;
                    outline.imports.push((import.module.into(), import.name.into()));
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

/// The whole chain in one line: the outermost message alone says little.
fn encoding_error(error: &impl fmt::Debug) -> PackError {
    let text = format!("{error:?}");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    PackError::Encoding(lines.join(" "))
}

#[cfg(test)]
mod tests;
