//! Verdicts of `naming`.

use kafsh_sdk::testing;

use super::{Names, check};

fn names(pattern: &str) -> Names {
    Names {
        pattern: pattern.into(),
        says: Some("in kebab-case".into()),
        max_length: Some(20),
        except: vec!["__".into()],
    }
}

fn rules(pattern: &str, topic: &str) -> Vec<String> {
    let answer = check(&testing::create(topic).build(), &names(pattern)).unwrap();
    answer.rules().into_iter().map(str::to_owned).collect()
}

#[test]
fn the_whole_name_has_to_fit() {
    const KEBAB: &str = "[a-z0-9]+(-[a-z0-9]+)*";
    assert!(rules(KEBAB, "orders-events").is_empty());
    assert_eq!(rules(KEBAB, "orders-Events"), ["name-not-allowed"]);
    assert_eq!(rules(KEBAB, "-orders"), ["name-not-allowed"]);
    assert_eq!(rules("a|b", "ab"), ["name-not-allowed"]);
    assert_eq!(rules(KEBAB, &"a".repeat(21)), ["name-too-long"]);
    assert!(rules(KEBAB, "__consumer_offsets").is_empty());
}

#[test]
fn a_refusal_says_what_a_name_should_be() {
    let answer = check(&testing::create("X").build(), &names("[a-z]+")).unwrap();
    assert_eq!(answer.findings[0].message, "`X` is not in kebab-case");
}

#[test]
fn a_topic_that_is_there_may_be_changed_and_deleted() {
    let names = names("[a-z]+");
    assert!(check(&testing::alter("X").build(), &names).unwrap().findings.is_empty());
    assert!(check(&testing::delete("X").build(), &names).unwrap().findings.is_empty());
    assert!(check(&testing::review("X").build(), &names).unwrap().is_denied());
}

#[test]
fn a_pattern_that_is_none_is_an_error() {
    let error = check(&testing::create("x").build(), &names("[")).unwrap_err();
    assert_eq!(error.code(), "bad-pattern");
}
