//! SHA-256 of a component: what grants, the lock and the compile cache are bound to.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Digits that are shown to people: enough to tell the plugins of one machine apart.
const PREFIX_DIGITS: usize = 12;

/// SHA-256 as 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Digest(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A digest in its written form; `None` if `text` is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        (text.len() == 64 && text.chars().all(is_digit)).then(|| Digest(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first digits, for people.
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX_DIGITS]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_digest_of_abc() {
        let digest = Digest::of(b"abc");
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.as_str(), known);
        assert_eq!(digest.prefix(), "ba7816bf8f01");
        assert_eq!(Digest::parse(known), Some(digest));
    }

    #[test]
    fn what_is_no_digest() {
        let upper = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        for bad in ["", "abc", upper, &"g".repeat(64), &"../".repeat(22)] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }
}
