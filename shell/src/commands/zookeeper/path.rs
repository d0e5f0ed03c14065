//! Paths of znodes as the user types them: below Kafka's chroot.

use std::sync::Arc;

use kafsh_model::port::ZooKeeper;
use kafsh_model::{Error, Result};

use crate::call::Call;

/// A connection that was found to serve, and the whole path of a znode: a refused port would be
/// told only after the session's time-out.
///
/// # Errors
/// `no-zookeeper`; `unavailable`; `bad-value` for a path that ZooKeeper would not take.
pub async fn open(call: &Call, path: &str) -> Result<(Arc<dyn ZooKeeper>, String)> {
    let target = call.target()?;
    let (zookeeper, chroot) = call.context.zookeeper(&target)?;
    let whole = whole(&chroot, path)?;
    zookeeper.status(target.timeout).await?;
    Ok((zookeeper, whole))
}

fn whole(chroot: &str, path: &str) -> Result<String> {
    let relative = path.trim_end_matches('/');
    let parts = || relative.split('/').skip(1);
    if !path.starts_with('/') || parts().any(|part| matches!(part, "" | "." | "..")) {
        return Err(Error::usage("bad-value", format!("`{path}` is no path of a znode"))
            .with_cause("it begins with `/`, and has no empty part, `.` or `..`")
            .with_next("zookeeper ls /"));
    }
    let whole = format!("{}{relative}", chroot.trim_end_matches('/'));
    Ok(if whole.is_empty() { "/".to_string() } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_chroot_and_cannot_leave_it() {
        assert_eq!(whole("", "/").unwrap(), "/");
        assert_eq!(whole("/kafka", "/").unwrap(), "/kafka");
        assert_eq!(whole("/kafka", "/brokers/ids/").unwrap(), "/kafka/brokers/ids");
        for bad in ["brokers", "/a/../b", "/a//b", "/.", ""] {
            assert_eq!(whole("/kafka", bad).unwrap_err().code, "bad-value", "{bad}");
        }
    }
}
