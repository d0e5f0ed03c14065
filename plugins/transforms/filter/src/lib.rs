//! The transform `filter`: keeps the records for which a jq filter says true. The filter runs in
//! here, so that a hostile one hurts nobody.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Error, Result, Settings};

/// Longest filter, in bytes.
const FILTER_BYTES_MAX: usize = 64 << 10;

/// Functions that have no meaning in here: there is no environment, no clock and no further input.
const WITHHELD: [&str; 7] =
    ["env", "halt", "stderr_empty", "debug_empty", "input", "inputs", "now"];

/// Definitions of jaq that lean on them.
const WITHHELD_DEFS: [&str; 5] = ["halt", "halt_error", "stderr", "debug", "$__prog_args"];

type Compiled = jaq_core::Filter<data::JustLut<Val>>;

#[derive(Clone, Debug, Settings)]
pub struct Keep {
    /// jq filter over the value: `true` keeps a record, `false` and `null` drop it
    pub keep: String,
}

pub struct Filter {
    compiled: Compiled,
}

#[transform]
impl Transform for Filter {
    type Settings = Keep;

    fn configure(settings: Keep) -> Result<Self> {
        Ok(Filter { compiled: compile(&settings.keep)? })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        // A tombstone has no value: to the filter it is `null`.
        if self.keeps(record.value().unwrap_or(b"null"))? {
            out.emit(record);
        }
        Ok(())
    }
}

impl Filter {
    fn keeps(&self, value: &[u8]) -> Result<bool> {
        let input = read::parse_single(value)
            .map_err(|why| Error::new("bad-json", format!("not JSON: {why}")))?;
        let ctx = Ctx::<data::JustLut<Val>>::new(&self.compiled.lut, Vars::new([]));
        let mut outputs = self.compiled.id.run((ctx, input)).map(unwrap_valr);
        let first = outputs.next();
        if first.is_some() && outputs.next().is_some() {
            return Err(Error::new("not-boolean", "the filter gives more than one value"));
        }
        match first {
            Some(Ok(Val::Bool(keep))) => Ok(keep),
            // Nothing at all is what `empty` and `select` give.
            None | Some(Ok(Val::Null)) => Ok(false),
            Some(Ok(other)) => {
                let message = format!("the filter gives `{other}`, neither true nor false");
                Err(Error::new("not-boolean", message))
            }
            Some(Err(why)) => Err(Error::new("filter-failed", why.to_string())),
        }
    }
}

fn compile(text: &str) -> Result<Compiled> {
    let bad = |why: String| Error::new("bad-filter", why);
    if text.len() > FILTER_BYTES_MAX {
        return Err(bad(format!("a filter has at most {FILTER_BYTES_MAX} bytes")));
    }
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let defs = defs.filter(|def| !WITHHELD_DEFS.contains(&def.name));
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(&arena, File { code: text, path: () })
        .map_err(|_| bad(format!("`{text}` is no jq filter")))?;
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let funs = funs.filter(|(name, _, _)| !WITHHELD.contains(name));
    Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
        let names = errors.iter().flat_map(|(_, errors)| errors);
        let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
        bad(format!("{} is not known here", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing::{self, Ran};

    use super::*;

    fn filter(keep: &str) -> Result<Filter> {
        Filter::configure(Keep { keep: keep.into() })
    }

    fn run(keep: &str) -> Ran {
        let records = testing::records("t")
            .value(r#"{"n": 1, "to": "de"}"#)
            .value(r#"{"n": 20, "to": "fr"}"#)
            .value(r#"{"to": null}"#)
            .record(Some(b"k"), None)
            .build();
        testing::run(&mut filter(keep).unwrap(), records)
    }

    fn kept(keep: &str) -> Vec<usize> {
        let ran = run(keep);
        assert_eq!((ran.codes(), ran.copied), (vec![], 0), "{keep}");
        ran.records.iter().map(|record| record.source).collect()
    }

    #[test]
    fn true_keeps_and_false_and_null_drop() {
        assert_eq!(kept(".n > 10"), [1]);
        assert_eq!(kept(". != null and (.to | type == \"string\")"), [0, 1]);
        assert_eq!(kept("null"), [0; 0]);
        assert_eq!(kept("empty"), [0; 0]);
        assert_eq!(kept("(.to // \"\") | test(\"^d\")"), [0]);
    }

    #[test]
    fn anything_else_fails_the_record() {
        assert_eq!(run(".n").codes(), ["not-boolean"; 2]);
        assert_eq!(run("true, true").codes(), ["not-boolean"; 4]);
        assert_eq!(run("error(\"x\")").codes(), ["filter-failed"; 4]);
        let records = testing::records("t").value("{").build();
        assert_eq!(testing::run(&mut filter("true").unwrap(), records).codes(), ["bad-json"]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in [".n >", "nothing_known", "env", "input", "now"] {
            assert_eq!(filter(bad).err().unwrap().code(), "bad-filter", "{bad}");
        }
    }
}
