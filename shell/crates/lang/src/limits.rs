//! Every limit of the language, with its unit, and the first check: bytes to text.

use crate::diagnostic::Diagnostic;
use crate::tree::Span;

/// Bytes in a source text.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes in a line, its newline not counted. Lines of here-documents are records and may be longer.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Blocks, `try`s and `else if`s inside each other. Bounds the recursion over a tree.
pub const NESTING_MAX: usize = 64;
/// Words in one stage, and in the list of a `for`.
pub const WORDS_MAX: usize = 4096;
/// Stages in one pipeline.
pub const STAGES_MAX: usize = 64;
/// Statements in a source, those in blocks included.
pub const STATEMENTS_MAX: usize = 100_000;
/// Diagnostics for a source; parsing stops after this many.
pub const DIAGNOSTICS_MAX: usize = 64;

/// Takes the bytes of a file for source text.
///
/// # Errors
/// `limit/source` when there are too many, `syntax/not-utf8` at the first byte that is no UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.len() > SOURCE_BYTES_MAX {
        return Err(too_large(bytes.len()));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let message = format!("byte {at} (0x{:02x}) is not UTF-8", bytes[at]);
        let help = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16: save it as UTF-8",
            _ => "save the file as UTF-8; records of other bytes go through `read FILE`",
        };
        Diagnostic::error("syntax/not-utf8", Span::new(at, at + 1), message).with_help(help)
    })
}

/// What a source beyond [`SOURCE_BYTES_MAX`] is answered with.
pub(crate) fn too_large(bytes: usize) -> Diagnostic {
    let message = format!("the source has {bytes} bytes, more than {SOURCE_BYTES_MAX}");
    Diagnostic::error("limit/source", Span::default(), message)
        .with_help("keep records in a file of their own and use `read FILE | …`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_names_the_first_bad_byte() {
        let error = decode(b"topic \xff list").unwrap_err();
        assert_eq!((error.code, error.span), ("syntax/not-utf8", Span::new(6, 7)));
        assert_eq!(error.message, "byte 6 (0xff) is not UTF-8");
        let utf16 = decode(b"\xff\xfet\0").unwrap_err();
        assert_eq!(utf16.help.as_deref(), Some("the file is UTF-16: save it as UTF-8"));
        assert_eq!(decode("né".as_bytes()), Ok("né"));
    }

    #[test]
    fn decode_refuses_what_is_too_large() {
        let bytes = vec![b'\n'; SOURCE_BYTES_MAX + 1];
        assert_eq!(decode(&bytes).unwrap_err().code, "limit/source");
        assert!(decode(&bytes[1..]).is_ok());
    }
}
