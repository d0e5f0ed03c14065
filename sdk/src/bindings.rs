//! Generated from `wit/`. Nothing in here is for authors.
//!
//! The host's interfaces are generated once and shared by all kinds. Each kind leaves the types
//! of its imports in every module that links the SDK, which costs nothing: an encoder drops what
//! is not called. The exports come with the `export_…!` macros alone.

/// What the host lends.
pub mod host {
    wit_bindgen::generate!({
        path: ["wit/host"],
        inline: "
            package kafsh:sdk;
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
        world: "kafsh:sdk/lent",
        pub_export_macro: true,
        default_bindings_module: "kafsh_sdk::bindings::host",
        additional_derives: [PartialEq],
        generate_all,
    });
}

pub mod step {
    wit_bindgen::generate!({
        path: ["wit/host", "wit/step"],
        world: "kafsh:step/provisioning-step",
        with: {
            "kafsh:host/log@1.0.0": crate::bindings::host::kafsh::host::log,
            "kafsh:host/settings@1.0.0": crate::bindings::host::kafsh::host::settings,
            "kafsh:host/clock@1.0.0": crate::bindings::host::kafsh::host::clock,
            "kafsh:host/random@1.0.0": crate::bindings::host::kafsh::host::random,
            "kafsh:host/metrics@1.0.0": crate::bindings::host::kafsh::host::metrics,
        },
        pub_export_macro: true,
        default_bindings_module: "kafsh_sdk::bindings::step",
        additional_derives: [PartialEq],
        generate_all,
    });
}

pub mod policy {
    wit_bindgen::generate!({
        path: ["wit/host", "wit/policy"],
        world: "kafsh:policy/topic-policy",
        with: {
            "kafsh:host/log@1.0.0": crate::bindings::host::kafsh::host::log,
            "kafsh:host/settings@1.0.0": crate::bindings::host::kafsh::host::settings,
            "kafsh:host/clock@1.0.0": crate::bindings::host::kafsh::host::clock,
            "kafsh:host/random@1.0.0": crate::bindings::host::kafsh::host::random,
            "kafsh:host/metrics@1.0.0": crate::bindings::host::kafsh::host::metrics,
            "kafsh:host/cluster-read@1.0.0": crate::bindings::host::kafsh::host::cluster_read,
        },
        pub_export_macro: true,
        default_bindings_module: "kafsh_sdk::bindings::policy",
        additional_derives: [PartialEq],
        generate_all,
    });
}

pub mod transform {
    wit_bindgen::generate!({
        path: ["wit/host", "wit/transform"],
        world: "kafsh:transform/record-transform",
        with: {
            "kafsh:host/log@1.0.0": crate::bindings::host::kafsh::host::log,
            "kafsh:host/settings@1.0.0": crate::bindings::host::kafsh::host::settings,
            "kafsh:host/clock@1.0.0": crate::bindings::host::kafsh::host::clock,
            "kafsh:host/random@1.0.0": crate::bindings::host::kafsh::host::random,
            "kafsh:host/metrics@1.0.0": crate::bindings::host::kafsh::host::metrics,
            "kafsh:host/state@1.0.0": crate::bindings::host::kafsh::host::state,
        },
        pub_export_macro: true,
        default_bindings_module: "kafsh_sdk::bindings::transform",
        additional_derives: [PartialEq],
        generate_all,
    });
}
