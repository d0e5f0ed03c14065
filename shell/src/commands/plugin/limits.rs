//! The limits of a call: what its manifest requests, the cap, and what is in force.

use kafsh_host::Limits;
use kafsh_host::limits::{CALL_TIME_CAP, MEMORY_BYTES_CAP, STACK_BYTES_CAP};
use kafsh_model::plugin::{LimitRequest, PluginKind};
use kafsh_model::units::{show_duration, show_size};
use serde_json::{Value, json};

/// One row for each limit; those without a cap cannot be requested.
pub fn limits(kind: PluginKind, request: &LimitRequest) -> Vec<Value> {
    let Limits { memory_bytes, stack_bytes, call, start, transfer_bytes, .. } =
        Limits::of(kind, request);
    let size = |bytes: usize| show_size(bytes as u64);
    let row = |limit: &str, requested: Option<String>, cap: Option<String>, effective: String| json!({ "limit": limit, "requested": requested, "cap": cap, "effective": effective });
    let mib = request.memory_mib.map(|mib| format!("{mib} MiB"));
    let kib = request.stack_kib.map(|kib| format!("{kib} KiB"));
    let ms = request.call_ms.map(|ms| format!("{ms} ms"));
    let cap = show_duration(CALL_TIME_CAP);
    vec![
        row("memory", mib, Some(size(MEMORY_BYTES_CAP)), size(memory_bytes)),
        row("stack", kib, Some(size(STACK_BYTES_CAP)), size(stack_bytes)),
        row("time of a call", ms, Some(cap), show_duration(call)),
        row("time to start", None, None, show_duration(start)),
        row("bytes to and from it", None, None, size(transfer_bytes)),
    ]
}
