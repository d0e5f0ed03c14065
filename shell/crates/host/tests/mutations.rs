//! Components with bytes changed at random, and bytes that are none: each ends in an answer or in
//! a named error, in time, and the host goes on.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_host::{Digest, PluginHost, PluginSource, limits};
use kafsh_model::error::Result;
use kafsh_model::plugin::{LimitRequest, PluginKind, Settings};
use kafsh_model::policy::Policies;
use kafsh_model::port::Steps;
use kafsh_model::transform::{State, Transforms};
use support::{Place, batch, component, input, kind_of, manifest, partition, request};

/// Mutants of each guest that are still well-formed, and so are run.
const RUN: usize = 60;

/// Mutants of each guest at most; most are found out before they are compiled.
const MADE_MAX: usize = 3_000;

/// All of it, on a busy machine too.
const TIME_MAX: Duration = Duration::from_secs(240);

/// A generator with a known beginning (xorshift64*): a failure can be had again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end
    }
}

fn call(host: &PluginHost, kind: PluginKind, name: &str) -> Result<()> {
    match kind {
        PluginKind::Step => host.step(name)?.plan(&input()).map(drop),
        PluginKind::Policy => {
            host.policy(name)?.check(&request(), &Settings::default(), None).map(drop)
        }
        PluginKind::Transform => {
            let settings = Arc::new(Settings::default());
            let mut open = host.transform(name)?.open(&partition(), &settings, State::new())?;
            open.process(&mut batch(5, 20)).map(drop)
        }
    }
}

/// Some bytes turned, one stretch moved or the end cut off.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    match random.below(10) {
        0 => bytes.truncate(8 + random.below(bytes.len() - 8)),
        1 => {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            let count = random.below(40).min(bytes.len() - from.max(to));
            bytes.copy_within(from..from + count, to);
        }
        _ => {
            for _ in 0..=random.below(4) {
                // Past the header, which would end it all.
                let at = 8 + random.below(bytes.len() - 8);
                bytes[at] = match random.below(4) {
                    0 => 0xff,
                    1 => 0,
                    2 => bytes[at] ^ (1 << random.below(8)),
                    _ => random.next() as u8,
                };
            }
        }
    }
}

#[test]
fn changed_guests_end_in_answers_or_named_errors() {
    let began = Instant::now();
    let place = Place::new();
    let host = place.host(true);
    let mut random = Random(0x6b61_6673_6821);
    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    for name in ["well-behaved", "policy-well-behaved", "transform-identity"] {
        let (kind, good) = (kind_of(name), component(name));
        let mut manifest = manifest(name);
        // A mutant may well loop.
        manifest.limits = LimitRequest { call_ms: Some(50), ..LimitRequest::default() };
        let mut run = 0;
        for number in 0..MADE_MAX {
            let mut bytes = good.clone();
            mutate(&mut random, &mut bytes);
            let bytes = kafsh_pack::add_manifest(&bytes, &manifest);
            if let Err(error) = kafsh_host::inspect(&bytes) {
                assert!(error.code.starts_with("plugin-"), "{name} {number}: {error:?}");
                continue;
            }
            run += 1;
            let source = PluginSource {
                digest: Digest::of(&bytes),
                component: bytes.into(),
                manifest: manifest.clone(),
                ..support::source_of(name, good.clone(), manifest.clone())
            };
            let outcome = host.add(source).and_then(|()| call(&host, kind, name));
            let code = outcome.err().map_or("fine".into(), |error| error.code.into_owned());
            let known = code == "fine" || code.starts_with("plugin-");
            assert!(known, "mutant {number} of {name}: {code}");
            *codes.entry(code).or_default() += 1;
            if run == RUN {
                break;
            }
        }
        assert!(run > RUN / 2, "only {run} mutants of {name} were run");
        host.add(support::source(name)).unwrap();
        call(&host, kind, name).unwrap();
    }
    eprintln!("{codes:?} in {:?}", began.elapsed());
    assert!(codes.len() > 3, "the mutants are all alike: {codes:?}");
    assert!(began.elapsed() < TIME_MAX, "{:?}", began.elapsed());
}

#[test]
fn bytes_of_any_kind_are_no_plugin() {
    let mut random = Random(7);
    let place = Place::new();
    let host = place.host(true);
    for length in 0..300 {
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if length >= 8 && length % 3 != 0 {
            // As a component begins, or a module.
            let last = if length % 3 == 1 { [0x0d, 0, 1, 0] } else { [1, 0, 0, 0] };
            bytes[..4].copy_from_slice(b"\0asm");
            bytes[4..8].copy_from_slice(&last);
        }
        assert!(kafsh_host::inspect(&bytes).is_err());
        assert!(kafsh_host::manifest_of(&bytes).is_err());
        let source = PluginSource {
            digest: Digest::of(&bytes),
            component: bytes.into(),
            ..support::source("well-behaved")
        };
        let added = host.add(source);
        assert!(added.is_err() || host.load(PluginKind::Step, "well-behaved").is_err());
    }
}

/// Code that would make a compiler recurse, or work for a long time.
#[test]
fn code_that_is_hard_to_compile_ends_in_time() {
    let blocks = format!("(func {} {})", "block ".repeat(30_000), "end ".repeat(30_000));
    let nested = "i32.const 1 if ".repeat(10_000);
    let ifs = format!("(func {nested} {})", "end ".repeat(10_000));
    let long =
        format!("(func (local i32) {})", "local.get 0 i32.popcnt local.set 0 ".repeat(60_000));
    let targets = "0 ".repeat(50_000);
    let table = format!("(func block i32.const 1 br_table {targets} end)");
    for (what, code) in [("blocks", blocks), ("ifs", ifs), ("long", long), ("table", table)] {
        let packed =
            kafsh_pack::pack(&support::core_module(PluginKind::Step, "well-behaved", &code));
        let component = packed.unwrap_or_else(|e| panic!("{what}: {e}")).component;
        let host = Place::new().host(true);
        host.add(support::source_of("well-behaved", component, manifest("well-behaved"))).unwrap();
        let began = Instant::now();
        let outcome = host.load(PluginKind::Step, "well-behaved");
        assert!(began.elapsed() < limits::COMPILE_TIME_MAX + TIME_MAX / 4, "{what}: too late");
        if let Err(error) = outcome {
            assert!(error.code.starts_with("plugin-"), "{what}: {error:?}");
        }
    }
}
