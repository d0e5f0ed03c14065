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
    CapabilityName::from_interface(interface).filter(|_| crate::inspect::same_track(import, &known))
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
