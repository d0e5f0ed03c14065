//! Configuration: set, taken back, added to, and refused.

use std::collections::BTreeMap;

use kafsh_model::Class::{Failed, NotFound, Usage};
use kafsh_model::config::{ConfigChange, ConfigResource, ConfigSource};

use super::support::*;

fn set(key: &str, value: &str) -> ConfigChange {
    ConfigChange::Set { key: key.to_string(), value: value.to_string() }
}

fn unset(key: &str) -> ConfigChange {
    ConfigChange::Unset { key: key.to_string() }
}

fn append(key: &str, value: &str) -> ConfigChange {
    ConfigChange::Append { key: key.to_string(), value: value.to_string() }
}

fn subtract(key: &str, value: &str) -> ConfigChange {
    ConfigChange::Subtract { key: key.to_string(), value: value.to_string() }
}

fn topic(name: &str) -> ConfigResource {
    ConfigResource::Topic(name.to_string())
}

pub async fn created_with_configs(ctx: Ctx) -> Outcome {
    let configs = [("retention.ms", "3600000"), ("cleanup.policy", "compact,delete")];
    let name = ctx.topic_with("configured", 1, &configs).await?;
    for (key, value) in configs {
        let entry = ctx.config(&name, key).await?;
        ensure_eq!(entry.value.as_deref(), Some(value), key);
        ensure_eq!(entry.source, ConfigSource::Topic, key);
    }
    let entry = ctx.config(&name, "segment.ms").await?;
    ensure!(entry.source != ConfigSource::Topic, "{entry:?}");
    ensure_eq!(entry.value.as_deref(), Some("604800000"), "a default");
    Ok(())
}

pub async fn bad_configs_on_create(ctx: Ctx) -> Outcome {
    let bad = [
        ("retention.ms", "soon"),
        ("cleanup.policy", "shred"),
        ("min.insync.replicas", "0"),
        ("retention.msx", "1"),
    ];
    for (key, value) in bad {
        let mut spec = ctx.spec(&ctx.name("misconfigured"), 1).await?;
        spec.configs = BTreeMap::from([(key.to_string(), value.to_string())]);
        for dry in [true, false] {
            let result = ctx.create_one(&spec, dry).await;
            fails(&format!("{key}={value}"), result, "invalid-config", Usage)?;
        }
    }
    Ok(())
}

pub async fn set_and_unset(ctx: Ctx) -> Outcome {
    let name = ctx.topic_with("changed", 1, &[("segment.bytes", "1048576")]).await?;
    let at = topic(&name);
    let before = ctx.config(&name, "retention.ms").await?;
    ensure!(before.source != ConfigSource::Topic, "{before:?}");
    let changes = [set("retention.ms", "60000"), set("max.message.bytes", "2000")];
    ctx.admin.alter_configs(&at, &changes, false).await.map_err(told)?;
    ctx.await_config(&at, "retention.ms", |entry| {
        entry.value.as_deref() == Some("60000") && entry.source == ConfigSource::Topic
    })
    .await?;
    let untouched = ctx.config(&name, "segment.bytes").await?;
    ensure_eq!(untouched.value.as_deref(), Some("1048576"), "a key that was not named");
    ctx.admin.alter_configs(&at, &[unset("retention.ms")], false).await.map_err(told)?;
    ctx.await_config(&at, "retention.ms", |entry| *entry == before).await?;
    let kept = ctx.config(&name, "max.message.bytes").await?;
    ensure_eq!(kept.value.as_deref(), Some("2000"), "the other key");
    // Taking back what was never set is no mistake.
    ctx.admin.alter_configs(&at, &[unset("flush.ms")], false).await.map(drop).map_err(told)
}

pub async fn append_and_subtract(ctx: Ctx) -> Outcome {
    let name = ctx.topic_with("listed", 1, &[("cleanup.policy", "delete")]).await?;
    let at = topic(&name);
    let is = |wanted: &'static str| {
        move |entry: &kafsh_model::config::ConfigEntry| entry.value.as_deref() == Some(wanted)
    };
    ctx.admin
        .alter_configs(&at, &[append("cleanup.policy", "compact")], false)
        .await
        .map_err(told)?;
    ctx.await_config(&at, "cleanup.policy", is("delete,compact")).await?;
    // What is there already is not added again.
    ctx.admin
        .alter_configs(&at, &[append("cleanup.policy", "compact")], false)
        .await
        .map_err(told)?;
    ctx.await_config(&at, "cleanup.policy", is("delete,compact")).await?;
    let change = [subtract("cleanup.policy", "delete")];
    ctx.admin.alter_configs(&at, &change, false).await.map_err(told)?;
    ctx.await_config(&at, "cleanup.policy", is("compact")).await
}

pub async fn bad_changes(ctx: Ctx) -> Outcome {
    let name = ctx.topic("guarded", 1).await?;
    let at = topic(&name);
    let bad = [
        set("retention.ms", "soon"),
        set("retention.ms", "-2"),
        set("no.such.key", "1"),
        append("cleanup.policy", "shred"),
        append("retention.ms", "1"),
    ];
    for change in bad {
        let result = ctx.admin.alter_configs(&at, std::slice::from_ref(&change), false).await;
        fails(&format!("{change:?}"), result, "invalid-config", Usage)?;
    }
    // One bad change, and none is made.
    let changes = [set("flush.ms", "5000"), set("retention.ms", "soon")];
    let result = ctx.admin.alter_configs(&at, &changes, false).await;
    fails("one of two", result, "invalid-config", Usage)?;
    let entry = ctx.config(&name, "flush.ms").await?;
    ensure!(entry.source != ConfigSource::Topic, "half of it was done: {entry:?}");
    let twice = [set("flush.ms", "5000"), set("flush.ms", "6000")];
    fails(
        "a key twice",
        ctx.admin.alter_configs(&at, &twice, false).await,
        "invalid-request",
        Failed,
    )
}

pub async fn validate_only_changes_nothing(ctx: Ctx) -> Outcome {
    let name = ctx.topic("dry", 1).await?;
    let at = topic(&name);
    ctx.admin.alter_configs(&at, &[set("retention.ms", "60000")], true).await.map_err(told)?;
    let entry = ctx.config(&name, "retention.ms").await?;
    ensure!(entry.source != ConfigSource::Topic, "it was changed: {entry:?}");
    let result = ctx.admin.alter_configs(&at, &[set("retention.ms", "soon")], true).await;
    fails("bad value", result, "invalid-config", Usage)
}

pub async fn unknown_resources(ctx: Ctx) -> Outcome {
    let at = topic(&ctx.name("never"));
    let described = ctx.admin.describe_configs(std::slice::from_ref(&at)).await;
    fails("describe", described, "topic-not-found", NotFound)?;
    let change = [set("retention.ms", "60000")];
    fails(
        "change",
        ctx.admin.alter_configs(&at, &change, false).await,
        "topic-not-found",
        NotFound,
    )?;
    let at = ConfigResource::Broker(987_654);
    let described = ctx.admin.describe_configs(std::slice::from_ref(&at)).await;
    fails("describe", described, "broker-not-found", NotFound)?;
    let change = [set("log.retention.ms", "60000")];
    fails(
        "change",
        ctx.admin.alter_configs(&at, &change, false).await,
        "broker-not-found",
        NotFound,
    )
}

pub async fn broker_entries(ctx: Ctx) -> Outcome {
    for id in ctx.broker_ids().await? {
        let at = ConfigResource::Broker(id);
        let entry = ctx.config_of(&at, "broker.id").await?;
        ensure_eq!(entry.value, Some(id.to_string()), "broker.id");
        ensure!(entry.read_only && entry.source == ConfigSource::StaticBroker, "{entry:?}");
        let entry = ctx.config_of(&at, "log.cleaner.backoff.ms").await?;
        ensure!(!entry.read_only && !entry.sensitive, "{entry:?}");
        let entry = ctx.config_of(&at, "ssl.keystore.password").await?;
        ensure!(entry.sensitive && entry.value.is_none(), "{entry:?}");
        let entry = ctx.config_of(&at, "controlled.shutdown.max.retries").await?;
        ensure!(entry.read_only && entry.value.is_some(), "{entry:?}");
    }
    Ok(())
}

pub async fn broker_read_only(ctx: Ctx) -> Outcome {
    let id = ctx.broker_ids().await?[0];
    let change = [set("zookeeper.connect", "127.0.0.1:1")];
    for at in [ConfigResource::Broker(id), ConfigResource::BrokerDefault] {
        let result = ctx.admin.alter_configs(&at, &change, false).await;
        fails(&format!("{at:?}"), result, "invalid-request", Failed)?;
    }
    // Each broker has its own.
    let change = [set("advertised.listeners", "PLAINTEXT://127.0.0.1:1")];
    let result = ctx.admin.alter_configs(&ConfigResource::BrokerDefault, &change, true).await;
    fails("for all", result, "invalid-request", Failed)
}

pub async fn broker_values(ctx: Ctx) -> Outcome {
    let id = ctx.broker_ids().await?[0];
    for at in [ConfigResource::Broker(id), ConfigResource::BrokerDefault] {
        for (key, value) in [("log.retention.ms", "soon"), ("num.io.threads", "0")] {
            let result = ctx.admin.alter_configs(&at, &[set(key, value)], true).await;
            fails(&format!("{at:?} {key}={value}"), result, "invalid-request", Failed)?;
        }
        // A class that the broker loads may know it (KIP-226).
        ctx.admin.alter_configs(&at, &[set("no.such.key", "1")], true).await.map_err(told)?;
    }
    Ok(())
}

pub async fn broker_default_set_and_unset(ctx: Ctx) -> Outcome {
    // Harmless, and no other case looks at it.
    let (key, value) = ("log.cleaner.backoff.ms", "15001");
    let at = ConfigResource::BrokerDefault;
    let id = ctx.broker_ids().await?[0];
    let before = ctx.config_of(&ConfigResource::Broker(id), key).await?;
    ctx.admin.alter_configs(&at, &[set(key, value)], true).await.map_err(told)?;
    ensure_eq!(ctx.config_of(&ConfigResource::Broker(id), key).await?, before, "a dry run");
    ctx.admin.alter_configs(&at, &[set(key, value)], false).await.map_err(told)?;
    let seen = ctx
        .await_config(&ConfigResource::Broker(id), key, |entry| {
            entry.value.as_deref() == Some(value)
                && entry.source == ConfigSource::DynamicDefaultBroker
        })
        .await;
    // The default is told by any broker, and that one may hear of it later.
    let mut own = ctx.config_of(&at, key).await;
    for _ in 0..100 {
        if own.as_ref().is_ok_and(|entry| entry.value.as_deref() == Some(value)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        own = ctx.config_of(&at, key).await;
    }
    ctx.admin.alter_configs(&at, &[unset(key)], false).await.map_err(told)?;
    seen?;
    ensure_eq!(own?.value.as_deref(), Some(value), "the default of all brokers");
    ctx.await_config(&ConfigResource::Broker(id), key, |entry| *entry == before).await
}

pub async fn types_are_told(ctx: Ctx) -> Outcome {
    let name = ctx.topic("typed", 1).await?;
    let kinds = [
        ("retention.ms", "long"),
        ("cleanup.policy", "list"),
        ("preallocate", "boolean"),
        ("min.insync.replicas", "int"),
        ("compression.type", "string"),
        ("min.cleanable.dirty.ratio", "double"),
    ];
    for (key, kind) in kinds {
        let entry = ctx.config(&name, key).await?;
        // Brokers before 2.6 tell no type (KIP-569).
        ensure!(entry.kind.as_deref().is_none_or(|told| told == kind), "{entry:?}");
        ensure!(!entry.read_only && !entry.sensitive, "{entry:?}");
    }
    Ok(())
}
