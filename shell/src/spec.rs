//! A command as data: its words, arguments, flags, effect, needs, examples and function. Binding,
//! help, completion and the reference are derived from these records.

use std::pin::Pin;

use kafsh_model::Result;
use kafsh_model::plugin::PluginKind;
use kafsh_model::port::BoxFuture;

use crate::args::Args;
use crate::call::Call;
use crate::flow::Output;

pub type RunFn = fn(Call) -> BoxFuture<'static, Result<Output>>;

/// Says what would be lost, for the question before a destructive command; `None`: nothing is.
pub type QuestionFn = fn(&Call) -> LocalFuture<'_, Result<Option<String>>>;

/// Says what a command needs consent for; `None`: nothing that was not given already.
pub type ConsentFn = fn(&Call) -> LocalFuture<'_, Result<Option<Consent>>>;

/// A question about what somebody else's code may do. Without a terminal it is refused.
pub struct Consent {
    /// What is asked for, in words, line by line
    pub lines: Vec<String>,
    /// Ends in a question mark
    pub question: String,
    /// Refuses where there is nobody to ask; names the command that needs no question
    pub unasked: kafsh_model::Error,
}

/// A future that stays on the thread of the conversation.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// One verb.
pub struct CommandSpec {
    /// The words it is called by, noun first: `["topic", "create"]`
    pub path: &'static [&'static str],
    /// One line, imperative, no full stop
    pub summary: &'static str,
    /// Paragraphs for `help`, plain text
    pub detail: &'static str,
    pub args: &'static [ArgSpec],
    pub flags: &'static [FlagSpec],
    pub place: Place,
    pub effect: Effect,
    /// Whether a call changes nothing though others of the command do: it is no event then
    pub reads: fn(&Args) -> bool,
    pub needs: Needs,
    pub examples: &'static [Example],
    /// For `Effect::Destructive`
    pub question: Option<QuestionFn>,
    /// For commands that let code of others do something: asked unless `--yes` is given
    pub consent: Option<ConsentFn>,
    /// Ends by itself, in order, when it is told to stop; others are dropped where they wait
    pub cooperative: bool,
    pub run: RunFn,
}

impl CommandSpec {
    /// What a record of the table leaves out.
    pub const BLANK: CommandSpec = CommandSpec {
        path: &[],
        summary: "",
        detail: "",
        args: &[],
        flags: &[],
        place: Place::Head,
        effect: Effect::Read,
        reads: |args| args.has("dry-run"),
        needs: Needs::Nothing,
        examples: &[],
        question: None,
        consent: None,
        cooperative: false,
        run: |_| Box::pin(async { Err(kafsh_model::Error::bug("a command without a function")) }),
    };

    pub fn name(&self) -> String {
        self.path.join(" ")
    }

    /// Its own flags, then those every command of its kind has.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static FlagSpec> {
        let connection: &[FlagSpec] = match self.needs {
            Needs::Cluster => CONNECTION_FLAGS,
            Needs::Nothing => &[],
        };
        let consent: &[FlagSpec] = match self.effect {
            Effect::Destructive => CONSENT_FLAGS,
            Effect::Read | Effect::Write => &[],
        };
        let own = self.flags;
        // A command's own flag wins over a common one of the same short letter.
        own.iter().chain(connection).chain(consent).chain(COMMON_FLAGS)
    }

    pub fn flag(&self, name: &str) -> Option<&'static FlagSpec> {
        self.all_flags().find(|flag| flag.name == name || flag.aliases.contains(&name))
    }

    pub fn short_flag(&self, letter: char) -> Option<&'static FlagSpec> {
        self.all_flags().find(|flag| flag.short == Some(letter))
    }
}

/// A positional argument.
#[derive(Clone, Copy)]
pub struct ArgSpec {
    /// Lower case, `-` between words; shown as `<name>`
    pub name: &'static str,
    pub kind: Kind,
    pub arity: Arity,
    pub help: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    One,
    Optional,
    /// None or more; only the last may
    Any,
    /// One or more; only the last may
    Many,
}

#[derive(Clone, Copy)]
pub struct FlagSpec {
    /// Without the dashes
    pub name: &'static str,
    pub short: Option<char>,
    /// Names from the tools people know
    pub aliases: &'static [&'static str],
    /// Placeholder and kind of its value; `None`: a switch
    pub value: Option<(&'static str, Kind)>,
    pub repeats: bool,
    pub help: &'static str,
}

impl FlagSpec {
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        FlagSpec { name, short: None, aliases: &[], value: None, repeats: false, help }
    }

    pub const fn value(
        name: &'static str,
        placeholder: &'static str,
        kind: Kind,
        help: &'static str,
    ) -> Self {
        let value = Some((placeholder, kind));
        FlagSpec { name, short: None, aliases: &[], value, repeats: false, help }
    }

    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub const fn repeated(mut self) -> Self {
        self.repeats = true;
        self
    }
}

/// What a word means: how it is checked before anything runs, and how it is completed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Topic,
    Group,
    /// The name of a plugin of this kind, bundled or installed
    Plugin(PluginKind),
    /// The name of any plugin
    AnyPlugin,
    /// The name of a plugin that was installed
    Installed,
    /// The name under which a policy is bound
    Binding,
    /// A broker's id
    Broker,
    Cluster,
    /// A whole number within bounds, both included
    Int(i64, i64),
    Port,
    /// A port, or `auto`
    PortOrAuto,
    /// `30s`, `7d`
    Duration,
    Path,
    /// `key=value` of Kafka's configuration of a topic
    TopicConfig,
    /// `key=value` of brokers, `ID:key=value` of one
    BrokerConfig,
    /// A key of a topic's configuration
    TopicKey,
    /// `key=value`
    KeyValue,
    /// A filter in jq's language
    Jq,
    /// `earliest`, `latest`, `N`, `-N`, `@TIME`
    Offset,
    /// `host:port[,host:port…]`
    Bootstrap,
    /// `/a/path`
    Znode,
    Choice(&'static [&'static str]),
    /// Words of another command, for `help`
    Command,
}

/// Where in a pipeline a command may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Head,
    Stage,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Read,
    Write,
    /// Something is lost: asks first, or wants `--yes`
    Destructive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// A cluster to talk to: takes the connection flags
    Cluster,
}

/// A line that a test runs, and `help` shows.
pub struct Example {
    pub line: &'static str,
    pub about: &'static str,
}

pub const OUTPUT_FORMATS: &[&str] = &["table", "json", "jsonl", "yaml", "csv", "tsv", "name"];

pub const COMMON_FLAGS: &[FlagSpec] = &[
    FlagSpec::value("output", "FORMAT", Kind::Choice(OUTPUT_FORMATS), "how results are written")
        .short('O'),
    FlagSpec::switch("help", "say what the command does").short('h'),
];

pub const CONSENT_FLAGS: &[FlagSpec] =
    &[FlagSpec::switch("yes", "do not ask before something is lost").short('y')];

pub const CONNECTION_FLAGS: &[FlagSpec] = &[
    FlagSpec::value("cluster", "NAME", Kind::Cluster, "the cluster to work on").short('C'),
    FlagSpec::value("bootstrap", "HOST:PORT", Kind::Bootstrap, "an unregistered cluster")
        .short('B')
        .alias(&["bootstrap-server", "broker-list", "brokers-list"]),
    FlagSpec::value("client", "KEY=VALUE", Kind::KeyValue, "a property of the client library")
        .short('X')
        .repeated(),
    FlagSpec::value("command-config", "FILE", Kind::Path, "client properties from a file"),
    FlagSpec::value("deadline", "DURATION", Kind::Duration, "bound on each call (default 10s)"),
];
