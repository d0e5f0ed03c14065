//! What each stretch of a text is, for colours; right for half-typed text too.

use crate::parse::Parser;
use crate::tree::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    Keyword,
    /// First word of a stage
    Command,
    Word,
    Quoted,
    /// `$name`, and a name where it is given
    Variable,
    /// `@name`
    Cluster,
    Comment,
    Operator,
    HeredocBody,
    /// The line after `!`
    Os,
    Error,
}

/// The tokens of a text in order, not overlapping; blanks and newlines are in none.
pub fn tokens(text: &str) -> Vec<(Span, TokenKind)> {
    let (parser, _) = Parser::run(text);
    let mut tokens: Vec<(Span, TokenKind)> = Vec::with_capacity(parser.marks.len());
    for (span, kind) in parser.marks {
        let last = tokens.last().map_or(0, |(last, _)| last.end);
        if span.start >= last && span.start < span.end {
            tokens.push((span, kind));
        }
    }
    for diagnostic in &parser.diagnostics {
        // What is only unfinished is no error while it is being typed.
        let unfinished =
            diagnostic.code.contains("unclosed") || diagnostic.code.contains("trailing");
        let Span { start, end } = diagnostic.span;
        if !unfinished {
            let from = tokens.partition_point(|(span, _)| span.end <= start);
            let touched = tokens[from..].iter_mut().take_while(|(span, _)| span.start < end);
            touched.for_each(|(_, kind)| *kind = TokenKind::Error);
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens as `Kind:text`.
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = tokens(text)
            .into_iter()
            .map(|(span, kind)| format!("{kind:?}:{}", &text[span.start..span.end]))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn commands() {
        check("topic list # all", &["Command:topic", "Word:list", "Comment:# all"]);
        check(
            "a 'b'$c\"d $e\" | @p f > g",
            &[
                "Command:a",
                "Quoted:'b'",
                "Variable:$c",
                "Quoted:\"d ",
                "Variable:$e",
                "Quoted:\"",
                "Operator:|",
                "Cluster:@",
                "Cluster:p",
                "Command:f",
                "Operator:>",
                "Word:g",
            ],
        );
        check("a | !sort 'x | y", &["Command:a", "Operator:|", "Operator:!", "Os:sort 'x | y"]);
        check(
            "produce t <<END ; b\nx\nEND\nc",
            &[
                "Command:produce",
                "Word:t",
                "Operator:<<END",
                "Operator:;",
                "Command:b",
                "HeredocBody:x\n",
                "Operator:END",
                "Command:c",
            ],
        );
    }

    #[test]
    fn statements() {
        check(
            "let x = 3; for t in $x { a }",
            &[
                "Keyword:let",
                "Variable:x",
                "Operator:=",
                "Command:3",
                "Operator:;",
                "Keyword:for",
                "Variable:t",
                "Keyword:in",
                "Variable:$x",
                "Operator:{",
                "Command:a",
                "Operator:}",
            ],
        );
        check(
            "#!/usr/bin/env kafsh\nif a { }",
            &[
                "Comment:#!/usr/bin/env kafsh",
                "Keyword:if",
                "Command:a",
                "Operator:{",
                "Operator:}",
            ],
        );
    }

    #[test]
    fn half_typed_and_wrong() {
        check("jq 'a", &["Command:jq", "Quoted:'a"]);
        check("if a {", &["Keyword:if", "Command:a", "Operator:{"]);
        check("a }", &["Command:a", "Error:}"]);
        check("a $(b) c", &["Command:a", "Error:$(b)", "Word:c"]);
        check("a && b", &["Command:a", "Error:&&", "Word:b"]);
    }
}
