//! Compiling and running a jq filter with jaq, over JSON values, without `env`, `input` or `halt`.

use std::collections::BTreeMap;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

/// Longest filter, in bytes.
pub const FILTER_BYTES_MAX: usize = 64 << 10;

/// Deepest nesting of brackets in a filter.
pub const FILTER_DEPTH_MAX: usize = 128;

/// Functions of jaq's library that a filter here does not have: they read the environment, end the
/// process or write past us.
const WITHHELD: &[&str] = &["env", "halt", "stderr_empty", "debug_empty", "input", "inputs"];

type Compiled = jaq_core::Filter<data::JustLut<Val>>;

/// A filter ready to run on this thread.
pub struct Program {
    compiled: Compiled,
    variables: Vec<Val>,
}

impl Program {
    /// Compiles a filter. The error says where and what, in one line.
    pub fn compile(text: &str, variables: &BTreeMap<String, Value>) -> Result<Program, String> {
        check_bounds(text)?;
        let names: Vec<String> = variables.keys().map(|name| format!("${name}")).collect();
        let arena = Arena::default();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        // Definitions that lean on a withheld function would not compile without it.
        let defs = defs.filter(|def| {
            !matches!(def.name, "halt" | "halt_error" | "stderr" | "debug" | "$__prog_args")
        });
        let modules = Loader::new(defs)
            .load(&arena, File { code: text, path: () })
            .map_err(|errors| syntax_message(text, &errors))?;
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs())
            .filter(|(name, _, _)| !WITHHELD.contains(name));
        let compiled = Compiler::default()
            .with_funs(funs)
            .with_global_vars(names.iter().map(String::as_str))
            .compile(modules)
            .map_err(|errors| undefined_message(&errors))?;
        let variables = variables.values().map(to_val).collect::<Result<_, _>>()?;
        Ok(Program { compiled, variables })
    }

    /// Calls `sink` with each output as JSON text; an error of the filter ends it.
    pub fn run(&self, input: &[u8], mut sink: impl FnMut(String)) -> Result<(), String> {
        let input = read::parse_single(input).map_err(|error| error.to_string())?;
        let vars = Vars::new(self.variables.iter().cloned());
        let ctx = Ctx::<data::JustLut<Val>>::new(&self.compiled.lut, vars);
        for output in self.compiled.id.run((ctx, input)).map(unwrap_valr) {
            match output {
                Ok(value) => sink(value.to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

fn to_val(value: &Value) -> Result<Val, String> {
    read::parse_single(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// The parser recurses on brackets, so a hostile filter is refused before it.
fn check_bounds(text: &str) -> Result<(), String> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(format!("a filter has at most {FILTER_BYTES_MAX} bytes"));
    }
    let mut depth = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > FILTER_DEPTH_MAX {
            return Err(format!("a filter nests at most {FILTER_DEPTH_MAX} brackets deep"));
        }
    }
    Ok(())
}

fn syntax_message(text: &str, errors: &jaq_core::load::Errors<&str, ()>) -> String {
    use jaq_core::load::Error;
    let place = |found: &str| match found.is_empty() {
        true => "at the end".to_string(),
        false => {
            let start = (found.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let near: String = found.chars().take(20).collect();
            format!("at character {}, near `{near}`", start.min(text.len()) + 1)
        }
    };
    for (_, error) in errors {
        match error {
            Error::Lex(errors) => {
                if let Some((expected, found)) = errors.first() {
                    return format!("{} expected {}", expected.as_str(), place(found));
                }
            }
            Error::Parse(errors) => {
                if let Some((expected, found)) = errors.first() {
                    return format!("{} expected {}", expected.as_str(), place(found));
                }
            }
            Error::Io(_) => return "a filter here cannot import files".to_string(),
        }
    }
    "the filter cannot be read".to_string()
}

fn undefined_message(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    let found = errors.iter().flat_map(|(_, errors)| errors).next();
    match found {
        Some((name, undefined)) => format!("undefined {}: `{name}`", undefined.as_str()),
        None => "the filter cannot be compiled".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, input: &str) -> Result<Vec<String>, String> {
        let variables = BTreeMap::from([("limit".to_string(), Value::from(3))]);
        let mut outputs = Vec::new();
        Program::compile(text, &variables)?.run(input.as_bytes(), |out| outputs.push(out))?;
        Ok(outputs)
    }

    #[test]
    fn filters_see_values_and_variables() {
        assert_eq!(run(".[] | select(. > $limit)", "[1,5]"), Ok(vec!["5".into()]));
        assert_eq!(run("[.[].name]", r#"[{"name":"a"}]"#), Ok(vec![r#"["a"]"#.into()]));
        assert_eq!(run("123456789012345678901", "null"), Ok(vec!["123456789012345678901".into()]));
    }

    #[test]
    fn a_filter_cannot_leave_its_box() {
        for text in ["env", "$ENV", "halt", "halt(3)", "input", "inputs", "debug", "stderr"] {
            assert!(run(text, "null").is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(run("nope", "null").unwrap_err(), "undefined filter: `nope`");
        assert!(run(".a |", "null").unwrap_err().contains("at the end"));
        assert!(run(&"(".repeat(100_000), "null").unwrap_err().contains("at most"));
        assert!(run(".a", "1").unwrap_err().contains("index"));
    }
}
