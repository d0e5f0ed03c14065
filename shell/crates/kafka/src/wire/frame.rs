//! Length-delimited frames: a big-endian `int32` of bytes, then so many bytes.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest response we accept, in bytes (librdkafka's `receive.message.max.bytes` by default). A
/// server that does not speak Kafka (`HTTP` read as a length is 1.2 GB) is found out by this.
pub(crate) const RESPONSE_BYTES_MAX: usize = 100_000_000;

/// Memory set aside before any byte of a frame has come, so that a length alone costs nothing.
const FIRST_RESERVE_BYTES: usize = 64 * 1024;

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The other side closed between frames or inside one
    Closed,
    /// A length below 0 or above the limit
    Length(i32),
    Io(io::Error),
}

/// Reads one frame of at most `max` bytes; `buffer` is kept between calls to spare allocations.
pub(crate) async fn read_frame<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    buffer: &mut BytesMut,
    max: usize,
) -> Result<Bytes, FrameError> {
    fill(reader, buffer, 4).await?;
    let length = i32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]);
    let size = usize::try_from(length).ok().filter(|size| *size <= max);
    let Some(size) = size else { return Err(FrameError::Length(length)) };
    let _ = buffer.split_to(4);
    fill(reader, buffer, size).await?;
    Ok(buffer.split_to(size).freeze())
}

/// Reads until `buffer` holds at least `size` bytes.
async fn fill<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    buffer: &mut BytesMut,
    size: usize,
) -> Result<(), FrameError> {
    while buffer.len() < size {
        // Doubling with what has really come bounds what a false length can make us allocate.
        let missing = size - buffer.len();
        buffer.reserve(missing.min(buffer.len().max(FIRST_RESERVE_BYTES)));
        if reader.read_buf(buffer).await.map_err(FrameError::Io)? == 0 {
            return Err(FrameError::Closed);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn frames_come_whole_however_they_are_cut() {
        let (mut near, mut far) = tokio::io::duplex(3);
        let sender = tokio::spawn(async move {
            for byte in [0, 0, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 0, 0, 0, 0, 0, 0, 1, b'x'] {
                far.write_all(&[byte]).await.unwrap();
            }
        });
        let mut buffer = BytesMut::new();
        for expected in [&b"hello"[..], b"", b"x"] {
            let frame = read_frame(&mut near, &mut buffer, 100).await.unwrap();
            assert_eq!(&frame[..], expected);
        }
        sender.await.unwrap();
        let end = read_frame(&mut near, &mut buffer, 100).await;
        assert!(matches!(end, Err(FrameError::Closed)));
    }

    #[tokio::test]
    async fn lengths_out_of_bounds_are_refused() {
        for (bytes, length) in [(&b"HTTP"[..], 1_213_486_160), (b"\xff\xff\xff\xff", -1)] {
            let mut reader = bytes;
            let result = read_frame(&mut reader, &mut BytesMut::new(), 1_000).await;
            assert!(matches!(result, Err(FrameError::Length(l)) if l == length), "{result:?}");
        }
        let mut cut = &b"\0\0\0\x05hel"[..];
        let result = read_frame(&mut cut, &mut BytesMut::new(), 1_000).await;
        assert!(matches!(result, Err(FrameError::Closed)));
    }
}
