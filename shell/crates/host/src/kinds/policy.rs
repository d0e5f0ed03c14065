//! Policies: the contract of `sdk/wit/policy`, seen from the host.

mod lift;

use std::sync::Arc;

use kafsh_model::error::Result;
use kafsh_model::plugin::{CapabilityName, ClusterFacts, Manifest, PluginKind, Settings};
use kafsh_model::policy::{Operation, Policy, PolicyRequest, PolicyResponse, TopicState};
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
        path: ["../../../sdk/wit/host", "../../../sdk/wit/policy"],
        world: "kafsh:policy/topic-policy",
        with: { "kafsh:host": crate::capabilities::host },
    });
}

use contract::kafsh::policy::types;
use contract::{TopicPolicy, TopicPolicyPre};

impl types::Host for GuestState {}

/// Policies, as the engine sees them.
pub(crate) enum PolicyKind {}

impl Kind for PolicyKind {
    const KIND: PluginKind = PluginKind::Policy;
    const WORLD: World = World {
        name: "topic-policy",
        types: "kafsh:policy/types@1.0.0",
        export: "kafsh:policy/policy@1.0.0",
    };
    type Pre = TopicPolicyPre<GuestState>;
    type Guest = TopicPolicy;

    fn link_types(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
        types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
    }

    fn pre(linked: InstancePre<GuestState>) -> wasmtime::Result<Self::Pre> {
        TopicPolicyPre::new(linked)
    }

    fn instantiate(
        pre: &Self::Pre,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<TopicPolicy> {
        pre.instantiate(store)
    }

    fn describe(
        guest: &TopicPolicy,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Description> {
        let types::Info { name, version, .. } = guest.kafsh_policy_policy().call_describe(store)?;
        Ok(Description { name, version })
    }
}

/// A registered policy: each call makes an instance of it.
pub(crate) struct PolicyPlugin(pub(crate) Plugin<PolicyKind>);

impl PolicyPlugin {
    pub(crate) fn measure(
        &self,
        request: &PolicyRequest,
        settings: &Settings,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> Result<Measured<PolicyResponse>> {
        let plugin = &self.0;
        let call = Call { function: "check", limit: plugin.limits().call };
        let state = plugin.state(&Arc::new(settings.clone()), facts);
        let lowered = lower(request);
        let answer = plugin.once(state, call, move |guest, store| {
            guest.kafsh_policy_policy().call_check(store, &lowered)
        })?;
        let bad = |why| plugin.identity.bad_output(call, why);
        let response = answer.value.map_err(|failure| match lift::failure(&failure) {
            Ok(()) => plugin.identity.said_no(call, &failure.code, &failure.message),
            Err(why) => bad(why),
        })?;
        let value = lift::response(request.operation, response).map_err(bad)?;
        let Measured { elapsed, fuel, memory_bytes, .. } = answer;
        Ok(Measured { value, elapsed, fuel, memory_bytes })
    }
}

impl Policy for PolicyPlugin {
    fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    fn wants_facts(&self) -> bool {
        self.0.grants().has(CapabilityName::ClusterRead)
    }

    fn check(
        &self,
        request: &PolicyRequest,
        settings: &Settings,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> Result<PolicyResponse> {
        Ok(self.measure(request, settings, facts)?.value)
    }
}

fn lower(request: &PolicyRequest) -> types::Request {
    let property = |(key, value): (&String, &String)| types::Property {
        key: key.clone(),
        value: value.clone(),
    };
    let state = |state: &TopicState| types::TopicState {
        partitions: state.partitions,
        replication_factor: state.replication_factor,
        configs: state.configs.iter().map(property).collect(),
    };
    types::Request {
        operation: match request.operation {
            Operation::Create => types::Operation::Create,
            Operation::Alter => types::Operation::Alter,
            Operation::Delete => types::Operation::Delete,
            Operation::Review => types::Operation::Review,
        },
        topic: request.topic.clone(),
        cluster: request.cluster.clone(),
        current: request.current.as_ref().map(state),
        proposed: request.proposed.as_ref().map(state),
        touched: request.touched.clone(),
        extras: request.extras.iter().map(property).collect(),
    }
}
