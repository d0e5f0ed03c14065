//! Names of topics and groups that were most likely meant: what is there is asked once the name
//! that was given turned out not to be.

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::port::{Admin, Target};
use kafsh_model::suggest::{did_you_mean, suggest};
use kafsh_model::{Error, Result};

use super::advice::typed;
use crate::args::Args;
use crate::call::Call;
use crate::context::Context;
use crate::spec::{CommandSpec, Kind};

/// Longest that an error is held back to learn which names there are.
const NAMES_WAIT: Duration = Duration::from_secs(2);

/// Before the name of a topic where a resource is named.
const TOPIC_RESOURCE: &str = "topic/";

/// A call whose words name topics or groups: what is needed to ask which there are.
pub(super) struct Named {
    spec: &'static CommandSpec,
    args: Args,
    at: Option<String>,
    target: Target,
    context: Arc<Context>,
}

/// What is named, by the code of the error that says it is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Topic,
    Group,
}

impl Named {
    /// `None` of a call that names neither, or whose cluster cannot be told.
    pub fn of(spec: &'static CommandSpec, call: &Call) -> Option<Named> {
        [What::Topic, What::Group]
            .into_iter()
            .any(|what| !words(spec, &call.args, what).is_empty())
            .then(|| call.target().ok())
            .flatten()
            .map(|target| Named {
                spec,
                args: call.args.clone(),
                at: call.at.clone(),
                target,
                context: call.context.clone(),
            })
    }

    /// The error with the nearest names that exist, and the command as it was most likely meant.
    pub async fn error(&self, mut error: Error) -> Error {
        let what = match error.code.as_ref() {
            "topic-not-found" => What::Topic,
            "group-not-found" => What::Group,
            _ => return error,
        };
        let given = words(self.spec, &self.args, what);
        let Some(wrong) = given.into_iter().find(|w| error.message.contains(&format!("`{w}`")))
        else {
            return error;
        };
        let Ok(Ok(known)) = tokio::time::timeout(NAMES_WAIT, self.known(what)).await else {
            return error;
        };
        let near = suggest(&wrong, known.iter().map(String::as_str));
        let Some(nearest) = near.first() else { return error };
        error.message.push_str(&did_you_mean(&near));
        let mut meant = self.args.clone();
        meant.replace(&wrong, nearest);
        let resource = |name: &str| format!("{TOPIC_RESOURCE}{name}");
        meant.replace(&resource(&wrong), &resource(nearest));
        error.next.insert(0, typed(self.spec, &meant, self.at.as_deref()));
        error
    }

    async fn known(&self, what: What) -> Result<Vec<String>> {
        let admin: Arc<dyn Admin> = self.context.admin(&self.target)?;
        Ok(match what {
            What::Topic => {
                let topics = admin.topics(None).await?;
                topics.into_iter().filter(|t| !t.internal).map(|topic| topic.name).collect()
            }
            What::Group => {
                let all = admin.list_groups(NAMES_WAIT).await?;
                let told = all.into_iter().filter_map(|(_, groups)| groups.ok());
                told.flatten().map(|group| group.group).collect()
            }
        })
    }
}

/// The topics or groups that a call names, of its arguments and its flags.
fn words(spec: &'static CommandSpec, args: &Args, what: What) -> Vec<String> {
    let kinds = spec.args.iter().map(|arg| (arg.name, arg.kind));
    let flags = spec.flags.iter().filter_map(|flag| Some((flag.name, flag.value?.1)));
    let wanted = match what {
        What::Topic => Kind::Topic,
        What::Group => Kind::Group,
    };
    let all: Vec<(&'static str, Kind)> = kinds.chain(flags).collect();
    let of = |name: &str, kind: Kind| -> Vec<String> {
        let texts = args.texts(name).into_iter();
        match kind {
            kind if kind == wanted => texts.collect(),
            Kind::Text if name == "resource" && what == What::Topic => {
                texts.filter_map(|t| t.strip_prefix(TOPIC_RESOURCE).map(String::from)).collect()
            }
            _ => Vec::new(),
        }
    };
    all.into_iter().flat_map(|(name, kind)| of(name, kind)).collect()
}
