//! A host in miniature: settings and capabilities of one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::cluster::{Property, Topic};

/// Block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// Bounds of the capability `state`, in bytes.
const KEY_BYTES_MAX: usize = 512;
const VALUE_BYTES_MAX: usize = 64 * 1024;
const STATE_BYTES_MAX: usize = 16 * 1024 * 1024;

thread_local! {
    static CURRENT: RefCell<Host> = RefCell::new(Host::new());
}

pub(crate) fn with<T>(work: impl FnOnce(&mut Host) -> T) -> T {
    CURRENT.with_borrow_mut(work)
}

/// What the plugin under test is lent on this thread, from [`Host::set`] until the guard that it
/// gives is dropped. Without one everything is empty and the clock stands at 0.
///
/// ```
/// use kafsh_sdk::{clock, settings, state, testing};
///
/// let host = testing::Host::new().now(1_700_000_000_000).setting("max", "3").set();
/// assert_eq!(clock::now(), 1_700_000_000_000);
/// assert_eq!(settings::values("max"), ["3"]);
/// state::set(b"seen", b"1").unwrap();
/// assert_eq!(host.state()[b"seen".as_slice()], b"1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Host {
    settings: BTreeMap<String, Vec<String>>,
    secrets: BTreeMap<String, Vec<u8>>,
    pub(crate) now: u64,
    seed: u64,
    pub(crate) brokers: Vec<i32>,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) counters: BTreeMap<String, u64>,
}

impl Host {
    /// A host that lends everything, with nothing in it: no settings, no brokers, the clock at 0.
    pub fn new() -> Self {
        Host { seed: 1, ..Host::default() }
    }

    /// Gives a setting a value as it would be typed; again, one value more.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.entry(name.to_owned()).or_default().push(value.to_string());
        self
    }

    /// Gives a setting of the type [`Secret`](crate::settings::Secret) its bytes.
    pub fn secret(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.secrets.insert(name.to_owned(), bytes.as_ref().to_vec());
        self
    }

    /// ms since 1970-01-01 UTC. The clock stands still.
    pub fn now(mut self, ms: u64) -> Self {
        self.now = ms;
        self
    }

    /// What random numbers follow from; the same seed gives the same ones.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed | 1;
        self
    }

    /// Ids of the brokers that serve.
    pub fn brokers(mut self, ids: impl IntoIterator<Item = i32>) -> Self {
        self.brokers = ids.into_iter().collect();
        self
    }

    /// A topic of the cluster.
    pub fn topic(
        mut self,
        name: &str,
        partitions: u32,
        replication_factor: u32,
        configs: &[(&str, &str)],
    ) -> Self {
        let property = |(key, value): &(&str, &str)| Property {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let topic = Topic {
            name: name.to_owned(),
            partitions,
            replication_factor,
            configs: configs.iter().map(property).collect(),
            extras: Vec::new(),
        };
        self.topics.insert(name.to_owned(), topic);
        self
    }

    /// What an earlier instance kept.
    pub fn kept(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.state.insert(key.as_ref().to_vec(), value.as_ref().to_vec());
        self
    }

    /// Makes this the host of this thread.
    #[must_use = "the host goes when this is dropped"]
    pub fn set(self) -> Guard {
        Guard { before: Some(with(|current| std::mem::replace(current, self))) }
    }

    pub(crate) fn settings_of(&self, name: &str) -> Vec<String> {
        self.settings.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn secret_of(&self, name: &str) -> Option<Vec<u8>> {
        self.secrets.get(name).cloned()
    }

    /// xorshift64*: it has only to look random, and to be the same each time.
    pub(crate) fn random_bytes(&mut self, count: u32) -> Vec<u8> {
        let mut next = || {
            self.seed ^= self.seed >> 12;
            self.seed ^= self.seed << 25;
            self.seed ^= self.seed >> 27;
            (self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    pub(crate) fn set_state(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
            return Err(format!("a key of {} or value of {} bytes", key.len(), value.len()));
        }
        let old = self.state.insert(key.to_vec(), value.to_vec());
        let held: usize = self.state.iter().map(|(key, value)| key.len() + value.len()).sum();
        if held <= STATE_BYTES_MAX {
            return Ok(());
        }
        match old {
            Some(old) => self.state.insert(key.to_vec(), old),
            None => self.state.remove(key),
        };
        Err(format!("more than {STATE_BYTES_MAX} bytes"))
    }
}

/// The host of this thread, until it is dropped; then that before it.
pub struct Guard {
    before: Option<Host>,
}

impl Guard {
    /// What the plugin keeps.
    pub fn state(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        with(|host| host.state.clone())
    }

    /// What the plugin counted.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        with(|host| host.counters.clone())
    }

    /// Moves the clock on.
    pub fn advance(&self, ms: u64) {
        with(|host| host.now += ms);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            with(|host| *host = before);
        }
    }
}

/// RFC 2104.
pub(crate) fn hmac_sha256(secret: &[u8], data: &[u8]) -> Vec<u8> {
    let mut key = [0_u8; BLOCK];
    if secret.len() > BLOCK {
        key[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        key[..secret.len()].copy_from_slice(secret);
    }
    let inner = Sha256::new().chain_update(key.map(|byte| byte ^ 0x36)).chain_update(data);
    let outer = Sha256::new().chain_update(key.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics, random, settings, state};

    #[test]
    fn the_host_of_before_comes_back() {
        let outer = Host::new().setting("a", 1).set();
        {
            let _inner = Host::new().setting("a", 2).set();
            assert_eq!(settings::values("a"), ["2"]);
        }
        assert_eq!(settings::values("a"), ["1"]);
        metrics::add("dropped", 2);
        metrics::add("dropped", 1);
        assert_eq!(outer.counters()["dropped"], 3);
    }

    #[test]
    fn the_hmac_of_rfc_4231_case_2() {
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let _host = Host::new().secret("salt", "Jefe").set();
        let secret = settings::secret("salt").unwrap();
        assert_eq!(secret.hmac_sha256(b"what do ya want for nothing?"), mac);
    }

    #[test]
    fn state_has_its_bounds_and_numbers_repeat() {
        let host = Host::new().seed(7).kept("k", "old").set();
        let first = random::number();
        assert_eq!(state::set(&[0; 513], b"").unwrap_err().code(), "state-full");
        assert!(state::set(b"k", &[0; 65 * 1024]).is_err());
        assert_eq!((state::get(b"k"), state::count()), (Some(b"old".to_vec()), 1));
        state::delete(b"k");
        assert!(host.state().is_empty());
        let _again = Host::new().seed(7).set();
        assert_eq!(random::number(), first);
    }
}
