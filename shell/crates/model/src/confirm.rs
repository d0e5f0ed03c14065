//! The proof that somebody agreed to a loss.

/// What every operation that destroys asks for. Not `Clone`: one consent, one loss.
#[derive(Debug)]
pub struct Confirmed(());

impl Confirmed {
    /// Only the shell's confirmation check may call this, after the question that says exactly
    /// what will be lost was answered with yes, or `--yes` was given.
    pub fn by_user() -> Self {
        Confirmed(())
    }
}
