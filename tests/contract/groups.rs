//! Consumer groups: what is committed is where reading goes on.

use std::time::{Duration, Instant};

use kafsh_model::Class::NotFound;
use kafsh_model::group::{CommittedOffset, GroupListing};
use kafsh_model::port::{ConsumeOptions, Consumer, Fetched, From, To};
use kafsh_model::topic::OffsetAt;

use super::support::*;

/// Time for every broker to list its groups, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

fn grouped(topic: &str, group: &str) -> ConsumeOptions {
    ConsumeOptions { from: From::Committed, group: Some(group.to_string()), ..whole(topic) }
}

/// Reads all, commits, and leaves.
async fn read_and_commit(ctx: &Ctx, topic: &str, group: &str) -> Result<Vec<String>, String> {
    let mut consumer = ctx.open(grouped(topic, group)).await?;
    let mut read = texts(&read_to_end(&mut *consumer).await?);
    consumer.commit().await.map_err(told)?;
    consumer.close().await.map_err(told)?;
    read.sort();
    Ok(read)
}

pub async fn commit_and_resume(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("resumed", 2).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a", "b"]).await?;
    ctx.put_values(&name, 1, &["c"]).await?;
    ensure_eq!(read_and_commit(&ctx, &name, &group).await?, ["a", "b", "c"], "first");
    ensure!(read_and_commit(&ctx, &name, &group).await?.is_empty(), "again, with nothing new");
    ctx.put_values(&name, 1, &["d"]).await?;
    ensure_eq!(read_and_commit(&ctx, &name, &group).await?, ["d"], "what is new");
    let mut consumer =
        ctx.open(ConsumeOptions { from: From::Earliest, ..grouped(&name, &group) }).await?;
    let all = read_to_end(&mut *consumer).await?;
    consumer.close().await.map_err(told)?;
    ensure_eq!(all.len(), 4, "from the earliest in spite of what is committed");
    Ok(())
}

pub async fn reading_commits_nothing(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("read", 1).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a", "b"]).await?;
    for round in 1..=2 {
        let mut consumer = ctx.open(grouped(&name, &group)).await?;
        let read = texts(&read_to_end(&mut *consumer).await?);
        consumer.close().await.map_err(told)?;
        ensure_eq!(read, ["a", "b"], format!("round {round}, without a commit"));
    }
    // Only what was handed out is committed.
    let mut consumer = ctx.open(grouped(&name, &group)).await?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while consumer.next(1, Duration::from_millis(500)).await.map_err(told)?.batch.is_empty() {
        ensure!(Instant::now() < deadline, "no record");
    }
    consumer.commit().await.map_err(told)?;
    consumer.close().await.map_err(told)?;
    ensure_eq!(read_and_commit(&ctx, &name, &group).await?, ["b"], "the rest");
    Ok(())
}

pub async fn listed_and_described(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("described", 2).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a"]).await?;
    let mut consumer = ctx.open(ConsumeOptions { to: To::Never, ..grouped(&name, &group) }).await?;
    read_count(&mut *consumer, 1).await?;
    consumer.commit().await.map_err(told)?;
    let described = ctx.admin.describe_group(&group).await.map_err(told)?;
    ensure_eq!(described.group, group, "name");
    ensure_eq!(described.state, "Stable", "state with a member");
    ensure_eq!(described.protocol_type, "consumer", "type");
    ensure!(!described.protocol.is_empty(), "no assignor");
    ensure_eq!(described.members.len(), 1, "members");
    ensure_eq!(described.members[0].assignment, [at(&name, 0), at(&name, 1)], "assignment");
    let ids = ctx.broker_ids().await?;
    ensure!(described.coordinator.is_some_and(|id| ids.contains(&id)), "{described:?}");
    let listed = ctx.admin.list_groups(SOON).await.map_err(told)?;
    ensure_eq!(
        listed.iter().map(|(id, _)| *id).collect::<Vec<i32>>(),
        ids,
        "every broker, in order"
    );
    for (id, groups) in &listed {
        let groups = groups.as_ref().map_err(|error| format!("broker {id}: {error}"))?;
        let is_there = groups.iter().any(|listing| listing.group == group);
        ensure_eq!(is_there, described.coordinator == Some(*id), "only its coordinator lists it");
    }
    let listed: Vec<GroupListing> =
        listed.into_iter().flat_map(|(_, all)| all.ok()).flatten().collect();
    let listed = listed.iter().find(|listing| listing.group == group).ok_or("it is not listed")?;
    ensure_eq!(listed.protocol_type, "consumer", "type");
    ensure!(listed.state.as_deref().is_none_or(|state| state == "Stable"), "{listed:?}");
    consumer.close().await.map_err(told)?;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let described = ctx.admin.describe_group(&group).await.map_err(told)?;
        if described.state == "Empty" && described.members.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "its member did not leave: {described:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn committed_offsets(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("committed", 3).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a", "b"]).await?;
    ctx.put_values(&name, 2, &["c"]).await?;
    read_and_commit(&ctx, &name, &group).await?;
    let offsets = ctx.admin.committed_offsets(&group).await.map_err(told)?;
    let committed = |partition, offset| CommittedOffset {
        topic: name.clone(),
        partition,
        offset,
        metadata: None,
    };
    // Of a partition without records nothing was handed out, so nothing is committed.
    ensure_eq!(offsets, [committed(0, 2), committed(2, 1)], "offsets");
    Ok(())
}

/// What `group describe` computes lag from, where a group has read one of two partitions.
pub async fn no_commit_is_lag(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("uncommitted", 2).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a", "b"]).await?;
    read_and_commit(&ctx, &name, &group).await?;
    ctx.put_values(&name, 1, &["c", "d", "e"]).await?;
    let committed = ctx.admin.committed_offsets(&group).await.map_err(told)?;
    ensure_eq!(committed.iter().map(|c| c.partition).collect::<Vec<i32>>(), [0], "commits");
    let topics = ctx.admin.topics(Some(std::slice::from_ref(&name))).await.map_err(told)?;
    ensure_eq!(topics[0].partitions.len(), 2, "partitions of the topic");
    for (point, wanted) in [(OffsetAt::Earliest, 0), (OffsetAt::Latest, 3)] {
        let listed = ctx.admin.list_offsets(&[at(&name, 1)], point).await.map_err(told)?;
        ensure_eq!(listed, [(at(&name, 1), Some(wanted))], "of the partition without a commit");
    }
    ensure!(ctx.admin.list_offsets(&[], OffsetAt::Earliest).await.map_err(told)?.is_empty(), "[]");
    Ok(())
}

pub async fn unknown_group(ctx: Ctx) -> Outcome {
    let group = ctx.name("never");
    let described = ctx.admin.describe_group(&group).await;
    fails("describe", described, "group-not-found", NotFound)?;
    let offsets = ctx.admin.committed_offsets(&group).await.map_err(told)?;
    ensure!(offsets.is_empty(), "{offsets:?}");
    let listed = ctx.admin.list_groups(SOON).await.map_err(told)?;
    let mut listed = listed.iter().filter_map(|(_, groups)| groups.as_ref().ok()).flatten();
    ensure!(listed.all(|listing| listing.group != group), "asking has made it");
    Ok(())
}

pub async fn groups_are_apart(ctx: Ctx) -> Outcome {
    let name = ctx.topic("shared", 1).await?;
    ctx.put_values(&name, 0, &["a", "b"]).await?;
    for word in ["one", "two"] {
        let read = read_and_commit(&ctx, &name, &ctx.name(word)).await?;
        ensure_eq!(read, ["a", "b"], format!("group {word}"));
    }
    Ok(())
}

pub async fn members_share_partitions(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("parted", 2).await?, ctx.name("group"));
    let options = ConsumeOptions { to: To::Never, ..grouped(&name, &group) };
    let mut one = ctx.open(options.clone()).await?;
    let mut two = ctx.open(options).await?;
    let read = settle(&ctx, &group, [&mut *one, &mut *two], [1, 1]).await?;
    ensure!(read.iter().all(Vec::is_empty), "{read:?}");
    ctx.put_values(&name, 0, &["a"]).await?;
    ctx.put_values(&name, 1, &["b"]).await?;
    let (a, b) = tokio::join!(read_count(&mut *one, 1), read_count(&mut *two, 1));
    let (a, b) = (a?, b?);
    ensure!(a.len() == 1 && b.len() == 1, "{a:?} {b:?}");
    ensure!(a[0].partition != b[0].partition, "both read the same");
    one.close().await.map_err(told)?;
    two.close().await.map_err(told)
}

pub async fn idle_member_takes_over(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("handed", 1).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a"]).await?;
    let options = ConsumeOptions { to: To::Never, ..grouped(&name, &group) };
    let mut one = ctx.open(options.clone()).await?;
    let mut two = ctx.open(options).await?;
    settle(&ctx, &group, [&mut *one, &mut *two], [0, 1]).await?;
    ctx.put_values(&name, 0, &["b"]).await?;
    // Only one of them gets it; the other waits, and does not end.
    let deadline = Instant::now() + Duration::from_secs(20);
    let one_has_it = loop {
        let (a, b) = next_of_both([&mut *one, &mut *two]).await?;
        match (a.last().map(String::as_str), b.last().map(String::as_str)) {
            (Some("b"), None) => break true,
            (None, Some("b")) => break false,
            _ => ensure!(Instant::now() < deadline, "{a:?} {b:?}"),
        }
    };
    let (mut busy, mut idle) = if one_has_it { (one, two) } else { (two, one) };
    busy.commit().await.map_err(told)?;
    busy.close().await.map_err(told)?;
    ctx.put_values(&name, 0, &["c"]).await?;
    ensure_eq!(texts(&read_count(&mut *idle, 1).await?), ["c"], "what the idle member reads");
    idle.close().await.map_err(told)
}

/// Values that come within 200 ms; neither may end.
async fn next_of_both(
    [one, two]: [&mut dyn Consumer; 2],
) -> Result<(Vec<String>, Vec<String>), String> {
    let wait = Duration::from_millis(200);
    let (a, b) = tokio::join!(one.next(10, wait), two.next(10, wait));
    let (a, b) = (a.map_err(told)?, b.map_err(told)?);
    ensure!(!a.finished && !b.finished, "a member without end has ended");
    let values = |fetched: &Fetched| fetched.batch.iter().map(|view| owned(view).text()).collect();
    Ok((values(&a), values(&b)))
}

/// Both poll, as members must for the group to settle, until it has shared its partitions out in
/// these numbers (in any order). Returns what each has read meanwhile.
async fn settle(
    ctx: &Ctx,
    group: &str,
    [one, two]: [&mut dyn Consumer; 2],
    wanted: [usize; 2],
) -> Result<[Vec<String>; 2], String> {
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut read = [Vec::new(), Vec::new()];
    loop {
        let (a, b) = next_of_both([&mut *one, &mut *two]).await?;
        read[0].extend(a);
        read[1].extend(b);
        // A group that is just coming up may not be known yet.
        let mut shares: Vec<usize> = match ctx.admin.describe_group(group).await {
            Ok(group) => group.members.iter().map(|member| member.assignment.len()).collect(),
            Err(error) if error.class.is_not_yet() => Vec::new(),
            Err(error) => return Err(told(error)),
        };
        shares.sort();
        if shares == wanted {
            return Ok(read);
        }
        ensure!(Instant::now() < deadline, "shares {shares:?}");
    }
}

pub async fn count_bounds_what_is_committed(ctx: Ctx) -> Outcome {
    let (name, group) = (ctx.topic("bounded", 1).await?, ctx.name("group"));
    ctx.put_values(&name, 0, &["a", "b", "c", "d", "e"]).await?;
    for (to, expected) in [(To::End, ["a", "b"]), (To::Never, ["c", "d"])] {
        let options = ConsumeOptions { count_hint: Some(2), to, ..grouped(&name, &group) };
        let mut consumer = ctx.open(options).await?;
        let read = texts(&read_to_end(&mut *consumer).await?);
        consumer.commit().await.map_err(told)?;
        consumer.close().await.map_err(told)?;
        ensure_eq!(read, expected, format!("two at a time, {to:?}"));
    }
    ensure_eq!(read_and_commit(&ctx, &name, &group).await?, ["e"], "the rest");
    Ok(())
}
