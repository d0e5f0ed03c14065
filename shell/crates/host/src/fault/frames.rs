//! Where in its own code a guest was: frames by the names that its author gave.

use wasmtime::WasmBacktrace;

use crate::limits::FRAMES_SHOWN_MAX;
use crate::text::shown_within;

/// Longest name of a frame, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A function that is on the stack so often is taken for one that calls itself without end.
const TIMES_OF_A_RECURSION: usize = 8;

/// Crates whose frames tell nothing of how an author's code came to its end: what panics and
/// allocates on its behalf.
const LIBRARIES: [&str; 5] = ["std", "core", "alloc", "__rustc", "dlmalloc"];

/// The type that the SDK exports: what calls it is the engine.
const EXPORTED: &str = "::Exported as kafsh_sdk::";

/// Names of the frames, innermost first, as a reader of the source knows them.
fn names(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let names = backtrace.frames().iter().filter_map(|frame| frame.func_name());
    names.map(|name| format!("{:#}", rustc_demangle::demangle(name))).collect()
}

/// One line for each frame, innermost first; one that follows itself is told once.
pub(super) fn lines(error: &wasmtime::Error) -> Vec<String> {
    told(&names(error))
}

/// Whether the innermost frames are those of a recursion.
pub(super) fn is_recursion(error: &wasmtime::Error) -> bool {
    let names = names(error);
    let Some(first) = names.first() else { return false };
    names.iter().filter(|name| *name == first).count() >= TIMES_OF_A_RECURSION
}

fn told(names: &[String]) -> Vec<String> {
    let own: Vec<&String> = names
        .iter()
        .skip_while(|name| is_library(name))
        .take_while(|name| !name.contains(EXPORTED))
        .collect();
    // A library that was called by the engine itself: better than nothing.
    let shown = if own.is_empty() { names.iter().collect() } else { own };
    let runs = shown.chunk_by(|a, b| a == b).take(FRAMES_SHOWN_MAX);
    let line = |run: &[&String]| {
        let name = shown_within(run[0], NAME_BYTES_MAX);
        match run.len() {
            1 => format!("in {name}"),
            // How often is only known as far as was looked.
            TIMES_OF_A_RECURSION.. => format!("in {name}, over and over"),
            times => format!("in {name}, {times} times"),
        }
    };
    runs.map(line).collect()
}

/// `core::panicking::panic_fmt`, `<alloc::vec::Vec<u8>>::push`
fn is_library(name: &str) -> bool {
    let krate = name.trim_start_matches(['<', '&', '[', '(']);
    let end = krate.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(krate.len());
    LIBRARIES.contains(&&krate[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(names: &[&str]) -> Vec<String> {
        told(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn machinery_above_and_below_is_left_out() {
        let names = [
            "__rustc::__rust_abort",
            "std::panicking::panic_with_hook",
            "<alloc::vec::Vec<u8>>::index",
            "core::panicking::panic_fmt",
            "boom::decide",
            "<[T] as core::slice::Sort>::sort",
            "boom::check",
            "<boom::_::Exported as kafsh_sdk::bindings::policy::Guest>::check",
            "kafsh:policy/policy@1.0.0#check",
        ];
        let wanted = ["in boom::decide", "in <[T] as core::slice::Sort>::sort", "in boom::check"];
        assert_eq!(told_of(&names), wanted);
        assert_eq!(told_of(&names[..2]).len(), 2, "nothing of the author's");
        assert_eq!(told_of(&["$deeper"]), ["in $deeper"], "not of Rust");
    }

    #[test]
    fn a_recursion_is_one_line() {
        let mut names = vec!["boom::deep"; 12];
        names.push("boom::check");
        assert_eq!(told_of(&names[9..]), ["in boom::deep, 3 times", "in boom::check"]);
        assert_eq!(told_of(&names), ["in boom::deep, over and over", "in boom::check"]);
    }
}
