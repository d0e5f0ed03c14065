//! Any bytes: nothing panics, and what parses without a finding prints to text of equal meaning.
//!
//! Run with `cargo +nightly fuzz run parse` in the folder above this one.

#![no_main]

use kafsh_lang::{at_cursor, decode, parse, render, tokens};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    let parsed = parse(text);
    for diagnostic in &parsed.diagnostics {
        assert!(text.get(diagnostic.span.start..diagnostic.span.end).is_some());
        assert!(render(diagnostic, "fuzz", text, true).is_ascii());
    }
    for (span, _) in tokens(text) {
        assert!(text.get(span.start..span.end).is_some());
    }
    at_cursor(text, text.len() / 2);
    if parsed.diagnostics.is_empty() {
        let again = parse(&parsed.script.to_string());
        assert_eq!(again.script.without_spans(), parsed.script.without_spans());
    }
});
