//! What went wrong with a plugin, as an error with a stable code.

mod frames;

use std::fmt;
use std::time::Duration;

use kafsh_model::error::Error;
use kafsh_model::plugin::PluginKind;
use kafsh_model::units::show_duration;
use kafsh_pack::Digest;
use wasmtime::Trap;

use crate::engine::CompileError;
use crate::guest::LimitReached;
use crate::inspect::Refusal;
use crate::limits::{CALL_TIME_CAP, COMPILE_TIME_MAX, Limits, MEMORY_BYTES_CAP, STACK_BYTES_CAP};
use crate::text::{shown, shown_within};

/// Bytes of what the engine says of a component that it refuses.
const ENGINE_MESSAGE_BYTES_MAX: usize = 1 << 10;

/// Which plugin: every error names it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) kind: PluginKind,
    pub(crate) name: String,
    /// As its manifest says; `None` while that is not read
    pub(crate) version: Option<String>,
    pub(crate) digest: Digest,
    /// Whether it is called so in the shell too, and not only by its author's tools
    pub(crate) known: bool,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        write!(f, " ({})", self.digest.prefix())
    }
}

/// What a plugin was doing, and how long it might.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Its function, `plan`
    pub(crate) function: &'static str,
    pub(crate) limit: Duration,
}

impl Identity {
    /// Names commands about it, by what comes after `plugin`.
    fn advised(&self, error: Error, verbs: &[&str]) -> Error {
        let verbs = verbs.iter().filter(|_| self.known);
        verbs.fold(error, |e, verb| e.with_next(format!("plugin {verb} {}", self.name)))
    }

    /// Names the setting of its manifest that asks for more, and the commands that show why.
    fn beyond(&self, error: Error, setting: &str, most: impl fmt::Display) -> Error {
        let more = "of `[package.metadata.kafsh.limits]` asks for more, at most";
        self.advised(error.with_evidence(format!("`{setting}` {more} {most}")), &["info", "logs"])
    }

    /// It was not taken in.
    pub(crate) fn refused(&self, refusal: &Refusal) -> Error {
        let (class, code) = refusal.code();
        let error = Error::new(class, code, format!("{self} cannot be loaded"))
            .with_cause(shown(&refusal.to_string()));
        match refusal {
            Refusal::NotGranted(capabilities) => {
                let names: Vec<&str> = capabilities.iter().map(|name| name.name()).collect();
                error.with_next(format!("plugin grant {} {}", self.name, names.join(" ")))
            }
            _ => self.advised(error, &["verify", "info"]),
        }
    }

    /// It sent a record where it may not.
    pub(crate) fn output_refused(&self, call: Call, why: impl Into<String>) -> Error {
        let function = call.function;
        let message = format!("{self} went too far in `{function}`");
        let error = Error::refused("transform-output-refused", message);
        self.advised(error.with_cause(shown(&why.into())), &["info"])
    }

    /// The engine does not do what it always does.
    pub(crate) fn bug(&self, error: &wasmtime::Error) -> Error {
        Error::bug(format!("{self}: {error:#}"))
    }

    pub(crate) fn not_compiled(&self, error: CompileError) -> Error {
        match error {
            CompileError::Host(error) => error,
            CompileError::TooSlow => {
                let most = show_duration(COMPILE_TIME_MAX);
                let error = Error::failed("plugin-timeout", format!("{self} cannot be loaded"))
                    .with_cause(format!("compiling it takes more than {most}, for all plugins"));
                self.advised(error, &["info"])
            }
            CompileError::Refused(error) => {
                let why = shown_within(&format!("{error:#}"), ENGINE_MESSAGE_BYTES_MAX);
                let error =
                    Error::failed("plugin-not-component", format!("{self} cannot be loaded"));
                let error = error.with_cause("the engine refuses it").with_evidence(why);
                self.advised(error, &["verify", "info"])
            }
        }
    }

    /// Its types are not those of the contract `interface`.
    pub(crate) fn not_linked(&self, interface: &str, error: &wasmtime::Error) -> Error {
        let why = shown_within(&format!("{error:#}"), ENGINE_MESSAGE_BYTES_MAX);
        let error = Error::failed("plugin-wrong-world", format!("{self} cannot be loaded"))
            .with_cause(format!(
                "it was made for another version of the contract than `{interface}`: build it with \
                 the SDK of this kafsh"
            ))
            .with_evidence(why);
        self.advised(error, &["info"])
    }

    /// What it answered is not what it may answer.
    pub(crate) fn bad_output(&self, call: Call, why: impl Into<String>) -> Error {
        let function = call.function;
        let message = format!("{self} gave a bad answer to `{function}`");
        let error = Error::failed("plugin-bad-output", message).with_cause(shown(&why.into()));
        self.advised(error, &["logs"])
    }

    /// It said no, in its own words.
    pub(crate) fn said_no(&self, call: Call, code: &str, message: &str) -> Error {
        let function = call.function;
        let what = match function {
            "configure" => "does not take its settings".to_string(),
            _ => format!("cannot answer `{function}`"),
        };
        let error = Error::failed("plugin-failed", format!("{self} {what}"))
            .with_cause(shown(message))
            .with_evidence(format!("code: {}", shown(code)));
        self.advised(error, &["info", "logs"])
    }

    /// It ended otherwise than by returning.
    pub(crate) fn broke(
        &self,
        call: Call,
        limits: &Limits,
        error: &wasmtime::Error,
        panic: Option<String>,
        elapsed: Duration,
    ) -> Error {
        let Call { function, limit } = call;
        let failed = |code, what: String| Error::failed(code, format!("{self} {what}"));
        let described = if let Some(limit) = error.downcast_ref::<LimitReached>() {
            let error = failed("plugin-memory", format!("ran out of memory in `{function}`"))
                .with_cause(format!("it {limit}"));
            match limit.is_memory() {
                true => self.beyond(error, "memory-mib", MEMORY_BYTES_CAP >> 20),
                false => self.advised(error, &["info", "logs"]),
            }
        } else {
            match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => {
                    let (most, elapsed) = (show_duration(limit), show_duration(elapsed));
                    let error = failed("plugin-timeout", format!("took too long in `{function}`"))
                        .with_cause(format!("it may take {most}, was ended after {elapsed}"));
                    // The other bounds of time are the same for all.
                    match limit >= limits.call {
                        true => self.beyond(error, "call-ms", CALL_TIME_CAP.as_millis()),
                        false => self.advised(error, &["info", "logs"]),
                    }
                }
                Some(Trap::StackOverflow) => {
                    let most = limits.stack_bytes >> 10;
                    let error = failed("plugin-stack", format!("ran out of stack in `{function}`"))
                        .with_cause(format!("it may have {most} KiB: a recursion without end?"));
                    self.beyond(error, "stack-kib", STACK_BYTES_CAP >> 10)
                }
                // The stack of Rust's own data lies in its memory, below everything else.
                Some(Trap::MemoryOutOfBounds) if panic.is_none() && frames::is_recursion(error) => {
                    let error = failed("plugin-stack", format!("ran out of stack in `{function}`"))
                        .with_cause(
                            "the stack in its own memory is used up: a recursion without end?",
                        );
                    self.advised(error, &["info", "logs"])
                }
                Some(trap) if !is_bad_value(*trap) => {
                    let cause = panic.unwrap_or_else(|| trap.to_string());
                    let error = failed("plugin-panic", format!("panicked in `{function}`"));
                    self.advised(error.with_cause(cause), &["logs"])
                }
                _ => self.bad_output(call, bad_value(error, limits)),
            }
        };
        frames::lines(error).into_iter().fold(described, Error::with_evidence)
    }
}

/// Traps of taking a value over, rather than of the guest's own code.
fn is_bad_value(trap: Trap) -> bool {
    matches!(
        trap,
        Trap::StringOutOfBounds
            | Trap::ListOutOfBounds
            | Trap::InvalidChar
            | Trap::InvalidDiscriminant
            | Trap::UnalignedPointer
    )
}

fn bad_value(error: &wasmtime::Error, limits: &Limits) -> String {
    let why = error.root_cause().to_string();
    if why.contains("fuel allocated for hostcalls") {
        return format!("it is larger than {} MiB", limits.transfer_bytes >> 20);
    }
    shown_within(&why, ENGINE_MESSAGE_BYTES_MAX)
}
