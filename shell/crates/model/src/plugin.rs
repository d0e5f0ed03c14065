//! What a plugin says of itself, what it may be given, and how it is set.

mod settings;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use settings::{SETTING_BYTES_MAX, SETTING_VALUES_MAX, SecretReader, pairs};

/// Version of [`Manifest`]'s form.
pub const MANIFEST_SCHEMA: u32 = 1;

/// What a plugin decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// How a cluster is provisioned
    Step,
    /// Whether a topic may be changed
    Policy,
    /// What becomes of each record
    Transform,
}

impl PluginKind {
    pub const ALL: [PluginKind; 3] = [PluginKind::Step, PluginKind::Policy, PluginKind::Transform];

    pub fn name(self) -> &'static str {
        match self {
            PluginKind::Step => "step",
            PluginKind::Policy => "policy",
            PluginKind::Transform => "transform",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        PluginKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that the host lends: one interface of `sdk/wit/host`, or an `outputs`, which has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapabilityName {
    /// Given to all
    Log,
    /// Given to all
    Settings,
    Clock,
    Random,
    Metrics,
    /// Scope: globs of topic names
    ClusterRead,
    State,
    /// Scope: globs of topic names. No interface: a manifest's `outputs`, asked for as the rest is
    Outputs,
}

impl CapabilityName {
    pub const ALL: [CapabilityName; 8] = [
        CapabilityName::Log,
        CapabilityName::Settings,
        CapabilityName::Clock,
        CapabilityName::Random,
        CapabilityName::Metrics,
        CapabilityName::ClusterRead,
        CapabilityName::State,
        CapabilityName::Outputs,
    ];

    /// How users write it, and its interface in `kafsh:host` where it has one.
    pub fn name(self) -> &'static str {
        match self {
            CapabilityName::Log => "log",
            CapabilityName::Settings => "settings",
            CapabilityName::Clock => "clock",
            CapabilityName::Random => "random",
            CapabilityName::Metrics => "metrics",
            CapabilityName::ClusterRead => "cluster-read",
            CapabilityName::State => "state",
            CapabilityName::Outputs => "outputs",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        CapabilityName::ALL.into_iter().find(|capability| capability.name() == name)
    }

    /// The capability whose interface in `kafsh:host` is called so.
    pub fn from_interface(name: &str) -> Option<Self> {
        CapabilityName::from_name(name).filter(|capability| *capability != CapabilityName::Outputs)
    }

    /// Whether it can be granted for some topics only.
    pub fn has_scope(self) -> bool {
        matches!(self, CapabilityName::ClusterRead | CapabilityName::Outputs)
    }

    /// Whether every plugin has it without a grant.
    pub fn is_given_to_all(self) -> bool {
        matches!(self, CapabilityName::Log | CapabilityName::Settings)
    }

    /// In words for the question before it is granted.
    pub fn in_words(self) -> &'static str {
        match self {
            CapabilityName::Log => "write lines to your log",
            CapabilityName::Settings => "read the settings you give it",
            CapabilityName::Clock => "see the time, to the millisecond",
            CapabilityName::Random => "draw random bytes",
            CapabilityName::Metrics => "count what it did",
            CapabilityName::ClusterRead => "see brokers, and topics with their settings",
            CapabilityName::State => "keep up to 16 MiB for each source partition",
            CapabilityName::Outputs => "send records to topics of its own choice",
        }
    }
}

/// A capability asked for, or granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capability {
    pub name: CapabilityName,
    /// Globs of topic names; empty where the capability has no scope, which then means all of it
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// Why the author wants it, shown to the user
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a plugin asks for beyond the limits of its kind; a user's cap wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LimitRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_kib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_ms: Option<u32>,
}

/// What a component says of itself, in its custom section `kafsh-manifest`, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`]
    pub schema: u32,
    /// `[a-z][a-z0-9-]{0,62}`
    pub name: String,
    pub version: String,
    pub kind: PluginKind,
    /// Contract that it was built with: `kafsh:policy@1.0.0`
    pub api: String,
    /// Version of the SDK, where one was used
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sdk: String,
    pub summary: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repository: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    #[serde(default)]
    pub limits: LimitRequest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingSpec>,
    /// Transforms: globs of the topics it may send records to by itself
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
}

impl Manifest {
    /// Its outputs as what they are to the user: something to be granted.
    pub fn asks_for_outputs(&self) -> Option<Capability> {
        let (name, scope) = (CapabilityName::Outputs, self.outputs.clone());
        (!scope.is_empty()).then(|| Capability { name, scope, reason: String::new() })
    }
}

/// The type of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingType {
    Text,
    Integer,
    Number,
    Boolean,
    /// `7d`; ms in canonical form
    Duration,
    /// `64MiB`; bytes in canonical form
    Size,
    /// `env:NAME` or `file:PATH`; its bytes stay with the host
    Secret,
}

/// A setting that a plugin declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingSpec {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// May be given more than once, or as `a,b`
    #[serde(default)]
    pub list: bool,
    #[serde(default)]
    pub required: bool,
    /// As it would be typed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The values that it may have; empty: any of its type
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
}

/// Settings of one use of a plugin, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// In canonical form, defaults included
    pub values: BTreeMap<String, Vec<String>>,
    pub secrets: BTreeMap<String, Secret>,
}

/// Bytes that are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Facts of a cluster that a plugin with `cluster-read` may see, read before the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    pub brokers: Vec<i32>,
    /// By name; the scope is applied by the host
    pub topics: BTreeMap<String, crate::policy::TopicState>,
}
