//! Verdicts of `retention`.

use std::time::Duration;

use kafsh_sdk::policy::Response;
use kafsh_sdk::settings::Size;
use kafsh_sdk::testing;

use super::{Bounds, check};

fn bounds() -> Bounds {
    Bounds {
        min: Some(Duration::from_secs(3600)),
        max: Some(Duration::from_secs(7 * 24 * 3600)),
        max_bytes: Some(Size(1 << 30)),
        ..Bounds::default()
    }
}

fn answer(key: &str, value: &str, bounds: &Bounds) -> Response {
    check(&testing::create("orders").config(key, value).build(), bounds).unwrap()
}

#[test]
fn time_and_bytes_have_their_bounds() {
    for (key, value, rules) in [
        ("retention.ms", "3600000", vec![]),
        ("retention.ms", "604800000", vec![]),
        ("retention.ms", "604800001", vec!["retention-too-long"]),
        ("retention.ms", "-1", vec!["retention-too-long"]),
        ("retention.ms", "3599999", vec!["retention-too-short"]),
        ("retention.bytes", "1073741824", vec![]),
        ("retention.bytes", "-1", vec!["retention-too-long"]),
        ("retention.ms", "soon", vec![]),
        ("segment.ms", "1", vec![]),
    ] {
        assert_eq!(answer(key, value, &bounds()).rules(), rules, "{key} {value}");
    }
}

#[test]
fn a_refusal_names_the_bound() {
    let finding = answer("retention.ms", "-1", &bounds()).findings.remove(0);
    assert_eq!(finding.message, "`retention.ms` without bound is more than 604800000 (7d)");
    assert_eq!(finding.suggestion.as_deref(), Some("604800000"));
}

#[test]
fn what_is_out_of_bounds_can_be_moved_in() {
    let clamp = Bounds { clamp: true, ..bounds() };
    let moved = answer("retention.ms", "1", &clamp);
    assert!(moved.findings.is_empty());
    assert_eq!(moved.amendments[0].value.as_deref(), Some("3600000"));
    assert!(answer("retention.ms", "3600000", &clamp).amendments.is_empty());
}

#[test]
fn a_topic_may_have_to_say_how_long() {
    let required = Bounds { required: true, ..bounds() };
    assert_eq!(answer("segment.ms", "1", &required).rules(), ["retention-missing"]);
    assert!(answer("retention.ms", "3600000", &required).findings.is_empty());
    assert!(answer("cleanup.policy", "compact", &required).findings.is_empty());
}
