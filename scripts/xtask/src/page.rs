//! Measures the page of `ui`: its first answers with many topics, and the memory of pages that are
//! kept open.

use crate::run::Failure;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A `ui --no-open` that runs, and the cookie of who came in by its link.
pub struct Page {
    child: Child,
    port: u16,
    cookie: String,
    /// Held open: `ui` prints another link when one was used, and ends where nobody reads it
    _output: Option<BufReader<ChildStdout>>,
}

/// What came back, and in how many milliseconds.
pub struct Got {
    pub milliseconds: f64,
    pub bytes: usize,
}

impl Page {
    /// Runs `command` until its link is there, and follows that.
    ///
    /// # Errors
    /// It ends without one, or does not let us in.
    pub fn open(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().map_err(|cause| failed(&cause.to_string()))?;
        let mut page = Page { child, port: 0, cookie: String::new(), _output: None };
        let pipe = page.child.stdout.take().ok_or_else(|| failed("it has no output"))?;
        let mut output = BufReader::new(pipe);
        let mut lines = output.by_ref().lines().map_while(Result::ok);
        let (port, entrance) =
            lines.find_map(|line| link(&line)).ok_or_else(|| failed("it ended without a link"))?;
        drop(lines);
        page._output = Some(output);
        page.port = port;
        let (_, answer) = page.ask(&entrance)?;
        page.cookie = cookie(&answer).ok_or_else(|| failed("its link was not taken"))?;
        Ok(page)
    }

    /// One page, whole.
    ///
    /// # Errors
    /// It is refused, or does not come in time.
    pub fn get(&self, path: &str) -> Result<Got, Failure> {
        let began = Instant::now();
        let (_, answer) = self.ask(path)?;
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("no answer"))?;
        match head.starts_with("HTTP/1.1 200 ") {
            true => Ok(Got { milliseconds, bytes: body.len() }),
            false => Err(failed(&format!("`{path}`: {}", head.lines().next().unwrap_or("")))),
        }
    }

    /// What a page that is kept open has: a connection by which it is kept up to date. Returns when
    /// its first event has come.
    ///
    /// # Errors
    /// There is no seat for it.
    pub fn keep_open(&self, path: &str) -> Result<TcpStream, Failure> {
        let mut stream = self.send(&format!("/live?at={}", path.replace('/', "%2F")))?;
        let mut seen = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains("\ndata:") {
            match stream.read(&mut part).map_err(|cause| failed(&cause.to_string()))? {
                0 => return Err(failed(&String::from_utf8_lossy(&seen))),
                read => seen.extend_from_slice(&part[..read]),
            }
        }
        Ok(stream)
    }

    /// The process, to ask for its memory.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ask(&self, path: &str) -> Result<(TcpStream, String), Failure> {
        let mut stream = self.send(path)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(|cause| failed(&cause.to_string()))?;
        Ok((stream, String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn send(&self, path: &str) -> Result<TcpStream, Failure> {
        let (port, cookie) = (self.port, &self.cookie);
        let begun = || -> std::io::Result<TcpStream> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n")?;
            write!(stream, "cookie: {cookie}\r\nconnection: close\r\n\r\n")?;
            Ok(stream)
        };
        begun().map_err(|cause| failed(&cause.to_string()))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(cause: &str) -> Failure {
    Failure::new(format!("the page cannot be measured\n  {cause}"))
}

/// `http://127.0.0.1:8088/enter?token=…` in port and path.
fn link(line: &str) -> Option<(u16, String)> {
    let (port, path) = line.strip_prefix("http://127.0.0.1:")?.split_once('/')?;
    Some((port.parse().ok()?, format!("/{path}")))
}

fn cookie(answer: &str) -> Option<String> {
    let is_cookie = |line: &&str| line.to_ascii_lowercase().starts_with("set-cookie:");
    let (_, value) = answer.lines().find(is_cookie)?.split_once(':')?;
    Some(value.split(';').next()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_cookies_are_found() {
        assert_eq!(link("http://127.0.0.1:80/x?t=1"), Some((80, "/x?t=1".to_owned())));
        assert_eq!(link("warning: http://127.0.0.1:80/x"), None);
        let answer = "HTTP/1.1 303 See Other\r\nSet-Cookie: a-1=b; HttpOnly\r\n\r\n";
        assert_eq!(cookie(answer).as_deref(), Some("a-1=b"));
        assert_eq!(cookie("HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn what_prints_no_link_is_told() {
        let failure = Page::open(&mut Command::new("true")).err().unwrap();
        assert!(failure.text.contains("without a link"), "{}", failure.text);
    }
}
