//! Files: atomic replacement, bounded walks, and the words for what went wrong with them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kafsh_model::{Error, Result};
use sha2::{Digest, Sha256};

/// Most entries that a walk for sizes looks at; what is beyond is not counted.
const WALK_ENTRIES_MAX: usize = 200_000;

/// Largest state or configuration file that is read, in bytes.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 4 << 20;

/// Of files that may hold secrets.
pub(crate) const PRIVATE: u32 = 0o600;

/// `cannot VERB `PATH``, with the system's own words as evidence.
pub(crate) fn io_error(verb: &str, path: &Path, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "disk-full"
        }
        io::ErrorKind::PermissionDenied => "permission-denied",
        io::ErrorKind::ReadOnlyFilesystem => "read-only-file-system",
        _ => "io-failed",
    };
    Error::failed(code, format!("cannot {verb} `{}`", path.display()))
        .with_evidence(error.to_string())
}

/// ms since 1970-01-01 UTC.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn create_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| io_error("create the folder", path, &e))
}

/// Replaces `path`: whoever reads it sees the old bytes or the new, also after a crash.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let fail = |e: &io::Error| io_error("write", path, e);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".kafsh-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(|e| fail(&e))?;
    file.write_all(bytes).map_err(|e| fail(&e))?;
    file.as_file().sync_all().map_err(|e| fail(&e))?;
    file.persist(path).map_err(|e| fail(&e.error))?;
    sync_dir(folder)
}

/// Makes renames within `folder` last.
pub(crate) fn sync_dir(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| io_error("sync the folder", folder, &e))
}

/// A small file's bytes; `None` where there is none.
pub(crate) fn read_small(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io_error("read", path, &e)),
    };
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| io_error("read", path, &e))?;
    if bytes.len() as u64 > SMALL_FILE_BYTES_MAX {
        return Err(Error::failed("file-too-large", format!("`{}` is too large", path.display()))
            .with_cause(format!("a file of this kind has at most {SMALL_FILE_BYTES_MAX} bytes")));
    }
    Ok(Some(bytes))
}

pub(crate) fn read_small_text(path: &Path) -> Result<Option<String>> {
    Ok(read_small(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The last `max_bytes` of a file from `offset` on, as text.
pub(crate) fn read_end(path: &Path, offset: u64, max_bytes: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = offset.min(length).max(length.saturating_sub(max_bytes));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(max_bytes).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if start > offset {
        // The first line is cut.
        let first = text.find('\n').map_or(text.len(), |at| at + 1);
        text.drain(..first);
    }
    Ok(text)
}

/// Names in a folder, sorted; empty where there is no folder.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io_error("list", folder, &e)),
    };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Allocated bytes (not apparent ones: ZooKeeper and Kafka pre-size sparse files) below `path`.
/// Symbolic links are not followed, and at most [`WALK_ENTRIES_MAX`] entries are looked at.
pub(crate) fn allocated_bytes(path: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let mut pending: Vec<PathBuf> = vec![path.to_path_buf()];
    let mut total = 0;
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        total += meta.blocks() * BLOCK_BYTES;
        seen += 1;
        if !meta.is_dir() {
            continue;
        }
        let Ok(entries) = fs::read_dir(&path) else { continue };
        let room = WALK_ENTRIES_MAX.saturating_sub(seen + pending.len());
        pending.extend(entries.flatten().map(|entry| entry.path()).take(room));
    }
    total
}

/// The nearest folder at or above `path` that exists.
pub(crate) fn existing_ancestor(path: &Path) -> &Path {
    path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"))
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn sha256_of_file(path: &Path) -> Result<String> {
    const CHUNK_BYTES: usize = 1 << 16;
    let fail = |e: &io::Error| io_error("read", path, e);
    let mut file = File::open(path).map_err(|e| fail(&e))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(count) => hasher.update(&chunk[..count]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(fail(&e)),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 128 random bits in hexadecimal: names one start of one node.
pub(crate) fn nonce() -> Result<String> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| io_error("read", path, &e))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacement_is_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a file");
        write_atomic(&path, b"one", PRIVATE).unwrap();
        write_atomic(&path, b"two", PRIVATE).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, PRIVATE);
        assert_eq!(names_in(folder.path()).unwrap(), ["a file"], "no temporary file is left");
    }

    #[test]
    fn the_end_of_a_file_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "first\nsecond\nthird\n").unwrap();
        assert_eq!(read_end(&path, 0, 9).unwrap(), "third\n");
        assert_eq!(read_end(&path, 6, 100).unwrap(), "second\nthird\n");
        assert_eq!(read_end(&path, 99, 100).unwrap(), "");
    }

    #[test]
    fn sizes_are_allocated_ones() {
        let folder = tempfile::tempdir().unwrap();
        let sparse = File::create(folder.path().join("sparse")).unwrap();
        sparse.set_len(64 << 20).unwrap();
        assert!(allocated_bytes(folder.path()) < 1 << 20);
    }
}
