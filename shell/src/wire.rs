//! The only place that builds real adapters, or those of a rehearsal, and hands them out as ports.

use std::path::Path;
use std::sync::Arc;

use kafsh_cluster::distribution::Distributions;
use kafsh_cluster::runtime::{LocalOptions, LocalRuntime};
use kafsh_cluster::store::Store;
use kafsh_kafka::KafkaConnector;
use kafsh_model::Result;
use kafsh_rehearsal::Rehearsal;
use tempfile::TempDir;

use crate::config::Home;
use crate::context::{Context, Parts};
use crate::plugins::{PluginRegistry, Project};

/// What commands work with.
pub struct Wired {
    pub context: Arc<Context>,
    /// A rehearsal's folder, deleted with this. Not the context's, since threads that wait in a
    /// client library may hold that beyond the end of the program.
    pub folder: Option<TempDir>,
}

/// The context of this program: real, or in memory.
///
/// With `locked`, installed plugins run only as the lock file found from `directory` has them.
pub fn context(rehearse: bool, locked: bool, directory: &Path) -> Result<Wired> {
    let home = Home::find()?;
    let project = Project {
        directory: directory.to_path_buf(),
        home: std::env::var_os("HOME").map(Into::into),
        locked,
        writable: !rehearse,
    };
    if rehearse {
        return rehearsal(home, project);
    }
    let distributions = Arc::new(
        Distributions::new(home.data.clone())
            .with_kafka_home(std::env::var_os("KAFKA_HOME").map(Into::into)),
    );
    let runtime = LocalRuntime::new(LocalOptions::new(home.data.clone(), distributions.clone()));
    let context = Context::new(Parts {
        store: Store::open(home.data.clone())?,
        connector: Arc::new(KafkaConnector::new()),
        runtime: Arc::new(runtime),
        distributions,
        rehearsing: false,
        plugins: PluginRegistry::new(&home, project, None),
        home,
    });
    Ok(Wired { context: Arc::new(context), folder: None })
}

/// State in a folder that goes with the program, servers and records in memory. Plugins are the
/// real ones, and so is the cache of what they compile to; policies are bound as they really are;
/// what is installed, granted, bound or removed is so for the rehearsal alone.
fn rehearsal(home: Home, project: Project) -> Result<Wired> {
    let folder = tempfile::Builder::new()
        .prefix("kafsh-rehearsal-")
        .tempdir()
        .map_err(|e| kafsh_model::Error::io("a folder for the rehearsal", &e))?;
    let rehearsal = Arc::new(Rehearsal::new());
    let store = Store::open(folder.path())?;
    // What is rehearsed is to be refused as it will be.
    store.copy_policies(&Store::open(home.data.clone())?)?;
    let context = Context::new(Parts {
        store,
        connector: rehearsal.clone(),
        runtime: rehearsal,
        distributions: Arc::new(Distributions::new(home.data.clone())),
        rehearsing: true,
        plugins: PluginRegistry::new(&home, project, Some(folder.path().to_path_buf())),
        home,
    });
    Ok(Wired { context: Arc::new(context), folder: Some(folder) })
}
