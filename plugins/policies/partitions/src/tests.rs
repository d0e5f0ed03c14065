//! Verdicts of `partitions`.

use kafsh_sdk::policy::Severity;
use kafsh_sdk::testing;

use super::{Limits, check};

const LIMITS: Limits = Limits { min: 3, max: Some(50), multiple_of: Some(3) };

/// The rule and what would be allowed.
fn verdict(partitions: u32) -> Option<(String, String)> {
    let request = testing::create("orders").partitions(partitions).build();
    let finding = check(&request, &LIMITS).unwrap().findings.pop()?;
    assert_eq!((finding.severity, finding.field.as_deref()), (Severity::Deny, Some("partitions")));
    Some((finding.rule, finding.suggestion.unwrap_or_default()))
}

#[test]
fn bounds_and_multiples() {
    let told = |rule: &str, allowed: &str| Some((rule.to_owned(), allowed.to_owned()));
    assert_eq!((verdict(3), verdict(48)), (None, None));
    assert_eq!(verdict(1), told("too-few-partitions", "3"));
    assert_eq!(verdict(51), told("too-many-partitions", "48"));
    assert_eq!(verdict(4), told("partitions-no-multiple", "6"));
    assert_eq!(verdict(49), told("partitions-no-multiple", "48"));
}

#[test]
fn a_change_of_something_else_is_only_warned_of() {
    let answer = check(&testing::alter("orders").build(), &LIMITS).unwrap();
    assert_eq!((answer.rules(), answer.is_denied()), (vec!["too-few-partitions"], false));
    assert!(check(&testing::delete("orders").build(), &LIMITS).unwrap().findings.is_empty());
}

#[test]
fn limits_that_nothing_meets_are_an_error() {
    for limits in [
        Limits { multiple_of: Some(0), ..LIMITS },
        Limits { min: 7, max: Some(8), multiple_of: Some(5) },
        Limits { min: 9, max: Some(8), multiple_of: None },
    ] {
        let error = check(&testing::create("t").build(), &limits).unwrap_err();
        assert_eq!(error.code(), "bad-limits");
    }
}
