//! Verdicts of `ownership`.

use kafsh_sdk::testing::{self, RequestBuilder};

use super::{Deletes, Owners, Unowned, check};

fn owners() -> Owners {
    let list = |of: &[&str]| of.iter().map(|&text| text.to_owned()).collect();
    Owners {
        owners: list(&["orders.=sales", "orders.audit.=security"]),
        members: list(&["kim=sales", "lee=security"]),
        unowned: Unowned::Deny,
        deletes: Deletes::Members,
    }
}

/// The rule, with `!` where it refuses.
fn verdict(owners: &Owners, request: RequestBuilder, user: &str) -> String {
    let answer = check(&request.extra("user", user).build(), owners).unwrap();
    format!("{}{}", answer.rules().join(","), if answer.is_denied() { "!" } else { "" })
}

#[test]
fn the_longest_beginning_says_whose_a_topic_is() {
    let owners = owners();
    assert_eq!(verdict(&owners, testing::create("orders.new"), "kim"), "");
    assert_eq!(verdict(&owners, testing::create("orders.audit.x"), "kim"), "not-a-member!");
    assert_eq!(verdict(&owners, testing::alter("orders.audit.x"), "lee"), "");
    assert_eq!(verdict(&owners, testing::delete("orders.new"), ""), "not-a-member!");
    assert_eq!(verdict(&owners, testing::review("orders.new"), "lee"), "");
}

#[test]
fn a_topic_of_nobody() {
    let mut owners = owners();
    assert_eq!(verdict(&owners, testing::create("misc"), "kim"), "no-owner!");
    assert_eq!(verdict(&owners, testing::alter("misc"), "kim"), "no-owner");
    owners.unowned = Unowned::Warn;
    assert_eq!(verdict(&owners, testing::create("misc"), "kim"), "no-owner");
    owners.unowned = Unowned::Allow;
    assert_eq!(verdict(&owners, testing::create("misc"), "kim"), "");
}

#[test]
fn who_may_delete() {
    let mut owners = owners();
    owners.deletes = Deletes::Nobody;
    assert_eq!(verdict(&owners, testing::delete("orders.new"), "kim"), "delete-not-allowed!");
    assert_eq!(verdict(&owners, testing::create("orders.new"), "kim"), "");
    owners.deletes = Deletes::Anyone;
    assert_eq!(verdict(&owners, testing::delete("orders.audit.x"), "kim"), "");
}

#[test]
fn without_members_only_the_name_counts() {
    let owners = Owners { members: vec![], ..owners() };
    assert_eq!(verdict(&owners, testing::alter("orders.audit.x"), "kim"), "");
}

#[test]
fn a_pair_that_is_none_is_an_error() {
    let owners = Owners { owners: vec!["orders".into()], ..owners() };
    let error = check(&testing::create("x").build(), &owners).unwrap_err();
    assert_eq!(error.code(), "bad-owners");
}
