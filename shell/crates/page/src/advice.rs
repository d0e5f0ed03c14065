//! What commands advise, as it is typed in a terminal: they write it for kafsh's own prompt, and
//! whoever reads a page has none before him.

use kafsh_model::Error;
use kafsh_model::quote::quoted;

/// How a command's remark names what to type next.
pub const TRY: &str = "  try  ";

/// First words of commands; a line that begins with another is left as it is.
const COMMANDS: &[&str] = &[
    "broker",
    "cluster",
    "config",
    "consume",
    "group",
    "kafka",
    "plugin",
    "policy",
    "produce",
    "topic",
    "wait",
    "zookeeper",
];

/// A line of the prompt as a line of a POSIX shell. `program` calls kafsh for its cluster.
pub fn typed(program: &[String], line: &str) -> String {
    // The cluster that the program is called for need not be named again.
    let same = program.last().and_then(|name| line.strip_prefix('@')?.strip_prefix(name.as_str()));
    let line = same.and_then(|rest| rest.strip_prefix(' ')).unwrap_or(line);
    let words = program.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    if let Some(own) = line.strip_prefix('!') {
        return own.to_string();
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    let names_cluster = first.strip_prefix('@').is_some_and(|name| !name.is_empty());
    if !names_cluster && !COMMANDS.contains(&first) {
        return line.to_string();
    }
    // What a POSIX shell would take for its own goes through it in quotes.
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./:=@,+%".contains(c);
    match line.chars().all(plain) {
        true => format!("{words} {line}"),
        false => format!("{words} -c {}", quoted(line)),
    }
}

/// An error with advice that can be typed in a terminal.
pub fn error(program: &[String], mut error: Error) -> Error {
    for next in &mut error.next {
        *next = typed(program, next);
    }
    error
}

/// A remark of several lines, those with advice as they are typed in a terminal.
pub fn note(program: &[String], note: &str) -> String {
    let line = |line: &str| match line.strip_prefix(TRY) {
        Some(advice) => format!("{TRY}{}", typed(program, advice)),
        None => line.to_string(),
    };
    note.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Vec<String> {
        ["kafsh", "-C", "demo"].map(str::to_string).to_vec()
    }

    #[test]
    fn advice_for_the_prompt_can_be_typed_in_a_terminal() {
        for (line, expected) in [
            ("broker list", "kafsh -C demo broker list"),
            ("@demo broker start 2", "kafsh -C demo broker start 2"),
            ("@demo2 broker list", "kafsh -C demo @demo2 broker list"),
            (
                "wait 60s cluster status | jq '.healthy'",
                r"kafsh -C demo -c 'wait 60s cluster status | jq '\''.healthy'\'''",
            ),
            ("!ls -l /data", "ls -l /data"),
            ("sudo apt-get install curl", "sudo apt-get install curl"),
            ("kafsh -C demo broker config 3", "kafsh -C demo broker config 3"),
            ("--set key=env:NAME", "--set key=env:NAME"),
        ] {
            assert_eq!(typed(&program(), line), expected);
        }
    }

    #[test]
    fn only_advice_of_a_remark_is_changed() {
        let said = note(&program(), "broker 2 has died\n  try  @demo broker start 2");
        assert_eq!(said, "broker 2 has died\n  try  kafsh -C demo broker start 2");
        assert_eq!(note(&program(), "broker list is long"), "broker list is long");
    }
}
