//! Paths to fields: `user.name`, `cards[].number`, `lines[0].sku`, `"a.b".c`.

use std::fmt;
use std::str::FromStr;

/// Steps of one path, at most.
const STEPS_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    /// The element of an array, counted from 0
    Index(u32),
    /// Every element of an array
    Each,
}

/// A path to a field, or to fields. A dot at its beginning is allowed.
///
/// ```
/// use kafsh_sdk::json::Path;
///
/// let path: Path = "cards[].\"card.number\"".parse()?;
/// assert_eq!(path.to_string(), "cards[].\"card.number\"");
/// assert!(Path::parse("cards[x]").is_err());
/// # Ok::<(), kafsh_sdk::json::BadPath>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub(super) steps: Vec<Step>,
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPath {
    path: String,
    why: &'static str,
}

impl BadPath {
    pub(super) fn new(path: impl fmt::Display, why: &'static str) -> Self {
        BadPath { path: path.to_string(), why }
    }
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "path `{}`: {}", self.path.escape_debug(), self.why)
    }
}

impl std::error::Error for BadPath {}

impl Path {
    /// # Errors
    /// [`BadPath`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let bad = |why| BadPath::new(text, why);
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        if rest.is_empty() {
            return Err(bad("it names no field"));
        }
        let mut after_dot = true;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (index, tail) = inner.split_once(']').ok_or_else(|| bad("`]` is missing"))?;
                steps.push(match index {
                    "" => Step::Each,
                    digits => {
                        let index = digits.parse().map_err(|_| bad("`[…]` holds a number"))?;
                        Step::Index(index)
                    }
                });
                rest = tail;
            } else if after_dot {
                let (name, tail) = field(rest).ok_or_else(|| bad("a field has no name"))?;
                steps.push(Step::Field(name));
                rest = tail;
            } else {
                return Err(bad("fields are separated by `.`"));
            }
            after_dot = rest.starts_with('.');
            if after_dot {
                rest = &rest[1..];
                if rest.is_empty() || rest.starts_with('[') {
                    return Err(bad("a field has no name"));
                }
            }
        }
        if steps.len() > STEPS_MAX {
            return Err(bad("it has more than 32 steps"));
        }
        Ok(Path { steps })
    }
}

/// The name at the beginning of `text`, quoted or up to the next dot or bracket, and what follows.
fn field(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', '[', ']', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, &quoted[at + 1..])),
            '\\' => name.push(chars.next()?.1),
            c => name.push(c),
        }
    }
    None
}

impl FromStr for Path {
    type Err = BadPath;
    fn from_str(text: &str) -> Result<Self, BadPath> {
        Path::parse(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(number) => write!(f, "[{number}]")?,
                Step::Each => f.write_str("[]")?,
                Step::Field(name) => {
                    f.write_str(if index > 0 { "." } else { "" })?;
                    if name.is_empty() || name.contains(['.', '[', ']', '"', '\\']) {
                        let escaped = name.replace('\\', r"\\").replace('"', "\\\"");
                        write!(f, "\"{escaped}\"")?;
                    } else {
                        f.write_str(name)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_shown_alike() {
        for text in ["a", "a.b", "a[].b", "[3].x", "a[0][]", "\"a.b\".c", "\"\"", "ä.ö"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Path::parse(".a.b").unwrap().to_string(), "a.b");
    }

    #[test]
    fn what_is_no_path() {
        for text in ["", ".", "a.", "a..b", "a[", "a[x]", "a[-1]", "a[0]b", "\"a", "a.[0]", "a]"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse(&"a.".repeat(40)).is_err());
    }
}
