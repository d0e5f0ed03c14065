//! The bundled policies and transforms, and the golden ones of older SDKs, called through the
//! sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use kafsh_host::{HostOptions, PluginHost};
use kafsh_model::plugin::{PluginKind, Settings};
use kafsh_model::policy::{Operation, Policies, PolicyRequest, PolicyResponse, TopicState};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::transform::{SourcePartition, State, TransformInstance, Transforms};

fn host(dir: &Path) -> PluginHost {
    let host = PluginHost::new(HostOptions::new(dir.join("cache"), dir.join("state")));
    for plugin in kafsh_bundled::plugins() {
        host.add_bundled(plugin.component, plugin.digest).unwrap();
    }
    host
}

fn settings(values: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in values {
        settings.values.entry((*name).into()).or_default().push((*value).into());
    }
    settings
}

fn asked(host: &PluginHost, policy: &str, values: &[(&str, &str)]) -> PolicyResponse {
    let request = PolicyRequest {
        operation: Operation::Create,
        topic: "Orders".into(),
        cluster: "demo".into(),
        current: None,
        proposed: Some(TopicState {
            partitions: 100,
            replication_factor: 1,
            configs: BTreeMap::from([("retention.ms".into(), "-1".into())]),
        }),
        touched: vec!["retention.ms".into()],
        extras: BTreeMap::new(),
    };
    host.policy(policy).unwrap().check(&request, &settings(values), None).unwrap()
}

fn opened(host: &PluginHost, name: &str, values: &[(&str, &str)]) -> Box<dyn TransformInstance> {
    let source = SourcePartition { topic: "orders".into(), partition: -1 };
    let settings = Arc::new(settings(values));
    host.transform(name).unwrap().open(&source, &settings, State::new()).unwrap()
}

/// What comes out of records with these values and the key `k`, and the codes of those that fail.
fn through(
    host: &PluginHost,
    name: &str,
    set: &[(&str, &str)],
    values: &[&str],
) -> (Vec<String>, Vec<String>) {
    let mut batch = RecordBatch::new();
    for value in values {
        assert!(batch.push(RecordView::new("orders", Some(b"k"), Some(value.as_bytes()))));
    }
    let done = opened(host, name, set).process(&mut batch).unwrap();
    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap()).into_owned();
    let out = batch.iter().map(|record| text(record.value)).collect();
    (out, done.failed.into_iter().map(|failed| failed.code).collect())
}

#[test]
fn every_plugin_compiles_and_is_who_its_manifest_says() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    for plugin in kafsh_bundled::plugins() {
        let kind = PluginKind::from_name(plugin.kind).unwrap();
        host.load(kind, plugin.name).unwrap_or_else(|e| panic!("{}: {e:?}", plugin.name));
    }
}

#[test]
fn every_policy_decides() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    for (policy, values, rule) in [
        ("replication", vec![("min", "3")], "replication-factor-too-low"),
        ("naming", vec![("pattern", "[a-z-]+")], "name-not-allowed"),
        ("partitions", vec![("max", "50")], "too-many-partitions"),
        ("retention", vec![("max", "604800000")], "retention-too-long"),
        ("config-keys", vec![("denied", "retention.*")], "key-not-allowed"),
        ("ownership", vec![("owners", "users.=accounts")], "no-owner"),
    ] {
        let rules: Vec<String> =
            asked(&host, policy, &values).findings.into_iter().map(|found| found.rule).collect();
        assert_eq!(rules, [rule], "{policy}");
    }
}

#[test]
fn every_transform_transforms() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let nested = r#"{"a": {"b": "x1"}, "n": 1.50}"#;
    let bad = "{";
    let json: [&str; 1] = ["bad-json"];
    for (name, set, out, failed) in [
        (
            "mask-fields",
            vec![("fields", "a.b")],
            vec![r#"{"a": {"b": "***"}, "n": 1.50}"#],
            &json[..],
        ),
        (
            "rename-fields",
            vec![("fields", "a.b=c")],
            vec![r#"{"a": {"c": "x1"}, "n": 1.50}"#],
            &json,
        ),
        ("flatten", vec![], vec![r#"{"a.b":"x1","n":1.50}"#], &json),
        (
            "redact-regex",
            vec![("patterns", "[0-9]")],
            vec![r#"{"a": {"b": "x***"}, "n": 1.50}"#],
            &json,
        ),
        ("filter", vec![("keep", ".n > 1")], vec![nested], &json),
        ("filter", vec![("keep", ".n > 2")], vec![], &json),
        ("route", vec![("field", "a.b"), ("topics", "x1=audit")], vec![nested], &json),
        ("add-header", vec![("headers", "a=b")], vec![nested, bad], &[]),
        // Both have the same key.
        ("dedupe", vec![], vec![nested], &[]),
    ] {
        let (got, codes) = through(&host, name, &set, &[nested, bad]);
        assert_eq!(
            (got, codes),
            (
                out.iter().map(|&t| t.to_owned()).collect(),
                failed.iter().map(|&t| t.to_owned()).collect()
            ),
            "{name}"
        );
    }
}

/// A plugin built with an SDK that was released is loaded by every later host of that major.
#[test]
fn plugins_of_older_sdks_still_decide() {
    let dir = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/guests/golden");
    let mut seen = 0;
    let entries = fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path());
    for version in entries.filter(|path| path.is_dir()) {
        let file = version.join("policy-partitions.wasm");
        let component: &'static [u8] = fs::read(&file).unwrap().leak();
        let host = PluginHost::new(HostOptions::new(dir.path().join("c"), dir.path().join("s")));
        let digest = kafsh_pack::Digest::of(component);
        host.add_bundled(component, digest.as_str()).unwrap();
        let answer = asked(&host, "partitions", &[("min", "1"), ("max", "50")]);
        assert_eq!(answer.findings[0].rule, "too-many-partitions", "{}", file.display());
        assert_eq!(answer.findings[0].suggestion.as_deref(), Some("50"));
        let golden = |file: &str| {
            let bytes: &'static [u8] = fs::read(version.join(file)).unwrap().leak();
            host.add_bundled(bytes, kafsh_pack::Digest::of(bytes).as_str()).unwrap();
        };
        golden("transform-mask-fields.wasm");
        let (out, failed) =
            through(&host, "mask-fields", &[("fields", "a.b")], &[r#"{"a": {"b": 1}}"#, "{"]);
        assert_eq!(out, [r#"{"a": {"b": "***"}}"#], "{}", version.display());
        assert_eq!(failed, ["bad-json"], "{}", version.display());
        seen += 1;
    }
    assert!(seen > 0, "there is no golden plugin");
}
