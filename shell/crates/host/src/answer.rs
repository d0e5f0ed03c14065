//! Checks that answers of all kinds go through. An error is a sentence on what is wrong.

use kafsh_model::plugin::Manifest;

use crate::caller::Description;
use crate::limits::CODE_BYTES_MAX;
use crate::text::{shown, shown_within};

pub(crate) type Result<T> = std::result::Result<T, String>;

/// Bytes of a foreign string that a complaint about it shows.
pub(crate) const SHOWN_BYTES: usize = 80;

/// Whether it says of itself what its manifest says.
pub(crate) fn check_description(manifest: &Manifest, said: &Description) -> Result<()> {
    let own = |text: &str| shown_within(text, SHOWN_BYTES);
    if said.name != manifest.name {
        return Err(format!("it calls itself `{}`, not `{}`", own(&said.name), manifest.name));
    }
    if said.version != manifest.version {
        let (said, manifest) = (own(&said.version), own(&manifest.version));
        return Err(format!("it says that it is version `{said}`, its manifest says `{manifest}`"));
    }
    Ok(())
}

/// Text for people: on one line, without what drives a terminal.
pub(crate) fn text(text: &str, bytes_max: usize, what: &str) -> Result<String> {
    at_most(text.len(), bytes_max, &format!("bytes of {what}"))?;
    Ok(shown(text))
}

/// A code that a plugin makes up.
pub(crate) fn check_code(code: &str) -> Result<()> {
    let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if code.is_empty() || code.len() > CODE_BYTES_MAX || !code.chars().all(is_code) {
        return Err(format!(
            "`{}` is no code: small letters, digits and `-`, at most {CODE_BYTES_MAX}",
            shown_within(code, SHOWN_BYTES)
        ));
    }
    Ok(())
}

pub(crate) fn at_most(count: usize, max: usize, what: &str) -> Result<()> {
    if count <= max {
        return Ok(());
    }
    Err(format!("it has {count} {what}, at most {max} are taken"))
}
