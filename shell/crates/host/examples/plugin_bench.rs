//! What the sandbox costs: a policy's call, a record through a transform against the bare engine,
//! loading a plugin cold and warm. Prints the rows of BENCHMARKS.md; `cargo xtask bench` runs it.
//!
//! ```text
//! cargo run --release -p kafsh-host --example plugin_bench [PLUGIN.wasm]
//! ```
//!
//! PLUGIN.wasm, a packed plugin, is loaded beside the small guest that is otherwise.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_host::{Digest, Grants, PluginHost, PluginSource, manifest_of};
use kafsh_model::plugin::{PluginKind, Settings};
use kafsh_model::policy::Policies;
use kafsh_model::record::{Columns, RecordBatch};
use kafsh_model::transform::{State, Transforms};
use support::{Place, batch, core_module, folder, on_a_lent_thread, partition, request, source};
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc};

/// How long each figure is taken for.
const TIME: Duration = Duration::from_secs(2);
const POLICY: &str = "policy-well-behaved";
const IDENTITY: &str = "transform-identity";

/// Times of one call each, sorted; at least one.
fn times(mut call: impl FnMut()) -> Vec<Duration> {
    let began = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || began.elapsed() < TIME {
        let call_began = Instant::now();
        call();
        times.push(call_began.elapsed());
    }
    times.sort();
    times
}

fn median(times: &[Duration]) -> Duration {
    times[times.len() / 2]
}

/// What is aimed at for a record across the boundary, in ns: of 100 B, of 1 KiB, in batches.
const RECORD_TARGETS: [(usize, u32); 2] = [(100, 35), (1 << 10, 110)];
const POLICY_TARGET: &str = "≤ 100 µs";
const HEADING: &str = "| what | calls | median | p99 | bare engine | ratio | target |\n\
                       |---|---:|---:|---:|---:|---:|---|";

/// A row of the table. `records` of them share a call; `bare` is what the engine alone takes.
fn row(what: &str, times: &[Duration], records: usize, bare: Option<Duration>, target: &str) {
    let each = |time: Duration| {
        let ns = time.as_nanos() as f64 / records as f64;
        match ns {
            ..1e3 => format!("{ns:.1} ns"),
            ..1e6 => format!("{:.2} µs", ns / 1e3),
            _ => format!("{:.2} ms", ns / 1e6),
        }
    };
    let (median, p99) = (median(times), times[times.len() * 99 / 100]);
    let ratio = |bare: Duration| format!("{:.2}", median.as_secs_f64() / bare.as_secs_f64());
    println!(
        "| {what} | {} | {} | {} | {} | {} | {target} |",
        times.len(),
        each(median),
        each(p99),
        bare.map(each).unwrap_or_default(),
        bare.map(ratio).unwrap_or_default(),
    );
}

fn main() {
    println!("{HEADING}");
    policy("handed over to another thread", "");
    // As the shell calls plugins: its threads for them are lent to guests.
    on_a_lent_thread(|| {
        policy("on the thread that asks", POLICY_TARGET);
        boundary();
    });
    load("a policy of a few instructions", source(POLICY));
    if let Some(path) = std::env::args().nth(1) {
        let bytes = std::fs::read(&path).expect("a plugin");
        let manifest = manifest_of(&bytes).expect("its manifest");
        let what = format!("{} ({} KiB)", manifest.name, bytes.len() >> 10);
        let plugin = PluginSource {
            kind: manifest.kind,
            name: manifest.name.clone(),
            digest: Digest::of(&bytes),
            component: bytes.into(),
            grants: Grants::all_of(&manifest),
            manifest,
        };
        load(&what, plugin);
    }
}

fn policy(how: &str, target: &str) {
    let place = Place::new();
    let host = place.host(true);
    host.add(source(POLICY)).expect("a guest");
    let policy = host.policy(POLICY).expect("a policy");
    let (request, settings) = (request(), Settings::default());
    let check = || drop(black_box(policy.check(&request, &settings, None).expect("an answer")));
    row(&format!("policy call, a new instance each, {how}"), &times(check), 1, None, target);
}

/// The identity through the host, and the same module called without a component or a check: bytes
/// in, a call, bytes out. Figures are of one record.
fn boundary() {
    for (value_bytes, target) in RECORD_TARGETS {
        for records in [1, 64, 512] {
            let batch = batch(records, value_bytes);
            let host = through_the_host(&batch);
            let bare = Bare::new().run(&batch);
            // A call has a price of its own, which one record alone cannot share.
            let target = if records == 1 { String::new() } else { format!("≤ {target} ns") };
            let what = format!("a record of {value_bytes} B through identity, batch of {records}");
            row(&what, &host, records, Some(bare), &target);
        }
    }
}

fn through_the_host(batch: &RecordBatch) -> Vec<Duration> {
    let place = Place::new();
    let host = place.host(true);
    host.add(source(IDENTITY)).expect("a guest");
    let transform = host.transform(IDENTITY).expect("a transform");
    let settings = Arc::new(Settings::default());
    let mut open = transform.open(&partition(), &settings, State::new()).expect("an instance");
    // The identity changes nothing, so its output is its next input.
    let mut through = batch.clone();
    let times = times(|| drop(black_box(open.process(&mut through).expect("a batch"))));
    assert!(through.iter().eq(batch.iter()));
    times
}

/// The guest's core module in the engine, by hand.
struct Bare {
    store: Store<()>,
    memory: Memory,
    realloc: TypedFunc<(i32, i32, i32, i32), i32>,
    process: TypedFunc<Arguments, i32>,
    done: TypedFunc<i32, ()>,
}

type Arguments = (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);

impl Bare {
    fn new() -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{IDENTITY}.wat")));
        let module = core_module(PluginKind::Transform, IDENTITY, &text.expect("a guest"));
        let engine = Engine::default();
        let module = Module::new(&engine, module).expect("a module");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        let process = "kafsh:transform/transform@1.0.0#process";
        let done = format!("cabi_post_{process}");
        Bare {
            memory: instance.get_memory(&mut store, "memory").expect("a memory"),
            realloc: instance.get_typed_func(&mut store, "cabi_realloc").expect("realloc"),
            process: instance.get_typed_func(&mut store, process).expect("process"),
            done: instance.get_typed_func(&mut store, &done).expect("the end"),
            store,
        }
    }

    fn run(&mut self, batch: &RecordBatch) -> Duration {
        let mut columns = Columns::default();
        let times = times(|| {
            batch.columns(&mut columns);
            black_box(self.call(batch, &columns));
        });
        median(&times)
    }

    fn call(&mut self, batch: &RecordBatch, columns: &Columns) -> Vec<u8> {
        let topic = self.put(b"orders");
        let arena = self.put(batch.arena());
        let bounds = self.put(&flat(&columns.bounds, |n| n.to_le_bytes()));
        let headers = self.put(&flat(&columns.headers, |n| n.to_le_bytes()));
        let offsets = self.put(&flat(&columns.offsets, |n| n.to_le_bytes()));
        let timestamps = self.put(&flat(&columns.timestamps, |n| n.to_le_bytes()));
        let count = |length: usize| i32::try_from(length).expect("a batch");
        let arguments = (
            topic,
            6,
            3,
            arena,
            count(batch.arena().len()),
            bounds,
            count(columns.bounds.len()),
            headers,
            count(columns.headers.len()),
            offsets,
            count(columns.offsets.len()),
            timestamps,
            count(columns.timestamps.len()),
        );
        let result = self.process.call(&mut self.store, arguments).expect("an answer") as usize;
        let data = self.memory.data(&self.store);
        let number = |at: usize| {
            let bytes = data[at..at + 4].try_into().expect("four bytes");
            u32::from_le_bytes(bytes) as usize
        };
        // Arena, bounds, headers, sources, timestamps, topics: start, length, bytes of each item.
        let lists = [(4, 1), (12, 4), (20, 4), (28, 4), (36, 8), (44, 4)];
        let mut out = Vec::new();
        for (at, size) in lists {
            let (start, length) = (number(result + at), number(result + at + 4));
            out.extend_from_slice(&data[start..start + length * size]);
        }
        self.done.call(&mut self.store, result as i32).expect("the end");
        out
    }

    fn put(&mut self, bytes: &[u8]) -> i32 {
        let size = i32::try_from(bytes.len()).expect("a batch");
        let at = self.realloc.call(&mut self.store, (0, 0, 8, size)).expect("memory");
        self.memory.write(&mut self.store, at as usize, bytes).expect("memory");
        at
    }
}

fn flat<T: Copy, const N: usize>(numbers: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| bytes(*number)).collect()
}

fn load(what: &str, plugin: PluginSource) {
    let place = Place::new();
    let once = |no_cache: bool| {
        let host: PluginHost = place.host(no_cache);
        host.add(plugin.clone()).expect("a plugin");
        host.load(plugin.kind, &plugin.name).expect("it loads");
    };
    row(&format!("plugin load, cold (compiled): {what}"), &times(|| once(true)), 1, None, "");
    once(false);
    let warm = times(|| once(false));
    row(&format!("plugin load, warm (from the cache): {what}"), &warm, 1, None, "");
}
