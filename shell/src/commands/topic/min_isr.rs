//! A topic that no producer with `acks=all` can write to: it wants more replicas in sync than it
//! has.

use kafsh_model::Result;
use kafsh_model::config::ConfigResource;
use kafsh_model::port::Admin;

/// The key, as Kafka calls it.
pub const KEY: &str = "min.insync.replicas";

/// What to say of a topic with so many replicas, where its minimum is above that.
pub fn warning(topic: &str, minimum: &str, replicas: usize) -> Option<String> {
    let wanted = minimum.parse::<usize>().ok().filter(|wanted| *wanted > replicas)?;
    Some(format!(
        "warning: `{topic}` has {KEY} {wanted} and replication factor {replicas}: every write \
         with acks=all will fail"
    ))
}

/// The minimum that holds for each of the topics, their own or the brokers'.
///
/// # Errors
/// As [`Admin::describe_configs`].
pub async fn in_force(admin: &dyn Admin, topics: &[String]) -> Result<Vec<(String, String)>> {
    let resources: Vec<_> = topics.iter().cloned().map(ConfigResource::Topic).collect();
    let mut found = Vec::new();
    for (resource, entries) in admin.describe_configs(&resources).await? {
        let value = entries.into_iter().find(|entry| entry.key == KEY).and_then(|e| e.value);
        if let (ConfigResource::Topic(topic), Some(value)) = (resource, value) {
            found.push((topic, value));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_minimum_above_the_replicas_is_warned_of() {
        assert_eq!(warning("t", "2", 2), None);
        assert_eq!(warning("t", "many", 2), None);
        let text = warning("t", "3", 2).unwrap();
        assert!(text.contains("3 and replication factor 2"), "{text}");
    }
}
