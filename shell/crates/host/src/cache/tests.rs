//! What the cache gives back, and what it must not.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }
    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("cache").join(FOLDER).join(name)
    }
    fn open(&self) -> Result<Cache, String> {
        Cache::open(&self.dir.path().join("cache"), &self.state())
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_was_put_comes_back_also_later() {
    let place = Place::new();
    let cache = place.open().unwrap();
    assert_eq!(cache.get("a"), None);
    cache.put("a", b"body").unwrap();
    assert_eq!(cache.get("a").as_deref(), Some(b"body".as_slice()));
    assert_eq!(place.open().unwrap().get("a").as_deref(), Some(b"body".as_slice()));
    assert_eq!(fs::metadata(place.file("a")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(place.file("")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(place.state().join(KEY_FILE)).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn an_altered_or_exchanged_file_is_not_there() {
    let place = Place::new();
    let cache = place.open().unwrap();
    cache.put("a", b"body").unwrap();
    cache.put("b", b"other").unwrap();
    fs::copy(place.file("b"), place.file("a")).unwrap();
    assert_eq!(cache.get("a"), None);

    let mut bytes = fs::read(place.file("b")).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        fs::write(place.file("b"), &bytes).unwrap();
        assert_eq!(cache.get("b"), None, "byte {at}");
        bytes[at] ^= 1;
    }
    for end in 0..bytes.len() {
        fs::write(place.file("b"), &bytes[..end]).unwrap();
        assert_eq!(cache.get("b"), None, "cut at {end}");
    }
}

#[test]
fn what_others_could_have_written_is_not_used() {
    let place = Place::new();
    let cache = place.open().unwrap();
    cache.put("a", b"body").unwrap();
    set_mode(&place.file("a"), 0o620);
    assert_eq!(cache.get("a"), None);
    set_mode(&place.file("a"), 0o600);
    assert!(cache.get("a").is_some());
    fs::rename(place.file("a"), place.file("real")).unwrap();
    std::os::unix::fs::symlink(place.file("real"), place.file("a")).unwrap();
    assert_eq!(cache.get("a"), None);

    set_mode(&place.file(""), 0o755);
    let error = place.open().err().unwrap();
    assert!(error.contains("of this user alone"), "{error}");
}

#[test]
fn a_key_that_others_could_have_read_is_replaced() {
    let place = Place::new();
    place.open().unwrap().put("a", b"body").unwrap();
    let key = fs::read(place.state().join(KEY_FILE)).unwrap();
    set_mode(&place.state().join(KEY_FILE), 0o644);
    let cache = place.open().unwrap();
    assert_eq!(cache.get("a"), None);
    assert_ne!(fs::read(place.state().join(KEY_FILE)).unwrap(), key);
    cache.put("a", b"body").unwrap();
    assert!(place.open().unwrap().get("a").is_some());
}

#[test]
fn the_oldest_files_go() {
    let place = Place::new();
    let cache = place.open().unwrap();
    for number in 0..CACHE_FILES_MAX + 3 {
        cache.put(&format!("{number}"), b"x").unwrap();
    }
    assert_eq!(fs::read_dir(place.file("")).unwrap().count(), CACHE_FILES_MAX);
    assert!(cache.get(&format!("{}", CACHE_FILES_MAX + 2)).is_some());
}
