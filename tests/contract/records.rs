//! Records come back as they were sent, byte for byte.

use kafsh_model::record::{RecordView, TimestampType};

use super::support::*;

/// Bytes that do not compress, always the same.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

pub async fn every_byte_comes_back(ctx: Ctx) -> Outcome {
    let name = ctx.topic("bytes", 1).await?;
    let all: Vec<u8> = (0..=255).collect();
    let backwards: Vec<u8> = all.iter().rev().copied().collect();
    let sent = [
        RecordView::new(&name, Some(&all), Some(&backwards)),
        RecordView::new(&name, Some(b"\xff\xfe\x00"), Some(b"not \xc3\x28 utf-8\r\n")),
        RecordView::new(&name, Some(b"\0"), Some(b"\0\0")),
    ];
    let delivered = ctx.put(&sent).await?;
    let offsets: Vec<i64> = delivered.iter().map(|d| d.offset).collect();
    ensure_eq!(offsets, [0, 1, 2], "offsets");
    let read = ctx.read(whole(&name)).await?;
    ensure_eq!(read.len(), sent.len(), "records");
    for (read, sent) in read.iter().zip(&sent) {
        ensure_eq!(read.key.as_deref(), sent.key, "key");
        ensure_eq!(read.value.as_deref(), sent.value, "value");
        ensure!(read.headers.is_empty() && read.topic == name, "{read:?}");
    }
    Ok(())
}

pub async fn null_and_empty(ctx: Ctx) -> Outcome {
    let name = ctx.topic("nulls", 1).await?;
    type Bytes = Option<&'static [u8]>;
    let pairs: [(Bytes, Bytes); 6] = [
        (None, Some(b"v")),
        (Some(b""), Some(b"v")),
        (Some(b"k"), None),
        (Some(b"k"), Some(b"")),
        (None, None),
        (Some(b""), Some(b"")),
    ];
    let sent: Vec<_> =
        pairs.iter().map(|(key, value)| RecordView::new(&name, *key, *value)).collect();
    ctx.put(&sent).await?;
    let read = ctx.read(whole(&name)).await?;
    let read: Vec<_> = read.iter().map(|r| (r.key.as_deref(), r.value.as_deref())).collect();
    ensure_eq!(read, pairs, "keys and values");
    Ok(())
}

pub async fn headers(ctx: Ctx) -> Outcome {
    let name = ctx.topic("headers", 1).await?;
    let some: [(&str, Option<&[u8]>); 6] = [
        ("a", Some(b"1")),
        ("b", None),
        ("a", Some(b"2")),
        ("empty", Some(b"")),
        ("binary", Some(b"\0\xff")),
        ("ünïcode", Some(b"x")),
    ];
    let record = RecordView::new(&name, Some(b"k"), Some(b"v"));
    ctx.put(&[with_headers(record, &some), record]).await?;
    let read = ctx.read(whole(&name)).await?;
    let first: Vec<(&str, Option<&[u8]>)> =
        read[0].headers.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
    ensure_eq!(first, some, "headers, in order, names twice");
    ensure!(read[1].headers.is_empty(), "headers out of nowhere: {:?}", read[1]);
    Ok(())
}

pub async fn large_record(ctx: Ctx) -> Outcome {
    let configs = [("max.message.bytes", "2097152")];
    let name = ctx.topic_with("large", 1, &configs).await?;
    let value = noise(1 << 20);
    ctx.put(&[RecordView::new(&name, None, Some(&value))]).await?;
    let read = ctx.read(whole(&name)).await?;
    ensure!(read.len() == 1, "{} records", read.len());
    ensure!(read[0].value.as_deref() == Some(&value[..]), "1 MiB came back changed");
    Ok(())
}

pub async fn timestamps_are_kept(ctx: Ctx) -> Outcome {
    let name = ctx.topic("times", 1).await?;
    let stamps = [1_600_000_000_123, 1_500_000_000_000, 1];
    let records: Vec<_> = stamps
        .iter()
        .map(|ms| RecordView { timestamp_ms: *ms, ..RecordView::new(&name, None, Some(b"v")) })
        .collect();
    let before = now_ms();
    ctx.put(&records).await?;
    ctx.put(&[RecordView::new(&name, None, Some(b"now"))]).await?;
    let after = now_ms();
    let read = ctx.read(whole(&name)).await?;
    let kept: Vec<i64> = read.iter().map(|r| r.timestamp_ms).take(stamps.len()).collect();
    ensure_eq!(kept, stamps, "timestamps");
    ensure!(read.iter().all(|r| r.timestamp_type == TimestampType::Create), "types");
    let chosen = read[stamps.len()].timestamp_ms;
    ensure!((before..=after).contains(&chosen), "{chosen} is not between {before} and {after}");
    // To librdkafka 0 means "now": told, never written as what it is not.
    let first = RecordView { timestamp_ms: 0, ..RecordView::new(&name, None, Some(b"v")) };
    let refused = ctx.send(&[first]).await?.pop().ok_or("no outcome")?;
    ensure_eq!(refused.map_err(|error| error.code).err(), Some("timestamp-zero".into()), "refusal");
    Ok(())
}

pub async fn log_append_time(ctx: Ctx) -> Outcome {
    let configs = [("message.timestamp.type", "LogAppendTime")];
    let name = ctx.topic_with("appended", 1, &configs).await?;
    let before = now_ms();
    let old = RecordView { timestamp_ms: 1_000, ..RecordView::new(&name, None, Some(b"v")) };
    ctx.put(&[old]).await?;
    let after = now_ms();
    let read = ctx.read(whole(&name)).await?;
    ensure_eq!(read[0].timestamp_type, TimestampType::LogAppend, "type");
    ensure!((before..=after).contains(&read[0].timestamp_ms), "{:?}", read[0]);
    Ok(())
}

/// Keys and their murmur2 as in Java's `UtilsTest.testMurmur2`.
pub async fn keys_go_where_java_sends_them(ctx: Ctx) -> Outcome {
    const PARTITIONS: i32 = 13;
    let vectors: [(&[u8], i32); 6] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ];
    let name = ctx.topic("keyed", PARTITIONS).await?;
    let records: Vec<_> =
        vectors.iter().map(|(key, _)| RecordView::new(&name, Some(key), Some(b"v"))).collect();
    let delivered = ctx.put(&records).await?;
    for ((key, hash), delivered) in vectors.iter().zip(&delivered) {
        let expected = (hash & i32::MAX) % PARTITIONS;
        ensure_eq!(delivered.partition, expected, format!("partition of {key:?}"));
    }
    let read = ctx.read(whole(&name)).await?;
    for (key, hash) in vectors {
        let found = read.iter().find(|record| record.key.as_deref() == Some(key));
        let partition = found.map(|record| record.partition);
        ensure_eq!(partition, Some((hash & i32::MAX) % PARTITIONS), format!("read {key:?}"));
    }
    // The empty key is a key: always the same partition.
    let empty = RecordView::new(&name, Some(b""), Some(b"v"));
    let places: Vec<i32> = ctx.put(&[empty; 8]).await?.iter().map(|d| d.partition).collect();
    ensure!(places.iter().all(|p| *p == places[0]), "the empty key wanders: {places:?}");
    Ok(())
}

pub async fn order_is_kept(ctx: Ctx) -> Outcome {
    let name = ctx.topic("ordered", 2).await?;
    let values: Vec<String> = (0..500).map(|n| format!("{n:04}")).collect();
    let records: Vec<_> = values
        .iter()
        .map(|value| RecordView {
            partition: 1,
            ..RecordView::new(&name, Some(b"k"), Some(value.as_bytes()))
        })
        .collect();
    let delivered = ctx.put(&records).await?;
    let in_place = |(index, d): (usize, &kafsh_model::port::Delivered)| {
        d.partition == 1 && d.offset == index as i64
    };
    ensure!(delivered.iter().enumerate().all(in_place), "{delivered:?}");
    let read = ctx.read(whole(&name)).await?;
    ensure_eq!(texts(&read), values, "order");
    Ok(())
}
