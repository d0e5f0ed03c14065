//! A new plugin's folder: the template of its kind, written as a whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use kafsh_model::plugin::PluginKind;
use kafsh_model::{Error, Result};

/// Folder of a checkout in which the SDK lies.
const SDK: &str = "sdk";

type File = (&'static str, &'static str);

/// A file of a template: where it goes, and its text.
macro_rules! file {
    ($to:literal, $from:literal) => {
        ($to, include_str!(concat!("../../../sdk/template/", $from)))
    };
}

const POLICY: [File; 4] = [
    file!("Cargo.toml", "policy/Cargo.toml"),
    file!("src/lib.rs", "policy/src/lib.rs"),
    file!("cases/partitions.toml", "policy/cases/partitions.toml"),
    file!(".gitignore", "policy/.gitignore"),
];

const TRANSFORM: [File; 4] = [
    file!("Cargo.toml", "transform/Cargo.toml"),
    file!("src/lib.rs", "transform/src/lib.rs"),
    file!("cases/mask.toml", "transform/cases/mask.toml"),
    file!(".gitignore", "transform/.gitignore"),
];

const STEP: [File; 4] = [
    file!("Cargo.toml", "step/Cargo.toml"),
    file!("src/lib.rs", "step/src/lib.rs"),
    file!("cases/topic.toml", "step/cases/topic.toml"),
    file!(".gitignore", "step/.gitignore"),
];

/// What a new plugin is made of.
#[derive(Clone, Debug)]
pub struct Wish {
    pub name: String,
    pub kind: PluginKind,
    /// The plugin's own folder; absolute
    pub folder: PathBuf,
    /// The SDK's crate; absolute
    pub sdk: PathBuf,
}

impl Wish {
    /// Files of the template with their texts.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let files: &[File] = match self.kind {
            PluginKind::Policy => &POLICY,
            PluginKind::Transform => &TRANSFORM,
            PluginKind::Step => &STEP,
        };
        let path = toml::Value::String(self.sdk.display().to_string());
        let sdk = format!("{{ path = {path} }}");
        let filled = |text: &str| text.replace("{{name}}", &self.name).replace("{{sdk}}", &sdk);
        files.iter().map(|(path, text)| (*path, filled(text))).collect()
    }

    /// That the folder is free.
    ///
    /// # Errors
    /// `folder-not-empty`.
    pub fn check(&self) -> Result<()> {
        let mut entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::io(format!("`{}`", self.folder.display()), &e)),
        };
        if entries.next().is_none() {
            return Ok(());
        }
        let shown = self.folder.display();
        Err(Error::failed("folder-not-empty", format!("`{shown}` is there and not empty"))
            .with_cause("a new plugin gets a folder of its own")
            .with_next(format!("plugin new {} --kind {} --path FOLDER", self.name, self.kind)))
    }

    /// Writes the folder. The lock file of the SDK's checkout goes with it, so that the plugin is
    /// built with the versions that the SDK was tested with.
    ///
    /// # Errors
    /// `folder-not-empty`; what the file system says. The folder is then as it was.
    pub fn write(&self) -> Result<()> {
        self.check()?;
        let failed = |e: std::io::Error| {
            Error::io(format!("`{}` cannot be made", self.folder.display()), &e)
        };
        let parent = self.folder.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(failed)?;
        let built = tempfile::Builder::new().prefix(".kafsh-new-").tempdir_in(parent);
        let built = built.map_err(failed)?;
        let inside = built.path().join("plugin");
        for (path, text) in self.files() {
            let path = inside.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&inside)).map_err(failed)?;
            fs::write(&path, text).map_err(failed)?;
        }
        let lock = self.sdk.parent().map(|checkout| checkout.join("Cargo.lock"));
        if let Some(lock) = lock.filter(|lock| lock.is_file()) {
            fs::copy(lock, inside.join("Cargo.lock")).map_err(failed)?;
        }
        // Over an empty folder too, and over no other.
        fs::rename(&inside, &self.folder).map_err(failed)
    }
}

/// The SDK's crate: the one that was given, else that of the checkout this program was built from.
///
/// # Errors
/// `sdk-not-found`.
pub fn sdk(given: Option<&Path>) -> Result<PathBuf> {
    let is_sdk = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == "name = \"kafsh-sdk\"")
    };
    let missing = |message: String| {
        Error::failed("sdk-not-found", message)
            .with_cause("a plugin is built against the folder `sdk` of a checkout of kafsh")
            .with_next("plugin new NAME --kind policy --sdk CHECKOUT/sdk")
    };
    let Some(given) = given else {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(SDK);
        let why = || missing("the checkout that this program was built from is gone".to_string());
        return is_sdk(&own).then_some(own).ok_or_else(why);
    };
    // A checkout is as good as the folder in it.
    let found = [given.to_path_buf(), given.join(SDK)].into_iter().find(|folder| is_sdk(folder));
    let found =
        found.ok_or_else(|| missing(format!("there is no SDK in `{}`", given.display())))?;
    fs::canonicalize(&found).map_err(|e| Error::io(format!("`{}`", found.display()), &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(folder: PathBuf, kind: PluginKind) -> Wish {
        Wish { name: "mine".to_string(), kind, folder, sdk: sdk(None).unwrap() }
    }

    #[test]
    fn every_template_is_complete_and_filled_in() {
        for kind in PluginKind::ALL {
            let home = tempfile::tempdir().unwrap();
            let wish = wish(home.path().join("mine"), kind);
            wish.write().unwrap();
            for (path, _) in wish.files() {
                let text = fs::read_to_string(wish.folder.join(path)).unwrap();
                assert!(!text.contains("{{"), "{kind} {path}: {text}");
            }
            let manifest = fs::read_to_string(wish.folder.join("Cargo.toml")).unwrap();
            let manifest: toml::Table = manifest.parse().unwrap();
            assert_eq!(
                manifest["package"]["metadata"]["kafsh"]["kind"].as_str(),
                Some(kind.name())
            );
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("mine");
        fs::create_dir(&folder).unwrap();
        let wish = wish(folder.clone(), PluginKind::Policy);
        wish.check().unwrap();
        fs::write(folder.join("notes"), "mine").unwrap();
        assert_eq!(wish.write().unwrap_err().code, "folder-not-empty");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn the_sdk_is_found_in_its_checkout_and_nowhere_else() {
        let own = sdk(None).unwrap();
        assert_eq!(sdk(own.parent()).unwrap(), fs::canonicalize(&own).unwrap());
        let home = tempfile::tempdir().unwrap();
        assert_eq!(sdk(Some(home.path())).unwrap_err().code, "sdk-not-found");
    }
}
