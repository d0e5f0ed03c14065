//! Java, memory, disk, limits.

use kafsh_sdk::step::{Action, Input, Node, Preset, Severity};
use kafsh_sdk::testing;

use super::{findings, only, running, told};

fn with_java(kafka: &str, major: u32) -> Input {
    let mut input = testing::input();
    input.spec.kafka = kafka.to_owned();
    let java = input.observed.host.java.as_mut().expect("a Java");
    (java.major, java.version) = (major, format!("{major}.0.1"));
    input
}

#[test]
fn javas_and_kafkas() {
    let good = [
        ("3.9.2", 11),
        ("3.9.2", 17),
        ("3.9.2", 21),
        ("3.7.0", 21),
        ("3.6.1", 20),
        ("3.1.0", 17),
        ("3.0.0", 11),
        ("2.8.1", 15),
        ("4.0.0", 17),
        ("4.2.0", 25),
        ("odd", 21),
    ];
    for (kafka, major) in good {
        assert_eq!(told(&with_java(kafka, major)), [""; 0], "{kafka} on {major}");
    }
    for (kafka, major) in [("3.9.2", 8), ("3.9.2", 10), ("2.8.1", 8), ("4.0.0", 16), ("odd", 8)] {
        let expected = ["problem java-too-old host"];
        assert_eq!(told(&with_java(kafka, major)), expected, "{kafka} on {major}");
    }
    for (kafka, major) in
        [("3.9.2", 22), ("3.6.1", 21), ("3.5.0", 18), ("3.0.0", 17), ("2.8.1", 16)]
    {
        let expected = ["warning java-untested host"];
        assert_eq!(told(&with_java(kafka, major)), expected, "{kafka} on {major}");
    }
    let found = only(&with_java("3.9.2", 8));
    assert_eq!(found.message, "Java 8 is too old for Kafka 3.9.2");
    assert_eq!(found.evidence, ["/usr/lib/jvm/java-17/bin/java is Java 8.0.1"]);
    assert_eq!(found.cause.as_deref(), Some("it needs Java 11 or later"));
}

#[test]
fn no_java() {
    let mut input = testing::input();
    input.observed.host.java = None;
    let found = only(&input);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Problem, "java-missing"));
    assert_eq!(found.next, ["!sudo apt-get install --yes openjdk-17-jre-headless"]);
}

#[test]
fn memory_for_what_is_yet_to_start() {
    let told_with = |preset, mib| {
        let mut input = testing::input();
        input.spec.preset = preset;
        input.observed.host.memory_available_mib = mib;
        let short = findings(&input).into_iter().find(|found| found.code == "memory-short");
        short.map(|found| found.severity)
    };
    let cases = [
        // 96 + 3 x 256 and 30 %, at the start 70 + 3 x 280
        (Preset::Dev, 1123, None),
        (Preset::Dev, 1122, Some(Severity::Warning)),
        (Preset::Dev, 910, Some(Severity::Warning)),
        (Preset::Dev, 909, Some(Severity::Problem)),
        // 512 + 3 x 1024 and 30 %, at the start 100 + 3 x 450
        (Preset::Classic, 4659, None),
        (Preset::Strict, 4658, Some(Severity::Warning)),
        (Preset::Strict, 1450, Some(Severity::Warning)),
        (Preset::Classic, 1449, Some(Severity::Problem)),
        // Not known
        (Preset::Dev, 0, None),
    ];
    for (preset, mib, expected) in cases {
        assert_eq!(told_with(preset.clone(), mib), expected, "{preset:?} {mib}");
    }

    let mut input = running();
    testing::apply(&mut input, &[Action::Stop(vec![Node::Broker(2)])]);
    input.observed.host.memory_available_mib = 300;
    let found = only(&input);
    assert_eq!(found.message, "300 MiB of memory may be too few for these servers");
    assert_eq!(found.evidence[1], "280 MiB at the start, up to 332 MiB later: broker 2");
    assert_eq!(found.next, ["cluster up demo --brokers 1"]);
    input.spec.preset = Preset::Strict;
    assert_eq!(only(&input).next, ["cluster up demo --brokers 3 --preset dev"]);
}

#[test]
fn disk() {
    for (mib, expected) in [
        (0, vec!["problem disk-short host"]),
        (511, vec!["problem disk-short host"]),
        (512, vec!["warning disk-short host"]),
        (2047, vec!["warning disk-short host"]),
        (2048, vec![]),
    ] {
        let mut input = testing::input();
        input.observed.host.disk_free_mib = mib;
        assert_eq!(told(&input), expected, "{mib}");
    }
}

#[test]
fn limits() {
    type Case = (Preset, u64, &'static [&'static str]);
    let files: [Case; 6] = [
        (Preset::Dev, 0, &[]),
        (Preset::Dev, 4095, &["problem open-files-low host"]),
        (Preset::Dev, 4096, &[]),
        (Preset::Strict, 4096, &["note open-files-low host"]),
        (Preset::Strict, 99_999, &["note open-files-low host"]),
        (Preset::Strict, 100_000, &[]),
    ];
    for (preset, max, expected) in files {
        let mut input = testing::input();
        (input.spec.preset, input.observed.host.open_files_max) = (preset.clone(), max);
        assert_eq!(told(&input), expected, "{preset:?} {max}");
    }
    let maps: [Case; 5] = [
        (Preset::Dev, 0, &[]),
        (Preset::Dev, 65_529, &["warning memory-maps-low host"]),
        (Preset::Dev, 65_530, &[]),
        (Preset::Strict, 65_530, &["note memory-maps-low host"]),
        (Preset::Strict, 262_144, &[]),
    ];
    for (preset, max, expected) in maps {
        let mut input = testing::input();
        (input.spec.preset, input.observed.host.memory_maps_max) = (preset.clone(), max);
        assert_eq!(told(&input), expected, "{preset:?} {max}");
    }
}
