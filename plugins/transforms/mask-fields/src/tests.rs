//! What `mask-fields` leaves readable.

use kafsh_sdk::settings;
use kafsh_sdk::testing::{self, Host, Ran};
use kafsh_sdk::transform::Transform;

use super::MaskFields;

const TEXT: &str = r#"{ "card": {"pan":"4111", "exp" : "01/30"}, "n": 1.50, "to":["a", "b"] }"#;

fn run(host: Host, value: &str) -> Ran {
    let _host = host.set();
    let mut mask = MaskFields::configure(settings::load().unwrap()).unwrap();
    testing::run(&mut mask, testing::records("t").keyed("k", value).build())
}

fn mask(how: &str) -> Host {
    Host::new().setting("fields", "card.pan").setting("fields", "to[]").setting("how", how)
}

#[test]
fn only_the_fields_named_are_another() {
    let ran = run(mask("replace"), TEXT);
    let expected = r#"{ "card": {"pan":"***", "exp" : "01/30"}, "n": 1.50, "to":["***", "***"] }"#;
    assert_eq!(ran.values(), [expected]);
    let ran = run(mask("remove"), TEXT);
    assert_eq!(ran.values(), [r#"{ "card": {"exp" : "01/30"}, "n": 1.50, "to":[] }"#]);
    let ran = run(mask("null"), r#"{"card":{"pan":7}}"#);
    assert_eq!(ran.values(), [r#"{"card":{"pan":null}}"#]);
}

#[test]
fn a_hash_tells_equal_from_unequal_and_nothing_else() {
    let hashed = |pan: &str| {
        let host = mask("hash").secret("salt", "s");
        run(host, &format!(r#"{{"card":{{"pan":"{pan}"}}}}"#)).values().remove(0)
    };
    assert_eq!(hashed("4111"), hashed("4111"));
    assert_ne!(hashed("4111"), hashed("4112"));
    assert_eq!(hashed("4111").len(), r#"{"card":{"pan":""}}"#.len() + 64);
}

#[test]
fn without_the_fields_a_record_is_not_even_copied() {
    let ran = run(mask("replace"), r#"{"other": 1}"#);
    assert_eq!((ran.values(), ran.copied), (vec![r#"{"other": 1}"#.to_owned()], 0));
}

#[test]
fn what_is_no_json_does_not_pass() {
    let ran = run(mask("replace"), r#"{"card": {"pan": "4111""#);
    assert_eq!((ran.codes(), ran.records.len()), (vec!["bad-json"], 0));
}

#[test]
fn settings_that_mask_nothing_are_refused() {
    let configure = |host: Host| {
        let _host = host.set();
        settings::load().and_then(MaskFields::configure).err().unwrap().code().to_owned()
    };
    assert_eq!(configure(Host::new()), "setting-missing");
    assert_eq!(configure(mask("hash")), "no-salt");
    assert_eq!(configure(Host::new().setting("fields", "a..b")), "unexpected");
}
