//! The cluster as clients see it, addresses at which nobody is, and offsets.

use std::time::{Duration, Instant};

use kafsh_model::Class::{NotFound, Unavailable};
use kafsh_model::port::Target;
use kafsh_model::record::RecordView;
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

pub async fn dead_address(ctx: Ctx) -> Outcome {
    let address = super::support::dead_address()?;
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
