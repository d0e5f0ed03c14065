//! The manifest that a component carries: put together from what Cargo knows of the crate and from
//! the sections that the SDK leaves in its module, and read again from a component.

use std::fmt;

use kafsh_model::plugin::{
    Capability, CapabilityName, LimitRequest, MANIFEST_SCHEMA, Manifest, PluginKind, SettingSpec,
};
use serde::Deserialize;
use serde_json::Value;
use wasmparser::{Parser, Payload};

use crate::PackError;

/// Section of a component that holds its manifest as JSON.
pub const MANIFEST_SECTION: &str = "kafsh-manifest";

/// Sections of a module: `kafsh:policy@1.0.0 sdk 0.1.0`, and lists of settings as JSON, one list
/// after the other.
pub(crate) const API_SECTION: &str = "kafsh-api";
pub(crate) const SETTINGS_SECTION: &str = "kafsh-settings";

/// Largest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: usize = 256 * 1024;

/// Longest name of a plugin or a setting, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Interfaces of the host as components name them: `kafsh:host/clock@1.0.0`.
const HOST_PREFIX: &str = "kafsh:host/";

/// What a crate's `Cargo.toml` says of the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub kind: PluginKind,
    pub name: String,
    pub version: String,
    pub summary: String,
    pub authors: Vec<String>,
    pub license: String,
    pub repository: String,
    pub capabilities: Vec<Capability>,
    pub limits: LimitRequest,
    pub outputs: Vec<String>,
}

/// A package as `cargo metadata` lists it.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    description: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    license: Option<String>,
    repository: Option<String>,
    metadata: Option<Value>,
}

/// `[package.metadata.kafsh]`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Declared {
    kind: PluginKind,
    #[serde(default)]
    capabilities: Vec<Capability>,
    #[serde(default)]
    limits: LimitRequest,
    #[serde(default)]
    outputs: Vec<String>,
}

impl About {
    /// Of one of the `packages` that `cargo metadata --no-deps --format-version 1` lists; `None`
    /// where it has no `[package.metadata.kafsh]`, so is no plugin.
    ///
    /// # Errors
    /// What in `Cargo.toml` is wrong, in one sentence.
    pub fn from_cargo(package: &Value) -> Result<Option<About>, String> {
        let package = Package::deserialize(package).map_err(|e| format!("no package: {e}"))?;
        let Some(declared) = package.metadata.as_ref().and_then(|m| m.get("kafsh")) else {
            return Ok(None);
        };
        let place = "[package.metadata.kafsh]";
        let declared =
            Declared::deserialize(declared).map_err(|e| format!("`{place}` is wrong: {e}"))?;
        let description = package.description.unwrap_or_default();
        let summary = description.split_whitespace().collect::<Vec<_>>().join(" ");
        if summary.is_empty() {
            return Err("`description` in `[package]` is missing: it is what users read".into());
        }
        Ok(Some(About {
            name: plugin_name(&package.name, declared.kind),
            kind: declared.kind,
            version: package.version,
            summary,
            authors: package.authors,
            license: package.license.unwrap_or_default(),
            repository: package.repository.unwrap_or_default(),
            capabilities: declared.capabilities,
            limits: declared.limits,
            outputs: declared.outputs,
        }))
    }
}

/// What a plugin is called: its package's name, without `kafsh-KIND-`.
pub fn plugin_name(package: &str, kind: PluginKind) -> String {
    let prefix = format!("kafsh-{kind}-");
    package.strip_prefix(&prefix).unwrap_or(package).to_owned()
}

/// Why a component has no manifest that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// Not a component at all, or cut short
    NotAComponent(String),
    /// A component that says nothing of itself
    Missing,
    /// What is wrong with what it says
    Bad(String),
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManifestError::NotAComponent(why) => write!(f, "not a component: {why}"),
            ManifestError::Missing => {
                write!(f, "the component has no section `{MANIFEST_SECTION}`")
            }
            ManifestError::Bad(why) => write!(f, "the manifest is wrong: {why}"),
        }
    }
}

impl std::error::Error for ManifestError {}

pub(crate) fn compose(about: &About, api: &[u8], settings: &[u8]) -> Result<Manifest, PackError> {
    let wrong = |why: String| PackError::Manifest(why);
    let api = std::str::from_utf8(api).map_err(|e| wrong(e.to_string()))?;
    let (api, sdk) = api.split_once(" sdk ").ok_or_else(|| {
        wrong(format!("the module has no section `{API_SECTION}`: it was not built with the SDK"))
    })?;
    if kind_of(api) != Some(about.kind) {
        return Err(wrong(format!(
            "Cargo.toml says it is a {}, and it exports `{api}`",
            about.kind
        )));
    }
    let mut specs = Vec::new();
    for list in serde_json::Deserializer::from_slice(settings).into_iter::<Vec<SettingSpec>>() {
        specs.extend(list.map_err(|e| wrong(format!("section `{SETTINGS_SECTION}`: {e}")))?);
    }
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        name: about.name.clone(),
        version: about.version.clone(),
        kind: about.kind,
        api: api.into(),
        sdk: sdk.into(),
        summary: about.summary.clone(),
        authors: about.authors.clone(),
        license: about.license.clone(),
        repository: about.repository.clone(),
        capabilities: about.capabilities.clone(),
        limits: about.limits,
        settings: specs,
        outputs: about.outputs.clone(),
    };
    check(&manifest).map_err(wrong)?;
    Ok(manifest)
}

/// The kind whose contract is called `kafsh:KIND@…`.
fn kind_of(api: &str) -> Option<PluginKind> {
    let (package, _) = api.split_once('@')?;
    PluginKind::from_name(package.strip_prefix("kafsh:")?)
}

fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= NAME_BYTES_MAX
        && text.chars().all(good)
}

/// What the types of [`Manifest`] do not say.
fn check(manifest: &Manifest) -> Result<(), String> {
    if manifest.schema != MANIFEST_SCHEMA {
        let newer = "it was made for another version of kafsh";
        return Err(format!("schema {} is not {MANIFEST_SCHEMA}: {newer}", manifest.schema));
    }
    if !is_name(&manifest.name) {
        let shown = manifest.name.escape_debug();
        return Err(format!(
            "`{shown}` is no name for a plugin: a name is 1 to {NAME_BYTES_MAX} of a-z, 0-9 and \
             `-`, and begins with a letter"
        ));
    }
    if kind_of(&manifest.api) != Some(manifest.kind) {
        let api = manifest.api.escape_debug();
        return Err(format!("`{api}` is no contract of a {}", manifest.kind));
    }
    for (index, capability) in manifest.capabilities.iter().enumerate() {
        let name = capability.name;
        if manifest.capabilities[..index].iter().any(|other| other.name == name) {
            return Err(format!("capability `{}` is listed twice", name.name()));
        }
        if name == CapabilityName::Outputs {
            return Err(
                "`outputs` is no entry of `capabilities`: `outputs = [\"TOPIC\"]` beside it \
                        names where a transform sends to"
                    .to_string(),
            );
        }
        if !is_for(manifest.kind, name) {
            return Err(format!("capability `{}` is for no {}", name.name(), manifest.kind));
        }
        if name.is_given_to_all() {
            return Err(format!("capability `{}` needs no asking: all have it", name.name()));
        }
        if capability.reason.trim().is_empty() {
            return Err(format!("capability `{}` has no `reason`: users read it", name.name()));
        }
        if !capability.scope.is_empty() && !name.has_scope() {
            return Err(format!("capability `{}` has no scope", name.name()));
        }
    }
    for (index, setting) in manifest.settings.iter().enumerate() {
        if !is_name(&setting.name) {
            return Err(format!("`{}` is no name for a setting", setting.name.escape_debug()));
        }
        if manifest.settings[..index].iter().any(|other| other.name == setting.name) {
            return Err(format!("setting `{}` is declared twice", setting.name));
        }
    }
    if !manifest.outputs.is_empty() && manifest.kind != PluginKind::Transform {
        return Err(format!("`outputs` are for transforms, this is a {}", manifest.kind));
    }
    Ok(())
}

/// Whether plugins of `kind` can be given `capability`, as the worlds of `sdk/wit` have it.
fn is_for(kind: PluginKind, capability: CapabilityName) -> bool {
    match capability {
        CapabilityName::ClusterRead => kind == PluginKind::Policy,
        CapabilityName::State => kind == PluginKind::Transform,
        // They stand by themselves in a manifest.
        CapabilityName::Outputs => false,
        _ => true,
    }
}

/// Every capability that the component imports is one of its kind and declared.
pub(crate) fn check_capabilities(component: &[u8], manifest: &Manifest) -> Result<(), PackError> {
    let mut undeclared = Vec::new();
    for name in imported(component).map_err(PackError::Encoding)? {
        if !is_for(manifest.kind, name) {
            return Err(PackError::ForeignCapability(manifest.kind, name));
        }
        let is_declared = manifest.capabilities.iter().any(|declared| declared.name == name);
        if !name.is_given_to_all() && !is_declared {
            undeclared.push(name);
        }
    }
    match undeclared.is_empty() {
        true => Ok(()),
        false => Err(PackError::UndeclaredCapabilities(undeclared)),
    }
}

fn imported(component: &[u8]) -> Result<Vec<CapabilityName>, String> {
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| e.to_string())? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import.map_err(|e| e.to_string())?;
                    let host = import.name.name.strip_prefix(HOST_PREFIX);
                    let name = host.and_then(|rest| rest.split('@').next());
                    names.extend(name.and_then(CapabilityName::from_interface));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// `component` with a section that holds `manifest`. The component must have none yet.
pub fn add_manifest(component: &[u8], manifest: &Manifest) -> Vec<u8> {
    // Numbers, texts and lists of them: nothing that JSON could not hold.
    let json = serde_json::to_vec(manifest).unwrap_or_default();
    let mut body = Vec::with_capacity(json.len() + MANIFEST_SECTION.len() + 1);
    leb128(&mut body, MANIFEST_SECTION.len());
    body.extend_from_slice(MANIFEST_SECTION.as_bytes());
    body.extend_from_slice(&json);
    let mut whole = component.to_vec();
    // Section 0 is a custom one, in components as in modules.
    whole.push(0);
    leb128(&mut whole, body.len());
    whole.extend_from_slice(&body);
    whole
}

/// Appends `number` as Wasm writes numbers: seven bits a byte, the lowest first.
fn leb128(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push((number as u8) | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// The manifest of a component. Nothing is compiled for it.
///
/// # Errors
/// [`ManifestError`]; an unknown capability or setting type is [`ManifestError::Bad`].
pub fn read_manifest(component: &[u8]) -> Result<Manifest, ManifestError> {
    let not_one = |why: String| ManifestError::NotAComponent(why);
    if !Parser::is_component(component) {
        return Err(not_one("it does not begin as one".into()));
    }
    let mut found: Option<Vec<u8>> = None;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| not_one(e.to_string()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            // One of a component inside of this one is not its own.
            Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                if found.is_some() {
                    return Err(ManifestError::Bad("there are two of them".into()));
                }
                if section.data().len() > MANIFEST_BYTES_MAX {
                    let len = section.data().len();
                    let why = format!("it has {len} bytes, {MANIFEST_BYTES_MAX} are allowed");
                    return Err(ManifestError::Bad(why));
                }
                found = Some(section.data().to_vec());
            }
            _ => {}
        }
    }
    let json = found.ok_or(ManifestError::Missing)?;
    let manifest: Manifest =
        serde_json::from_slice(&json).map_err(|e| ManifestError::Bad(e.to_string()))?;
    check(&manifest).map_err(ManifestError::Bad)?;
    Ok(manifest)
}
