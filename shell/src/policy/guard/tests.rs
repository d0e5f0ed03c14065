//! What a change of a topic does with amendments: makes them, or refuses.

use std::collections::BTreeMap;

use kafsh_model::plugin::{Manifest, PluginKind, Settings};
use kafsh_model::policy::{
    Amendment, Policy, PolicyBinding, PolicyMode, PolicyRequest, PolicyResponse,
};
use kafsh_model::port::{Connector, Target};

use super::*;

/// Wants one field to have one value.
struct Insists {
    field: &'static str,
    value: &'static str,
    manifest: Manifest,
}

impl Policy for Insists {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn wants_facts(&self) -> bool {
        false
    }

    fn check(
        &self,
        request: &PolicyRequest,
        _: &Settings,
        _: Option<&Arc<ClusterFacts>>,
    ) -> Result<PolicyResponse> {
        let state = request.proposed.as_ref().expect("a change");
        let is = match self.field.strip_prefix("config.") {
            Some(key) => state.configs.get(key).cloned(),
            None if self.field == PARTITIONS => Some(state.partitions.to_string()),
            None => Some(state.replication_factor.to_string()),
        };
        let mut response = PolicyResponse::default();
        if is.as_deref() != Some(self.value) {
            let (field, value) = (self.field.to_string(), Some(self.value.to_string()));
            response.amendments.push(Amendment { field, value, reason: "so".to_string() });
        }
        Ok(response)
    }
}

fn manifest() -> Manifest {
    Manifest {
        schema: 1,
        name: "insists".to_string(),
        version: "1.0.0".to_string(),
        kind: PluginKind::Policy,
        api: "kafsh:policy@1.0.0".to_string(),
        sdk: String::new(),
        summary: String::new(),
        authors: Vec::new(),
        license: String::new(),
        repository: String::new(),
        capabilities: Vec::new(),
        limits: Default::default(),
        settings: Vec::new(),
        outputs: Vec::new(),
    }
}

/// A topic `orders` with two partitions, changed under one policy.
async fn guarded(field: &'static str, value: &'static str) -> GuardedAdmin {
    let rehearsal = kafsh_rehearsal::Rehearsal::new();
    let bootstrap = vec!["127.0.0.1:9091".to_string(), "127.0.0.1:9092".to_string()];
    rehearsal.attach_ready(&bootstrap).unwrap();
    let timeout = Duration::from_secs(5);
    let target = Target { bootstrap, zookeeper: None, client: Vec::new(), timeout };
    let admin = rehearsal.admin(&target).unwrap();
    let spec = TopicSpec {
        name: "orders".to_string(),
        partitions: Some(2),
        replication_factor: Some(1),
        configs: BTreeMap::new(),
        assignments: Vec::new(),
    };
    admin.create_topics(&[spec], false).await.unwrap();
    let binding = PolicyBinding {
        name: "insists".to_string(),
        policy: "insists".to_string(),
        mode: PolicyMode::Enforce,
        clusters: vec!["*".to_string()],
        topics: vec!["*".to_string()],
        settings: Vec::new(),
    };
    let policy: Arc<dyn Policy> = Arc::new(Insists { field, value, manifest: manifest() });
    let bound = Bound { binding, policy: Ok((policy, Arc::new(Settings::default()))) };
    let progress = Arc::new(crate::repl::progress::Quiet);
    GuardedAdmin::new(admin, Charge::over("demo", vec![bound]), progress)
}

async fn orders(admin: &GuardedAdmin) -> TopicState {
    current_state(admin, "orders").await.unwrap().unwrap()
}

fn retention(value: &str) -> Vec<ConfigChange> {
    vec![ConfigChange::Set { key: "retention.ms".to_string(), value: value.to_string() }]
}

#[tokio::test]
async fn settings_that_were_amended_are_set_when_partitions_are_added() {
    let admin = guarded("config.min.insync.replicas", "1").await;
    admin.add_partitions("orders", 4, true).await.unwrap();
    assert!(orders(&admin).await.configs.is_empty(), "nothing is changed in a trial");
    admin.add_partitions("orders", 4, false).await.unwrap();
    let now = orders(&admin).await;
    assert_eq!(now.partitions, 4);
    assert_eq!(now.configs.get("min.insync.replicas").map(String::as_str), Some("1"));
}

/// What is waited for, and shown, is what was made, not what was asked for.
#[tokio::test]
async fn a_change_tells_what_was_made_of_it() {
    let topic = ConfigResource::Topic("orders".to_string());
    for trial in [true, false] {
        let admin = guarded("config.retention.ms", "3600000").await;
        let made = admin.alter_configs(&topic, &retention("1000"), trial).await.unwrap();
        assert_eq!(made, retention("3600000"));
        let admin = guarded(PARTITIONS, "3").await;
        assert_eq!(admin.add_partitions("orders", 12, trial).await, Ok(3));
        let wanted = TopicSpec {
            name: "new".to_string(),
            partitions: Some(12),
            replication_factor: Some(1),
            configs: BTreeMap::new(),
            assignments: Vec::new(),
        };
        let made = admin.create_topics(&[wanted], trial).await.unwrap().remove(0).1.unwrap();
        assert_eq!(made.partitions, Some(3));
    }
}

#[tokio::test]
async fn what_a_change_cannot_amend_refuses_it() {
    let topic = ConfigResource::Topic("orders".to_string());
    for (field, value) in [(PARTITIONS, "6"), (REPLICATION_FACTOR, "2")] {
        let admin = guarded(field, value).await;
        let before = orders(&admin).await;
        let error = admin.alter_configs(&topic, &retention("1000"), false).await.unwrap_err();
        assert_eq!(error.code, "policy-denied");
        assert!(error.evidence[0].contains(&format!("amends `{field}`")), "{error:?}");
        assert_eq!(orders(&admin).await, before);
    }
    let admin = guarded(REPLICATION_FACTOR, "2").await;
    assert_eq!(admin.add_partitions("orders", 4, false).await.unwrap_err().code, "policy-denied");
    assert_eq!(orders(&admin).await.partitions, 2);
    let admin = guarded(PARTITIONS, "6").await;
    admin.add_partitions("orders", 4, false).await.unwrap();
    assert_eq!(orders(&admin).await.partitions, 6, "a number that can be made");
}

/// Keeps what it was told beside the topic.
#[derive(Default)]
struct Listens {
    told: std::sync::Mutex<Vec<BTreeMap<String, String>>>,
}

impl Policy for Listens {
    fn manifest(&self) -> &Manifest {
        unreachable!("nobody asks")
    }

    fn wants_facts(&self) -> bool {
        false
    }

    fn check(
        &self,
        request: &PolicyRequest,
        _: &Settings,
        _: Option<&Arc<ClusterFacts>>,
    ) -> Result<PolicyResponse> {
        let mut extras = request.extras.clone();
        extras.remove("user");
        self.told.lock().unwrap().push(extras);
        Ok(PolicyResponse::default())
    }
}

#[tokio::test]
async fn a_plan_says_where_it_stands_and_that_it_is_only_one() {
    let policy = Arc::new(Listens::default());
    let heard: Arc<dyn Policy> = policy.clone();
    let binding = PolicyBinding {
        name: "listens".to_string(),
        policy: "listens".to_string(),
        mode: PolicyMode::Enforce,
        clusters: vec!["*".to_string()],
        topics: vec!["*".to_string()],
        settings: Vec::new(),
    };
    let bound = vec![Bound { binding, policy: Ok((heard, Arc::new(Settings::default()))) }];
    let spec = TopicSpec {
        name: "orders".to_string(),
        partitions: Some(2),
        replication_factor: None,
        configs: BTreeMap::new(),
        assignments: Vec::new(),
    };
    for dry_run in [true, false] {
        let gate = PlanGate {
            bound: bound.clone(),
            asker: Asker { place: Some(("up.ksh".to_string(), 7)), dry_run },
            progress: Arc::new(crate::repl::progress::Quiet),
        };
        gate.admit("demo", &spec).await.unwrap();
    }
    let told = policy.told.lock().unwrap();
    let words = |told: &BTreeMap<String, String>| {
        let pairs: Vec<String> = told.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(" ")
    };
    let seen: Vec<String> = told.iter().map(words).collect();
    assert_eq!(
        seen,
        [
            "dry-run=true file=up.ksh given=partitions line=7",
            "dry-run=false file=up.ksh given=partitions line=7",
        ]
    );
}
