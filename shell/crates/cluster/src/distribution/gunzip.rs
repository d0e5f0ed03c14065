//! gzip (RFC 1952) as a reader: one member, its length and checksum held against its trailer.

use std::io::{self, BufRead, Read};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Longest optional field of a header that is skipped, in bytes.
const FIELD_BYTES_MAX: u64 = 64 << 10;

const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// What a gzip file holds. What follows its first member is not looked at.
pub(super) struct Gunzip<R> {
    input: R,
    state: Box<InflateState>,
    checksum: u32,
    /// Modulo 2^32, as the trailer has it
    length: u32,
    ended: bool,
}

impl<R: BufRead> Gunzip<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// `InvalidData` where it is none of gzip's.
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        let mut header = [0; 10];
        input.read_exact(&mut header)?;
        if header[..3] != MAGIC {
            return Err(damaged("it does not begin as gzip files do"));
        }
        let flags = header[3];
        if flags & EXTRA != 0 {
            let mut length = [0; 2];
            input.read_exact(&mut length)?;
            skip(&mut input, u64::from(u16::from_le_bytes(length)))?;
        }
        for field in [NAME, COMMENT] {
            if flags & field != 0 {
                let mut text = Vec::new();
                input.by_ref().take(FIELD_BYTES_MAX).read_until(0, &mut text)?;
                if text.last() != Some(&0) {
                    return Err(damaged("its header does not end"));
                }
            }
        }
        if flags & HEADER_CHECKSUM != 0 {
            skip(&mut input, 2)?;
        }
        let state = InflateState::new_boxed(DataFormat::Raw);
        Ok(Gunzip { input, state, checksum: !0, length: 0, ended: false })
    }

    fn check_trailer(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        self.input.read_exact(&mut trailer)?;
        let number = |at: usize| {
            u32::from_le_bytes([trailer[at], trailer[at + 1], trailer[at + 2], trailer[at + 3]])
        };
        match number(0) == !self.checksum && number(4) == self.length {
            true => Ok(()),
            false => Err(damaged("its checksum does not fit what it holds")),
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while !self.ended {
            let given = self.input.fill_buf()?;
            let at_end = given.is_empty();
            let done = inflate(&mut self.state, given, out, MZFlush::None);
            self.input.consume(done.bytes_consumed);
            let written = &out[..done.bytes_written];
            self.checksum = written.iter().fold(self.checksum, |sum, byte| crc32(sum, *byte));
            self.length = self.length.wrapping_add(u32::try_from(written.len()).unwrap_or(0));
            match done.status {
                Ok(MZStatus::StreamEnd) => {
                    self.ended = true;
                    self.check_trailer()?;
                }
                Ok(_) | Err(MZError::Buf) if done.bytes_written == 0 && at_end => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early"));
                }
                Ok(_) | Err(MZError::Buf) => {}
                Err(_) => return Err(damaged("it cannot be decompressed")),
            }
            if done.bytes_written > 0 {
                return Ok(done.bytes_written);
            }
        }
        Ok(0)
    }
}

fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn skip(input: &mut impl Read, bytes: u64) -> io::Result<()> {
    match io::copy(&mut input.take(bytes), &mut io::sink())? == bytes {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early")),
    }
}

/// One byte more in a CRC-32 (RFC 1952, 8), the complement of which is kept.
fn crc32(sum: u32, byte: u8) -> u32 {
    (sum >> 8) ^ CRC_TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)]
}

const CRC_TABLE: [u32; 256] = {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (POLYNOMIAL * (value & 1));
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

/// A gzip file of these bytes, for tests.
#[cfg(test)]
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    const LEVEL: u8 = 6;
    let sum = !bytes.iter().fold(!0, |sum, byte| crc32(sum, *byte));
    let length = u32::try_from(bytes.len()).unwrap();
    let mut file = [&MAGIC[..], &[0; 7]].concat();
    file.extend(miniz_oxide::deflate::compress_to_vec(bytes, LEVEL));
    file.extend(sum.to_le_bytes());
    file.extend(length.to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gunzip(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Small pieces, so that what is kept between two of them is tried too.
        Gunzip::new(io::BufReader::with_capacity(7, file))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn what_gzip_itself_made_is_read() {
        // printf 'kafka' | gzip -n, and the same with a name, an extra field and a header checksum.
        let plain = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let body = [0xcb, 0x4e, 0x4c, 0xcb, 0x4e, 4, 0];
        let trailer = [0x06, 0x8a, 0xe2, 0xb5, 5, 0, 0, 0];
        let sum = !b"kafka".iter().fold(!0, |sum, byte| crc32(sum, *byte));
        let trailer = [&sum.to_le_bytes()[..], &trailer[4..]].concat();
        assert_eq!(gunzip(&[&plain[..], &body, &trailer].concat()).unwrap(), b"kafka");
        let mut full = plain;
        full[3] = HEADER_CHECKSUM | EXTRA | NAME | COMMENT;
        let fields = b"\x03\x00abcname\0comment\0\x00\x00";
        assert_eq!(gunzip(&[&full[..], fields, &body, &trailer].concat()).unwrap(), b"kafka");
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        let sum = !b"123456789".iter().fold(!0, |sum, byte| crc32(sum, *byte));
        assert_eq!(sum, 0xcbf4_3926);
    }

    #[test]
    fn large_and_empty_files_come_back_and_damaged_ones_do_not() {
        let large: Vec<u8> =
            (0..300_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for bytes in [&large[..], b""] {
            assert!(gunzip(&gzip(bytes)).unwrap() == bytes);
        }
        let whole = gzip(&large);
        for cut in [0, 5, 20, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
            let error = gunzip(&whole[..cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "cut at {cut}: {error}");
        }
        for at in [0, 2, whole.len() - 8, whole.len() - 1] {
            let mut other = whole.clone();
            other[at] ^= 1;
            assert!(gunzip(&other).is_err(), "byte {at} differs");
        }
    }
}
