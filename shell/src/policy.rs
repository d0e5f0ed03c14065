//! Policies in charge: which are bound to a cluster, what they say of a change, what becomes of it.
//!
//! They stand before the port: [`guard`] wraps the `Admin` of every call, so that no command can
//! forget to ask, and the engine asks them through [`Guard`]'s gate before a plan creates a topic.

mod ask;
mod change;
mod guard;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_model::plugin::Settings;
use kafsh_model::policy::{Policy, PolicyBinding, PolicyMode};
use kafsh_model::port::Admin;
use kafsh_model::{Error, Result};

pub use ask::{Answer, Said, refusal};
pub use guard::{GuardedAdmin, PlanGate};
pub use state::facts;

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
    /// `user`, `file`, `line`
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
            extras: BTreeMap::from([("user".to_string(), user())]),
        }
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
    let mut charge = Charge::of(&call.context, &cluster)?;
    if let (Some(charge), Some((file, line))) = (&mut charge, &call.place) {
        charge.extras.insert("file".to_string(), file.clone());
        charge.extras.insert("line".to_string(), line.to_string());
    }
    Ok(charge)
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
