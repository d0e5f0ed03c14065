//! What a plugin was granted: what of its imports is linked, and how far it reaches.

use std::collections::BTreeMap;

use kafsh_model::glob::fits;
use kafsh_model::plugin::{Capability, CapabilityName, Manifest};

/// Capabilities with their scopes. What is given to all is always in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Globs; empty: all of it
    scopes: BTreeMap<CapabilityName, Vec<String>>,
}

impl Grants {
    /// Nothing beyond what is given to all.
    pub fn none() -> Self {
        Grants::default()
    }

    /// These capabilities within their scopes.
    pub fn of(capabilities: &[Capability]) -> Self {
        let scopes = capabilities.iter().map(|granted| (granted.name, granted.scope.clone()));
        Grants { scopes: scopes.collect() }
    }

    /// All that `manifest` asks for, as first-party plugins have it.
    pub fn all_of(manifest: &Manifest) -> Self {
        let outputs = manifest.asks_for_outputs();
        Grants::of(&manifest.capabilities.iter().cloned().chain(outputs).collect::<Vec<_>>())
    }

    pub fn has(&self, capability: CapabilityName) -> bool {
        capability.is_given_to_all() || self.scopes.contains_key(&capability)
    }

    /// Globs within which it holds; empty: everywhere.
    pub fn scope(&self, capability: CapabilityName) -> &[String] {
        self.scopes.get(&capability).map_or(&[], Vec::as_slice)
    }
}

/// Whether a record may be sent to the topic `name`.
pub(crate) fn may_send_to(grants: &Grants, name: &str) -> bool {
    let outputs = CapabilityName::Outputs;
    grants.has(outputs) && in_scope(grants.scope(outputs), name)
}

/// Whether `name` lies within `scope`; an empty one is all there is.
pub(crate) fn in_scope(scope: &[String], name: &str) -> bool {
    scope.is_empty() || scope.iter().any(|glob| fits(glob, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_and_settings_are_everybodys() {
        let scope = vec!["orders-*".to_owned()];
        let reason = String::new();
        let asked = Capability { name: CapabilityName::ClusterRead, scope, reason };
        let grants = Grants::of(&[asked]);
        assert!(grants.has(CapabilityName::Log) && Grants::none().has(CapabilityName::Settings));
        assert!(!grants.has(CapabilityName::Clock));
        let scope = grants.scope(CapabilityName::ClusterRead);
        assert!(in_scope(scope, "orders-eu") && !in_scope(scope, "payments"));
        assert!(in_scope(grants.scope(CapabilityName::Clock), "anything"));
        assert!(!may_send_to(&grants, "orders-eu"));
        let scope = vec!["orders-*".to_owned()];
        let outputs = Capability { name: CapabilityName::Outputs, scope, reason: String::new() };
        let grants = Grants::of(&[outputs]);
        assert!(may_send_to(&grants, "orders-eu") && !may_send_to(&grants, "payments"));
    }
}
