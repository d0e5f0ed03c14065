//! A source's text without the secrets in it, found by the words as they were bound: blanks and
//! quotes inside a value do not end it.

use kafsh_lang::{Part, Span, Word};
use kafsh_model::keys::is_sensitive;
use kafsh_model::secrets::{MASK, value_at};

use super::arguments::BoundArg;
use super::pipeline::{BoundStage, BoundStageKind};

/// The text of `span`, in which `stages` stand, with a mask for each secret.
pub fn without_secrets(text: &str, stages: &[BoundStage], span: Span) -> String {
    let mut hidden: Vec<Span> = stages.iter().flat_map(|stage| hidden_in(text, stage)).collect();
    hidden.sort_by_key(|span| span.start);
    let mut shown = String::new();
    let mut at = span.start;
    for secret in hidden {
        // Words of one flag may overlap; what was passed stays passed.
        if secret.start >= at {
            shown.push_str(text.get(at..secret.start).unwrap_or_default());
            shown.push_str(MASK);
        }
        at = at.max(secret.end);
    }
    shown.push_str(text.get(at..span.end).unwrap_or_default());
    shown
}

fn hidden_in(text: &str, stage: &BoundStage) -> Vec<Span> {
    match &stage.kind {
        BoundStageKind::Os { .. } => {
            let raw = text.get(stage.span.start..stage.span.end).unwrap_or_default();
            let value = value_at(raw).map(|at| Span::new(stage.span.start + at, stage.span.end));
            value.into_iter().collect()
        }
        BoundStageKind::Command { args, .. } => {
            let words = args.iter().filter_map(|arg| Some((arg, arg.word.as_ref()?)));
            words
                .filter_map(|(arg, word)| match is_sensitive(arg.name) {
                    true => Some(arg.span),
                    false => hidden_in_word(text, arg, word),
                })
                .collect()
        }
    }
}

/// The part of a word that is a secret. Where the text as it stands does not show it as plainly as
/// its value does, because of quotes or escapes in the key, all of the word.
fn hidden_in_word(text: &str, arg: &BoundArg, word: &Word) -> Option<Span> {
    let raw = text.get(arg.span.start..arg.span.end)?;
    let in_raw = value_at(raw);
    let in_value = value_at(&plain(word));
    match (in_raw, in_value) {
        (None, None) => None,
        (Some(at), _) if !raw[..at].contains('\\') && quotes_are_outside(&raw[..at]) => {
            Some(Span::new(arg.span.start + at, arg.span.end))
        }
        _ => Some(arg.span),
    }
}

/// At most one quote, where a word or its value begins.
fn quotes_are_outside(before: &str) -> bool {
    let inner = before.trim_start_matches(['\'', '"']).trim_end_matches(['\'', '"']);
    !inner.trim_start_matches(['{', '[']).contains('\'')
}

/// What is known of a word's text before it runs.
fn plain(word: &Word) -> String {
    let literal = |part: &Part| match part {
        Part::Literal(text) => Some(text.clone()),
        Part::Variable { .. } => None,
    };
    word.parts.iter().filter_map(literal).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::bind::{BoundKind, Mode, Source, compile};

    fn masked(line: &str) -> String {
        let source = Source { name: "t".to_string(), text: line.to_string() };
        let known = BTreeSet::from(["pw".to_string()]);
        let program = compile(source, Mode::Lenient, &known, Path::new("."))
            .unwrap_or_else(|rejected| panic!("{line}: {:?}", rejected.diagnostics));
        let BoundKind::Pipeline(pipeline) = &program.statements[0].kind else { panic!("{line}") };
        without_secrets(line, &pipeline.stages, pipeline.span)
    }

    /// No four characters of a secret that stand together are in the text.
    fn survives(text: &str, secret: &str) -> Option<String> {
        let secret: Vec<char> = secret.chars().collect();
        let pieces = secret.windows(4.min(secret.len())).map(String::from_iter);
        pieces.into_iter().find(|piece: &String| text.contains(piece.as_str()))
    }

    #[test]
    fn no_piece_of_a_secret_survives_however_it_is_written() {
        let secrets =
            ["QZ7#9", "Q Z 7 9 X", "QQ  ZZ=77 X='99'", "ÄÖ Ü,ß;7", "Q\"Z\"79", "user=Q ps:79ZX"];
        let forms = [
            "cluster attach p --bootstrap h:1 -X WORD",
            "cluster attach p --bootstrap h:1 -XWORD",
            "cluster up d --config WORD --brokers 3",
            "cluster up d --config=WORD --brokers 3",
            "cluster up d --config 2:WORD",
            "topic set t WORD",
            "topic set t WORD | head 1",
        ];
        let keys = [
            "ssl.keystore.password",
            "sasl.jaas.config",
            "listener.name.x.sasl.jaas.config",
            "ssl.key.password",
        ];
        for secret in secrets {
            for key in keys {
                let pair = format!("{key}={secret}");
                let double = pair.replace('\\', "\\\\").replace('"', "\\\"");
                let single = pair.replace('\'', "'\\''");
                let in_value = format!("{key}='{}'", secret.replace('\'', "'\\''"));
                let in_key = format!("{}'{}'", &key[..4], single[4..].to_owned());
                let words = [format!("\"{double}\""), format!("'{single}'"), in_value, in_key];
                for word in words {
                    for form in forms {
                        let line = form.replace("WORD", &word);
                        let masked = masked(&line);
                        let left = survives(&masked, secret);
                        assert_eq!(left, None, "{line}\n{masked}");
                        assert!(masked.contains(MASK), "{masked}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for line in [
            "cluster up d --config num.partitions=3 --brokers 3",
            "topic create token-events --partitions 3",
            "topic set t 'retention.ms=1'",
        ] {
            assert_eq!(masked(line), line);
        }
        let line = "cluster up d --config ssl.key.password=$pw --brokers 3";
        assert_eq!(masked(line), "cluster up d --config ssl.key.password=*** --brokers 3");
        let json = r#"topic create t | jq '{"ssl.key.password": "QZ 79 X"}'"#;
        assert_eq!(survives(&masked(json), "QZ 79 X"), None);
    }
}
