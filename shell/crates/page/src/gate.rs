//! Who may look: a token that is good once, a cookie for the browser that brought it, and only
//! requests that were meant for this server.
//!
//! A page of somebody else in the same browser can send requests here (by a form, an image, a name
//! that resolves to loopback), so `Host`, `Origin` and `Sec-Fetch-Site` are checked before the
//! cookie is looked at, and the cookie is never sent along from elsewhere.

use std::fs::File;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use kafsh_model::{Error, Result};

/// Bytes of a token and of a cookie's value before they are written in hexadecimal.
const SECRET_BYTES: usize = 32;

/// Longest address with its parameters, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 8 << 10;

/// Links that were given out and not used yet; the oldest is forgotten first.
const TOKENS_MAX: usize = 16;

/// What the headers of every answer say. No script or style but our own files, no frame, no form to
/// elsewhere: a text that became markup by mistake could still do nothing.
pub const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was not meant for this server
    Host,
    /// A page of somebody else sent it
    Foreign,
    /// The page only shows
    Method,
    TooLong,
    /// No cookie, or not ours
    Unknown,
    /// Not a token of ours, or it was used before
    Token,
}

impl Refusal {
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::Host => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Foreign => StatusCode::FORBIDDEN,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::TooLong => StatusCode::URI_TOO_LONG,
            Refusal::Unknown | Refusal::Token => StatusCode::UNAUTHORIZED,
        }
    }

    /// What to do about it, for a person.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Refusal::Host => {
                ("This address is not this server's", "Open the link that kafsh printed.")
            }
            Refusal::Foreign => (
                "Another page asked for this",
                "Only links within the page, or the link that kafsh printed, are answered.",
            ),
            Refusal::Method => {
                ("The page only shows", "What changes a cluster is typed at the prompt.")
            }
            Refusal::TooLong => ("The address is too long", "Shorten the filter."),
            Refusal::Unknown => (
                "This browser is not known here",
                "Open the link that kafsh printed, or type `ui` at its prompt for another one.",
            ),
            Refusal::Token => (
                "This link was used before, or is not from here",
                "Each link opens the page once. kafsh has printed a new one; `ui` prints another.",
            ),
        }
    }
}

/// The secrets of one server.
pub struct Gate {
    port: u16,
    cookie: String,
    tokens: Mutex<Vec<String>>,
}

impl Gate {
    /// # Errors
    /// `io-error` where the system gives no random bytes.
    pub fn new(port: u16) -> Result<Self> {
        Ok(Gate { port, cookie: secret()?, tokens: Mutex::default() })
    }

    /// A new token, good once.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn token(&self) -> Result<String> {
        let token = secret()?;
        let mut tokens = self.tokens();
        if tokens.len() >= TOKENS_MAX {
            tokens.remove(0);
        }
        tokens.push(token.clone());
        Ok(token)
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token; it is good no more. Gives the cookie that the browser keeps.
    pub fn enter(&self, token: &str) -> std::result::Result<String, Refusal> {
        let mut tokens = self.tokens();
        let found = tokens.iter().position(|known| same(known, token)).ok_or(Refusal::Token)?;
        tokens.remove(found);
        // Not `Secure`: there is no TLS on loopback. The name has the port, since cookies have not.
        Ok(format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.cookie))
    }

    /// That a request was meant for this server and asks for no change; before any cookie.
    pub fn check_origin(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> std::result::Result<(), Refusal> {
        let address = uri.path_and_query().map_or("", |all| all.as_str());
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        // Two of them, or bytes that are no text: not from a browser.
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        if hosts.next().is_some() || !host.is_some_and(|host| self.is_own(host)) {
            return Err(Refusal::Host);
        }
        for origin in headers.get_all(ORIGIN) {
            let own = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            if !own.is_some_and(|own| self.is_own(own)) {
                return Err(Refusal::Foreign);
            }
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Refusal::Method);
        }
        Ok(())
    }

    /// That it comes from a browser that brought a token, and from a page of ours or none.
    pub fn check_known(&self, headers: &HeaderMap) -> std::result::Result<(), Refusal> {
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        if !matches!(site, None | Some(b"same-origin" | b"none")) {
            return Err(Refusal::Foreign);
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie_name()).then_some(value)
        });
        match pairs.any(|value| same(&self.cookie, value)) {
            true => Ok(()),
            false => Err(Refusal::Unknown),
        }
    }

    fn cookie_name(&self) -> String {
        format!("kafsh_{}", self.port)
    }

    fn is_own(&self, host: &str) -> bool {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        matches!(name, "127.0.0.1" | "localhost") && port.parse() == Ok(self.port)
    }
}

/// Equal, in a time that tells nothing about where they differ.
fn same(known: &str, given: &str) -> bool {
    known.len() == given.len()
        && known.bytes().zip(given.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| Error::io("random bytes for the link of the page", &e))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn origin(pairs: &[(&'static str, &str)]) -> std::result::Result<(), Refusal> {
        let gate = Gate::new(7070).unwrap();
        gate.check_origin(&Method::GET, &Uri::from_static("/"), &headers(pairs))
    }

    #[test]
    fn only_requests_for_this_server_are_answered() {
        for host in ["127.0.0.1:7070", "localhost:7070"] {
            assert_eq!(origin(&[("host", host)]), Ok(()));
        }
        let foreign =
            ["evil.example:7070", "127.0.0.1:7071", "127.0.0.1", "localhost:7070.evil.example", ""];
        for host in foreign {
            assert_eq!(origin(&[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(origin(&[]), Err(Refusal::Host));
        let twice = [("host", "localhost:7070"), ("host", "evil.example")];
        assert_eq!(origin(&twice), Err(Refusal::Host));
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let host = ("host", "127.0.0.1:7070");
        assert_eq!(origin(&[host, ("origin", "http://127.0.0.1:7070")]), Ok(()));
        for other in ["http://evil.example", "https://127.0.0.1:7070", "null", "http://127.0.0.1:1"]
        {
            assert_eq!(origin(&[host, ("origin", other)]), Err(Refusal::Foreign), "{other}");
        }
    }

    #[test]
    fn nothing_but_reading_is_answered() {
        let gate = Gate::new(7070).unwrap();
        let host = headers(&[("host", "localhost:7070")]);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let checked = gate.check_origin(&method, &Uri::from_static("/"), &host);
            assert_eq!(checked, Err(Refusal::Method));
        }
        let long: Uri = format!("/topics?show={}", "x".repeat(ADDRESS_BYTES_MAX)).parse().unwrap();
        assert_eq!(gate.check_origin(&Method::GET, &long, &host), Err(Refusal::TooLong));
    }

    #[test]
    fn a_token_is_good_once_and_the_cookie_from_then_on() {
        let gate = Gate::new(7070).unwrap();
        let token = gate.token().unwrap();
        assert_eq!(gate.enter("0".repeat(64).as_str()), Err(Refusal::Token));
        assert_eq!(gate.enter(""), Err(Refusal::Token));
        let cookie = gate.enter(&token).unwrap();
        assert_eq!(gate.enter(&token), Err(Refusal::Token), "used");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(gate.check_known(&headers(&[("cookie", pair)])), Ok(()));
        let among = format!("a=b; {pair}; c=d");
        assert_eq!(gate.check_known(&headers(&[("cookie", &among)])), Ok(()));
        assert_eq!(gate.check_known(&headers(&[])), Err(Refusal::Unknown));
        let wrong = headers(&[("cookie", "kafsh_7070=0000")]);
        assert_eq!(gate.check_known(&wrong), Err(Refusal::Unknown));
        let from_elsewhere = headers(&[("cookie", pair), ("sec-fetch-site", "cross-site")]);
        assert_eq!(gate.check_known(&from_elsewhere), Err(Refusal::Foreign));
    }

    #[test]
    fn old_links_are_forgotten() {
        let gate = Gate::new(7070).unwrap();
        let first = gate.token().unwrap();
        for _ in 0..TOKENS_MAX {
            gate.token().unwrap();
        }
        assert_eq!(gate.enter(&first), Err(Refusal::Token));
    }
}
