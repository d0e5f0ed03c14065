//! Verdicts of `replication`.

use kafsh_sdk::policy::{Request, Severity};
use kafsh_sdk::testing;

use super::{Limits, check};

fn limits() -> Limits {
    Limits {
        min: 3,
        max: Some(5),
        min_isr: Some(2),
        fill: false,
        require_isr: false,
        explicit: false,
    }
}

fn rules(request: &Request) -> Vec<String> {
    let answer = check(request, &limits()).unwrap();
    answer.rules().into_iter().map(str::to_owned).collect()
}

fn topic(replicas: u32, isr: &str) -> Request {
    let builder = testing::create("orders").replication_factor(replicas);
    builder.config("min.insync.replicas", isr).build()
}

#[test]
fn replicas_within_bounds_are_allowed() {
    assert!(rules(&topic(3, "2")).is_empty());
    assert!(rules(&testing::create("orders").replication_factor(5).build()).is_empty());
    assert!(rules(&testing::delete("orders").build()).is_empty());
}

#[test]
fn too_few_and_too_many_are_refused_with_what_would_do() {
    assert_eq!(rules(&topic(2, "x")), ["replication-factor-too-low"]);
    assert_eq!(rules(&topic(6, "2")), ["replication-factor-too-high"]);
    let answer = check(&topic(1, "1"), &limits()).unwrap();
    assert!(answer.is_denied());
    assert_eq!(answer.findings[0].suggestion.as_deref(), Some("3"));
    assert_eq!(answer.findings[1].field.as_deref(), Some("config.min.insync.replicas"));
}

#[test]
fn replicas_in_sync_fit_the_replicas() {
    assert_eq!(rules(&topic(3, "1")), ["min-isr-too-low"]);
    assert_eq!(rules(&topic(3, "4")), ["min-isr-too-high"]);
    let answer = check(&topic(3, "3"), &limits()).unwrap();
    assert_eq!((answer.rules(), answer.is_denied()), (vec!["min-isr-leaves-no-room"], false));
}

#[test]
fn what_was_so_before_is_not_held_against_a_change_of_something_else() {
    let request = testing::alter("orders").config("retention.ms", 1000).build();
    let answer = check(&request, &limits()).unwrap();
    assert_eq!(answer.findings[0].severity, Severity::Warn);
    let request = testing::alter("orders").replication_factor(2).build();
    assert!(check(&request, &limits()).unwrap().is_denied());
}

#[test]
fn a_missing_number_is_filled_in_once() {
    let limits = Limits { fill: true, ..limits() };
    let answer = check(&testing::create("orders").replication_factor(3).build(), &limits).unwrap();
    assert_eq!(answer.amendments[0].field, "config.min.insync.replicas");
    assert_eq!(answer.amendments[0].value.as_deref(), Some("2"));
    assert!(check(&topic(3, "2"), &limits).unwrap().amendments.is_empty());
}

#[test]
fn what_has_to_be_said_is_missed_where_it_was_left_out() {
    let limits = Limits { explicit: true, require_isr: true, ..limits() };
    let rules = |given: Option<&str>, isr: Option<&str>| {
        let mut builder = testing::create("orders").replication_factor(3);
        if let Some(given) = given {
            builder = builder.extra("given", given);
        }
        if let Some(isr) = isr {
            builder = builder.config("min.insync.replicas", isr);
        }
        let answer = check(&builder.build(), &limits).unwrap();
        answer.rules().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rules(Some("partitions,replication-factor"), Some("2")), [""; 0]);
    assert_eq!(rules(Some("partitions"), Some("2")), ["replication-factor-missing"]);
    assert_eq!(rules(Some(""), Some("2")), ["replication-factor-missing"]);
    assert_eq!(rules(None, Some("2")), [""; 0], "a host that does not tell");
    assert_eq!(rules(None, None), ["min-isr-missing"]);
    // A topic that never set it is not held up when something else is changed.
    let request = testing::alter("orders").config("retention.ms", 1000).build();
    let answer = check(&request, &limits).unwrap();
    assert!(answer.findings.iter().all(|finding| finding.severity == Severity::Warn));
}
