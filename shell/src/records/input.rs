//! Lines from a file or from standard input, read on a thread of their own so that a keyboard that
//! is silent holds nothing up.

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kafsh_model::port::BoxFuture;
use kafsh_model::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use crate::flow::{Lines, Source};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that wait: what is read ahead while a batch is on its way.
const CHUNKS_AHEAD: usize = 64;

/// Bytes of lines handed on at once, if as many are there already.
const LINES_BYTES: usize = 4 << 20;

/// Longest line in bytes: larger than any record a broker takes by default.
const LINE_BYTES_MAX: usize = 128 << 20;

/// How long the thread sleeps on a silent keyboard before it looks whether it is still wanted.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

type Chunk = std::io::Result<Vec<u8>>;

/// Lines as they come, without their newline; a `\r` before it is part of the line.
pub struct LineReader {
    chunks: mpsc::Receiver<Chunk>,
    /// The beginning of a line whose end is still to come
    rest: Vec<u8>,
    ended: bool,
    name: String,
    unwanted: Arc<AtomicBool>,
}

impl Drop for LineReader {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Release);
    }
}

impl LineReader {
    /// Standard input to its end.
    pub fn standard_input() -> Result<LineReader> {
        let input = std::io::stdin();
        let fd = input.as_fd().try_clone_to_owned();
        let fd = fd.map_err(|e| Error::io("standard input cannot be read", &e))?;
        LineReader::start(std::fs::File::from(fd), "standard input".to_string())
    }

    pub fn file(file: std::fs::File, name: &str) -> Result<LineReader> {
        LineReader::start(file, format!("`{name}`"))
    }

    fn start(mut file: std::fs::File, name: String) -> Result<LineReader> {
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let unwanted = Arc::new(AtomicBool::new(false));
        let stop = unwanted.clone();
        std::thread::Builder::new()
            .name("kafsh-input".to_string())
            .spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    // Never a read that blocks: it would take the next line from the prompt.
                    if !readable(&file) {
                        continue;
                    }
                    // Dropped while it waited: what was typed since then is the prompt's.
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    let mut chunk = vec![0; CHUNK_BYTES];
                    let read = file.read(&mut chunk).map(|count| {
                        chunk.truncate(count);
                        chunk
                    });
                    let last = !matches!(&read, Ok(chunk) if !chunk.is_empty());
                    // Nobody listens any more: nothing is left to do.
                    if sender.blocking_send(read).is_err() || last {
                        return;
                    }
                }
            })
            .map_err(|error| Error::io("cannot start a thread", &error))?;
        Ok(LineReader { chunks, rest: Vec::new(), ended: false, name, unwanted })
    }

    /// All bytes to the end; `None` where there are more than `bytes_max`.
    ///
    /// # Errors
    /// What reading says.
    pub async fn whole(mut self, bytes_max: usize) -> Result<Option<Vec<u8>>> {
        let mut bytes = std::mem::take(&mut self.rest);
        while let Some(chunk) = self.chunks.recv().await {
            let chunk = chunk.map_err(|error| self.failed(&error))?;
            if bytes.len() + chunk.len() > bytes_max {
                return Ok(None);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::io(format!("{} cannot be read", self.name), error)
    }

    fn take(&mut self, chunk: Chunk, lines: &mut Lines) -> Result<()> {
        let chunk = chunk.map_err(|error| self.failed(&error))?;
        if chunk.is_empty() {
            self.ended = true;
            if !self.rest.is_empty() {
                lines.push(std::mem::take(&mut self.rest));
            }
            return Ok(());
        }
        let mut parts = chunk.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.rest.extend_from_slice(part);
            if self.rest.len() > LINE_BYTES_MAX {
                let message = format!("a line of {} is too long", self.name);
                return Err(Error::failed("line-too-long", message)
                    .with_cause(format!("the bound is {LINE_BYTES_MAX} bytes")));
            }
            if parts.peek().is_some() {
                lines.push(std::mem::take(&mut self.rest));
            }
        }
        Ok(())
    }

    /// Waits for a chunk, then takes what else is there.
    async fn lines(&mut self) -> Result<Option<Lines>> {
        let mut lines = Lines::new();
        let mut bytes = 0;
        while !self.ended && lines.is_empty() {
            match self.chunks.recv().await {
                Some(chunk) => self.take(chunk, &mut lines)?,
                None => self.take(Ok(Vec::new()), &mut lines)?,
            }
        }
        while !self.ended && bytes < LINES_BYTES {
            let Ok(chunk) = self.chunks.try_recv() else { break };
            bytes += chunk.as_ref().map_or(0, Vec::len);
            self.take(chunk, &mut lines)?;
        }
        Ok((!lines.is_empty()).then_some(lines))
    }
}

/// True where a read would not wait, or would fail: the read then says why.
fn readable(file: &std::fs::File) -> bool {
    let mut fds = [PollFd::new(file, PollFlags::IN)];
    !matches!(poll(&mut fds, Some(&SILENCE)), Ok(0) | Err(rustix::io::Errno::INTR))
}

impl Source<Lines> for LineReader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(self.lines())
    }

    fn ready(&self) -> bool {
        !self.chunks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn file(bytes: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    async fn all(bytes: &[u8]) -> Lines {
        let mut reader = LineReader::file(file(bytes), "f").unwrap();
        let mut lines = Lines::new();
        while let Some(more) = reader.next().await.unwrap() {
            lines.extend(more);
        }
        lines
    }

    #[tokio::test]
    async fn lines_keep_their_bytes_across_chunks() {
        let long = [vec![b'x'; CHUNK_BYTES + 7], b"\xff\r".to_vec()].concat();
        let text = [b"a\n\n".as_slice(), &long, b"\nlast"].concat();
        assert_eq!(all(&text).await, [b"a".to_vec(), Vec::new(), long, b"last".to_vec()]);
        assert_eq!(all(b"").await, Lines::new());
        assert_eq!(all(b"\n").await, [Vec::<u8>::new()]);
        assert_eq!(all(b"a\n").await, [b"a".to_vec()]);
    }

    #[tokio::test]
    async fn the_whole_has_a_bound() {
        let text = vec![b'x'; CHUNK_BYTES + 7];
        let whole = |max| LineReader::file(file(&text), "f").unwrap().whole(max);
        assert_eq!(whole(text.len()).await.unwrap().as_ref(), Some(&text));
        assert_eq!(whole(text.len() - 1).await.unwrap(), None);
    }

    #[test]
    fn what_comes_after_it_was_dropped_is_left_alone() {
        let (input, mut output) =
            rustix::pipe::pipe().map(|(r, w)| (r, std::fs::File::from(w))).unwrap();
        let kept = std::fs::File::from(input.try_clone().unwrap());
        let reader = LineReader::start(input.into(), "a pipe".to_string()).unwrap();
        // It waits by now; dropped, it must not take what comes next.
        std::thread::sleep(std::time::Duration::from_millis(20));
        drop(reader);
        output.write_all(b"next\n").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(readable(&kept));
    }

    /// A keyboard, or a program before us, that says nothing holds nobody up.
    #[tokio::test]
    async fn waiting_for_input_can_be_left() {
        let (silent, _open) = rustix::pipe::pipe().unwrap();
        let mut reader = LineReader::start(silent.into(), "a pipe".to_string()).unwrap();
        let short = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(short, reader.next()).await.is_err());
        assert!(tokio::time::timeout(short, reader.whole(1)).await.is_err());
    }
}
