//! A small HTTP client that sends exactly what it is given: what no browser would send, too.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Longest that one answer may take to begin or to go on.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in small letters
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header; empty where the answer has none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer in UTF-8")
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }
}

/// Asks a server of this machine for an address.
pub fn get(port: u16, target: &str, headers: &[(&str, &str)]) -> Answer {
    send(port, "GET", target, headers)
}

/// The same with any method. Without a `host` among the headers the right one is sent.
pub fn send(port: u16, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut lines = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        lines += &format!("host: 127.0.0.1:{port}\r\n");
    }
    for (name, value) in headers {
        lines += &format!("{name}: {value}\r\n");
    }
    lines += "connection: close\r\n\r\n";
    let mut stream = connect(port);
    stream.write_all(lines.as_bytes()).expect("the server takes a request");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server answers in time");
    parse(&bytes)
}

/// A connection whose reads are bounded.
pub fn connect(port: u16) -> TcpStream {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, ANSWER_MAX).expect("the server is there");
    stream.set_read_timeout(Some(ANSWER_MAX)).expect("a bound on reading");
    stream
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)));
    let head = std::str::from_utf8(&bytes[..end]).expect("headers are text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string()))
        .collect();
    let chunked = headers.iter().any(|(name, v)| name == "transfer-encoding" && v == "chunked");
    let body = &bytes[end + 4..];
    let body = if chunked { joined(body) } else { body.to_vec() };
    Answer { status: status.expect("a status"), headers, body }
}

/// A body that came in chunks.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let digits = std::str::from_utf8(&rest[..end]).expect("the length of a chunk");
        let length = usize::from_str_radix(digits, 16).expect("a length in hexadecimal");
        if length == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 2 + length + 2..];
    }
    body
}
