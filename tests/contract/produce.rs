//! What a producer refuses, and what it does with the rest of a batch.

use kafsh_model::Class::{Failed, NotFound};
use kafsh_model::record::RecordView;

use super::support::*;

pub async fn too_large(ctx: Ctx) -> Outcome {
    let name = ctx.topic_with("small", 1, &[("max.message.bytes", "1000")]).await?;
    // No two bytes alike for long, so that no codec makes it fit.
    let value: Vec<u8> =
        (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut deliveries = ctx.send(&[RecordView::new(&name, None, Some(&value))]).await?;
    fails("send", deliveries.remove(0), "record-too-large", Failed)?;
    ctx.put_values(&name, 0, &["fits"]).await?;
    ensure_eq!(texts(&ctx.read(whole(&name)).await?), ["fits"], "records");
    Ok(())
}

pub async fn large_together_keeps_its_order(ctx: Ctx) -> Outcome {
    // Far less than one request of a client takes (1 MB), and so many records that the last request
    // would be small enough: it alone would be taken, and be before the others.
    let name = ctx.topic_with("together", 1, &[("max.message.bytes", "20000")]).await?;
    let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8;
    let value = |n: u32| -> Vec<u8> {
        let text = format!("{n:04}").into_bytes();
        text.into_iter().chain((0..4_000).map(|at| noise(at + n))).collect()
    };
    let values: Vec<Vec<u8>> = (0..500).map(value).collect();
    let records: Vec<RecordView<'_>> =
        values.iter().map(|value| RecordView::new(&name, None, Some(value))).collect();
    let offsets: Vec<i64> = ctx.put(&records).await?.iter().map(|d| d.offset).collect();
    ensure_eq!(offsets, (0..500).collect::<Vec<i64>>(), "offsets, in the order of the batch");
    let few: Vec<RecordView<'_>> =
        (0..9).map(|_| RecordView::new(&name, None, Some(&values[0]))).collect();
    let offsets: Vec<i64> = ctx.put(&few).await?.iter().map(|d| d.offset).collect();
    ensure_eq!(offsets, (500..509).collect::<Vec<i64>>(), "offsets of a few");
    Ok(())
}

pub async fn unknown_topic(ctx: Ctx) -> Outcome {
    let name = ctx.name("never");
    let deliveries = ctx.send(&[RecordView::new(&name, None, Some(b"v"))]).await?;
    for delivery in deliveries {
        fails("send", delivery, "topic-not-found", NotFound)?;
    }
    ensure!(!ctx.is_listed(&name).await?, "sending has created it");
    Ok(())
}

pub async fn partition_by_hand(ctx: Ctx) -> Outcome {
    let name = ctx.topic("chosen", 3).await?;
    let to = |partition| RecordView { partition, ..RecordView::new(&name, Some(b"k"), Some(b"v")) };
    let delivered = ctx.put(&[to(2), to(0), to(2)]).await?;
    let places: Vec<(i32, i64)> = delivered.iter().map(|d| (d.partition, d.offset)).collect();
    ensure_eq!(places, [(2, 0), (0, 0), (2, 1)], "partitions and offsets");
    for partition in [3, 1_000_000] {
        let mut deliveries = ctx.send(&[to(partition)]).await?;
        fails("beyond the last", deliveries.remove(0), "partition-not-found", NotFound)?;
    }
    Ok(())
}

pub async fn good_and_bad_in_one_batch(ctx: Ctx) -> Outcome {
    let (good, other) = (ctx.topic("good", 1).await?, ctx.topic("other", 1).await?);
    let never = ctx.name("never");
    let record = |topic| RecordView::new(topic, None, Some(b"v"));
    let far = RecordView { partition: 7, ..record(&good) };
    let deliveries =
        ctx.send(&[record(&good), record(&never), far, record(&other), record(&good)]).await?;
    let codes: Vec<String> = deliveries
        .iter()
        .map(|delivery| match delivery {
            Ok(delivered) => format!("at {}", delivered.offset),
            Err(error) => error.code.to_string(),
        })
        .collect();
    let expected = ["at 0", "topic-not-found", "partition-not-found", "at 0", "at 1"];
    ensure_eq!(codes, expected, "deliveries, in the order of the batch");
    Ok(())
}

pub async fn nothing_to_send(ctx: Ctx) -> Outcome {
    ensure!(ctx.send(&[]).await?.is_empty(), "deliveries of nothing");
    Ok(())
}

/// `min.insync.replicas` asks for no more than a partition has (`Partition.effectiveMinIsr`).
pub async fn min_isr_beyond_the_replicas(ctx: Ctx) -> Outcome {
    let name = ctx.name("single");
    let mut spec = ctx.spec(&name, 1).await?;
    spec.replication_factor = Some(1);
    spec.configs = [("min.insync.replicas".to_string(), "2".to_string())].into();
    ctx.create_one(&spec, false).await.map_err(told)?;
    ctx.await_everywhere(&name, |topic| topic.is_some_and(|t| !t.partitions.is_empty())).await?;
    ctx.put(&[RecordView::new(&name, None, Some(b"v"))]).await?;
    ensure_eq!(ctx.read(whole(&name)).await?.len(), 1, "records");
    Ok(())
}

pub async fn compacted_needs_keys(ctx: Ctx) -> Outcome {
    let name = ctx.topic_with("compacted", 1, &[("cleanup.policy", "compact")]).await?;
    let mut deliveries = ctx.send(&[RecordView::new(&name, None, Some(b"v"))]).await?;
    fails("without a key", deliveries.remove(0), "invalid-record", Failed)?;
    ctx.put(&[RecordView::new(&name, Some(b"k"), Some(b"v"))]).await?;
    ensure_eq!(ctx.read(whole(&name)).await?.len(), 1, "records");
    Ok(())
}

pub async fn one_producer_for_many(ctx: Ctx) -> Outcome {
    let (a, b) = (ctx.topic("a", 1).await?, ctx.topic("b", 2).await?);
    let producer = ctx.producer()?;
    let mut sends = tokio::task::JoinSet::new();
    for index in 0..8 {
        let (producer, a, b) = (producer.clone(), a.clone(), b.clone());
        sends.spawn(async move {
            let value = format!("{index}");
            let records = [&a, &b].map(|t| RecordView::new(t, None, Some(value.as_bytes())));
            let deliveries = producer.send(&batch(&records)?).await.map_err(told)?;
            deliveries.into_iter().try_for_each(|d| d.map(|_| ()).map_err(told))
        });
    }
    while let Some(sent) = sends.join_next().await {
        sent.map_err(|error| error.to_string())??;
    }
    for topic in [&a, &b] {
        let mut values = texts(&ctx.read(whole(topic)).await?);
        values.sort();
        ensure_eq!(values, ["0", "1", "2", "3", "4", "5", "6", "7"], "records of each topic");
    }
    Ok(())
}
