//! One connection to one broker: requests are written as they come and answers find their request
//! by correlation id, so that a call whose future is dropped leaves the connection usable.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::fault::Fault;
use super::frame::{FrameError, RESPONSE_BYTES_MAX, read_frame};
use super::transport::{Stream, Transport};

/// `client.id` of every request.
pub(crate) const CLIENT_ID: &str = "kafsh";

/// Version of ApiVersions asked first: the newest that changes nothing we read (KIP-511 added the
/// client's name in 3), known since Kafka 2.4. Older brokers answer error 35 in version 0.
const API_VERSIONS_FIRST: i16 = 3;

/// Error code by which a broker says that it does not know the version of a request.
const UNSUPPORTED_VERSION: i16 = 35;

/// Requests waiting to be written to one broker.
const OUTGOING_MAX: usize = 32;

type Reply = oneshot::Sender<Result<Bytes, Fault>>;

/// Requests sent and not answered.
struct Pending {
    /// `None` once the connection is broken
    replies: Mutex<Option<HashMap<i32, Reply>>>,
    /// Somebody waited for long, and nothing came since
    late: AtomicBool,
}

impl Pending {
    fn add(&self, correlation: i32, reply: Reply) -> bool {
        let mut pending = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        match pending.as_mut() {
            Some(pending) => {
                // Calls that were given up leave closed entries behind; their answers may come.
                pending.insert(correlation, reply);
                true
            }
            None => false,
        }
    }

    fn take(&self, correlation: i32) -> Option<Reply> {
        let mut pending = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        pending.as_mut()?.remove(&correlation)
    }

    fn is_broken(&self) -> bool {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn fail(&self, fault: &Fault) {
        let pending = self.replies.lock().unwrap_or_else(PoisonError::into_inner).take();
        for (_, reply) in pending.into_iter().flatten() {
            // A caller that no longer waits needs no answer.
            let _ = reply.send(Err(fault.clone()));
        }
    }
}

/// The versions that a broker told, by key of the request.
type Versions = HashMap<i16, (i16, i16)>;

pub(crate) struct Connection {
    pub address: String,
    outgoing: mpsc::Sender<Bytes>,
    pending: Arc<Pending>,
    next_correlation: AtomicI32,
    versions: Versions,
    tasks: [AbortHandle; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Connection {
    /// Connects and negotiates versions. Both within `deadline`.
    pub async fn open(
        transport: &dyn Transport,
        address: &str,
        deadline: Instant,
    ) -> Result<Connection, Fault> {
        let began = Instant::now();
        let stream = match timeout_at(deadline, transport.open(address)).await {
            Err(_) => {
                return Err(Fault::Silent { what: "a connection".into(), waited: began.elapsed() });
            }
            Ok(Err(error)) => return Err(Fault::Refused(error.to_string())),
            Ok(Ok(stream)) => stream,
        };
        let mut connection = Connection::start(address, stream);
        connection.versions = connection.negotiate(deadline).await?;
        Ok(connection)
    }

    fn start(address: &str, stream: Box<dyn Stream>) -> Connection {
        let (read, write) = tokio::io::split(stream);
        let (outgoing, requests) = mpsc::channel(OUTGOING_MAX);
        let replies = Mutex::new(Some(HashMap::new()));
        let pending = Arc::new(Pending { replies, late: AtomicBool::new(false) });
        let writer = tokio::spawn(write_requests(write, requests, pending.clone()));
        let reader = tokio::spawn(read_answers(read, pending.clone()));
        Connection {
            address: address.to_string(),
            outgoing,
            pending,
            next_correlation: AtomicI32::new(0),
            versions: Versions::new(),
            tasks: [writer.abort_handle(), reader.abort_handle()],
        }
    }

    /// False once the connection is known to be broken.
    pub fn is_alive(&self) -> bool {
        !self.pending.is_broken() && !self.outgoing.is_closed()
    }

    /// False also while an answer is long overdue.
    pub fn answers(&self) -> bool {
        self.is_alive() && !self.pending.late.load(Ordering::Relaxed)
    }

    /// Notes that an answer is long overdue; whatever comes next takes that back.
    pub fn mark_late(&self) {
        self.pending.late.store(true, Ordering::Relaxed);
    }

    /// The newest version of `R` that both sides know.
    pub fn version<R: Request>(&self) -> Result<i16, Fault> {
        let client = (R::VERSIONS.min, R::VERSIONS.max);
        // Requests and answers are generated apart and may differ in the newest version known.
        let newest =
            R::VERSIONS.max.min(<R::Response as kafka_protocol::protocol::Message>::VERSIONS.max);
        let broker = self.versions.get(&R::KEY).copied();
        let unsupported = || Fault::Unsupported { api: api_name::<R>(), broker, client };
        let (low, high) = broker.ok_or_else(unsupported)?;
        let version = newest.min(high);
        if version < R::VERSIONS.min.max(low) { Err(unsupported()) } else { Ok(version) }
    }

    /// Sends what `ask` makes for the newest common version and waits for the answer.
    pub async fn call<R: Request>(
        &self,
        ask: impl Fn(i16) -> R,
        deadline: Instant,
    ) -> Result<R::Response, Fault> {
        let version = self.version::<R>()?;
        let frame = ask(version);
        let mut answer = self.exchange(&frame, version, deadline).await?;
        decode_response::<R>(&mut answer, version)
    }

    async fn exchange<R: Request>(
        &self,
        request: &R,
        version: i16,
        deadline: Instant,
    ) -> Result<Bytes, Fault> {
        let correlation = self.next_correlation.fetch_add(1, Ordering::Relaxed);
        let frame = encode_request(request, version, correlation)?;
        let (reply, answer) = oneshot::channel();
        let began = Instant::now();
        let lost = || Fault::Lost("it was already closed".into());
        if !self.pending.add(correlation, reply) {
            return Err(Fault::Stale);
        }
        let exchange = async {
            self.outgoing.send(frame).await.map_err(|_| Fault::Stale)?;
            answer.await.unwrap_or_else(|_| Err(lost()))
        };
        match timeout_at(deadline, exchange).await {
            Ok(result) => result,
            Err(_) => {
                let fault = Fault::Silent { what: api_name::<R>(), waited: began.elapsed() };
                // A broker that is silent now has nothing for the next caller either.
                self.pending.fail(&fault);
                Err(fault)
            }
        }
    }

    async fn negotiate(&self, deadline: Instant) -> Result<Versions, Fault> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(CLIENT_ID))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let answer = self.exchange(&request, API_VERSIONS_FIRST, deadline).await?;
        let response = match api_versions_error(&answer) {
            Some(UNSUPPORTED_VERSION) => {
                let request = ApiVersionsRequest::default();
                let mut answer = self.exchange(&request, 0, deadline).await?;
                decode_response::<ApiVersionsRequest>(&mut answer, 0)?
            }
            _ => decode_response::<ApiVersionsRequest>(&mut answer.clone(), API_VERSIONS_FIRST)?,
        };
        if response.error_code != 0 {
            return Err(Fault::Garbled(format!("ApiVersions error {}", response.error_code)));
        }
        Ok(response
            .api_keys
            .iter()
            .map(|api| (api.api_key, (api.min_version, api.max_version)))
            .collect())
    }
}

/// Kafka's name of a request: `Metadata`.
fn api_name<R: Request>() -> String {
    match ApiKey::try_from(R::KEY) {
        Ok(key) => format!("{key:?}"),
        Err(()) => format!("request {}", R::KEY),
    }
}

/// The error code of an ApiVersions answer, which stands first in every version.
fn api_versions_error(answer: &Bytes) -> Option<i16> {
    let code = answer.get(4..6)?;
    debug_assert_eq!(ApiVersionsResponse::header_version(API_VERSIONS_FIRST), 0);
    Some(i16::from_be_bytes([code[0], code[1]]))
}

fn encode_request<R: Request>(request: &R, version: i16, correlation: i32) -> Result<Bytes, Fault> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header
        .encode(&mut frame, R::header_version(version))
        .and_then(|()| request.encode(&mut frame, version))
        .map_err(|error| Fault::Garbled(format!("request cannot be written: {error}")))?;
    let length = i32::try_from(frame.len() - 4)
        .map_err(|_| Fault::Garbled("request is longer than 2 GiB".into()))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}

fn decode_response<R: Request>(answer: &mut Bytes, version: i16) -> Result<R::Response, Fault> {
    ResponseHeader::decode(answer, R::Response::header_version(version))
        .and_then(|_| R::Response::decode(answer, version))
        .map_err(|error| Fault::Garbled(format!("cannot be read: {error}")))
}

async fn write_requests(
    mut stream: WriteHalf<Box<dyn Stream>>,
    mut requests: mpsc::Receiver<Bytes>,
    pending: Arc<Pending>,
) {
    while let Some(frame) = requests.recv().await {
        if let Err(error) = stream.write_all(&frame).await {
            pending.fail(&Fault::Lost(error.to_string()));
            return;
        }
    }
}

async fn read_answers(mut stream: ReadHalf<Box<dyn Stream>>, pending: Arc<Pending>) {
    let mut buffer = BytesMut::new();
    let fault = loop {
        let frame = match read_frame(&mut stream, &mut buffer, RESPONSE_BYTES_MAX).await {
            Ok(frame) => frame,
            Err(FrameError::Closed) => break Fault::Lost("the broker closed it".into()),
            Err(FrameError::Io(error)) => break Fault::Lost(error.to_string()),
            Err(FrameError::Length(length)) => {
                break Fault::Garbled(format!(
                    "a frame of {length} bytes is outside 0 to {RESPONSE_BYTES_MAX}"
                ));
            }
        };
        if frame.len() < 4 {
            break Fault::Garbled("a frame without a correlation id".into());
        }
        pending.late.store(false, Ordering::Relaxed);
        let correlation = (&frame[..4]).get_i32();
        match pending.take(correlation) {
            // The caller may have given up: its answer is dropped.
            Some(reply) => drop(reply.send(Ok(frame))),
            None => break Fault::Garbled(format!("an answer to request {correlation}, not sent")),
        }
    };
    pending.fail(&fault);
}
