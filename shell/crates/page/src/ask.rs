//! The one port of the page: a command of the shell in words, and what it gave.

use kafsh_model::Result;
use kafsh_model::port::BoxFuture;
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

/// Asks the shell's commands. Only those that read are answered, whatever is asked.
pub trait Ask: Send + Sync {
    /// # Errors
    /// Those of the command; `read-only` (refused) where it would change something.
    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer>>;

    /// How the program is called for this cluster: `kafsh -C demo`.
    fn program(&self) -> Vec<String>;

    /// Its name, or the address of a cluster without one.
    fn cluster(&self) -> String;
}

/// A word for a POSIX shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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
    fn a_name_is_never_a_flag() {
        let question = Question::new(["group", "describe"]).name("--help");
        assert_eq!(question.words(), ["group", "describe", "--", "--help"]);
        let flag = Question::new(["consume"]).flag("from", "-5");
        assert_eq!(flag.words(), ["consume", "--from=-5"]);
    }
}
