//! What a component is and asks for, from its bytes alone: nothing of it is compiled or run.

use kafsh_model::error::Result;
use kafsh_model::plugin::{Capability, CapabilityName, Manifest, PluginKind};
use kafsh_pack::Digest;

use super::{Refusal, check_outside, manifest, outline};

/// Major version of the contract that this host speaks.
const API_MAJOR: &str = "1";

/// A plugin that may be installed.
#[derive(Clone, Debug)]
pub struct Inspected {
    pub digest: Digest,
    /// Size of the file
    pub bytes: u64,
    pub kind: PluginKind,
    pub manifest: Manifest,
    /// Interfaces that it imports: what it asks for, whatever it says
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// What it imports and has to be granted, with the scope and reason of its manifest
    pub capabilities: Vec<Capability>,
    /// Declared in its manifest but not imported: nothing to grant
    pub unused: Vec<CapabilityName>,
    pub sections: Vec<SectionSize>,
}

/// What the sections of one name weigh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionSize {
    /// `code`, `data`, `custom name`, …; safe to be printed
    pub name: String,
    pub bytes: u64,
}

/// What plugins of a kind may be given, beside the log and their settings.
pub fn lent_to(kind: PluginKind) -> &'static [CapabilityName] {
    use CapabilityName::{Clock, ClusterRead, Metrics, Random, State};
    match kind {
        PluginKind::Step => &[Clock, Random, Metrics],
        PluginKind::Policy => &[Clock, Random, Metrics, ClusterRead],
        PluginKind::Transform => &[Clock, Random, Metrics, State],
    }
}

/// Looks into a component; takes time and memory in proportion to its bounded size.
///
/// # Errors
/// `plugin-too-large`, `plugin-precompiled`, `plugin-not-component`, `plugin-wrong-world`,
/// `plugin-import-refused`, `plugin-no-manifest`, `plugin-bad-manifest`. The message does not name
/// the file: the caller knows it.
pub fn inspect(bytes: &[u8]) -> Result<Inspected> {
    look(bytes).map_err(|refusal| refusal.error())
}

fn look(bytes: &[u8]) -> Result<Inspected, Refusal> {
    check_outside(bytes)?;
    let outline = outline(bytes)?;
    let kind = kind_of(&outline.instances)?;
    let manifest = match outline.manifests.as_slice() {
        [one] => manifest::read(&bytes[one.clone()])?,
        [] => return Err(Refusal::NoManifest),
        _ => return Err(Refusal::BadManifest("it has more than one manifest".into())),
    };
    check_agreement(&manifest, kind)?;
    let mut capabilities = Vec::new();
    for import in &outline.imports {
        capabilities.extend(asked_for(import, kind, &manifest)?);
    }
    capabilities.extend(manifest.asks_for_outputs());
    capabilities.sort();
    let imported = |name: CapabilityName| capabilities.iter().any(|c: &Capability| c.name == name);
    let declared = manifest.capabilities.iter().map(|capability| capability.name);
    let unused = declared.filter(|name| !name.is_given_to_all() && !imported(*name)).collect();
    let section = |(name, bytes)| SectionSize { name, bytes };
    Ok(Inspected {
        digest: Digest::of(bytes),
        bytes: bytes.len() as u64,
        kind,
        unused,
        manifest,
        imports: outline.imports,
        exports: outline.exports,
        capabilities,
        sections: outline.sections.into_iter().map(section).collect(),
    })
}

/// `kafsh:policy/policy@1.0.0` as its package, interface and major version.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (path, version) = name.split_once('@')?;
    let (package, interface) = path.split_once('/')?;
    let major = version.split_once('.').map_or(version, |(major, _)| major);
    Some((package.strip_prefix("kafsh:")?, interface, major))
}

/// The one kind whose interface it exports.
fn kind_of(instances: &[String]) -> Result<PluginKind, Refusal> {
    let mut found = None;
    for name in instances {
        let Some((package, interface, major)) = parts(name) else { continue };
        let Some(kind) = PluginKind::from_name(package).filter(|_| package == interface) else {
            continue;
        };
        if major != API_MAJOR {
            return Err(Refusal::WrongWorld(format!(
                "it exports `{name}`, this kafsh knows version {API_MAJOR} of that contract"
            )));
        }
        if let Some(other) = found.replace(kind) {
            return Err(Refusal::WrongWorld(format!(
                "it is a {other} and a {kind}: a plugin is of one kind"
            )));
        }
    }
    found.ok_or_else(|| {
        Refusal::WrongWorld("it is no step, policy or transform: it exports none of them".into())
    })
}

fn check_agreement(manifest: &Manifest, kind: PluginKind) -> Result<(), Refusal> {
    if manifest.kind != kind {
        let said = manifest.kind;
        let why = format!("its manifest calls it a {said}, but it exports a {kind}");
        return Err(Refusal::BadManifest(why));
    }
    let api = &manifest.api;
    let major = api
        .strip_prefix(&format!("kafsh:{kind}@"))
        .map(|version| version.split_once('.').map_or(version, |(major, _)| major));
    if major == Some(API_MAJOR) {
        return Ok(());
    }
    let why = format!("its manifest names the contract `{api}`, it exports `kafsh:{kind}` 1");
    Err(Refusal::BadManifest(why))
}

/// The capability behind an import; `None`: every plugin has it, or it brings types alone.
fn asked_for(
    import: &str,
    kind: PluginKind,
    manifest: &Manifest,
) -> Result<Option<Capability>, Refusal> {
    let refused = || Refusal::Import(import.to_owned());
    let (package, interface, major) = parts(import).ok_or_else(refused)?;
    if major != API_MAJOR {
        return Err(refused());
    }
    if package == kind.name() && interface == "types" {
        return Ok(None);
    }
    let name = CapabilityName::from_interface(interface).filter(|_| package == "host");
    let name = name.ok_or_else(refused)?;
    if name.is_given_to_all() {
        return Ok(None);
    }
    if !lent_to(kind).contains(&name) {
        return Err(refused());
    }
    match manifest.capabilities.iter().find(|capability| capability.name == name) {
        Some(declared) => Ok(Some(declared.clone())),
        None => Err(Refusal::Undeclared(import.to_owned())),
    }
}
