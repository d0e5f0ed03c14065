//! `state`: what outlives an instance. A call that fails leaves it as it was.

use std::collections::BTreeMap;

use kafsh_model::transform::State;

use super::host::state::Host;
use crate::guest::GuestState;
use crate::limits::{
    STATE_BYTES_MAX, STATE_ENTRY_BYTES, STATE_KEY_BYTES_MAX, STATE_VALUE_BYTES_MAX,
};

/// Entries, and what they were before the call that runs.
#[derive(Default)]
pub(crate) struct Kept {
    entries: State,
    bytes: usize,
    /// Of each key that this call has changed; `None`: it was not there. Bounded by what was there
    /// and what is.
    before: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

fn cost(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + STATE_ENTRY_BYTES
}

impl Kept {
    pub(crate) fn new(entries: State) -> Self {
        let bytes = entries.iter().map(|(key, value)| cost(key, value)).sum();
        Kept { entries, bytes, before: BTreeMap::new() }
    }

    pub(crate) fn entries(&self) -> &State {
        &self.entries
    }

    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), String> {
        if key.len() > STATE_KEY_BYTES_MAX {
            return Err(format!("a key has at most {STATE_KEY_BYTES_MAX} bytes"));
        }
        if value.len() > STATE_VALUE_BYTES_MAX {
            return Err(format!("a value has at most {STATE_VALUE_BYTES_MAX} bytes"));
        }
        let freed = self.entries.get(&key).map_or(0, |old| cost(&key, old));
        let bytes = self.bytes - freed + cost(&key, &value);
        if bytes > STATE_BYTES_MAX {
            return Err(format!("the state has at most {} MiB", STATE_BYTES_MAX >> 20));
        }
        self.bytes = bytes;
        let old = self.entries.insert(key.clone(), value);
        self.before.entry(key).or_insert(old);
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) {
        let Some(old) = self.entries.remove(key) else { return };
        self.bytes -= cost(key, &old);
        match self.before.get(key) {
            // It is as before again: nothing to remember.
            Some(None) => {
                self.before.remove(key);
            }
            Some(Some(_)) => {}
            None => {
                self.before.insert(key.to_vec(), Some(old));
            }
        }
    }

    /// The call succeeded.
    pub(crate) fn commit(&mut self) {
        self.before.clear();
    }

    /// The call failed: everything is as it was before it.
    pub(crate) fn roll_back(&mut self) {
        for (key, old) in std::mem::take(&mut self.before) {
            if let Some(new) = self.entries.remove(&key) {
                self.bytes -= cost(&key, &new);
            }
            if let Some(old) = old {
                self.bytes += cost(&key, &old);
                self.entries.insert(key, old);
            }
        }
    }
}

impl Host for GuestState {
    fn get(&mut self, key: Vec<u8>) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.kept.entries.get(&key).cloned())
    }

    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> wasmtime::Result<Result<(), String>> {
        Ok(self.kept.set(key, value))
    }

    fn delete(&mut self, key: Vec<u8>) -> wasmtime::Result<()> {
        self.kept.delete(&key);
        Ok(())
    }

    fn count(&mut self) -> wasmtime::Result<u32> {
        Ok(u32::try_from(self.kept.entries.len()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(entries: &[(&str, &str)]) -> State {
        entries
            .iter()
            .map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()))
            .collect()
    }

    #[test]
    fn a_failed_call_leaves_it_as_it_was() {
        let before = state(&[("a", "1"), ("b", "2")]);
        let mut kept = Kept::new(before.clone());
        let bytes = kept.bytes;
        kept.set(b"a".into(), b"changed".into()).unwrap();
        kept.set(b"a".into(), b"again".into()).unwrap();
        kept.delete(b"b");
        kept.set(b"b".into(), b"back".into()).unwrap();
        kept.set(b"new".into(), b"x".into()).unwrap();
        kept.set(b"gone".into(), b"x".into()).unwrap();
        kept.delete(b"gone");
        kept.delete(b"never there");
        assert!(!kept.before.contains_key(b"gone".as_slice()));
        kept.roll_back();
        assert_eq!((kept.entries(), kept.bytes), (&before, bytes));
        kept.set(b"a".into(), b"3".into()).unwrap();
        kept.commit();
        kept.roll_back();
        assert_eq!(kept.entries, state(&[("a", "3"), ("b", "2")]));
    }

    #[test]
    fn it_says_no_beyond_its_bounds() {
        let mut kept = Kept::default();
        assert!(kept.set(vec![0; STATE_KEY_BYTES_MAX + 1], vec![]).is_err());
        assert!(kept.set(vec![], vec![0; STATE_VALUE_BYTES_MAX + 1]).is_err());
        let fits = STATE_BYTES_MAX / (STATE_VALUE_BYTES_MAX + STATE_ENTRY_BYTES + 8);
        for number in 0..fits as u64 {
            kept.set(number.to_le_bytes().into(), vec![0; STATE_VALUE_BYTES_MAX]).unwrap();
        }
        assert!(kept.set(b"one more".into(), vec![0; STATE_VALUE_BYTES_MAX]).is_err());
        // Replacing takes no room.
        kept.set(0_u64.to_le_bytes().into(), vec![1; STATE_VALUE_BYTES_MAX]).unwrap();
        kept.delete(&0_u64.to_le_bytes());
        kept.set(b"one more".into(), vec![0; STATE_VALUE_BYTES_MAX]).unwrap();
    }
}
