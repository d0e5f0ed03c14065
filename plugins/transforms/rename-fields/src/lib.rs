//! The transform `rename-fields`: gives fields of JSON values other names. All other bytes stay as
//! they are.

use kafsh_sdk::json::Edits;
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Error, Result, Settings};

#[derive(Clone, Debug, Settings)]
pub struct Names {
    /// Fields and their new names: `user.name=login`, the path first
    #[setting(required)]
    pub fields: Vec<String>,
}

pub struct RenameFields {
    edits: Edits,
}

#[transform]
impl Transform for RenameFields {
    type Settings = Names;

    fn configure(settings: Names) -> Result<Self> {
        let mut edits = Edits::new();
        for pair in &settings.fields {
            let (path, name) = pair
                .rsplit_once('=')
                .ok_or_else(|| Error::new("bad-rename", format!("`{pair}` is no `PATH=NAME`")))?;
            edits = edits.rename(path, name)?;
        }
        Ok(RenameFields { edits })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        out.emit_edited(record, |value, out| self.edits.apply(value, out))
    }
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing::{self, Ran};

    use super::*;

    fn rename(fields: &[&str]) -> Result<RenameFields> {
        let fields = fields.iter().map(|&text| text.to_owned()).collect();
        RenameFields::configure(Names { fields })
    }

    fn run(fields: &[&str], value: &str) -> Ran {
        let records = testing::records("t").value(value).build();
        testing::run(&mut rename(fields).unwrap(), records)
    }

    #[test]
    fn only_names_are_another() {
        let text = r#"{ "user" : { "name" : "Kim" }, "l": [{"x":1}, {"x": 2.0}] }"#;
        let ran = run(&["user.name=login", "l[].x=y"], text);
        let expected = r#"{ "user" : { "login" : "Kim" }, "l": [{"y":1}, {"y": 2.0}] }"#;
        assert_eq!(ran.values(), [expected]);
    }

    #[test]
    fn a_name_that_is_taken_fails_the_record() {
        assert_eq!(run(&["a=b"], r#"{"a":1,"b":2}"#).codes(), ["name-taken"]);
        assert_eq!(run(&["a=b"], "{").codes(), ["bad-json"]);
    }

    #[test]
    fn what_is_no_rename_is_refused() {
        assert_eq!(rename(&["a"]).err().unwrap().code(), "bad-rename");
        assert_eq!(rename(&["a=c", "b=c"]).err().unwrap().code(), "unexpected");
    }
}
