//! What a plugin answers to a case, in the form in which it is expected, and how the two differ.

use std::sync::Arc;

use kafsh_host::PluginHost;
use kafsh_model::plan::{StepPlan, Verification};
use kafsh_model::plugin::{Manifest, Secret, Settings};
use kafsh_model::policy::{PolicyResponse, PolicySeverity};
use kafsh_model::port::Steps;
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::transform::{State, Transformed, Transforms};
use kafsh_model::{Class, Error, Result};
use toml::{Table, Value};

use super::case::{Case, Input, bytes};

/// Characters of a value that are shown in a difference.
const SHOWN_MAX: usize = 300;

/// What came of a case.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Table,
    /// Work that the plugin did; of a transform, for each record
    pub fuel: Option<u64>,
    pub memory_bytes: usize,
}

/// Puts a case to the plugin that `host` has.
///
/// # Errors
/// `bad-setting`, and faults of the shell's own: what the plugin does wrong is an outcome.
pub fn run(host: &PluginHost, manifest: &Manifest, case: &Case) -> Result<Ran> {
    // A case is a file that everybody sees: what it says of a secret is the secret.
    let secret = |_: &str, word: &str| Ok(Secret(word.as_bytes().to_vec()));
    let settings = Settings::read(&manifest.name, &manifest.settings, &case.settings, &secret);
    let settings = settings.map(Arc::new);
    let settings = settings.map_err(|e| {
        let message = format!("case `{}`: {}", case.name, e.message);
        Error { message, class: Class::Failed, ..e }
    })?;
    let name = &manifest.name;
    let answered = match &case.input {
        Input::Policy { request, facts } => {
            let facts = facts.clone().map(Arc::new);
            let answer = host.measure_policy(name, request, &settings, facts.as_ref());
            answer.map(|m| (policy(&m.value), m.fuel, m.memory_bytes))
        }
        Input::Transform { source, batch } => {
            let mut given = batch.clone();
            let opened = host
                .transform(name)
                .and_then(|transform| transform.open(source, &settings, State::new()));
            opened.and_then(|mut instance| {
                let transformed = instance.process(&mut given)?;
                let outcome = records(batch, &given, &transformed);
                // A budget is for each record.
                let count = u64::try_from(batch.len()).unwrap_or(u64::MAX).max(1);
                let fuel = transformed.fuel.map(|fuel| fuel.div_ceil(count));
                Ok((outcome, fuel, instance.memory_bytes()))
            })
        }
        Input::Step(input) => host.measure_step(name, input, &settings).and_then(|measured| {
            let mut outcome = step(&measured.value);
            let verified = match host.step(name)?.verify(input)? {
                Verification::Met => "met",
                Verification::NotYet { .. } => "not-yet",
                Verification::Failed(_) => "failed",
            };
            outcome.insert("verify".to_string(), text(verified));
            Ok((outcome, measured.fuel, measured.memory_bytes))
        }),
    };
    match answered {
        Ok((outcome, fuel, memory_bytes)) => Ok(Ran { outcome, fuel, memory_bytes }),
        Err(error) if error.class == Class::Bug => Err(error),
        Err(error) => Ok(Ran { outcome: failure(error), fuel: None, memory_bytes: 0 }),
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

fn table(pairs: Vec<(&str, Option<Value>)>) -> Table {
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))).collect()
}

/// The plugin broke, or said that it cannot answer.
fn failure(error: Error) -> Table {
    // What a plugin itself calls it comes as evidence.
    let evidence = list(error.evidence.iter().map(text));
    let error = table(vec![
        ("code", Some(text(error.code))),
        ("evidence", some(evidence)),
        ("cause", error.cause.map(text)),
    ]);
    table(vec![("error", Some(Value::Table(error)))])
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    Value::Array(items.collect())
}

fn some(list: Value) -> Option<Value> {
    list.as_array().is_some_and(|items| !items.is_empty()).then_some(list)
}

fn policy(response: &PolicyResponse) -> Table {
    let worst = response.findings.iter().map(|finding| finding.severity).max();
    let verdict = match worst {
        Some(PolicySeverity::Deny) => "deny",
        _ if !response.amendments.is_empty() => "amend",
        Some(PolicySeverity::Warn) => "warn",
        None => "allow",
    };
    let rules = list(response.findings.iter().map(|finding| text(&finding.rule)));
    let amendments: Table = response
        .amendments
        .iter()
        // What is taken away is amended to nothing.
        .map(|a| (a.field.clone(), text(a.value.clone().unwrap_or_default())))
        .collect();
    let amendments = (!amendments.is_empty()).then_some(Value::Table(amendments));
    let expect = table(vec![
        ("verdict", Some(text(verdict))),
        ("rules", some(rules)),
        ("amendments", amendments),
    ]);
    table(vec![("expect", Some(Value::Table(expect)))])
}

fn step(plan: &StepPlan) -> Table {
    let actions = list(plan.actions.iter().map(|action| text(action.to_string())));
    let findings = list(plan.findings.iter().map(|finding| text(&finding.code)));
    table(vec![("actions", Some(actions)), ("findings", some(findings))])
}

fn records(before: &RecordBatch, after: &RecordBatch, transformed: &Transformed) -> Table {
    let sources = transformed.sources.iter().map(|source| before.get(*source as usize));
    let out = list(after.iter().zip(sources).map(|(view, source)| record(&view, &source)));
    let failed = list(transformed.failed.iter().map(|failed| {
        Value::Table(table(vec![
            ("index", Some(Value::Integer(failed.index.into()))),
            ("code", Some(text(&failed.code))),
        ]))
    }));
    table(vec![("output", Some(out)), ("failures", some(failed))])
}

/// A record that came out, with what differs of topic and timestamp.
fn record(view: &RecordView<'_>, source: &RecordView<'_>) -> Value {
    let mut record = table(vec![("topic", (view.topic != source.topic).then(|| text(view.topic)))]);
    record.extend(view.key.map(|key| bytes("key", key)));
    record.extend(view.value.map(|value| bytes("value", value)));
    let headers: Table = view
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), bytes("", value.unwrap_or_default()).1))
        .collect();
    if !headers.is_empty() {
        record.insert("headers".to_string(), Value::Table(headers));
    }
    if view.timestamp_ms != source.timestamp_ms {
        record.insert("timestamp".to_string(), Value::Integer(view.timestamp_ms));
    }
    Value::Table(record)
}

/// How `actual` differs from what is expected: what an author does not mention may be anything, a
/// list has to have as many items. Of records, failures and values are always meant.
pub fn differences(expected: &Table, actual: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, expected) in expected {
        compare(key, expected, actual.get(key), &mut found);
    }
    let records = |table: &Table| table.get("output").and_then(Value::as_array).cloned();
    if let (Some(expected), Some(actual)) = (records(expected), records(actual)) {
        let value =
            |record: &Value| record.get("value").or_else(|| record.get("value-hex")).map(shown);
        for (index, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
            if let (None, Some(was)) = (value(expected), value(actual)) {
                found.push(format!("output[{index}].value: expected null, got {was}"));
            }
        }
    }
    if let (None, Some(failures)) = (expected.get("failures"), actual.get("failures")) {
        found.push(format!("failures: nobody expected {}", shown(failures)));
    }
    if let (Some(error), false) = (actual.get("error"), expected.contains_key("error")) {
        found.push(format!("error: nobody expected {}", shown(error)));
    }
    found
}

fn compare(place: &str, expected: &Value, actual: Option<&Value>, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Table(expected), Some(Value::Table(actual))) => {
            for (key, expected) in expected {
                compare(&format!("{place}.{key}"), expected, actual.get(key), found);
            }
        }
        (Value::Array(expected), Some(Value::Array(actual))) => {
            for (index, expected) in expected.iter().enumerate() {
                compare(&format!("{place}[{index}]"), expected, actual.get(index), found);
            }
            for (index, actual) in actual.iter().enumerate().skip(expected.len()) {
                found.push(format!("{place}[{index}]: nobody expected {}", shown(actual)));
            }
        }
        // An empty list is not written where there is nothing to be said.
        (Value::Array(expected), None) if expected.is_empty() => {}
        (expected, Some(actual)) if expected == actual => {}
        (expected, actual) => {
            let was = actual.map_or("nothing".to_string(), shown);
            found.push(format!("{place}: expected {}, got {was}", shown(expected)));
        }
    }
}

/// On one line.
fn shown(value: &Value) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    match json.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Table {
        text.parse().expect("TOML")
    }

    #[test]
    fn what_is_not_mentioned_may_be_anything() {
        let actual = of("expect = { verdict = 'deny', rules = ['a'] }");
        let same = |expected: &str| differences(&of(expected), &actual).is_empty();
        assert!(same("") && same("expect = { verdict = 'deny' }"));
        assert!(same("expect = { rules = ['a'] }") && same("findings = []"));
    }

    #[test]
    fn differences_name_their_place() {
        let actual = of("expect = { verdict = 'deny', rules = ['a', 'b'] }");
        let expected =
            of("expect = { verdict = 'allow', rules = ['c'], amendments = { x = '1' } }");
        assert_eq!(
            differences(&expected, &actual),
            [
                "expect.amendments: expected {\"x\":\"1\"}, got nothing",
                "expect.rules[0]: expected \"c\", got \"a\"",
                "expect.rules[1]: nobody expected \"b\"",
                "expect.verdict: expected \"allow\", got \"deny\"",
            ]
        );
        assert_eq!(
            differences(&of("actions = []"), &of("error = { code = 'plugin-panic' }")),
            ["error: nobody expected {\"code\":\"plugin-panic\"}"]
        );
    }

    #[test]
    fn of_records_values_and_failures_are_always_meant() {
        let actual = of("output = [{ key = 'k', value = 'v' }]\nfailures = [{ index = 1 }]");
        let differ = |expected: &str| differences(&of(expected), &actual);
        assert_eq!(
            differ("output = [{ key = 'k' }]"),
            [
                "output[0].value: expected null, got \"v\"",
                "failures: nobody expected [{\"index\":1}]",
            ]
        );
        assert!(differ("output = [{ value = 'v' }]\nfailures = [{ index = 1 }]").is_empty());
    }
}
