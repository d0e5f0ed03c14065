//! Since when: what the znodes of ZooKeeper tell of the controller and of partitions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::BrokerId;
use kafsh_model::port::{ZnodeData, ZooKeeper};
use kafsh_model::topic::TopicPartition;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Longest that ZooKeeper is asked, all reads together.
const READS_DEADLINE: Duration = Duration::from_secs(2);

/// Most partitions whose znodes are read; those first that are worst.
const PARTITIONS_READ_MAX: usize = 1_000;

/// Reads under way at a time: a ZooKeeper has other clients too.
const READS_AT_ONCE: usize = 64;

/// What is known of the controller.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Elected {
    /// Who it is, and since when, ms since 1970-01-01 UTC
    pub controller: Option<(BrokerId, i64)>,
    pub epoch: Option<i64>,
}

/// What ZooKeeper told in time.
#[derive(Debug, Default)]
pub(super) struct Since {
    pub elected: Elected,
    /// When leader or in-sync set of a partition last changed, ms since 1970-01-01 UTC
    pub partitions: HashMap<TopicPartition, i64>,
}

/// Asks ZooKeeper, which keeps Kafka's znodes below `chroot`. What it does not tell in time is left
/// out, and so is a partition whose znode still names one of `down`: that change is still to come.
pub(super) async fn ask(
    zookeeper: Arc<dyn ZooKeeper>,
    chroot: &str,
    partitions: &[TopicPartition],
    down: &[BrokerId],
) -> Since {
    let deadline = Instant::now() + READS_DEADLINE;
    let mut since = Since::default();
    let paths = [format!("{chroot}/controller"), format!("{chroot}/controller_epoch")];
    let reads = async { tokio::join!(zookeeper.get(&paths[0]), zookeeper.get(&paths[1])) };
    let Ok((controller, epoch)) = timeout_at(deadline, reads).await else { return since };
    since.elected.controller = controller.ok().and_then(|znode| elected(&znode));
    since.elected.epoch = epoch.ok().and_then(|znode| {
        std::str::from_utf8(&znode.data).ok().and_then(|text| text.trim().parse().ok())
    });
    let mut waiting = partitions.iter().take(PARTITIONS_READ_MAX);
    let mut reads = JoinSet::new();
    loop {
        while reads.len() < READS_AT_ONCE
            && let Some(at) = waiting.next()
        {
            let (zookeeper, at) = (zookeeper.clone(), at.clone());
            let TopicPartition { topic, partition } = &at;
            let path = format!("{chroot}/brokers/topics/{topic}/partitions/{partition}/state");
            reads.spawn(async move { (at, zookeeper.get(&path).await) });
        }
        match timeout_at(deadline, reads.join_next()).await {
            Ok(Some(Ok((at, Ok(znode))))) if is_told(&znode.data, down) => {
                since.partitions.insert(at, znode.modified_ms);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return since,
        }
    }
}

fn elected(znode: &ZnodeData) -> Option<(BrokerId, i64)> {
    let value: Value = serde_json::from_slice(&znode.data).ok()?;
    let broker = BrokerId::try_from(value.get("brokerid")?.as_i64()?).ok()?;
    Some((broker, znode.created_ms))
}

/// Whether the state of a partition takes account of these brokers being away. The last one in sync
/// stays in the set when it leaves: without a leader, the set says nothing of who is there.
fn is_told(state: &[u8], down: &[BrokerId]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(state) else { return false };
    let is_down =
        |id: &Value| id.as_i64().is_some_and(|id| down.iter().any(|d| i64::from(*d) == id));
    match value.get("leader") {
        Some(leader) if leader.as_i64() == Some(-1) => true,
        Some(leader) if is_down(leader) => false,
        Some(_) => !value["isr"].as_array().into_iter().flatten().any(is_down),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_from_before_a_death_does_not_tell_since_when() {
        let state = |leader: i32, isr: &[i32]| {
            serde_json::json!({ "leader": leader, "isr": isr, "version": 1 }).to_string()
        };
        for (leader, isr, down, told) in [
            (1, &[1, 2][..], &[3][..], true),
            (1, &[1, 2], &[2], false),
            (2, &[2], &[2], false),
            (-1, &[2], &[2], true),
            (1, &[1, 2], &[], true),
        ] {
            let text = state(leader, isr);
            assert_eq!(is_told(text.as_bytes(), down), told, "{text} without {down:?}");
        }
        assert!(!is_told(b"", &[]) && !is_told(b"{}", &[]));
    }

    #[test]
    fn the_controller_is_who_made_its_znode() {
        let znode = |data: &str| ZnodeData {
            data: data.as_bytes().to_vec(),
            ephemeral_owner: 7,
            created_ms: 5,
            modified_ms: 6,
            version: 0,
            children: 0,
        };
        let made = r#"{"version":2,"brokerid":3,"timestamp":"4","kraftControllerEpoch":-1}"#;
        assert_eq!(elected(&znode(made)), Some((3, 5)));
        assert_eq!(elected(&znode("{}")), None);
    }
}
