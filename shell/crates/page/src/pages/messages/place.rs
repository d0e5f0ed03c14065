//! Where a look at messages begins, and where the looks behind it and before it do. An address
//! names the place of every partition that was come to: none is read twice, none left out.

use std::collections::BTreeMap;

use kafsh_model::{Error, Result};

use crate::ask::{Browse, Question};
use crate::pages::Request;

/// Records on one page.
pub const SHOWN_MAX: usize = 50;

/// Records that one look reads, kept or not.
pub const SCANNED_MAX: u64 = 100_000;

/// By how much a look before this one goes further back where a filter has kept too few.
const FURTHER: i64 = 20;

/// Offsets by partition.
pub type Offsets = BTreeMap<i32, i64>;

/// What an address says of where to begin.
#[derive(Debug)]
pub struct Place {
    /// `--from`, for the partitions without a start of their own
    from: String,
    /// Where the look before this one has come to
    starts: Offsets,
    pub newest: Option<Newest>,
}

/// A look at the end: the newest first.
#[derive(Debug)]
pub struct Newest {
    /// Records of each partition that are looked at
    pub depth: i64,
    /// Not the end, but what stands before these; partitions that are not named have nothing more
    pub before: Option<Offsets>,
}

impl Place {
    /// # Errors
    /// `bad-value` (usage): what should be a number, or a list of places, is none.
    pub fn of(request: &Request) -> Result<Place> {
        let value = request.param("value").trim();
        let starts = offsets(request.param("start"))?;
        let from = match request.param("from") {
            "" if starts.is_empty() => return Place::newest(request, value),
            "" => "earliest".to_string(),
            "offset" if !value.is_empty() => value.to_string(),
            "time" if !value.is_empty() => format!("@{}", value.trim_start_matches('@')),
            "offset" | "time" => "earliest".to_string(),
            other => other.to_string(),
        };
        Ok(Place { from, starts, newest: None })
    }

    fn newest(request: &Request, value: &str) -> Result<Place> {
        let depth = match value {
            "" => SHOWN_MAX as i64,
            text => {
                let depth = text.parse().ok().filter(|depth| *depth > 0);
                let depth: i64 = depth.ok_or_else(|| {
                    let message = format!("`{text}` is no number of records to look back");
                    Error::usage("bad-value", message)
                        .with_cause("`From` says what it is: an offset, or a time")
                })?;
                depth.min(SCANNED_MAX as i64)
            }
        };
        let before = Some(request.param("before")).filter(|text| !text.is_empty());
        let before = before.map(offsets).transpose()?;
        let (from, starts) = match &before {
            None => (format!("-{depth}"), Offsets::new()),
            Some(before) => {
                let start = |(partition, end): (&i32, &i64)| (*partition, (end - depth).max(0));
                ("latest".to_string(), before.iter().map(start).collect())
            }
        };
        Ok(Place { from, starts, newest: Some(Newest { depth, before }) })
    }

    /// The question that begins there.
    pub fn browse(&self, request: &Request) -> Browse {
        let mut consume = Question::new(["consume"]).name(request.name()).flag("output", "jsonl");
        let partition = request.param("partition");
        if !partition.is_empty() {
            consume = consume.flag("partition", partition);
        }
        consume = consume.flag("from", &self.from);
        for (partition, offset) in &self.starts {
            consume = consume.flag("start", &format!("{partition}:{offset}"));
        }
        let given = |name: &str| Some(request.param(name).to_string()).filter(|t| !t.is_empty());
        Browse { consume, text: given("text"), keep: given("keep") }
    }

    /// Where each partition goes on: those of which nothing was read are where they were.
    pub fn onward(&self, next: &Offsets) -> String {
        let mut starts = self.starts.clone();
        starts.extend(next);
        written(&starts)
    }
}

impl Newest {
    /// Where each partition goes on backwards, of a look that came to `next` and had no room for
    /// what goes up to `left_out`; those without anything before are not named.
    pub fn earlier(&self, next: &Offsets, left_out: &Offsets) -> Offsets {
        let ends = self.before.as_ref().unwrap_or(next);
        let earlier = ends.iter().map(|(partition, end)| {
            // What had no room on the page is the first thing on the page before it.
            let left_out = left_out.get(partition).map(|offset| offset + 1);
            (*partition, left_out.unwrap_or((end - self.depth).max(0)))
        });
        earlier.filter(|(_, end)| *end > 0).collect()
    }

    /// How far back the look before this one goes: further where a filter has kept so few.
    pub fn further(&self, kept: usize, filtered: bool, partitions: usize) -> i64 {
        if !filtered || kept >= SHOWN_MAX {
            return self.depth;
        }
        let partitions = partitions.max(1) as i64;
        let most = (SCANNED_MAX as i64 / partitions).max(SHOWN_MAX as i64);
        self.depth.saturating_mul(FURTHER).min(most)
    }

    /// A record that this look is about.
    pub fn is_in(&self, partition: i32, offset: i64) -> bool {
        let Some(before) = &self.before else { return true };
        before.get(&partition).is_some_and(|end| offset < *end)
    }

    /// Nothing more can come: of each partition what stands behind is known already.
    pub fn is_read(&self, next: &Offsets) -> bool {
        let Some(before) = &self.before else { return false };
        before.iter().all(|(partition, end)| next.get(partition).is_some_and(|at| at >= end))
    }
}

/// `0:120,1:88`
pub fn written(offsets: &Offsets) -> String {
    let each = offsets.iter().map(|(partition, offset)| format!("{partition}:{offset}"));
    each.collect::<Vec<_>>().join(",")
}

fn offsets(text: &str) -> Result<Offsets> {
    let one = |text: &str| {
        let (partition, offset) = text.split_once(':')?;
        let both = (partition.parse().ok()?, offset.parse().ok()?);
        Some(both).filter(|(partition, offset): &(i32, i64)| *partition >= 0 && *offset >= 0)
    };
    let wrong = |text: &str| {
        Error::usage("bad-value", format!("`{text}` is no PARTITION:OFFSET"))
            .with_next("consume TOPIC --start 0:120")
    };
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(|part| one(part).ok_or_else(|| wrong(part))).collect()
}
