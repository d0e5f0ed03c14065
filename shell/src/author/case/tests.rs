//! Case files: what is read, what is refused, what a blessing changes.

use kafsh_model::policy::Operation;

use super::*;

fn file(kind: PluginKind, text: &str) -> Result<CaseFile> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("one.toml");
    fs::write(&path, text).unwrap();
    CaseFile::read(&path, kind)
}

fn case(kind: PluginKind, text: &str) -> Case {
    file(kind, &format!("[[case]]\n{text}")).unwrap().cases.remove(0)
}

#[test]
fn a_policy_is_asked_what_the_file_says() {
    let text = "name = 'n'\nsettings = { max = 3, names = ['a', 'b'] }\n\
                request = { topic = 't', configs = { 'retention.ms' = 5 } }\n\
                cluster = { brokers = [1], topics = { a = { partitions = 2 } } }\n\
                expect = { verdict = 'allow' }";
    let case = case(PluginKind::Policy, text);
    let words: Vec<String> = case.settings.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(words, ["max=3", "names=a", "names=b"]);
    let Input::Policy { request, facts } = case.input else { panic!("no policy's") };
    assert_eq!((request.topic.as_str(), request.operation), ("t", Operation::Create));
    assert_eq!(request.touched, ["retention.ms"]);
    assert_eq!(request.proposed.unwrap().configs["retention.ms"], "5");
    assert_eq!(facts.unwrap().topics["a"].partitions, 2);
    assert_eq!(case.expected["expect"]["verdict"].as_str(), Some("allow"));
}

#[test]
fn each_operation_has_the_states_that_it_has_in_earnest() {
    for (operation, current, proposed) in
        [("create", false, true), ("delete", true, false), ("review", true, true)]
    {
        let text = format!("request = {{ operation = '{operation}', topic = 't' }}");
        let Input::Policy { request, .. } = case(PluginKind::Policy, &text).input else {
            panic!("no policy's")
        };
        let there = (request.current.is_some(), request.proposed.is_some());
        assert_eq!(there, (current, proposed), "{operation}");
    }
}

#[test]
fn records_are_bytes() {
    let text = "input = [{ key = 'k', value-hex = '00fF', headers = { a = '1' } }, {}]";
    let Input::Transform { batch, .. } = case(PluginKind::Transform, text).input else {
        panic!("no transform's")
    };
    let record = batch.get(0);
    assert_eq!((record.key, record.value), (Some(&b"k"[..]), Some(&[0, 255][..])));
    assert_eq!((record.headers.len(), batch.get(1).value), (1, None));
    assert_eq!(bytes("value", &[0, 255]).0, "value-hex");
    assert_eq!(bytes("value", b"k"), ("value".to_string(), Value::String("k".to_string())));
}

#[test]
fn what_is_wrong_in_a_file_is_said() {
    for (kind, text, wrong) in [
        (PluginKind::Policy, "", "no `[[case]]`"),
        (PluginKind::Policy, "[[case]]\nrequest = { topic = 't' }\nother = 1", "other"),
        (
            PluginKind::Policy,
            "[[case]]\nrequest = { topic = 't', partition = 1 }",
            "(did you mean `partitions`?)",
        ),
        (
            PluginKind::Policy,
            "[[case]]\nrequest = { topic = 't', current = { config = {} } }",
            "`current` has no `config` (did you mean `configs`?): it has `partitions`, \
             `replication-factor`, `configs`",
        ),
        (
            PluginKind::Policy,
            "[[case]]\nrequest = { topic = 't' }\nexpected = { verdict = 'deny' }",
            "a case has no `expected` (did you mean `expect`?)",
        ),
        (PluginKind::Policy, "[[case]]\nfuel = 'x'", "whole number"),
        (PluginKind::Transform, "[[case]]\ninput = [{ value-hex = '0' }]", "hexadecimal"),
        (PluginKind::Transform, "[[case]]\ninput = [{ values = 'x' }]", "values"),
        (PluginKind::Step, "[[case]]\ninput = { brokers = 0 }", "brokers"),
        (PluginKind::Step, "[[case]]\ninput = 'other'", "other"),
        (PluginKind::Step, "][", "table"),
    ] {
        let error = file(kind, text).unwrap_err();
        assert_eq!(error.code, "bad-case", "{text}");
        let said = format!("{:?} {:?}", error.evidence, error.cause);
        assert!(said.contains(wrong), "{text}: {said}");
    }
}

#[test]
fn a_blessing_changes_what_is_expected_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("one.toml");
    let before = "# why\n[[case]]\nname = 'one' # kept\nrequest = { topic = 't' }\n\
                  expect = { verdict = 'allow' } # too\n\n\
                  [[case]]\nname = 'two'\nrequest = { topic = 'u' }\n";
    fs::write(&path, before).unwrap();
    let outcome: Table = "expect = { verdict = 'deny', rules = ['r'] }".parse().unwrap();
    let kind = PluginKind::Policy;
    let cases = CaseFile::read(&path, kind).unwrap();
    cases.bless(&[(0, &outcome), (1, &outcome)], kind).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let new = "expect = { rules = [\"r\"], verdict = \"deny\" }";
    let after = before
        .replace("expect = { verdict = 'allow' }", new)
        .replace("topic = 'u' }", &format!("topic = 'u' }}\n{new}"));
    assert_eq!(written, after);
}

#[test]
fn a_blessing_takes_an_error_away_that_no_longer_comes() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("one.toml");
    let before = "[[case]]\nerror = { code = 'plugin-failed' } # once\n\
                  failures = [{ index = 0 }]\ninput = [{ value = 'v' }]\n";
    fs::write(&path, before).unwrap();
    let outcome: Table = "output = [{ value = 'v' }]".parse().unwrap();
    let kind = PluginKind::Transform;
    CaseFile::read(&path, kind).unwrap().bless(&[(0, &outcome)], kind).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    assert!(!written.contains("error"), "{written}");
    assert!(written.contains("failures = []\n"), "{written}");
    let again = CaseFile::read(&path, kind).unwrap();
    assert_eq!(again.cases[0].expected["output"], outcome["output"]);
}

#[test]
fn what_a_blessing_adds_stands_below_the_case_and_above_its_tables() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("one.toml");
    let before = "[[case]]\nname = 'one'\ninput = [\n    { value = 'v' },\n]\n\n\
                  [case.settings]\na = 1\n";
    fs::write(&path, before).unwrap();
    let outcome = "output = [{ value = 'w' }]\nfailures = [{ index = 0, code = 'x' }]\n";
    let outcome: Table = outcome.parse().unwrap();
    let kind = PluginKind::Transform;
    CaseFile::read(&path, kind).unwrap().bless(&[(0, &outcome)], kind).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let places: Vec<_> = ["input =", "output =", "failures =", "[case.settings]"]
        .map(|key| written.find(key).unwrap_or_else(|| panic!("{key}: {written}")))
        .into();
    assert!(places.is_sorted(), "{written}");
}

#[test]
fn a_setting_that_a_topic_has_already_is_not_touched() {
    let text = "request = { operation = 'alter', topic = 't', \
                configs = { 'retention.ms' = 5, 'cleanup.policy' = 'compact', 'min.x' = 1 }, \
                current = { configs = { 'retention.ms' = 5, 'cleanup.policy' = 'delete' } } }";
    let Input::Policy { request, .. } = case(PluginKind::Policy, text).input else {
        panic!("no policy's")
    };
    assert_eq!(request.touched, ["cleanup.policy", "min.x"]);
}

#[test]
fn what_cannot_be_edited_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("one.toml");
    let text = "[[case]]\n[case.request]\ntopic = 't'\n[case.expect]\nverdict = 'allow'\n";
    fs::write(&path, text).unwrap();
    let outcome: Table = "expect = { verdict = 'deny' }".parse().unwrap();
    let cases = CaseFile::read(&path, PluginKind::Policy).unwrap();
    let error = cases.bless(&[(0, &outcome)], PluginKind::Policy).unwrap_err();
    assert_eq!(error.code, "bad-case");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}
