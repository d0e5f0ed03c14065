//! Amendments and settings, made in a topic's state.

use std::collections::BTreeSet;

use kafsh_model::config::ConfigChange;
use kafsh_model::policy::{Amendment, TopicState};
use kafsh_model::{Error, Result};

/// Fields of a topic that are no settings.
pub const PARTITIONS: &str = "partitions";
pub const REPLICATION_FACTOR: &str = "replication-factor";

/// Beginning of the names of fields that are settings.
const CONFIG: &str = "config.";

/// Makes one amendment; gives what was there before.
///
/// # Errors
/// `policy-bad-amendment`: a field that is not known, or a value that is no number.
pub fn amended(state: &mut TopicState, amendment: &Amendment) -> Result<Option<String>> {
    let Amendment { field, value, .. } = amendment;
    let number = || {
        let number = value.as_ref().and_then(|value| value.parse::<u32>().ok());
        number.filter(|number| *number > 0).ok_or_else(|| bad(field, "needs a number from 1"))
    };
    match field.as_str() {
        PARTITIONS => {
            let before = std::mem::replace(&mut state.partitions, number()?);
            Ok(Some(before.to_string()))
        }
        REPLICATION_FACTOR => {
            let before = std::mem::replace(&mut state.replication_factor, number()?);
            Ok(Some(before.to_string()))
        }
        other => {
            let key = other.strip_prefix(CONFIG).filter(|key| !key.is_empty());
            let key = key.ok_or_else(|| bad(field, "is no field of a topic"))?;
            Ok(match value {
                Some(value) => state.configs.insert(key.to_string(), value.clone()),
                None => state.configs.remove(key),
            })
        }
    }
}

fn bad(field: &str, why: &str) -> Error {
    let message = format!("it amends `{}`, which {why}", field.escape_debug());
    Error::failed("policy-bad-amendment", message)
}

/// A topic's state after changes of settings.
pub fn after(state: &TopicState, changes: &[ConfigChange]) -> TopicState {
    let mut state = state.clone();
    for change in changes {
        let before = state.configs.get(change.key()).cloned();
        let value = change.after(before.as_deref());
        match value {
            Some(value) => state.configs.insert(change.key().to_string(), value),
            None => state.configs.remove(change.key()),
        };
    }
    state
}

/// The changes of settings that lead from one state to another.
pub fn changes_between(before: &TopicState, after: &TopicState) -> Vec<ConfigChange> {
    let keys: BTreeSet<&String> = before.configs.keys().chain(after.configs.keys()).collect();
    let differ = keys.into_iter().filter(|key| before.configs.get(*key) != after.configs.get(*key));
    differ.map(|key| set_or_unset(key, after)).collect()
}

/// The change that makes a key what it is in a state.
pub fn set_or_unset(key: &str, state: &TopicState) -> ConfigChange {
    let key = key.to_string();
    match state.configs.get(&key) {
        Some(value) => ConfigChange::Set { key, value: value.clone() },
        None => ConfigChange::Unset { key },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> TopicState {
        TopicState {
            partitions: 3,
            replication_factor: 2,
            configs: [("retention.ms".to_string(), "1".to_string())].into(),
        }
    }

    fn amendment(field: &str, value: Option<&str>) -> Amendment {
        Amendment { field: field.into(), value: value.map(String::from), reason: "so".into() }
    }

    #[test]
    fn amendments_change_their_field_and_nothing_else() {
        let mut state = state();
        assert_eq!(amended(&mut state, &amendment("partitions", Some("6"))), Ok(Some("3".into())));
        assert_eq!(amended(&mut state, &amendment("config.a", Some("b"))), Ok(None));
        let unset = amendment("config.retention.ms", None);
        assert_eq!(amended(&mut state, &unset), Ok(Some("1".into())));
        assert_eq!((state.partitions, state.replication_factor), (6, 2));
        assert_eq!(state.configs.into_iter().collect::<Vec<_>>(), [("a".into(), "b".into())]);
    }

    #[test]
    fn nonsense_is_refused() {
        for (field, value) in [
            ("partitions", None),
            ("partitions", Some("0")),
            ("partitions", Some("many")),
            ("replication-factor", Some("-1")),
            ("config.", Some("x")),
            ("name", Some("x")),
        ] {
            let mut state = state();
            let error = amended(&mut state, &amendment(field, value)).unwrap_err();
            assert_eq!(error.code, "policy-bad-amendment", "{field}");
            assert_eq!(state, self::state());
        }
    }

    #[test]
    fn changes_lead_from_one_state_to_the_other() {
        let before = state();
        let set = ConfigChange::Set { key: "cleanup.policy".into(), value: "compact".into() };
        let unset = ConfigChange::Unset { key: "retention.ms".into() };
        let changes = vec![set, unset];
        let state = after(&before, &changes);
        assert_eq!(changes_between(&before, &state), changes);
        assert_eq!(changes_between(&before, &before), []);
    }
}
