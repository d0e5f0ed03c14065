//! The first-party plugins, embedded: an installed `kafsh` provisions without further files.
//!
//! The build script builds everything under `plugins/` for Wasm and makes components of it. They
//! use the same contract, limits and loader as anybody's plugins.

/// A plugin that travels inside the binary.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// `step`, `policy` or `transform`
    pub kind: &'static str,
    /// As its manifest has it, and users call it
    pub name: &'static str,
    /// Carries its manifest
    pub component: &'static [u8],
    /// SHA-256 of `component`, 64 hexadecimal digits
    pub digest: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

/// Every bundled plugin, ordered by kind and name.
pub fn plugins() -> &'static [Bundled] {
    PLUGINS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cluster up` cannot work without these.
    const STEPS: [&str; 5] = ["broker-layout", "launch", "preflight", "prove", "zookeeper-clean"];

    #[test]
    fn the_steps_of_cluster_up_are_here_once() {
        let steps: Vec<&str> =
            plugins().iter().filter(|plugin| plugin.kind == "step").map(|p| p.name).collect();
        for name in STEPS {
            assert_eq!(steps.iter().filter(|step| **step == name).count(), 1, "{name}: {steps:?}");
        }
    }

    #[test]
    fn each_carries_its_manifest() {
        for plugin in plugins() {
            let manifest = kafsh_pack::read_manifest(plugin.component).unwrap();
            assert_eq!((manifest.kind.name(), manifest.name.as_str()), (plugin.kind, plugin.name));
            assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"), "{}", plugin.name);
        }
    }

    #[test]
    fn digests_are_of_the_embedded_bytes() {
        for plugin in plugins() {
            let digest = kafsh_pack::Digest::of(plugin.component);
            assert_eq!(digest.as_str(), plugin.digest, "{}", plugin.name);
            assert_eq!(plugin.component[..4], *b"\0asm", "{}", plugin.name);
        }
    }
}
