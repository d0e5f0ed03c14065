//! From the words a user gives (`--set name=value`) to checked settings in canonical form.

use std::collections::BTreeMap;

use super::{Secret, SettingSpec, SettingType, Settings};
use crate::error::{Error, Result};
use crate::suggest::{did_you_mean, suggest};
use crate::units::{parse_duration, parse_size};

/// Bytes of one value of a setting.
pub const SETTING_BYTES_MAX: usize = 64 << 10;
/// Values of one setting.
pub const SETTING_VALUES_MAX: usize = 10_000;

/// Reads the secret of a setting by where it is: `env:NAME`, `file:PATH`.
pub type SecretReader<'a> = &'a dyn Fn(&str, &str) -> Result<Secret>;

impl Settings {
    /// Checks `given` against what `plugin` declares, and fills in defaults.
    ///
    /// # Errors
    /// `bad-setting` (usage): a name that is not declared, a value of another type, a setting that
    /// is required and missing, or given twice without being a list; what `secret` says.
    pub fn read(
        plugin: &str,
        specs: &[SettingSpec],
        given: &[(String, String)],
        secret: SecretReader<'_>,
    ) -> Result<Settings> {
        if let Some((unknown, _)) =
            given.iter().find(|(name, _)| !specs.iter().any(|spec| spec.name == *name))
        {
            return Err(unknown_setting(plugin, specs, unknown));
        }
        let mut settings = Settings::default();
        for spec in specs {
            let words: Vec<&str> = given
                .iter()
                .filter(|(name, _)| *name == spec.name)
                .map(|(_, value)| value.as_str())
                .collect();
            let words = match (words.is_empty(), &spec.default) {
                (true, Some(default)) => vec![default.as_str()],
                _ => words,
            };
            settings.take(plugin, spec, &words, secret)?;
        }
        Ok(settings)
    }

    fn take(
        &mut self,
        plugin: &str,
        spec: &SettingSpec,
        words: &[&str],
        secret: SecretReader<'_>,
    ) -> Result<()> {
        let values = if spec.list {
            words.iter().flat_map(|word| word.split(',')).map(str::trim).collect()
        } else {
            words.to_vec()
        };
        match values.as_slice() {
            [] if spec.required => {
                return Err(bad(spec, format!("`{plugin}` needs the setting `{}`", spec.name)));
            }
            [] => return Ok(()),
            [_, _, ..] if !spec.list => {
                return Err(bad(spec, format!("`{}` was given more than once", spec.name)));
            }
            many if many.len() > SETTING_VALUES_MAX => {
                let what = format!("`{}` has more than {SETTING_VALUES_MAX} values", spec.name);
                return Err(bad(spec, what));
            }
            [only] if spec.kind == SettingType::Secret => {
                self.secrets.insert(spec.name.clone(), secret(&spec.name, only)?);
                return Ok(());
            }
            _ => {}
        }
        let read: Result<Vec<String>> = values.iter().map(|value| canonical(spec, value)).collect();
        self.values.insert(spec.name.clone(), read?);
        Ok(())
    }
}

fn unknown_setting(plugin: &str, specs: &[SettingSpec], unknown: &str) -> Error {
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let near = did_you_mean(&suggest(unknown, names.iter().copied()));
    let message = format!("`{plugin}` has no setting `{}`{near}", unknown.escape_debug());
    let known = match names.is_empty() {
        true => "it has no settings".to_string(),
        false => format!("its settings: {}", names.join(", ")),
    };
    Error::usage("bad-setting", message).with_evidence(known)
}

fn bad(spec: &SettingSpec, message: String) -> Error {
    let error = Error::usage("bad-setting", message);
    if spec.doc.is_empty() {
        error
    } else {
        error.with_evidence(format!("{}: {}", spec.name, spec.doc))
    }
}

/// A value as a plugin gets it: numbers in decimal, durations in ms, sizes in bytes.
fn canonical(spec: &SettingSpec, word: &str) -> Result<String> {
    let name = &spec.name;
    if word.len() > SETTING_BYTES_MAX {
        return Err(bad(spec, format!("`{name}` is longer than {SETTING_BYTES_MAX} bytes")));
    }
    let wrong =
        |what: &str| bad(spec, format!("`{name}` is {what}, not `{}`", word.escape_debug()));
    let value = match spec.kind {
        SettingType::Text | SettingType::Secret => word.to_string(),
        SettingType::Integer => {
            word.parse::<i64>().map_err(|_| wrong("a whole number"))?.to_string()
        }
        SettingType::Number => {
            let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| wrong("a number"))?.to_string()
        }
        SettingType::Boolean => match word {
            "true" | "yes" | "on" | "1" => "true".to_string(),
            "false" | "no" | "off" | "0" => "false".to_string(),
            _ => return Err(wrong("`true` or `false`")),
        },
        SettingType::Duration => {
            let duration = parse_duration(word).ok_or_else(|| wrong("a duration such as `7d`"))?;
            duration.as_millis().to_string()
        }
        SettingType::Size => {
            parse_size(word).ok_or_else(|| wrong("a size such as `64MiB`"))?.to_string()
        }
    };
    if spec.one_of.is_empty() || spec.one_of.contains(&value) {
        return Ok(value);
    }
    Err(wrong(&format!("one of {}", spec.one_of.join(", "))))
}

impl SettingSpec {
    /// A setting of `kind` that may be left out.
    pub fn new(name: impl Into<String>, kind: SettingType) -> Self {
        SettingSpec {
            name: name.into(),
            kind,
            list: false,
            required: false,
            default: None,
            one_of: Vec::new(),
            doc: String::new(),
        }
    }
}

/// Names of settings to values, for tests and files: each value of a list apart.
pub fn pairs(settings: &BTreeMap<String, Vec<String>>) -> Vec<(String, String)> {
    let each = |(name, values): (&String, &Vec<String>)| {
        let name = name.clone();
        values.iter().map(move |value| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    settings.iter().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs() -> Vec<SettingSpec> {
        vec![
            SettingSpec {
                list: true,
                required: true,
                ..SettingSpec::new("fields", SettingType::Text)
            },
            SettingSpec {
                default: Some("7d".into()),
                ..SettingSpec::new("keep", SettingType::Duration)
            },
            SettingSpec::new("limit", SettingType::Size),
            SettingSpec::new("count", SettingType::Integer),
            SettingSpec {
                one_of: vec!["a".into(), "b".into()],
                ..SettingSpec::new("mode", SettingType::Text)
            },
            SettingSpec::new("on", SettingType::Boolean),
            SettingSpec::new("key", SettingType::Secret),
        ]
    }

    fn read(given: &[(&str, &str)]) -> Result<Settings> {
        let given: Vec<_> = given.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Settings::read("mask", &specs(), &given, &|_, place| Ok(Secret(place.as_bytes().to_vec())))
    }

    #[test]
    fn values_come_in_canonical_form_with_defaults() {
        let settings = read(&[
            ("fields", "email, phone"),
            ("fields", "name"),
            ("limit", "64KiB"),
            ("count", "007"),
            ("on", "yes"),
            ("key", "env:KEY"),
        ])
        .unwrap();
        assert_eq!(settings.values["fields"], ["email", "phone", "name"]);
        assert_eq!(settings.values["keep"], ["604800000"]);
        assert_eq!(settings.values["limit"], ["65536"]);
        assert_eq!(settings.values["count"], ["7"]);
        assert_eq!(settings.values["on"], ["true"]);
        assert!(!settings.values.contains_key("mode") && !settings.values.contains_key("key"));
        assert_eq!(settings.secrets["key"].0, b"env:KEY");
        assert!(!format!("{settings:?}").contains("env:KEY"), "a secret is never shown");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (given, part) in [
            (vec![], "needs the setting `fields`"),
            (vec![("feilds", "a")], "did you mean `fields`?"),
            (vec![("fields", "a"), ("count", "many")], "whole number"),
            (vec![("fields", "a"), ("count", "1"), ("count", "2")], "more than once"),
            (vec![("fields", "a"), ("mode", "c")], "one of a, b"),
            (vec![("fields", "a"), ("on", "maybe")], "`true` or `false`"),
            (vec![("fields", "a"), ("limit", "big")], "a size"),
            (vec![("fields", "a"), ("keep", "long")], "a duration"),
        ] {
            let error = read(&given).unwrap_err();
            assert_eq!(error.code, "bad-setting");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
