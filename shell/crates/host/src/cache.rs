//! The compile cache. Its files are run as native code, so they are ours or they are not used.
//!
//! A file is a MAC and a body. The key of the MAC lies elsewhere, in the state directory; the MAC
//! covers the file's name too, so that no file can take another's place. Whatever does not fit
//! (owner, mode, MAC, size) is treated as not there.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::limits::{CACHE_FILE_BYTES_MAX, CACHE_FILES_MAX};
use crate::store::files::{private_folder, read_ours};

/// Bytes of the key, and of a MAC (HMAC-SHA256).
const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;

const KEY_FILE: &str = "plugin-cache.key";
const FOLDER: &str = "plugins";

/// Nobody else may read the key, or write a file of the cache.
const PRIVATE_DIR_MODE: u32 = 0o700;
const OTHERS: u32 = 0o077;

pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
}

impl Cache {
    /// Opens the cache below `cache_dir`, with the key in `state_dir`; makes what is missing.
    ///
    /// # Errors
    /// A sentence on why there is no cache; plugins work without.
    pub(crate) fn open(cache_dir: &Path, state_dir: &Path) -> Result<Self, String> {
        let folder = cache_dir.join(FOLDER);
        private_folder(&folder, OTHERS).map_err(|e| format!("{}: {e}", folder.display()))?;
        let key = key(state_dir).map_err(|e| format!("{}: {e}", state_dir.display()))?;
        Ok(Cache { folder, key })
    }

    /// The body of a file that is ours and unaltered.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = read_ours(&self.folder.join(name), CACHE_FILE_BYTES_MAX, OTHERS).ok()?;
        let (mac, body) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(name, body).verify_slice(mac).ok()?;
        bytes.drain(..MAC_BYTES);
        Some(bytes)
    }

    /// Replaces a file at once. A cache that cannot be written is no reason to fail.
    pub(crate) fn put(&self, name: &str, body: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&self.mac(name, body).finalize().into_bytes())?;
        file.write_all(body)?;
        file.persist(self.folder.join(name)).map_err(|e| e.error)?;
        self.prune()
    }

    fn mac(&self, name: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes any key");
        mac.update(&(name.len() as u64).to_le_bytes());
        mac.update(name.as_bytes());
        mac.update(body);
        mac
    }

    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let surplus = files.len().saturating_sub(CACHE_FILES_MAX);
        files.drain(..surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// The key of `state_dir`. One that others could have read is replaced, which empties the cache.
fn key(state_dir: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = state_dir.join(KEY_FILE);
    let there = || -> io::Result<[u8; KEY_BYTES]> {
        let bytes = read_ours(&path, KEY_BYTES as u64, OTHERS)?;
        bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "cut short"))
    };
    let first = there();
    if let Ok(key) = first {
        return Ok(key);
    }
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR_MODE).create(state_dir)?;
    let mut key = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let mut file = tempfile::NamedTempFile::new_in(state_dir)?;
    file.write_all(&key)?;
    if first.is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        // Another shell may be first: then its key is the one.
        return match file.persist_noclobber(&path) {
            Ok(_) => Ok(key),
            Err(_) => there(),
        };
    }
    file.persist(&path).map_err(|e| e.error)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
