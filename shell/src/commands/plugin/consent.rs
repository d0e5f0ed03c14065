//! What is asked of the user before a plugin is granted anything: in words, with what differs from
//! the version before, and the command that needs no question.

use kafsh_host::store::{Installed, grant_word};
use kafsh_host::{is_glob, shown};
use kafsh_model::plugin::{Capability, CapabilityName, LimitRequest, Manifest, PluginKind};
use kafsh_model::suggest::suggest;
use kafsh_model::units::show_size;
use kafsh_model::{Error, Result};

use super::limits;
use crate::spec::{Consent, FlagSpec, Kind};

pub const GRANT: FlagSpec = FlagSpec::value(
    "grant",
    "CAP[=SCOPE]",
    Kind::Text,
    "grant this much: `clock`, `cluster-read=orders-*`",
)
.repeated();

pub const YES: FlagSpec =
    FlagSpec::switch("yes", "grant all that it asks for, without a question").short('y');

pub const LOCK: FlagSpec =
    FlagSpec::switch("lock", "keep it in `kafsh-plugins.lock`, which is made if there is none");

/// What a plugin is and asks for, as far as the question needs it.
pub struct Asking<'a> {
    pub name: &'a str,
    pub kind: PluginKind,
    pub version: &'a str,
    pub source: &'a str,
    pub digest: &'a str,
    /// Size of the file
    pub bytes: u64,
    pub manifest: Option<&'a Manifest>,
    /// What is installed under the name
    pub before: Option<&'a Installed>,
    pub asks: &'a [Capability],
    /// What of it has to be granted now
    pub wanted: &'a [Capability],
}

impl Asking<'_> {
    /// The question, and the refusal where it cannot be asked. `command` is the command line that
    /// needs no question but for its grants.
    pub fn consent(&self, command: &str) -> Consent {
        let lines = self.lines();
        let grants: Vec<String> = self
            .wanted
            .iter()
            .map(|capability| format!("--grant {}", grant_word(capability)))
            .collect();
        self.with(lines, format!("{command} {}", grants.join(" ")))
    }

    /// The same for `plugin grant`, whose grants are its arguments.
    pub fn consent_to_grant(&self) -> Consent {
        let grants: Vec<String> = self.wanted.iter().map(grant_word).collect();
        self.with(self.lines(), format!("plugin grant {} {}", self.name, grants.join(" ")))
    }

    fn with(&self, lines: Vec<String>, command: String) -> Consent {
        let message = format!("{} `{}` asks for what was not granted", self.kind, self.name);
        let unasked =
            Error::refused("consent-needed", message).with_cause("there is no terminal to ask on");
        let unasked = lines.iter().cloned().fold(unasked, Error::with_evidence);
        Consent {
            lines,
            question: "grant it that?".to_string(),
            unasked: unasked.with_next(command),
        }
    }

    /// Line by line: what it is, where it comes from, what it wants and why.
    pub fn lines(&self) -> Vec<String> {
        let size = show_size(self.bytes);
        let mut lines = vec![
            format!("{} `{}` {} from {}", self.kind, self.name, self.version, self.source),
            format!("  sha256:{}, {size}", self.digest),
        ];
        if let Some(manifest) = self.manifest {
            if !manifest.authors.is_empty() {
                let authors = shown(&manifest.authors.join(", "));
                lines.push(format!("  says it is by {authors}"));
            }
            lines.extend(limits_line(&manifest.limits));
            let beyond = limits::beyond(self.kind, &manifest.limits);
            lines.extend(beyond.into_iter().map(|line| format!("    {line}")));
        }
        if let Some(before) = self.before {
            let (version, digest) = (&before.current.version, before.current.digest.prefix());
            lines.push(format!("  in place of {version} (sha256:{digest}…)"));
        }
        for capability in self.asks {
            let is_wanted = self.wanted.iter().any(|wanted| wanted.name == capability.name);
            let mark = match (is_wanted, self.before) {
                (true, Some(_)) => "+ may it",
                (true, None) => "may it",
                (false, _) => "(granted before) it may",
            };
            lines.push(format!("  {mark} {}", in_words(capability)));
            if !capability.reason.is_empty() {
                lines.push(format!("      its author: {}", shown(&capability.reason)));
            }
        }
        let before = self.before.map_or(&[][..], |before| &before.current.asks);
        let gone = before.iter().filter(|b| !self.asks.iter().any(|ask| ask.name == b.name));
        lines.extend(gone.map(|gone| format!("  - no longer asks to {}", in_words(gone))));
        lines
    }
}

/// `see brokers, and topics …, topics orders-* only (cluster-read)`.
pub fn in_words(capability: &Capability) -> String {
    let name = capability.name;
    let scope = match (name, capability.scope.as_slice()) {
        (CapabilityName::ClusterRead, []) => ", all topics".to_string(),
        (_, []) => String::new(),
        (_, scope) => format!(", topics {} only", shown(&scope.join(", "))),
    };
    format!("{}{scope} ({})", name.in_words(), name.name())
}

fn limits_line(limits: &LimitRequest) -> Option<String> {
    let asked = [
        limits.memory_mib.map(|mib| format!("{mib} MiB of memory")),
        limits.stack_kib.map(|kib| format!("{kib} KiB of stack")),
        limits.call_ms.map(|ms| format!("{ms} ms a call")),
    ];
    let asked: Vec<String> = asked.into_iter().flatten().collect();
    (!asked.is_empty()).then(|| format!("  asks for limits of its own: {}", asked.join(", ")))
}

/// Grants as they are typed, `cluster-read=orders-*,sales`; without a scope, the scope that was
/// asked for.
///
/// # Errors
/// `bad-grant`.
pub fn parse_grants(words: &[String], asks: &[Capability]) -> Result<Vec<Capability>> {
    let mut grants: Vec<Capability> = Vec::new();
    for word in words {
        let (name, scope) = match word.split_once('=') {
            Some((name, scope)) => (name, Some(scope)),
            None => (word.as_str(), None),
        };
        let name = capability_name(name)?;
        let asked = asks.iter().find(|ask| ask.name == name);
        let scope: Vec<String> = match scope {
            Some(scope) => scope.split(',').map(String::from).collect(),
            None => asked.map(|ask| ask.scope.clone()).unwrap_or_default(),
        };
        if let Some(glob) = scope.iter().find(|glob| !is_glob(glob)) {
            let message = format!("`{}` is no glob of topic names", glob.escape_debug());
            return Err(Error::usage("bad-grant", message)
                .with_cause("a scope is names of topics in which `*` and `?` stand for others"));
        }
        if !scope.is_empty() && !name.has_scope() {
            return Err(Error::usage("bad-grant", format!("`{}` has no scope", name.name())));
        }
        if grants.iter().any(|grant| grant.name == name) {
            let message = format!("`{}` is granted twice", name.name());
            return Err(Error::usage("bad-grant", message));
        }
        let reason = asked.map(|ask| ask.reason.clone()).unwrap_or_default();
        grants.push(Capability { name, scope, reason });
    }
    Ok(grants)
}

/// # Errors
/// `bad-grant` with what may have been meant.
pub fn capability_name(text: &str) -> Result<CapabilityName> {
    if let Some(name) = CapabilityName::from_name(text) {
        return match name.is_given_to_all() {
            true => Err(Error::usage("bad-grant", format!("every plugin has `{text}` already"))),
            false => Ok(name),
        };
    }
    let all = CapabilityName::ALL.into_iter().filter(|name| !name.is_given_to_all());
    let names: Vec<&str> = all.map(CapabilityName::name).collect();
    let error =
        Error::usage("bad-grant", format!("there is no capability `{}`", text.escape_debug()));
    Err(match suggest(text, names.iter().copied()).first() {
        Some(near) => error.with_cause(format!("did you mean `{near}`?")),
        None => error.with_evidence(format!("capabilities: {}", names.join(", "))),
    })
}
