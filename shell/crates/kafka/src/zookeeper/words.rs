//! ZooKeeper's four-letter words: a word is sent, text comes, the server closes.

use std::io;
use std::time::Duration;

use kafsh_model::port::ZooKeeperStatus;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest answer read, in bytes (`wchc` of a large server is the longest).
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Longest part of an answer shown as evidence, in characters.
const EVIDENCE_CHARS: usize = 200;

/// `srvr`, understood. Only an answer with a `Mode:` line is a server that serves: `ruok` says
/// `imok` even without a quorum.
pub(super) async fn status(address: &str, within: Duration) -> Result<ZooKeeperStatus> {
    let answer = ask(address, "srvr", within).await?;
    parse_status(&answer).ok_or_else(|| not_serving(address, &answer))
}

fn not_serving(address: &str, answer: &str) -> Error {
    let shown: String = answer.trim().chars().take(EVIDENCE_CHARS).collect();
    let (cause, next) = if answer.contains("whitelist") {
        ("the word `srvr` is not allowed there: `4lw.commands.whitelist` must name it", None)
    } else if answer.is_empty() || answer.contains("not currently serving") {
        ("it has no quorum, or is still starting", Some("zookeeper status"))
    } else {
        ("something other than ZooKeeper answers there", None)
    };
    let error =
        Error::unavailable("unavailable", format!("the ZooKeeper at `{address}` does not serve"))
            .with_evidence(format!("{address}: `srvr` was answered `{}`", shown.escape_debug()))
            .with_cause(cause);
    next.into_iter().fold(error, Error::with_next)
}

pub(super) async fn ask(address: &str, word: &str, within: Duration) -> Result<String> {
    if word.len() != 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(Error::usage("bad-word", format!("`{}` is no word", word.escape_debug()))
            .with_cause("ZooKeeper's words have four letters, such as `srvr`, `conf`, `cons`"));
    }
    let mut connected = false;
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        connected = true;
        stream.write_all(word.as_bytes()).await?;
        let mut answer = Vec::new();
        (&mut stream).take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let result = timeout(within, exchange).await;
    match result {
        Ok(Ok(answer)) => Ok(String::from_utf8_lossy(&answer).into_owned()),
        Ok(Err(error)) => Err(unavailable(address, connected, &error)),
        Err(_) => Err(silent(address, word, within)),
    }
}

fn unavailable(address: &str, connected: bool, error: &io::Error) -> Error {
    let (message, cause) = if connected {
        (
            format!("the ZooKeeper at `{address}` closed the connection"),
            "it is stopping, or has as many connections as it takes",
        )
    } else {
        (format!("nothing listens at `{address}`"), "ZooKeeper is down, or still starting")
    };
    Error::unavailable("unavailable", message)
        .with_evidence(format!("{address}: {error}"))
        .with_cause(cause)
        .with_next("zookeeper status")
        .with_next("cluster status")
}

fn silent(address: &str, word: &str, within: Duration) -> Error {
    let waited = show_duration(within);
    Error::unavailable("unavailable", format!("the ZooKeeper at `{address}` is silent"))
        .with_evidence(format!("{address}: no answer to `{word}` within {waited}"))
        .with_cause("it is starting, paused, or something else listens there")
        .with_next("zookeeper status")
        .with_next("cluster doctor")
}

/// `None` without a `Mode:` line.
fn parse_status(answer: &str) -> Option<ZooKeeperStatus> {
    let mut status = ZooKeeperStatus::default();
    for line in answer.lines() {
        let Some((key, value)) = line.split_once(": ") else { continue };
        let value = value.trim();
        match key.trim() {
            "Zookeeper version" => {
                // `3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC`
                let version = value.split([',', '-']).next().unwrap_or(value);
                status.version = version.to_string();
            }
            "Latency min/avg/max" => {
                let mut parts = value.split('/').map(|part| part.parse().unwrap_or(0.0));
                let mut part = || parts.next().unwrap_or(0.0);
                status.latency_ms = (part(), part(), part());
            }
            "Connections" => status.connections = value.parse().unwrap_or(0),
            "Outstanding" => status.outstanding = value.parse().unwrap_or(0),
            "Node count" => status.znodes = value.parse().unwrap_or(0),
            "Zxid" => status.zxid = value.to_string(),
            "Mode" => status.mode = value.to_string(),
            _ => {}
        }
    }
    (!status.mode.is_empty()).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::net::TcpListener;

    const ANSWER: &str = "Zookeeper version: 3.8.4-9316c2a7, built on 2024-02-12 22:16 UTC\n\
        Latency min/avg/max: 0/0.5/12\nReceived: 20\nSent: 19\nConnections: 4\nOutstanding: 1\n\
        Zxid: 0x1b\nMode: standalone\nNode count: 136\n";

    #[test]
    fn srvr_is_understood() {
        let status = parse_status(ANSWER).unwrap();
        assert_eq!((status.version.as_str(), status.mode.as_str()), ("3.8.4", "standalone"));
        assert_eq!(status.latency_ms, (0.0, 0.5, 12.0));
        assert_eq!((status.znodes, status.connections, status.outstanding), (136, 4, 1));
        assert_eq!(status.zxid, "0x1b");
        assert_eq!(
            parse_status("This ZooKeeper instance is not currently serving requests\n"),
            None
        );
    }

    /// A server that takes one connection, reads the word and says `answer`, or nothing at all.
    async fn server(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut word = [0; 4];
            stream.read_exact(&mut word).await.unwrap();
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        });
        address
    }

    #[tokio::test]
    async fn refused_silent_and_not_serving_are_told_apart() {
        let second = Duration::from_secs(1);
        let status_of = |answer| async move { status(&server(answer).await, second).await };
        assert!(status_of(Some(ANSWER)).await.is_ok());
        let not_serving = "This ZooKeeper instance is not currently serving requests\n";
        let error = status_of(Some(not_serving)).await.unwrap_err();
        assert!(error.cause.as_deref().unwrap().contains("quorum"), "{error:?}");
        let word_is_forbidden = "srvr is not executed because it is not in the whitelist.\n";
        let error = status_of(Some(word_is_forbidden)).await.unwrap_err();
        assert!(error.cause.as_deref().unwrap().contains("4lw.commands.whitelist"));
        let error = status_of(Some("SSH-2.0-x\n")).await.unwrap_err();
        assert!(error.cause.as_deref().unwrap().contains("other than"));

        let began = Instant::now();
        let soon = Duration::from_millis(100);
        let error = status(&server(None).await, soon).await.unwrap_err();
        assert!(error.message.contains("silent"), "{error:?}");
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = status(&closed.to_string(), second).await.unwrap_err();
        assert!(error.message.contains("nothing listens"), "{error:?}");
        assert!(began.elapsed() < second);
    }

    #[tokio::test]
    async fn words_have_four_letters() {
        for bad in ["", "srv", "SRVR", "srvr\n", "srvrs"] {
            let error = ask("127.0.0.1:1", bad, Duration::from_millis(1)).await.unwrap_err();
            assert_eq!(error.code, "bad-word", "{bad}");
        }
    }
}
