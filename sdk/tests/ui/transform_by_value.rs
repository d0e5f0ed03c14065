//! A transform that takes its emitter by value.

use kafsh_sdk::Result;
use kafsh_sdk::transform::{Emitter, Record, transform};

#[transform]
fn mask(_record: Record<'_>, _out: Emitter<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
