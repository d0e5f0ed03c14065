//! The cluster as clients see it, addresses at which nobody is, and offsets.

use std::time::{Duration, Instant};

use kafsh_model::Class::{NotFound, Unavailable};
use kafsh_model::port::{BrokerLogDirs, Target};
use kafsh_model::record::RecordView;
use kafsh_model::spec::SecurityProtocol;
use kafsh_model::topic::OffsetAt;

use super::support::*;

/// Long enough for a slow machine, far below the target's own timeout being spent many times.
const SOON: Duration = Duration::from_secs(20);

pub async fn view(ctx: Ctx) -> Outcome {
    let view = ctx.admin.cluster().await.map_err(told)?;
    ensure!(view.cluster_id.as_ref().is_some_and(|id| !id.is_empty()), "{view:?}");
    let ids: Vec<i32> = view.brokers.iter().map(|broker| broker.id).collect();
    let mut sorted = ids.clone();
    sorted.sort();
    ensure_eq!(ids, sorted, "order");
    ensure!(view.controller.is_some_and(|id| ids.contains(&id)), "{view:?}");
    for address in &ctx.target.bootstrap {
        let named = |b: &kafsh_model::topic::BrokerView| format!("{}:{}", b.host, b.port);
        ensure!(
            view.brokers.iter().any(|b| named(b) == *address),
            "`{address}` is not in {view:?}"
        );
    }
    Ok(())
}

pub async fn probe_each_broker(ctx: Ctx) -> Outcome {
    let view = ctx.admin.cluster().await.map_err(told)?;
    for broker in &view.brokers {
        let address = format!("{}:{}", broker.host, broker.port);
        let seen = ctx.admin.probe(&address, SOON).await.map_err(told)?;
        ensure_eq!(seen, view, format!("the cluster as {address} sees it"));
    }
    Ok(())
}

pub async fn greet_each_broker(ctx: Ctx) -> Outcome {
    let view = ctx.admin.cluster().await.map_err(told)?;
    for broker in &view.brokers {
        let address = format!("{}:{}", broker.host, broker.port);
        // What comes before SASL's exchange is the same with and without it.
        for protocol in [SecurityProtocol::Plaintext, SecurityProtocol::SaslPlaintext] {
            ctx.admin.greet(&address, protocol, SOON).await.map_err(told)?;
        }
    }
    let (_kept, address) = super::support::dead_address()?;
    for protocol in [SecurityProtocol::Plaintext, SecurityProtocol::Ssl] {
        let greeted = ctx.admin.greet(&address, protocol, Duration::from_secs(2)).await;
        fails("greet", greeted, "unavailable", Unavailable)?;
    }
    Ok(())
}

pub async fn dead_address(ctx: Ctx) -> Outcome {
    let (_kept, address) = super::support::dead_address()?;
    let began = Instant::now();
    let probed = ctx.admin.probe(&address, Duration::from_secs(2)).await;
    fails("probe", probed, "unavailable", Unavailable)?;
    let target =
        Target { bootstrap: vec![address], timeout: Duration::from_secs(2), ..ctx.target.clone() };
    let admin = ctx.connector.admin(&target).map_err(told)?;
    fails("cluster", admin.cluster().await, "unavailable", Unavailable)?;
    fails("topics", admin.topics(None).await, "unavailable", Unavailable)?;
    let spec = [ctx.spec(&ctx.name("never"), 1).await?];
    fails("create", admin.create_topics(&spec, false).await, "unavailable", Unavailable)?;
    let records = ctx.connector.records(&target).map_err(told)?;
    let record = [RecordView::new("any", None, Some(b"v"))];
    let sent = records.producer().map_err(told)?.send(&batch(&record)?).await;
    // A whole batch that could not be sent, or each record of it.
    let sent = sent.and_then(|mut deliveries| deliveries.remove(0));
    fails("send", sent, "unavailable", Unavailable)?;
    let opened = records.consumer(whole("any")).await;
    fails("consume", opened.map(|_| ()), "unavailable", Unavailable)?;
    ensure!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    Ok(())
}

pub async fn offsets_of_partitions(ctx: Ctx) -> Outcome {
    let name = ctx.topic("offsets", 2).await?;
    let base = now_ms() - 60_000;
    let record = |ms| RecordView {
        partition: 1,
        timestamp_ms: base + ms,
        ..RecordView::new(&name, None, Some(b"v"))
    };
    ctx.put(&[record(0), record(1_000), record(2_000)]).await?;
    let both = [at(&name, 1), at(&name, 0)];
    let times = [
        (OffsetAt::Earliest, [Some(0), Some(0)]),
        (OffsetAt::Latest, [Some(3), Some(0)]),
        (OffsetAt::Timestamp(0), [Some(0), None]),
        (OffsetAt::Timestamp(base + 1_000), [Some(1), None]),
        (OffsetAt::Timestamp(base + 1_001), [Some(2), None]),
        (OffsetAt::Timestamp(base + 5_000), [None, None]),
    ];
    for (time, expected) in times {
        let offsets = ctx.admin.list_offsets(&both, time).await.map_err(told)?;
        let expected: Vec<_> = both.iter().cloned().zip(expected).collect();
        ensure_eq!(offsets, expected, format!("{time:?}, in the order asked"));
    }
    Ok(())
}

pub async fn offsets_of_unknown(ctx: Ctx) -> Outcome {
    let never = [at(&ctx.name("never"), 0)];
    let listed = ctx.admin.list_offsets(&never, OffsetAt::Latest).await;
    fails("unknown topic", listed, "topic-not-found", NotFound)?;
    let name = ctx.topic("two", 2).await?;
    for partition in [2, -1] {
        let listed = ctx.admin.list_offsets(&[at(&name, partition)], OffsetAt::Latest).await;
        fails("unknown partition", listed, "partition-not-found", NotFound)?;
    }
    ensure!(ctx.admin.list_offsets(&[], OffsetAt::Latest).await.map_err(told)?.is_empty(), "none");
    Ok(())
}

pub async fn log_dirs(ctx: Ctx) -> Outcome {
    let name = ctx.topic("sizes", 2).await?;
    ctx.put_values(&name, 1, &["some", "bytes"]).await?;
    let factor = ctx.factor().await? as usize;
    let sizes = |dirs: &[BrokerLogDirs], partition: i32| -> Vec<u64> {
        let dirs = dirs.iter().filter_map(|(_, dirs)| dirs.as_ref().ok()).flatten();
        let replicas = dirs.flat_map(|dir| &dir.replicas);
        replicas.filter(|r| r.at == at(&name, partition)).map(|r| r.size_bytes).collect()
    };
    let all = ctx.admin.log_dirs(None, SOON).await.map_err(told)?;
    let ids: Vec<i32> = all.iter().map(|(id, _)| *id).collect();
    ensure_eq!(ids, ctx.broker_ids().await?, "every broker, in order");
    for (id, dirs) in &all {
        let dirs = dirs.as_ref().map_err(|error| format!("broker {id}: {error}"))?;
        ensure!(!dirs.is_empty(), "broker {id} has no folder");
        for dir in dirs {
            ensure!(dir.path.starts_with('/') && dir.error.is_none(), "{dir:?}");
            ensure_eq!(dir.total_bytes.is_some(), dir.usable_bytes.is_some(), "both or none");
            ensure!(dir.usable_bytes <= dir.total_bytes, "{dir:?}");
            ensure!(dir.replicas.iter().all(|r| !r.is_future), "{dir:?}");
        }
    }
    let full = sizes(&all, 1);
    ensure_eq!(full.len(), factor, "a size of each replica");
    // The values alone are 9 bytes; every replica has them, since acks=all waits for them.
    ensure!(full.iter().all(|size| *size >= 9), "{full:?}");
    ensure_eq!(sizes(&all, 0), vec![0; factor], "sizes of an empty partition");

    let one = [at(&name, 1), at(&ctx.name("never"), 0)];
    let some = ctx.admin.log_dirs(Some(&one), SOON).await.map_err(told)?;
    ensure_eq!(sizes(&some, 1).len(), factor, "replicas of the partition asked for");
    let count = |dirs: &[BrokerLogDirs]| -> usize {
        let dirs = dirs.iter().filter_map(|(_, dirs)| dirs.as_ref().ok()).flatten();
        dirs.map(|dir| dir.replicas.len()).sum()
    };
    ensure_eq!(count(&some), factor, "replicas in all");
    let none = ctx.admin.log_dirs(Some(&[]), SOON).await.map_err(told)?;
    ensure_eq!(count(&none), 0, "replicas where none is asked for");
    let told_of = |(_, dirs): &BrokerLogDirs| dirs.as_ref().is_ok_and(|dirs| !dirs.is_empty());
    ensure!(none.len() == all.len() && none.iter().all(told_of), "folders are told: {none:?}");
    Ok(())
}
