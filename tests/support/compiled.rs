//! The first-party plugins, compiled once for all homes of tests: each would spend half a second of
//! two cores on it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{Kafsh, test_home};

/// What the cache's files are sealed with.
const KEY: &str = "state/plugin-cache.key";
const CODE: &str = "cache/plugins";

/// A home that has them.
fn filled() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = test_home().join("compiled");
        std::fs::create_dir_all(&home).expect("a folder in the tests' home");
        Kafsh::without_code(&home).with(&["--rehearse"]).run(&["cluster", "plan", "any"]).ok();
        home
    })
}

/// Links them into a home that was not used yet; one that was compiles for itself.
pub fn put_into(home: &Path) {
    let unused = std::fs::read_dir(home).is_ok_and(|mut entries| entries.next().is_none());
    if unused && link(filled(), home).is_err() {
        // Across file systems there are no links: it compiles for itself, as before.
        let _ = std::fs::remove_dir_all(home.join("cache"));
    }
}

fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    let private = |folder: PathBuf| {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    };
    private(to.join("state"))?;
    private(to.join(CODE))?;
    std::fs::hard_link(from.join(KEY), to.join(KEY))?;
    for entry in std::fs::read_dir(from.join(CODE))? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|ending| ending == "code") {
            std::fs::hard_link(from.join(CODE).join(&name), to.join(CODE).join(&name))?;
        }
    }
    Ok(())
}
