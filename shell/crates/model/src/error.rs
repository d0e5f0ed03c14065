//! One shape for everything that can go wrong: what failed, what shows it, why, what to type next.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is: decides the exit status, and whether `wait` goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It was tried and failed, or a check was false.
    Failed,
    /// The thing named does not exist (yet).
    NotFound,
    /// The words were wrong; nothing was tried.
    Usage,
    /// A policy said no, or a confirmation or consent was not given.
    Refused,
    /// It cannot be done at the moment, though who was asked is there: others hold it, or too few
    /// are in sync.
    Busy,
    /// A wait ran out.
    TimedOut,
    /// No answer, or not ready (yet).
    Unavailable,
    NotAuthorised,
    /// A fault of kafsh itself.
    Bug,
    Interrupted,
}

impl Class {
    pub const ALL: [Class; 10] = [
        Class::Failed,
        Class::NotFound,
        Class::Busy,
        Class::Usage,
        Class::Refused,
        Class::TimedOut,
        Class::Unavailable,
        Class::NotAuthorised,
        Class::Bug,
        Class::Interrupted,
    ];

    /// As it is written: `not-found`.
    pub fn name(self) -> &'static str {
        match self {
            Class::Failed => "failed",
            Class::NotFound => "not-found",
            Class::Busy => "busy",
            Class::Usage => "usage",
            Class::Refused => "refused",
            Class::TimedOut => "timed-out",
            Class::Unavailable => "unavailable",
            Class::NotAuthorised => "not-authorised",
            Class::Bug => "bug",
            Class::Interrupted => "interrupted",
        }
    }

    /// The class of a name that [`Class::name`] gives.
    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The exit status of a command that ends so.
    pub fn exit_status(self) -> u8 {
        match self {
            Class::Failed | Class::NotFound | Class::Busy => 1,
            Class::Usage => 2,
            Class::Refused => 3,
            Class::TimedOut => 4,
            Class::Unavailable | Class::NotAuthorised => 5,
            Class::Bug => 70,
            Class::Interrupted => 130,
        }
    }

    /// True where waiting may help: `wait` polls on.
    pub fn is_not_yet(self) -> bool {
        matches!(self, Class::NotFound | Class::Busy | Class::Unavailable | Class::TimedOut)
    }
}

/// A failure in words. Built with [`Error::new`] and the `with_` methods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// Stable, kebab-case, what `expect error CODE` names: `topic-exists`, `port-taken`, …; all
    /// are listed in [`crate::codes`]
    pub code: Cow<'static, str>,
    pub class: Class,
    /// What failed: lower case, names in back-ticks, no full stop
    pub message: String,
    /// The lines that show it: a log line, a pid, two ids that differ
    pub evidence: Vec<String>,
    /// Why, in one sentence
    pub cause: Option<String>,
    /// One to three commands that can be run as they are
    pub next: Vec<String>,
}

impl Error {
    pub fn new(
        class: Class,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Error {
            code: code.into(),
            class,
            message: message.into(),
            evidence: Vec::new(),
            cause: None,
            next: Vec::new(),
        }
    }

    pub fn failed(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Class::Failed, code, message)
    }

    pub fn not_found(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Class::NotFound, code, message)
    }

    pub fn usage(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Class::Usage, code, message)
    }

    pub fn refused(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Class::Refused, code, message)
    }

    pub fn unavailable(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Class::Unavailable, code, message)
    }

    pub fn busy(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error::new(Class::Busy, code, message)
    }

    pub fn timed_out(message: impl Into<String>) -> Self {
        Error::new(Class::TimedOut, "timed-out", message)
    }

    /// A file or directory of ours could not be used.
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::FileTooLarge => "disk-full",
            std::io::ErrorKind::PermissionDenied => "permission-denied",
            _ => "io-failed",
        };
        Error::failed(code, what.to_string()).with_cause(error.to_string())
    }

    pub fn bug(message: impl Into<String>) -> Self {
        Error::new(Class::Bug, "bug", message)
    }

    pub fn interrupted() -> Self {
        Error::new(Class::Interrupted, "interrupted", "interrupted")
    }

    #[must_use]
    pub fn with_evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    #[must_use]
    pub fn with_next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
