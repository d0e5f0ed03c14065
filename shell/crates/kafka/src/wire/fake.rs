//! A scripted broker for tests, made of the protocol's broker types.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, MetadataResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, StrBytes, decode_request_header_from_buffer,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::frame::read_frame;

/// What the broker does with a request.
pub(crate) enum Answer {
    /// These bytes after the length and the correlation id
    Body(Bytes),
    /// These bytes as they are
    Raw(Bytes),
    /// Another answer, after this time
    Late(Duration, Box<Answer>),
    Silence,
    Close,
}

/// One request as it came.
pub(crate) struct Call {
    pub api: ApiKey,
    pub version: i16,
    pub body: Bytes,
}

impl Call {
    pub fn read<R: Decodable>(&self) -> R {
        R::decode(&mut self.body.clone(), self.version).expect("a request that can be read")
    }
}

type Script = dyn Fn(&Call) -> Answer + Send + Sync;

pub(crate) struct FakeBroker {
    pub address: String,
    pub port: i32,
    seen: Arc<Mutex<Vec<(ApiKey, i16)>>>,
    task: tokio::task::AbortHandle,
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeBroker {
    /// Listens on a free port of the loopback. `script` answers every request, on every
    /// connection; `chunk` is how many bytes are written at once.
    pub async fn start(
        chunk: usize,
        script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> FakeBroker {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<(ApiKey, i16)>>> = Arc::default();
        let (script, of_task): (Arc<Script>, _) = (Arc::new(script), seen.clone());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, chunk, script.clone(), of_task.clone()));
            }
        });
        let port = i32::from(address.port());
        FakeBroker { address: address.to_string(), port, seen, task: task.abort_handle() }
    }

    /// Requests so far, with their versions.
    pub fn seen(&self) -> Vec<(ApiKey, i16)> {
        self.seen.lock().expect("not poisoned").clone()
    }

    pub fn count(&self, api: ApiKey) -> usize {
        self.seen().iter().filter(|(seen, _)| *seen == api).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    chunk: usize,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<(ApiKey, i16)>>>,
) {
    let mut buffer = BytesMut::new();
    while let Ok(mut frame) = read_frame(&mut stream, &mut buffer, 1 << 20).await {
        let header: RequestHeader =
            decode_request_header_from_buffer(&mut frame).expect("a request's header");
        let api = ApiKey::try_from(header.request_api_key).expect("a known request");
        seen.lock().expect("not poisoned").push((api, header.request_api_version));
        let call = Call { api, version: header.request_api_version, body: frame };
        let mut answer = script(&call);
        while let Answer::Late(after, then) = answer {
            tokio::time::sleep(after).await;
            answer = *then;
        }
        let bytes = match answer {
            Answer::Late(..) => unreachable!("waited for above"),
            Answer::Close => return,
            Answer::Silence => std::future::pending().await,
            Answer::Raw(bytes) => bytes,
            Answer::Body(body) => {
                let mut bytes = BytesMut::new();
                let response = ResponseHeader::default().with_correlation_id(header.correlation_id);
                let version = api.response_header_version(call.version);
                response.encode(&mut bytes, version).expect("a header");
                bytes.extend_from_slice(&body);
                let length = (bytes.len() as i32).to_be_bytes();
                [&length[..], &bytes].concat().into()
            }
        };
        for part in bytes.chunks(chunk) {
            if stream.write_all(part).await.is_err() {
                return;
            }
            if chunk < bytes.len() {
                // Apart, so that the reader sees them apart.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

pub(crate) fn body<R: Encodable + HeaderVersion>(response: &R, version: i16) -> Answer {
    let mut bytes = BytesMut::new();
    response.encode(&mut bytes, version).expect("a response that can be written");
    Answer::Body(bytes.freeze())
}

/// ApiVersions: everything from 0 to the newest that the library knows, but `bounds`.
pub(crate) fn versions(version: i16, bounds: &[(ApiKey, i16, i16)]) -> Answer {
    let api_keys = ApiKey::iter()
        .map(|api| {
            let known = api.valid_versions();
            let bound = bounds.iter().find(|(key, ..)| *key == api);
            let (low, high) = bound.map_or((known.min, known.max), |(_, low, high)| (*low, *high));
            ApiVersion::default()
                .with_api_key(api as i16)
                .with_min_version(low)
                .with_max_version(high)
        })
        .filter(|api| api.min_version <= api.max_version)
        .collect();
    body(&ApiVersionsResponse::default().with_api_keys(api_keys), version)
}

/// Metadata without topics: brokers by id and port, and the controller.
pub(crate) fn cluster(version: i16, brokers: &[(i32, i32)], controller: i32) -> Answer {
    body(&metadata(brokers, controller), version)
}

pub(crate) fn metadata(brokers: &[(i32, i32)], controller: i32) -> MetadataResponse {
    let brokers = brokers.iter().map(|(id, port)| {
        MetadataResponseBroker::default()
            .with_node_id((*id).into())
            .with_host(StrBytes::from_static_str("127.0.0.1"))
            .with_port(*port)
    });
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_controller_id(controller.into())
}
