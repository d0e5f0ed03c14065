//! Transforms: the contract of `sdk/wit/transform`, seen from the host.

mod lift;
mod warm;

use std::sync::Arc;

use kafsh_model::error::Result;
use kafsh_model::plugin::{Manifest, PluginKind, Settings};
use kafsh_model::transform::{SourcePartition, State, Transform, TransformInstance};
use wasmtime::Store;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use crate::caller::{Description, Kind};
use crate::guest::GuestState;
use crate::inspect::World;
use crate::plugin::Plugin;

pub(crate) mod contract {
    //! Generated from the contract. Batches are borrowed, so that they go to a guest as they lie.
    wasmtime::component::bindgen!({
        path: ["../../../sdk/wit/host", "../../../sdk/wit/transform"],
        world: "kafsh:transform/record-transform",
        with: { "kafsh:host": crate::capabilities::host },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

use contract::kafsh::transform::types;
use contract::{RecordTransform, RecordTransformPre};

impl types::Host for GuestState {}

/// Transforms, as the engine sees them.
pub(crate) enum TransformKind {}

impl Kind for TransformKind {
    const KIND: PluginKind = PluginKind::Transform;
    const WORLD: World = World {
        name: "record-transform",
        types: "kafsh:transform/types@1.0.0",
        export: "kafsh:transform/transform@1.0.0",
    };
    type Pre = RecordTransformPre<GuestState>;
    type Guest = RecordTransform;

    fn link_types(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
        types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
    }

    fn pre(linked: InstancePre<GuestState>) -> wasmtime::Result<Self::Pre> {
        RecordTransformPre::new(linked)
    }

    fn instantiate(
        pre: &Self::Pre,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<RecordTransform> {
        pre.instantiate(store)
    }

    fn describe(
        guest: &RecordTransform,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Description> {
        let types::Info { name, version, .. } =
            guest.kafsh_transform_transform().call_describe(store)?;
        Ok(Description { name, version })
    }
}

/// A registered transform: an instance for each partition stays warm.
pub(crate) struct TransformPlugin(pub(crate) Arc<Plugin<TransformKind>>);

impl Transform for TransformPlugin {
    fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    fn open(
        &self,
        source: &SourcePartition,
        settings: &Arc<Settings>,
        state: State,
    ) -> Result<Box<dyn TransformInstance>> {
        let plugin = Arc::clone(&self.0);
        Ok(Box::new(warm::Warm::open(plugin, source.clone(), Arc::clone(settings), state)?))
    }
}
