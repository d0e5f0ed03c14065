//! `cluster destroy [CLUSTER]`: the only command that deletes a cluster.

use kafsh_cluster::engine::report::StopOptions;
use kafsh_model::Result;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_size;
use serde_json::{Value, json};

use super::common::{self, CLUSTER_ARG, DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use crate::call::Call;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{CommandSpec, Effect, Example, FlagSpec, LocalFuture};

/// Topics named in the question; the others are counted.
const TOPICS_SHOWN: usize = 8;

const FIELDS: &[Column] = &[
    column("name", "destroyed"),
    column("folder", "folder"),
    column_as("bytes", "data", Show::Size),
    column("topics", "topics"),
    column("archives", "archives"),
    column("kept", "kept"),
];

const SECTIONS: &[Section] = &[Section {
    key: "data",
    title: "",
    columns: &[
        column("node", "NODE"),
        column("path", "PATH"),
        column_as("bytes", "SIZE", Show::Size),
    ],
}];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "destroy"],
    summary: "stop a cluster and delete all of it: data, properties, logs, archives",
    detail: "The question says what is lost. Data that an adopted cluster came with is never \
             deleted: it stays where it is. A cluster that is only attached is not touched by \
             this: `cluster detach` forgets it.",
    args: &[CLUSTER_ARG],
    flags: &[
        FlagSpec::switch("keep-archives", "leave what `cluster archive` moved aside"),
        FORCE_STOP,
        STOP_TIMEOUT,
        DRY_RUN,
    ],
    effect: Effect::Destructive,
    examples: &[
        Example { line: "cluster destroy demo --dry-run", about: "what would be lost" },
        Example { line: "cluster destroy demo --yes", about: "without a question, in a script" },
    ],
    question: Some(|call| -> LocalFuture<'_, Result<Option<String>>> { Box::pin(question(call)) }),
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(mut call: Call) -> Result<Output> {
    let spec = common::managed(&call)?;
    let engine = common::engine(&call)?;
    let loss = Loss::of(&call, &spec).await?;
    let keep = call.args.switch("keep-archives");
    let view = View::Record { fields: FIELDS, sections: SECTIONS };
    let output = Output::value(loss.value(&spec, keep), view);
    if call.args.switch("dry-run") {
        return Ok(output.note("nothing was deleted (--dry-run)"));
    }
    let confirmed = call.confirmed()?;
    let deadline = call.args.opt_duration("stop-timeout")?;
    let options = StopOptions { force: call.args.switch("force"), deadline };
    engine.destroy(&spec, !keep, &options, confirmed).await?;
    call.session.forget_ephemeral(spec.name.as_str());
    Ok(output)
}

async fn question(call: &Call) -> Result<Option<String>> {
    let spec = common::managed(call)?;
    let loss = Loss::of(call, &spec).await?;
    Ok(Some(loss.question(&spec, call.args.switch("keep-archives"))))
}

/// What is there to lose.
struct Loss {
    folder: String,
    /// Node, folder, allocated bytes
    data: Vec<(String, String, u64)>,
    /// Node and folder of data that came with an adopted cluster, and stays
    kept: Vec<(String, String)>,
    running: usize,
    /// `None`: no broker could be asked
    topics: Option<Vec<String>>,
    archives: Vec<String>,
}

impl Loss {
    async fn of(call: &Call, spec: &ClusterSpec) -> Result<Loss> {
        let engine = common::engine(call)?;
        let facts = common::facts(&engine, spec, &spec.nodes()).await?;
        let running = facts.iter().filter(|facts| facts.process.is_alive()).count();
        let held = common::held_data(&facts).into_iter();
        let held = held.map(|(node, path, bytes)| (node.to_string(), path, bytes));
        let folder = call.context.store.cluster_dir(&spec.name);
        let foreign = |path: &str| spec.adopted && !std::path::Path::new(path).starts_with(&folder);
        let (kept, data): (Vec<_>, Vec<_>) = held.partition(|(_, path, _)| foreign(path));
        let topics = match running {
            0 => None,
            _ => {
                let admin = call.context.admin(&call.context.target(spec.name.as_str())?)?;
                // Brokers that do not answer are no reason to keep a cluster for ever.
                admin.topics(None).await.ok().map(|topics| {
                    topics.into_iter().filter(|t| !t.internal).map(|t| t.name).collect()
                })
            }
        };
        Ok(Loss {
            folder: folder.display().to_string(),
            data,
            kept: kept.into_iter().map(|(node, path, _)| (node, path)).collect(),
            running,
            topics,
            archives: engine.archives(spec).await?,
        })
    }

    fn bytes(&self) -> u64 {
        self.data.iter().map(|(_, _, bytes)| bytes).sum()
    }

    fn value(&self, spec: &ClusterSpec, keep: bool) -> Value {
        let rows: Vec<Value> = self
            .data
            .iter()
            .map(|(node, path, bytes)| json!({ "node": node, "path": path, "bytes": bytes }))
            .collect();
        json!({
            "name": spec.name.to_string(),
            "folder": self.folder,
            "bytes": self.bytes(),
            "data": rows,
            "kept": self.kept.iter().map(|(_, path)| path).collect::<Vec<_>>(),
            "topics": self.topics,
            "archives": if keep { Vec::new() } else { self.archives.clone() },
            "stopped": self.running,
        })
    }

    /// Every folder with its size, the topics where they are known, the archives.
    fn question(&self, spec: &ClusterSpec, keep: bool) -> String {
        let mut lines = vec![match self.kept.is_empty() {
            true => format!("destroying cluster `{}` cannot be undone", spec.name),
            false => format!("cluster `{}` is adopted: its data is not deleted", spec.name),
        }];
        if self.running > 0 {
            lines.push(format!("  stops     {}", common::counted(self.running, "server")));
        }
        for (node, path, bytes) in &self.data {
            lines.push(format!("  deletes   {path} ({node}, {})", show_size(*bytes)));
        }
        for (node, path) in &self.kept {
            lines.push(format!("  keeps     {path} ({node}, adopted)"));
        }
        match &self.topics {
            Some(topics) if !self.kept.is_empty() => {
                let count = common::counted(topics.len(), "topic");
                lines.push(format!("  keeps     {count}, in those folders"));
            }
            Some(topics) if !topics.is_empty() => {
                let more = topics.len().saturating_sub(TOPICS_SHOWN);
                let shown = topics[..topics.len() - more].join(", ");
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                lines.push(format!("  topics    {shown}{more}"));
            }
            Some(_) => lines.push("  topics    none".to_string()),
            None if self.data.is_empty() => {}
            None => lines.push("  topics    not known, no broker can be asked".to_string()),
        }
        lines.push(format!("  deletes   {} (properties, logs)", self.folder));
        match (self.archives.len(), keep) {
            (0, _) => {}
            (_, true) => lines.push(format!("  keeps     archives {}", self.archives.join(", "))),
            (_, false) => lines.push(format!("  deletes   archives {}", self.archives.join(", "))),
        }
        lines.push(format!("destroy `{}`?", spec.name));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_says_what_is_lost() {
        let request = kafsh_cluster::spec::SpecRequest {
            kafka: Some("3.9.2".to_string()),
            ..kafsh_cluster::spec::SpecRequest::new(kafsh_model::ClusterName::new("demo").unwrap())
        };
        let registry = kafsh_cluster::spec::PortRegistry::default();
        let spec = kafsh_cluster::spec::build(&request, &registry).unwrap();
        let loss = Loss {
            folder: "/h/clusters/demo".to_string(),
            data: vec![("broker 1".to_string(), "/h/clusters/demo/x".to_string(), 2048)],
            kept: Vec::new(),
            running: 4,
            topics: Some(vec!["orders".to_string()]),
            archives: vec!["u1".to_string()],
        };
        let question = loss.question(&spec, false);
        for part in ["/h/clusters/demo/x (broker 1, 2.0 KiB)", "orders", "archives u1", "4 servers"]
        {
            assert!(question.contains(part), "{part} in {question}");
        }
        assert!(loss.question(&spec, true).contains("keeps     archives u1"));
        let kept = vec![("broker 1".to_string(), "/broker1".to_string())];
        let adopted = Loss { kept, data: Vec::new(), ..loss }.question(&spec, false);
        assert!(adopted.contains("keeps     /broker1 (broker 1, adopted)"), "{adopted}");
        assert!(!adopted.contains("orders") && !adopted.contains("cannot be undone"), "{adopted}");
    }
}
