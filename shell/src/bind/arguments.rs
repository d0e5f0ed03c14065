//! The words after a command's name to its arguments and flags, by its record in the table.

use std::collections::BTreeMap;

use kafsh_lang::{Diagnostic, Part, Span, Word};
use kafsh_model::suggest::suggest;
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::args::{Args, as_text, check};
use crate::spec::{Arity, CommandSpec, FlagSpec, Kind};

/// One argument or flag with its word; `None`: a switch that was given.
#[derive(Clone, Debug)]
pub struct BoundArg {
    pub name: &'static str,
    pub kind: Option<Kind>,
    pub word: Option<Word>,
    pub span: Span,
}

/// Sorts words into arguments and flags. Words of literals are checked now; words that hang on a
/// variable when their statement runs.
pub fn bind_words(
    spec: &'static CommandSpec,
    words: &[Word],
    whole: Span,
) -> (Vec<BoundArg>, Vec<Diagnostic>) {
    let mut sorter = Sorter { spec, bound: Vec::new(), positional: Vec::new(), wrong: Vec::new() };
    sorter.sort(words);
    sorter.place(whole);
    for arg in &sorter.bound {
        if let (Some(kind), Some(word)) = (arg.kind, &arg.word)
            && let Some(text) = word.literal()
            && let Err(message) = check(kind, &text)
        {
            let label = label_of(spec, arg.name);
            sorter
                .wrong
                .push(Diagnostic::error("bind/bad-value", arg.span, message).with_help(label));
        }
    }
    (sorter.bound, sorter.wrong)
}

fn label_of(spec: &CommandSpec, name: &str) -> String {
    match spec.args.iter().find(|arg| arg.name == name) {
        Some(arg) => format!("<{}>: {}", arg.name, arg.help),
        None => spec.flag(name).map(|f| format!("--{}: {}", f.name, f.help)).unwrap_or_default(),
    }
}

struct Sorter {
    spec: &'static CommandSpec,
    bound: Vec<BoundArg>,
    positional: Vec<Word>,
    wrong: Vec<Diagnostic>,
}

impl Sorter {
    fn sort(&mut self, words: &[Word]) {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            // A word that came from quotes or a variable is never a flag.
            let lead = match word.parts.first() {
                Some(Part::Literal(text)) if !word.quoted || text.starts_with('-') => text.as_str(),
                _ => "",
            };
            let is_quoted_flag = word.quoted && !lead.contains('=');
            if is_quoted_flag || !lead.starts_with('-') || lead == "-" || is_number(lead) {
                self.positional.push(word.clone());
            } else if lead == "--" && word.parts.len() == 1 {
                self.positional.extend(rest.by_ref().cloned());
            } else if let Some(name) = lead.strip_prefix("--") {
                self.long(name, word, &mut rest);
            } else {
                self.short(&lead[1..], word, &mut rest);
            }
        }
    }

    fn long<'w>(&mut self, lead: &str, word: &Word, rest: &mut impl Iterator<Item = &'w Word>) {
        let (name, inline) = match lead.split_once('=') {
            Some((name, _)) => (name, Some(after(word, name.len() + 3))),
            None => (lead, None),
        };
        match self.spec.flag(name) {
            Some(flag) => self.flag(flag, inline, word, rest),
            None => self.unknown_flag(&format!("--{name}"), word.span),
        }
    }

    fn short<'w>(&mut self, letters: &str, word: &Word, rest: &mut impl Iterator<Item = &'w Word>) {
        let Some(letter) = letters.chars().next() else { return };
        let Some(flag) = self.spec.short_flag(letter) else {
            return self.unknown_flag(&format!("-{letter}"), word.span);
        };
        let more = letters.len() > letter.len_utf8() || word.parts.len() > 1;
        match (flag.value.is_some(), more) {
            (true, true) => {
                let skip = 1 + letter.len_utf8();
                let skip = skip + usize::from(letters[letter.len_utf8()..].starts_with('='));
                self.flag(flag, Some(after(word, skip)), word, rest);
            }
            (_, false) => self.flag(flag, None, word, rest),
            (false, true) => {
                self.flag(flag, None, word, rest);
                let others = letters[letter.len_utf8()..].to_string();
                self.short(&others, word, rest);
            }
        }
    }

    fn flag<'w>(
        &mut self,
        flag: &'static FlagSpec,
        inline: Option<Word>,
        word: &Word,
        rest: &mut impl Iterator<Item = &'w Word>,
    ) {
        let given_before = self.bound.iter().any(|arg| arg.name == flag.name);
        if given_before && !flag.repeats {
            let message = format!("`--{}` is given twice", flag.name);
            self.wrong.push(Diagnostic::error("bind/flag-twice", word.span, message));
            return;
        }
        let (kind, value, span) = match (flag.value, inline) {
            (None, None) => (None, None, word.span),
            (None, Some(_)) => {
                let message = format!("`--{}` takes no value", flag.name);
                self.wrong.push(Diagnostic::error("bind/flag-value", word.span, message));
                return;
            }
            (Some((_, kind)), Some(value)) => (Some(kind), Some(value), word.span),
            (Some((placeholder, kind)), None) => match rest.next() {
                Some(next) => (Some(kind), Some(next.clone()), next.span),
                None => {
                    let message = format!("`--{}` needs a value", flag.name);
                    self.wrong.push(
                        Diagnostic::error("bind/flag-value", word.span, message)
                            .with_help(format!("--{} {placeholder}: {}", flag.name, flag.help)),
                    );
                    return;
                }
            },
        };
        self.bound.push(BoundArg { name: flag.name, kind, word: value, span });
    }

    fn unknown_flag(&mut self, name: &str, span: Span) {
        let names: Vec<String> =
            self.spec.all_flags().map(|flag| format!("--{}", flag.name)).collect();
        let near = suggest(name, names.iter().map(String::as_str));
        let help = match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`help {}` shows its flags", self.spec.name()),
        };
        let message = format!("`{}` has no flag `{name}`", self.spec.name());
        self.wrong.push(Diagnostic::error("bind/unknown-flag", span, message).with_help(help));
    }

    /// Positional words to the arguments of the table, in order.
    fn place(&mut self, whole: Span) {
        let mut words = std::mem::take(&mut self.positional).into_iter().peekable();
        let wants_help = self.bound.iter().any(|arg| arg.name == "help");
        for arg in self.spec.args {
            let mut taken = 0;
            while words.peek().is_some() {
                let Some(word) = words.next() else { break };
                let span = word.span;
                self.bound.push(BoundArg {
                    name: arg.name,
                    kind: Some(arg.kind),
                    word: Some(word),
                    span,
                });
                taken += 1;
                if matches!(arg.arity, Arity::One | Arity::Optional) {
                    break;
                }
            }
            let required = matches!(arg.arity, Arity::One | Arity::Many);
            if taken == 0 && required && !wants_help {
                let message = format!("`{}` needs <{}>: {}", self.spec.name(), arg.name, arg.help);
                let usage = format!("usage: {}", crate::help::usage(self.spec));
                self.wrong.push(
                    Diagnostic::error("bind/missing-argument", whole, message).with_help(usage),
                );
            }
        }
        if let Some(extra) = words.next() {
            let message = format!("`{}` takes no further argument here", self.spec.name());
            let usage = match self.spec.args {
                [arg] if arg.kind == Kind::Jq => {
                    format!("put the whole filter in quotes: `{} '.a == 1'`", self.spec.name())
                }
                _ => format!("usage: {}", crate::help::usage(self.spec)),
            };
            self.wrong.push(
                Diagnostic::error("bind/extra-argument", extra.span, message).with_help(usage),
            );
        }
    }
}

/// `-5`: an offset or a count, not a flag.
fn is_number(text: &str) -> bool {
    text.len() > 1 && text[1..].chars().all(|c| c.is_ascii_digit())
}

/// A word without the first `skip` bytes of its first literal.
fn after(word: &Word, skip: usize) -> Word {
    let mut word = word.clone();
    if let Some(Part::Literal(text)) = word.parts.first_mut() {
        *text = text.get(skip..).unwrap_or("").to_string();
    }
    word.quoted = true;
    word
}

/// The values of bound words, with variables put in, checked by kind.
pub fn values_of(bound: &[BoundArg], variables: &BTreeMap<String, Value>) -> Result<Args> {
    let mut args = Args::default();
    for arg in bound {
        let Some(word) = &arg.word else {
            args.push(arg.name, Value::Bool(true));
            continue;
        };
        let value = evaluate(word, variables)?;
        if let Some(kind) = arg.kind
            && word.literal().is_none()
        {
            check(kind, &as_text(&value)).map_err(|message| {
                Error::usage("bad-value", format!("`{}`: {message}", arg.name))
            })?;
        }
        args.push(arg.name, value);
    }
    Ok(args)
}

/// A word with its variables put in. A word that is one unquoted variable keeps its type.
pub fn evaluate(word: &Word, variables: &BTreeMap<String, Value>) -> Result<Value> {
    let get = |name: &str| {
        variables
            .get(name)
            .ok_or_else(|| Error::usage("unset-variable", format!("`${name}` is not set")))
    };
    if let (Some(name), false) = (word.variable(), word.quoted) {
        return get(name).cloned();
    }
    let mut text = String::new();
    for part in &word.parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Variable { name, .. } => text.push_str(&as_text(get(name)?)),
        }
    }
    Ok(Value::String(text))
}
