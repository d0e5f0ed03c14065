//! Settings as people write them: units to Kafka's raw numbers, `key=value`, `key+=value`.

use kafsh_model::config::ConfigChange;
use kafsh_model::keys::{self, Key, KeyType, Scope};
use kafsh_model::{Error, Result};

fn known(scope: Scope, key: &str) -> Option<&'static Key> {
    match scope {
        Scope::Topic => keys::topic(key),
        Scope::Broker => keys::broker(key),
        Scope::ZooKeeper => keys::zookeeper(key),
    }
}

/// `key=value` pairs to raw values, each key and value checked.
pub fn checked(scope: Scope, pairs: &[(String, String)]) -> Result<Vec<(String, String)>> {
    let mut settings: Vec<(String, String)> = Vec::new();
    for (key, value) in pairs {
        let value = keys::raw(scope, key, value);
        keys::check_written(scope, key, &value)?;
        if settings.iter().any(|(known, _)| known == key) {
            return Err(Error::usage("key-twice", format!("`{key}` is given twice")));
        }
        settings.push((key.clone(), value));
    }
    Ok(settings)
}

/// `key=value`, or for lists `key+=value` and `key-=value`.
pub fn changes(scope: Scope, words: &[String]) -> Result<Vec<ConfigChange>> {
    let mut changes: Vec<ConfigChange> = Vec::new();
    for word in words {
        let change = change(scope, word)?;
        if changes.iter().any(|known| known.key() == change.key()) {
            let message = format!("`{}` is given twice", change.key());
            return Err(Error::usage("key-twice", message));
        }
        changes.push(change);
    }
    Ok(changes)
}

fn change(scope: Scope, word: &str) -> Result<ConfigChange> {
    let (left, value) = crate::args::split_pair(word)?;
    let (key, sign) = match left.strip_suffix(['+', '-']) {
        Some(key) => (key.to_string(), left.chars().last()),
        None => (left, None),
    };
    let value = keys::raw(scope, &key, &value);
    keys::check_written(scope, &key, &value)?;
    let Some(sign) = sign else { return Ok(ConfigChange::Set { key, value }) };
    if known(scope, &key).is_some_and(|known| known.kind != KeyType::List) {
        let message = format!("`{key}` is no list: `{word}` cannot be");
        return Err(Error::usage("not-a-list", message)
            .with_cause("`+=` and `-=` add to a list and take from it"));
    }
    Ok(match sign {
        '+' => ConfigChange::Append { key, value },
        _ => ConfigChange::Subtract { key, value },
    })
}

/// Keys to be put back to their defaults.
pub fn unsets(scope: Scope, words: &[String]) -> Result<Vec<ConfigChange>> {
    let mut changes = Vec::new();
    for key in words {
        if known(scope, key).is_none() {
            let near = keys::suggest_in(scope, key);
            let question = kafsh_model::suggest::did_you_mean(&near);
            let error = Error::usage("unknown-config", format!("no key `{key}`{question}"));
            return Err(error);
        }
        changes.push(ConfigChange::Unset { key: key.clone() });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_told_before_anything_runs() {
        let words = |text: &str| vec![text.to_string()];
        let code = |text: &str| changes(Scope::Topic, &words(text)).unwrap_err().code;
        assert_eq!(code("retention.sm=7d"), "unknown-config");
        assert_eq!(code("retention.ms=soon"), "bad-config-value");
        assert_eq!(code("retention.ms+=5"), "not-a-list");
        assert_eq!(code("retention.ms"), "bad-value");
        let twice = ["retention.ms=1".to_string(), "retention.ms=2".to_string()];
        assert_eq!(changes(Scope::Topic, &twice).unwrap_err().code, "key-twice");
        assert_eq!(
            unsets(Scope::Topic, &words("retension.ms")).unwrap_err().code,
            "unknown-config"
        );
    }

    #[test]
    fn lists_grow_and_shrink() {
        let one = |text: &str| changes(Scope::Topic, &[text.to_string()]).unwrap().remove(0);
        let append = one("cleanup.policy+=compact");
        assert_eq!(append.after(Some("delete")).as_deref(), Some("delete,compact"));
        assert_eq!(append.after(Some("compact")).as_deref(), Some("compact"));
        let subtract = one("cleanup.policy-=delete");
        assert_eq!(subtract.after(Some("delete,compact")).as_deref(), Some("compact"));
        assert_eq!(one("retention.ms=1m").after(None).as_deref(), Some("60000"));
    }
}
