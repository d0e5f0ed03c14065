//! `random`: bytes of the operating system, or the same ones each time where runs are to be alike.

use super::host::random::Host;
use crate::guest::{GuestState, LimitReached};
use crate::limits::RANDOM_BYTES_MAX;

/// A generator with a fixed beginning (SplitMix64), for tests of plugins and nothing else.
pub(crate) struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Dice(0x6b61_6673_6800_0001)
    }
}

impl Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Host for GuestState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        if count > RANDOM_BYTES_MAX {
            return Err(wasmtime::Error::new(LimitReached {
                what: "random bytes at once",
                limit: RANDOM_BYTES_MAX as usize,
                requested: count as usize,
            }));
        }
        let mut bytes = vec![0; count as usize];
        match &mut self.dice {
            Some(dice) => dice.fill(&mut bytes),
            None => entropy(&mut bytes)?,
        }
        Ok(bytes)
    }
}

fn entropy(mut bytes: &mut [u8]) -> wasmtime::Result<()> {
    while !bytes.is_empty() {
        let got = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty())?;
        bytes = &mut bytes[got..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_fall_alike_and_entropy_does_not() {
        let throw = || {
            let mut bytes = [0; 19];
            Dice::default().fill(&mut bytes);
            bytes
        };
        assert_eq!(throw(), throw());
        assert_ne!(throw()[..8], throw()[8..16]);
        let (mut one, mut other) = ([0; 32], [0; 32]);
        entropy(&mut one).unwrap();
        entropy(&mut other).unwrap();
        assert_ne!(one, other);
    }
}
