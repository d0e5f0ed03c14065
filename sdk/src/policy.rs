//! Policies: whether a topic may be created, changed or deleted, and in what form.
//!
//! ```
//! use kafsh_sdk::policy::{Request, Response};
//! use kafsh_sdk::{Result, Settings, policy, testing};
//!
//! #[derive(Settings)]
//! struct Limit {
//!     /// Most partitions of a topic
//!     #[setting(default = "12")]
//!     max: u32,
//! }
//!
//! #[policy]
//! fn check(request: &Request, limit: &Limit) -> Result<Response> {
//!     let mut answer = Response::allow();
//!     if let Some(topic) = &request.proposed
//!         && topic.partitions > limit.max
//!     {
//!         let message = format!("{} partitions are too many", topic.partitions);
//!         answer
//!             .deny("too-many-partitions", message)
//!             .field("partitions")
//!             .suggest(limit.max);
//!     }
//!     Ok(answer)
//! }
//!
//! let request = testing::create("orders").partitions(100).build();
//! let answer = check(&request, &Limit { max: 12 }).unwrap();
//! assert_eq!(answer.findings[0].suggestion.as_deref(), Some("12"));
//! ```

pub use kafsh_sdk_macros::policy;

use crate::Error;
pub use crate::bindings::policy::kafsh::policy::types::*;

impl Request {
    /// The state that is wanted, of a topic that is created, altered or reviewed.
    pub fn wanted(&self) -> Option<&TopicState> {
        self.proposed.as_ref()
    }

    /// Whether this request itself gives, changes or takes away the setting `key`.
    pub fn touches(&self, key: &str) -> bool {
        self.touched.iter().any(|touched| touched == key)
    }

    /// Whether what `part` sees of the topic is another after the change; true where there is no
    /// change to compare with. What a change leaves as it is should not be held against it.
    pub fn changes<T: PartialEq>(&self, part: impl Fn(&TopicState) -> T) -> bool {
        match (&self.operation, &self.current, &self.proposed) {
            (Operation::Alter, Some(current), Some(proposed)) => part(current) != part(proposed),
            _ => true,
        }
    }

    /// [`Severity::Deny`] for what this request changes, as [`Request::changes`] has it, and
    /// [`Severity::Warn`] for what was so before.
    pub fn severity<T: PartialEq>(&self, part: impl Fn(&TopicState) -> T) -> Severity {
        if self.changes(part) { Severity::Deny } else { Severity::Warn }
    }

    /// A further fact: `user`; `file` and `line` of the script; `dry-run`, `true` where nothing is
    /// going to be changed, else `false`; and for a topic that is created `given`, which of
    /// `partitions` and `replication-factor` it says itself (the rest are the brokers' defaults).
    /// A fact that is not there is not known.
    pub fn extra(&self, key: &str) -> Option<&str> {
        find(&self.extras, key)
    }
}

impl TopicState {
    /// A setting given for the topic itself.
    pub fn config(&self, key: &str) -> Option<&str> {
        find(&self.configs, key)
    }
}

fn find<'a>(properties: &'a [Property], key: &str) -> Option<&'a str> {
    let found = properties.iter().find(|property| property.key == key);
    found.map(|property| property.value.as_str())
}

impl Property {
    /// A setting of a topic, as `--config KEY=VALUE` gives it.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Property { key: key.into(), value: value.into() }
    }
}

impl Response {
    /// Allowed as it is, until something is added.
    pub fn allow() -> Self {
        Response { findings: Vec::new(), amendments: Vec::new() }
    }

    /// Refuses the change. `rule` is stable and in kebab-case; `message` one sentence: lower case,
    /// names in back-ticks, no full stop.
    pub fn deny(&mut self, rule: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.tell(Severity::Deny, rule, message)
    }

    /// Tells the user; the change goes on.
    pub fn warn(&mut self, rule: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.tell(Severity::Warn, rule, message)
    }

    /// [`Response::deny`] or [`Response::warn`].
    pub fn tell(
        &mut self,
        severity: Severity,
        rule: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.findings.push(Finding {
            severity,
            rule: rule.into(),
            field: None,
            message: message.into(),
            suggestion: None,
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Changes what is wanted: `field` is `partitions`, `replication-factor` or `config.KEY`.
    pub fn amend(
        &mut self,
        field: impl Into<String>,
        value: impl ToString,
        reason: impl Into<String>,
    ) {
        let value = Some(value.to_string());
        self.amendments.push(Amendment { field: field.into(), value, reason: reason.into() });
    }

    /// Takes the setting `key` away.
    pub fn amend_without(&mut self, key: &str, reason: impl Into<String>) {
        let field = format!("config.{key}");
        self.amendments.push(Amendment { field, value: None, reason: reason.into() });
    }

    /// Whether a finding refuses the change.
    pub fn is_denied(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Deny)
    }

    /// The rules of its findings, in order.
    pub fn rules(&self) -> Vec<&str> {
        self.findings.iter().map(|finding| finding.rule.as_str()).collect()
    }
}

impl Finding {
    /// What it is about: `name`, `partitions`, `replication-factor`, `config.KEY`.
    pub fn field(&mut self, field: impl Into<String>) -> &mut Self {
        self.field = Some(field.into());
        self
    }

    /// A value that would be allowed, as it would be typed for its field.
    pub fn suggest(&mut self, value: impl ToString) -> &mut Self {
        self.suggestion = Some(value.to_string());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, message) = error.into_parts();
        Failure { code, message }
    }
}

/// What `#[policy]` exports for Wasm.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_policy {
    ($check:ident, $settings:ty) => {
        const _: fn() -> $crate::Result<$settings> =
            <$settings as $crate::settings::Settings>::load;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::policy::exports::kafsh::policy::policy as contract;

            struct Exported;
            impl contract::Guest for Exported {
                fn describe() -> contract::Info {
                    $crate::__info!($crate::policy::Info, "policy")
                }
                fn check(
                    request: contract::Request,
                ) -> Result<contract::Response, contract::Failure> {
                    $crate::rt::install_panic_hook();
                    let settings = <$settings as $crate::settings::Settings>::load()?;
                    Ok($check(&request, &settings)?)
                }
            }
            $crate::__api_section!(POLICY_API);
    $crate::bindings::policy::export!(Exported with_types_in $crate::bindings::policy);
        };
    };
}
