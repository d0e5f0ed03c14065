//! Files of the store: this user's alone, replaced atomically, changed by one shell at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::geteuid;

/// Of files: what was granted is nobody else's to see or to change.
const PRIVATE_FILE_MODE: u32 = 0o600;
const PRIVATE_DIR_MODE: u32 = 0o700;
/// Bits with which somebody else could write.
pub(crate) const OTHERS_WRITE: u32 = 0o022;

/// What a file is called until it is whole.
pub(super) const UNFINISHED_PREFIX: &str = ".unfinished-";

const LOCK_FILE: &str = "lock";
/// How long a lock that is held is tried again: a change takes milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(10);

/// A plain file of this user's that has none of the bits `others`; links are not followed.
pub(crate) fn read_ours(path: &Path, bytes_max: u64, others: u32) -> io::Result<Vec<u8>> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(no_follow).open(path)?;
    let facts = file.metadata()?;
    let ours = facts.uid() == geteuid().as_raw() && facts.mode() & others == 0;
    let refused = |why: &'static str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !facts.is_file() || !ours {
        return refused("not a file of this user alone");
    }
    if facts.len() > bytes_max {
        return refused("larger than such a file can be");
    }
    let mut bytes = Vec::with_capacity(usize::try_from(facts.len()).unwrap_or(0));
    file.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes or replaces a file of `folder`: a reader sees the old bytes or the new, also after a
/// crash.
pub(super) fn write_atomic(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED_PREFIX)
        .permissions(fs::Permissions::from_mode(PRIVATE_FILE_MODE))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}

/// Makes `folder` for this user alone. One that is there is left as it is, if it is this user's and
/// has none of the bits `others`.
pub(crate) fn private_folder(folder: &Path, others: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR_MODE).create(folder)?;
    let facts = fs::symlink_metadata(folder)?;
    let ours = facts.uid() == geteuid().as_raw() && facts.mode() & others == 0;
    if facts.is_dir() && ours {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "is not a folder of this user alone"))
}

/// The lock of `folder`, held until the file is dropped or its process ends.
pub(super) fn lock(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(PRIVATE_FILE_MODE);
    let file = options.open(path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
