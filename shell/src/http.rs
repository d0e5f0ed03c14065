//! One GET over plain HTTP: enough to bring a file from a server without TLS, bounded in bytes and
//! time. The digest of what comes is what it is trusted by.

use std::time::Duration;

use kafsh_model::{Error, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Until the server answers.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Until all of it is here.
const TRANSFER_TIME_MAX: Duration = Duration::from_secs(120);
/// Bytes of all lines before the body.
const HEAD_BYTES_MAX: u64 = 32 << 10;

/// A URL of http or https, taken apart in this one place: who is asked, and who is said to be
/// asked, must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'u> {
    pub is_tls: bool,
    /// `host[:port]`
    authority: &'u str,
    /// Path and query, as they are asked for; empty: `/`
    target: &'u str,
    /// Without query and fragment: what may be kept and shown
    pub shown: &'u str,
}

impl<'u> Url<'u> {
    /// # Errors
    /// `bad-source`, which does not repeat the URL: it may hold a secret.
    pub fn parse(url: &'u str) -> Result<Url<'u>> {
        let bad = || {
            Error::usage("bad-source", "the URL holds a name, a password or no text")
                .with_cause("it would stand in the lock file and in the audit log")
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(bad()),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let named = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        let plain = url.chars().all(|c| c.is_ascii_graphic());
        if authority.is_empty() || !authority.chars().all(named) || !plain {
            return Err(bad());
        }
        let shown = &url[..url.find(['?', '#']).unwrap_or(url.len())];
        Ok(Url { is_tls, authority, target, shown })
    }

    /// Name or address, without the brackets of IPv6.
    pub fn host(&self) -> &'u str {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => self.authority,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// The body of what a `url` of http answers.
///
/// # Errors
/// `fetch-failed` where the status is not 200, or the server says no more than it should;
/// `plugin-too-large` beyond `bytes_max`; class unavailable where it does not answer.
pub async fn get(url: Url<'_>, bytes_max: u64) -> Result<Vec<u8>> {
    let authority = url.authority;
    let slash = if url.target.starts_with('/') { "" } else { "/" };
    let path = format!("{slash}{}", url.target);
    let address = match authority.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_string(),
        _ => format!("{authority}:80"),
    };
    let connect = tokio::time::timeout(CONNECT_TIME_MAX, TcpStream::connect(&address));
    let stream = match connect.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(silent(&address).with_cause(e.to_string())),
        Err(_) => return Err(silent(&address).with_cause("it took too long to answer")),
    };
    // 1.0: the end of the body is its length, or the end of the connection, and nothing else.
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: */*\r\nUser-Agent: kafsh\r\n\
         Connection: close\r\n\r\n"
    );
    let exchange = exchange(stream, &request, url.shown, bytes_max);
    match tokio::time::timeout(TRANSFER_TIME_MAX, exchange).await {
        Ok(body) => body,
        Err(_) => Err(silent(&address).with_cause("the file took too long to come")),
    }
}

fn silent(address: &str) -> Error {
    Error::unavailable("unavailable", format!("`{address}` does not send the file"))
}

async fn exchange(
    mut stream: TcpStream,
    request: &str,
    url: &str,
    bytes_max: u64,
) -> Result<Vec<u8>> {
    let broken = |e: std::io::Error| {
        Error::unavailable("unavailable", format!("`{url}` broke off")).with_cause(e.to_string())
    };
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader).await.map_err(broken)?;
    let length = check_head(&head, url)?;
    if length.is_some_and(|length| length > bytes_max) {
        return Err(too_large(url, bytes_max));
    }
    let mut body = Vec::new();
    let wanted = length.unwrap_or(bytes_max + 1);
    (&mut reader).take(wanted).read_to_end(&mut body).await.map_err(broken)?;
    let came = body.len() as u64;
    if came > bytes_max {
        return Err(too_large(url, bytes_max));
    }
    match length {
        Some(length) if length != came => {
            Err(Error::unavailable("unavailable", format!("`{url}` broke off"))
                .with_evidence(format!("{came} of {length} bytes came")))
        }
        _ => Ok(body),
    }
}

async fn head(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut bounded = reader.take(HEAD_BYTES_MAX);
    loop {
        let before = head.len();
        bounded.read_until(b'\n', &mut head).await?;
        let line = &head[before..];
        if line == b"\r\n" || line == b"\n" {
            return Ok(String::from_utf8_lossy(&head).into_owned());
        }
        if line.last() != Some(&b'\n') {
            let why = "the answer is no HTTP";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
        }
    }
}

/// The length of the body, if the server says it.
fn check_head(head: &str, url: &str) -> Result<Option<u64>> {
    let failed = |why: String| {
        Error::failed("fetch-failed", format!("`{url}` gives no file")).with_evidence(why)
    };
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    let code = status.split(' ').nth(1).unwrap_or_default();
    let field = |wanted: &str| {
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut named = fields.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.trim().to_string())
    };
    if !status.starts_with("HTTP/") || code != "200" {
        let error = failed(status.chars().take(200).collect());
        return Err(match field("location") {
            Some(place) => {
                let place = place.split(['?', '#']).next().unwrap_or_default();
                error.with_cause(format!("it is at {place} now"))
            }
            None => error,
        });
    }
    if field("transfer-encoding").is_some_and(|how| !how.eq_ignore_ascii_case("identity")) {
        return Err(failed("its length is not said in the way of HTTP/1.0".to_string()));
    }
    let length = field("content-length");
    length
        .map(|text| text.parse().map_err(|_| failed(format!("content-length: {text}"))))
        .transpose()
}

pub fn too_large(url: &str, bytes_max: u64) -> Error {
    Error::failed("plugin-too-large", format!("`{url}` is too large"))
        .with_cause(format!("a plugin has at most {} MiB", bytes_max >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_reading() {
        let url = Url::parse("http://h:1/a?b#c").unwrap();
        assert_eq!((url.authority, url.target, url.host()), ("h:1", "/a?b", "h"));
        assert_eq!((url.shown, url.is_tls), ("http://h:1/a", false));
        let url = Url::parse("https://h").unwrap();
        assert_eq!((url.authority, url.target, url.is_tls), ("h", "", true));
        // The query ends the host: it is not asked for, and not shown, as part of it.
        let url = Url::parse("http://127.0.0.1?x.example.org/y").unwrap();
        assert_eq!((url.host(), url.target), ("127.0.0.1", "?x.example.org/y"));
        for bad in [
            "http://",
            "http:///x",
            "http://h/a b",
            "http://h/\r\nX: y",
            "http://h/\u{e4}",
            "http://kim:pw@h/a",
            "http://evil\\@127.0.0.1/",
            "ftp://h/x",
            "h/x",
        ] {
            let error = Url::parse(bad).unwrap_err();
            assert!(!format!("{error:?}").contains("kim"), "{bad}");
        }
    }

    #[tokio::test]
    async fn what_fails_is_told_without_the_query() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let count = stream.read(&mut request).await.unwrap();
            let text = b"HTTP/1.0 302 x\r\nLocation: http://h/y?sig=hunter2\r\n\r\n";
            stream.write_all(text).await.unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        };
        let url = format!("http://{address}/x.wasm?sig=hunter2");
        let asking = get(Url::parse(&url).unwrap(), 1_000);
        let (request, answer) = tokio::join!(answering, asking);
        assert!(request.starts_with("GET /x.wasm?sig=hunter2 HTTP/1.0\r\n"), "{request}");
        let error = answer.unwrap_err();
        assert_eq!(error.code, "fetch-failed");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn only_a_file_is_a_file() {
        let head = |text: &str| check_head(text, "u");
        assert_eq!(head("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n").unwrap(), Some(7));
        assert_eq!(head("HTTP/1.0 200\n\n").unwrap(), None);
        let moved = head("HTTP/1.1 302 Found\r\nLocation: http://other/\r\n\r\n").unwrap_err();
        assert!(moved.cause.unwrap().contains("http://other/"));
        for bad in ["HTTP/1.1 404 x\r\n\r\n", "SSH-2.0\n\n", "HTTP/1.1 200\nContent-Length: x\n\n"]
        {
            assert_eq!(head(bad).unwrap_err().code, "fetch-failed", "{bad}");
        }
    }
}
