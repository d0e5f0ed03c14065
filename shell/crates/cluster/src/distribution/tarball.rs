//! The jars of a release as Apache publishes it: a gzipped tar, and its SHA-512 beside it.
//!
//! Nothing is unpacked but plain files `<release>/libs/<name>.jar`, each under its bare name into a
//! folder of ours: no path and no link of the archive ever reaches the file system.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kafsh_model::{Error, Result};
use sha2::{Digest, Sha512};

use super::gunzip::Gunzip;
use crate::runtime::files;

/// Largest archive that is read, in bytes; Kafka 3.9.2 has about 120 MB.
const ARCHIVE_BYTES_MAX: u64 = 1 << 30;
/// Most bytes that one may hold, all entries together.
const UNPACKED_BYTES_MAX: u64 = 4 << 30;
/// Largest jar, in bytes.
const JAR_BYTES_MAX: u64 = 256 << 20;
/// Most entries that are looked at.
const ENTRIES_MAX: usize = 50_000;
/// Most jars that are taken.
const JARS_MAX: usize = 1_000;

/// Digits of a SHA-512 in hexadecimal.
const SHA512_DIGITS: usize = 128;

/// The digest that somebody says an archive has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sha512Sum(String);

impl Sha512Sum {
    /// Reads the digits themselves, a line of `sha512sum`, or what Apache publishes (`gpg
    /// --print-md`: the file's name, then groups of digits over several lines).
    ///
    /// # Errors
    /// `bad-value` where there is no such digest.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let first = text.split_whitespace().next().unwrap_or_default();
        let grouped = text.split_once(": ").or(text.split_once(":\n")).map_or("", |(_, rest)| rest);
        let grouped: String = grouped.split_whitespace().collect();
        let is_digest = |digits: &str| {
            digits.len() == SHA512_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let digits = [first, &grouped].into_iter().find(|digits| is_digest(digits));
        digits.map(|digits| Sha512Sum(digits.to_ascii_lowercase())).ok_or_else(|| {
            Error::usage("bad-value", "this is no SHA-512").with_cause(format!(
                "it has {SHA512_DIGITS} hexadecimal digits, alone or as Apache's `.sha512` files \
                 have them"
            ))
        })
    }

    /// The digest that stands beside an archive, in `<archive>.sha512`; `None` where there is none.
    ///
    /// # Errors
    /// The file cannot be read, or holds no digest.
    pub fn beside(archive: &Path) -> Result<Option<Self>> {
        let mut name = archive.as_os_str().to_os_string();
        name.push(".sha512");
        let path = PathBuf::from(name);
        let Some(text) = files::read_small_text(&path)? else { return Ok(None) };
        Self::parse(&text)
            .map(Some)
            .map_err(|error| error.with_evidence(format!("`{}`", path.display())))
    }
}

/// An archive, open: what was verified is what is unpacked.
pub(super) struct Tarball {
    path: PathBuf,
    file: File,
}

impl Tarball {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |e: &io::Error| files::io_error("read", path, e);
        let file = File::open(path).map_err(|e| fail(&e))?;
        let facts = file.metadata().map_err(|e| fail(&e))?;
        if !facts.is_file() {
            let message = format!("`{}` is neither a folder nor a file", path.display());
            return Err(Error::usage("bad-source", message));
        }
        if facts.len() > ARCHIVE_BYTES_MAX {
            let message = format!("`{}` is too large", path.display());
            let cause = format!("an archive of Kafka has at most {ARCHIVE_BYTES_MAX} bytes");
            return Err(Error::failed("file-too-large", message).with_cause(cause));
        }
        Ok(Tarball { path: path.to_path_buf(), file })
    }

    /// Holds all of it against its digest.
    ///
    /// # Errors
    /// `digest-mismatch` (refused).
    pub(super) fn verify(&mut self, expected: &Sha512Sum) -> Result<()> {
        const CHUNK_BYTES: usize = 1 << 16;
        let fail = |path: &Path, e: &io::Error| files::io_error("read", path, e);
        let mut hasher = Sha512::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match self.file.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => hasher.update(&chunk[..count]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(fail(&self.path, &e)),
            }
        }
        self.file.seek(SeekFrom::Start(0)).map_err(|e| fail(&self.path, &e))?;
        let found = files::hex(&hasher.finalize());
        if found == expected.0 {
            return Ok(());
        }
        let message = format!("`{}` is not the file of this SHA-512", self.path.display());
        Err(Error::refused("digest-mismatch", message)
            .with_evidence(format!("expected {}", expected.0))
            .with_evidence(format!("found    {found}"))
            .with_cause("it is another file, was changed, or did not come whole"))
    }

    /// Writes those of its jars that are `wanted` into `libs`, which is empty.
    ///
    /// # Errors
    /// `bad-archive`; what the disk says.
    pub(super) fn unpack(self, libs: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
        let bad = |e: &io::Error| self.bad(&e.to_string());
        let unzipped = Gunzip::new(BufReader::new(&self.file)).map_err(|e| bad(&e))?;
        let mut archive = tar::Archive::new(unzipped.take(UNPACKED_BYTES_MAX));
        let mut taken = BTreeSet::new();
        for (index, entry) in archive.entries().map_err(|e| bad(&e))?.enumerate() {
            let mut entry = entry.map_err(|e| bad(&e))?;
            if index >= ENTRIES_MAX {
                return Err(self.bad(&format!("it has more than {ENTRIES_MAX} entries")));
            }
            let path = entry.path_bytes().into_owned();
            let Some(name) = jar_name(&path).filter(|name| wanted(name)) else { continue };
            if !entry.header().entry_type().is_file() {
                return Err(self.bad(&format!("`{name}` is no plain file")));
            }
            if entry.size() > JAR_BYTES_MAX {
                return Err(self.bad(&format!("`{name}` has more than {JAR_BYTES_MAX} bytes")));
            }
            if taken.len() >= JARS_MAX {
                return Err(self.bad(&format!("it has more than {JARS_MAX} jars")));
            }
            if !taken.insert(name.to_string()) {
                return Err(self.bad(&format!("it has `{name}` twice")));
            }
            self.write(&mut entry, &libs.join(name))?;
        }
        match taken.is_empty() {
            true => Err(self.bad("it has no `<release>/libs/<name>.jar`")),
            false => Ok(()),
        }
    }

    /// What cannot be read is the archive's fault, what cannot be written the disk's.
    fn write(&self, entry: &mut impl Read, to: &Path) -> Result<()> {
        const CHUNK_BYTES: usize = 1 << 16;
        let fail = |e: &io::Error| files::io_error("write", to, e);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).open(to).map_err(|e| fail(&e))?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = entry.read(&mut chunk).map_err(|e| self.bad(&e.to_string()))?;
            if count == 0 {
                return file.sync_all().map_err(|e| fail(&e));
            }
            file.write_all(&chunk[..count]).map_err(|e| fail(&e))?;
        }
    }

    fn bad(&self, why: &str) -> Error {
        Error::failed("bad-archive", format!("`{}` is no release of Kafka", self.path.display()))
            .with_evidence(why)
            .with_cause("a release is a gzipped tar with the jars in `libs`")
    }
}

/// The bare name of `<release>/libs/<name>.jar`, of letters that a file name of ours may have.
fn jar_name(path: &[u8]) -> Option<&str> {
    let path = std::str::from_utf8(path).ok()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut parts = path.split('/');
    let (release, libs, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_plain = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
    };
    let fits = is_plain(release) && libs == "libs" && is_plain(name) && name.ends_with(".jar");
    (fits && parts.next().is_none()).then_some(name)
}

#[cfg(test)]
#[path = "tarball_tests.rs"]
mod tests;
