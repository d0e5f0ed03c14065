//! The only place that builds real adapters, or those of a rehearsal, and hands them out as ports.

use std::sync::Arc;

use kafsh_cluster::distribution::Distributions;
use kafsh_cluster::runtime::{LocalOptions, LocalRuntime};
use kafsh_cluster::store::Store;
use kafsh_host::{HostOptions, PluginHost};
use kafsh_kafka::KafkaConnector;
use kafsh_model::Result;
use kafsh_model::port::Plugins;
use kafsh_rehearsal::Rehearsal;

use crate::config::Home;
use crate::context::{Context, Parts, PluginsMaker};

/// The context of this program: real, or in memory.
pub fn context(rehearse: bool) -> Result<Context> {
    let home = Home::find()?;
    if rehearse {
        return rehearsal(home);
    }
    let distributions = Arc::new(
        Distributions::new(home.data.clone())
            .with_kafka_home(std::env::var_os("KAFKA_HOME").map(Into::into)),
    );
    let runtime = LocalRuntime::new(LocalOptions::new(home.data.clone(), distributions.clone()));
    Ok(Context::new(Parts {
        store: Store::open(home.data.clone())?,
        connector: Arc::new(KafkaConnector::new()),
        runtime: Arc::new(runtime),
        distributions,
        rehearsing: false,
        make_plugins: plugins_maker(&home),
        home,
    }))
}

/// State in a folder that goes with the program, servers and records in memory. Plugins are the
/// real ones, and so is the cache of what they compile to.
fn rehearsal(home: Home) -> Result<Context> {
    let folder = tempfile::Builder::new()
        .prefix("kafsh-rehearsal-")
        .tempdir()
        .map_err(|e| kafsh_model::Error::io("a folder for the rehearsal", &e))?;
    let rehearsal = Arc::new(Rehearsal::new());
    Ok(Context::new(Parts {
        store: Store::open(folder.path())?,
        connector: rehearsal.clone(),
        runtime: rehearsal,
        distributions: Arc::new(Distributions::new(home.data.clone())),
        rehearsing: true,
        make_plugins: plugins_maker(&home),
        home,
    })
    .keeping(folder))
}

fn plugins_maker(home: &Home) -> PluginsMaker {
    let home = home.clone();
    Box::new(move || {
        let host = PluginHost::new(HostOptions::new(&home.cache, &home.state));
        for plugin in kafsh_bundled::plugins() {
            host.add_bundled(plugin.component, plugin.digest)?;
        }
        Ok(Arc::new(host) as Arc<dyn Plugins>)
    })
}
