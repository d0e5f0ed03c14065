//! `topic create NAME…`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use kafsh_model::keys::Scope;
use kafsh_model::port::{Admin, ItemResult};
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::min_isr;
use super::rows::{self, Defaults};
use super::settle::{SETTLE_MAX, lacks_partitions, on_every_broker};
use crate::call::Call;
use crate::commands::config::values;
use crate::flow::{Column, Flow, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind, Needs, Place};

const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column("partitions", "PARTITIONS"),
    column("replication_factor", "RF"),
    column("result", "RESULT"),
    column("error", "ERROR"),
];

/// Between two looks whether Kafka has deleted a topic.
const DELETION_POLL: Duration = Duration::from_millis(100);

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "create"],
    summary: "create topics and wait until every broker knows them",
    detail: "Returns when each broker shows every partition with a leader. What is left out, the \
             brokers' defaults decide. Rows from a pipe have `name`, `partitions`, \
             `replication_factor` and keys of settings as columns; flags are for what a row leaves \
             out. Units are understood (`7d`, `64MiB`).",
    args: &[ArgSpec {
        name: "name",
        kind: Kind::Topic,
        arity: Arity::Any,
        help: "the topics; none where rows come from a pipe",
    }],
    flags: &[
        FlagSpec::value("partitions", "N", Kind::Int(1, 100_000), "partitions of each").short('p'),
        FlagSpec::value(
            "replication-factor",
            "N",
            Kind::Int(1, 1_000),
            "replicas of each partition",
        )
        .short('r')
        .alias(&["rf"]),
        FlagSpec::value("config", "KEY=VALUE", Kind::TopicConfig, "a setting").repeated(),
        FlagSpec::value(
            "assignment",
            "A:B,C:D",
            Kind::Text,
            "brokers of each partition, preferred leader first",
        )
        .alias(&["replica-assignment"]),
        FlagSpec::switch("if-not-exists", "a topic that exists is no failure"),
        FlagSpec::switch("dry-run", "let the brokers check it, create nothing"),
    ],
    place: Place::Both,
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example {
            line: "topic create test --partitions 10 --replication-factor 3 --if-not-exists",
            about: "one topic",
        },
        Example {
            line: "topic create audit --partitions 3 --config retention.ms=30d --dry-run",
            about: "checked only",
        },
        Example {
            line: "read scripts/examples/topics.csv | topic create --if-not-exists --dry-run",
            about: "a row each",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// Topics that a warning is given for, one by one.
const WARNINGS_MAX: usize = 5;

async fn run(mut call: Call) -> Result<Output> {
    let specs = wanted(&mut call).await?;
    let dry_run = call.args.switch("dry-run");
    if !dry_run {
        call.check_writable().await?;
    }
    let admin = call.admin()?;
    let mut outcomes = Vec::new();
    for (spec, (_, outcome)) in specs.iter().zip(create(admin.as_ref(), &specs, dry_run).await?) {
        outcomes.push(Outcome::new(spec, outcome, dry_run, call.args.switch("if-not-exists")));
    }
    let made = outcomes.iter().filter(|outcome| outcome.result != "failed");
    let names: Vec<String> = made.map(|outcome| outcome.spec.name.clone()).collect();
    if !dry_run && !names.is_empty() {
        settle(admin.as_ref(), &names, &mut outcomes).await?;
    }
    // One topic that failed is the failure itself, with its code.
    if let [only] = outcomes.as_mut_slice()
        && let Some(error) = only.error.take()
    {
        return Err(error);
    }
    let mut notes: Vec<String> = outcomes.iter().flat_map(|outcome| outcome.note.clone()).collect();
    notes.extend(unwritable(admin.as_ref(), &outcomes).await);
    let rows = outcomes.iter().map(Outcome::row).collect();
    let errors = outcomes.iter().filter_map(|outcome| outcome.error.as_ref());
    let mut output = Output::value(Value::Array(rows), View::Rows(COLUMNS)).failed_by(errors);
    output.notes = notes;
    Ok(match dry_run {
        true => output.note("dry run: nothing was created"),
        false => output,
    })
}

/// Warnings of topics that want more replicas in sync than they have. Where the minimum is the
/// brokers' it is asked for only if few replicas were asked for by name; a warning that cannot be
/// had costs nothing.
async fn unwritable(admin: &dyn Admin, outcomes: &[Outcome]) -> Vec<String> {
    let made = || outcomes.iter().filter(|o| matches!(o.result, "created" | "valid"));
    let asks = |o: &&Outcome| {
        let own = o.spec.configs.contains_key(min_isr::KEY);
        o.result == "created" && !own && o.spec.replication_factor.is_some()
    };
    let names: Vec<String> = made().filter(asks).map(|o| o.spec.name.clone()).collect();
    let in_force: HashMap<String, String> = match names.is_empty() {
        true => HashMap::new(),
        false => min_isr::in_force(admin, &names).await.unwrap_or_default().into_iter().collect(),
    };
    let warn = |o: &Outcome| {
        let own = o.spec.configs.get(min_isr::KEY);
        let theirs = in_force.get(&o.spec.name);
        min_isr::warning(&o.spec.name, own.or(theirs)?, o.replication_factor?)
    };
    let mut warnings: Vec<String> = made().filter_map(warn).collect();
    if warnings.len() > WARNINGS_MAX {
        let more = warnings.split_off(WARNINGS_MAX).len();
        warnings.push(format!("warning: the same of {more} more topics"));
    }
    warnings
}

/// Creates them. Kafka takes a topic from view before it has deleted it: until then it says that it
/// exists, though nobody can use it, so what no broker shows is tried again.
async fn create(
    admin: &dyn Admin,
    specs: &[TopicSpec],
    dry_run: bool,
) -> Result<Vec<ItemResult<TopicSpec>>> {
    let mut outcomes = admin.create_topics(specs, dry_run).await?;
    let deadline = Instant::now() + SETTLE_MAX;
    while !dry_run && Instant::now() < deadline {
        let exists = |outcome: &Result<TopicSpec>| {
            outcome.as_ref().is_err_and(|error| error.code == "topic-exists")
        };
        let names: Vec<String> = outcomes
            .iter()
            .filter(|(_, outcome)| exists(outcome))
            .map(|(name, _)| name.clone())
            .collect();
        if names.is_empty() {
            break;
        }
        let seen = admin.topics_on_every_broker(&names).await?;
        let shown: BTreeSet<&str> =
            seen.iter().flat_map(|(_, topics)| topics).map(|topic| topic.name.as_str()).collect();
        let unseen =
            |spec: &&TopicSpec| names.contains(&spec.name) && !shown.contains(spec.name.as_str());
        let again: Vec<TopicSpec> = specs.iter().filter(unseen).cloned().collect();
        if again.is_empty() {
            break;
        }
        tokio::time::sleep(DELETION_POLL).await;
        for (name, outcome) in admin.create_topics(&again, false).await? {
            if let Some(old) = outcomes.iter_mut().find(|(old, _)| *old == name) {
                old.1 = outcome;
            }
        }
    }
    Ok(outcomes)
}

/// What is to be created: names with the flags, or rows of a pipe.
async fn wanted(call: &mut Call) -> Result<Vec<TopicSpec>> {
    let narrow = |number: Option<i64>| number.and_then(|n| i32::try_from(n).ok());
    let partitions = narrow(call.args.opt_int("partitions")?);
    let replicas = narrow(call.args.opt_int("replication-factor")?);
    let assignments = match call.args.opt_text("assignment") {
        Some(_) if partitions.is_some() || replicas.is_some() => {
            return Err(Error::usage(
                "bad-flags",
                "`--assignment` says how many partitions and replicas there are: `--partitions` \
                 and `--replication-factor` do not go with it",
            ));
        }
        Some(text) => rows::assignments(&text)?,
        None => Vec::new(),
    };
    let configs: BTreeMap<String, String> =
        values::checked(Scope::Topic, &call.args.pairs("config")?)?.into_iter().collect();
    let replication_factor = replicas.and_then(|n| i16::try_from(n).ok());
    let defaults = Defaults { partitions, replication_factor, configs, assignments };
    let names = call.args.texts("name");
    match (names.is_empty(), call.take_input()) {
        (true, Flow::Nothing) => Err(Error::usage("missing-argument", "which topic?")
            .with_cause("give a name, or rows from a pipe: `read topics.csv | topic create`")
            .with_next("help topic create")),
        (true, input) => rows::specs(input, &defaults).await,
        (false, Flow::Nothing) => {
            let values = names.into_iter().map(Value::String).collect();
            let view = View::Plain;
            rows::specs(Flow::Value { value: Value::Array(values), view }, &defaults).await
        }
        (false, _) => {
            Err(Error::usage("two-inputs", "names and rows from a pipe exclude each other"))
        }
    }
}

struct Outcome {
    /// As it was asked for, or as policies amended it
    spec: TopicSpec,
    /// `created`, `exists`, `valid` or `failed`
    result: &'static str,
    error: Option<Error>,
    note: Option<String>,
    partitions: Option<usize>,
    replication_factor: Option<usize>,
}

impl Outcome {
    fn new(wanted: &TopicSpec, made: Result<TopicSpec>, dry_run: bool, may_exist: bool) -> Self {
        let (result, spec, error) = match made {
            Ok(made) if dry_run => ("valid", made, None),
            Ok(made) => ("created", made, None),
            Err(error) if may_exist && error.code == "topic-exists" => {
                ("exists", wanted.clone(), None)
            }
            Err(error) => ("failed", wanted.clone(), Some(error)),
        };
        let assigned = spec.assignments.first().map(Vec::len);
        Outcome {
            result,
            error,
            note: None,
            partitions: wanted_partitions(&spec),
            replication_factor: spec
                .replication_factor
                .and_then(|n| usize::try_from(n).ok())
                .or(assigned),
            spec,
        }
    }

    fn row(&self) -> Value {
        json!({
            "name": self.spec.name,
            "partitions": self.partitions,
            "replication_factor": self.replication_factor,
            "result": self.result,
            "error": self.error.as_ref().map(ToString::to_string),
        })
    }
}

fn wanted_partitions(spec: &TopicSpec) -> Option<usize> {
    match spec.assignments.len() {
        0 => spec.partitions.and_then(|n| usize::try_from(n).ok()),
        count => Some(count),
    }
}

/// Waits for every broker, then fills in what the topics are really like.
async fn settle(admin: &dyn Admin, names: &[String], outcomes: &mut [Outcome]) -> Result<()> {
    let created: BTreeMap<String, Option<usize>> = outcomes
        .iter()
        .filter(|outcome| outcome.result == "created")
        .map(|outcome| (outcome.spec.name.clone(), wanted_partitions(&outcome.spec)))
        .collect();
    let waiting: Vec<String> = created.keys().cloned().collect();
    let late = match waiting.is_empty() {
        true => Vec::new(),
        false => {
            let lacks = |name: &str, topic: Option<&_>| {
                lacks_partitions(topic, created.get(name).copied().flatten())
            };
            on_every_broker(admin, &waiting, lacks).await?
        }
    };
    let late: HashMap<String, Error> = late.into_iter().collect();
    let seen = admin.topics_on_every_broker(names).await?;
    let mut found = HashMap::new();
    for topic in seen.iter().flat_map(|(_, topics)| topics) {
        found.entry(topic.name.as_str()).or_insert(topic);
    }
    for outcome in outcomes.iter_mut() {
        let name = &outcome.spec.name;
        if let Some(error) = late.get(name) {
            outcome.error = Some(error.clone());
        }
        let found = found.get(name.as_str()).filter(|_| outcome.result != "failed");
        let Some(topic) = found else { continue };
        let (partitions, replicas) = (topic.partitions.len(), topic.replication_factor());
        let other = |wanted: Option<usize>, found: usize| wanted.is_some_and(|w| w != found);
        if outcome.result == "exists"
            && (other(outcome.partitions, partitions)
                || other(outcome.replication_factor, replicas))
        {
            outcome.note = Some(format!(
                "`{name}` exists with {partitions} partitions and replication factor {replicas}, \
                 not as asked"
            ));
        }
        outcome.partitions = Some(partitions);
        outcome.replication_factor = Some(replicas);
    }
    Ok(())
}
