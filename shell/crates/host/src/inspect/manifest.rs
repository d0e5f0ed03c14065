//! What a plugin says of itself, read and held against bounds before any of it is shown.

use kafsh_model::plugin::{Capability, CapabilityName, MANIFEST_SCHEMA, Manifest, PluginKind};
use serde_json::Value;

use super::Refusal;
use crate::text::is_hazardous;

/// The custom section of a component that holds its manifest, as JSON.
pub const MANIFEST_SECTION: &str = "kafsh-manifest";

/// Bytes of a manifest.
const MANIFEST_BYTES_MAX: usize = 256 << 10;
/// Bytes of a plugin's name; it names no file, but people read it.
const NAME_BYTES_MAX: usize = 63;
/// Bytes of a version.
const VERSION_BYTES_MAX: usize = 64;
/// Bytes of any other text of a manifest.
const TEXT_BYTES_MAX: usize = 1 << 10;
/// Authors, settings, values that a setting may have, globs of a scope, outputs: of each.
const LIST_MAX: usize = 64;
/// Bytes of a glob: what a topic's name may have.
const GLOB_BYTES_MAX: usize = 249;

/// Whether `name` may name a plugin: `[a-z][a-z0-9-]{0,62}`.
pub fn is_plugin_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    name.len() <= NAME_BYTES_MAX && begins && name.chars().all(plain)
}

/// Whether every name that matches one of `granted` matches one of `asked` too; no globs are all
/// names. It says no where it cannot tell.
pub(crate) fn within_scope(granted: &[String], asked: &[String]) -> bool {
    let narrower = |granted: &String| asked.iter().any(|asked| covers(asked, granted));
    asked.is_empty() || (!granted.is_empty() && granted.iter().all(narrower))
}

/// Whether `wide` matches all that `narrow` matches: its own wildcards taken as characters that
/// only `*` stands for.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    // Classic matching with one point to come back to: linear in the product of both lengths.
    let (mut w, mut n, mut star) = (0, 0, None);
    while n < narrow.len() {
        let same = |c: char| c == narrow[n] || (c == '?' && narrow[n] != '*');
        if w < wide.len() && wide[w] == '*' {
            star = Some((w, n));
            w += 1;
        } else if w < wide.len() && same(wide[w]) {
            w += 1;
            n += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (w, n) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    wide[w..].iter().all(|c| *c == '*')
}

/// Reads a manifest and checks all of it that needs no look at the component.
pub(super) fn read(bytes: &[u8]) -> Result<Manifest, Refusal> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        let length = bytes.len();
        return bad(format!("its manifest has {length} bytes, at most {MANIFEST_BYTES_MAX}"));
    }
    let not_read = |e: serde_json::Error| {
        Refusal::BadManifest(format!("its manifest cannot be understood: {e}"))
    };
    let value: Value = serde_json::from_slice(bytes).map_err(not_read)?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema == u64::from(MANIFEST_SCHEMA) => {}
        Some(schema) => {
            return bad(format!(
                "its manifest has schema {schema}, this kafsh knows {MANIFEST_SCHEMA}"
            ));
        }
        None => return bad("its manifest has no `schema`"),
    }
    // From the bytes again, since a value has forgotten keys that stood twice.
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(not_read)?;
    check_texts(&manifest)?;
    check_capabilities(&manifest.capabilities)?;
    check_settings(&manifest)?;
    let limits = manifest.limits;
    if [limits.memory_mib, limits.stack_kib, limits.call_ms].contains(&Some(0)) {
        return bad("its manifest asks for a limit of 0");
    }
    if !manifest.outputs.is_empty() && manifest.kind != PluginKind::Transform {
        return bad(format!("a {} has no outputs", manifest.kind));
    }
    check_globs("outputs", &manifest.outputs)?;
    Ok(manifest)
}

fn bad<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::BadManifest(why.into()))
}

fn check_texts(manifest: &Manifest) -> Result<(), Refusal> {
    if !is_plugin_name(&manifest.name) {
        let name = &manifest.name;
        return bad(format!(
            "its name `{name}` is none: a small letter, then small letters, digits and `-`, at \
             most {NAME_BYTES_MAX}"
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    let version = &manifest.version;
    let length = version.len();
    if !(1..=VERSION_BYTES_MAX).contains(&length) || !version.chars().all(plain) {
        return bad(format!("its version `{version}` is none"));
    }
    let texts = [&manifest.summary, &manifest.license, &manifest.repository, &manifest.sdk];
    let texts = texts.into_iter().chain(&manifest.authors).chain([&manifest.api]);
    check_each(texts)?;
    check_count("authors", manifest.authors.len())
}

fn check_each<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), Refusal> {
    for text in texts {
        let length = text.len();
        if length > TEXT_BYTES_MAX {
            return bad(format!(
                "a text of its manifest has {length} bytes, at most {TEXT_BYTES_MAX}"
            ));
        }
        if text.chars().any(is_hazardous) {
            return bad("a text of its manifest has control characters");
        }
    }
    Ok(())
}

fn check_count(what: &str, count: usize) -> Result<(), Refusal> {
    match count > LIST_MAX {
        true => bad(format!("its manifest has {count} {what}, at most {LIST_MAX}")),
        false => Ok(()),
    }
}

fn check_globs(what: &str, globs: &[String]) -> Result<(), Refusal> {
    check_count(what, globs.len())?;
    match globs.iter().find(|glob| !is_glob(glob)) {
        Some(glob) => bad(format!("`{glob}` in its {what} is no glob of topic names")),
        None => Ok(()),
    }
}

/// Whether `text` may be a glob of topic names: their characters, `*` and `?`.
pub fn is_glob(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-*?".contains(c);
    (1..=GLOB_BYTES_MAX).contains(&text.len()) && text.chars().all(plain)
}

fn check_capabilities(capabilities: &[Capability]) -> Result<(), Refusal> {
    for (index, capability) in capabilities.iter().enumerate() {
        let name = capability.name;
        if capabilities[..index].iter().any(|other| other.name == name) {
            return bad(format!("its manifest asks twice for `{}`", name.name()));
        }
        if name == CapabilityName::Outputs {
            return bad("its `outputs` stand by themselves, not among its capabilities");
        }
        if !capability.scope.is_empty() && !name.has_scope() {
            return bad(format!("`{}` has no scope", name.name()));
        }
        check_globs("scope", &capability.scope)?;
        check_each([&capability.reason])?;
    }
    Ok(())
}

fn check_settings(manifest: &Manifest) -> Result<(), Refusal> {
    check_count("settings", manifest.settings.len())?;
    for (index, setting) in manifest.settings.iter().enumerate() {
        let name = &setting.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.chars().all(plain) {
            return bad(format!("`{name}` is no name for a setting"));
        }
        if manifest.settings[..index].iter().any(|other| other.name == *name) {
            return bad(format!("its manifest has the setting `{name}` twice"));
        }
        check_count("values for a setting", setting.one_of.len())?;
        let texts = [&setting.doc].into_iter().chain(&setting.one_of).chain(&setting.default);
        check_each(texts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_that_lead_nowhere() {
        for good in ["a", "naming", "mask-fields", "x9"] {
            assert!(is_plugin_name(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "../x", "a/b", "A", "9a", "-a", "a_b", "a.b", "ä", "a\u{1b}", &long] {
            assert!(!is_plugin_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_scope_is_never_wider_than_what_was_asked() {
        let within =
            |granted: &[&str], asked: &[&str]| within_scope(&globs(granted), &globs(asked));
        assert!(within(&["orders-*"], &["orders-*"]));
        assert!(within(&["orders-eu-*", "orders-?"], &["orders-*"]));
        assert!(within(&["anything"], &[]), "no scope was asked: all of it");
        assert!(within(&[], &[]));
        assert!(within(&["a?c"], &["a*"]) && within(&["abc"], &["a?c"]));
        assert!(!within(&[], &["orders-*"]), "no globs are all names");
        assert!(!within(&["*"], &["orders-*"]));
        assert!(!within(&["order*"], &["orders-*"]));
        assert!(!within(&["a*"], &["a?"]), "`*` is not one character");
        assert!(!within(&["orders-*", "x"], &["orders-*"]));
        assert!(within(&["aXbYc*"], &["a*b*c*"]) && !within(&["aXbY"], &["a*b*c*"]));
    }
}
