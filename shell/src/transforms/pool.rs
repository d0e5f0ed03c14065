//! Warm instances of a transform, one for each partition, and what they keep when they are closed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kafsh_model::Result;
use kafsh_model::plugin::Settings;
use kafsh_model::transform::{SourcePartition, State, Transform, TransformInstance};
use tokio::time::{Duration, Instant};

/// Instances that live at the same time; the one used longest ago makes room.
pub const INSTANCES_MAX: usize = 64;
/// An instance that nobody asked for so long is not used again.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);

/// What the instances of a transform keep, by partition.
pub type States = BTreeMap<SourcePartition, State>;

struct Live {
    instance: Box<dyn TransformInstance>,
    used: Instant,
    /// Grows with every use: who was used longest ago
    turn: u64,
}

pub struct Pool {
    transform: Arc<dyn Transform>,
    settings: Arc<Settings>,
    live: HashMap<SourcePartition, Live>,
    /// Of those that are closed
    kept: States,
    /// Of those that are closed
    counted: BTreeMap<String, u64>,
    turn: u64,
}

impl Pool {
    pub fn new(transform: Arc<dyn Transform>, settings: Arc<Settings>, kept: States) -> Self {
        let (live, counted) = (HashMap::new(), BTreeMap::new());
        Pool { transform, settings, live, kept, counted, turn: 0 }
    }

    /// The instance of a partition, opened with what the last one kept.
    ///
    /// # Errors
    /// As [`Transform::open`].
    pub fn instance(&mut self, place: &SourcePartition) -> Result<&mut dyn TransformInstance> {
        if self.live.get(place).is_some_and(|live| live.used.elapsed() > IDLE_MAX) {
            self.close(place);
        }
        if !self.live.contains_key(place) {
            if self.live.len() >= INSTANCES_MAX {
                let oldest = self.live.iter().min_by_key(|(_, live)| live.turn);
                if let Some(oldest) = oldest.map(|(place, _)| place.clone()) {
                    self.close(&oldest);
                }
            }
            // A copy: what was kept must outlive an instance that could not be opened.
            let state = self.kept.get(place).cloned().unwrap_or_default();
            let instance = self.transform.open(place, &self.settings, state)?;
            self.kept.remove(place);
            let live = Live { instance, used: Instant::now(), turn: 0 };
            self.live.insert(place.clone(), live);
        }
        self.turn += 1;
        let turn = self.turn;
        // It is there: it was, or has just been put there.
        let live = self.live.get_mut(place);
        let live = live.ok_or_else(|| kafsh_model::Error::bug("an instance has gone"))?;
        (live.turn, live.used) = (turn, Instant::now());
        Ok(live.instance.as_mut())
    }

    /// Closes an instance and keeps what it kept; after a call that failed that is what it was
    /// before the call.
    pub fn close(&mut self, place: &SourcePartition) {
        let Some(live) = self.live.remove(place) else { return };
        for (counter, count) in live.instance.counters() {
            *self.counted.entry(counter).or_default() += count;
        }
        let state = live.instance.state();
        if !state.is_empty() {
            self.kept.insert(place.clone(), state.clone());
        }
    }

    /// A copy of all that is kept.
    pub fn states(&self) -> States {
        let mut states = self.kept.clone();
        for (place, live) in &self.live {
            let state = live.instance.state();
            if !state.is_empty() {
                states.insert(place.clone(), state.clone());
            }
        }
        states
    }

    pub fn keeps_something(&self) -> bool {
        !self.kept.is_empty() || self.live.values().any(|live| !live.instance.state().is_empty())
    }

    pub fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = self.counted.clone();
        for live in self.live.values() {
            for (counter, count) in live.instance.counters() {
                *counters.entry(counter).or_default() += count;
            }
        }
        counters
    }
}
