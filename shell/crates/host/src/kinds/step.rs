//! Provisioning steps: the contract of `sdk/wit/step`, seen from the host.

mod convert;
mod lift;
mod lower;

use std::sync::Arc;

use kafsh_model::error::{Error, Result};
use kafsh_model::plan::{StepInfo, StepInput, StepPlan, Verification};
use kafsh_model::plugin::{PluginKind, Settings};
use kafsh_model::port::Step;
use wasmtime::Store;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use crate::caller::{Description, Kind};
use crate::fault::Call;
use crate::guest::GuestState;
use crate::inspect::World;
use crate::plugin::{Measured, Plugin};

pub(crate) mod contract {
    //! Generated from the contract.
    wasmtime::component::bindgen!({
        path: ["../../../sdk/wit/host", "../../../sdk/wit/step"],
        world: "kafsh:step/provisioning-step",
        with: { "kafsh:host": crate::capabilities::host },
    });
}

use contract::kafsh::step::types;
use contract::{ProvisioningStep, ProvisioningStepPre};

impl types::Host for GuestState {}

/// Steps, as the engine sees them.
pub(crate) enum StepKind {}

impl Kind for StepKind {
    const KIND: PluginKind = PluginKind::Step;
    const WORLD: World = World {
        name: "provisioning-step",
        types: "kafsh:step/types@1.0.0",
        export: "kafsh:step/step@1.0.0",
    };
    type Pre = ProvisioningStepPre<GuestState>;
    type Guest = ProvisioningStep;

    fn link_types(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
        types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
    }

    fn pre(linked: InstancePre<GuestState>) -> wasmtime::Result<Self::Pre> {
        ProvisioningStepPre::new(linked)
    }

    fn instantiate(
        pre: &Self::Pre,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<ProvisioningStep> {
        pre.instantiate(store)
    }

    fn describe(
        guest: &ProvisioningStep,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Description> {
        let types::Info { name, version, .. } = guest.kafsh_step_step().call_describe(store)?;
        Ok(Description { name, version })
    }
}

/// A registered step: each call makes an instance of it.
pub(crate) struct StepPlugin {
    pub(crate) plugin: Plugin<StepKind>,
    info: StepInfo,
}

impl StepPlugin {
    pub(crate) fn new(plugin: Plugin<StepKind>) -> Self {
        let manifest = &plugin.manifest;
        let info = StepInfo {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            summary: manifest.summary.clone(),
        };
        StepPlugin { plugin, info }
    }

    fn call(&self, function: &'static str) -> Call {
        Call { function, limit: self.plugin.limits().call }
    }

    fn state(&self) -> GuestState {
        self.plugin.state(&Arc::default(), None)
    }

    /// Plans; says what it has cost.
    pub(crate) fn measure(
        &self,
        input: &StepInput,
        settings: &Arc<Settings>,
    ) -> Result<Measured<StepPlan>> {
        let (call, lowered) = (self.call("plan"), lower::input(input));
        let state = self.plugin.state(settings, None);
        let answer = self.plugin.once(state, call, move |guest, store| {
            guest.kafsh_step_step().call_plan(store, &lowered)
        })?;
        let Measured { value, elapsed, fuel, memory_bytes } = answer;
        let plan = value.map_err(|failure| self.said_no(call, &failure))?;
        let plan = lift::plan(&input.spec, plan);
        let value = plan.map_err(|why| self.plugin.identity.bad_output(call, why))?;
        Ok(Measured { value, elapsed, fuel, memory_bytes })
    }

    fn said_no(&self, call: Call, failure: &types::Failure) -> Error {
        match lift::failure(failure) {
            Ok(()) => self.plugin.identity.said_no(call, &failure.code, &failure.message),
            Err(why) => self.plugin.identity.bad_output(call, why),
        }
    }
}

impl Step for StepPlugin {
    fn info(&self) -> &StepInfo {
        &self.info
    }

    fn plan(&self, input: &StepInput) -> Result<StepPlan> {
        self.measure(input, &Arc::default()).map(|measured| measured.value)
    }

    fn verify(&self, input: &StepInput) -> Result<Verification> {
        let (call, lowered) = (self.call("verify"), lower::input(input));
        let answer = self.plugin.once(self.state(), call, move |guest, store| {
            guest.kafsh_step_step().call_verify(store, &lowered)
        })?;
        let verification = answer.value.map_err(|failure| self.said_no(call, &failure))?;
        lift::verification(verification).map_err(|why| self.plugin.identity.bad_output(call, why))
    }
}
