//! The transform `{{name}}`: says what becomes of each record.

use kafsh_sdk::json::{self, Edits};
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Result, Settings};

/// What users set with `--set NAME=VALUE`; the comments are what they read.
#[derive(Settings)]
pub struct Mask {
    /// Fields to mask, such as `user.name`
    pub fields: Vec<String>,
    /// What stands instead
    #[setting(default = "***")]
    pub with: String,
}

/// One for each source partition.
pub struct Masker {
    edits: Edits,
}

#[transform]
impl Transform for Masker {
    type Settings = Mask;

    fn configure(settings: Mask) -> Result<Self> {
        let mut with = Vec::new();
        json::quote(&settings.with, &mut with);
        let mut edits = Edits::new();
        for path in &settings.fields {
            edits = edits.replace(path, &with)?;
        }
        Ok(Masker { edits })
    }

    /// A record that is not emitted is dropped; one for which this is an error fails.
    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        out.emit_edited(record, |value, out| self.edits.apply(value, out))
    }
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing;

    use super::*;

    #[test]
    fn fields_are_masked_and_nothing_else() {
        let settings = Mask { fields: vec!["name".into()], with: "***".into() };
        let mut masker = Masker::configure(settings).unwrap();
        let records = testing::records("users").value(r#"{"name": "Kim", "n": 1.50}"#).value("{");
        let ran = testing::run(&mut masker, records.build());
        assert_eq!(ran.values(), [r#"{"name": "***", "n": 1.50}"#]);
        assert_eq!(ran.codes(), ["bad-json"]);
    }
}
