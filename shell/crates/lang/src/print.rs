//! The tree as canonical text: parsing what is printed gives the same tree but for its spans.
//!
//! That holds for every tree that parsing can give. A tree made by hand can say what no text
//! says (a line break in a `!` line, say); it is printed as near as the grammar allows.

use std::fmt::{self, Display, Formatter};

use crate::parse::{KEYWORDS, is_bare_value};
use crate::tree::{
    Block, Else, Heredoc, LetValue, Part, Pipeline, Redirect, Script, Stage, StageKind, Statement,
    StatementKind, Word,
};

const INDENT: &str = "    ";

/// What stands before a word decides what its first character could be taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A keyword would begin another statement.
    Statement,
    Stage,
    /// `error` would be followed by a code.
    Expect,
    /// A number, or a name of JSON's, would be a value.
    Let,
    Argument,
    /// `&` would be a descriptor.
    Redirect,
}

#[derive(Default)]
struct Printer {
    text: String,
    depth: usize,
    /// Here-documents announced on the current line
    documents: Vec<Heredoc>,
    /// A `!` took the rest of the current line.
    line_taken: bool,
}

impl Printer {
    fn newline(&mut self) {
        self.end_line();
        (0..self.depth).for_each(|_| self.text.push_str(INDENT));
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        self.line_taken = false;
        for Heredoc { tag, body, .. } in std::mem::take(&mut self.documents) {
            self.text.push_str(&body);
            if !body.is_empty() && !body.ends_with('\n') {
                self.text.push('\n');
            }
            self.text.push_str(&tag);
            self.text.push('\n');
        }
    }

    /// Text that goes on after what stands there: on the same line if it can.
    fn join(&mut self, text: &str) {
        if self.line_taken {
            self.newline();
        } else {
            self.text.push(' ');
        }
        self.text.push_str(text);
    }

    /// The text of a fragment; without here-documents it ends with no newline.
    fn finish(mut self) -> String {
        if !self.documents.is_empty() {
            self.end_line();
        }
        self.text
    }

    fn script(&mut self, script: &Script) {
        for statement in &script.statements {
            self.statement(statement);
            self.end_line();
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Pipeline(pipeline) => self.pipeline(pipeline, Place::Statement),
            StatementKind::Let { name, value } => {
                self.text.push_str(&format!("let {} = ", name.text));
                match value {
                    LetValue::Word(word) => self.word(word, Place::Stage),
                    LetValue::Pipeline(pipeline) if pipeline.words().count() == 1 => {
                        self.pipeline(pipeline, Place::Let);
                    }
                    LetValue::Pipeline(pipeline) => self.pipeline(pipeline, Place::Stage),
                }
            }
            StatementKind::If { condition, then, otherwise } => {
                self.if_(condition, then, otherwise.as_ref());
            }
            StatementKind::For { name, items, body } => {
                self.text.push_str(&format!("for {} in", name.text));
                self.arguments(items);
                self.block(body);
            }
            StatementKind::Wait { duration, pipeline } => {
                self.text.push_str("wait");
                self.arguments([duration]);
                if let Some(pipeline) = pipeline {
                    self.text.push(' ');
                    self.pipeline(pipeline, Place::Stage);
                }
            }
            StatementKind::Expect { error, pipeline } => {
                self.text.push_str("expect ");
                if let Some(code) = error {
                    self.text.push_str("error");
                    self.arguments([code]);
                    self.text.push(' ');
                }
                let place = if error.is_some() { Place::Stage } else { Place::Expect };
                self.pipeline(pipeline, place);
            }
            StatementKind::Try(inner) => {
                self.text.push_str("try ");
                self.statement(inner);
            }
            StatementKind::OnExit(block) => {
                self.text.push_str("on-exit");
                self.block(block);
            }
            StatementKind::Param { name, default } => {
                self.text.push_str(&format!("param {}", name.text));
                if let Some(default) = default {
                    self.text.push_str(" =");
                    self.arguments([default]);
                }
            }
            StatementKind::Set { name, value } => {
                self.text.push_str("set");
                self.arguments([name, value]);
            }
            StatementKind::Source { path } => {
                self.text.push_str("source");
                self.arguments([path]);
            }
        }
    }

    fn if_(&mut self, condition: &Pipeline, then: &Block, otherwise: Option<&Else>) {
        self.text.push_str("if ");
        self.pipeline(condition, Place::Stage);
        self.block(then);
        match otherwise {
            Some(Else::Block(block)) => {
                self.join("else");
                self.block(block);
            }
            Some(Else::If(inner)) => {
                self.join("else ");
                self.statement(inner);
            }
            None => {}
        }
    }

    fn block(&mut self, block: &Block) {
        self.join("{");
        self.depth += 1;
        for statement in &block.statements {
            self.newline();
            self.statement(statement);
        }
        self.depth -= 1;
        self.newline();
        self.text.push('}');
    }

    fn pipeline(&mut self, pipeline: &Pipeline, place: Place) {
        for (index, stage) in pipeline.stages.iter().enumerate() {
            if index == 0 {
                self.stage(stage, place);
            } else {
                self.join("| ");
                self.stage(stage, Place::Stage);
            }
        }
        if let Some(Redirect { append, path, .. }) = &pipeline.redirect {
            self.text.push_str(if *append { " >> " } else { " > " });
            self.word(path, Place::Redirect);
        }
    }

    fn stage(&mut self, stage: &Stage, place: Place) {
        let mut place = place;
        if let Some(cluster) = &stage.cluster {
            self.text.push('@');
            self.word(cluster, Place::Argument);
            self.text.push(' ');
            place = Place::Stage;
        }
        match &stage.kind {
            StageKind::Command { words, heredoc } => {
                if let Some((command, arguments)) = words.split_first() {
                    self.word(command, place);
                    self.arguments(arguments);
                }
                if let Some(heredoc) = heredoc {
                    self.text.push_str(&format!(" <<{}", heredoc.tag));
                    self.documents.push(heredoc.clone());
                }
            }
            StageKind::Os { text, .. } => {
                self.text.push('!');
                self.text.push_str(text);
                self.line_taken = true;
            }
        }
    }

    fn arguments<'a>(&mut self, words: impl IntoIterator<Item = &'a Word>) {
        for word in words {
            self.text.push(' ');
            self.word(word, Place::Argument);
        }
    }

    fn word(&mut self, word: &Word, place: Place) {
        let literals = || {
            word.parts.iter().filter_map(|part| match part {
                Part::Literal(text) => Some(text.as_str()),
                Part::Variable { .. } => None,
            })
        };
        let needs_quotes = word.parts.is_empty() || literals().any(|text| text.contains(is_layout));
        let has_variables = word.variables().next().is_some();
        if !(word.quoted || needs_quotes) {
            self.bare_word(word, place);
        } else if has_variables || literals().any(|text| text.contains('\'')) {
            self.double_quoted(word);
        } else {
            self.text.push('\'');
            literals().for_each(|text| self.text.push_str(text));
            self.text.push('\'');
        }
    }

    fn double_quoted(&mut self, word: &Word) {
        self.text.push('"');
        self.parts(word, |c| matches!(c, '\\' | '"' | '$' | '`'));
        self.text.push('"');
    }

    fn bare_word(&mut self, word: &Word, place: Place) {
        if let Some(Part::Literal(first)) = word.parts.first() {
            let whole = word.parts.len() == 1;
            let taken = whole && is_taken(first, place);
            if taken || first.starts_with('#') || starts_otherwise(first, place) {
                self.text.push('\\');
            }
        }
        self.parts(word, is_special);
    }

    fn parts(&mut self, word: &Word, escaped: fn(char) -> bool) {
        let mut parts = word.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(text) => {
                    for c in text.chars() {
                        if escaped(c) {
                            self.text.push('\\');
                        }
                        self.text.push(c);
                    }
                }
                Part::Variable { name, .. } => {
                    let runs_on = matches!(parts.peek(), Some(Part::Literal(next))
                        if next.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
                    self.text.push('$');
                    self.text.push_str(&if runs_on { format!("{{{name}}}") } else { name.clone() });
                }
            }
        }
    }
}

/// Characters that no backslash makes part of an unquoted word.
fn is_layout(c: char) -> bool {
    c.is_control() && c != '\t'
}

fn is_special(c: char) -> bool {
    c.is_whitespace() || ";|<>'\"\\$`\u{200b}\u{feff}".contains(c)
}

/// Would the word, as it stands, be something else than a word?
fn is_taken(text: &str, place: Place) -> bool {
    match place {
        _ if matches!(text, "{" | "}") => true,
        Place::Statement if KEYWORDS.contains(&text) => true,
        Place::Expect if text == "error" => true,
        Place::Let if is_bare_value(text) => true,
        _ => matches!(text, "&" | "&&"),
    }
}

/// Would the first character, as it stands, be something else than a character?
fn starts_otherwise(text: &str, place: Place) -> bool {
    match place {
        Place::Argument => false,
        Place::Redirect => text.starts_with('&'),
        _ => text.starts_with(['@', '!']),
    }
}

macro_rules! display {
    ($($kind:ty => |$printer:ident, $node:ident| $print:expr;)*) => {$(
        impl Display for $kind {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                let (mut printer, $node) = (Printer::default(), self);
                let $printer = &mut printer;
                $print;
                f.write_str(&printer.finish())
            }
        }
    )*};
}

display! {
    Script => |printer, script| printer.script(script);
    Statement => |printer, statement| printer.statement(statement);
    Pipeline => |printer, pipeline| printer.pipeline(pipeline, Place::Statement);
    Stage => |printer, stage| printer.stage(stage, Place::Statement);
    Word => |printer, word| printer.word(word, Place::Argument);
}

#[cfg(test)]
mod tests {
    use crate::parse;

    fn check(text: &str, expected: &str) {
        let parsed = parse(text);
        assert!(parsed.diagnostics.is_empty(), "{text:?}: {:?}", parsed.diagnostics);
        assert_eq!(parsed.script.to_string(), expected, "{text:?}");
        assert_eq!(parse(expected).script.without_spans(), parsed.script.without_spans());
    }

    #[test]
    fn words() {
        check(r#"a "b" 'c d' e\ f """#, "a 'b' 'c d' e\\ f ''\n");
        check(r#"a "it's" "$x y" $x${y}z ${x}1"#, "a \"it's\" \"$x y\" $x${y}z ${x}1\n");
        check(r"a \$x \{ \& a\;b \#c d#e", "a \\$x \\{ \\& a\\;b \\#c d#e\n");
        check("a \"b\\nc\" 'b\nc'", "a 'b\\nc' 'b\nc'\n");
        check("\\if x; \\!a; \\@b; expect \\error x", "\\if x\n\\!a\n\\@b\nexpect \\error x\n");
        check("let x = \\3; let x = 3; let x = a", "let x = \\3\nlet x = 3\nlet x = a\n");
        check("a > \\&b; a &c", "a > \\&b\na &c\n");
    }

    #[test]
    fn lines_taken_and_documents() {
        check("a | !b\n | c", "a | !b\n| c\n");
        check("if !b\n{ !c\n}", "if !b\n{\n    !c\n}\n");
        check("if a <<E { b }\n1\nE\nc", "if a <<E {\n1\nE\n    b\n}\nc\n");
        check(
            "if a { b } else if c { } else { d }",
            "if a {\n    b\n} else if c {\n} else {\n    d\n}\n",
        );
    }
}
