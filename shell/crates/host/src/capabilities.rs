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

mod log;
pub(crate) mod settings;

pub use contract::kafsh::host;
