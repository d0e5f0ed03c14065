//! Where reading starts and stops.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafsh_model::Class::NotFound;
use kafsh_model::port::{ConsumeOptions, From, To};
use kafsh_model::record::RecordView;
use kafsh_model::topic::TopicPartition;

use super::support::*;

/// Long enough for a slow machine, far below any wait for records that never come.
const AT_ONCE: Duration = Duration::from_secs(10);

pub async fn empty_topic_ends_at_once(ctx: Ctx) -> Outcome {
    let name = ctx.topic("empty", 3).await?;
    let began = Instant::now();
    for from in [From::Earliest, From::Latest, From::Tail(5), From::Timestamp(1_000)] {
        let read = ctx.read(ConsumeOptions { from, ..whole(&name) }).await?;
        ensure!(read.is_empty(), "{from:?}: {read:?}");
    }
    ensure!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
    Ok(())
}

pub async fn from_offsets(ctx: Ctx) -> Outcome {
    let name = ctx.topic("starts", 1).await?;
    ctx.put_values(&name, 0, &["a", "b", "c", "d", "e"]).await?;
    let starts: [(From, &[&str]); 8] = [
        (From::Earliest, &["a", "b", "c", "d", "e"]),
        (From::Latest, &[]),
        (From::Offset(0), &["a", "b", "c", "d", "e"]),
        (From::Offset(3), &["d", "e"]),
        (From::Offset(5), &[]),
        (From::Tail(2), &["d", "e"]),
        (From::Tail(0), &[]),
        (From::Tail(99), &["a", "b", "c", "d", "e"]),
    ];
    for (from, expected) in starts {
        let read = ctx.read(ConsumeOptions { from, ..whole(&name) }).await?;
        ensure_eq!(texts(&read), expected, format!("{from:?}"));
    }
    Ok(())
}

pub async fn from_tail_of_each_partition(ctx: Ctx) -> Outcome {
    let name = ctx.topic("tails", 2).await?;
    ctx.put_values(&name, 0, &["a", "b", "c"]).await?;
    ctx.put_values(&name, 1, &["x"]).await?;
    let read = ctx.read(ConsumeOptions { from: From::Tail(2), ..whole(&name) }).await?;
    let mut values = texts(&read);
    values.sort();
    ensure_eq!(values, ["b", "c", "x"], "the last two of each partition");
    Ok(())
}

pub async fn each_partition_from_its_own_offset(ctx: Ctx) -> Outcome {
    let name = ctx.topic("own", 3).await?;
    for partition in 0..3 {
        ctx.put_values(&name, partition, &["a", "b", "c"]).await?;
    }
    let at = |partition| TopicPartition { topic: name.clone(), partition };
    let starts = vec![(at(0), 2), (at(1), 3)];
    let read = ctx.read(ConsumeOptions { starts, ..whole(&name) }).await?;
    let mut places: Vec<(i32, i64)> = read.iter().map(|r| (r.partition, r.offset)).collect();
    places.sort_unstable();
    ensure_eq!(places, [(0, 2), (2, 0), (2, 1), (2, 2)], "partition 2 has no offset of its own");
    Ok(())
}

pub async fn by_time(ctx: Ctx) -> Outcome {
    let name = ctx.topic("times", 1).await?;
    let base = now_ms() - 60_000;
    let values = ["a", "b", "c", "d"];
    let records: Vec<_> = (0_i64..)
        .zip(values)
        .map(|(index, value)| RecordView {
            timestamp_ms: base + 1_000 * index,
            ..RecordView::new(&name, None, Some(value.as_bytes()))
        })
        .collect();
    ctx.put(&records).await?;
    let ranges: [(From, To, &[&str]); 6] = [
        (From::Timestamp(base + 1_000), To::End, &["b", "c", "d"]),
        (From::Timestamp(base + 1_001), To::End, &["c", "d"]),
        (From::Timestamp(base + 9_000), To::End, &[]),
        (From::Earliest, To::Timestamp(base + 2_000), &["a", "b"]),
        (From::Earliest, To::Timestamp(base + 9_000), &["a", "b", "c", "d"]),
        (From::Timestamp(base + 500), To::Timestamp(base + 2_500), &["b", "c"]),
    ];
    for (from, to, expected) in ranges {
        let read = ctx.read(ConsumeOptions { from, to, ..whole(&name) }).await?;
        ensure_eq!(texts(&read), expected, format!("{from:?} {to:?}"));
    }
    Ok(())
}

pub async fn to_offset(ctx: Ctx) -> Outcome {
    let name = ctx.topic("stops", 1).await?;
    ctx.put_values(&name, 0, &["a", "b", "c", "d", "e"]).await?;
    let ranges: [(From, To, &[&str]); 4] = [
        (From::Earliest, To::Offset(2), &["a", "b"]),
        (From::Offset(1), To::Offset(3), &["b", "c"]),
        (From::Offset(3), To::Offset(3), &[]),
        (From::Offset(4), To::Offset(5), &["e"]),
    ];
    for (from, to, expected) in ranges {
        let read = ctx.read(ConsumeOptions { from, to, ..whole(&name) }).await?;
        ensure_eq!(texts(&read), expected, format!("{from:?} {to:?}"));
    }
    Ok(())
}

pub async fn end_is_fixed_at_the_start(ctx: Ctx) -> Outcome {
    let name = ctx.topic("fixed", 1).await?;
    ctx.put_values(&name, 0, &["a", "b"]).await?;
    let mut consumer = ctx.open(whole(&name)).await?;
    let mut read = read_one(&mut *consumer).await?;
    ctx.put_values(&name, 0, &["late"]).await?;
    read.extend(texts(&read_to_end(&mut *consumer).await?));
    ensure_eq!(read, ["a", "b"], "records up to the end as it was");
    // And once it has ended, it stays so.
    let again = consumer.next(10, Duration::from_millis(200)).await.map_err(told)?;
    ensure!(again.finished && again.batch.is_empty(), "it went on");
    consumer.close().await.map_err(told)
}

async fn read_one(consumer: &mut dyn kafsh_model::port::Consumer) -> Result<Vec<String>, String> {
    let deadline = Instant::now() + AT_ONCE;
    loop {
        let fetched = consumer.next(1, Duration::from_millis(500)).await.map_err(told)?;
        ensure!(fetched.batch.len() <= 1, "more than one");
        if !fetched.batch.is_empty() {
            return Ok(fetched.batch.iter().map(|view| owned(view).text()).collect());
        }
        ensure!(!fetched.finished && Instant::now() < deadline, "no record");
    }
}

pub async fn follows_until_cancelled(ctx: Ctx) -> Outcome {
    let name = ctx.topic("followed", 2).await?;
    ctx.put_values(&name, 0, &["before"]).await?;
    let options = ConsumeOptions { from: From::Latest, to: To::Never, ..whole(&name) };
    let mut consumer = ctx.open(options).await?;
    let began = Instant::now();
    let nothing = consumer.next(10, Duration::from_millis(300)).await.map_err(told)?;
    ensure!(nothing.batch.is_empty() && !nothing.finished, "records from before");
    let waited = began.elapsed();
    ensure!(waited >= Duration::from_millis(250) && waited < AT_ONCE, "waited {waited:?}");
    for round in ["one", "two"] {
        let (reader, writer) = tokio::join!(read_count(&mut *consumer, 2), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ctx.put_values(&name, 0, &[round]).await?;
            ctx.put_values(&name, 1, &[round]).await
        });
        writer?;
        ensure_eq!(texts(&reader?), [round, round], "records as they come");
    }
    consumer.close().await.map_err(told)
}

pub async fn several_topics(ctx: Ctx) -> Outcome {
    let (a, b) = (ctx.topic("a", 3).await?, ctx.topic("b", 2).await?);
    let mut expected: BTreeMap<(String, i32), Vec<String>> = BTreeMap::new();
    for (topic, partitions) in [(&a, 3), (&b, 2)] {
        for partition in 0..partitions {
            let values: Vec<String> = (0..40).map(|n| format!("{topic}/{partition}:{n}")).collect();
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            ctx.put_values(topic, partition, &texts).await?;
            expected.insert((topic.clone(), partition), values);
        }
    }
    let options = ConsumeOptions { topics: vec![a.clone(), b.clone()], ..whole(&a) };
    let mut found: BTreeMap<(String, i32), Vec<String>> = BTreeMap::new();
    for record in ctx.read(options).await? {
        let values = found.entry((record.topic.clone(), record.partition)).or_default();
        ensure_eq!(record.offset, values.len() as i64, "offset");
        values.push(record.text());
    }
    ensure_eq!(found, expected, "records of each partition, in order");
    Ok(())
}

pub async fn chosen_partitions(ctx: Ctx) -> Outcome {
    let name = ctx.topic("some", 3).await?;
    for (partition, value) in [(0, "zero"), (1, "one"), (2, "two")] {
        ctx.put_values(&name, partition, &[value]).await?;
    }
    let read = ctx.read(ConsumeOptions { partitions: vec![0, 2], ..whole(&name) }).await?;
    let mut values = texts(&read);
    values.sort();
    ensure_eq!(values, ["two", "zero"], "records");
    let options = ConsumeOptions { partitions: vec![0, 3], ..whole(&name) };
    fails("partition 3", first_fetch(&ctx, options).await, "partition-not-found", NotFound)
}

/// A consumer may look when it is made, or when it first reads.
async fn first_fetch(ctx: &Ctx, options: ConsumeOptions) -> kafsh_model::Result<()> {
    let mut consumer = ctx.records.consumer(options).await?;
    let deadline = Instant::now() + AT_ONCE;
    while Instant::now() < deadline {
        if consumer.next(10, Duration::from_millis(300)).await?.finished {
            break;
        }
    }
    Ok(())
}

/// So many records come and no more, the first ones, and then reading is finished.
pub async fn count_is_a_bound(ctx: Ctx) -> Outcome {
    let name = ctx.topic("counted", 1).await?;
    let values = ["a", "b", "c", "d", "e"];
    ctx.put_values(&name, 0, &values).await?;
    for (count, to) in [0, 3, 5, 9].into_iter().flat_map(|n| [(n, To::End), (n, To::Never)]) {
        if count > values.len() && to == To::Never {
            continue;
        }
        let hint = Some(count as u64);
        let read = ctx.read(ConsumeOptions { count_hint: hint, to, ..whole(&name) }).await?;
        let wanted = &values[..count.min(values.len())];
        ensure_eq!(texts(&read), wanted, format!("of 5 records with count {count}, {to:?}"));
    }
    // In bites, the last of them cut short; and what is finished stays so.
    let mut consumer = ctx.open(ConsumeOptions { count_hint: Some(3), ..whole(&name) }).await?;
    let deadline = Instant::now() + AT_ONCE;
    let mut read = Vec::new();
    while read.len() < 3 {
        let fetched = consumer.next(2, Duration::from_millis(500)).await.map_err(told)?;
        read.extend(fetched.batch.iter().map(|view| owned(view).text()));
        ensure_eq!(fetched.finished, read.len() == 3, format!("finished after {read:?}"));
        ensure!(Instant::now() < deadline, "no third record");
    }
    ensure_eq!(read, ["a", "b", "c"], "in bites of two");
    let again = consumer.next(2, Duration::from_millis(200)).await.map_err(told)?;
    ensure!(again.finished && again.batch.is_empty(), "it went on");
    consumer.close().await.map_err(told)
}

pub async fn unknown_topic(ctx: Ctx) -> Outcome {
    let name = ctx.name("never");
    fails("assign", first_fetch(&ctx, whole(&name)).await, "topic-not-found", NotFound)?;
    let known = ctx.topic("known", 1).await?;
    let both = ConsumeOptions { topics: vec![known, name.clone()], ..whole(&name) };
    fails("one of two", first_fetch(&ctx, both).await, "topic-not-found", NotFound)?;
    let grouped = ConsumeOptions { group: Some(ctx.name("group")), ..whole(&name) };
    fails("group", first_fetch(&ctx, grouped).await, "topic-not-found", NotFound)?;
    ensure!(!ctx.is_listed(&name).await?, "reading has created it");
    Ok(())
}

pub async fn latest_to_end(ctx: Ctx) -> Outcome {
    let name = ctx.topic("latest", 2).await?;
    ctx.put_values(&name, 1, &["a"]).await?;
    let began = Instant::now();
    let read = ctx.read(ConsumeOptions { from: From::Latest, ..whole(&name) }).await?;
    ensure!(read.is_empty(), "{read:?}");
    ensure!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
    Ok(())
}

pub async fn offset_beyond_the_end(ctx: Ctx) -> Outcome {
    let name = ctx.topic("beyond", 1).await?;
    ctx.put_values(&name, 0, &["a"]).await?;
    let began = Instant::now();
    let read = ctx.read(ConsumeOptions { from: From::Offset(100), ..whole(&name) }).await?;
    ensure!(read.is_empty(), "{read:?}");
    ensure!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
    Ok(())
}

pub async fn small_bites(ctx: Ctx) -> Outcome {
    let name = ctx.topic("bites", 2).await?;
    let values: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = values.iter().map(String::as_str).collect();
    ctx.put_values(&name, 0, &texts).await?;
    ctx.put_values(&name, 1, &texts).await?;
    let mut consumer = ctx.open(whole(&name)).await?;
    let deadline = Instant::now() + AT_ONCE;
    let mut count = 0;
    loop {
        let fetched = consumer.next(7, Duration::from_millis(500)).await.map_err(told)?;
        ensure!(fetched.batch.len() <= 7, "{} records where 7 fit", fetched.batch.len());
        count += fetched.batch.len();
        if fetched.finished {
            break;
        }
        ensure!(Instant::now() < deadline, "no end");
    }
    ensure_eq!(count, 60, "records");
    consumer.close().await.map_err(told)
}
