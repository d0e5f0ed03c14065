//! The step `preflight`: finds what would stop a cluster from starting, or from working once it
//! has started, before anything is started. It plans no action.
//!
//! What runs already is not asked about: a server that serves has passed these checks. Nor is what
//! makes a spec no spec (an id twice, a key that follows from elsewhere): the host has refused that
//! before it asks a step. Every module has the checks of one matter and names its codes.

mod data;
mod host;
mod identity;
mod ports;
mod registry;
mod settings;
#[cfg(test)]
mod tests;
mod view;

use kafsh_sdk::Result;
use kafsh_sdk::step::{Finding, Input, Severity, Step, StepPlan, Verification};

use crate::view::View;

/// Tells what is in the way; changes nothing.
pub struct Preflight;

impl Step for Preflight {
    fn plan(input: Input) -> Result<StepPlan> {
        let findings = findings(&input);
        Ok(StepPlan { summary: summary(&findings), actions: Vec::new(), findings })
    }

    /// Something may have come in the way since the plan was made.
    fn verify(input: Input) -> Result<Verification> {
        let problem = findings(&input).into_iter().find(is_problem);
        Ok(problem.map_or(Verification::Met, Verification::Failed))
    }
}

kafsh_sdk::export_step!(Preflight);

fn is_problem(finding: &Finding) -> bool {
    finding.severity == Severity::Problem
}

/// Worst first, so that what stops everything is not below what is merely worth knowing.
fn findings(input: &Input) -> Vec<Finding> {
    let view = View::of(input);
    let mut findings = Vec::new();
    for check in
        [host::check, settings::check, ports::check, data::check, identity::check, registry::check]
    {
        check(&view, &mut findings);
    }
    findings.sort_by_key(|finding| match finding.severity {
        Severity::Problem => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    });
    findings
}

fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    match (count(Severity::Problem), count(Severity::Warning)) {
        (0, 0) => "nothing is in the way".to_owned(),
        (0, warnings) => format!("nothing is in the way, {}", counted(warnings, "warning")),
        (problems, 0) => counted(problems, "problem"),
        (problems, warnings) => {
            format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning"))
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
