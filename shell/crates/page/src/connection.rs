//! Connections: so many at once, and none that takes its place for nothing.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Most connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 128;

/// How long a connection may be without a byte that went out. Longer than any answer takes, and
/// than the pause between two signs of life of a page that is kept up to date (15 s); who sends a
/// request byte by byte, or does not read what it gets, is through with it then.
const SILENCE_MAX: Duration = Duration::from_secs(40);

/// A listener that holds back where too many are connected.
pub struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    silence_max: Duration,
}

impl Bounded {
    pub fn new(listener: TcpListener) -> Self {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Bounded { listener, places, silence_max: SILENCE_MAX }
    }
}

impl Listener for Bounded {
    type Io = Placed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Placed, SocketAddr) {
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let silence = Silence { max: self.silence_max, over: Box::pin(sleep(self.silence_max)) };
        (Placed { stream, silence, _place: place }, peer)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Time since the last byte that went out.
struct Silence {
    max: Duration,
    over: Pin<Box<Sleep>>,
}

impl Silence {
    fn end(&mut self) {
        self.over.as_mut().reset(Instant::now() + self.max);
    }

    /// An error once it was too long; the task is woken then.
    fn poll(&mut self, context: &mut Context<'_>) -> std::io::Result<()> {
        match self.over.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }
}

/// A connection and the place it takes.
pub struct Placed {
    stream: TcpStream,
    silence: Silence,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.silence.poll(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        match &written {
            Poll::Pending => self.silence.poll(context)?,
            Poll::Ready(_) => self.silence.end(),
        }
        written
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A server with one place that answers `/` at once and `/large` with more than fits on the
    /// way.
    async fn served(silence_max: Duration) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Arc::new(Semaphore::new(1));
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/large", get(|| async { "x".repeat(64 << 20) }));
        let bounded = Bounded { listener, places, silence_max };
        tokio::spawn(async move { axum::serve(bounded, router).await });
        address
    }

    async fn answer(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("an answer").unwrap();
        text
    }

    #[tokio::test]
    async fn who_sends_a_request_byte_by_byte_loses_the_place() {
        let address = served(Duration::from_millis(200)).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let drip = async {
            while slow.write_all(b"a: b\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let (answer, _) = tokio::join!(answer(address), timeout(PATIENCE, drip));
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn who_does_not_read_loses_the_place() {
        let address = served(Duration::from_millis(200)).await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        deaf.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let answer = answer(address).await;
        assert!(answer.ends_with("here"), "{answer}");
        drop(deaf);
    }

    #[tokio::test]
    async fn who_goes_on_asking_keeps_the_place() {
        let address = served(Duration::from_millis(300)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..5 {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut bytes = [0; 1024];
            let read = timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap();
            assert!(bytes[..read].ends_with(b"here"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
