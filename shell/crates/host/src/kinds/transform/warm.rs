//! A warm instance of a transform: made once, given batch after batch, thrown away when it fails.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kafsh_model::error::{Error, Result};
use kafsh_model::plugin::Settings;
use kafsh_model::record::{Columns, RecordBatch};
use kafsh_model::transform::{SourcePartition, State, TransformInstance, Transformed};

use super::{TransformKind, lift, types};
use crate::caller::Instance;
use crate::capabilities::metrics::Counters;
use crate::capabilities::state::Kept;
use crate::fault::Call;
use crate::limits::{
    BATCH_RECORDS_MAX, COLUMN_BYTES_MAX, INSTANCE_RECORDS_MAX, INSTANCES_WARM_MAX, output_bytes_max,
};
use crate::plugin::Plugin;
use crate::shared::WarmPlace;

type Emitted = Result<types::Emitted, types::Failure>;

pub(super) struct Warm {
    plugin: Arc<Plugin<TransformKind>>,
    source: SourcePartition,
    settings: Arc<Settings>,
    /// `None`: it broke, or refused
    instance: Option<Instance<TransformKind>>,
    /// Filled anew for each batch
    columns: Columns,
    /// Records that this instance was given
    given: u64,
    /// What was kept, and counted, when it broke
    left: (Kept, Counters),
    _place: WarmPlace,
}

impl Warm {
    /// Makes an instance and has it read its settings.
    pub(super) fn open(
        plugin: Arc<Plugin<TransformKind>>,
        source: SourcePartition,
        settings: Arc<Settings>,
        state: State,
    ) -> Result<Self> {
        let place = plugin.shared().warm_place().ok_or_else(|| {
            Error::failed("plugin-memory", format!("{} cannot be opened", plugin.identity))
                .with_cause(format!(
                    "{INSTANCES_WARM_MAX} instances of transforms are open, one a partition"
                ))
        })?;
        let instance = instance(&plugin, &settings, Kept::new(state), Counters::default())?;
        Ok(Warm {
            _place: place,
            plugin,
            source,
            settings,
            instance: Some(instance),
            columns: Columns::default(),
            given: 0,
            left: Default::default(),
        })
    }

    /// The instance, or a younger one with the same state where it has seen enough.
    fn current(&mut self) -> Result<Instance<TransformKind>> {
        let broken = || Error::bug("an instance of a transform was used after it had failed");
        let mut current = self.instance.take().ok_or_else(broken)?;
        if self.given < INSTANCE_RECORDS_MAX {
            return Ok(current);
        }
        self.given = 0;
        let data = current.data_mut();
        let (kept, counters) = (std::mem::take(&mut data.kept), std::mem::take(&mut data.counters));
        drop(current);
        // Where no new one can be made the state must not be lost.
        let spare = kept.entries().clone();
        instance(&self.plugin, &self.settings, kept, counters).inspect_err(|_| {
            self.left.0 = Kept::new(spare);
        })
    }

    fn check_input(&self, batch: &RecordBatch) -> Result<()> {
        let first = batch.get(0);
        let ours = (first.topic, first.partition) == (&*self.source.topic, self.source.partition);
        if !ours || !batch.is_of_one_partition() {
            return Err(Error::bug("a batch of another partition was given to a transform"));
        }
        if batch.len() > BATCH_RECORDS_MAX {
            return Err(Error::bug(format!(
                "a transform was given {} records at once, takes {BATCH_RECORDS_MAX}",
                batch.len()
            )));
        }
        Ok(())
    }

    /// It is not used again; what it kept is as it was before the call.
    fn end(&mut self, mut instance: Instance<TransformKind>) {
        let data = instance.data_mut();
        data.kept.roll_back();
        data.counters.roll_back();
        self.left = (std::mem::take(&mut data.kept), std::mem::take(&mut data.counters));
    }
}

impl TransformInstance for Warm {
    fn process(&mut self, batch: &mut RecordBatch) -> Result<Transformed> {
        if batch.is_empty() {
            return Ok(Transformed::default());
        }
        self.check_input(batch)?;
        // First of all: without a thread nothing must have been taken.
        let plugin = Arc::clone(&self.plugin);
        let thread = plugin.shared().runner.thread()?;
        let mut instance = self.current()?;
        self.given += batch.len() as u64;
        let call = Call { function: "process", limit: instance.limits().of_batch(batch.len()) };
        let (given, mut columns) = (std::mem::take(batch), std::mem::take(&mut self.columns));
        let work = move || {
            let outcome =
                catch_unwind(AssertUnwindSafe(|| ask(&mut instance, call, &given, &mut columns)));
            (instance, given, columns, outcome)
        };
        let (mut instance, given, columns, outcome) = thread.run(work)?;
        (*batch, self.columns) = (given, columns);
        let outcome = outcome
            .unwrap_or_else(|_| Err(Error::bug("the host of plugins panicked")))
            .and_then(|emitted| lift::emitted(&self.plugin, call, batch, emitted));
        match outcome {
            Ok(transformed) => {
                let data = instance.data_mut();
                data.kept.commit();
                data.counters.commit();
                let fuel = instance.spent.fuel;
                self.instance = Some(instance);
                Ok(Transformed { fuel, ..transformed })
            }
            Err(error) => {
                self.end(instance);
                Err(error)
            }
        }
    }

    fn state(&self) -> &State {
        match &self.instance {
            Some(instance) => instance.data().kept.entries(),
            None => self.left.0.entries(),
        }
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        match &self.instance {
            Some(instance) => instance.data().counters.totals(),
            None => self.left.1.totals(),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, |instance| instance.data().limiter.memory_bytes)
    }
}

/// A new instance that has read its settings.
fn instance(
    plugin: &Arc<Plugin<TransformKind>>,
    settings: &Arc<Settings>,
    kept: Kept,
    counters: Counters,
) -> Result<Instance<TransformKind>> {
    let (caller, pre) = plugin.ready()?;
    let mut state = plugin.state(settings, None);
    (state.kept, state.counters) = (kept, counters);
    let (instance, answer, call) = plugin.shared().runner.run(move || {
        let mut instance: Instance<TransformKind> = caller.instance(&pre, state)?;
        // Both together have the time of the start.
        let left = caller.limits.start.saturating_sub(instance.spent.elapsed);
        let call = Call { function: "configure", limit: left };
        let answer = instance
            .call(call, |guest, store| guest.kafsh_transform_transform().call_configure(store))?;
        Ok::<_, Error>((instance, answer, call))
    })??;
    match answer {
        Ok(()) => {
            let mut instance = instance;
            let data = instance.data_mut();
            data.kept.commit();
            data.counters.commit();
            Ok(instance)
        }
        Err(failure) => Err(lift::failure(&plugin.identity, call, &failure)),
    }
}

/// Gives a guest a batch as it lies, on the guest's thread.
fn ask(
    instance: &mut Instance<TransformKind>,
    call: Call,
    batch: &RecordBatch,
    columns: &mut Columns,
) -> Result<Emitted> {
    batch.columns(columns);
    let first = batch.get(0);
    let lowered = types::Batch {
        topic: first.topic,
        partition: first.partition,
        arena: batch.arena(),
        bounds: &columns.bounds,
        headers: &columns.headers,
        offsets: &columns.offsets,
        timestamps: &columns.timestamps,
    };
    instance.allow_transfer(output_bytes_max(batch.arena().len()) + COLUMN_BYTES_MAX);
    instance
        .call(call, |guest, store| guest.kafsh_transform_transform().call_process(store, lowered))
}
