//! What is left of the disks that brokers keep their logs on.

use std::collections::BTreeMap;
use std::time::Duration;

use kafsh_model::BrokerId;
use kafsh_model::log_dir::LogDir;
use serde_json::{Value, json};

use crate::call::Call;

/// Longest that a broker may take to tell of its folders; they are not known then.
const DISKS_WAIT: Duration = Duration::from_secs(1);

/// Log folders by broker; one that did not tell in time is not in it.
pub(super) type Disks = BTreeMap<BrokerId, Vec<LogDir>>;

/// Asks all brokers; with the replicas in each folder where they are wanted.
pub(super) async fn ask(call: &Call, replicas: bool) -> Disks {
    let Ok(admin) = call.admin() else { return Disks::new() };
    let partitions = if replicas { None } else { Some(&[][..]) };
    let asked = admin.log_dirs(partitions, DISKS_WAIT);
    // A port may be silent for longer than it was told to.
    let Ok(Ok(told)) = tokio::time::timeout(2 * DISKS_WAIT, asked).await else {
        return Disks::new();
    };
    told.into_iter().filter_map(|(id, folders)| Some((id, folders.ok()?))).collect()
}

/// Adds to a row of `broker list` what is left where least is left: a broker gives up a folder
/// that is full, and how the others are does not help it.
pub(super) fn add(row: &mut Value, disks: &Disks) {
    let id = row["broker"].as_i64().and_then(|id| BrokerId::try_from(id).ok());
    let folders = id.and_then(|id| disks.get(&id)).into_iter().flatten();
    let known = folders.filter_map(|folder| Some((folder.usable_bytes?, folder.total_bytes?)));
    let tightest = known.min();
    row["disk_free_bytes"] = json!(tightest.map(|(usable, _)| usable));
    row["disk_total_bytes"] = json!(tightest.map(|(_, total)| total));
}

/// Adds to `log_dirs` of `broker describe` what the broker tells of each.
pub(super) fn add_folders(value: &mut Value, told: &[LogDir]) {
    let mut rows: Vec<Value> = value["log_dirs"].as_array().cloned().unwrap_or_default();
    for row in &mut rows {
        let folder = told.iter().find(|folder| row["path"] == json!(folder.path));
        add_folder(row, folder);
    }
    for folder in told {
        if !rows.iter().any(|row| row["path"] == json!(folder.path)) {
            let held: u64 = folder.replicas.iter().map(|replica| replica.size_bytes).sum();
            let mut row = json!({
                "path": folder.path, "bytes": held, "cluster_id": null, "clean": null,
            });
            add_folder(&mut row, Some(folder));
            rows.push(row);
        }
    }
    value["log_dirs"] = Value::Array(rows);
}

fn add_folder(row: &mut Value, folder: Option<&LogDir>) {
    row["disk_free_bytes"] = json!(folder.and_then(|folder| folder.usable_bytes));
    row["disk_total_bytes"] = json!(folder.and_then(|folder| folder.total_bytes));
    row["replicas"] = json!(folder.map(|folder| folder.replicas.len()));
    row["error"] = json!(folder.and_then(|folder| folder.error.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str, usable: Option<u64>, total: Option<u64>) -> LogDir {
        let path = path.to_string();
        LogDir { path, usable_bytes: usable, total_bytes: total, ..LogDir::default() }
    }

    #[test]
    fn the_fullest_disk_is_the_one_told() {
        let both = vec![folder("/a", Some(90), Some(100)), folder("/b", Some(5), Some(200))];
        let old = vec![folder("/a", None, None)];
        let disks = Disks::from([(1, both), (2, old)]);
        let told = |id: i32| {
            let mut row = json!({ "broker": id });
            add(&mut row, &disks);
            (row["disk_free_bytes"].as_u64(), row["disk_total_bytes"].as_u64())
        };
        assert_eq!(told(1), (Some(5), Some(200)));
        assert_eq!(told(2), (None, None), "an older broker");
        assert_eq!(told(3), (None, None), "a broker that is silent");
    }

    #[test]
    fn folders_are_known_by_their_paths() {
        let mut value = json!({ "log_dirs": [{ "path": "/a", "bytes": 7 }, { "path": "/gone" }] });
        add_folders(&mut value, &[folder("/a", Some(1), Some(2)), folder("/new", None, None)]);
        let rows = value["log_dirs"].as_array().expect("rows");
        assert_eq!((&rows[0]["bytes"], &rows[0]["disk_free_bytes"]), (&json!(7), &json!(1)));
        assert_eq!(
            (&rows[1]["disk_free_bytes"], &rows[1]["replicas"]),
            (&json!(null), &json!(null))
        );
        assert_eq!((&rows[2]["path"], &rows[2]["replicas"]), (&json!("/new"), &json!(0)));
    }
}
