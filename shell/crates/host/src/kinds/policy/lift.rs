//! What a policy answers, checked. An error is a sentence on what is wrong with the answer.

use std::collections::BTreeSet;

use kafsh_model::policy::{Amendment, Operation, PolicyFinding, PolicyResponse, PolicySeverity};

use super::types;
use crate::answer::{self, Result, SHOWN_BYTES, at_most, check_code};
use crate::limits::{
    CONFIG_KEY_BYTES_MAX, PARTITIONS_MAX, POLICY_FINDINGS_MAX, POLICY_STRING_BYTES_MAX,
};
use crate::text::{is_hazardous, shown_within};

/// Beginning of the fields that are settings of the topic.
const CONFIG: &str = "config.";

pub(super) fn failure(failure: &types::Failure) -> Result<()> {
    check_code(&failure.code)?;
    lift_text(&failure.message, "message").map(drop)
}

pub(super) fn response(operation: Operation, response: types::Response) -> Result<PolicyResponse> {
    at_most(response.findings.len(), POLICY_FINDINGS_MAX, "findings")?;
    at_most(response.amendments.len(), POLICY_FINDINGS_MAX, "amendments")?;
    if operation == Operation::Delete && !response.amendments.is_empty() {
        return Err("it amends a topic that is to be deleted".into());
    }
    let mut seen = BTreeSet::new();
    for amendment in &response.amendments {
        if !seen.insert(amendment.field.as_str()) {
            let field = shown_within(&amendment.field, SHOWN_BYTES);
            return Err(format!("it amends `{field}` twice"));
        }
    }
    let nth = |what: &'static str, index: usize| move |why| format!("{what} {}: {why}", index + 1);
    let findings = response.findings.into_iter().enumerate();
    let amendments = response.amendments.into_iter().enumerate();
    Ok(PolicyResponse {
        findings: findings
            .map(|(index, finding)| lift_finding(finding).map_err(nth("finding", index)))
            .collect::<Result<_>>()?,
        amendments: amendments
            .map(|(index, amendment)| lift_amendment(amendment).map_err(nth("amendment", index)))
            .collect::<Result<_>>()?,
    })
}

fn lift_finding(finding: types::Finding) -> Result<PolicyFinding> {
    check_code(&finding.rule)?;
    if let Some(field) = &finding.field {
        check_field(field, &["name", "partitions", "replication-factor"])?;
    }
    Ok(PolicyFinding {
        severity: match finding.severity {
            types::Severity::Warn => PolicySeverity::Warn,
            types::Severity::Deny => PolicySeverity::Deny,
        },
        rule: finding.rule,
        field: finding.field,
        message: lift_text(&finding.message, "message")?,
        suggestion: finding.suggestion.map(|text| lift_text(&text, "suggestion")).transpose()?,
    })
}

fn lift_amendment(amendment: types::Amendment) -> Result<Amendment> {
    let types::Amendment { field, value, reason } = amendment;
    check_field(&field, &["partitions", "replication-factor"])?;
    let shown = |value: &str| shown_within(value, SHOWN_BYTES);
    match (&*field, &value) {
        ("partitions", Some(value)) if is_number(value, PARTITIONS_MAX) => {}
        ("replication-factor", Some(value)) if is_number(value, i16::MAX.into()) => {}
        ("partitions" | "replication-factor", Some(value)) => {
            return Err(format!("`{}` is no value of `{field}`", shown(value)));
        }
        ("partitions" | "replication-factor", None) => {
            return Err(format!("`{field}` cannot be taken away"));
        }
        (_, Some(value)) => {
            at_most(value.len(), POLICY_STRING_BYTES_MAX, "bytes of a value")?;
            if value.chars().any(is_hazardous) {
                return Err(format!("the value of `{field}` has control characters"));
            }
        }
        (_, None) => {}
    }
    Ok(Amendment { field, value, reason: lift_text(&reason, "reason")? })
}

/// One of `known`, or `config.KEY`.
fn check_field(field: &str, known: &[&str]) -> Result<()> {
    let is_key = |key: &str| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        !key.is_empty() && key.len() <= CONFIG_KEY_BYTES_MAX && key.bytes().all(allowed)
    };
    if known.contains(&field) || field.strip_prefix(CONFIG).is_some_and(is_key) {
        return Ok(());
    }
    let known = known.iter().map(|name| format!("`{name}`, ")).collect::<String>();
    let shown = shown_within(field, SHOWN_BYTES);
    Err(format!("`{shown}` is no field: those are {known}and `{CONFIG}KEY` for a setting"))
}

/// A number from 1 on, in its canonical form.
fn is_number(text: &str, max: i32) -> bool {
    let number: Option<i32> = text.parse().ok();
    number.is_some_and(|n| (1..=max).contains(&n) && n.to_string() == text)
}

fn lift_text(text: &str, what: &str) -> Result<String> {
    answer::text(text, POLICY_STRING_BYTES_MAX, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amended(field: &str, value: Option<&str>) -> Result<Amendment> {
        let (field, value, reason) = (field.into(), value.map(Into::into), "why".into());
        lift_amendment(types::Amendment { field, value, reason })
    }

    fn finding() -> types::Finding {
        types::Finding {
            severity: types::Severity::Deny,
            rule: "too-few".into(),
            field: Some("config.min.insync.replicas".into()),
            message: "\x1b[31mred".into(),
            suggestion: Some("2\n".into()),
        }
    }

    #[test]
    fn amendments_are_values_of_known_fields() {
        assert!(amended("partitions", Some("12")).is_ok());
        assert!(amended("replication-factor", Some("3")).is_ok());
        assert!(amended("config.retention.ms", Some("-1")).is_ok());
        assert!(amended("config.retention.ms", None).is_ok());
        for (field, value) in [
            ("partitions", Some("0")),
            ("partitions", Some("012")),
            ("partitions", Some("+1")),
            ("partitions", Some("many")),
            ("partitions", Some("200001")),
            ("partitions", None),
            ("replication-factor", Some("32768")),
            ("name", Some("orders")),
            ("config.", Some("x")),
            ("config.a b", Some("x")),
            ("config.a", Some("x\ny")),
            ("config.a", Some("\u{202e}")),
            ("", None),
        ] {
            assert!(amended(field, value).is_err(), "{field} {value:?}");
        }
    }

    #[test]
    fn what_is_said_cannot_drive_a_terminal() {
        let lifted = lift_finding(finding()).unwrap();
        assert_eq!(lifted.message, "\\u{1b}[31mred");
        assert_eq!(lifted.suggestion.as_deref(), Some("2\\n"));
        assert!(lift_finding(types::Finding { rule: "Too Few".into(), ..finding() }).is_err());
        let field = Some("colour".into());
        assert!(lift_finding(types::Finding { field, ..finding() }).is_err());
        let message = "x".repeat(POLICY_STRING_BYTES_MAX + 1);
        assert!(lift_finding(types::Finding { message, ..finding() }).is_err());
    }

    #[test]
    fn an_answer_fits_its_question_and_is_bounded() {
        let amendment = types::Amendment {
            field: "partitions".into(),
            value: Some("3".into()),
            reason: "why".into(),
        };
        let amends = |amendments: &[types::Amendment]| types::Response {
            findings: vec![],
            amendments: amendments.to_vec(),
        };
        let once = std::slice::from_ref(&amendment);
        assert_eq!(response(Operation::Create, amends(once)).unwrap().amendments.len(), 1);
        assert!(response(Operation::Delete, amends(once)).is_err());
        let twice = [amendment.clone(), amendment];
        assert!(response(Operation::Alter, amends(&twice)).unwrap_err().contains("twice"));
        let findings = vec![finding(); POLICY_FINDINGS_MAX + 1];
        let flood = types::Response { findings, amendments: vec![] };
        assert!(response(Operation::Review, flood).unwrap_err().contains("101 findings"));
    }
}
