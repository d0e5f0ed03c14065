//! What is known of clusters without asking: names for completion and the health in the prompt.
//! Everything is refreshed behind, within a budget; nobody who reads it waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use kafsh_cluster::store::Store;
use kafsh_host::store::PluginStore;
use kafsh_model::BrokerId;
use kafsh_model::plugin::PluginKind;
use kafsh_model::port::{Admin, Target};
use kafsh_model::topic::{PartitionDescription, TopicDescription};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

use crate::call::CALL_DEADLINE;
use crate::context::{Context, Known};

/// Names older than this are fetched again when they are looked at.
const AGE_MAX: Duration = Duration::from_secs(5);

/// Longest that one broker may take to say that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Longest that a whole look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Most names of a kind that are kept.
const NAMES_MAX: usize = 20_000;

/// Most targets that are remembered; the oldest goes first.
const TARGETS_MAX: usize = 32;

/// A cluster of the store, or an unregistered one by its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    Cluster(String),
    /// `host:port[,host:port…]`
    Bootstrap(String),
}

impl Which {
    pub fn name(&self) -> &str {
        match self {
            Which::Cluster(name) | Which::Bootstrap(name) => name,
        }
    }
}

/// The id and address (`host:port`) of each broker of a spec.
type Addresses = Vec<(BrokerId, String)>;

/// How a cluster does, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Brokers that answer
    pub ready: usize,
    /// Brokers of the spec; `None`: the cluster is not ours, so nobody says how many
    pub total: Option<usize>,
    /// Partitions with fewer replicas in sync than they have
    pub under_replicated: usize,
}

/// What one look at a cluster gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub health: Health,
    pub topics: Vec<String>,
    pub groups: Vec<String>,
    /// Ids
    pub brokers: Vec<String>,
}

#[derive(Default)]
struct Entry {
    seen: Option<Seen>,
    at: Option<Instant>,
    looking: bool,
}

/// Cheap to clone; clones share what is known.
#[derive(Clone)]
pub struct Live {
    /// Not kept alive from here: what goes with the program must go when it ends, whoever still
    /// looks behind
    context: Weak<Context>,
    handle: Handle,
    entries: Arc<Mutex<HashMap<Which, Entry>>>,
}

impl Live {
    pub fn new(context: &Arc<Context>, handle: Handle) -> Self {
        Live { context: Arc::downgrade(context), handle, entries: Arc::default() }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Which, Entry>> {
        // Nothing that panics runs under the lock; if it did, the entries are still whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen last; fetched again behind when it is old. Never waits.
    pub fn known(&self, which: &Which) -> Option<Seen> {
        let (seen, old) = {
            let entries = self.entries();
            let entry = entries.get(which);
            let at = entry.and_then(|entry| entry.at);
            (entry.and_then(|entry| entry.seen.clone()), at.is_none_or(|at| at.elapsed() > AGE_MAX))
        };
        if old {
            drop(self.refresh(which));
        }
        seen
    }

    /// Looks again, behind; `None`: somebody is looking already.
    pub fn refresh(&self, which: &Which) -> Option<JoinHandle<()>> {
        {
            let mut entries = self.entries();
            let entry = entries.entry(which.clone()).or_default();
            if std::mem::replace(&mut entry.looking, true) {
                return None;
            }
        }
        let (live, which) = (self.clone(), which.clone());
        Some(self.handle.spawn(async move {
            let seen = live.look(&which).await;
            live.keep(&which, seen);
        }))
    }

    fn keep(&self, which: &Which, seen: Seen) {
        let mut entries = self.entries();
        let entry = Entry { seen: Some(seen), at: Some(Instant::now()), looking: false };
        entries.insert(which.clone(), entry);
        while entries.len() > TARGETS_MAX {
            let idle = entries.iter().filter(|(_, entry)| !entry.looking);
            let Some(oldest) = idle.min_by_key(|(_, entry)| entry.at).map(|(key, _)| key.clone())
            else {
                return;
            };
            entries.remove(&oldest);
        }
    }

    /// Asks the cluster now. What does not answer in time is counted as not there.
    pub async fn look(&self, which: &Which) -> Seen {
        let Some(context) = self.context.upgrade() else { return Seen::default() };
        let Some((target, of_spec)) = target(&context, which) else { return Seen::default() };
        let total = of_spec.as_ref().map(Vec::len);
        let mut seen = Seen { health: Health { total, ..Health::default() }, ..Seen::default() };
        let Ok(admin) = context.admin(&target) else { return seen };
        drop(context);
        // What was found before the time is up counts.
        let _ = tokio::time::timeout(LOOK_TIMEOUT, look(admin, of_spec, &mut seen)).await;
        seen
    }
}

/// How to reach it, and the id and address of each broker where it is ours.
fn target(context: &Context, which: &Which) -> Option<(Target, Option<Addresses>)> {
    let name = match which {
        Which::Bootstrap(bootstrap) => {
            let target = Target {
                bootstrap: bootstrap.split(',').map(String::from).collect(),
                zookeeper: None,
                client: Vec::new(),
                timeout: CALL_DEADLINE,
            };
            return Some((target, None));
        }
        Which::Cluster(name) => name,
    };
    let of_spec = match context.known(name).ok()? {
        Known::Managed(spec) => {
            let ids = spec.brokers.iter().map(|broker| broker.id);
            Some(ids.zip(spec.bootstrap()).collect())
        }
        Known::Attached(_) => None,
    };
    Some((context.target(name).ok()?, of_spec))
}

async fn look(admin: Arc<dyn Admin>, of_spec: Option<Addresses>, seen: &mut Seen) {
    let here = match of_spec {
        Some(brokers) => {
            seen.brokers = brokers.iter().map(|(id, _)| id.to_string()).collect();
            answering(&admin, brokers).await
        }
        None => {
            let Ok(view) = admin.cluster().await else { return };
            seen.brokers = view.brokers.iter().map(|broker| broker.id.to_string()).collect();
            view.brokers.iter().map(|broker| broker.id).collect()
        }
    };
    seen.health.ready = here.len();
    if here.is_empty() {
        return;
    }
    let (topics, groups) = tokio::join!(admin.topics(None), admin.list_groups(PROBE_TIMEOUT));
    let topics: Vec<TopicDescription> = topics.unwrap_or_default();
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    // A broker that has just died is in sync by the controller's word for some seconds more.
    let lacks = |partition: &&PartitionDescription| {
        let in_sync = partition.isr.iter().filter(|id| here.contains(id)).count();
        in_sync < partition.replicas.len()
    };
    seen.health.under_replicated = partitions.filter(lacks).count();
    // Internal topics last: they are seldom meant.
    let (internal, own): (Vec<_>, Vec<_>) = topics.into_iter().partition(|topic| topic.internal);
    seen.topics = sorted(own.into_iter().map(|topic| topic.name));
    seen.topics.extend(sorted(internal.into_iter().map(|topic| topic.name)));
    let told = groups.unwrap_or_default().into_iter().filter_map(|(_, groups)| groups.ok());
    seen.groups = sorted(told.flatten().map(|group| group.group));
}

/// The brokers that answer, each asked at its own address at the same time.
async fn answering(admin: &Arc<dyn Admin>, brokers: Addresses) -> BTreeSet<BrokerId> {
    let mut probes = JoinSet::new();
    for (id, address) in brokers {
        let admin = admin.clone();
        probes.spawn(async move {
            let probe = admin.probe(&address, PROBE_TIMEOUT);
            let answered = tokio::time::timeout(PROBE_TIMEOUT, probe).await;
            matches!(answered, Ok(Ok(_))).then_some(id)
        });
    }
    probes.join_all().await.into_iter().flatten().collect()
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.take(NAMES_MAX).collect();
    names.sort();
    names
}

/// Installed plugins; a store that cannot be read has none.
pub fn plugin_names(store: &PluginStore) -> Vec<(String, PluginKind)> {
    let installed = store.list().unwrap_or_default();
    installed.into_iter().map(|plugin| (plugin.name, plugin.kind)).collect()
}

/// Names under which policies are bound; a store that cannot be read has none.
pub fn binding_names(store: &Store) -> Vec<String> {
    let bindings = store.policy_bindings().unwrap_or_default();
    bindings.into_iter().map(|binding| binding.name).collect()
}

/// Names of all clusters, ours first; a store that cannot be read has none.
pub fn cluster_names(store: &Store) -> Vec<String> {
    let own = store.list().unwrap_or_default();
    let mut names: Vec<String> = own.iter().map(ToString::to_string).collect();
    let attached = store.attached().unwrap_or_default();
    names.extend(attached.into_iter().map(|cluster| cluster.name.to_string()));
    names
}
