//! The one port of the page: a command of the shell in words, and what it gave.

use std::collections::BTreeMap;

use kafsh_model::Result;
use kafsh_model::port::BoxFuture;
use kafsh_model::quote::quoted;
use serde_json::Value;

/// A command in words, as argv has them: nothing is lexed, so no name can become a flag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    words: Vec<String>,
}

impl Question {
    pub fn new<const N: usize>(words: [&str; N]) -> Self {
        Question { words: words.iter().map(ToString::to_string).collect() }
    }

    /// A flag with its value in one word.
    #[must_use]
    pub fn flag(mut self, name: &str, value: &str) -> Self {
        self.words.push(format!("--{name}={value}"));
        self
    }

    #[must_use]
    pub fn switch(mut self, name: &str) -> Self {
        self.words.push(format!("--{name}"));
        self
    }

    /// An argument that somebody else has named: it goes behind `--` where it looks like a flag.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        if name.starts_with('-') {
            self.words.push("--".to_string());
        }
        self.words.push(name.to_string());
        self
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// As it is typed in a POSIX shell, behind the name of the program and its cluster.
    pub fn line(&self, program: &[String]) -> String {
        let words = program.iter().chain(&self.words).map(|word| quoted(word));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// What a command gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What `-O json` prints; lines are a list of texts
    pub value: Value,
    /// Its remarks
    pub notes: Vec<String>,
}

/// `consume …` and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browse {
    pub consume: Question,
    /// A text that the key, the value or a header has in it
    pub text: Option<String>,
    /// A filter in jq's language over the value; it runs as a guest, under its limits
    pub keep: Option<String>,
}

impl Browse {
    /// As it is typed in a POSIX shell; with a filter it is a pipeline of two.
    pub fn line(&self, program: &[String]) -> String {
        if self.keep.is_none() && self.text.is_none() {
            return self.consume.line(program);
        }
        let consume: Vec<String> = self.consume.words().iter().map(|word| inner(word)).collect();
        let mut text = consume.join(" ");
        if let Some(wanted) = &self.text {
            let wanted = Value::String(wanted.clone());
            let filter = format!(
                "[.key, .value, (.headers[] | .name, .value) | strings | contains({wanted})] | any"
            );
            text.push_str(&format!(" | where {}", inner(&filter)));
        }
        if let Some(keep) = &self.keep {
            let keep = inner(&format!("keep={keep}"));
            text.push_str(&format!(" | transform filter --set {keep} --on-error skip"));
        }
        let program = program.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        format!("{program} -c {}", quoted(&text))
    }
}

/// A word for kafsh's own language, in double quotes where it needs them.
fn inner(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    let mut out = String::from('"');
    for c in word.chars() {
        match c {
            '"' | '\\' | '$' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// How far a reading has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records that were read, kept or not
    pub scanned: u64,
    /// The next offset of each partition that was read from
    pub next: BTreeMap<i32, i64>,
}

/// Records, pulled. Dropping it ends the reading.
pub trait Records: Send {
    /// The next that were kept, as `-O jsonl` writes them; `None` at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>>>;

    fn progress(&self) -> Progress;

    /// Ends the reading; what a filter could not do, in words. Nothing where there is no filter.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>>;
}

/// Asks the shell's commands. Only those that read are answered, whatever is asked.
pub trait Ask: Send + Sync {
    /// # Errors
    /// Those of the command; `read-only` (refused) where it would change something.
    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer>>;

    /// Records of a topic as they are read, and those of them that a filter keeps.
    ///
    /// # Errors
    /// Those of `consume` and of the filter; `read-only` as above.
    fn browse(&self, browse: Browse) -> BoxFuture<'static, Result<Box<dyn Records>>>;

    /// How the program is called for this cluster: `kafsh -C demo`.
    fn program(&self) -> Vec<String>;

    /// Its name, or the address of a cluster without one.
    fn cluster(&self) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_as_it_stands() {
        let program = ["kafsh".to_string(), "-C".to_string(), "demo".to_string()];
        let question = Question::new(["topic", "describe"]).name("orders");
        assert_eq!(question.line(&program), "kafsh -C demo topic describe orders");
        let odd = Question::new(["group", "describe"]).name("it's $HOME");
        assert_eq!(odd.line(&program), r"kafsh -C demo group describe 'it'\''s $HOME'");
    }

    #[test]
    fn a_filter_makes_a_pipeline_that_can_be_typed() {
        let program = ["kafsh".to_string()];
        let consume = Question::new(["consume"]).name("orders").flag("from", "-5");
        let all = Browse { consume, text: None, keep: None };
        assert_eq!(all.line(&program), "kafsh consume orders --from=-5");
        let some = Browse { keep: Some(".x == \"it's\"".to_string()), ..all.clone() };
        assert_eq!(
            some.line(&program),
            "kafsh -c 'consume orders --from=-5 | transform filter --set \
             \"keep=.x == \\\"it'\\''s\\\"\" --on-error skip'"
        );
        let text = Browse { text: Some("a$b".to_string()), ..all };
        assert!(text.line(&program).contains(r#"contains(\"a\$b\")"#), "{}", text.line(&program));
    }

    #[test]
    fn a_name_is_never_a_flag() {
        let question = Question::new(["group", "describe"]).name("--help");
        assert_eq!(question.words(), ["group", "describe", "--", "--help"]);
        let flag = Question::new(["consume"]).flag("from", "-5");
        assert_eq!(flag.words(), ["consume", "--from=-5"]);
    }
}
