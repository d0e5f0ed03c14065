//! The values that each preset stands for, capped by what the number of brokers allows.

use kafsh_sdk::step::Preset;

/// Replicas of a topic when there are brokers enough: one may fail while another restarts.
const REPLICATION_MAX: usize = 3;

/// ZooKeeper's unit of time, ms: it grants sessions of 2 to 20 ticks, so 4 to 40 s.
const TICK_MS: &str = "2000";

/// Words that ZooKeeper answers; its own default, `srvr` alone, leaves nothing to diagnose with.
const FOUR_LETTER_WORDS: &str = "srvr, ruok, mntr, stat, cons, dump, conf, wchs";

/// The preset of a cluster that somebody else made: its own files say all there is to say.
pub(crate) const ADOPTED: &str = "adopted";

/// Whether the preset stands for no values at all.
pub(crate) fn is_empty(preset: &Preset) -> bool {
    matches!(preset, Preset::Other(name) if name == ADOPTED)
}

/// Number of replicas of the internal topics.
#[must_use]
pub fn replication_factor(brokers: usize) -> usize {
    brokers.clamp(1, REPLICATION_MAX)
}

/// Replicas that must have a record before it counts as written: with three, one may be down; with
/// fewer, asking for two would stop every write as soon as one broker is down.
#[must_use]
pub fn min_isr(brokers: usize) -> usize {
    if brokers >= REPLICATION_MAX { 2 } else { 1 }
}

/// Values for ZooKeeper; the same in every preset.
pub(crate) const ZOOKEEPER: [(&str, &str); 6] = [
    ("tickTime", TICK_MS),
    // All brokers come from one address; the default of 60 counts by address.
    ("maxClientCnxns", "0"),
    // Would take port 8080, and ends ZooKeeper where that is taken.
    ("admin.enableServer", "false"),
    ("4lw.commands.whitelist", FOUR_LETTER_WORDS),
    // Off by default: snapshots and logs would pile up for ever.
    ("autopurge.snapRetainCount", "3"),
    ("autopurge.purgeInterval", "1"),
];

/// Values for each of `brokers` brokers.
pub(crate) fn broker(preset: &Preset, brokers: usize) -> Vec<(&'static str, String)> {
    if is_empty(preset) {
        return Vec::new();
    }
    let replicas = replication_factor(brokers).to_string();
    let isr = min_isr(brokers).to_string();
    let fixed: &[(&str, &str)] = match preset {
        Preset::Dev => &DEV,
        Preset::Classic => &CLASSIC,
        Preset::Strict => &STRICT,
        // The step refuses it before anything is rendered.
        Preset::Other(_) => &[],
    };
    // With three brokers the transaction topic's min ISR of `classic` is all of its replicas.
    let transaction_isr = if *preset == Preset::Classic { replicas.clone() } else { isr.clone() };
    let mut values = vec![
        ("offsets.topic.replication.factor", replicas.clone()),
        ("transaction.state.log.replication.factor", replicas.clone()),
        ("transaction.state.log.min.isr", transaction_isr),
    ];
    if *preset != Preset::Classic {
        values.push(("default.replication.factor", replicas));
        values.push(("min.insync.replicas", isr));
    }
    values.extend(fixed.iter().map(|(key, value)| (*key, (*value).to_owned())));
    values
}

/// Many brokers on one machine: quick to start and to stop, little memory.
const DEV: [(&str, &str); 16] = [
    // A broker that was killed can be back after 6 s instead of 18.
    ("zookeeper.session.timeout.ms", "6000"),
    // Defaults to the session timeout, too short for four JVMs starting on two cores.
    ("zookeeper.connection.timeout.ms", "18000"),
    // A typing error is not a topic.
    ("auto.create.topics.enable", "false"),
    ("num.partitions", "1"),
    // Fewer files, and a quicker first consumer; cannot be lowered once the topics exist.
    ("offsets.topic.num.partitions", "3"),
    ("transaction.state.log.num.partitions", "3"),
    ("group.initial.rebalance.delay.ms", "0"),
    // 128 MiB by default, taken from the heap at once; more than 1 MiB for each cleaner thread.
    ("log.cleaner.dedupe.buffer.size", "2097152"),
    ("log.index.size.max.bytes", "1048576"),
    ("num.network.threads", "2"),
    ("num.io.threads", "4"),
    ("background.threads", "4"),
    ("num.recovery.threads.per.data.dir", "2"),
    // A follower that asks for a new partition before its leader knows of it sleeps that long, by
    // default 1 s: the first record of every new topic waited for it.
    ("replica.fetch.backoff.ms", "100"),
    // And one whose older request is still held asks for the new partition only after that.
    ("replica.fetch.wait.max.ms", "100"),
    // At the end of a stop leaders have nowhere to go: three tries, by default 5 s apart.
    ("controlled.shutdown.retry.backoff.ms", "500"),
];

/// The values of the procedure that people know: a flush to disk every two messages, all replicas
/// of the transaction topic in sync, everything else as Kafka has it.
const CLASSIC: [(&str, &str); 1] = [("log.flush.interval.messages", "2")];

/// Production-like: durability over availability, nothing created by accident.
const STRICT: [(&str, &str); 3] = [
    ("zookeeper.session.timeout.ms", "18000"),
    ("auto.create.topics.enable", "false"),
    ("unclean.leader.election.enable", "false"),
];
