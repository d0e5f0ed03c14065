//! The bundled `filter` with filters and records that mean harm: each ends by its named error, in
//! its time and its memory, and the same host goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_host::{HostOptions, PluginHost};
use kafsh_model::error::Result;
use kafsh_model::plugin::{PluginKind, Settings};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::transform::{SourcePartition, State, Transforms};

/// The deadlines of starting and of a call of a transform, and what a loaded machine adds.
const LATE_MAX: Duration = Duration::from_secs(3 + 10);

/// Bytes that the process may have at its peak: engine, compiler, and 64 MiB of a guest.
const PEAK_BYTES_MAX: u64 = 400 << 20;

/// Levels of a nested record: more than a guest's stack has.
const NESTED: usize = 200_000;

fn host(dir: &std::path::Path) -> PluginHost {
    let host = PluginHost::new(HostOptions::new(dir.join("cache"), dir.join("state")));
    for plugin in kafsh_bundled::plugins().iter().filter(|plugin| plugin.name == "filter") {
        host.add_bundled(plugin.component, plugin.digest).unwrap();
    }
    // Compiling is not what is measured.
    host.load(PluginKind::Transform, "filter").unwrap();
    host
}

/// How many records are kept, or the codes of those that failed.
fn filtered(host: &PluginHost, keep: &str, value: &[u8]) -> Result<Result<usize, Vec<String>>> {
    let mut settings = Settings::default();
    settings.values.insert("keep".into(), vec![keep.into()]);
    let source = SourcePartition { topic: "orders".into(), partition: -1 };
    let mut open = host.transform("filter")?.open(&source, &Arc::new(settings), State::new())?;
    let mut batch = RecordBatch::new();
    assert!(batch.push(RecordView::new("orders", None, Some(value))));
    let done = open.process(&mut batch)?;
    let codes: Vec<String> = done.failed.into_iter().map(|failed| failed.code).collect();
    Ok(if codes.is_empty() { Ok(batch.iter().count()) } else { Err(codes) })
}

/// The code by which it ends: of the call, or of the record.
fn ends(host: &PluginHost, keep: &str, value: &[u8]) -> String {
    match filtered(host, keep, value) {
        Err(error) => error.code.into_owned(),
        Ok(Err(codes)) => codes.join(" "),
        Ok(Ok(kept)) => format!("{kept} records are kept"),
    }
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn hostile_filters_and_records_end_alone() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let deep = "[".repeat(NESTED);
    let cases: &[(&str, &str, &[&str])] = &[
        ("def f: 1 + f; f", "{}", &["plugin-stack"]),
        ("def f: [f]; f", "{}", &["plugin-stack"]),
        ("def f: f; f", "{}", &["plugin-timeout"]),
        ("last(repeat(.))", "{}", &["plugin-timeout"]),
        ("last(range(1e18))", "{}", &["plugin-timeout"]),
        ("[range(1e9)] | length > 0", "{}", &["plugin-memory"]),
        ("[repeat(.)]", "{}", &["plugin-memory"]),
        ("\"x\" * 1000000000 | length > 0", "{}", &["plugin-memory", "plugin-panic"]),
        ("reduce range(1e9) as $i (\"x\"; . + .) | length > 0", "{}", &["plugin-memory"]),
        ("[limit(1e9; repeat(\"xxxxxxxx\"))] | add | length > 0", "{}", &["plugin-memory"]),
        ("reduce range(1e5) as $i (null; [.]) | tojson | length > 0", "{}", &["plugin-stack"]),
        ("true", &deep, &["plugin-stack", "bad-json"]),
    ];
    let mut wrong = Vec::new();
    for (keep, value, codes) in cases {
        let began = Instant::now();
        let code = ends(&host, keep, value.as_bytes());
        if !codes.contains(&code.as_str()) {
            wrong.push(format!("{keep}: {code} instead of {codes:?}"));
        }
        let took = began.elapsed();
        if took > LATE_MAX {
            wrong.push(format!("{keep}: {took:?}"));
        }
        if filtered(&host, ".n == 1", br#"{"n": 1}"#) != Ok(Ok(1)) {
            wrong.push(format!("{keep}: the host does not go on"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(peak_bytes() < PEAK_BYTES_MAX, "the process had {} MiB", peak_bytes() >> 20);
}
