//! Help pages, made from the table.

pub mod topics;

use crate::commands;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, FlagSpec, Kind, Place};

/// One line: the words, arguments and that there are flags.
pub fn usage(spec: &CommandSpec) -> String {
    let mut words = vec![spec.name()];
    words.extend(spec.args.iter().map(shown_arg));
    if !spec.flags.is_empty() {
        words.push("[flags]".to_string());
    }
    words.join(" ")
}

fn shown_arg(arg: &ArgSpec) -> String {
    match arg.arity {
        Arity::One => format!("<{}>", arg.name),
        Arity::Optional => format!("[{}]", arg.name),
        Arity::Any => format!("[{}…]", arg.name),
        Arity::Many => format!("<{}…>", arg.name),
    }
}

/// The page of a command.
pub fn page(spec: &CommandSpec) -> String {
    let mut page = format!("{}: {}\n\nusage: {}\n", spec.name(), spec.summary, usage(spec));
    if !spec.detail.is_empty() {
        page.push_str(&format!("\n{}\n", wrap(spec.detail, 78)));
    }
    let place = match spec.place {
        Place::Head => None,
        Place::Stage => Some("stands after `|`"),
        Place::Both => Some("may begin a pipeline or stand after `|`"),
    };
    let effect = match spec.effect {
        Effect::Destructive => Some("asks before something is lost; a script gives --yes"),
        Effect::Read | Effect::Write => None,
    };
    for line in place.into_iter().chain(effect) {
        page.push_str(&format!("\n{line}\n"));
    }
    section(&mut page, "arguments", spec.args.iter().map(|a| (shown_arg(a), a.help.to_string())));
    section(&mut page, "flags", spec.all_flags().map(|f| (shown_flag(f), help_of(f))));
    let examples = spec.examples.iter();
    if !spec.examples.is_empty() {
        page.push_str("\nexamples\n");
    }
    for example in examples {
        page.push_str(&format!("  {}\n      {}\n", example.line, example.about));
    }
    page
}

fn section(page: &mut String, title: &str, rows: impl Iterator<Item = (String, String)>) {
    let rows: Vec<(String, String)> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0).min(34);
    page.push_str(&format!("\n{title}\n"));
    for (left, right) in rows {
        page.push_str(&format!("  {left:<width$}  {right}\n"));
    }
}

fn shown_flag(flag: &FlagSpec) -> String {
    let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or("    ".to_string());
    match flag.value {
        Some((placeholder, _)) => format!("{short}--{} {placeholder}", flag.name),
        None => format!("{short}--{}", flag.name),
    }
}

fn help_of(flag: &FlagSpec) -> String {
    let mut help = flag.help.to_string();
    if let Some((_, Kind::Choice(choices))) = flag.value {
        help.push_str(&format!(": {}", choices.join(", ")));
    }
    if flag.repeats {
        help.push_str("; may be repeated");
    }
    if !flag.aliases.is_empty() {
        let aliases: Vec<String> = flag.aliases.iter().map(|alias| format!("--{alias}")).collect();
        help.push_str(&format!(" (also {})", aliases.join(", ")));
    }
    help
}

/// Every command, a line each.
pub fn overview() -> String {
    let mut page = String::from("commands (help COMMAND says more)\n");
    let all = commands::all();
    let width = all.iter().map(|spec| spec.name().len()).max().unwrap_or(0);
    let mut last = "";
    for spec in all {
        let group = if spec.path.len() == 2 { spec.path[0] } else { "" };
        if group != last {
            page.push('\n');
        }
        last = group;
        page.push_str(&format!("  {:<width$}  {}\n", spec.name(), spec.summary));
    }
    page.push_str("\nstatements, the prompt, and error codes (help WORD says more)\n\n");
    for (name, summary) in topics::names() {
        page.push_str(&format!("  {name:<width$}  {summary}\n"));
    }
    page.push_str(
        "\na stage may begin with @cluster; `| jq`, `| where`, `| head`, `| !cmd`, `> FILE`\n",
    );
    page
}

/// The lines of all examples.
pub fn examples() -> String {
    let all = commands::all();
    let lines = all.iter().flat_map(|spec| spec.examples);
    lines.map(|example| format!("{}\n", example.line)).collect()
}

/// The verbs of a noun.
pub fn noun_page(noun: &str) -> String {
    let specs: Vec<_> =
        commands::all().into_iter().filter(|s| s.path.len() == 2 && s.path[0] == noun).collect();
    let width = specs.iter().map(|spec| spec.name().len()).max().unwrap_or(0);
    specs.iter().map(|s| format!("{:<width$}  {}\n", s.name(), s.summary)).collect()
}

fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}
