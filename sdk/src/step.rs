//! Provisioning steps: the contract's types, the trait to implement and the macro that exports it.

pub use kafsh_sdk_macros::step;

pub use crate::bindings::step::kafsh::step::types::*;
use crate::{Error, Result};

/// A provisioning step. `#[step]` before its `impl` makes it the plugin's.
///
/// Both functions are pure: the same input gives the same answer. Settings are read with
/// [`settings::load`](crate::settings::load).
pub trait Step {
    /// What is to be done, from what is wanted and what is there. Asked again after its plan was
    /// applied, it must answer with no action.
    ///
    /// # Errors
    /// Where no plan can be made at all. What the user should mend is better a [`Finding`] of
    /// severity [`Severity::Problem`]: it carries evidence and next commands.
    fn plan(input: Input) -> Result<StepPlan>;

    /// Whether the step's goal is met.
    ///
    /// # Errors
    /// Where the question cannot be answered.
    fn verify(input: Input) -> Result<Verification>;
}

impl StepPlan {
    /// A plan without action or finding.
    pub fn nothing(summary: impl Into<String>) -> Self {
        StepPlan { summary: summary.into(), actions: vec![], findings: vec![] }
    }
}

/// What a step found; `subject` is what it is about, such as `host` or `broker 2`.
///
/// ```
/// use kafsh_sdk::step::{Finding, Severity};
///
/// let finding = Finding::warning("little-room", "host", "less than 10 GiB are free")
///     .evidence(["4096 MiB are free"])
///     .next("kafka list");
/// assert_eq!(finding.severity, Severity::Warning);
/// assert_eq!(finding.next, ["kafka list"]);
/// ```
impl Finding {
    /// What is good to know.
    pub fn note(
        code: impl Into<String>,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Finding::new(Severity::Note, code.into(), subject.into(), message.into())
    }

    /// What may go wrong later.
    pub fn warning(
        code: impl Into<String>,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Finding::new(Severity::Warning, code.into(), subject.into(), message.into())
    }

    /// What forbids to start anything while it stands.
    pub fn problem(
        code: impl Into<String>,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Finding::new(Severity::Problem, code.into(), subject.into(), message.into())
    }

    fn new(severity: Severity, code: String, subject: String, message: String) -> Self {
        let (evidence, next) = (vec![], vec![]);
        let (cause, safe_to_fix) = (None, false);
        Finding { severity, code, subject, message, evidence, cause, next, safe_to_fix }
    }

    /// Lines that show it; may be called again.
    #[must_use]
    pub fn evidence(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.evidence.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Why it is so, in one sentence.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// A command that mends it, as it can be typed; may be called again.
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }

    /// The first of the next commands moves no data and touches no process of others.
    #[must_use]
    pub fn safe(mut self) -> Self {
        self.safe_to_fix = true;
        self
    }
}

impl Property {
    /// A property of a broker, of ZooKeeper or of a topic.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Property { key: key.into(), value: value.into() }
    }
}

impl Node {
    /// Its id, where it is a broker.
    pub fn broker_id(&self) -> Option<i32> {
        match self {
            Node::Broker(id) => Some(*id),
            _ => None,
        }
    }
}

/// `zookeeper`, `broker 2`; the name that a later version gave it.
impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Node::Zookeeper => f.write_str("zookeeper"),
            Node::Broker(id) => write!(f, "broker {id}"),
            Node::Other(name) => f.write_str(name),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, message) = error.into_parts();
        Failure { code, message }
    }
}

/// Makes a type that implements [`Step`] the component's step; `#[step]` calls it.
///
/// The exports exist for Wasm only: natively the same crate is an ordinary library, so its logic
/// can be unit tested. Natively the macro still checks that the type implements the trait.
#[macro_export]
macro_rules! export_step {
    ($step:ty) => {
        const _: fn($crate::step::Input) -> $crate::Result<$crate::step::StepPlan> =
            <$step as $crate::step::Step>::plan;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::step::exports::kafsh::step::step as contract;

            struct Exported;
            impl contract::Guest for Exported {
                fn describe() -> contract::Info {
                    $crate::__info!($crate::step::Info, "step")
                }
                fn plan(input: contract::Input) -> Result<contract::StepPlan, contract::Failure> {
                    $crate::rt::install_panic_hook();
                    Ok(<$step as $crate::step::Step>::plan(input)?)
                }
                fn verify(
                    input: contract::Input,
                ) -> Result<contract::Verification, contract::Failure> {
                    $crate::rt::install_panic_hook();
                    Ok(<$step as $crate::step::Step>::verify(input)?)
                }
            }
            $crate::__api_section!(STEP_API);
    $crate::bindings::step::export!(Exported with_types_in $crate::bindings::step);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Step for Nothing {
        fn plan(input: Input) -> Result<StepPlan> {
            Ok(StepPlan::nothing(format!("nothing for {}", input.spec.name)))
        }
        fn verify(input: Input) -> Result<Verification> {
            match input.observed.proven {
                true => Ok(Verification::Met),
                false => Err(Error::new("unproven", "nothing was proven")),
            }
        }
    }

    export_step!(Nothing);

    #[test]
    fn an_exported_step_is_an_ordinary_type_natively() {
        let mut input = crate::testing::input();
        assert_eq!(Nothing::plan(input.clone()).unwrap().summary, "nothing for demo");
        assert_eq!(Nothing::verify(input.clone()).unwrap_err().code(), "unproven");
        input.observed.proven = true;
        assert_eq!(Nothing::verify(input).unwrap(), Verification::Met);
    }

    #[test]
    fn nodes_are_called_as_people_call_them() {
        let names = [Node::Zookeeper, Node::Broker(2), Node::Other("controller 4".into())];
        assert_eq!(names.map(|node| node.to_string()), ["zookeeper", "broker 2", "controller 4"]);
    }
}
