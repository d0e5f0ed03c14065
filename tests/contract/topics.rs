//! Topics: created, described, grown, deleted, and every way in which that is refused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafsh_model::Class::{Failed, NotFound, Usage};
use kafsh_model::topic::TopicSpec;

use super::support::*;

/// How long a deletion may go on after no broker shows the topic any more.
const DELETED: Duration = Duration::from_secs(20);

pub async fn create_and_describe(ctx: Ctx) -> Outcome {
    let (ids, factor) = (ctx.broker_ids().await?, ctx.factor().await? as usize);
    let name = ctx.topic("made", 6).await?;
    let topic = ctx.describe(&name).await?;
    ensure!(!topic.internal, "it is internal");
    ensure!(topic.id.as_ref().is_none_or(|id| id.len() == 22), "odd id {:?}", topic.id);
    ensure_eq!(topic.replication_factor(), factor, "replication factor");
    for (index, partition) in topic.partitions.iter().enumerate() {
        ensure_eq!(partition.partition, index as i32, "number of the partition");
        ensure_eq!(partition.replicas.len(), factor, "replicas");
        ensure!(partition.replicas.iter().all(|id| ids.contains(id)), "{partition:?}");
        ensure!(partition.leader == partition.replicas.first().copied(), "{partition:?}");
        ensure!(!partition.is_under_replicated(), "{partition:?}");
        ensure!(partition.offline_replicas.is_empty(), "{partition:?}");
    }
    let leads = |id: &i32| topic.partitions.iter().filter(|p| p.leader == Some(*id)).count();
    let expected = 6 / ids.len();
    ensure!(ids.iter().all(|id| leads(id) >= expected), "leaders are not spread: {topic:?}");
    Ok(())
}

pub async fn create_with_the_brokers_defaults(ctx: Ctx) -> Outcome {
    let name = ctx.name("defaults");
    let spec = TopicSpec {
        name: name.clone(),
        partitions: None,
        replication_factor: None,
        assignments: Vec::new(),
        configs: BTreeMap::new(),
    };
    ctx.create_one(&spec, false).await.map_err(told)?;
    ctx.await_everywhere(&name, |topic| topic.is_some_and(|t| !t.partitions.is_empty())).await
}

pub async fn create_twice(ctx: Ctx) -> Outcome {
    let name = ctx.topic("twice", 1).await?;
    let spec = ctx.spec(&name, 1).await?;
    fails("create", ctx.create_one(&spec, false).await, "topic-exists", Failed)?;
    fails("validate", ctx.create_one(&spec, true).await, "topic-exists", Failed)
}

pub async fn bad_names(ctx: Ctx) -> Outcome {
    let long = "x".repeat(250);
    for name in ["", ".", "..", "a b", "a/b", "a:b", "a\nb", "ü", "a\"b", long.as_str()] {
        let spec = ctx.spec(name, 1).await?;
        let what = format!("create {name:?}");
        fails(&what, ctx.create_one(&spec, false).await, "bad-topic-name", Usage)?;
    }
    Ok(())
}

pub async fn colliding_names(ctx: Ctx) -> Outcome {
    ctx.topic("a.b", 1).await?;
    let spec = ctx.spec(&ctx.name("a_b"), 1).await?;
    fails("create", ctx.create_one(&spec, false).await, "bad-topic-name", Usage)
}

pub async fn replication_factor_out_of_range(ctx: Ctx) -> Outcome {
    let brokers = ctx.broker_ids().await?.len() as i16;
    for factor in [brokers + 1, i16::MAX, 0, -2] {
        let mut spec = ctx.spec(&ctx.name("factor"), 1).await?;
        spec.replication_factor = Some(factor);
        let result = ctx.create_one(&spec, false).await;
        fails(&format!("factor {factor}"), result, "invalid-replication-factor", Usage)?;
    }
    Ok(())
}

pub async fn partitions_out_of_range(ctx: Ctx) -> Outcome {
    for partitions in [0, -5] {
        let spec = ctx.spec(&ctx.name("partitions"), partitions).await?;
        let result = ctx.create_one(&spec, false).await;
        fails(&format!("{partitions} partitions"), result, "invalid-partitions", Usage)?;
    }
    Ok(())
}

pub async fn validate_only_creates_nothing(ctx: Ctx) -> Outcome {
    let name = ctx.name("dry");
    let mut spec = ctx.spec(&name, 2).await?;
    ctx.create_one(&spec, true).await.map_err(told)?;
    ensure!(!ctx.is_listed(&name).await?, "it was created");
    spec.partitions = Some(0);
    fails("bad one", ctx.create_one(&spec, true).await, "invalid-partitions", Usage)
}

pub async fn several_in_one_call(ctx: Ctx) -> Outcome {
    let taken = ctx.topic("taken", 1).await?;
    let names = [ctx.name("first"), taken, ctx.name("b a d"), ctx.name("last")];
    let mut specs = Vec::new();
    for name in &names {
        specs.push(ctx.spec(name, 1).await?);
    }
    let outcomes = ctx.admin.create_topics(&specs, false).await.map_err(told)?;
    let told_of: Vec<&String> = outcomes.iter().map(|(name, _)| name).collect();
    ensure_eq!(told_of, names.iter().collect::<Vec<_>>(), "names in order");
    let codes: Vec<String> = outcomes
        .iter()
        .map(|(_, outcome)| match outcome {
            Ok(_) => "ok".to_string(),
            Err(error) => error.code.to_string(),
        })
        .collect();
    ensure_eq!(codes, ["ok", "topic-exists", "bad-topic-name", "ok"], "outcomes");
    for name in [&names[0], &names[3]] {
        ctx.await_everywhere(name, |topic| topic.is_some()).await?;
    }
    let outcomes = ctx.admin.delete_topics(&names).await.map_err(told)?;
    let done: Vec<bool> = outcomes.iter().map(|(_, outcome)| outcome.is_ok()).collect();
    ensure_eq!(done, [true, true, false, true], "deletions");
    Ok(())
}

pub async fn placed_by_hand(ctx: Ctx) -> Outcome {
    let mut ids = ctx.broker_ids().await?;
    ids.reverse();
    let name = ctx.name("placed");
    let mut spec = ctx.spec(&name, 1).await?;
    (spec.partitions, spec.replication_factor) = (None, None);
    spec.assignments = vec![ids.clone(), ids.clone()];
    ctx.create_one(&spec, false).await.map_err(told)?;
    ctx.await_everywhere(&name, |topic| topic.is_some_and(|t| t.partitions.len() == 2)).await?;
    let topic = ctx.describe(&name).await?;
    for partition in topic.partitions {
        ensure_eq!(partition.replicas, ids, "replicas as asked for");
        ensure_eq!(partition.leader, ids.first().copied(), "the first one leads");
    }
    Ok(())
}

pub async fn bad_placement(ctx: Ctx) -> Outcome {
    let ids = ctx.broker_ids().await?;
    let first = ids[0];
    // Brokers that nobody knows are not among them: with ZooKeeper a controller takes them, and the
    // partition waits for ever.
    for assignments in [vec![vec![first, first]], vec![ids.clone(), vec![]]] {
        let mut spec = ctx.spec(&ctx.name("misplaced"), 1).await?;
        (spec.partitions, spec.replication_factor) = (None, None);
        spec.assignments = assignments.clone();
        let result = ctx.create_one(&spec, false).await;
        fails(&format!("{assignments:?}"), result, "invalid-replica-assignment", Usage)?;
    }
    Ok(())
}

pub async fn unknown_topic_is_not_created(ctx: Ctx) -> Outcome {
    let name = ctx.name("unknown");
    let names = [name.clone()];
    fails("describe", ctx.admin.topics(Some(&names)).await, "topic-not-found", NotFound)?;
    let seen = ctx.admin.topics_on_every_broker(&names).await.map_err(told)?;
    let ids: Vec<i32> = seen.iter().map(|(id, _)| *id).collect();
    ensure_eq!(ids, ctx.broker_ids().await?, "brokers asked");
    ensure!(seen.iter().all(|(_, topics)| topics.is_empty()), "{seen:?}");
    ensure!(!ctx.is_listed(&name).await?, "asking has created it");
    Ok(())
}

pub async fn listed_by_name(ctx: Ctx) -> Outcome {
    let (b, a) = (ctx.topic("b", 1).await?, ctx.topic("a", 2).await?);
    let all = ctx.admin.topics(None).await.map_err(told)?;
    let names: Vec<&String> = all.iter().map(|topic| &topic.name).collect();
    let mut sorted = names.clone();
    sorted.sort();
    ensure_eq!(names, sorted, "order");
    ensure!(names.contains(&&a) && names.contains(&&b), "not all are listed");
    let two = ctx.admin.topics(Some(&[b.clone(), a.clone()])).await.map_err(told)?;
    let names: Vec<String> = two.into_iter().map(|topic| topic.name).collect();
    ensure_eq!(names, [a, b], "the two asked for");
    let none = ctx.admin.topics(Some(&[])).await.map_err(told)?;
    ensure!(none.is_empty(), "nothing was asked for");
    Ok(())
}

pub async fn delete_and_create_again(ctx: Ctx) -> Outcome {
    let name = ctx.topic("again", 1).await?;
    let before = ctx.describe(&name).await?;
    ctx.put_values(&name, 0, &["old"]).await?;
    let outcomes = ctx.admin.delete_topics(std::slice::from_ref(&name)).await.map_err(told)?;
    for (_, outcome) in outcomes {
        outcome.map_err(told)?;
    }
    ctx.await_everywhere(&name, |topic| topic.is_none()).await?;
    let spec = ctx.spec(&name, 1).await?;
    // When the brokers have forgotten a topic, the controller may still be deleting it.
    let deadline = Instant::now() + DELETED;
    while let Err(error) = ctx.create_one(&spec, false).await {
        let again = error.code == "topic-exists" && Instant::now() < deadline;
        ensure!(again, "create again: {}", told(error));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let led = |topic: Option<&kafsh_model::topic::TopicDescription>| {
        topic.is_some_and(|t| t.partitions.len() == 1 && !t.partitions[0].is_offline())
    };
    ctx.await_everywhere(&name, led).await?;
    ctx.put_values(&name, 0, &["new"]).await?;
    ensure_eq!(texts(&ctx.read(whole(&name)).await?), ["new"], "records");
    let after = ctx.describe(&name).await?;
    ensure!(before.id.is_none() || before.id != after.id, "it kept its id");
    Ok(())
}

pub async fn delete_unknown(ctx: Ctx) -> Outcome {
    let name = ctx.name("never");
    let mut outcomes = ctx.admin.delete_topics(&[name]).await.map_err(told)?;
    let (_, outcome) = outcomes.pop().ok_or("no outcome")?;
    fails("delete", outcome, "topic-not-found", NotFound)
}

pub async fn add_partitions(ctx: Ctx) -> Outcome {
    let name = ctx.topic("grown", 2).await?;
    let before = ctx.describe(&name).await?;
    ctx.admin.add_partitions(&name, 5, true).await.map_err(told)?;
    ensure_eq!(ctx.describe(&name).await?.partitions.len(), 2, "after a dry run");
    ctx.admin.add_partitions(&name, 5, false).await.map_err(told)?;
    ctx.await_everywhere(&name, |topic| topic.is_some_and(|t| t.partitions.len() == 5)).await?;
    let after = ctx.describe(&name).await?;
    ensure_eq!(after.partitions[..2], before.partitions[..], "the old partitions");
    ensure_eq!(after.replication_factor(), before.replication_factor(), "replication factor");
    Ok(())
}

pub async fn add_partitions_refused(ctx: Ctx) -> Outcome {
    let name = ctx.topic("fixed", 3).await?;
    for total in [3, 2, 0, -1] {
        for dry in [true, false] {
            let result = ctx.admin.add_partitions(&name, total, dry).await;
            fails(&format!("to {total}"), result, "invalid-partitions", Usage)?;
        }
    }
    let result = ctx.admin.add_partitions(&ctx.name("never"), 3, false).await;
    fails("unknown topic", result, "topic-not-found", NotFound)
}

pub async fn every_broker_knows(ctx: Ctx) -> Outcome {
    let name = ctx.topic("known", 3).await?;
    let seen = ctx.admin.topics_on_every_broker(&[name]).await.map_err(told)?;
    let ids: Vec<i32> = seen.iter().map(|(id, _)| *id).collect();
    ensure_eq!(ids, ctx.broker_ids().await?, "brokers");
    for (id, topics) in seen {
        ensure_eq!(topics.len(), 1, format!("topics as broker {id} sees them"));
        ensure_eq!(topics[0].partitions.len(), 3, format!("partitions on broker {id}"));
    }
    Ok(())
}
