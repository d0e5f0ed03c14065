//! ZooKeeper: four-letter words over TCP, znodes through a session made when first needed.

mod words;

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::port::{BoxFuture, ZnodeData, ZooKeeper, ZooKeeperStatus};
use kafsh_model::{Class, Error, Result};
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateMode, Error as ZkError};

use crate::admin::check_address;

/// Bound on one znode operation, the making of a session included.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long `srvr` may take before a session is tried: a refused port would only be reported when
/// the session's own time-out has run out.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Asked for; servers give between 2 and 20 of their ticks (4 to 40 s with the usual tick of 2 s).
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

pub(crate) struct KafkaZooKeeper {
    address: String,
    session: tokio::sync::Mutex<Option<Client>>,
}

impl KafkaZooKeeper {
    pub fn new(address: &str) -> Result<Arc<Self>> {
        check_address(address)?;
        let session = tokio::sync::Mutex::new(None);
        Ok(Arc::new(KafkaZooKeeper { address: address.to_string(), session }))
    }

    /// The session, made anew where there is none or `stale` ended.
    async fn client(&self, stale: Option<&Client>) -> Result<Client> {
        let mut held = self.session.lock().await;
        if let Some(client) = &*held
            && stale.is_none_or(|stale| stale.session_id() != client.session_id())
            && !client.state().is_terminated()
        {
            return Ok(client.clone());
        }
        *held = None;
        words::status(&self.address, PROBE_TIMEOUT).await?;
        let connector = Client::connector()
            .with_session_timeout(SESSION_TIMEOUT)
            .with_connection_timeout(PROBE_TIMEOUT)
            .with_fail_eagerly();
        let client = connector
            .connect(&self.address)
            .await
            .map_err(|error| failed(error, "open a session", &self.address))?;
        *held = Some(client.clone());
        Ok(client)
    }

    /// Runs `operation`, once more on a new session where the old one ended before it was sent.
    async fn with<T, F>(
        &self,
        doing: &str,
        path: &str,
        operation: impl Fn(Client) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, ZkError>>,
    {
        check_path(path)?;
        let run = async {
            let client = self.client(None).await?;
            match operation(client.clone()).await {
                Err(error) if has_ended(&error) => {
                    let client = self.client(Some(&client)).await?;
                    operation(client).await.map_err(|error| failed(error, doing, path))
                }
                result => result.map_err(|error| failed(error, doing, path)),
            }
        };
        timeout(CALL_TIMEOUT, run).await.unwrap_or_else(|_| {
            let address = &self.address;
            Err(Error::unavailable("unavailable", format!("cannot {doing} `{path}`"))
                .with_evidence(format!("{address}: no answer within {} s", CALL_TIMEOUT.as_secs()))
                .with_cause("ZooKeeper is silent: it may be paused or have lost its quorum")
                .with_next("zookeeper status"))
        })
    }
}

/// True where the session is over, so that a new one may do better. A lost connection is not such:
/// the operation may have been carried out.
fn has_ended(error: &ZkError) -> bool {
    matches!(error, ZkError::SessionExpired | ZkError::SessionMoved | ZkError::ClientClosed)
}

fn check_path(path: &str) -> Result<()> {
    let good = path == "/"
        || (path.starts_with('/')
            && !path.ends_with('/')
            && !path.contains("//")
            && !path.contains('\0')
            && !path.split('/').any(|part| part == "." || part == ".."));
    if good {
        return Ok(());
    }
    Err(Error::usage("bad-znode-path", format!("`{}` is no path", path.escape_debug()))
        .with_cause("a znode's path begins with `/`, does not end with one, and has no `//`"))
}

fn failed(error: ZkError, doing: &str, path: &str) -> Error {
    let what = format!("cannot {doing} `{path}`");
    let (class, code, cause) = match &error {
        ZkError::NoNode => {
            return Error::not_found("znode-not-found", format!("no znode `{path}`"))
                .with_cause("it does not exist, or its parent does not")
                .with_next("zookeeper ls /");
        }
        ZkError::NodeExists => (Class::Failed, "znode-exists", "a znode of that path exists"),
        ZkError::NotEmpty => (Class::Failed, "znode-not-empty", "it has children"),
        ZkError::NoAuth | ZkError::AuthFailed => {
            (Class::NotAuthorised, "not-authorised", "its ACL does not allow it")
        }
        ZkError::BadVersion => (Class::Failed, "znode-changed", "it was changed meanwhile"),
        ZkError::NoChildrenForEphemerals => {
            (Class::Failed, "znode-ephemeral", "an ephemeral znode cannot have children")
        }
        ZkError::ConnectionLoss
        | ZkError::SessionExpired
        | ZkError::SessionMoved
        | ZkError::Timeout
        | ZkError::NoHosts
        | ZkError::ClientClosed
        | ZkError::Throttled
        | ZkError::NotReadOnly => {
            (Class::Unavailable, "unavailable", "the connection to ZooKeeper was lost")
        }
        ZkError::BadArguments(_) => (Class::Usage, "bad-znode-path", "ZooKeeper refuses the path"),
        _ => (Class::Failed, "zookeeper-failed", "ZooKeeper refused it"),
    };
    let built = Error::new(class, code, what)
        .with_cause(cause)
        .with_evidence(format!("ZooKeeper: {error}"));
    match class {
        Class::Unavailable => built.with_next("zookeeper status"),
        Class::Usage => built,
        _ => built.with_next(format!("zookeeper get {path}")),
    }
}

impl ZooKeeper for KafkaZooKeeper {
    fn status(&self, timeout: Duration) -> BoxFuture<'_, Result<ZooKeeperStatus>> {
        Box::pin(words::status(&self.address, timeout))
    }

    fn four_letter<'a>(
        &'a self,
        word: &'a str,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(words::ask(&self.address, word, timeout))
    }

    fn get<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<ZnodeData>> {
        Box::pin(async move {
            let get = |client: Client| async move { client.get_data(path).await };
            let (data, stat) = self.with("read znode", path, get).await?;
            Ok(ZnodeData {
                data,
                ephemeral_owner: stat.ephemeral_owner,
                created_ms: stat.ctime,
                modified_ms: stat.mtime,
                version: stat.version,
                children: stat.num_children,
            })
        })
    }

    fn children<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let list = |client: Client| async move { client.list_children(path).await };
            let mut children = self.with("list znode", path, list).await?;
            children.sort();
            Ok(children)
        })
    }

    fn create<'a>(&'a self, path: &'a str, data: &'a [u8]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let create = |client: Client| async move {
                let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
                client.create(path, data, &options).await.map(drop)
            };
            self.with("create znode", path, create).await
        })
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let delete = |client: Client| async move { client.delete(path, None).await };
            self.with("delete znode", path, delete).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked_before_anything_is_sent() {
        for good in ["/", "/brokers", "/brokers/ids/1"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in ["", "brokers", "/brokers/", "//", "/a//b", "/a/../b", "/a\0b"] {
            assert_eq!(check_path(bad).unwrap_err().code, "bad-znode-path", "{bad}");
        }
    }

    #[test]
    fn errors_say_whether_waiting_helps() {
        assert_eq!(failed(ZkError::NoNode, "read znode", "/x").code, "znode-not-found");
        assert!(failed(ZkError::ConnectionLoss, "read znode", "/x").class.is_not_yet());
        assert_eq!(failed(ZkError::NotEmpty, "delete znode", "/x").class, Class::Failed);
        assert!(has_ended(&ZkError::SessionExpired) && !has_ended(&ZkError::ConnectionLoss));
    }
}
