//! Provisioning steps: the contract's types, the trait to implement and the macro that exports it.

pub use crate::bindings::kafsh::step::types::*;

/// A provisioning step.
///
/// All three functions are pure: the same input gives the same answer.
pub trait Step {
    /// Name, version and one line of what the step is for.
    fn describe() -> Info;

    /// What is to be done, from what is wanted and what is there. Asked again after its plan was
    /// applied, it must answer with no action.
    ///
    /// # Errors
    /// A [`Failure`] where no plan can be made at all. What the user should mend is better a
    /// [`Finding`] of severity [`Severity::Problem`]: it carries evidence and next commands.
    fn plan(input: Input) -> Result<StepPlan, Failure>;

    /// Whether the step's goal is met.
    ///
    /// # Errors
    /// A [`Failure`] where the question cannot be answered.
    fn verify(input: Input) -> Result<Verification, Failure>;
}

impl StepPlan {
    /// A plan without action or finding.
    pub fn nothing(summary: impl Into<String>) -> Self {
        StepPlan { summary: summary.into(), actions: vec![], findings: vec![] }
    }
}

impl Property {
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Property { key: key.into(), value: value.into() }
    }
}

impl Failure {
    /// `code` is stable and kebab-case.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { code: code.into(), message: message.into() }
    }
}

/// Makes a type that implements [`Step`] the component's step.
///
/// The exports exist for Wasm only: natively the same crate is an ordinary library, so its logic
/// can be unit tested. Natively the macro still checks that the type implements the trait.
#[macro_export]
macro_rules! export_step {
    ($step:ty) => {
        const _: fn() -> $crate::step::Info = <$step as $crate::step::Step>::describe;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::exports::kafsh::step::step::Guest for Exported {
                fn describe() -> $crate::step::Info {
                    $crate::step::install_panic_hook();
                    <$step as $crate::step::Step>::describe()
                }
                fn plan(
                    input: $crate::step::Input,
                ) -> Result<$crate::step::StepPlan, $crate::step::Failure> {
                    $crate::step::install_panic_hook();
                    <$step as $crate::step::Step>::plan(input)
                }
                fn verify(
                    input: $crate::step::Input,
                ) -> Result<$crate::step::Verification, $crate::step::Failure> {
                    $crate::step::install_panic_hook();
                    <$step as $crate::step::Step>::verify(input)
                }
            }
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}

/// Tells the host the message and place of a panic before the trap, so that an author sees more
/// than "unreachable".
#[doc(hidden)]
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        crate::bindings::kafsh::step::log::panicked(&info.to_string());
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Step for Nothing {
        fn describe() -> Info {
            Info { name: "nothing".into(), version: "1.2.3".into(), summary: "does nothing".into() }
        }
        fn plan(input: Input) -> Result<StepPlan, Failure> {
            Ok(StepPlan::nothing(format!("nothing for {}", input.spec.name)))
        }
        fn verify(input: Input) -> Result<Verification, Failure> {
            match input.observed.proven {
                true => Ok(Verification::Met),
                false => Err(Failure::new("unproven", "nothing was proven")),
            }
        }
    }

    export_step!(Nothing);

    #[test]
    fn an_exported_step_is_an_ordinary_type_natively() {
        let mut input = crate::testing::input();
        assert_eq!(Nothing::describe().name, "nothing");
        assert_eq!(Nothing::plan(input.clone()).unwrap().summary, "nothing for demo");
        assert_eq!(Nothing::verify(input.clone()).unwrap_err().code, "unproven");
        input.observed.proven = true;
        assert_eq!(Nothing::verify(input).unwrap(), Verification::Met);
    }
}
