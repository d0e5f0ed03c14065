//! Whether a TLS server answers at a port, without a TLS stack: a ClientHello goes out, and the
//! first record that comes back is looked at. A server that takes none of what is offered says so
//! in an alert, which proves as much.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::fault::Fault;
use super::transport::Transport;

/// TLS record types (RFC 8446, 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// First byte of every version since SSL 3.0.
const MAJOR_VERSION: u8 = 3;

/// Cipher suites offered: TLS 1.3's, and of 1.2 those that servers with an RSA or EC key take.
const CIPHERS: [u16; 9] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0x009c, 0x009d];

/// Groups x25519, P-256 and P-384.
const GROUPS: [u16; 3] = [0x001d, 0x0017, 0x0018];

/// ECDSA, RSA-PSS and RSA with SHA-256 and SHA-384.
const SIGNATURES: [u16; 6] = [0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501];

/// Versions 1.3 and 1.2.
const VERSIONS: [u16; 2] = [0x0304, 0x0303];

/// Sends a ClientHello to `address` and waits until `deadline` for a TLS record. The connection is
/// then closed: no handshake is completed, and nobody's certificate is judged.
pub(crate) async fn greet_tls(
    transport: &dyn Transport,
    address: &str,
    deadline: Instant,
) -> Result<(), Fault> {
    let began = Instant::now();
    let greeting = async {
        let refused = |error: std::io::Error| Fault::Refused(error.to_string());
        let mut stream = transport.open(address).await.map_err(refused)?;
        let lost = |error: std::io::Error| Fault::Lost(error.to_string());
        stream.write_all(&client_hello()).await.map_err(lost)?;
        let mut head = [0; 2];
        stream.read_exact(&mut head).await.map_err(lost)?;
        match head {
            [ALERT | HANDSHAKE, MAJOR_VERSION] => Ok(()),
            other => Err(Fault::Garbled(format!("it begins with {other:02x?}, not with TLS"))),
        }
    };
    match timeout_at(deadline, greeting).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::Silent { what: "a TLS ClientHello".into(), waited: began.elapsed() }),
    }
}

/// A ClientHello record. Its random is fixed: nothing secret will ever follow it.
fn client_hello() -> Vec<u8> {
    let mut extensions = Vec::new();
    extensions.extend(extension(10, &list16(&GROUPS)));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(13, &list16(&SIGNATURES)));
    let versions: Vec<u8> = VERSIONS.iter().flat_map(|version| version.to_be_bytes()).collect();
    extensions.extend(extension(43, &[&[versions.len() as u8][..], &versions].concat()));
    // No share of a key: a server of 1.3 then asks for one, which is answer enough.
    extensions.extend(extension(51, &[0, 0]));
    let body = [
        &VERSIONS[1].to_be_bytes()[..],
        b"kafsh: does anybody speak TLS at",
        &[0],
        &list16(&CIPHERS),
        &[1, 0],
        &sized(&extensions),
    ]
    .concat();
    let length = (body.len() as u32).to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[HANDSHAKE, MAJOR_VERSION, 1][..], &sized(&message)].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(data)].concat()
}

/// A list of two-byte values behind its length in bytes.
fn list16(values: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    sized(&bytes)
}

/// Behind a length of two bytes; everything here is far shorter than 64 KiB.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::wire::transport::Plaintext;

    /// A server that answers the first bytes with these, and closes.
    async fn answering(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 512];
            let size = stream.read(&mut hello).await.unwrap();
            assert_eq!((hello[0], hello[5]), (HANDSHAKE, 1), "a ClientHello");
            assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), size - 5);
            stream.write_all(bytes).await.unwrap();
        });
        address
    }

    #[test]
    fn a_hello_tells_its_lengths_truly() {
        let hello = client_hello();
        let message = &hello[5..];
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), message.len());
        let body = u32::from_be_bytes([0, message[1], message[2], message[3]]) as usize;
        assert_eq!(body, message.len() - 4);
        let extensions = 4 + 2 + 32 + 1 + 2 + 2 * CIPHERS.len() + 2;
        let length = u16::from_be_bytes([message[extensions], message[extensions + 1]]);
        assert_eq!(usize::from(length), message.len() - extensions - 2);
    }

    #[tokio::test]
    async fn tls_is_told_from_what_is_none() {
        let soon = || Instant::now() + Duration::from_secs(5);
        for bytes in [&b"\x16\x03\x03\x00\x7a"[..], b"\x15\x03\x03\x00\x02\x02\x28"] {
            let address = answering(bytes).await;
            greet_tls(&Plaintext, &address, soon()).await.unwrap();
        }
        let plain = answering(b"\x00\x00\x00\x0a").await;
        let fault = greet_tls(&Plaintext, &plain, soon()).await.unwrap_err();
        assert!(matches!(fault, Fault::Garbled(_)), "{fault:?}");
        // A plaintext Kafka listener reads the hello as a length and closes.
        let closing = answering(b"").await;
        let fault = greet_tls(&Plaintext, &closing, soon()).await.unwrap_err();
        assert!(matches!(fault, Fault::Lost(_)), "{fault:?}");
    }

    #[tokio::test]
    async fn who_takes_the_connection_and_says_nothing_is_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let deadline = Instant::now() + Duration::from_millis(100);
        let fault = greet_tls(&Plaintext, &address, deadline).await.unwrap_err();
        assert!(matches!(fault, Fault::Silent { .. }), "{fault:?}");
    }
}
