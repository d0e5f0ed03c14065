//! The attributes and derives, with what each takes.

/// Makes an enum whose variants have no fields the type of a setting: each variant is a value, in
/// kebab-case.
///
/// ```
/// use kafsh_sdk::{Choice, Settings, settings, testing};
///
/// #[derive(Choice, Debug, PartialEq)]
/// enum Keep { FirstOnly, All }
///
/// #[derive(Settings)]
/// struct Mine {
///     /// Which of several alike stay
///     #[setting(default = "all")]
///     keep: Keep,
/// }
///
/// let _host = testing::Host::new().setting("keep", "first-only").set();
/// assert_eq!(settings::load::<Mine>().unwrap().keep, Keep::FirstOnly);
/// ```
pub use kafsh_sdk_macros::Choice;
/// Makes a struct with named fields the settings of the plugin: what users give with
/// `--set NAME=VALUE`.
///
/// A field is a setting: called as the field, in kebab-case, told to users by its doc comment. Its
/// type is one of those of [`settings::Value`](crate::settings::Value), and says whether it is
/// needed:
///
/// | type | not given | given twice |
/// |---|---|---|
/// | `T` | refused, or its default | the last holds |
/// | `Option<T>` | `None` | the last holds |
/// | `Vec<T>` | empty, or its default; refused with `required` | all of them |
///
/// In `#[setting(…)]` before a field:
///
/// | key | is |
/// |---|---|
/// | `default = "7d"` | what is taken where nothing is given, as typed; of a list with commas |
/// | `name = "max.age"` | another name |
/// | `one_of = ["a", "b"]` | what a text may be; [`Choice`] does so with a type |
/// | `required` | of a list: at least one has to be given |
///
/// All of it is in the plugin's manifest, so that a value that cannot be is refused before the
/// plugin runs.
///
/// ```
/// use std::time::Duration;
/// use kafsh_sdk::{Settings, settings, testing};
///
/// #[derive(Settings)]
/// struct Mine {
///     /// Fields to keep
///     #[setting(required)]
///     fields: Vec<String>,
///     /// Age from which a record is old
///     #[setting(name = "max.age", default = "7d")]
///     max_age: Duration,
/// }
///
/// assert!(settings::load::<Mine>().is_err(), "no field was given");
/// let _host = testing::Host::new().setting("fields", "id").set();
/// let mine: Mine = settings::load().unwrap();
/// assert_eq!((mine.fields.len(), mine.max_age.as_secs()), (1, 7 * 24 * 3600));
/// ```
pub use kafsh_sdk_macros::Settings;
/// Makes a function the plugin's policy: one of a crate.
///
/// The function is `fn NAME(request: &Request) -> Result<Response>`, or takes its settings as well,
/// by reference: `settings: &Mine`, where `Mine` has `#[derive(Settings)]`. The attribute takes no
/// arguments. The function stays an ordinary one, which tests call.
///
/// An `Err` says that the policy cannot decide: where it is enforced, nothing is made then. That a
/// topic is not wanted is an `Ok` with a finding.
///
/// ```
/// use kafsh_sdk::policy::{Request, Response};
/// use kafsh_sdk::{Result, policy, testing};
///
/// #[policy]
/// fn no_temporary_topics(request: &Request) -> Result<Response> {
///     let mut answer = Response::allow();
///     if request.wanted().is_some() && request.topic.starts_with("tmp-") {
///         answer.deny("temporary-topic", "topics that begin with `tmp-` are not kept");
///     }
///     Ok(answer)
/// }
///
/// let answer = no_temporary_topics(&testing::create("tmp-1").build()).unwrap();
/// assert_eq!(answer.rules(), ["temporary-topic"]);
/// ```
pub use kafsh_sdk_macros::policy;
/// Makes an `impl Step for …` the plugin's provisioning step: one of a crate.
///
/// It takes no arguments. [`Step`](crate::step::Step) says what the two functions are asked and
/// when; the crate's own page has a whole step with its test.
///
/// ```
/// use kafsh_sdk::step::*;
/// use kafsh_sdk::{Result, testing};
///
/// struct Racks;
///
/// #[step]
/// impl Step for Racks {
///     fn plan(input: Input) -> Result<StepPlan> {
///         let brokers = input.spec.brokers.len();
///         Ok(StepPlan::nothing(format!("{brokers} brokers need no racks")))
///     }
///
///     fn verify(_: Input) -> Result<Verification> {
///         Ok(Verification::Met)
///     }
/// }
///
/// assert!(Racks::plan(testing::input()).unwrap().actions.is_empty());
/// ```
pub use kafsh_sdk_macros::step;
/// Makes a function, or an `impl Transform for …`, the plugin's transform: one of a crate.
///
/// | what stands below it | is |
/// |---|---|
/// | `#[transform] fn(Record<'_>, &mut Emitter<'_>) -> Result<()>` | called for each record |
/// | `#[transform(batch)] fn(&Records, &mut Emitter<'_>) -> Result<()>` | called for each batch |
/// | `#[transform] impl Transform for …` | an instance for each partition, which remembers |
///
/// Functions take their settings as well, as a last argument by reference: `settings: &Mine`. A
/// record that is not emitted is dropped; one that gives an `Err` has failed, and the user's
/// `--on-error` says what becomes of it. Where records go to other topics, `outputs = ["audit"]` of
/// `[package.metadata.kafsh]` names them.
///
/// ```
/// use kafsh_sdk::settings::Size;
/// use kafsh_sdk::transform::{Emitter, Record};
/// use kafsh_sdk::{Result, Settings, testing, transform};
///
/// #[derive(Settings)]
/// struct Least {
///     /// Bytes that a value has to have
///     #[setting(default = "1B")]
///     size: Size,
/// }
///
/// #[transform]
/// fn long_ones(record: Record<'_>, out: &mut Emitter<'_>, least: &Least) -> Result<()> {
///     if record.value().is_some_and(|value| value.len() as u64 >= least.size.0) {
///         out.emit(record);
///     }
///     Ok(())
/// }
///
/// let records = testing::records("t").value("a").value("").build();
/// assert_eq!(testing::each_with(long_ones, &Least { size: Size(1) }, records).values(), ["a"]);
/// ```
///
/// ```
/// use kafsh_sdk::transform::{Emitter, Records};
/// use kafsh_sdk::{Result, transform};
///
/// #[transform(batch)]
/// fn first_of_each_batch(records: &Records, out: &mut Emitter<'_>) -> Result<()> {
///     records.iter().take(1).for_each(|record| out.emit(record));
///     Ok(())
/// }
/// ```
pub use kafsh_sdk_macros::transform;
