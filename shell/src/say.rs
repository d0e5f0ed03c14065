//! Words to standard output and standard error that do not mind a reader who has gone: a closed
//! pipe or terminal must not end work in the middle, as the panics of `println!` would.

use std::fmt::Arguments;
use std::io::Write;

pub fn to_stdout(text: Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_fmt(text).and_then(|()| stdout.flush());
}

pub fn to_stderr(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
}

/// Like `print!`.
macro_rules! out {
    ($($text:tt)*) => { crate::say::to_stdout(format_args!($($text)*)) };
}

/// Like `eprint!`.
macro_rules! tell {
    ($($text:tt)*) => { crate::say::to_stderr(format_args!($($text)*)) };
}
