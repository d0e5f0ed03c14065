//! The project's lock file, kept in step with what a command changed.

use kafsh_host::store::{Installed, LOCK_FILE, ProjectLock};
use kafsh_model::Result;

use crate::call::Call;

/// When a change is written to the lock file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Where there is one
    Present,
    /// Where there is one that has the plugin
    Listed,
}

/// Writes what a plugin is now to the lock file of the project; what there is to say of it.
///
/// # Errors
/// `lock-damaged`, `state-too-new`; where the file cannot be written.
pub fn keep(call: &Call, plugin: &Installed, when: When) -> Result<Option<String>> {
    let project = &call.context.plugins.project;
    let wanted = call.args.switch("lock");
    let there = project
        .lock()?
        .filter(|lock| wanted || when == When::Present || lock.get(&plugin.name).is_some());
    let lock = match (there, wanted) {
        (Some(lock), _) => lock,
        (None, true) => ProjectLock::new(&project.directory),
        (None, false) => return Ok(None),
    };
    write(call, lock, |lock| lock.put(plugin))
}

/// Takes a plugin out of the lock file of the project.
///
/// # Errors
/// As [`keep`].
pub fn forget(call: &Call, name: &str) -> Result<Option<String>> {
    match call.context.plugins.project.lock()?.filter(|lock| lock.get(name).is_some()) {
        Some(lock) => write(call, lock, |lock| {
            lock.remove(name);
        }),
        None => Ok(None),
    }
}

fn write(
    call: &Call,
    mut lock: ProjectLock,
    change: impl FnOnce(&mut ProjectLock),
) -> Result<Option<String>> {
    let project = &call.context.plugins.project;
    // Held to it: then it is not what changes.
    if project.locked {
        return Ok(None);
    }
    if !project.writable {
        return Ok(Some(format!("{LOCK_FILE} is left as it is: this is a rehearsal")));
    }
    change(&mut lock);
    lock.save()?;
    Ok(Some(format!("written to {}", lock.path().display())))
}
