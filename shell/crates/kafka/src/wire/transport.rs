//! The seam under a connection: what turns an address into a stream of bytes. Plain TCP today; TLS
//! wraps the stream here, and SASL's exchange belongs between `open` and the first request.

use std::io;
use std::net::Ipv6Addr;

use kafsh_model::port::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connected stream of bytes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) trait Transport: Send + Sync {
    /// Opens a stream to `address` (`host:port`, an IPv6 host in brackets). The caller bounds it.
    fn open<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>>;
}

/// TCP without encryption.
pub(crate) struct Plaintext;

impl Transport for Plaintext {
    fn open<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            // Requests are small and each waits for its answer: Nagle would only delay them.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// `host:port` as `TcpStream::connect` takes it: an IPv6 literal, which Kafka's metadata carries
/// bare, gets its brackets.
pub(crate) fn join_address(host: &str, port: i32) -> String {
    if host.parse::<Ipv6Addr>().is_ok() {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_hosts_get_brackets() {
        assert_eq!(join_address("::1", 9092), "[::1]:9092");
        assert_eq!(join_address("127.0.0.1", 9092), "127.0.0.1:9092");
        assert_eq!(join_address("kafka.example", 1), "kafka.example:1");
    }
}
