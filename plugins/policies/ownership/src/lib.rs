//! The policy `ownership`: whose a topic is, by the beginning of its name, and who may change or
//! delete it.

#[cfg(test)]
mod tests;

use kafsh_sdk::policy::{Operation, Request, Response, policy};
use kafsh_sdk::{Choice, Error, Result, Settings};

#[derive(Clone, Debug, Settings)]
pub struct Owners {
    /// Whose topics are: `PREFIX=TEAM`; the longest beginning that fits decides
    pub owners: Vec<String>,
    /// Who is of which team: `USER=TEAM`; none: any user may change any topic
    pub members: Vec<String>,
    /// What becomes of a topic that belongs to nobody
    #[setting(default = "deny")]
    pub unowned: Unowned,
    /// Who may delete a topic
    #[setting(default = "members")]
    pub deletes: Deletes,
}

#[derive(Clone, Copy, Choice, Debug, PartialEq, Eq)]
pub enum Unowned {
    Deny,
    Warn,
    Allow,
}

#[derive(Clone, Copy, Choice, Debug, PartialEq, Eq)]
pub enum Deletes {
    /// Members of the team whose it is
    Members,
    Nobody,
    Anyone,
}

#[policy]
pub fn check(request: &Request, owners: &Owners) -> Result<Response> {
    let mut answer = Response::allow();
    let topic = &request.topic;
    let teams = pairs("owners", &owners.owners)?;
    let members = pairs("members", &owners.members)?;
    let owner = teams
        .iter()
        .filter(|(prefix, _)| topic.starts_with(prefix))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, team)| *team);
    if request.operation == Operation::Delete {
        match owners.deletes {
            Deletes::Nobody => {
                answer.deny("delete-not-allowed", "topics are not deleted here").field("name");
                return Ok(answer);
            }
            Deletes::Anyone => return Ok(answer),
            Deletes::Members => {}
        }
    }
    let Some(owner) = owner else {
        let message = format!("`{topic}` belongs to no team");
        match owners.unowned {
            Unowned::Deny if request.operation == Operation::Create => {
                answer.deny("no-owner", message).field("name");
            }
            // It is there: only its creation could have been refused.
            Unowned::Deny | Unowned::Warn => {
                answer.warn("no-owner", message).field("name");
            }
            Unowned::Allow => {}
        }
        return Ok(answer);
    };
    let changes =
        matches!(request.operation, Operation::Create | Operation::Alter | Operation::Delete);
    if changes && !members.is_empty() {
        let user = request.extra("user").unwrap_or("");
        if !members.iter().any(|(member, team)| *member == user && *team == owner) {
            let who = if user.is_empty() { "an unknown user".into() } else { format!("`{user}`") };
            let message = format!("`{topic}` belongs to `{owner}`, and {who} is not of that team");
            answer.deny("not-a-member", message).field("name");
        }
    }
    Ok(answer)
}

fn pairs<'a>(setting: &str, list: &'a [String]) -> Result<Vec<(&'a str, &'a str)>> {
    let pair = |text: &'a String| {
        text.split_once('=').ok_or_else(|| {
            Error::new("bad-owners", format!("`{text}` in `{setting}` is no `NAME=TEAM`"))
        })
    };
    list.iter().map(pair).collect()
}
