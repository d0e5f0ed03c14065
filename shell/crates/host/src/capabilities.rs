//! What the host lends: the interfaces of `sdk/wit/host`, each linked where it was granted.

pub mod contract {
    //! Generated from the contract; the kinds' worlds use these and make none of their own.
    wasmtime::component::bindgen!({
        path: "../../../sdk/wit/host",
        inline: "
            package kafsh:lent;
            world lent {
                import kafsh:host/log@1.0.0;
                import kafsh:host/settings@1.0.0;
                import kafsh:host/clock@1.0.0;
                import kafsh:host/random@1.0.0;
                import kafsh:host/metrics@1.0.0;
                import kafsh:host/cluster-read@1.0.0;
                import kafsh:host/state@1.0.0;
            }
        ",
        imports: { default: trappable },
        with: { "kafsh:host/settings.secret": crate::capabilities::settings::LentSecret },
    });
}

mod clock;
pub(crate) mod cluster_read;
mod log;
pub(crate) mod metrics;
pub(crate) mod random;
pub(crate) mod settings;
pub(crate) mod state;

pub use contract::kafsh::host;

use kafsh_model::plugin::CapabilityName;
use wasmtime::component::{HasSelf, Linker};

use crate::guest::GuestState;

/// The package of the contract's interfaces of capabilities.
const PACKAGE: &str = "kafsh:host/";
/// Its version that this host has.
const VERSION: &str = "1.0.0";

/// The capability that an import asks for; `None`: it is none of this host's.
pub(crate) fn asked_for(import: &str) -> Option<CapabilityName> {
    let (interface, _) = import.strip_prefix(PACKAGE)?.split_once('@')?;
    let known = format!("{PACKAGE}{interface}@{VERSION}");
    CapabilityName::from_interface(interface).filter(|_| same_track(import, &known))
}

/// The same interface of the same major version (below 1.0: of the same minor one).
pub(crate) fn same_track(name: &str, known: &str) -> bool {
    let split = |name: &'_ str| -> Option<(String, String)> {
        let (interface, version) = name.split_once('@')?;
        let mut parts = version.splitn(3, '.');
        let (major, minor) = (parts.next()?, parts.next()?);
        let track = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
        Some((interface.to_owned(), track))
    };
    name == known || split(name).is_some_and(|name| Some(name) == split(known))
}

/// Gives what is linked by `linker` one capability.
pub(crate) fn link(
    linker: &mut Linker<GuestState>,
    capability: CapabilityName,
) -> wasmtime::Result<()> {
    type Own = HasSelf<GuestState>;
    match capability {
        CapabilityName::Log => host::log::add_to_linker::<_, Own>(linker, |state| state),
        CapabilityName::Settings => host::settings::add_to_linker::<_, Own>(linker, |state| state),
        CapabilityName::Clock => host::clock::add_to_linker::<_, Own>(linker, |state| state),
        CapabilityName::Random => host::random::add_to_linker::<_, Own>(linker, |state| state),
        CapabilityName::Metrics => host::metrics::add_to_linker::<_, Own>(linker, |state| state),
        CapabilityName::ClusterRead => {
            host::cluster_read::add_to_linker::<_, Own>(linker, |state| state)
        }
        CapabilityName::State => host::state::add_to_linker::<_, Own>(linker, |state| state),
        // No interface: what comes back is held to it.
        CapabilityName::Outputs => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_track_are_one_interface() {
        assert!(same_track("a:b/log@0.1.7", "a:b/log@0.1.0"));
        assert!(same_track("a:b/log@1.9.0", "a:b/log@1.2.0"));
        assert!(!same_track("a:b/log@0.2.0", "a:b/log@0.1.0"));
        assert!(!same_track("a:b/log@2.0.0", "a:b/log@1.0.0"));
        assert!(!same_track("a:b/logs@0.1.0", "a:b/log@0.1.0"));
        assert!(!same_track("log", "a:b/log@0.1.0"));
    }
}
