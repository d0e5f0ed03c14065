//! The plugins of a shell, by kind and name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use kafsh_model::error::{Error, Result};
use kafsh_model::plan::{StepInfo, StepInput, StepPlan};
use kafsh_model::plugin::{ClusterFacts, Manifest, PluginKind, Settings};
use kafsh_model::policy::{Policies, Policy, PolicyRequest, PolicyResponse};
use kafsh_model::port::{Step, Steps};
use kafsh_model::transform::{Transform, Transforms};
use kafsh_pack::Digest;

use crate::caller::Kind;
use crate::grants::Grants;
use crate::kinds::policy::PolicyPlugin;
use crate::kinds::step::StepPlugin;
use crate::kinds::transform::TransformPlugin;
use crate::limits::Limits;
use crate::plugin::{Measured, Plugin, PluginSource};
use crate::shared::{HostOptions, Shared};

/// Plugins by kind and name. Cheap to make: an engine starts and a plugin is compiled when first
/// needed.
pub struct PluginHost {
    shared: Arc<Shared>,
    steps: ByName<StepPlugin>,
    policies: ByName<PolicyPlugin>,
    transforms: ByName<TransformPlugin>,
}

type ByName<P> = RwLock<BTreeMap<String, Arc<P>>>;

impl PluginHost {
    pub fn new(options: HostOptions) -> Self {
        PluginHost {
            shared: Arc::new(Shared::new(options)),
            steps: RwLock::default(),
            policies: RwLock::default(),
            transforms: RwLock::default(),
        }
    }

    /// Registers a plugin; replaces one of the same kind and name.
    ///
    /// # Errors
    /// `plugin-too-large`, `plugin-precompiled`, `plugin-not-component`: what the first bytes show.
    /// `plugin-bad-manifest`: it is of another kind or name. The rest is checked when the plugin is
    /// first called.
    pub fn add(&self, source: PluginSource) -> Result<()> {
        fn insert<P>(plugins: &ByName<P>, name: String, plugin: P) {
            let mut plugins = plugins.write().unwrap_or_else(PoisonError::into_inner);
            plugins.insert(name, Arc::new(plugin));
        }
        let name = source.name.clone();
        match source.kind {
            PluginKind::Step => insert(&self.steps, name, StepPlugin::new(self.plugin(source)?)),
            PluginKind::Policy => insert(&self.policies, name, PolicyPlugin(self.plugin(source)?)),
            PluginKind::Transform => {
                let plugin = Arc::new(self.plugin(source)?);
                insert(&self.transforms, name, TransformPlugin(plugin));
            }
        }
        Ok(())
    }

    fn plugin<K: Kind>(&self, source: PluginSource) -> Result<Plugin<K>> {
        Plugin::new(Arc::clone(&self.shared), source)
    }

    /// Registers a plugin that travels inside the binary: it has all that its manifest asks for,
    /// and its digest was taken when it was built, so that start-up does not hash it again.
    ///
    /// # Errors
    /// As [`PluginHost::add`]; `bug` if `digest` is none.
    pub fn add_bundled(&self, component: &'static [u8], digest: &str) -> Result<()> {
        let manifest = crate::plugin::manifest_of(component)?;
        let parsed = Digest::parse(digest);
        let digest = parsed.ok_or_else(|| Error::bug(format!("`{digest}` is no digest")))?;
        self.add(PluginSource {
            kind: manifest.kind,
            name: manifest.name.clone(),
            component: Cow::Borrowed(component),
            digest,
            grants: Grants::all_of(&manifest),
            manifest,
        })
    }

    /// Compiles a plugin and asks it who it is, now rather than at its first call.
    ///
    /// # Errors
    /// All that its first call would find.
    pub fn load(&self, kind: PluginKind, name: &str) -> Result<()> {
        match kind {
            PluginKind::Step => find(&self.steps, kind, name)?.plugin.ready().map(drop),
            PluginKind::Policy => find(&self.policies, kind, name)?.0.ready().map(drop),
            PluginKind::Transform => find(&self.transforms, kind, name)?.0.ready().map(drop),
        }
    }

    /// Manifests of all plugins of a kind, by name.
    pub fn manifests(&self, kind: PluginKind) -> Vec<Manifest> {
        fn of<P>(plugins: &ByName<P>, manifest: impl Fn(&P) -> &Manifest) -> Vec<Manifest> {
            let plugins = plugins.read().unwrap_or_else(PoisonError::into_inner);
            plugins.values().map(|plugin| manifest(plugin).clone()).collect()
        }
        match kind {
            PluginKind::Step => of(&self.steps, |step| &step.plugin.manifest),
            PluginKind::Policy => of(&self.policies, |policy| &policy.0.manifest),
            PluginKind::Transform => of(&self.transforms, |transform| &transform.0.manifest),
        }
    }

    /// What is in force for a plugin.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn limits(&self, kind: PluginKind, name: &str) -> Result<Limits> {
        Ok(match kind {
            PluginKind::Step => *find(&self.steps, kind, name)?.plugin.limits(),
            PluginKind::Policy => *find(&self.policies, kind, name)?.0.limits(),
            PluginKind::Transform => *find(&self.transforms, kind, name)?.0.limits(),
        })
    }

    /// What the calls of a step or policy have counted so far (capability `metrics`); instances of
    /// transforms have counters of their own.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn counters(&self, kind: PluginKind, name: &str) -> Result<BTreeMap<String, u64>> {
        Ok(match kind {
            PluginKind::Step => find(&self.steps, kind, name)?.plugin.counters(),
            PluginKind::Policy => find(&self.policies, kind, name)?.0.counters(),
            PluginKind::Transform => find(&self.transforms, kind, name)?.0.counters(),
        })
    }

    /// [`Policy::check`] with what it has cost, for `plugin test` and `plugin bench`.
    ///
    /// # Errors
    /// As `Policy::check`; `policy-not-found`.
    pub fn measure_policy(
        &self,
        name: &str,
        request: &PolicyRequest,
        settings: &Settings,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> Result<Measured<PolicyResponse>> {
        find(&self.policies, PluginKind::Policy, name)?.measure(request, settings, facts)
    }

    /// [`Step::plan`] with settings, and what it has cost.
    ///
    /// # Errors
    /// As `Step::plan`; `step-not-found`.
    pub fn measure_step(
        &self,
        name: &str,
        input: &StepInput,
        settings: &Arc<Settings>,
    ) -> Result<Measured<StepPlan>> {
        find(&self.steps, PluginKind::Step, name)?.measure(input, settings)
    }
}

fn find<P>(plugins: &ByName<P>, kind: PluginKind, name: &str) -> Result<Arc<P>> {
    let plugins = plugins.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = plugins.get(name) {
        return Ok(Arc::clone(found));
    }
    let known: Vec<String> = plugins.keys().map(|name| format!("`{name}`")).collect();
    let (code, plural) = match kind {
        PluginKind::Step => ("step-not-found", "steps"),
        PluginKind::Policy => ("plugin-not-found", "policies"),
        PluginKind::Transform => ("plugin-not-found", "transforms"),
    };
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Error::not_found(code, format!("there is no {kind} `{}`", name.escape_debug()))
        .with_evidence(format!("known {plural}: {known}")))
}

impl Steps for PluginHost {
    fn step(&self, name: &str) -> Result<Arc<dyn Step>> {
        Ok(find(&self.steps, PluginKind::Step, name)?)
    }

    fn list(&self) -> Vec<StepInfo> {
        let steps = self.steps.read().unwrap_or_else(PoisonError::into_inner);
        steps.values().map(|step| step.info().clone()).collect()
    }
}

impl Policies for PluginHost {
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>> {
        Ok(find(&self.policies, PluginKind::Policy, name)?)
    }
}

impl Transforms for PluginHost {
    fn transform(&self, name: &str) -> Result<Arc<dyn Transform>> {
        Ok(find(&self.transforms, PluginKind::Transform, name)?)
    }
}
