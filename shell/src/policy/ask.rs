//! Asking all policies about one change, collecting every verdict, and saying what they said.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_model::plugin::ClusterFacts;
use kafsh_model::policy::{
    Amendment, Operation, PolicyFinding, PolicyMode, PolicyRequest, PolicyResponse, PolicySeverity,
    TopicState,
};
use kafsh_model::{Error, Result};

use super::change::amended;
use super::{Bound, Charge};

/// Policies that refuse, of which it is said how to hear more.
const EXPLAINED_MAX: usize = 3;

/// Commands that are taken over from what a policy broke with.
const NEXT_OF_BROKEN_MAX: usize = 2;

/// What one binding said of one topic.
#[derive(Clone, Debug)]
pub struct Said {
    pub binding: String,
    pub mode: PolicyMode,
    pub answer: Answer,
}

#[derive(Clone, Debug)]
pub enum Answer {
    Finding(PolicyFinding),
    Amended {
        amendment: Amendment,
        before: Option<String>,
    },
    /// It broke, took too long or cannot be loaded
    Broken(Error),
}

impl Said {
    /// Whether the change may not go on because of this.
    pub fn refuses(&self) -> bool {
        self.mode == PolicyMode::Enforce
            && match &self.answer {
                Answer::Finding(finding) => finding.severity == PolicySeverity::Deny,
                Answer::Broken(_) => true,
                Answer::Amended { .. } => false,
            }
    }

    /// Turns an amendment that is `beyond` what the operation can make into a refusal: what was
    /// announced and then left out would be a lie.
    pub fn refuse_amendments(&mut self, beyond: impl Fn(&str) -> bool) {
        let Answer::Amended { amendment, .. } = &self.answer else { return };
        if self.mode == PolicyMode::Enforce && beyond(&amendment.field) {
            let message = format!("it amends `{}`, which this change cannot do", amendment.field);
            self.answer = Answer::Broken(Error::failed("policy-conflict", message));
        }
    }

    /// One line: `naming [pattern] name: must be lower case (try orders-eu)`.
    pub fn line(&self) -> String {
        let binding = &self.binding;
        match &self.answer {
            Answer::Finding(finding) => {
                let field = finding.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
                let tried = finding.suggestion.as_ref();
                let tried = tried.map(|s| format!(" (try `{s}`)")).unwrap_or_default();
                format!("`{binding}` [{}] {field}{}{tried}", finding.rule, finding.message)
            }
            Answer::Amended { amendment, before } => {
                let before = before.as_deref().unwrap_or("(not set)");
                let after = amendment.value.as_deref().unwrap_or("(not set)");
                let Amendment { field, reason, .. } = amendment;
                format!("`{binding}` {field}: {before} → {after}, {reason}")
            }
            Answer::Broken(error) => {
                let cause = error.cause.as_ref().map(|c| format!(": {c}")).unwrap_or_default();
                format!("`{binding}` [{}] could not answer: {}{cause}", error.code, error.message)
            }
        }
    }
}

impl Charge {
    /// Asks every policy that is about the topic; `proposed` comes back as amended. Amendments are
    /// made first and everything is asked again, so that no policy passes what another one made.
    ///
    /// # Errors
    /// None of the policies': those are answers. `bug` where a thread dies.
    pub async fn ask(
        &self,
        operation: Operation,
        topic: &str,
        current: Option<&TopicState>,
        proposed: Option<&TopicState>,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> Result<(Vec<Said>, Option<TopicState>)> {
        let bound: Vec<&Bound> = self.about(topic).collect();
        if bound.is_empty() {
            return Ok((Vec::new(), proposed.cloned()));
        }
        let mut request = PolicyRequest {
            operation,
            topic: topic.to_string(),
            cluster: self.cluster.clone(),
            current: current.cloned(),
            proposed: proposed.cloned(),
            touched: touched(current, proposed),
            extras: self.extras.clone(),
        };
        let (said, amendments) = round(&bound, &request, facts).await?;
        let Some(state) = request.proposed.as_mut().filter(|_| !amendments.is_empty()) else {
            return Ok((said, request.proposed));
        };
        let mut made = amend(state, amendments);
        request.touched = touched(current, request.proposed.as_ref());
        // What was said of the state before is said anew of the amended one.
        let (said, again) = round(&bound, &request, facts).await?;
        made.extend(said);
        // Who amends to what is there already is content.
        let again = again.into_iter().filter(|(_, amendment)| {
            request.proposed.as_ref().is_none_or(|state| changes(state, amendment))
        });
        made.extend(again.map(|(said, amendment)| quarrel(said, &amendment)));
        Ok((made, request.proposed))
    }

    /// Whether any binding has something to say of this topic.
    pub fn about(&self, topic: &str) -> impl Iterator<Item = &Bound> {
        self.bound.iter().filter(move |bound| bound.binding.is_about_topic(topic))
    }

    /// Whether any policy asks for facts of the whole cluster.
    pub fn wants_facts(&self) -> bool {
        let wants = |bound: &Bound| bound.policy.as_ref().is_ok_and(|(p, _)| p.wants_facts());
        self.bound.iter().any(wants)
    }
}

/// Keys whose value is another one afterwards.
fn touched(current: Option<&TopicState>, proposed: Option<&TopicState>) -> Vec<String> {
    let empty = BTreeMap::new();
    let before = current.map_or(&empty, |state| &state.configs);
    let after = proposed.map_or(&empty, |state| &state.configs);
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// On a thread of its own: loading and asking a plugin is synchronous.
async fn answer(
    bound: &Bound,
    request: &PolicyRequest,
    facts: Option<&Arc<ClusterFacts>>,
) -> Result<Result<PolicyResponse>> {
    let (policy, settings) = match &bound.policy {
        Ok((policy, settings)) => (Arc::clone(policy), Arc::clone(settings)),
        Err(error) => return Ok(Err(error.clone())),
    };
    let (request, facts) = (request.clone(), facts.cloned());
    let asked = move || policy.check(&request, &settings, facts.as_ref());
    let task = tokio::task::spawn_blocking(asked);
    task.await.map_err(|error| Error::bug(format!("a policy's thread broke: {error}")))
}

/// What all say, and what they want amended.
async fn round(
    bound: &[&Bound],
    request: &PolicyRequest,
    facts: Option<&Arc<ClusterFacts>>,
) -> Result<(Vec<Said>, Vec<(Said, Amendment)>)> {
    let (mut all, mut amendments) = (Vec::new(), Vec::new());
    for bound in bound {
        let said = |answer: Answer| Said {
            binding: bound.binding.name.clone(),
            mode: bound.binding.mode,
            answer,
        };
        let response = match answer(bound, request, facts).await? {
            Ok(response) => response,
            Err(error) => {
                all.push(said(Answer::Broken(error)));
                continue;
            }
        };
        all.extend(response.findings.into_iter().map(|finding| said(Answer::Finding(finding))));
        for amendment in response.amendments {
            let line = said(Answer::Amended { amendment: amendment.clone(), before: None });
            match bound.binding.mode {
                PolicyMode::Enforce => amendments.push((line, amendment)),
                // Where it only warns, what it would amend is said.
                PolicyMode::Warn | PolicyMode::Off => all.push(line),
            }
        }
    }
    Ok((all, amendments))
}

/// Makes the amendments; two that differ about one field refuse the change.
fn amend(state: &mut TopicState, amendments: Vec<(Said, Amendment)>) -> Vec<Said> {
    let mut made: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    let mut lines = Vec::new();
    for (mut said, amendment) in amendments {
        let field = amendment.field.clone();
        said.answer = match made.get(&field) {
            Some((_, value)) if *value == amendment.value => continue,
            Some((first, _)) => {
                let message = format!("`{first}` amends `{field}` to something else");
                let conflict = Error::failed("policy-conflict", message);
                Answer::Broken(conflict.with_next(format!("policy explain {first}")))
            }
            None => match amended(state, &amendment) {
                Ok(before) => {
                    made.insert(field, (said.binding.clone(), amendment.value.clone()));
                    Answer::Amended { amendment, before }
                }
                Err(error) => Answer::Broken(error),
            },
        };
        lines.push(said);
    }
    lines
}

/// Asked again after its amendments, a policy must have none: two would never come to an end.
/// Whether an amendment makes another state of it; one that cannot be made is none of the same.
fn changes(state: &TopicState, amendment: &Amendment) -> bool {
    let mut other = state.clone();
    amended(&mut other, amendment).is_err() || other != *state
}

fn quarrel(mut said: Said, amendment: &Amendment) -> Said {
    let message = format!("it amends `{}` again after the amendments were made", amendment.field);
    said.answer = Answer::Broken(Error::failed("policy-conflict", message));
    said
}

/// The refusal of one topic, with everything that all policies have against it.
pub fn refusal(topic: &str, verb: &str, said: &[Said]) -> Option<Error> {
    let against: Vec<&Said> = said.iter().filter(|said| said.refuses()).collect();
    if against.is_empty() {
        return None;
    }
    let mut names: Vec<String> = against.iter().map(|s| format!("`{}`", s.binding)).collect();
    names.dedup();
    let plural = if names.len() == 1 { "policy" } else { "policies" };
    let message =
        format!("topic `{topic}` may not be {verb}: refused by {plural} {}", names.join(", "));
    let mut error = Error::refused("policy-denied", message);
    error.evidence = against.iter().map(|said| said.line()).collect();
    if against.iter().all(|said| matches!(said.answer, Answer::Broken(_))) {
        error.cause = Some("a policy that is enforced and cannot answer refuses".to_string());
    }
    let mut bindings: Vec<&str> = against.iter().map(|said| said.binding.as_str()).collect();
    bindings.dedup();
    for binding in bindings.into_iter().take(EXPLAINED_MAX) {
        error = error.with_next(format!("policy explain {binding}"));
    }
    // What would mend one that broke.
    let broken = against.iter().find_map(|said| match &said.answer {
        Answer::Broken(broken) => Some((said, broken)),
        _ => None,
    });
    if let Some((said, broken)) = broken {
        for next in broken.next.iter().take(NEXT_OF_BROKEN_MAX) {
            error = error.with_next(next.clone());
        }
        if matches!(&*broken.code, "plugin-not-found" | "plugin-disabled") {
            error = error.with_next(format!("policy unbind {}", said.binding));
        }
    }
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_amends_to_what_is_there_already_changes_nothing() {
        let state = TopicState {
            partitions: 3,
            replication_factor: 2,
            configs: [("retention.ms".to_string(), "5".to_string())].into(),
        };
        let changes = |field: &str, value: Option<&str>| {
            let value = value.map(String::from);
            changes(&state, &Amendment { field: field.into(), value, reason: "so".into() })
        };
        assert!(!changes("partitions", Some("3")) && changes("partitions", Some("4")));
        assert!(!changes("config.retention.ms", Some("5")));
        assert!(changes("config.retention.ms", None) && !changes("config.cleanup.policy", None));
        assert!(changes("partitions", Some("many")), "what cannot be made is to be told");
    }
}
