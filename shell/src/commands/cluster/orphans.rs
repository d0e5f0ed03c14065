//! Ephemeral clusters whose shell was killed before it could end them.

use kafsh_model::ClusterName;

use crate::call::Call;

/// A remark for each of them, with the command that ends it. Reads one small file for each cluster.
pub fn notes(call: &Call) -> Vec<String> {
    let names = call.context.store.list().unwrap_or_default();
    names.iter().filter_map(|name| note(call, name)).collect()
}

/// The remark for one cluster; `None` where its shell lives, or it is not ephemeral.
pub fn note(call: &Call, name: &ClusterName) -> Option<String> {
    let store = &call.context.store;
    let owner = store.lost_owner(name)?;
    store.load_spec(name).ok().filter(|spec| spec.ephemeral)?;
    let pid = owner.pid;
    Some(format!(
        "`{name}` is ephemeral, and its shell (pid {pid}) is gone: nothing ends it by itself\n  \
         try  cluster destroy {name} --yes"
    ))
}
