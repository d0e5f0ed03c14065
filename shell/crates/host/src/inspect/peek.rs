//! The manifest in a component, read without looking further: what start-up can afford.

use kafsh_model::plugin::Manifest;

use super::{MANIFEST_SECTION, Refusal, check_outside, manifest};

/// Bytes of the magic and version of a component.
const HEADER_BYTES: usize = 8;
const CUSTOM_SECTION: u8 = 0;

/// Sections are skipped over; only the manifest is read.
pub(crate) fn peek(bytes: &[u8]) -> Result<Manifest, Refusal> {
    check_outside(bytes)?;
    let damaged = || Refusal::NotComponent("it is cut short or damaged".into());
    let mut rest = bytes.get(HEADER_BYTES..).ok_or_else(damaged)?;
    let mut found = None;
    while let Some((id, after)) = rest.split_first() {
        let (size, after) = leb128(after).ok_or_else(damaged)?;
        let (body, after) = after.split_at_checked(size).ok_or_else(damaged)?;
        rest = after;
        if *id != CUSTOM_SECTION {
            continue;
        }
        let (size, body) = leb128(body).ok_or_else(damaged)?;
        let (name, text) = body.split_at_checked(size).ok_or_else(damaged)?;
        if name == MANIFEST_SECTION.as_bytes() && found.replace(text).is_some() {
            return Err(Refusal::BadManifest("it has more than one manifest".into()));
        }
    }
    manifest::read(found.ok_or(Refusal::NoManifest)?)
}

/// An unsigned number of at most 32 bits, and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let number = u32::try_from(number).ok()?;
            return Some((number as usize, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use kafsh_model::plugin::PluginKind;

    use super::*;

    /// A manifest with these fields more.
    pub(crate) fn parsed(more: &str) -> Result<Manifest, Refusal> {
        let text = format!(
            r#"{{"schema":1,"name":"t","version":"1","kind":"step","api":"","summary":""{more}}}"#
        );
        manifest::read(text.as_bytes())
    }

    #[test]
    fn it_is_found_behind_other_sections_and_only_once() {
        let section = |name: &str, text: &[u8]| {
            let size = u8::try_from(name.len() + text.len() + 1).unwrap() | 0x80;
            // A size of two bytes, as writers of sections may make them.
            [&[0, size, 0x01, name.len() as u8], name.as_bytes(), text].concat()
        };
        let text = format!(
            r#"{{"schema":1,"name":"t","version":"1","kind":"policy","api":"","summary":"{}"}}"#,
            "x".repeat(70)
        );
        let mut bytes = wat::parse_str("(component (core module (memory 1)))").unwrap();
        assert_eq!(peek(&bytes), Err(Refusal::NoManifest));
        let manifest = section(MANIFEST_SECTION, text.as_bytes());
        bytes.extend(&manifest);
        assert_eq!(peek(&bytes).unwrap().kind, PluginKind::Policy);
        for end in 0..bytes.len() {
            assert!(peek(&bytes[..end]).is_err(), "{end}");
        }
        bytes.extend(manifest);
        assert!(matches!(peek(&bytes), Err(Refusal::BadManifest(_))));
    }

    #[test]
    fn what_it_says_can_be_shown() {
        assert!(parsed("").is_ok());
        for bad in [
            r#","license":"\u001b[2J""#,
            r#","repository":"\u202e""#,
            r#","capabilities":[{"name":"clock","reason":"\n"}]"#,
            r#","capabilities":[{"name":"files"}]"#,
            r#","settings":[{"name":"a","type":"text","doc":"\u0007"}]"#,
        ] {
            assert!(matches!(parsed(bad), Err(Refusal::BadManifest(_))), "{bad}");
        }
    }
}
