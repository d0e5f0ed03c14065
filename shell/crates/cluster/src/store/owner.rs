//! Whose an `--ephemeral` cluster is: the process that made it, and that is to end it.

use std::fs;

use kafsh_model::{ClusterName, Error, Result};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::{boot_id, files, stat};

pub(super) const FILES: [&str; 1] = ["owner.json"];

/// The shell that made an ephemeral cluster. A pid alone may be another process by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    schema: u32,
    pub pid: u32,
    /// Ticks since boot at which it started
    start_ticks: u64,
    boot_id: String,
}

impl Owner {
    /// This process.
    fn of_this_process() -> Result<Owner> {
        let pid = std::process::id();
        let stat = stat(pid).ok_or_else(|| {
            Error::failed("io-failed", "this process is not to be found in `/proc`")
        })?;
        Ok(Owner { schema: 1, pid, start_ticks: stat.start_ticks, boot_id: boot_id()? })
    }

    /// It is this process and no other.
    pub fn is_this_process(&self) -> bool {
        Owner::of_this_process().is_ok_and(|own| own == *self)
    }

    /// It is gone. What cannot be told counts as alive: nothing is ended on a guess.
    pub fn is_gone(&self) -> bool {
        let Ok(boot) = boot_id() else { return false };
        let same = |stat: crate::runtime::Stat| {
            stat.start_ticks == self.start_ticks && !matches!(stat.state, 'Z' | 'X' | 'x')
        };
        boot != self.boot_id || !stat(self.pid).is_some_and(same)
    }
}

impl Store {
    /// Records that this process made the cluster and is to end it.
    pub(crate) fn own(&self, name: &ClusterName) -> Result<()> {
        let text = serde_json::to_vec(&Owner::of_this_process()?)
            .map_err(|error| Error::bug(format!("an owner: {error}")))?;
        files::write_atomic(&self.state_dir(name).join(FILES[0]), &text, files::PRIVATE)
    }

    /// Who made an ephemeral cluster; `None` where it is not ephemeral, or nothing readable tells.
    pub fn owner(&self, name: &ClusterName) -> Option<Owner> {
        let bytes = fs::read(self.state_dir(name).join(FILES[0])).ok()?;
        let owner: Owner = serde_json::from_slice(&bytes).ok()?;
        (owner.schema == 1).then_some(owner)
    }

    /// The shell that made this ephemeral cluster, where it is gone and can end it no more.
    pub fn lost_owner(&self, name: &ClusterName) -> Option<Owner> {
        self.owner(name).filter(Owner::is_gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_known_by_more_than_its_pid() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let name = ClusterName::new("ci").unwrap();
        assert_eq!(store.owner(&name), None);
        fs::create_dir_all(store.state_dir(&name)).unwrap();
        store.own(&name).unwrap();
        let own = store.owner(&name).expect("it is recorded");
        assert_eq!(own.pid, std::process::id());
        assert!(own.is_this_process());
        assert!(!own.is_gone() && store.lost_owner(&name).is_none());
        let later = Owner { start_ticks: own.start_ticks + 1, ..own.clone() };
        let before = Owner { boot_id: "another".to_string(), ..own.clone() };
        let ended = Owner { pid: u32::MAX, ..own };
        let others = [later, before, ended];
        assert!(others.iter().all(|other| other.is_gone() && !other.is_this_process()));
    }
}
