//! Where things are: the checkout, what cargo builds, and the folder that tests share.

use crate::run::Failure;
use std::path::{Path, PathBuf};

/// Folders that the chores work in.
pub struct Place {
    /// The root of the repository.
    pub checkout: PathBuf,
    /// Where cargo puts the programs of the profile that xtask itself was built with.
    pub programs: PathBuf,
}

impl Place {
    /// # Errors
    /// The system does not tell where this program is.
    pub fn here() -> Result<Self, Failure> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let checkout = manifest.ancestors().nth(2).unwrap_or(manifest).to_owned();
        // xtask's neighbour, and not a guess from CARGO_TARGET_DIR: right for every way there is
        // to move the target folder. Asked now, as a later build may replace this program.
        let own = std::env::current_exe().map_err(|cause| {
            Failure::new(format!("the path of this program is unknown\n  {cause}"))
        })?;
        let programs = own.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { checkout, programs })
    }

    /// The shell as `cargo build` makes it.
    ///
    /// # Errors
    /// It has not been built.
    pub fn kafsh(&self) -> Result<PathBuf, Failure> {
        built(self.programs.join("kafsh"), "cargo build -p kafsh")
    }

    /// The shell as `cargo build --release` makes it.
    ///
    /// # Errors
    /// It has not been built.
    pub fn kafsh_release(&self) -> Result<PathBuf, Failure> {
        let target = self.programs.parent().unwrap_or(&self.programs);
        built(target.join("release/kafsh"), "cargo build --release -p kafsh")
    }
}

fn built(file: PathBuf, how: &str) -> Result<PathBuf, Failure> {
    if file.is_file() {
        return Ok(file);
    }
    Err(Failure::new(format!(
        "the build left no program `{}`\n  cargo may have been told to build for another target\n  \
         {how}",
        file.display()
    )))
}

/// The `KAFSH_HOME` whose installed Kafka versions all tests and benchmarks share:
/// `KAFSH_TEST_HOME` if set, else a folder in the user's cache.
///
/// # Errors
/// The user has no home folder.
pub fn test_home() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    choose_test_home(set("KAFSH_TEST_HOME"), set("XDG_CACHE_HOME"), set("HOME"))
}

fn choose_test_home(
    given: Option<PathBuf>,
    cache: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<PathBuf, Failure> {
    // The XDG specification has relative values ignored.
    let cache = cache.filter(|path| path.is_absolute());
    let cache = cache.or_else(|| home.map(|home| home.join(".cache")));
    let shared = cache.map(|cache| cache.join("kafsh/test-home"));
    match given {
        Some(given) => std::path::absolute(&given)
            .map_err(|cause| Failure::new(format!("`KAFSH_TEST_HOME` is unusable\n  {cause}"))),
        None => shared.ok_or_else(|| {
            Failure::new(
                "there is no folder to keep Kafka in for the tests\n  \
                 neither HOME nor XDG_CACHE_HOME is set\n  export KAFSH_TEST_HOME=/some/folder",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_holds_the_workspace() {
        let place = Place::here().unwrap();
        assert!(place.checkout.join("scripts/xtask/Cargo.toml").is_file());
    }

    #[test]
    fn the_test_home_is_what_was_asked_for_or_in_the_cache() {
        let path = |text: &str| Some(PathBuf::from(text));
        let chosen = choose_test_home(path("/a"), path("/b"), path("/c")).unwrap();
        assert_eq!(chosen, Path::new("/a"));
        let chosen = choose_test_home(None, path("/b"), path("/c")).unwrap();
        assert_eq!(chosen, Path::new("/b/kafsh/test-home"));
        let chosen = choose_test_home(None, path("relative"), path("/c")).unwrap();
        assert_eq!(chosen, Path::new("/c/.cache/kafsh/test-home"));
        assert!(choose_test_home(None, None, None).is_err());
    }
}
