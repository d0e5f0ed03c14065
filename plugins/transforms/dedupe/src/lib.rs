//! The transform `dedupe`: of records with the same key, or the same value of a field, only the
//! first passes. It remembers so many as it is told, for each source partition, and across
//! restarts.
//!
//! What is remembered is a ring in the state: `n` holds how many were ever remembered, `s` and a
//! number what was remembered then, `k` and what was remembered its number. `c` holds the size of
//! the ring: with another size its places are other ones.

use kafsh_sdk::json::{self, Path};
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Error, Result, Settings, state};

/// Most that can be remembered: with the longest keys that are kept as they are, it fits the state.
const COUNT_MAX: u32 = 100_000;

/// Keys longer than this are remembered by their hash, in bytes.
const KEY_BYTES_MAX: usize = 48;

const NEXT: &[u8] = b"n";
const SIZE: &[u8] = b"c";

#[derive(Clone, Debug, Settings)]
pub struct Memory {
    /// Field of the value that tells records apart; none: the key
    pub field: Option<String>,
    /// How many are remembered, at most 100000
    #[setting(default = "10000")]
    pub count: u32,
}

pub struct Dedupe {
    field: Option<Path>,
    count: u64,
}

#[transform]
impl Transform for Dedupe {
    type Settings = Memory;

    fn configure(settings: Memory) -> Result<Self> {
        if !(1..=COUNT_MAX).contains(&settings.count) {
            let message = format!("`count` is 1 to {COUNT_MAX}, not {}", settings.count);
            return Err(Error::new("bad-count", message));
        }
        let field = settings.field.as_deref().map(Path::parse).transpose()?;
        Ok(Dedupe { field, count: settings.count.into() })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        let told_by = match (&self.field, record.value()) {
            (None, _) => record.key(),
            (Some(path), Some(value)) => json::find(value, path)?,
            (Some(_), None) => None,
        };
        // What cannot be told apart is no duplicate.
        if let Some(bytes) = told_by {
            self.resize()?;
            let known = [b"k", short(bytes).as_slice()].concat();
            if state::get(&known).is_some() {
                return Ok(());
            }
            self.remember(&known)?;
        }
        out.emit(record);
        Ok(())
    }
}

impl Dedupe {
    /// Puts what was remembered in a ring of another size into one of this size: the oldest of
    /// what is too many is forgotten. Left where it was, nothing would ever forget it.
    fn resize(&self) -> Result<()> {
        let next = state::get(NEXT).and_then(|bytes| number(&bytes)).unwrap_or(0);
        let was = state::get(SIZE).and_then(|bytes| number(&bytes));
        if was == Some(self.count) {
            return Ok(());
        }
        // Before the size was kept nobody knows it: what lies beyond the end is looked for.
        let was = was.filter(|was| *was > 0).unwrap_or(next.clamp(1, COUNT_MAX.into()));
        let first = next.saturating_sub(was);
        let mut kept = Vec::new();
        for number in first..next {
            let at = place(number, was);
            if let Some(known) = state::get(&at) {
                state::delete(&at);
                kept.push((number, known));
            }
        }
        for (number, known) in kept {
            if next - number > self.count {
                state::delete(&known);
            } else {
                state::set(&place(number, self.count), &known)?;
            }
        }
        state::set(SIZE, &self.count.to_be_bytes())
    }

    fn remember(&self, known: &[u8]) -> Result<()> {
        let next = state::get(NEXT).and_then(|bytes| number(&bytes)).unwrap_or(0);
        let place = |number: u64| place(number, self.count);
        if let Some(oldest) = state::get(&place(next)) {
            state::delete(&oldest);
        }
        state::set(&place(next), known)?;
        state::set(known, b"")?;
        state::set(NEXT, &(next + 1).to_be_bytes())
    }
}

/// Where what was remembered as the `number`th stands, in a ring of `size`.
fn place(number: u64, size: u64) -> Vec<u8> {
    [b"s".as_slice(), &(number % size).to_be_bytes()].concat()
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// The bytes themselves after a 0, or of long ones length and FNV-1a of 128 bits after a 1.
fn short(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= KEY_BYTES_MAX {
        return [&[0], bytes].concat();
    }
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    let hash = bytes.iter().fold(BASIS, hash).to_be_bytes();
    [[1].as_slice(), &(bytes.len() as u64).to_be_bytes(), &hash].concat()
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing::{self, Host};

    use super::*;

    fn dedupe(field: Option<&str>, count: u32) -> Result<Dedupe> {
        Dedupe::configure(Memory { field: field.map(str::to_owned), count })
    }

    fn run(dedupe: &mut Dedupe, keys: &[&str]) -> Vec<String> {
        let records = testing::records("t");
        let records = keys.iter().fold(records, |records, key| records.keyed(key, "v"));
        testing::run(dedupe, records.build()).keys()
    }

    #[test]
    fn only_the_first_of_a_key_passes_in_any_batch_and_instance() {
        let _host = Host::new().set();
        assert_eq!(run(&mut dedupe(None, 10).unwrap(), &["a", "b", "a"]), ["a", "b"]);
        assert_eq!(run(&mut dedupe(None, 10).unwrap(), &["b", "c"]), ["c"]);
    }

    #[test]
    fn the_oldest_is_forgotten_and_memory_stays_bounded() {
        let host = Host::new().set();
        let mut two = dedupe(None, 2).unwrap();
        assert_eq!(run(&mut two, &["a", "b", "c", "b", "a"]), ["a", "b", "c", "a"]);
        run(&mut two, &["d", "e", "f", "g"]);
        assert_eq!(host.state().len(), 6);
    }

    #[test]
    fn a_smaller_ring_keeps_the_latest_and_a_larger_one_all() {
        let host = Host::new().set();
        run(&mut dedupe(None, 4).unwrap(), &["a", "b", "c", "d", "e"]);
        // `d` and `e` are left; the others were forgotten, and come as if for the first time.
        assert_eq!(run(&mut dedupe(None, 2).unwrap(), &["d", "e"]), Vec::<String>::new());
        assert_eq!(run(&mut dedupe(None, 2).unwrap(), &["b", "c"]), ["b", "c"]);
        assert_eq!(host.state().len(), 6);
        assert_eq!(run(&mut dedupe(None, 5).unwrap(), &["b", "c", "x", "y", "z"]), ["x", "y", "z"]);
        assert_eq!(run(&mut dedupe(None, 5).unwrap(), &["b", "c", "x", "y", "z"]).len(), 0);
        assert_eq!(host.state().len(), 12);
    }

    #[test]
    fn a_field_tells_records_apart_as_well() {
        let _host = Host::new().set();
        let records = testing::records("t")
            .value(r#"{"id": 1, "n": 1}"#)
            .value(r#"{"id": 1, "n": 2}"#)
            .value(r#"{"n": 3}"#)
            .value(r#"{"n": 4}"#)
            .value("{")
            .build();
        let ran = testing::run(&mut dedupe(Some("id"), 9).unwrap(), records);
        let sources: Vec<usize> = ran.records.iter().map(|record| record.source).collect();
        assert_eq!((sources, ran.codes()), (vec![0, 2, 3], vec!["bad-json"]));
    }

    #[test]
    fn long_keys_and_null_keys() {
        let _host = Host::new().set();
        let (one, other) = ("x".repeat(600), "y".repeat(600));
        assert_eq!(run(&mut dedupe(None, 9).unwrap(), &[&one, &other, &one]).len(), 2);
        let records = testing::records("t").value("1").value("2").build();
        assert_eq!(testing::run(&mut dedupe(None, 9).unwrap(), records).values(), ["1", "2"]);
    }

    #[test]
    fn a_count_without_sense_is_refused() {
        assert_eq!(dedupe(None, 0).err().unwrap().code(), "bad-count");
        assert_eq!(dedupe(None, COUNT_MAX + 1).err().unwrap().code(), "bad-count");
    }
}
