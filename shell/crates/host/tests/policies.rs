//! Policies: what they are lent, what is believed of their answers, and what a call costs.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_host::{Grants, PluginHost, PluginSource};
use kafsh_model::plugin::{Capability, CapabilityName, ClusterFacts, PluginKind, Secret, Settings};
use kafsh_model::policy::{Policies, PolicySeverity};
use support::{Place, component, manifest, request, source, source_of};

const POLICY: &str = "policy-well-behaved";

/// Topics `orders`, `orders-eu` and `payments`.
fn facts() -> Arc<ClusterFacts> {
    let names = ["orders", "orders-eu", "payments"];
    let topics = names.map(|name| (name.to_owned(), Default::default())).into();
    Arc::new(ClusterFacts { brokers: vec![1, 2, 3], topics })
}

/// A policy that sees topics of these names only.
fn scoped(scope: &[&str]) -> PluginSource {
    let mut manifest = manifest(POLICY);
    for capability in &mut manifest.capabilities {
        if capability.name == CapabilityName::ClusterRead {
            capability.scope = scope.iter().map(ToString::to_string).collect();
        }
    }
    source_of(POLICY, component(POLICY), manifest)
}

#[test]
fn an_answer_is_lifted_and_scopes_hold() {
    for (scope, seen) in [(&[][..], 3), (&["orders*"], 2), (&["orders"], 1), (&["x"], 0)] {
        let place = Place::new();
        let host = place.host(true);
        host.add(scoped(scope)).unwrap();
        let policy = host.policy(POLICY).unwrap();
        assert!(policy.wants_facts());
        // The guest tells of as many findings as it sees topics, all but the first unreadable.
        let answer = policy.check(&request(), &Settings::default(), Some(&facts()));
        if seen > 1 {
            assert_eq!(answer.unwrap_err().code, "plugin-bad-output", "{scope:?}");
            continue;
        }
        let answer = answer.unwrap();
        assert_eq!(answer.findings.len(), seen, "{scope:?}");
        if let Some(finding) = answer.findings.first() {
            assert_eq!((&*finding.rule, finding.severity), ("too-many", PolicySeverity::Deny));
            assert_eq!(finding.field.as_deref(), Some("partitions"));
            assert_eq!(finding.suggestion.as_deref(), Some("6"));
        }
        assert_eq!(answer.amendments[0].field, "config.retention.ms");
        assert_eq!(answer.amendments[0].value.as_deref(), Some("1000"));
    }
}

#[test]
fn without_facts_nothing_is_seen_and_counters_add_up() {
    let place = Place::new();
    let host = place.host(true);
    host.add(source(POLICY)).unwrap();
    for _ in 0..3 {
        let policy = host.policy(POLICY).unwrap();
        let answer = policy.check(&request(), &Settings::default(), None).unwrap();
        assert!(answer.findings.is_empty());
    }
    let counters = host.counters(PluginKind::Policy, POLICY).unwrap();
    assert_eq!(counters, BTreeMap::from([("asked".to_owned(), 3)]));
}

#[test]
fn what_was_not_granted_is_named_with_its_grant() {
    let all = manifest(POLICY).capabilities;
    for missing in &all {
        let place = Place::new();
        let host = place.host(false);
        let others: Vec<Capability> = all.iter().filter(|c| *c != missing).cloned().collect();
        host.add(PluginSource { grants: Grants::of(&others), ..source(POLICY) }).unwrap();
        let error =
            host.policy(POLICY).unwrap().check(&request(), &Settings::default(), None).unwrap_err();
        assert_eq!(error.code, "plugin-not-granted");
        let name = missing.name.name();
        assert!(error.cause.as_ref().unwrap().contains(&format!("`{name}`")), "{error:?}");
        assert_eq!(error.next, [format!("plugin grant {POLICY} {name}")]);
        assert_eq!(error.class.exit_status(), 3);
        assert!(place.compiled().is_empty(), "it was compiled");
    }
}

#[test]
fn what_it_says_cannot_drive_a_terminal() {
    let host = Place::new().host(true);
    host.add(source("policy-escapes")).unwrap();
    let policy = host.policy("policy-escapes").unwrap();
    let answer = policy.check(&request(), &Settings::default(), None).unwrap();
    let message = &answer.findings[0].message;
    assert!(!message.chars().any(char::is_control), "{message:?}");
    assert_eq!(message, "\\u{1b}[31mred\\u{1b}]0;title\\u{7}\\u{202e}abc\\u{9b}2J");
}

#[test]
fn a_secret_is_only_there_where_it_was_given() {
    let host = Place::new().host(true);
    host.add(source("policy-secret-hoard")).unwrap();
    let policy = host.policy("policy-secret-hoard").unwrap();
    let error = policy.check(&request(), &Settings::default(), None).unwrap_err();
    assert_eq!(
        (&*error.code, error.cause.as_deref()),
        ("plugin-failed", Some("it was given none"))
    );
    let secrets = [("token".to_owned(), Secret(b"x".to_vec()))].into();
    let settings = Settings { secrets, ..Settings::default() };
    let error = policy.check(&request(), &settings, None).unwrap_err();
    assert_eq!(error.code, "plugin-memory");
}

#[test]
fn fuel_is_the_same_each_time() {
    let place = Place::new();
    let host = place.host_with(|options| {
        options.no_cache = true;
        options.fuel = true;
        options.deterministic = true;
    });
    host.add(source(POLICY)).unwrap();
    let measure = || host.measure_policy(POLICY, &request(), &Settings::default(), None).unwrap();
    let (one, other) = (measure(), measure());
    assert!(one.fuel.is_some_and(|fuel| fuel > 20), "{one:?}");
    assert_eq!(one.fuel, other.fuel);
    assert_eq!(one.memory_bytes, 64 << 10);
}

#[test]
fn many_ask_at_once() {
    let host = Place::new().host(true);
    host.add(source(POLICY)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let policy = host.policy(POLICY).unwrap();
                for _ in 0..20 {
                    policy.check(&request(), &Settings::default(), None).unwrap();
                }
            });
        }
    });
    let counters = host.counters(PluginKind::Policy, POLICY).unwrap();
    assert_eq!(counters["asked"], 160);
}

/// The figure itself is taken in the benchmark; this only finds what is slower by orders.
#[test]
fn a_warm_call_takes_no_time_to_speak_of() {
    let host: PluginHost = Place::new().host(true);
    host.add(source(POLICY)).unwrap();
    host.load(PluginKind::Policy, POLICY).unwrap();
    let policy = host.policy(POLICY).unwrap();
    let settings = Settings::default();
    let call = || {
        let began = Instant::now();
        policy.check(&request(), &settings, None).unwrap();
        began.elapsed()
    };
    let best = (0..200).map(|_| call()).min().unwrap();
    eprintln!("best of 200 policy calls: {best:?}");
    assert!(best < Duration::from_millis(5), "{best:?}");
}
