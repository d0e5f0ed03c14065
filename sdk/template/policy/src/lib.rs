//! The policy `{{name}}`: says whether a topic may be created or changed.

use kafsh_sdk::policy::{Request, Response, policy};
use kafsh_sdk::{Result, Settings};

/// What users set with `--set NAME=VALUE`; the comments are what they read.
#[derive(Settings)]
pub struct Limits {
    /// Most partitions of a topic
    #[setting(default = "12")]
    pub max_partitions: u32,
}

#[policy]
pub fn check(request: &Request, limits: &Limits) -> Result<Response> {
    let mut answer = Response::allow();
    // A topic that is to be deleted is wanted in no form.
    let Some(topic) = request.wanted() else { return Ok(answer) };
    if topic.partitions > limits.max_partitions {
        let message =
            format!("{} partitions are more than {}", topic.partitions, limits.max_partitions);
        answer
            .deny("too-many-partitions", message)
            .field("partitions")
            .suggest(limits.max_partitions);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing;

    use super::*;

    #[test]
    fn too_many_partitions_are_refused() {
        let limits = Limits { max_partitions: 12 };
        let few = testing::create("orders").partitions(12).build();
        assert!(check(&few, &limits).unwrap().findings.is_empty());
        let many = testing::create("orders").partitions(13).build();
        assert_eq!(check(&many, &limits).unwrap().rules(), ["too-many-partitions"]);
    }
}
