//! Colours of the line while it is typed: known commands, words that are wrong, flags, quotes.

use kafsh_lang::{Span, TokenKind, tokens};

use crate::bind::{Found, find_command};
use crate::commands;
use crate::spec::CommandSpec;

const RESET: &str = "\u{1b}[0m";
const COMMAND: &str = "\u{1b}[1;32m";
const WRONG: &str = "\u{1b}[31m";
const KEYWORD: &str = "\u{1b}[1;35m";
const FLAG: &str = "\u{1b}[36m";
const QUOTED: &str = "\u{1b}[33m";
const VARIABLE: &str = "\u{1b}[36m";
const CLUSTER: &str = "\u{1b}[34m";
const QUIET: &str = "\u{1b}[2m";

/// Words that end the prompt.
pub const LEAVE: [&str; 2] = ["exit", "quit"];

/// The word that clears the screen, as Ctrl-L does.
pub const CLEAR: &str = "clear";

/// True of words that the prompt itself understands.
fn is_own(word: &str) -> bool {
    LEAVE.contains(&word) || word == CLEAR
}

/// The line with colours; its width does not change. A word at the cursor that may still become
/// right is not called wrong.
pub fn paint(line: &str, cursor: usize) -> String {
    let mut painted = String::with_capacity(line.len() * 2);
    let mut at = 0;
    let tokens = tokens(line);
    let mut stage = Stage::default();
    for (index, (span, kind)) in tokens.iter().enumerate() {
        let text = &line[span.start..span.end];
        let touched = span.end == cursor;
        let color = match kind {
            TokenKind::Command => {
                let next = tokens.get(index + 1).filter(|(_, kind)| *kind == TokenKind::Word);
                let next = next.map(|(span, _)| (&line[span.start..span.end], span.end == cursor));
                stage = Stage::begin(text, touched, next);
                stage.first
            }
            TokenKind::Word => stage.word(text, touched),
            TokenKind::Operator => {
                stage = Stage::default();
                QUIET
            }
            other => of_kind(*other),
        };
        painted.push_str(&line[at..span.start]);
        push(&mut painted, line, *span, color);
        at = span.end;
    }
    painted.push_str(&line[at..]);
    painted
}

fn of_kind(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Keyword => KEYWORD,
        TokenKind::Quoted => QUOTED,
        TokenKind::Variable => VARIABLE,
        TokenKind::Cluster => CLUSTER,
        TokenKind::Comment | TokenKind::Operator => QUIET,
        TokenKind::Error => WRONG,
        TokenKind::Command | TokenKind::Word | TokenKind::HeredocBody | TokenKind::Os => "",
    }
}

fn push(painted: &mut String, line: &str, span: Span, color: &str) {
    let text = &line[span.start..span.end];
    match color {
        "" => painted.push_str(text),
        color => painted.extend([color, text, RESET]),
    }
}

/// The stage whose words are being painted.
#[derive(Default)]
struct Stage {
    spec: Option<&'static CommandSpec>,
    first: &'static str,
    /// The colour of the second word, where it names the command too
    verb: Option<&'static str>,
}

impl Stage {
    /// `next` is the second word and whether the cursor touches it.
    fn begin(first: &str, touched: bool, next: Option<(&str, bool)>) -> Self {
        if is_own(first) && next.is_none() {
            return Stage { first: COMMAND, ..Stage::default() };
        }
        let words: Vec<&str> = std::iter::once(first).chain(next.map(|(word, _)| word)).collect();
        match find_command(&words) {
            Found::Command { spec, words: 2, .. } => {
                Stage { spec: Some(spec), first: COMMAND, verb: Some(COMMAND) }
            }
            Found::Command { spec, .. } => Stage { spec: Some(spec), first: COMMAND, verb: None },
            Found::VerbMissing { .. } => Stage { first: COMMAND, ..Stage::default() },
            Found::NoVerb { verb, verbs, .. } => {
                let typing = next.is_some_and(|(_, touched)| touched);
                let may = typing && verbs.iter().any(|known| known.starts_with(&verb));
                let color = if may { "" } else { WRONG };
                Stage { first: COMMAND, verb: Some(color), ..Stage::default() }
            }
            Found::Unknown { .. } => {
                let all = commands::all();
                let may = touched
                    && (all.iter().any(|spec| spec.path[0].starts_with(first))
                        || LEAVE.iter().chain([&CLEAR]).any(|word| word.starts_with(first))
                        || kafsh_lang::KEYWORDS.iter().any(|word| word.starts_with(first)));
                Stage { first: if may { "" } else { WRONG }, ..Stage::default() }
            }
        }
    }

    fn word(&mut self, text: &str, touched: bool) -> &'static str {
        if let Some(color) = self.verb.take() {
            return color;
        }
        let Some(spec) = self.spec else { return "" };
        let Some(flag) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) else { return "" };
        if flag.bytes().all(|byte| byte.is_ascii_digit()) {
            return "";
        }
        let known = match flag.strip_prefix('-') {
            Some("") => true,
            Some(long) => {
                let name = long.split('=').next().unwrap_or(long);
                let may = |name: &str| name.starts_with(long);
                spec.flag(name).is_some() || (touched && spec.all_flags().any(|f| may(f.name)))
            }
            None => flag.chars().next().is_some_and(|letter| spec.short_flag(letter).is_some()),
        };
        if known { FLAG } else { WRONG }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line with the names of its colours, the cursor at its end.
    fn painted(line: &str) -> String {
        let names = [
            (COMMAND, "<c:"),
            (WRONG, "<x:"),
            (KEYWORD, "<k:"),
            (FLAG, "<f:"),
            (QUOTED, "<q:"),
            (CLUSTER, "<@:"),
            (QUIET, "<.:"),
            (RESET, ">"),
        ];
        names.iter().fold(paint(line, line.len()), |text, (code, name)| text.replace(code, name))
    }

    #[test]
    fn known_and_unknown_words() {
        assert_eq!(painted("jq -n '.a'"), "<c:jq> <f:-n> <q:'.a'>");
        assert_eq!(painted("jqx a"), "<x:jqx> a");
        assert_eq!(painted("version --outptu json"), "<c:version> <x:--outptu> json");
        assert_eq!(painted("version | hea"), "<c:version> <.:|> hea");
        assert_eq!(painted("exit"), "<c:exit>");
        assert_eq!(painted("clear"), "<c:clear>");
    }

    #[test]
    fn a_word_that_is_being_typed_is_not_wrong_yet() {
        assert_eq!(painted("versio"), "versio");
        assert_eq!(painted("versio "), "<x:versio> ");
        assert_eq!(painted("version --out"), "<c:version> <f:--out>");
        assert_eq!(painted("version --zzz"), "<c:version> <x:--zzz>");
    }

    #[test]
    fn nothing_is_lost_or_added_but_colours() {
        for line in ["", "for t in $x { version }", "@prod version # all", "jq '", "a && b\nc é 주"]
        {
            let text = paint(line, 0);
            let mut bare = String::new();
            let mut rest = text.as_str();
            while let Some(start) = rest.find('\u{1b}') {
                bare.push_str(&rest[..start]);
                let end = rest[start..].find('m').unwrap();
                rest = &rest[start + end + 1..];
            }
            bare.push_str(rest);
            assert_eq!(bare, line);
        }
    }
}
