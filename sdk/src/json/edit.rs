//! Edits by path, all of them made in one pass.

use std::fmt;

use super::path::{BadPath, Path, Step};
use super::read::is_name;
use super::scan::{self, Scan};
use super::{JsonError, quote};
use crate::Result;

/// Fields that edits name in one object, at most: one bit for each.
const FIELDS_MAX: usize = 64;

type Change = Box<dyn Fn(&[u8], &mut Vec<u8>) -> Result<()>>;

enum Act {
    Remove,
    /// New value as it is written; whether a field that is missing is added
    Set(Vec<u8>, bool),
    Map(Change),
}

/// What becomes of the values that one path leads to, and of those below.
#[derive(Default)]
struct Node {
    act: Option<Act>,
    rename: Option<String>,
    fields: Vec<(String, Node)>,
    indexes: Vec<(u32, Node)>,
    each: Option<Box<Node>>,
}

/// Edits of fields. Made once, applied to many texts.
///
/// Where an object has a field twice, both are edited. What a path does not lead to is no error.
#[derive(Default)]
pub struct Edits {
    root: Node,
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edits")
    }
}

impl Edits {
    /// No edits yet.
    pub fn new() -> Self {
        Edits::default()
    }

    /// Sets a field to `json`; one that is missing is added where there is the object for it.
    ///
    /// # Errors
    /// A bad path, a path that another edit has, or `json` that is no JSON.
    pub fn set(self, path: &str, json: impl AsRef<[u8]>) -> Result<Self> {
        super::check(json.as_ref())?;
        self.act(path, Act::Set(json.as_ref().to_vec(), true))
    }

    /// Like [`Edits::set`] for fields that are there.
    ///
    /// # Errors
    /// As [`Edits::set`].
    pub fn replace(self, path: &str, json: impl AsRef<[u8]>) -> Result<Self> {
        super::check(json.as_ref())?;
        self.act(path, Act::Set(json.as_ref().to_vec(), false))
    }

    /// Gives each value, as it is written, to `change`, which appends what is to stand instead. It
    /// has to be JSON.
    ///
    /// # Errors
    /// A bad path, or one that another edit has.
    pub fn map(
        self,
        path: &str,
        change: impl Fn(&[u8], &mut Vec<u8>) -> Result<()> + 'static,
    ) -> Result<Self> {
        self.act(path, Act::Map(Box::new(change)))
    }

    /// Takes a field, or an element of an array, away.
    ///
    /// # Errors
    /// A bad path, or one that another edit has.
    pub fn remove(self, path: &str) -> Result<Self> {
        self.act(path, Act::Remove)
    }

    /// Gives a field another name; its value may be edited as well, by the old name. An object
    /// that has the new name already is an error when it is met.
    ///
    /// # Errors
    /// A bad path, one that ends in no field, or a name that another edit gives as well.
    pub fn rename(mut self, path: &str, name: impl Into<String>) -> Result<Self> {
        let (parsed, name) = (Path::parse(path)?, name.into());
        let bad = |why| Err(BadPath::new(path, why).into());
        let Some((Step::Field(last), above)) = parsed.steps.split_last() else {
            return bad("only fields have names");
        };
        let parent = self.root.below(above).map_err(|why| BadPath::new(path, why))?;
        if parent.fields.iter().any(|(_, other)| other.rename.as_ref() == Some(&name)) {
            return bad("two fields would get the same name");
        }
        let node = parent.field(last).map_err(|why| BadPath::new(path, why))?;
        if node.rename.is_some() || matches!(node.act, Some(Act::Remove)) {
            return bad("another edit has it");
        }
        node.rename = Some(name);
        Ok(self)
    }

    fn act(mut self, path: &str, act: Act) -> Result<Self> {
        let parsed = Path::parse(path)?;
        let bad = |why| BadPath::new(path, why);
        let node = self.root.below(&parsed.steps).map_err(bad)?;
        let taken = node.act.is_some() || node.has_children();
        if taken || (node.rename.is_some() && matches!(act, Act::Remove)) {
            return Err(bad("another edit has it, or something in it").into());
        }
        node.act = Some(act);
        Ok(self)
    }

    /// Appends `text` to `out` with all edits made; says how many. Where none was, or in an
    /// error, nothing is appended.
    ///
    /// # Errors
    /// Malformed JSON (`bad-json`), a name that is taken (`name-taken`), and what a `change` says.
    pub fn apply(&self, text: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        let began = out.len();
        let mut walk = Walk { text, out, copied: 0, made: 0 };
        let start = scan::blank(text, 0);
        let walked = walk.value(&self.root, start, 0);
        let made = walk.made;
        let end = match walked.and_then(|end| Ok(scan::at_end(text, end)?)) {
            Ok(()) if made > 0 => {
                walk.flush(text.len());
                return Ok(made);
            }
            other => other,
        };
        out.truncate(began);
        end.map(|()| 0)
    }
}

impl Node {
    fn has_children(&self) -> bool {
        !self.fields.is_empty() || !self.indexes.is_empty() || self.each.is_some()
    }

    fn below(&mut self, steps: &[Step]) -> Result<&mut Node, &'static str> {
        let Some((step, rest)) = steps.split_first() else { return Ok(self) };
        if self.act.is_some() {
            return Err("another edit has all of what it is in");
        }
        let child = match step {
            Step::Field(name) => self.field(name)?,
            Step::Each if self.indexes.is_empty() => self.each.get_or_insert_default(),
            Step::Index(number) if self.each.is_none() => {
                let at = self.indexes.iter().position(|(other, _)| other == number);
                let at = at.unwrap_or_else(|| {
                    self.indexes.push((*number, Node::default()));
                    self.indexes.len() - 1
                });
                &mut self.indexes[at].1
            }
            _ => return Err("`[]` and `[N]` of one array cannot both be edited"),
        };
        child.below(rest)
    }

    fn field(&mut self, name: &str) -> Result<&mut Node, &'static str> {
        if self.act.is_some() {
            return Err("another edit has all of what it is in");
        }
        let at = self.fields.iter().position(|(other, _)| other == name);
        let at = match at {
            Some(at) => at,
            None if self.fields.len() == FIELDS_MAX => {
                return Err("more than 64 fields of one object");
            }
            None => {
                self.fields.push((name.to_owned(), Node::default()));
                self.fields.len() - 1
            }
        };
        Ok(&mut self.fields[at].1)
    }
}

struct Walk<'a> {
    text: &'a [u8],
    out: &'a mut Vec<u8>,
    /// Up to here the text has been copied or cut
    copied: usize,
    made: usize,
}

/// What is known of the array or object that is walked through.
#[derive(Default)]
struct Inside {
    /// Some member stays
    kept: bool,
    /// The end of the last member
    last: usize,
    /// The beginning of a member that goes, with no member before it that stays: up to the next
    cut: Option<usize>,
}

impl Walk<'_> {
    fn flush(&mut self, to: usize) {
        if to > self.copied {
            self.out.extend_from_slice(&self.text[self.copied..to]);
            self.copied = to;
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.flush(from);
        self.copied = to;
    }

    fn value(&mut self, node: &Node, at: usize, depth: u32) -> Result<usize> {
        match &node.act {
            Some(Act::Set(json, _)) => {
                let end = scan::value(self.text, at, depth)?;
                self.cut(at, end);
                self.out.extend_from_slice(json);
                self.made += 1;
                Ok(end)
            }
            Some(Act::Map(change)) => {
                let end = scan::value(self.text, at, depth)?;
                self.cut(at, end);
                change(&self.text[at..end], self.out)?;
                self.made += 1;
                Ok(end)
            }
            _ => match self.text.get(at) {
                Some(b'{') if !node.fields.is_empty() => self.object(node, at, depth + 1),
                Some(b'[') if node.each.is_some() || !node.indexes.is_empty() => {
                    self.array(node, at, depth + 1)
                }
                _ => Ok(scan::value(self.text, at, depth)?),
            },
        }
    }

    fn object(&mut self, node: &Node, start: usize, depth: u32) -> Result<usize> {
        let (mut seen, mut taken, mut renamed) = (0_u64, 0_u64, 0_u64);
        let mut inside = Inside::default();
        let mut at = scan::blank(self.text, start + 1);
        let is_empty = self.text.get(at) == Some(&b'}');
        let mut has_more = !is_empty;
        while has_more {
            let (key_end, value) = scan::key(self.text, at)?;
            let raw = &self.text[at..key_end];
            let hit = node.fields.iter().position(|(name, _)| is_name(raw, name.as_bytes()));
            let child = hit.map(|hit| &node.fields[hit].1);
            seen |= hit.map_or(0, |hit| 1 << hit);
            let removed = child.is_some_and(|child| matches!(child.act, Some(Act::Remove)));
            self.before(&mut inside, at, removed);
            if let (Some(child), Some(hit)) = (child, hit)
                && let Some(name) = &child.rename
            {
                self.cut(at, key_end);
                quote(name, self.out);
                self.made += 1;
                renamed |= 1 << hit;
            } else if !removed {
                taken |= names_given(node, raw);
            }
            let end = match child {
                Some(child) if !removed => self.value(child, value, depth)?,
                _ => scan::value(self.text, value, depth)?,
            };
            self.after(&mut inside, end, removed);
            let next = self.next(end, b'}')?;
            has_more = next.is_some();
            at = next.unwrap_or(at);
        }
        if renamed & taken != 0 {
            let (_, child) = &node.fields[(renamed & taken).trailing_zeros() as usize];
            return Err(JsonError::NameTaken(child.rename.clone().unwrap_or_default()).into());
        }
        if let Some(from) = inside.cut {
            self.cut(from, inside.last);
        }
        self.add(node, seen, &inside, start);
        let close = if is_empty { at } else { scan::blank(self.text, inside.last) };
        Ok(close + 1)
    }

    fn array(&mut self, node: &Node, start: usize, depth: u32) -> Result<usize> {
        let mut inside = Inside::default();
        let mut at = scan::blank(self.text, start + 1);
        if self.text.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        for index in 0_u32.. {
            let one = node.indexes.iter().find(|(number, _)| *number == index);
            let child = node.each.as_deref().or(one.map(|(_, child)| child));
            let removed = child.is_some_and(|child| matches!(child.act, Some(Act::Remove)));
            self.before(&mut inside, at, removed);
            let end = match child {
                Some(child) if !removed => self.value(child, at, depth)?,
                _ => scan::value(self.text, at, depth)?,
            };
            self.after(&mut inside, end, removed);
            match self.next(end, b']')? {
                Some(next) => at = next,
                None => break,
            }
        }
        if let Some(from) = inside.cut {
            self.cut(from, inside.last);
        }
        Ok(scan::blank(self.text, inside.last) + 1)
    }

    /// A member begins at `at`.
    fn before(&mut self, inside: &mut Inside, at: usize, removed: bool) {
        if let Some(from) = inside.cut.take() {
            self.cut(from, at);
        }
        if removed && !inside.kept {
            inside.cut = Some(at);
        }
    }

    /// A member has ended at `end`.
    fn after(&mut self, inside: &mut Inside, end: usize, removed: bool) {
        if removed {
            self.made += 1;
            if inside.kept {
                // With the comma before it.
                self.cut(inside.last, end);
            }
        } else {
            inside.kept = true;
        }
        inside.last = end;
    }

    /// Where the next member begins; `None` at the end.
    fn next(&self, end: usize, close: u8) -> Scan<Option<usize>> {
        let at = scan::blank(self.text, end);
        match self.text.get(at) {
            Some(b',') => Ok(Some(scan::blank(self.text, at + 1))),
            Some(byte) if *byte == close => Ok(None),
            _ => scan::missing(at, "`,` or the end of what is open"),
        }
    }

    /// Adds the fields that are to be set and were not there.
    fn add(&mut self, node: &Node, seen: u64, inside: &Inside, start: usize) {
        let mut kept = inside.kept;
        for (index, (name, child)) in node.fields.iter().enumerate() {
            let Some(Act::Set(json, true)) = &child.act else { continue };
            if seen & (1 << index) != 0 {
                continue;
            }
            self.flush(inside.last.max(start + 1));
            if kept {
                self.out.push(b',');
            }
            quote(child.rename.as_ref().unwrap_or(name), self.out);
            self.out.push(b':');
            self.out.extend_from_slice(json);
            self.made += 1;
            kept = true;
        }
    }
}

/// Which of the names that edits give the field called `raw` has already.
fn names_given(node: &Node, raw: &[u8]) -> u64 {
    let mut taken = 0;
    for (index, (_, child)) in node.fields.iter().enumerate() {
        let Some(name) = &child.rename else { continue };
        if is_name(raw, name.as_bytes()) {
            taken |= 1 << index;
        }
    }
    taken
}
