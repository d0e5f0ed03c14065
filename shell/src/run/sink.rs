//! Where the end of a pipeline goes: standard output, or a file that is not lost to a pipeline
//! which fails.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kafsh_model::{Error, Result};

/// Where bytes go. Standard output closed by its reader ends a pipeline quietly.
pub(super) enum Sink {
    Stdout(io::Stdout),
    File(FileSink),
}

/// The file behind `>` or `>>`. It is opened before the work begins, so that one which cannot be
/// written costs nothing; what was in it goes when something is there to take its place.
pub(super) struct FileSink {
    path: PathBuf,
    /// As it was written in the source
    shown: String,
    file: File,
    append: bool,
    /// There was none before
    made: bool,
    touched: bool,
    written: u64,
}

impl Sink {
    pub(super) fn file(path: PathBuf, shown: String, append: bool) -> Result<Self> {
        let made = std::fs::symlink_metadata(&path).is_err();
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(append).truncate(false);
        let file = options.open(&path);
        let file = file.map_err(|e| Error::io(format!("`{shown}` could not be opened"), &e))?;
        Ok(Sink::File(FileSink { path, shown, file, append, made, touched: false, written: 0 }))
    }

    /// A part of a stream. False: nobody reads any more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<bool> {
        match self {
            Sink::Stdout(stdout) => to_stdout(stdout, bytes),
            Sink::File(file) => file.write(bytes).map(|()| true),
        }
    }

    /// All there will be: in a file it stands whole, or the file is as it was.
    pub(super) fn write_whole(&mut self, bytes: &[u8]) -> Result<bool> {
        match self {
            Sink::Stdout(stdout) => to_stdout(stdout, bytes),
            Sink::File(file) => file.write_whole(bytes).map(|()| true),
        }
    }

    /// Everything is written: nothing at all means an empty file.
    pub(super) fn finish(mut self) -> Result<()> {
        match &mut self {
            Sink::Stdout(_) => Ok(()),
            Sink::File(file) => file.begin(),
        }
    }
}

fn to_stdout(stdout: &io::Stdout, bytes: &[u8]) -> Result<bool> {
    let mut lock = stdout.lock();
    match lock.write_all(bytes).and_then(|()| lock.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::io("standard output", &error)),
    }
}

impl FileSink {
    fn failed(&self, error: &io::Error) -> Error {
        Error::io(format!("`{}` could not be written", self.shown), error)
    }

    /// Takes away what was there, once.
    fn begin(&mut self) -> Result<()> {
        if !self.touched && !self.append && is_plain(&self.file) {
            self.file.set_len(0).map_err(|e| self.failed(&e))?;
        }
        self.touched = true;
        Ok(())
    }

    /// A stream is not held back until its end: what is acknowledged has to be in the file.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.begin()?;
        self.file.write_all(bytes).map_err(|e| {
            let text = format!("what came before this is in it, {} bytes at least", self.written);
            self.failed(&e).with_evidence(text)
        })?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn write_whole(&mut self, bytes: &[u8]) -> Result<()> {
        let before = self.file.metadata().map_err(|e| self.failed(&e))?;
        let done = match (self.append, is_replaceable(&before)) {
            (false, true) => replace(&self.path, &before, bytes),
            _ if !before.is_file() || !self.append => return self.write(bytes),
            _ => self.file.write_all(bytes).inspect_err(|_| {
                // That it is longer than before is told by the error in any case.
                let _ = self.file.set_len(before.len());
            }),
        };
        done.map_err(|e| self.failed(&e))?;
        self.touched = true;
        Ok(())
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        // A pipeline that failed before it said anything leaves no file that was not there.
        if self.made && !self.touched && is_plain(&self.file) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_plain(file: &File) -> bool {
    file.metadata().is_ok_and(|facts| facts.is_file())
}

/// A file of ours under one name: another in its place is the same to everybody.
fn is_replaceable(facts: &Metadata) -> bool {
    facts.is_file() && facts.nlink() == 1 && facts.uid() == rustix::process::geteuid().as_raw()
}

/// Puts a new file in place of the old one, with its mode; behind a link, where that leads.
fn replace(path: &Path, before: &Metadata, bytes: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".kafsh-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(before.permissions())?;
    file.persist(&path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn sink(path: &Path, append: bool) -> Sink {
        Sink::file(path.to_path_buf(), "out".to_string(), append).unwrap()
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_changes_when_something_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        drop(sink(&path, false));
        assert!(!path.exists(), "what failed at once leaves no file");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o606)).unwrap();
        drop(sink(&path, false));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let mut whole = sink(&path, false);
        whole.write_whole(b"new").unwrap();
        whole.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o606);
        let mut stream = sink(&path, false);
        stream.write(b"a").unwrap();
        stream.write(b"b").unwrap();
        drop(stream);
        assert_eq!(std::fs::read(&path).unwrap(), b"ab", "what came is kept");
        let mut more = sink(&path, true);
        more.write_whole(b"c").unwrap();
        more.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        sink(&path, false).finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"", "nothing was said");
        assert_eq!(names(folder.path()), 1, "no temporary file is left");
    }

    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("out"), folder.path().join("link"));
        std::fs::write(&path, "a long old text").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut through = sink(&link, false);
        through.write_whole(b"new").unwrap();
        through.finish().unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let other = folder.path().join("other");
        std::fs::hard_link(&path, &other).unwrap();
        let mut both = sink(&path, false);
        both.write_whole(b"!").unwrap();
        both.finish().unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"!", "one file of two names stays one");
        for append in [false, true] {
            let mut null = sink(Path::new("/dev/null"), append);
            null.write_whole(b"x").unwrap();
            null.write(b"x").unwrap();
            null.finish().unwrap();
        }
        let full = sink(Path::new("/dev/full"), false).write_whole(b"x").unwrap_err();
        assert_eq!(full.code, "disk-full");
    }
}
