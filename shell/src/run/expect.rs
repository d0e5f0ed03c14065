//! `expect`: what was expected, and where it was not so, what there was instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_lang::Word;
use kafsh_model::{Class, Error};
use serde_json::Value;

use super::{Runner, one_of, shown, truth};
use crate::args::as_text;
use crate::bind::{BoundPipeline, BoundStageKind, Source, evaluate};
use crate::jq::Filter;

/// Most characters of a value in a message.
const SHOWN_CHARS_MAX: usize = 300;

/// Signs of a comparison in jq, the longer ones first.
const COMPARISONS: [&str; 6] = ["==", "!=", ">=", "<=", ">", "<"];

/// Words and signs that make more of a filter than comparisons with `and` between them.
const NOT_PLAIN: [&str; 8] = [" as ", " or ", "reduce ", "foreach ", "def ", "if ", "//", ","];

impl Runner {
    pub(super) async fn expect(
        &self,
        code: Option<&Word>,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
    ) -> Result<(), Error> {
        let what = shown(source, pipeline);
        let Some(code) = code else {
            let mut given = None;
            let values = self.collect_seeing(pipeline, source, &mut given).await?;
            if truth(&one_of(values)?, "expect")? {
                return Ok(());
            }
            let message = format!("expected `{what}` to be true");
            let error = Error::failed("expectation-failed", message);
            let Some(given) = given else { return Err(error) };
            let lines = self.instead(pipeline, &given).await;
            return Err(lines.into_iter().fold(error, Error::with_evidence));
        };
        let code = as_text(&evaluate(code, &self.session.variables())?);
        let message = format!("expected error `{code}` from `{what}`");
        match self.collect(pipeline, source).await {
            Err(error) if error.code == code => Ok(()),
            Err(error) if error.class == Class::Interrupted => Err(error),
            Err(error) => Err(Error::failed("expectation-failed", message)
                .with_evidence(format!("error {}: {}", error.code, error.message))),
            Ok(values) => {
                let error = Error::failed("expectation-failed", message);
                Err(match values.as_slice() {
                    [] => error,
                    [one] => error.with_evidence(format!("it gave {}", cut(one))),
                    many => error.with_evidence(format!("it gave {}", cut(&Value::from(many)))),
                }
                .with_cause("it succeeded"))
            }
        }
    }

    /// What the filter at the end of a pipeline saw in what it was given, a line each.
    async fn instead(&self, pipeline: &BoundPipeline, given: &Value) -> Vec<String> {
        let variables = self.session.variables();
        let whole = vec![format!("it was given {}", cut(given))];
        let Some(BoundStageKind::Command { spec, args, .. }) =
            pipeline.stages.last().map(|stage| &stage.kind)
        else {
            return whole;
        };
        let word = args.iter().find(|arg| arg.name == "filter").and_then(|arg| arg.word.as_ref());
        let filter = word.and_then(|word| evaluate(word, &variables).ok());
        let Some(filter) = filter.filter(|_| spec.path == ["jq"]) else { return whole };
        let mut lines = Vec::new();
        for part in parts(&as_text(&filter)) {
            if outcome(&part.whole, given, &variables).await != Some(Value::Bool(false)) {
                continue;
            }
            match &part.left {
                Some(left) => {
                    let Some(value) = outcome(left, given, &variables).await else { continue };
                    lines.push(format!("`{left}` is {}", cut(&value)));
                }
                None => lines.push(format!("`{}` is false of {}", part.whole, cut(given))),
            }
        }
        if lines.is_empty() { whole } else { lines }
    }
}

/// The one output of a filter; what cannot be told is left out of a message.
async fn outcome(
    filter: &str,
    given: &Value,
    variables: &BTreeMap<String, Value>,
) -> Option<Value> {
    let mut filter = Filter::start(filter, variables).await.ok()?;
    let mut outputs = filter.apply(given).await.ok()?;
    (outputs.len() == 1).then(|| outputs.remove(0))
}

/// One of the conditions that a filter joins with `and`.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// A filter of its own
    whole: String,
    /// What it compares
    left: Option<String>,
}

/// The conditions of a filter like `.a | length == 3 and all(.b)`; none where it is not of that
/// form.
fn parts(filter: &str) -> Vec<Part> {
    let masked = masked(filter);
    if NOT_PLAIN.iter().any(|word| masked.contains(word)) {
        return Vec::new();
    }
    let body = masked.rfind('|').map_or(0, |at| at + 1);
    let lead = match filter[..body].trim_end_matches('|').trim() {
        "" => String::new(),
        lead => format!("{lead} | "),
    };
    let mut parts = Vec::new();
    let mut start = body;
    let ends = masked[body..].match_indices(" and ").map(|(at, _)| body + at);
    for end in ends.chain([filter.len()]) {
        let (text, mask) = (&filter[start..end], &masked[start..end]);
        let signs = COMPARISONS.iter().filter_map(|sign| mask.find(sign));
        let left = signs.min().map(|at| format!("{lead}{}", text[..at].trim()));
        parts.push(Part { whole: format!("{lead}{}", text.trim()), left });
        start = (end + " and ".len()).min(filter.len());
    }
    parts
}

/// The filter with `_` for each byte of its texts and of what stands in brackets.
fn masked(filter: &str) -> String {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mask = |byte: u8| {
        let hidden = depth > 0 || in_text;
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'(' | b'[' | b'{' if !in_text => depth += 1,
            b')' | b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if hidden || !byte.is_ascii() { '_' } else { char::from(byte) }
    };
    filter.bytes().map(mask).collect()
}

fn cut(value: &Value) -> String {
    let text = value.to_string();
    match text.chars().count() > SHOWN_CHARS_MAX {
        true => text.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_falls_into_its_conditions() {
        let told = |filter: &str| -> Vec<String> {
            let show = |part: Part| part.left.unwrap_or(format!("? {}", part.whole));
            parts(filter).into_iter().map(show).collect()
        };
        assert_eq!(told("length == 4"), ["length"]);
        let many = ".partitions | length == 10 and all(.isr | length == 3) and (.a == 1)";
        assert_eq!(
            told(many),
            [
                ".partitions | length",
                "? .partitions | all(.isr | length == 3)",
                "? .partitions | (.a == 1)"
            ]
        );
        assert_eq!(told(".a == \" and | é\" and .b >= 2"), [".a", ".b"]);
        assert!(told(".a == 1 or .b == 2").is_empty());
        assert!(told(".a as $x | $x == 1").is_empty());
        assert_eq!(masked("é(\"(\")").len(), "é(\"(\")".len());
    }
}
