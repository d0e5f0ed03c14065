//! What the export macros call. Nothing in here is for authors.

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
