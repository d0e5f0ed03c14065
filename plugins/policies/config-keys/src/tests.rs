//! Verdicts of `config-keys`.

use kafsh_sdk::policy::Response;
use kafsh_sdk::testing;

use super::{Keys, check, fits};

fn list(of: &[&str]) -> Vec<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

fn answer(keys: &Keys, configs: &[(&str, &str)]) -> Response {
    let request = configs
        .iter()
        .fold(testing::create("orders"), |builder, (key, value)| builder.config(key, value));
    check(&request.build(), keys).unwrap()
}

#[test]
fn keys_are_allowed_and_denied_by_name_and_by_pattern() {
    let keys = Keys {
        allowed: list(&["retention.*", "cleanup.policy"]),
        denied: list(&["retention.bytes"]),
        ..Keys::default()
    };
    assert!(
        answer(&keys, &[("retention.ms", "1"), ("cleanup.policy", "delete")]).findings.is_empty()
    );
    let refused = answer(&keys, &[("retention.bytes", "1"), ("segment.ms", "1")]);
    assert_eq!(refused.rules(), ["key-not-allowed"; 2]);
    assert_eq!(refused.findings[1].message, "`segment.ms` may not be set");
    let denied = Keys { denied: list(&["*.ms"]), ..Keys::default() };
    assert_eq!(answer(&denied, &[("segment.ms", "1"), ("segment.bytes", "1")]).rules().len(), 1);
}

#[test]
fn keys_are_required_with_and_without_value() {
    let keys =
        Keys { required: list(&["compression.type=zstd", "retention.ms"]), ..Keys::default() };
    let missing = answer(&keys, &[]);
    assert_eq!(missing.rules(), ["key-missing"; 2]);
    assert_eq!(missing.findings[0].suggestion.as_deref(), Some("zstd"));
    let other = answer(&keys, &[("compression.type", "gzip"), ("retention.ms", "1")]);
    assert_eq!(other.rules(), ["value-not-allowed"]);
    assert!(
        answer(&keys, &[("compression.type", "zstd"), ("retention.ms", "1")]).findings.is_empty()
    );
}

#[test]
fn defaults_fill_in_what_is_not_said() {
    let keys = Keys { default: list(&["compression.type=zstd"]), ..Keys::default() };
    assert_eq!(answer(&keys, &[]).amendments[0].value.as_deref(), Some("zstd"));
    assert!(answer(&keys, &[("compression.type", "gzip")]).amendments.is_empty());
    let bad = Keys { default: list(&["compression.type"]), ..Keys::default() };
    assert_eq!(check(&testing::create("t").build(), &bad).unwrap_err().code(), "bad-default");
}

#[test]
fn a_key_that_was_there_is_only_warned_of() {
    let keys = Keys { denied: list(&["segment.ms"]), ..Keys::default() };
    let before = testing::create("t").config("segment.ms", 1).build().proposed.unwrap();
    let request = testing::alter("t").current(before).config("segment.ms", 1).partitions(2);
    assert!(!check(&request.build(), &keys).unwrap().is_denied());
}

#[test]
fn patterns() {
    for (pattern, text, fit) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("*.*.ms", "x.y.ms", true),
    ] {
        assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
    }
}
