//! What the export macros call. Nothing in here is for authors.

use crate::Result;
use crate::policy::{Request, Response};
use crate::settings::Spec;
use crate::transform::{Emitter, Record, Records};

/// Text of the section `kafsh-api`: contract, and the SDK that speaks it.
pub const STEP_API: &str = concat!("kafsh:step@1.0.0 sdk ", env!("CARGO_PKG_VERSION"));
pub const POLICY_API: &str = concat!("kafsh:policy@1.0.0 sdk ", env!("CARGO_PKG_VERSION"));
pub const TRANSFORM_API: &str = concat!("kafsh:transform@1.0.0 sdk ", env!("CARGO_PKG_VERSION"));

/// The bytes of `text` as the array that a custom section is made of.
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let (from, mut to) = (text.as_bytes(), [0; N]);
    let mut at = 0;
    while at < N {
        to[at] = from[at];
        at += 1;
    }
    to
}

/// The plugin's name: its package's, without `kafsh-KIND-`.
pub fn plugin_name(package: &str, kind: &str) -> String {
    let short = package.strip_prefix("kafsh-").and_then(|rest| rest.strip_prefix(kind));
    short.and_then(|rest| rest.strip_prefix('-')).unwrap_or(package).to_owned()
}

/// Tells the host the message and place of a panic before the trap, so that an author sees more
/// than "unreachable".
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        crate::bindings::host::kafsh::host::log::panicked(&info.to_string());
    }));
}

/// What authors' functions are, with settings and without.
pub type PolicyFn<S> = fn(&Request, &S) -> Result<Response>;
pub type PolicyFnBare = fn(&Request) -> Result<Response>;
pub type RecordFn<S> = fn(Record<'_>, &mut Emitter<'_>, &S) -> Result<()>;
pub type RecordFnBare = fn(Record<'_>, &mut Emitter<'_>) -> Result<()>;
pub type BatchFn<S> = fn(&Records, &mut Emitter<'_>, &S) -> Result<()>;
pub type BatchFnBare = fn(&Records, &mut Emitter<'_>) -> Result<()>;

/// The section `kafsh-settings` of `specs`: a list, as JSON.
pub const fn schema<const N: usize>(specs: &[Spec]) -> [u8; N] {
    let mut json = [0; N];
    write_schema(specs, &mut json);
    json
}

/// How many bytes [`schema`] makes.
pub const fn schema_len(specs: &[Spec]) -> usize {
    write_schema(specs, &mut [])
}

/// Writes as much as there is room for; says how long all of it is.
const fn write_schema(specs: &[Spec], to: &mut [u8]) -> usize {
    let mut at = raw(to, 0, "[");
    let mut index = 0;
    while index < specs.len() {
        let spec = &specs[index];
        at = raw(to, at, if index > 0 { ",{\"name\":" } else { "{\"name\":" });
        at = quoted(to, at, spec.name);
        at = raw(to, at, ",\"type\":");
        at = quoted(to, at, spec.kind.name());
        at = raw(to, at, if spec.list { ",\"list\":true" } else { "" });
        at = raw(to, at, if spec.required { ",\"required\":true" } else { "" });
        if let Some(default) = spec.default {
            at = raw(to, at, ",\"default\":");
            at = quoted(to, at, default);
        }
        at = raw(to, at, ",\"one-of\":[");
        let mut value = 0;
        while value < spec.one_of.len() {
            at = raw(to, at, if value > 0 { "," } else { "" });
            at = quoted(to, at, spec.one_of[value]);
            value += 1;
        }
        at = raw(to, at, "],\"doc\":");
        at = quoted(to, at, spec.doc);
        at = raw(to, at, "}");
        index += 1;
    }
    raw(to, at, "]")
}

const fn byte(to: &mut [u8], at: usize, byte: u8) -> usize {
    if at < to.len() {
        to[at] = byte;
    }
    at + 1
}

const fn raw(to: &mut [u8], mut at: usize, text: &str) -> usize {
    let mut index = 0;
    while index < text.len() {
        at = byte(to, at, text.as_bytes()[index]);
        index += 1;
    }
    at
}

const fn quoted(to: &mut [u8], mut at: usize, text: &str) -> usize {
    at = byte(to, at, b'"');
    let mut index = 0;
    while index < text.len() {
        match text.as_bytes()[index] {
            next @ (b'"' | b'\\') => {
                at = byte(to, at, b'\\');
                at = byte(to, at, next);
            }
            // A control character has no place in a line of text.
            0..=0x1f => at = byte(to, at, b' '),
            next => at = byte(to, at, next),
        }
        index += 1;
    }
    byte(to, at, b'"')
}

/// Leaves the section `kafsh-api` in the module.
#[doc(hidden)]
#[macro_export]
macro_rules! __api_section {
    ($api:ident) => {
        #[used]
        #[unsafe(link_section = "kafsh-api")]
        static API: [u8; $crate::rt::$api.len()] = $crate::rt::bytes($crate::rt::$api);
    };
}

/// What a plugin says of itself, from its `Cargo.toml`.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($info:path, $kind:literal) => {{
        use $info as Info;
        Info {
            name: $crate::rt::plugin_name(env!("CARGO_PKG_NAME"), $kind),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: env!("CARGO_PKG_DESCRIPTION").to_owned(),
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_by_its_package_without_the_prefix() {
        assert_eq!(plugin_name("kafsh-policy-naming", "policy"), "naming");
        assert_eq!(plugin_name("kafsh-step-naming", "policy"), "kafsh-step-naming");
        assert_eq!(plugin_name("mine", "policy"), "mine");
    }

    #[test]
    fn a_schema_is_json_that_says_what_is_declared() {
        const SPECS: &[Spec] = &[
            Spec {
                name: "max",
                kind: crate::settings::Kind::Integer,
                list: false,
                required: true,
                default: None,
                one_of: &[],
                doc: "a \"limit\" \\ bound",
            },
            Spec {
                name: "by",
                kind: crate::settings::Kind::Text,
                list: true,
                required: false,
                default: Some("key"),
                one_of: &["key", "field"],
                doc: "",
            },
        ];
        let section: [u8; schema_len(SPECS)] = schema(SPECS);
        let json: serde_json::Value = serde_json::from_slice(&section).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                { "name": "max", "type": "integer", "required": true, "one-of": [],
                  "doc": "a \"limit\" \\ bound" },
                { "name": "by", "type": "text", "list": true, "default": "key",
                  "one-of": ["key", "field"], "doc": "" },
            ])
        );
    }

    #[test]
    fn a_section_has_the_bytes_of_its_text() {
        const TEXT: &str = "kafsh";
        assert_eq!(bytes::<{ TEXT.len() }>(TEXT), *b"kafsh");
        let tail = format!("@1.0.0 sdk {}", env!("CARGO_PKG_VERSION"));
        for (api, kind) in
            [(STEP_API, "step"), (POLICY_API, "policy"), (TRANSFORM_API, "transform")]
        {
            assert_eq!(api, format!("kafsh:{kind}{tail}"));
        }
    }
}
