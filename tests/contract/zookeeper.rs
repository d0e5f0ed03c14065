//! ZooKeeper: its state, its tree, and what Kafka keeps there.

use std::time::Duration;

use kafsh_model::Class::{Failed, NotFound, Unavailable};

use super::support::*;

const TIMEOUT: Duration = Duration::from_secs(5);

pub async fn serves(ctx: Ctx) -> Outcome {
    let status = ctx.zookeeper()?.status(TIMEOUT).await.map_err(told)?;
    let modes = ["standalone", "leader", "follower", "observer"];
    ensure!(modes.contains(&status.mode.as_str()), "{status:?}");
    ensure!(!status.version.is_empty() && status.znodes > 5, "{status:?}");
    ensure!(status.zxid.starts_with("0x") && status.connections >= 1, "{status:?}");
    Ok(())
}

pub async fn create_read_delete(ctx: Ctx) -> Outcome {
    let zookeeper = ctx.zookeeper()?;
    let path = format!("/{}", ctx.name("znode"));
    let child = format!("{path}/child");
    let before = now_ms();
    zookeeper.create(&path, b"\0data\xff").await.map_err(told)?;
    zookeeper.create(&child, b"").await.map_err(told)?;
    let znode = zookeeper.get(&path).await.map_err(told)?;
    ensure_eq!(znode.data, b"\0data\xff", "data");
    ensure_eq!((znode.ephemeral_owner, znode.version, znode.children), (0, 0, 1), "stat");
    ensure!(
        znode.created_ms >= before - 1_000 && znode.created_ms == znode.modified_ms,
        "{znode:?}"
    );
    ensure_eq!(zookeeper.children(&path).await.map_err(told)?, ["child"], "children");
    ensure!(zookeeper.get(&child).await.map_err(told)?.data.is_empty(), "data of the child");
    zookeeper.delete(&child).await.map_err(told)?;
    zookeeper.delete(&path).await.map_err(told)?;
    fails("after", zookeeper.get(&path).await, "znode-not-found", NotFound)
}

pub async fn refusals(ctx: Ctx) -> Outcome {
    let zookeeper = ctx.zookeeper()?;
    let path = format!("/{}", ctx.name("znode"));
    fails("get", zookeeper.get(&path).await, "znode-not-found", NotFound)?;
    fails("children", zookeeper.children(&path).await, "znode-not-found", NotFound)?;
    fails("delete", zookeeper.delete(&path).await, "znode-not-found", NotFound)?;
    let below = format!("{path}/a/b");
    fails("no parent", zookeeper.create(&below, b"").await, "znode-not-found", NotFound)?;
    zookeeper.create(&path, b"").await.map_err(told)?;
    let twice = fails("twice", zookeeper.create(&path, b"").await, "znode-exists", Failed);
    let child = format!("{path}/child");
    zookeeper.create(&child, b"").await.map_err(told)?;
    let full = fails("with children", zookeeper.delete(&path).await, "znode-not-empty", Failed);
    zookeeper.delete(&child).await.map_err(told)?;
    zookeeper.delete(&path).await.map_err(told)?;
    twice.and(full)
}

pub async fn kafkas_znodes(ctx: Ctx) -> Outcome {
    let zookeeper = ctx.zookeeper()?;
    let view = ctx.admin.cluster().await.map_err(told)?;
    let text = |data: Vec<u8>| String::from_utf8_lossy(&data).replace(' ', "");
    let id = zookeeper.get(&ctx.znode("/cluster/id")).await.map_err(told)?;
    let expected = format!("\"id\":\"{}\"", view.cluster_id.clone().unwrap_or_default());
    ensure!(text(id.data.clone()).contains(&expected), "{:?}", text(id.data));
    let mut ids = zookeeper.children(&ctx.znode("/brokers/ids")).await.map_err(told)?;
    ids.sort_by_key(|id| id.parse::<i32>().unwrap_or(i32::MAX));
    let expected: Vec<String> = view.brokers.iter().map(|broker| broker.id.to_string()).collect();
    ensure_eq!(ids, expected, "registrations");
    for broker in &view.brokers {
        let path = ctx.znode(&format!("/brokers/ids/{}", broker.id));
        let znode = zookeeper.get(&path).await.map_err(told)?;
        ensure!(znode.ephemeral_owner != 0, "{path} is not ephemeral");
        let endpoint = format!("://{}:{}\"", broker.host, broker.port);
        ensure!(text(znode.data.clone()).contains(&endpoint), "{:?}", text(znode.data));
    }
    let controller = zookeeper.get(&ctx.znode("/controller")).await.map_err(told)?;
    let expected = format!("\"brokerid\":{}", view.controller.unwrap_or(-1));
    ensure!(text(controller.data.clone()).contains(&expected), "{:?}", text(controller.data));
    let name = ctx.topic("seen", 2).await?;
    let topics = zookeeper.children(&ctx.znode("/brokers/topics")).await.map_err(told)?;
    ensure!(topics.contains(&name), "`{name}` is not among {topics:?}");
    let path = ctx.znode(&format!("/brokers/topics/{name}/partitions/1/state"));
    let state = zookeeper.get(&path).await.map_err(told)?;
    ensure!(text(state.data.clone()).contains("\"leader\":"), "{:?}", text(state.data));
    Ok(())
}

pub async fn dead_zookeeper(ctx: Ctx) -> Outcome {
    let (_kept, address) = dead_address()?;
    let zookeeper = ctx.connector.zookeeper(&address).map_err(told)?;
    fails("status", zookeeper.status(TIMEOUT).await, "unavailable", Unavailable)?;
    fails("get", zookeeper.get("/").await, "unavailable", Unavailable)?;
    let word = zookeeper.four_letter("srvr", TIMEOUT).await;
    fails("four letters", word, "unavailable", Unavailable)
}

pub async fn four_letter_words(ctx: Ctx) -> Outcome {
    let zookeeper = ctx.zookeeper()?;
    let answer = zookeeper.four_letter("srvr", TIMEOUT).await.map_err(told)?;
    ensure!(answer.contains("Mode: ") && answer.contains("Node count: "), "{answer:?}");
    // Every broker keeps a session, which `cons` shows with where it comes from.
    let answer = zookeeper.four_letter("cons", TIMEOUT).await.map_err(told)?;
    for broker in ctx.admin.cluster().await.map_err(told)?.brokers {
        let path = ctx.znode(&format!("/brokers/ids/{}", broker.id));
        let owner = zookeeper.get(&path).await.map_err(told)?.ephemeral_owner;
        let session = format!("sid={owner:#x},");
        let line = answer.lines().find(|line| line.contains(&session));
        ensure!(line.is_some_and(|line| line.starts_with(" /")), "no `{session}` in {answer:?}");
    }
    Ok(())
}
