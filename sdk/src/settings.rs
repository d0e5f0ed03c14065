//! Settings: what the user of a plugin gave with `--set NAME=VALUE`.
//!
//! ```
//! use std::time::Duration;
//! use kafsh_sdk::settings::{self, Choice, Secret, Settings, Size};
//!
//! #[derive(Settings)]
//! struct Mine {
//!     /// Fields to mask
//!     fields: Vec<String>,
//!     /// What stands instead
//!     #[setting(default = "***")]
//!     with: String,
//!     #[setting(default = "7d")]
//!     max_age: Duration,
//!     max_size: Option<Size>,
//!     #[setting(default = "first")]
//!     keep: Keep,
//!     salt: Option<Secret>,
//! }
//!
//! #[derive(Choice, Debug, PartialEq)]
//! enum Keep { First, Last }
//!
//! let _host = kafsh_sdk::testing::Host::new().setting("fields", "a").setting("fields", "b").set();
//! let mine: Mine = settings::load().unwrap();
//! assert_eq!(mine.fields, ["a", "b"]);
//! assert_eq!(mine.max_age, Duration::from_secs(7 * 24 * 3600));
//! assert_eq!(mine.keep, Keep::First);
//! ```

use std::time::Duration;

pub use kafsh_sdk_macros::{Choice, Settings};

use crate::{Error, Result};

/// The type of a setting, as users see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text
    Text,
    /// A whole number, in the bounds of the field's type
    Integer,
    /// A number, with or without a fraction
    Number,
    /// `true` or `false`
    Boolean,
    /// `7d`; ms where the host hands it over
    Duration,
    /// `64MiB`; bytes where the host hands it over
    Size,
    /// `env:NAME` or `file:PATH`
    Secret,
}

impl Kind {
    /// As manifests have it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Duration => "duration",
            Kind::Size => "size",
            Kind::Secret => "secret",
        }
    }
}

/// A setting that a plugin declares.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// In kebab-case
    pub name: &'static str,
    /// What values it takes
    pub kind: Kind,
    /// May be given more than once
    pub list: bool,
    /// Has to be given: it has no default and is no `Option` or `Vec`
    pub required: bool,
    /// As it would be typed
    pub default: Option<&'static str>,
    /// Empty: any of its type
    pub one_of: &'static [&'static str],
    /// What users read: the field's doc comment
    pub doc: &'static str,
}

/// The settings of a plugin: `#[derive(Settings)]` on a struct with named fields.
///
/// A field is called in kebab-case; its doc comment is what users read. What stands in
/// `#[setting(…)]` is told with the derive.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no settings",
    label = "put `#[derive(Settings)]` on `{Self}`"
)]
pub trait Settings: Sized {
    /// What the manifest declares, in the order of the fields.
    const SPECS: &'static [Spec];

    /// Reads what the user gave.
    ///
    /// # Errors
    /// `setting-missing` and `setting-invalid`, which a host that checks them never lets happen.
    fn load() -> Result<Self>;
}

/// A plugin without settings.
impl Settings for () {
    const SPECS: &'static [Spec] = &[];

    fn load() -> Result<Self> {
        Ok(())
    }
}

/// The type of a field in settings: texts, numbers, `bool`, `Duration`, [`Size`], [`Secret`], what
/// has `#[derive(Choice)]`, and `Option` and `Vec` of them.
#[diagnostic::on_unimplemented(
    message = "a setting cannot be a `{Self}`",
    label = "no type of a setting",
    note = "it can be String, bool, an integer, f64, Duration, Size, Secret, an enum with \
            `#[derive(Choice)]`, and Option or Vec of those"
)]
pub trait Value: Sized {
    /// What values it takes.
    const KIND: Kind;
    /// May be given more than once.
    const LIST: bool = false;
    /// Has to be given where the field has no default.
    const REQUIRED: bool = true;
    /// The only values it takes; empty: any of its kind.
    const ONE_OF: &'static [&'static str] = &[];

    /// One value, as the host hands it over: a duration as a number of ms, a size as one of bytes,
    /// everything else as it was typed. `None` where it is no value of this type, which a host that
    /// checks settings never lets happen; native tests may give `7d` and `64MiB`.
    fn parse(text: &str) -> Option<Self>;

    #[doc(hidden)]
    fn gather(name: &str, default: Option<&str>) -> Result<Option<Self>> {
        match values(name).last().map(String::as_str).or(default) {
            None => Ok(None),
            Some(text) => Self::parse(text).map(Some).ok_or_else(|| invalid(name, text)),
        }
    }
}

fn invalid(name: &str, text: &str) -> Error {
    let shown = text.escape_debug();
    Error::new("setting-invalid", format!("setting `{name}` cannot be `{shown}`"))
}

macro_rules! parsed {
    ($($ty:ty => $kind:ident),* $(,)?) => {$(
        impl Value for $ty {
            const KIND: Kind = Kind::$kind;
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

parsed! {
    String => Text, bool => Boolean, f64 => Number,
    i32 => Integer, i64 => Integer, u16 => Integer, u32 => Integer, u64 => Integer,
    usize => Integer,
}

/// A number of bytes, typed as `64MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

impl Value for Size {
    const KIND: Kind = Kind::Size;
    fn parse(text: &str) -> Option<Self> {
        const UNITS: [(&str, u64); 8] = [
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
            ("kB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("B", 1),
        ];
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
        let (digits, factor) =
            unit.map_or((text, 1), |(unit, factor)| (&text[..text.len() - unit.len()], *factor));
        digits.parse::<u64>().ok()?.checked_mul(factor).map(Size)
    }
}

/// Whole milliseconds.
impl Value for Duration {
    const KIND: Kind = Kind::Duration;
    fn parse(text: &str) -> Option<Self> {
        // In canonical form; with units in native tests.
        if let Ok(ms) = text.parse() {
            return Some(Duration::from_millis(ms));
        }
        let (mut rest, mut total) = (text, 0_u64);
        while !rest.is_empty() {
            let (digits, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
            let (unit, tail) =
                tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
            let ms = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(ms)?)?;
            rest = tail;
        }
        (!text.is_empty()).then(|| Duration::from_millis(total))
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: Kind = T::KIND;
    const LIST: bool = T::LIST;
    const REQUIRED: bool = false;
    const ONE_OF: &'static [&'static str] = T::ONE_OF;

    fn parse(text: &str) -> Option<Self> {
        T::parse(text).map(Some)
    }

    fn gather(name: &str, default: Option<&str>) -> Result<Option<Self>> {
        T::gather(name, default).map(Some)
    }
}

impl<T: Value> Value for Vec<T> {
    const KIND: Kind = T::KIND;
    const LIST: bool = true;
    const REQUIRED: bool = false;
    const ONE_OF: &'static [&'static str] = T::ONE_OF;

    fn parse(text: &str) -> Option<Self> {
        T::parse(text).map(|one| vec![one])
    }

    fn gather(name: &str, default: Option<&str>) -> Result<Option<Self>> {
        let mut given = values(name);
        if given.is_empty() {
            let parts = default.into_iter().flat_map(|list| list.split(','));
            given = parts.filter(|part| !part.is_empty()).map(str::to_owned).collect();
        }
        let one = |text: &String| T::parse(text).ok_or_else(|| invalid(name, text));
        given.iter().map(one).collect::<Result<Vec<T>>>().map(Some)
    }
}

/// A secret: its bytes stay with the host, which works with them.
#[derive(Debug)]
pub struct Secret(
    #[cfg(target_arch = "wasm32")] lent::Secret,
    #[cfg(not(target_arch = "wasm32"))] Vec<u8>,
);

impl Secret {
    /// HMAC-SHA-256 (RFC 2104) of `data` under the secret; 32 bytes.
    pub fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
        #[cfg(target_arch = "wasm32")]
        return self.0.hmac_sha256(data);
        #[cfg(not(target_arch = "wasm32"))]
        crate::testing::hmac_sha256(&self.0, data)
    }
}

impl Value for Secret {
    const KIND: Kind = Kind::Secret;

    /// A secret is never a text.
    fn parse(_text: &str) -> Option<Self> {
        None
    }

    fn gather(name: &str, _default: Option<&str>) -> Result<Option<Self>> {
        Ok(secret(name))
    }
}

/// What the user set, as the struct that declares it.
///
/// # Errors
/// As [`Settings::load`].
pub fn load<S: Settings>() -> Result<S> {
    S::load()
}

#[doc(hidden)]
pub fn read<T: Value>(name: &str, default: Option<&str>) -> Result<T> {
    T::gather(name, default)?.ok_or_else(|| missing(name))
}

#[doc(hidden)]
pub fn read_required<T: Value>(name: &str) -> Result<T> {
    match values(name).is_empty() {
        true => Err(missing(name)),
        false => read(name, None),
    }
}

fn missing(name: &str) -> Error {
    Error::new("setting-missing", format!("setting `{name}` was not given"))
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::host::kafsh::host::settings as lent;

/// The values of a setting in the order given, or its default.
pub fn values(name: &str) -> Vec<String> {
    #[cfg(target_arch = "wasm32")]
    return lent::values(name);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with(|host| host.settings_of(name))
}

/// A setting of type secret.
pub fn secret(name: &str) -> Option<Secret> {
    #[cfg(target_arch = "wasm32")]
    return lent::get_secret(name).map(Secret);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with(|host| host.secret_of(name)).map(Secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_typed_and_canonical() {
        let ms = |text| Duration::parse(text).map(|duration| duration.as_millis());
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!((ms("250"), ms("7d"), ms("")), (Some(250), Some(604_800_000), None));
        assert_eq!((ms("5x"), ms("99999999999999d")), (None, None));
        assert_eq!(Size::parse("64MiB"), Some(Size(64 << 20)));
        assert_eq!((Size::parse("12"), Size::parse("1kB")), (Some(Size(12)), Some(Size(1000))));
        assert_eq!((Size::parse("MiB"), Size::parse("-1")), (None, None));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let _host = crate::testing::Host::new().setting("n", "seven").set();
        let error = read::<u32>("n", None).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            ("setting-invalid", "setting `n` cannot be `seven`")
        );
        assert_eq!(read::<u32>("m", None).unwrap_err().code(), "setting-missing");
        assert_eq!(read::<u32>("m", Some("7")).unwrap(), 7);
        assert_eq!(read::<Vec<u32>>("m", Some("1,2")).unwrap(), [1, 2]);
        assert_eq!(read::<Option<u32>>("m", None).unwrap(), None);
    }
}
