//! Transforms: what becomes of each record of a stream.
//!
//! ```
//! use kafsh_sdk::transform::{Emitter, Record};
//! use kafsh_sdk::{Error, Result, testing, transform};
//!
//! /// Drops records without value, and writes the others in capitals.
//! #[transform]
//! fn shout(record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
//!     let Some(value) = record.value() else { return Ok(()) };
//!     let text = std::str::from_utf8(value).map_err(|_| Error::new("not-text", "not UTF-8"))?;
//!     out.emit(record.with_value(&text.to_uppercase()));
//!     Ok(())
//! }
//!
//! let ran = testing::each(shout, testing::records("words").value("a").value(b"\xff").build());
//! assert_eq!(ran.values(), ["A"]);
//! assert_eq!(ran.failures[0].1.code(), "not-text");
//! ```
//!
//! What keeps something between records implements [`Transform`]:
//!
//! ```
//! use kafsh_sdk::Result;
//! use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
//!
//! struct EveryOther(bool);
//!
//! #[transform]
//! impl Transform for EveryOther {
//!     type Settings = ();
//!
//!     fn configure(_: ()) -> Result<Self> {
//!         Ok(EveryOther(false))
//!     }
//!
//!     fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
//!         self.0 = !self.0;
//!         if self.0 {
//!             out.emit(record);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let records = kafsh_sdk::testing::records("t").value("1").value("2").value("3").build();
//! assert_eq!(kafsh_sdk::testing::run(&mut EveryOther(false), records).values(), ["1", "3"]);
//! ```

mod emit;
mod record;

pub use emit::{Emitter, Outgoing};
pub use kafsh_sdk_macros::transform;
pub use record::{Header, Record, Records};

pub use crate::bindings::transform::kafsh::transform::types::{Batch, Emitted, Failure, Info};
use crate::settings::Settings;
use crate::{Error, Result};

/// A transform that keeps something between records. `#[transform]` before its `impl` makes it
/// the plugin's.
///
/// There is one instance for each source partition; it may be made anew at any time, so what has
/// to outlive it goes through [`state`](crate::state).
pub trait Transform: Sized {
    /// What its user may set; `()` where nothing.
    type Settings: Settings;

    /// Makes an instance.
    ///
    /// # Errors
    /// What is wrong with the settings.
    fn configure(settings: Self::Settings) -> Result<Self>;

    /// Emits what becomes of one record; one that is not emitted is dropped.
    ///
    /// # Errors
    /// The record could not be transformed. What was emitted of it is taken back, and the user's
    /// `--on-error` decides about it.
    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()>;

    /// Emits what becomes of a whole batch; by default each record by itself.
    ///
    /// # Errors
    /// The batch as a whole cannot be worked with. A record alone fails by [`Emitter::fail`].
    fn batch(&mut self, records: &Records, out: &mut Emitter<'_>) -> Result<()> {
        out.each(records, |record, out| self.record(record, out));
        Ok(())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, message) = error.into_parts();
        Failure { code, message }
    }
}

/// Gives a whole batch to a transform.
#[doc(hidden)]
pub fn process<T: Transform>(transform: &mut T, batch: Batch) -> Result<Emitted> {
    let records = Records::new(batch);
    let mut out = Emitter::new(&records);
    transform.batch(&records, &mut out)?;
    Ok(out.into_emitted())
}

/// What `#[transform]` exports of a type for Wasm.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_transform {
    ($transform:ty) => {
        const _: fn() -> $crate::Result<<$transform as $crate::transform::Transform>::Settings> =
                                            <<$transform as $crate::transform::Transform>::Settings
                                                as $crate::settings::Settings>::load;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::transform::exports::kafsh::transform::transform as contract;

            ::std::thread_local! {
                static INSTANCE: ::core::cell::RefCell<::core::option::Option<$transform>> =
                    const { ::core::cell::RefCell::new(::core::option::Option::None) };
            }

            struct Exported;
            impl contract::Guest for Exported {
                fn describe() -> contract::Info {
                    $crate::__info!($crate::transform::Info, "transform")
                }
                fn configure() -> Result<(), contract::Failure> {
                    $crate::rt::install_panic_hook();
                    let settings = $crate::settings::Settings::load()?;
                    let instance =
                        <$transform as $crate::transform::Transform>::configure(settings)?;
                    INSTANCE.set(Some(instance));
                    Ok(())
                }
                fn process(batch: contract::Batch) -> Result<contract::Emitted, contract::Failure> {
                    INSTANCE.with_borrow_mut(|instance| {
                        let instance = instance.as_mut().ok_or_else(|| {
                            $crate::Error::new("not-configured", "`configure` was not called")
                        })?;
                        Ok($crate::transform::process(instance, batch)?)
                    })
                }
            }
            $crate::__api_section!(TRANSFORM_API);
            $crate::bindings::transform::export!(
                Exported with_types_in $crate::bindings::transform
            );
        };
    };
}

/// What `#[transform]` exports of a function for Wasm.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_transform_fn {
    ($how:ident $call:ident, $settings:ty) => {
        const _: fn() -> $crate::Result<$settings> =
            <$settings as $crate::settings::Settings>::load;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Function($settings);
            impl $crate::transform::Transform for Function {
                type Settings = $settings;
                fn configure(settings: $settings) -> $crate::Result<Self> {
                    Ok(Function(settings))
                }
                $crate::__transform_body!($how $call);
            }
            $crate::__export_transform!(Function);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __transform_body {
    (record $call:ident) => {
        fn record(
            &mut self,
            record: $crate::transform::Record<'_>,
            out: &mut $crate::transform::Emitter<'_>,
        ) -> $crate::Result<()> {
            $call(record, out, &self.0)
        }
    };
    (batch $call:ident) => {
        fn record(
            &mut self,
            _: $crate::transform::Record<'_>,
            _: &mut $crate::transform::Emitter<'_>,
        ) -> $crate::Result<()> {
            // Batches are never taken apart: `batch` is the author's.
            Ok(())
        }
        fn batch(
            &mut self,
            records: &$crate::transform::Records,
            out: &mut $crate::transform::Emitter<'_>,
        ) -> $crate::Result<()> {
            $call(records, out, &self.0)
        }
    };
}
