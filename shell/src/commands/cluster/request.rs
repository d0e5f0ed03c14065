//! The flags that describe a cluster, and the spec they ask for: shared by `up`, `create`, `plan`.

use kafsh_cluster::spec::{
    BasePort, Brokers, PortRegistry, SpecRequest, build, parse, parse_config, refuse_ephemeral,
};
use kafsh_model::spec::{ClusterSpec, Preset};
use kafsh_model::{BrokerId, ClusterName, Error, Result};

use super::common;
use crate::call::Call;
use crate::context::KAFKA_VERSION;
use crate::files;
use crate::spec::{ArgSpec, Arity, FlagSpec, Kind};

const PRESETS: &[&str] = &["dev", "classic", "strict"];

/// Largest spec file that is read, in bytes.
const SPEC_FILE_BYTES_MAX: u64 = 1 << 20;

pub const NAME_ARG: ArgSpec = ArgSpec {
    name: "cluster",
    kind: Kind::Cluster,
    arity: Arity::Optional,
    help: "the cluster's name; without it, the session's cluster",
};

pub const BROKERS: FlagSpec =
    FlagSpec::value("brokers", "N", Kind::Text, "how many, or their ids: 1,2,7 (default 3)");
pub const BASE_PORT: FlagSpec = FlagSpec::value(
    "base-port",
    "PORT",
    Kind::PortOrAuto,
    "the first broker's port, or `auto` (default 9091, 9191, …)",
);
pub const ZOOKEEPER_PORT: FlagSpec =
    FlagSpec::value("zookeeper-port", "PORT", Kind::Port, "ZooKeeper's port (default 2181)");
pub const KAFKA: FlagSpec =
    FlagSpec::value("kafka", "VERSION", Kind::Text, "the version of Kafka (default 3.9.2)");
pub const PRESET: FlagSpec =
    FlagSpec::value("preset", "NAME", Kind::Choice(PRESETS), "dev (default), classic or strict");
pub const CONFIG: FlagSpec = FlagSpec::value(
    "config",
    "[ID:]KEY=VALUE",
    Kind::BrokerConfig,
    "a property of all brokers, or of one",
)
.repeated();
pub const ADVERTISE: FlagSpec = FlagSpec::value(
    "advertise",
    "HOST",
    Kind::Text,
    "the host that clients are told; servers then bind every address",
);
pub const DATA_DIR: FlagSpec = FlagSpec::value(
    "data-dir",
    "FOLDER",
    Kind::Path,
    "where the servers keep their data (default: the cluster's own folder)",
);
pub const RACKS: FlagSpec =
    FlagSpec::value("racks", "A,B,C", Kind::Text, "racks, given to the brokers in turn");
pub const SPEC_FILE: FlagSpec =
    FlagSpec::value("spec", "FILE", Kind::Path, "the whole wish as TOML, instead of these flags");
pub const EPHEMERAL: FlagSpec =
    FlagSpec::switch("ephemeral", "gone with the script or prompt that made it");
pub const APPLY: FlagSpec =
    FlagSpec::switch("apply", "make the differences to an existing cluster so");
pub const KEEP: FlagSpec =
    FlagSpec::switch("keep", "leave what a failed run has done, instead of undoing it");

/// The flags that describe a cluster, and those of one command behind them.
macro_rules! wish_flags {
    ($($more:expr),* $(,)?) => {
        &[
            $crate::commands::cluster::request::BROKERS,
            $crate::commands::cluster::request::BASE_PORT,
            $crate::commands::cluster::request::ZOOKEEPER_PORT,
            $crate::commands::cluster::request::KAFKA,
            $crate::commands::cluster::request::PRESET,
            $crate::commands::cluster::request::CONFIG,
            $crate::commands::cluster::request::ADVERTISE,
            $crate::commands::cluster::request::DATA_DIR,
            $crate::commands::cluster::request::RACKS,
            $crate::commands::cluster::request::SPEC_FILE,
            $($more),*
        ]
    };
}
pub(super) use wish_flags;

/// The flags that a spec file stands for.
const SETTINGS: [&str; 9] = [
    "brokers",
    "base-port",
    "zookeeper-port",
    "kafka",
    "preset",
    "config",
    "advertise",
    "data-dir",
    "racks",
];

/// The wish: what the flags say over what the cluster has already.
pub struct Wish {
    pub spec: ClusterSpec,
    /// The cluster as it is written down now, if it exists
    pub existing: Option<ClusterSpec>,
}

/// Reads flags, or the spec file, into a checked spec. Writes nothing.
///
/// # Errors
/// `cluster-attached` where the name is somebody else's cluster; `not-ephemeral`; what the spec's
/// checks say.
pub fn wish(call: &Call) -> Result<Wish> {
    let wish = wished(call)?;
    if let Some(old) = &wish.existing {
        // The engine refuses it too; here it is said before anything is installed or planned.
        refuse_ephemeral(old, &wish.spec)?;
    }
    Ok(wish)
}

fn wished(call: &Call) -> Result<Wish> {
    let from_file = call.args.opt_text("spec");
    // With a file the name may be left out: the file has one.
    let unnamed = call.at.is_none() && !call.args.has("cluster");
    if let (Some(file), true) = (&from_file, unnamed) {
        let text = read(call, file)?;
        let first = parse(&text, file, &PortRegistry::default(), Some(KAFKA_VERSION))?;
        return from_text(call, &text, file, first.name);
    }
    let name = common::name(call)?;
    match from_file {
        Some(file) => {
            let text = read(call, &file)?;
            from_text(call, &text, &file, name)
        }
        None => from_flags(call, name),
    }
}

fn from_text(call: &Call, text: &str, file: &str, name: ClusterName) -> Result<Wish> {
    if let Some(flag) = SETTINGS.iter().find(|flag| call.args.has(flag)) {
        return Err(Error::usage("spec-and-flags", format!("both `--spec` and `--{flag}`"))
            .with_cause("a spec file is the whole wish; change it there"));
    }
    let existing = existing(call, &name)?;
    let mut spec = parse(text, file, &registry(call, &name)?, Some(KAFKA_VERSION))?;
    if spec.name != name {
        let message = format!("`{file}` is the spec of `{}`, not of `{name}`", spec.name);
        return Err(Error::usage("wrong-spec", message)
            .with_next(format!("cluster up {} --spec {file}", spec.name)));
    }
    spec.ephemeral |= call.args.switch("ephemeral");
    Ok(Wish { spec, existing })
}

fn from_flags(call: &Call, name: ClusterName) -> Result<Wish> {
    let existing = existing(call, &name)?;
    let args = &call.args;
    let port = |flag: &str| -> Result<Option<u16>> {
        Ok(args.opt_int(flag)?.and_then(|port| u16::try_from(port).ok()))
    };
    let mut request = SpecRequest::new(name.clone());
    request.brokers = args.opt_text("brokers").map(|text| brokers(&text)).transpose()?;
    request.base_port = match args.opt_text("base-port").as_deref() {
        None => BasePort::Default,
        Some("auto") => BasePort::Auto,
        Some(_) => port("base-port")?.map_or(BasePort::Default, BasePort::At),
    };
    request.zookeeper_port = port("zookeeper-port")?;
    request.advertise = args.opt_text("advertise");
    request.data_dir = args.opt_text("data-dir").map(|path| absolute(call, &path)).transpose()?;
    request.ephemeral = args.switch("ephemeral");
    request.preset = args
        .opt_text("preset")
        .and_then(|text| Preset::ALL.into_iter().find(|preset| preset.name() == text));
    request.racks = args.opt_text("racks").map(|text| words(&text)).unwrap_or_default();
    request.config =
        args.texts("config").iter().map(|text| parse_config(text)).collect::<Result<_>>()?;
    // An existing cluster keeps its version; a new one gets what this kafsh provisions.
    request.kafka =
        args.opt_text("kafka").or_else(|| existing.is_none().then(|| KAFKA_VERSION.to_string()));
    request.existing.clone_from(&existing);
    let spec = match (&existing, asks_for_something(call)) {
        // Nothing is asked for: what is written down, as it stands.
        (Some(spec), false) => spec.clone(),
        _ => build(&request, &registry(call, &name)?)?,
    };
    Ok(Wish { spec, existing })
}

fn asks_for_something(call: &Call) -> bool {
    SETTINGS.iter().any(|flag| call.args.has(flag)) || call.args.switch("ephemeral")
}

fn existing(call: &Call, name: &ClusterName) -> Result<Option<ClusterSpec>> {
    let store = &call.context.store;
    if store.exists(name) {
        return store.load_spec(name).map(Some);
    }
    if store.attached_cluster(name)?.is_some() {
        return Err(Error::usage(
            "cluster-attached",
            format!("`{name}` is the name of an attached cluster"),
        )
        .with_cause("a name is either managed or attached")
        .with_next(format!("cluster detach {name}")));
    }
    Ok(None)
}

/// The ports other clusters keep; a rehearsal binds nothing, so the host's do not count there.
fn registry(call: &Call, name: &ClusterName) -> Result<PortRegistry> {
    let registry = match call.context.rehearsing {
        true => PortRegistry::default(),
        false => PortRegistry::of_this_host(),
    };
    call.context.store.keep_ports(registry, Some(name))
}

/// `3`, or `1,2,7`.
fn brokers(text: &str) -> Result<Brokers> {
    let bad = || {
        Error::usage("bad-brokers", format!("`{text}` is neither a number of brokers nor ids"))
            .with_next("cluster up demo --brokers 3")
            .with_next("cluster up demo --brokers 1,2,7")
    };
    if !text.contains(',') {
        return text.parse().map(Brokers::Count).map_err(|_| bad());
    }
    let ids: Result<Vec<BrokerId>> =
        words(text).iter().map(|word| word.parse().map_err(|_| bad())).collect();
    ids.map(Brokers::Ids)
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(String::from).collect()
}

fn absolute(call: &Call, path: &str) -> Result<String> {
    let path = call.directory.join(path);
    path.to_str().map(String::from).ok_or_else(|| {
        Error::usage("bad-path", format!("`{}` is no usable folder", path.display()))
    })
}

fn read(call: &Call, file: &str) -> Result<String> {
    let path = call.directory.join(file);
    let fail = |e: &std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Error::usage("no-file", format!("there is no `{file}`")),
        _ => Error::io(format!("`{file}` cannot be read"), e),
    };
    let text = files::read_text_at_most(&path, SPEC_FILE_BYTES_MAX).map_err(|e| fail(&e))?;
    text.ok_or_else(|| {
        Error::usage("bad-spec-file", format!("`{file}` is too large for a spec"))
            .with_cause(format!("a spec has at most {SPEC_FILE_BYTES_MAX} bytes"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_a_number_or_ids() {
        assert_eq!(brokers("3").unwrap(), Brokers::Count(3));
        assert_eq!(brokers("1,2,7").unwrap(), Brokers::Ids(vec![1, 2, 7]));
        assert_eq!(brokers("7,").unwrap(), Brokers::Ids(vec![7]));
        for bad in ["", "x", "1,x", "-1", "1.5", "70000"] {
            assert_eq!(brokers(bad).unwrap_err().code, "bad-brokers", "{bad}");
        }
    }
}
