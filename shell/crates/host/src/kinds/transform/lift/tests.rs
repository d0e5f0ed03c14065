//! How much may come out, and of what.

use super::*;

fn nothing() -> types::Emitted {
    types::Emitted {
        arena: vec![],
        bounds: vec![],
        headers: vec![],
        sources: vec![],
        timestamps: vec![],
        topics: vec![],
        topic_names: vec![],
        failures: vec![],
    }
}

fn failed(index: u32) -> types::RecordFailure {
    types::RecordFailure { index, code: "no-json".into(), message: "it is no JSON".into() }
}

#[test]
fn shared_bytes_and_headers_are_counted_for_each_record() {
    let mut emitted = nothing();
    emitted.headers = vec![0, 3, 3, 5, 0, 1, u32::MAX, 0];
    emitted.bounds = [0, 10, u32::MAX, 0, 0, 2].repeat(4);
    assert_eq!(record_bytes(&emitted), 4 * (10 + (16 + 8) + (16 + 1)));
    // Out of range: refused elsewhere, and no overflow here.
    emitted.bounds = vec![0, u32::MAX, 0, u32::MAX, u32::MAX, u32::MAX];
    assert_eq!(record_bytes(&emitted), 2 * u64::from(u32::MAX));
}

#[test]
fn one_record_may_not_become_gigabytes() {
    let batch = RecordBatch::new();
    let mut emitted = nothing();
    emitted.bounds = vec![0, 1 << 20, u32::MAX, 0, 0, 0];
    emitted.sources = vec![0];
    assert_eq!(check_amounts(&batch, &emitted), Ok(()));
    emitted.bounds = emitted.bounds.repeat(2);
    assert!(check_amounts(&batch, &emitted).unwrap_err().contains("2097152 bytes of records"));
    let mut flood = nothing();
    flood.sources = vec![0; BATCH_RECORDS_MAX + 1];
    assert!(check_amounts(&batch, &flood).unwrap_err().contains("100001 records"));
}

#[test]
fn a_record_fails_once_and_does_not_come_out() {
    let mut emitted = nothing();
    emitted.sources = vec![0, 2, 2];
    emitted.failures = vec![failed(1)];
    assert_eq!(check_failures(3, &emitted), Ok(()));
    emitted.failures = vec![failed(1), failed(1)];
    assert!(check_failures(3, &emitted).unwrap_err().contains("failed twice"));
    emitted.failures = vec![failed(3)];
    assert!(check_failures(3, &emitted).unwrap_err().contains("not there"));
    emitted.failures = vec![failed(2)];
    assert!(check_failures(3, &emitted).unwrap_err().contains("came out all the same"));
    emitted.failures = vec![types::RecordFailure { code: "No JSON".into(), ..failed(1) }];
    assert!(check_failures(3, &emitted).unwrap_err().contains("is no code"));
}
