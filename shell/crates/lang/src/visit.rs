//! Walks over the tree.

use crate::tree::{
    Block, Else, LetValue, Name, Part, Pipeline, Script, Span, Stage, StageKind, Statement,
    StatementKind, Word,
};

/// Calls `visit` with every statement in the order of the text, the outer before the inner ones.
pub fn walk<'a>(script: &'a Script, visit: &mut impl FnMut(&'a Statement)) {
    script.statements.iter().for_each(|statement| walk_statement(statement, visit));
}

fn walk_statement<'a>(statement: &'a Statement, visit: &mut impl FnMut(&'a Statement)) {
    visit(statement);
    let mut block = |block: &'a Block| {
        block.statements.iter().for_each(|inner| walk_statement(inner, visit));
    };
    match &statement.kind {
        StatementKind::If { then, otherwise, .. } => {
            block(then);
            match otherwise {
                Some(Else::Block(otherwise)) => block(otherwise),
                Some(Else::If(inner)) => walk_statement(inner, visit),
                None => {}
            }
        }
        StatementKind::For { body, .. } | StatementKind::OnExit(body) => block(body),
        StatementKind::Try(inner) => walk_statement(inner, visit),
        _ => {}
    }
}

impl Statement {
    /// The pipeline that the statement itself runs, those in its blocks aside.
    pub fn pipeline(&self) -> Option<&Pipeline> {
        match &self.kind {
            StatementKind::Pipeline(pipeline)
            | StatementKind::Let { value: LetValue::Pipeline(pipeline), .. }
            | StatementKind::If { condition: pipeline, .. }
            | StatementKind::Wait { pipeline: Some(pipeline), .. }
            | StatementKind::Expect { pipeline, .. } => Some(pipeline),
            _ => None,
        }
    }

    /// The words of the statement itself, those of its pipeline included and of its blocks not,
    /// in the order of the text.
    pub fn words(&self) -> Vec<&Word> {
        let mut words = Vec::new();
        match &self.kind {
            StatementKind::Let { value: LetValue::Word(word), .. }
            | StatementKind::Wait { duration: word, .. }
            | StatementKind::Expect { error: Some(word), .. }
            | StatementKind::Param { default: Some(word), .. }
            | StatementKind::Source { path: word } => words.push(word),
            StatementKind::For { items, .. } => words.extend(items),
            StatementKind::Set { name, value } => words.extend([name, value]),
            _ => {}
        }
        if let Some(pipeline) = self.pipeline() {
            words.extend(pipeline.words());
        }
        words
    }
}

impl Pipeline {
    /// Clusters, words of commands and the file of the redirect, in the order of the text.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        let stages = self.stages.iter().flat_map(|stage| {
            let words = match &stage.kind {
                StageKind::Command { words, .. } => words.as_slice(),
                StageKind::Os { .. } => &[],
            };
            stage.cluster.iter().chain(words)
        });
        stages.chain(self.redirect.iter().map(|redirect| &redirect.path))
    }
}

impl Script {
    /// The same tree with every span zero, for comparing what two texts mean.
    #[must_use]
    pub fn without_spans(mut self) -> Script {
        self.statements.iter_mut().for_each(clear_statement);
        self
    }
}

/// Calls `visit` with every stage, in no promised order.
pub(crate) fn stages_mut(statements: &mut [Statement], visit: &mut impl FnMut(&mut Stage)) {
    for statement in statements {
        if let Some(pipeline) = pipeline_mut(statement) {
            pipeline.stages.iter_mut().for_each(&mut *visit);
        }
        match &mut statement.kind {
            StatementKind::If { then, otherwise, .. } => {
                stages_mut(&mut then.statements, visit);
                match otherwise {
                    Some(Else::Block(block)) => stages_mut(&mut block.statements, visit),
                    Some(Else::If(inner)) => stages_mut(std::slice::from_mut(inner), visit),
                    None => {}
                }
            }
            StatementKind::For { body, .. } | StatementKind::OnExit(body) => {
                stages_mut(&mut body.statements, visit);
            }
            StatementKind::Try(inner) => stages_mut(std::slice::from_mut(inner), visit),
            _ => {}
        }
    }
}

fn pipeline_mut(statement: &mut Statement) -> Option<&mut Pipeline> {
    match &mut statement.kind {
        StatementKind::Pipeline(pipeline)
        | StatementKind::Let { value: LetValue::Pipeline(pipeline), .. }
        | StatementKind::If { condition: pipeline, .. }
        | StatementKind::Wait { pipeline: Some(pipeline), .. }
        | StatementKind::Expect { pipeline, .. } => Some(pipeline),
        _ => None,
    }
}

fn clear_statement(statement: &mut Statement) {
    statement.span = Span::default();
    if let Some(pipeline) = pipeline_mut(statement) {
        clear_pipeline(pipeline);
    }
    match &mut statement.kind {
        StatementKind::Let { name, value } => {
            clear_name(name);
            if let LetValue::Word(word) = value {
                clear_word(word);
            }
        }
        StatementKind::If { then, otherwise, .. } => {
            clear_block(then);
            match otherwise {
                Some(Else::Block(block)) => clear_block(block),
                Some(Else::If(inner)) => clear_statement(inner),
                None => {}
            }
        }
        StatementKind::For { name, items, body } => {
            clear_name(name);
            items.iter_mut().for_each(clear_word);
            clear_block(body);
        }
        StatementKind::Wait { duration: word, .. } | StatementKind::Source { path: word } => {
            clear_word(word);
        }
        StatementKind::Expect { error, .. } => error.iter_mut().for_each(clear_word),
        StatementKind::Try(inner) => clear_statement(inner),
        StatementKind::OnExit(block) => clear_block(block),
        StatementKind::Param { name, default } => {
            clear_name(name);
            default.iter_mut().for_each(clear_word);
        }
        StatementKind::Set { name, value } => {
            clear_word(name);
            clear_word(value);
        }
        StatementKind::Pipeline(_) => {}
    }
}

fn clear_block(block: &mut Block) {
    block.span = Span::default();
    block.statements.iter_mut().for_each(clear_statement);
}

fn clear_name(name: &mut Name) {
    name.span = Span::default();
}

fn clear_pipeline(pipeline: &mut Pipeline) {
    pipeline.span = Span::default();
    for stage in &mut pipeline.stages {
        stage.span = Span::default();
        stage.cluster.iter_mut().for_each(clear_word);
        match &mut stage.kind {
            StageKind::Command { words, heredoc } => {
                words.iter_mut().for_each(clear_word);
                if let Some(heredoc) = heredoc {
                    (heredoc.span, heredoc.body_span) = Default::default();
                }
            }
            StageKind::Os { span, .. } => *span = Span::default(),
        }
    }
    if let Some(redirect) = &mut pipeline.redirect {
        redirect.span = Span::default();
        clear_word(&mut redirect.path);
    }
}

fn clear_word(word: &mut Word) {
    word.span = Span::default();
    for part in &mut word.parts {
        if let Part::Variable { span, .. } = part {
            *span = Span::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn walk_reaches_every_statement_and_its_words() {
        let text = "let a = $b\nif x $c { y } else if @d z > $e { w }\nfor i in $f g { try h }\n\
                    expect error $j k | l\nwait $m n\nset $o p\nparam q = $r\non-exit { s }";
        let parsed = parse(text);
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let mut words = Vec::new();
        walk(&parsed.script, &mut |statement| {
            words
                .extend(statement.words().iter().map(|word| &text[word.span.start..word.span.end]));
        });
        let all = "$b x $c y d z $e w $f g h $j k l $m n $o p $r s";
        assert_eq!(words.join(" "), all);
    }

    #[test]
    fn without_spans_compares_meaning() {
        let meaning = |text| parse(text).script.without_spans();
        assert_eq!(meaning("a  'b' ; c\n"), meaning("a \"b\"\n\nc"));
        assert_ne!(meaning("a b"), meaning("a 'b'"));
    }
}
