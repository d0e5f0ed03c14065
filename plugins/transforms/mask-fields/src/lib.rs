//! The transform `mask-fields`: makes fields of JSON values unreadable. All other bytes stay as
//! they are; a value that is no JSON fails and never passes.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use kafsh_sdk::json::{self, Edits};
use kafsh_sdk::settings::Secret;
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Choice, Error, Result, Settings};

#[derive(Debug, Settings)]
pub struct Mask {
    /// Fields, such as `user.name` or `cards[].number`
    #[setting(required)]
    pub fields: Vec<String>,
    /// What becomes of a field
    #[setting(default = "replace")]
    pub how: How,
    /// What stands instead, for `replace`
    #[setting(default = "***")]
    pub with: String,
    /// Key of the hash, for `hash`: equal values stay equal
    pub salt: Option<Secret>,
}

#[derive(Clone, Copy, Choice, Debug, PartialEq, Eq)]
pub enum How {
    Replace,
    Null,
    Remove,
    /// HMAC-SHA-256 of the value as it is written, in hexadecimal digits
    Hash,
}

pub struct MaskFields {
    edits: Edits,
}

#[transform]
impl Transform for MaskFields {
    type Settings = Mask;

    fn configure(settings: Mask) -> Result<Self> {
        let salt = settings.salt.map(Rc::new);
        let mut with = Vec::new();
        json::quote(&settings.with, &mut with);
        let mut edits = Edits::new();
        for path in &settings.fields {
            edits = match settings.how {
                How::Replace => edits.replace(path, &with)?,
                How::Null => edits.replace(path, "null")?,
                How::Remove => edits.remove(path)?,
                How::Hash => {
                    let salt = salt
                        .clone()
                        .ok_or_else(|| Error::new("no-salt", "`hash` needs the secret `salt`"))?;
                    edits.map(path, move |value, out| {
                        hash(&salt.hmac_sha256(value), out);
                        Ok(())
                    })?
                }
            };
        }
        Ok(MaskFields { edits })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        out.emit_edited(record, |value, out| self.edits.apply(value, out))
    }
}

fn hash(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}
