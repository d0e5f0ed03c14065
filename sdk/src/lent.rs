//! Capabilities: what the host lends a plugin that asks for it in `Cargo.toml`, and was granted it.
//!
//! ```toml
//! [package.metadata.kafsh]
//! kind = "transform"
//! capabilities = [{ name = "state", reason = "remembers the keys it has seen" }]
//! ```
//!
//! In native tests [`testing::Host`](crate::testing::Host) lends them.

#[cfg(target_arch = "wasm32")]
use crate::bindings::host::kafsh::host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::with;

/// Capability `clock`.
pub mod clock {
    /// ms since 1970-01-01 UTC; no finer.
    pub fn now() -> u64 {
        #[cfg(target_arch = "wasm32")]
        return super::host::clock::now();
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.now)
    }
}

/// Capability `random`.
pub mod random {
    /// At most 4 KiB at once; more ends the call.
    pub fn bytes(count: u32) -> Vec<u8> {
        #[cfg(target_arch = "wasm32")]
        return super::host::random::bytes(count);
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.random_bytes(count))
    }

    /// Any number, each as likely.
    pub fn number() -> u64 {
        bytes(8).iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

/// Capability `metrics`.
pub mod metrics {
    /// Adds to a counter that is shown when the work ends. At most 64 counters, names of
    /// `[a-z0-9_]{1,64}`; others are ignored.
    pub fn add(counter: &str, by: u64) {
        #[cfg(target_arch = "wasm32")]
        super::host::metrics::add(counter, by);
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| *host.counters.entry(counter.to_owned()).or_default() += by);
    }
}

/// Capability `cluster-read`, for policies. What lies outside of the scope granted is not there;
/// within one call nothing changes.
pub mod cluster {
    pub use crate::bindings::host::kafsh::host::cluster_read::{Property, Topic};

    impl Topic {
        /// A setting that differs from the broker's.
        pub fn config(&self, key: &str) -> Option<&str> {
            let found = self.configs.iter().find(|property| property.key == key);
            found.map(|property| property.value.as_str())
        }
    }

    /// Ids of the brokers that serve.
    pub fn brokers() -> Vec<i32> {
        #[cfg(target_arch = "wasm32")]
        return super::host::cluster_read::brokers();
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.brokers.clone())
    }

    /// Names of topics, in order.
    pub fn topics() -> Vec<String> {
        #[cfg(target_arch = "wasm32")]
        return super::host::cluster_read::topics();
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.topics.keys().cloned().collect())
    }

    /// A topic as it is now; `None` where there is none, or none that the grant covers.
    pub fn topic(name: &str) -> Option<Topic> {
        #[cfg(target_arch = "wasm32")]
        return super::host::cluster_read::get_topic(name);
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.topics.get(name).cloned())
    }
}

/// Capability `state`, for transforms: what outlives an instance, for each source partition. It is
/// kept together with the progress of the pipeline: both survive, or neither does.
pub mod state {
    use crate::{Error, Result};

    /// What was set last; `None` where nothing was, or it was deleted.
    pub fn get(key: &[u8]) -> Option<Vec<u8>> {
        #[cfg(target_arch = "wasm32")]
        return super::host::state::get(key);
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.state.get(key).cloned())
    }

    /// # Errors
    /// `state-full`: more than 512 bytes of key, 64 KiB of value or 16 MiB in all.
    pub fn set(key: &[u8], value: &[u8]) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        let answer = super::host::state::set(key, value);
        #[cfg(not(target_arch = "wasm32"))]
        let answer = super::with(|host| host.set_state(key, value));
        answer.map_err(|why| Error::new("state-full", why))
    }

    /// Forgets an entry; one that is not there is no error.
    pub fn delete(key: &[u8]) {
        #[cfg(target_arch = "wasm32")]
        super::host::state::delete(key);
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| drop(host.state.remove(key)));
    }

    /// Entries held.
    pub fn count() -> u32 {
        #[cfg(target_arch = "wasm32")]
        return super::host::state::count();
        #[cfg(not(target_arch = "wasm32"))]
        super::with(|host| host.state.len() as u32)
    }
}
