//! Which policies are in charge of which topics.

use kafsh_model::policy::PolicyBinding;
use kafsh_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{Store, check_schema, damaged};
use crate::runtime::files;

const SCHEMA: u32 = 1;

/// Most bindings.
const BINDINGS_MAX: usize = 1000;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default)]
    binding: Vec<PolicyBinding>,
}

impl Store {
    /// The bindings, in the order in which they are asked: as they were made.
    ///
    /// # Errors
    /// `state-damaged`, `state-too-new`.
    pub fn policy_bindings(&self) -> Result<Vec<PolicyBinding>> {
        let path = self.home.join("policies.toml");
        let Some(text) = files::read_small_text(&path)? else { return Ok(Vec::new()) };
        check_schema(&text, &path)?;
        let file: File = toml::from_str(&text).map_err(|error| damaged(&path, error.message()))?;
        Ok(file.binding)
    }

    /// Adds a binding, or replaces the one of the same name where it stands.
    ///
    /// # Errors
    /// As [`Store::policy_bindings`]; `too-many-bindings`.
    pub fn bind_policy(&self, binding: PolicyBinding) -> Result<()> {
        let _lock = self.lock_policies("policy bind")?;
        let mut all = self.policy_bindings()?;
        match all.iter().position(|other| other.name == binding.name) {
            Some(index) => all[index] = binding,
            None if all.len() >= BINDINGS_MAX => {
                return Err(Error::failed("too-many-bindings", "too many policies are bound")
                    .with_cause(format!("at most {BINDINGS_MAX} can be")));
            }
            None => all.push(binding),
        }
        self.save_policies(all)
    }

    /// Takes a binding away; false where there was none of that name.
    ///
    /// # Errors
    /// As [`Store::policy_bindings`].
    pub fn unbind_policy(&self, name: &str) -> Result<bool> {
        let _lock = self.lock_policies("policy unbind")?;
        let mut all = self.policy_bindings()?;
        let before = all.len();
        all.retain(|binding| binding.name != name);
        if all.len() == before {
            return Ok(false);
        }
        self.save_policies(all)?;
        Ok(true)
    }

    /// Takes over the bindings of another store.
    ///
    /// # Errors
    /// As [`Store::policy_bindings`].
    pub fn copy_policies(&self, from: &Store) -> Result<()> {
        let bindings = from.policy_bindings()?;
        if bindings.is_empty() { Ok(()) } else { self.save_policies(bindings) }
    }

    fn lock_policies(&self, command: &str) -> Result<super::ClusterLock> {
        // No cluster can have this name: names begin with a letter or digit.
        self.lock_file(".policies", command)
    }

    fn save_policies(&self, binding: Vec<PolicyBinding>) -> Result<()> {
        let path = self.home.join("policies.toml");
        let text = toml::to_string(&File { schema: SCHEMA, binding })
            .map_err(|error| Error::bug(format!("policies cannot be written: {error}")))?;
        files::create_dir_all(&self.home)?;
        files::write_atomic(&path, text.as_bytes(), files::PRIVATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::policy::PolicyMode;

    fn binding(name: &str, topics: &str) -> PolicyBinding {
        PolicyBinding {
            name: name.into(),
            policy: "naming".into(),
            mode: PolicyMode::Enforce,
            clusters: vec!["*".into()],
            topics: vec![topics.into()],
            settings: vec![("pattern".into(), "a=b, \"c\"".into())],
        }
    }

    #[test]
    fn bindings_keep_their_order_and_are_replaced_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.policy_bindings().unwrap(), []);
        for name in ["one", "two"] {
            store.bind_policy(binding(name, "*")).unwrap();
        }
        store.bind_policy(binding("one", "a-*")).unwrap();
        let all = store.policy_bindings().unwrap();
        assert_eq!(all, [binding("one", "a-*"), binding("two", "*")]);
        assert!(store.unbind_policy("one").unwrap() && !store.unbind_policy("one").unwrap());
        assert_eq!(store.policy_bindings().unwrap(), [binding("two", "*")]);
        std::fs::write(folder.path().join("policies.toml"), "schema = 1\nnonsense").unwrap();
        assert_eq!(store.policy_bindings().unwrap_err().code, "state-damaged");
    }
}
