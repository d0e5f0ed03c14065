//! Provisioning steps: the contract of `sdk/wit/step`, seen from the host.

mod convert;
mod lift;
mod lower;

use std::time::Instant;

use kafsh_model::error::{Error, Result};
use kafsh_model::plan::{StepInfo, StepInput, StepPlan, Verification};
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::capabilities::host;
use crate::engine::{Engine, on_own_thread};
use crate::fault::{Call, Identity};
use crate::guest::GuestState;
use crate::inspect::World;
use crate::limits::{DESCRIBE_TIME_MAX, INSTANTIATE_TIME_MAX, PLAN_TIME_MAX};
use crate::log::LogSink;
use crate::ticker::ticks;

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

/// What a step may import, and must export.
pub(crate) const WORLD: World = World {
    name: "provisioning-step",
    imports: &["kafsh:step/types@1.0.0", "kafsh:host/log@1.0.0", "kafsh:host/settings@1.0.0"],
    export: "kafsh:step/step@1.0.0",
};

const START: Call = Call { function: "start", limit: INSTANTIATE_TIME_MAX };
const DESCRIBE: Call = Call { function: "describe", limit: DESCRIBE_TIME_MAX };
const PLAN: Call = Call { function: "plan", limit: PLAN_TIME_MAX };
const VERIFY: Call = Call { function: "verify", limit: PLAN_TIME_MAX };

impl types::Host for GuestState {}

/// A step, compiled and linked: each call makes an instance of it.
#[derive(Clone)]
pub(crate) struct Linked {
    pre: ProvisioningStepPre<GuestState>,
}

impl Linked {
    /// Gives `component` what a step is given, and nothing else.
    pub(crate) fn new(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine.wasmtime);
        types::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        host::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        host::settings::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        Ok(Linked { pre: ProvisioningStepPre::new(linker.instantiate_pre(component)?)? })
    }
}

/// Where a call happens, and in whose name.
pub(crate) struct Caller<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) identity: &'a Identity,
    pub(crate) sink: &'a LogSink,
}

impl Caller<'_> {
    pub(crate) fn describe(&self, step: &Linked) -> Result<StepInfo> {
        let info =
            self.call(step, DESCRIBE, |guest, store| guest.kafsh_step_step().call_describe(store))?;
        lift::info(&self.identity.name, info).map_err(|why| self.identity.bad_output(DESCRIBE, why))
    }

    pub(crate) fn plan(&self, step: &Linked, input: &StepInput) -> Result<StepPlan> {
        let lowered = lower::input(input);
        let answer = self
            .call(step, PLAN, |guest, store| guest.kafsh_step_step().call_plan(store, &lowered))?;
        let plan = answer.map_err(|failure| self.said_no(PLAN, &failure))?;
        lift::plan(&input.spec, plan).map_err(|why| self.identity.bad_output(PLAN, why))
    }

    pub(crate) fn verify(&self, step: &Linked, input: &StepInput) -> Result<Verification> {
        let lowered = lower::input(input);
        let answer = self.call(step, VERIFY, |guest, store| {
            guest.kafsh_step_step().call_verify(store, &lowered)
        })?;
        let verification = answer.map_err(|failure| self.said_no(VERIFY, &failure))?;
        lift::verification(verification).map_err(|why| self.identity.bad_output(VERIFY, why))
    }

    fn said_no(&self, call: Call, failure: &types::Failure) -> Error {
        match lift::failure(failure) {
            Ok(()) => self.identity.said_no(call, &failure.code, &failure.message),
            Err(why) => self.identity.bad_output(call, why),
        }
    }

    /// One function of a new instance, on a thread of its own. The instance is gone afterwards,
    /// however it went.
    fn call<T: Send>(
        &self,
        step: &Linked,
        call: Call,
        ask: impl FnOnce(&ProvisioningStep, &mut Store<GuestState>) -> wasmtime::Result<T> + Send,
    ) -> Result<T> {
        on_own_thread(|| {
            let _ticking = self.engine.ticker.run();
            let mut store = self.engine.store();
            let mut began = Instant::now();
            store.set_epoch_deadline(ticks(START.limit));
            let mut doing = START;
            let outcome = step.pre.instantiate(&mut store).and_then(|guest| {
                (doing, began) = (call, Instant::now());
                store.set_epoch_deadline(ticks(call.limit));
                ask(&guest, &mut store)
            });
            let elapsed = began.elapsed();
            let mut said = store.into_data().log;
            let panic = said.panic.take();
            said.hand_over(&self.identity.name, self.sink);
            outcome.map_err(|error| self.identity.broke(doing, &error, panic, elapsed))
        })?
    }
}
