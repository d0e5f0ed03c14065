//! What must not be shown: where in a text a secret begins. The audit log, the prompt's history,
//! messages and excerpts of scripts all ask here.

use crate::keys;

/// Stands where a secret was.
pub const MASK: &str = "***";

/// Where in a text a value begins that looks like a secret: all behind it is to be hidden.
pub fn value_at(text: &str) -> Option<usize> {
    const KEYS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "jaas",
        "credential",
        "api-key",
        "api_key",
        "apikey",
        "api.key",
        "keystore.key",
        "private key",
    ];
    // Letters of ASCII only, so that offsets stay those of the line.
    let lower = text.to_ascii_lowercase();
    let found = KEYS.iter().flat_map(|key| lower.match_indices(key));
    let named = found.filter_map(|(at, key)| value_after(&lower, at, at + key.len())).min();
    let sensitive = text.match_indices('=').find_map(|(at, _)| {
        let key = &text[text[..at].trim_end_matches(is_key).len()..at];
        let begin = at + 1 + quotes(&text[at + 1..]);
        (keys::is_sensitive(key.trim_start_matches('-')) && begin < text.len()).then_some(begin)
    });
    named.into_iter().chain(sensitive).chain(query_at(text)).min()
}

/// Where the query of the first URL that has one begins: signed links are as good as passwords.
fn query_at(text: &str) -> Option<usize> {
    text.match_indices("://").find_map(|(at, _)| {
        let end = text[at..].find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"'));
        let url = &text[at..end.map_or(text.len(), |end| at + end)];
        url.find('?').map(|query| at + query + 1).filter(|begin| *begin < text.len())
    })
}

/// The value after a key whose telling part is `start..end`: after `=` or `:`, or after a blank
/// when the key is a flag, a setting or the name of a `let`.
fn value_after(line: &str, start: usize, end: usize) -> Option<usize> {
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '\\' | '=' | ':');
    let key_start = start - (line[..start].len() - line[..start].trim_end_matches(is_key).len());
    let after_key = line[end..].trim_start_matches(is_key);
    let value = after_key.trim_start_matches(is_gap);
    let gap = &after_key[..after_key.len() - value.len()];
    let before = line[..key_start].trim_end_matches(['\'', '"', ' ', '\t']);
    let is_named = line[key_start..].starts_with('-')
        || before.ends_with("set")
        || line[start..].starts_with("private key");
    let separated = gap.contains(['=', ':']) || (is_named && !gap.is_empty());
    (separated && !value.is_empty()).then(|| line.len() - value.len())
}

fn is_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Bytes of the quotes that `text` begins with.
fn quotes(text: &str) -> usize {
    text.len() - text.trim_start_matches(['\'', '"']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_sensitive_keys_are_found_and_others_are_not() {
        let cases = [
            ("ssl.keystore.password=hunter2", Some("hunter2")),
            ("--config=2:ssl.key.password=a b", Some("a b")),
            ("sasl.jaas.config='m r user=1'", Some("m r user=1'")),
            ("{\"Token\": \"x\"}", Some("x\"}")),
            ("x=1 delegation.token.secret.key=y", Some("y")),
            ("ssl.keystore.key=PEM", Some("PEM")),
            ("--password hunter2", Some("hunter2")),
            ("plugin install https://h/x.wasm?sig=y z", Some("sig=y z")),
            ("!curl 'https://h/x' # ok?", None),
            ("https://h/x?", None),
            ("retention.ms=1", None),
            ("topic describe secret x", None),
            ("password=", None),
        ];
        for (text, value) in cases {
            assert_eq!(value_at(text).map(|at| &text[at..]), value, "{text}");
        }
    }
}
