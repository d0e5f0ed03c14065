//! Keys that a `where` filter names and that nothing it was given has: most likely slips.

use std::collections::BTreeSet;

use kafsh_model::suggest::{did_you_mean, suggest};
use serde_json::Value;

/// Most keys that are remembered, and that are listed.
const KEYS_KNOWN_MAX: usize = 64;
const KEYS_SHOWN_MAX: usize = 12;

/// Most values that are looked at for the keys there are.
const LOOKED_AT_MAX: usize = 100;

/// What of a filter's keys is still to be seen.
#[derive(Debug)]
pub struct Unseen {
    keys: BTreeSet<String>,
    known: BTreeSet<String>,
    looked_at: usize,
}

impl Unseen {
    pub fn of(filter: &str) -> Unseen {
        Unseen { keys: top_keys(filter), known: BTreeSet::new(), looked_at: 0 }
    }

    pub fn look(&mut self, input: &Value) {
        let (false, Some(object)) = (self.keys.is_empty(), input.as_object()) else { return };
        self.keys.retain(|key| !object.contains_key(key));
        if self.looked_at < LOOKED_AT_MAX {
            self.looked_at += 1;
            let room = KEYS_KNOWN_MAX.saturating_sub(self.known.len());
            self.known.extend(object.keys().take(room).cloned());
        }
    }

    /// What to say of keys that nothing had; none where nothing was looked at.
    pub fn note(&self, each: &str) -> Option<String> {
        let key = self.keys.first().filter(|_| self.looked_at > 0)?;
        let near = suggest(key, self.known.iter().map(String::as_str));
        let mut shown: Vec<&str> =
            self.known.iter().take(KEYS_SHOWN_MAX).map(String::as_str).collect();
        if self.known.len() > KEYS_SHOWN_MAX {
            shown.push("…");
        }
        let (meant, shown) = (did_you_mean(&near), shown.join(", "));
        Some(format!("no {each} has `{key}`{meant}; {each}s have `{shown}`"))
    }
}

/// Keys of the input that a filter reads plainly: `.a` in `.a.b > 1 and (.c | length) > 2`, and
/// none of what stands behind a `|` or in a function's brackets, where `.` is something else.
/// `.a?` may be missing on purpose.
fn top_keys(filter: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut rest = filter;
    let mut before = ' ';
    // Brackets that are open: true where `.` is the input no more.
    let mut open: Vec<bool> = Vec::new();
    while let Some(c) = rest.chars().next() {
        let hidden = open.last().copied().unwrap_or(false);
        let mut length = c.len_utf8();
        match c {
            '"' => length = text_length(rest),
            '#' => length = rest.find('\n').unwrap_or(rest.len()),
            '(' | '[' | '{' => open.push(hidden || (c == '(' && is_name(before))),
            ')' | ']' | '}' => drop(open.pop()),
            '|' | ';' => match open.last_mut() {
                Some(hidden) => *hidden = true,
                None => break,
            },
            '.' if !hidden && !is_name(before) && !")]}.?\"".contains(before) => {
                let name = name_at(&rest[1..]);
                length += name.len();
                let optional = rest[length..].starts_with('?');
                if !name.is_empty() && !optional {
                    keys.insert(name.to_string());
                }
            }
            _ => {}
        }
        before = rest[..length].chars().next_back().unwrap_or(c);
        rest = &rest[length..];
    }
    keys
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn name_at(text: &str) -> &str {
    let ends = text.find(|c| !is_name(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..ends] }
}

/// Bytes of the text that begins here, its quotes included.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_of_the_input_are_told_from_others() {
        let cases: [(&str, &[&str]); 9] = [
            (".a > 1", &["a"]),
            (".a.b == .c", &["a", "c"]),
            ("(.a | .b) and (.c)", &["a", "c"]),
            (".a | .b", &["a"]),
            (".a? == 1 and .b", &["b"]),
            ("any(.[]; .a) or (.b | test(\".c\"))", &["b"]),
            ("\".a\" == .b # .c", &["b"]),
            (".[\"a\"] == 1.5 and .a[.b].c", &["a", "b"]),
            ("not", &[]),
        ];
        for (filter, wanted) in cases {
            let keys = top_keys(filter);
            assert_eq!(keys.iter().map(String::as_str).collect::<Vec<_>>(), wanted, "{filter}");
        }
    }

    #[test]
    fn only_what_nothing_has_is_remarked_upon() {
        let mut unseen = Unseen::of(".nme == 1 and .size > 2");
        assert_eq!(unseen.note("row"), None, "nothing was looked at");
        unseen.look(&json!({ "name": "a", "partitions": 1 }));
        unseen.look(&json!({ "name": "b", "size": 1 }));
        let note = unseen.note("row").unwrap();
        assert_eq!(
            note,
            "no row has `nme` (did you mean `name`?); rows have `name, partitions, size`"
        );
        let mut seen = Unseen::of(".name");
        seen.look(&json!({ "name": null }));
        assert_eq!(seen.note("row"), None);
    }
}
