//! Who is connected to ZooKeeper (`cons`), and which broker each session belongs to.

use std::collections::BTreeMap;

use kafsh_model::port::ZooKeeper;
use kafsh_model::{BrokerId, Result};
use serde_json::{Value, json};

/// Connections that are shown; a server may have tens of thousands of clients.
const SESSIONS_MAX: usize = 1_000;

/// A connection with a session, as `cons` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub session: i64,
    /// `host:port` of the client
    pub address: String,
    pub timeout_ms: Option<u64>,
    pub queued: Option<u64>,
    pub received: Option<u64>,
    pub sent: Option<u64>,
    /// ms since 1970-01-01 UTC
    pub since_ms: Option<i64>,
}

/// The connections in an answer to `cons`; `None` where it is no such answer (the word is not
/// allowed). A connection without a session, such as the one that asks, is left out.
pub fn connections(answer: &str) -> Option<Vec<Connection>> {
    if answer.contains("is not executed") || answer.contains("not currently serving") {
        return None;
    }
    Some(answer.lines().filter_map(connection).collect())
}

/// ` /127.0.0.1:38596[1](queued=0,recved=211,sent=212,sid=0x1000a,lop=PING,est=173,to=18000,…)`
fn connection(line: &str) -> Option<Connection> {
    let (client, rest) = line.trim().split_once('[')?;
    let (_, fields) = rest.split_once('(')?;
    let fields: BTreeMap<&str, &str> =
        fields.trim_end_matches(')').split(',').filter_map(|field| field.split_once('=')).collect();
    let number = |key: &str| fields.get(key).and_then(|value| value.parse::<u64>().ok());
    let session = fields.get("sid")?.strip_prefix("0x")?;
    Some(Connection {
        // As Java writes it: a session of a server with an id above 127 is negative.
        session: u64::from_str_radix(session, 16).ok()?.cast_signed(),
        address: client.trim_start_matches('/').to_string(),
        timeout_ms: number("to"),
        queued: number("queued"),
        received: number("recved"),
        sent: number("sent"),
        since_ms: fields.get("est").and_then(|value| value.parse().ok()),
    })
}

/// Sessions that own `/brokers/ids/N`, by broker.
///
/// # Errors
/// What reading says; a path that is not there is no broker.
pub async fn owners(zookeeper: &dyn ZooKeeper, chroot: &str) -> Result<BTreeMap<BrokerId, i64>> {
    let folder = format!("{chroot}/brokers/ids");
    let ids = match zookeeper.children(&folder).await {
        Err(error) if error.code == "znode-not-found" => Vec::new(),
        ids => ids?,
    };
    let mut owners = BTreeMap::new();
    for id in ids.iter().filter_map(|id| id.parse::<BrokerId>().ok()) {
        match zookeeper.get(&format!("{folder}/{id}")).await {
            // It went away meanwhile.
            Err(error) if error.code == "znode-not-found" => {}
            znode => {
                owners.insert(id, znode?.ephemeral_owner);
            }
        }
    }
    Ok(owners)
}

pub fn shown(session: i64) -> String {
    format!("{session:#x}")
}

/// Sessions with a connection, and how many more there are.
pub fn session_rows(
    connections: &[Connection],
    owners: &BTreeMap<BrokerId, i64>,
) -> (Vec<Value>, usize) {
    let row = |connection: &Connection| {
        let owns = |(_, session): &(&BrokerId, &i64)| **session == connection.session;
        json!({
            "session": shown(connection.session),
            "address": connection.address,
            "broker": owners.iter().find(owns).map(|(id, _)| id),
            "timeout_ms": connection.timeout_ms,
            "queued": connection.queued,
            "received": connection.received,
            "sent": connection.sent,
            "since_ms": connection.since_ms,
        })
    };
    let rows = connections.iter().take(SESSIONS_MAX).map(row).collect();
    (rows, connections.len().saturating_sub(SESSIONS_MAX))
}

/// A row for each broker that there should be or is. `alone`: this server is no part of an
/// ensemble, so that a session without a connection here has none at all.
pub fn broker_rows(
    expected: Option<&[BrokerId]>,
    owners: &BTreeMap<BrokerId, i64>,
    connections: Option<&[Connection]>,
    alone: bool,
) -> Vec<Value> {
    let mut ids: Vec<BrokerId> = owners.keys().copied().collect();
    ids.extend(expected.into_iter().flatten());
    ids.sort_unstable();
    ids.dedup();
    let row = |id: BrokerId| {
        let session = owners.get(&id).copied();
        let mut all = connections.into_iter().flatten();
        // After a reconnection the newest connection is the last.
        let found = all.rfind(|c| Some(c.session) == session);
        let state = match (session, found, connections) {
            (None, ..) => "no session",
            (Some(_), None, Some(_)) if alone => "no connection",
            (Some(_), ..) => "session",
        };
        json!({
            "broker": id,
            "expected": expected.map(|expected| expected.contains(&id)),
            "registered": session.is_some(),
            "session": session.map(shown),
            "address": found.map(|connection| &connection.address),
            "timeout_ms": found.and_then(|connection| connection.timeout_ms),
            "state": state,
        })
    };
    ids.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ZooKeeper 3.8.4 answers: a broker, a server that is asked with a word, another broker.
    const CONS: &str = " /127.0.0.1:38596[1](queued=0,recved=211,sent=212,sid=0x1000a2b,lop=PING,\
        est=1790000000000,to=18000,lcxid=0x61,lzxid=0x9b,lresp=18250,llat=0,minlat=0,avglat=0,\
        maxlat=5)\n /127.0.0.1:40000[0](queued=0,recved=1,sent=0)\n \
        /0:0:0:0:0:0:0:1:38600[1](queued=2,recved=9,sent=9,sid=0xc000a2b000000000,lop=PING,\
        est=1,to=18000)\n\n";

    #[test]
    fn connections_are_read_as_far_as_they_have_sessions() {
        let found = connections(CONS).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].session, found[0].address.as_str()), (0x1000a2b, "127.0.0.1:38596"));
        assert_eq!(
            (found[0].timeout_ms, found[0].since_ms),
            (Some(18_000), Some(1_790_000_000_000))
        );
        assert_eq!(found[1].address, "0:0:0:0:0:0:0:1:38600");
        assert!(found[1].session < 0 && shown(found[1].session) == "0xc000a2b000000000");
        let refused = "cons is not executed because it is not in the whitelist.\n";
        assert_eq!(connections(refused), None);
        assert_eq!(connections("").unwrap(), []);
    }

    #[test]
    fn brokers_are_joined_with_their_sessions() {
        let connections = connections(CONS).unwrap();
        let owners = BTreeMap::from([(1, 0x1000a2b), (2, 7), (9, 8)]);
        let state = |known: Option<&[Connection]>, alone| -> Vec<String> {
            let rows = broker_rows(Some(&[1, 2, 3]), &owners, known, alone);
            let state =
                |row: &Value| format!("{}:{}", row["broker"], row["state"].as_str().unwrap());
            rows.iter().map(state).collect()
        };
        let all = Some(connections.as_slice());
        let (one, three) = ("1:session", "3:no session");
        assert_eq!(state(all, true), [one, "2:no connection", three, "9:no connection"]);
        // In an ensemble the others may be connected elsewhere; unasked, nothing is known.
        assert_eq!(state(all, false), [one, "2:session", three, "9:session"]);
        assert_eq!(state(None, true), [one, "2:session", three, "9:session"]);
        let rows = broker_rows(Some(&[1]), &owners, all, true);
        assert_eq!(
            (&rows[0]["address"], &rows[2]["expected"]),
            (&json!("127.0.0.1:38596"), &json!(false))
        );
        let (sessions, more) = session_rows(&connections, &owners);
        assert_eq!(
            (&sessions[0]["broker"], &sessions[1]["broker"], more),
            (&json!(1), &Value::Null, 0)
        );
    }
}
