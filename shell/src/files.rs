//! Files that users name: read to a bound, whatever they turn out to be.

use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The bytes of a file, of a pipe or a device too; `None` where there are more than `max`.
///
/// # Errors
/// What opening and reading it say.
pub fn read_at_most(path: &Path, max: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// The same of a text.
///
/// # Errors
/// Also where it is no UTF-8.
pub fn read_text_at_most(path: &Path, max: u64) -> Result<Option<String>> {
    let text = read_at_most(path, max)?.map(String::from_utf8).transpose();
    text.map_err(|_| Error::new(ErrorKind::InvalidData, "it is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_read_to_its_bound() {
        assert_eq!(read_at_most(Path::new("/dev/zero"), 1 << 20).unwrap(), None);
        assert_eq!(read_at_most(Path::new("/dev/null"), 0).unwrap(), Some(Vec::new()));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"ab\xff").unwrap();
        assert_eq!(read_at_most(file.path(), 3).unwrap().unwrap(), b"ab\xff");
        assert_eq!(read_at_most(file.path(), 2).unwrap(), None);
        let error = read_text_at_most(file.path(), 3).unwrap_err();
        assert_eq!(error.to_string(), "it is no UTF-8");
    }
}
