//! Policies in charge: which are bound to a cluster, what they say of a change, what becomes of it.
//!
//! They stand before the port: [`guard`] wraps the `Admin` of every call, so that no command can
//! forget to ask, and the engine asks them through [`Guard`]'s gate before a plan creates a topic.

mod ask;
mod change;
mod guard;
mod state;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_model::plugin::Settings;
use kafsh_model::policy::{Policy, PolicyBinding, PolicyMode};
use kafsh_model::port::Admin;
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Error, Result};

pub use ask::{Answer, Said, refusal};
pub use guard::{GuardedAdmin, PlanGate};
pub use state::facts;
pub use trial::trial;

use change::{PARTITIONS, REPLICATION_FACTOR};

use crate::call::Call;
use crate::context::Context;

/// A binding with its policy loaded and its settings read.
#[derive(Clone)]
pub struct Bound {
    pub binding: PolicyBinding,
    /// Why it cannot be asked: that refuses too, where it is enforced
    pub policy: Result<(Arc<dyn Policy>, Arc<Settings>)>,
}

/// Everything that is to be asked of changes to one cluster.
#[derive(Clone)]
pub struct Charge {
    pub cluster: String,
    pub bound: Arc<Vec<Bound>>,
    /// `user`, `file`, `line`, `dry-run`, `given`
    pub extras: BTreeMap<String, String>,
}

impl Charge {
    /// The bindings about a cluster that are not off; `None` where there are none, which costs one
    /// look for a file.
    ///
    /// # Errors
    /// The bindings cannot be read. A policy that cannot be loaded is no error here: it refuses.
    pub fn of(context: &Context, cluster: &str) -> Result<Option<Charge>> {
        let bound = on(context, |binding| binding.is_about_cluster(cluster))?;
        Ok(if bound.is_empty() { None } else { Some(Charge::over(cluster, bound)) })
    }

    pub fn over(cluster: &str, bound: Vec<Bound>) -> Charge {
        Charge {
            cluster: cluster.to_string(),
            bound: Arc::new(bound),
            extras: Asker::default().extras(),
        }
    }

    /// Whose change it is, and where it is asked for.
    #[must_use]
    pub fn asked_by(self, asker: &Asker) -> Charge {
        Charge { extras: asker.extras(), ..self }
    }

    /// For a topic that is to be created: what of its counts was said, and not left to the brokers.
    #[must_use]
    pub fn of_creation(&self, topic: &TopicSpec) -> Charge {
        let assigned = !topic.assignments.is_empty();
        let counts = [
            (PARTITIONS, topic.partitions.is_some()),
            (REPLICATION_FACTOR, topic.replication_factor.is_some()),
        ];
        let given = counts.iter().filter(|(_, said)| *said || assigned).map(|(field, _)| *field);
        let mut charge = self.clone();
        charge.extras.insert("given".to_string(), given.collect::<Vec<_>>().join(","));
        charge
    }
}

/// Who wants a change, as policies are told it beside what is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// File and line of the script
    pub place: Option<(String, usize)>,
    /// Nothing is changed, whatever they say
    pub dry_run: bool,
}

impl Asker {
    /// That of a command: where it stands, and whether it is only tried.
    pub fn of(call: &Call) -> Self {
        Asker { place: call.place.clone(), dry_run: call.args.switch("dry-run") }
    }

    fn extras(&self) -> BTreeMap<String, String> {
        let mut extras = BTreeMap::from([
            ("user".to_string(), user()),
            ("dry-run".to_string(), self.dry_run.to_string()),
        ]);
        if let Some((file, line)) = &self.place {
            extras.insert("file".to_string(), file.clone());
            extras.insert("line".to_string(), line.to_string());
        }
        extras
    }
}

/// The bindings that are not off and fit, loaded.
///
/// # Errors
/// The bindings cannot be read.
pub fn on(context: &Context, fits: impl Fn(&PolicyBinding) -> bool) -> Result<Vec<Bound>> {
    let bindings = context.store.policy_bindings()?.into_iter();
    let asked = bindings.filter(|binding| binding.mode != PolicyMode::Off && fits(binding));
    Ok(asked.map(|binding| load(context, binding)).collect())
}

/// Loads what a binding names.
pub fn load(context: &Context, binding: PolicyBinding) -> Bound {
    let loaded = || {
        let policy = context.policy(&binding.policy)?;
        let specs = &policy.manifest().settings;
        let secret = &crate::config::secret;
        let settings = Settings::read(&binding.policy, specs, &binding.settings, secret)?;
        Ok((policy, Arc::new(settings)))
    };
    let policy = loaded();
    Bound { binding, policy }
}

fn user() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default()
}

/// The administration of the cluster that a call is about, behind the policies in charge of it.
///
/// # Errors
/// As [`Charge::of`].
pub fn guard(call: &Call, admin: Arc<dyn Admin>) -> Result<Arc<dyn Admin>> {
    let Some(charge) = charge_of(call)? else { return Ok(admin) };
    Ok(Arc::new(GuardedAdmin::new(admin, charge, call.progress.clone())))
}

fn charge_of(call: &Call) -> Result<Option<Charge>> {
    let cluster = match call.address() {
        Some(address) => address,
        None => call.cluster_name()?,
    };
    let charge = Charge::of(&call.context, &cluster)?;
    Ok(charge.map(|charge| charge.asked_by(&Asker::of(call))))
}

/// What the policies in charge have against deleting topics, without deleting any.
///
/// # Errors
/// As [`Charge::of`]; what asking the brokers says.
pub async fn against_deletion(call: &Call, names: &[String]) -> Result<Vec<(String, Error)>> {
    match charge_of(call)? {
        Some(charge) => {
            let admin = call.context.admin(&call.target()?)?;
            GuardedAdmin::new(admin, charge, call.progress.clone()).against_deletion(names).await
        }
        None => Ok(Vec::new()),
    }
}
