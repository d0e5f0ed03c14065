//! What completion offers, without a terminal.

use super::*;

fn names() -> Names {
    let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Names {
        clusters: list(&["demo", "staging"]),
        topics: list(&["orders", "orders-failed", "test", "__consumer_offsets"]),
        groups: list(&["billing", "my group"]),
        brokers: list(&["1", "2", "3"]),
        variables: list(&["limit", "names"]),
        plugins: vec![("house-rules".to_string(), PluginKind::Policy)],
        bindings: list(&["three", "names-of-teams"]),
        at_prompt: true,
        ..Names::default()
    }
}

fn at_end(text: &str) -> Completion {
    complete(text, text.len(), &names())
}

/// What is listed at the end of a text.
fn shown(text: &str) -> Vec<String> {
    at_end(text).candidates.into_iter().map(|candidate| candidate.display).collect()
}

/// The text after Tab, where there is one way to go on.
#[track_caller]
fn completed(text: &str) -> String {
    let found = at_end(text);
    let [only] = found.candidates.as_slice() else { panic!("{text:?}: {:?}", shown(text)) };
    format!("{}{}", &text[..found.start], only.replacement)
}

/// A command of the table as the tests need it.
static DESCRIBE: CommandSpec = CommandSpec {
    path: &["topic", "describe"],
    args: &[ArgSpec { name: "topic", kind: Kind::Topic, arity: Arity::Many, help: "" }],
    flags: &[
        FlagSpec::switch("dry-run", "say what would be done"),
        FlagSpec::value("config", "KEY=VALUE", Kind::TopicConfig, "a setting").repeated(),
        FlagSpec::value("group", "GROUP", Kind::Group, "a group").short('g'),
        FlagSpec::value("broker-config", "KEY=VALUE", Kind::BrokerConfig, "a setting"),
    ],
    needs: crate::spec::Needs::Cluster,
    ..CommandSpec::BLANK
};

/// The same for [`DESCRIBE`], whose words are those after `x `.
fn described(text: &str) -> Vec<String> {
    let context = at_cursor(text, text.len());
    let offers = arguments(&DESCRIBE, &context.words[1..], &context, &names());
    let partial = context.partial;
    let found = finish(offers, &partial.text, partial.quote, partial.span.start);
    found.candidates.into_iter().map(|candidate| candidate.replacement).collect()
}

#[test]
fn commands_and_statements() {
    assert_eq!(completed("hel"), "help ");
    assert_eq!(completed("vers"), "version ");
    assert!(shown("ex").contains(&"expect".to_string()));
    assert_eq!(completed("exi"), "exit ");
    assert_eq!(completed("on-"), "on-exit ");
    assert_eq!(completed("try vers"), "try version ");
    assert_eq!(completed("if x { vers"), "if x { version ");
    assert!(shown("nonsense ").is_empty());
}

#[test]
fn only_stages_after_a_bar() {
    let stages = shown("version | ");
    assert!(stages.contains(&"where".to_string()) && stages.contains(&"head".to_string()));
    assert!(!stages.contains(&"version".to_string()) && !stages.contains(&"let".to_string()));
    assert!(!shown("").contains(&"where".to_string()));
}

#[test]
fn names_of_clusters_and_variables() {
    assert_eq!(completed("@st"), "@staging ");
    assert_eq!(completed("version | @de"), "version | @demo ");
    assert_eq!(completed("jq -n $na"), "jq -n $names");
    assert_eq!(completed("jq -n \"a ${li"), "jq -n \"a ${limit}");
    assert_eq!(cluster_of("@prod topic describe ", 21).as_deref(), Some("prod"));
    assert_eq!(cluster_of("topic list -C prod -O ", 22).as_deref(), Some("prod"));
    assert_eq!(cluster_of("topic list --cluster=prod ", 26).as_deref(), Some("prod"));
    assert_eq!(cluster_of("topic list ", 11), None);
}

#[test]
fn live_names_each_once() {
    assert_eq!(described("x or"), ["orders", "orders-failed"]);
    assert_eq!(described("x orders te"), ["test "]);
    assert_eq!(described("x orders or"), ["orders-failed "]);
    assert_eq!(described("x -g bi"), ["billing "]);
    assert_eq!(described("x --group=bi"), ["--group=billing "]);
    assert_eq!(described("x -g my"), ["'my group' "]);
    assert_eq!(described("x -g 'my"), ["'my group' "]);
    assert_eq!(described("x -g \"my"), ["\"my group\" "]);
}

#[test]
fn flags_once_and_with_those_all_commands_have() {
    assert_eq!(described("x --dr"), ["--dry-run "]);
    assert!(described("x --dry-run --dr").is_empty());
    assert_eq!(described("x --config a=b --conf"), ["--config "]);
    assert_eq!(described("x --boot"), ["--bootstrap "]);
    assert_eq!(described("x -O js"), ["json", "jsonl"]);
    assert!(described("x -- --dr").is_empty());
    let all = at_end("version ");
    assert!(all.detailed && all.candidates.iter().any(|c| c.text == "--output"), "{all:?}");
    assert!(all.candidates.iter().all(|candidate| !candidate.about.is_empty()));
}

#[test]
fn plugins_that_travel_with_kafsh() {
    assert_eq!(completed("policy bind nam"), "policy bind naming ");
    assert_eq!(
        completed("consume orders | transform mask"),
        "consume orders | transform mask-fields "
    );
    assert!(!shown("policy bind ").contains(&"mask-fields".to_string()));
}

#[test]
fn keys_and_values_of_configurations() {
    assert_eq!(described("x --config ret"), ["retention.bytes=", "retention.ms="]);
    assert_eq!(described("x --config cleanup.policy=c"), ["cleanup.policy=compact "]);
    assert_eq!(
        described("x --config cleanup.policy="),
        ["cleanup.policy=compact", "cleanup.policy=delete"]
    );
    assert_eq!(described("x --config cleanup.policy=compact,"), ["cleanup.policy=compact,delete "]);
    assert_eq!(described("x --config retention.ms="), ["retention.ms=604800000 "]);
    assert!(described("x --config nonsense=").is_empty());
    assert_eq!(described("x --broker-config 2:auto.create"), ["2:auto.create.topics.enable="]);
    assert_eq!(
        described("x --broker-config 2:auto.create.topics.enable=f"),
        ["2:auto.create.topics.enable=false "]
    );
    assert!(described("x --broker-config ").contains(&"2:".to_string()));
}

#[test]
fn paths_go_on_behind_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for file in ["a.ksh", "a.txt", ".hidden", "data/rows.csv", "my file.csv"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let names = Names { directory: folder.path().to_path_buf(), ..names() };
    let found = |text: &str| {
        let found = complete(text, text.len(), &names);
        found.candidates.into_iter().map(|c| c.replacement).collect::<Vec<_>>()
    };
    assert_eq!(found("read da"), ["data/"]);
    assert_eq!(found("read data/"), ["data/rows.csv "]);
    assert_eq!(found("read my"), ["'my file.csv' "]);
    assert_eq!(found("version > a."), ["a.ksh", "a.txt"]);
    assert_eq!(found("source a"), ["a.ksh "]);
    assert_eq!(found("!cat a.t"), ["a.txt "]);
    assert!(!found("read ").iter().any(|path| path.contains("hidden")));
}

#[test]
fn settings_and_their_values() {
    assert_eq!(completed("set out"), "set output ");
    assert_eq!(shown("set output js"), ["json", "jsonl"]);
    assert_eq!(completed("help whe"), "help where ");
}

#[test]
fn nothing_is_offered_in_records_and_comments() {
    assert!(shown("produce t <<END\nver").is_empty());
    assert!(shown("version # ver").is_empty());
}

#[test]
fn plugins_are_offered_where_they_may_stand() {
    let policies = shown("policy bind ");
    assert!(policies.contains(&"house-rules".to_string()), "{policies:?}");
    assert!(policies.contains(&"naming".to_string()), "{policies:?}");
    assert!(!policies.contains(&"launch".to_string()), "{policies:?}");
    let any = shown("plugin info ");
    assert!(["house-rules", "launch", "naming"].iter().all(|name| any.contains(&(*name).into())));
    for verb in ["grant", "revoke", "remove", "rollback", "disable", "enable"] {
        assert_eq!(completed(&format!("plugin {verb} h")), format!("plugin {verb} house-rules "));
        assert_eq!(shown(&format!("plugin {verb} na")), [""; 0], "a bundled one is no choice");
    }
    for verb in ["explain", "mode", "unbind"] {
        assert_eq!(completed(&format!("policy {verb} th")), format!("policy {verb} three "));
    }
}

#[test]
fn settings_of_a_plugin_are_offered_where_it_is_named() {
    let texts = |line: &str| -> Vec<String> {
        let found = complete(line, line.len(), &Names::default());
        found.candidates.into_iter().map(|candidate| candidate.text).collect()
    };
    assert!(texts("policy bind naming --set ").contains(&"pattern=".to_string()));
    let left = texts("policy bind naming --set pattern=x --set ");
    assert!(!left.is_empty() && !left.contains(&"pattern=".to_string()), "{left:?}");
    assert!(texts("transform mask-fields --set f").contains(&"fields=".to_string()));
    assert!(texts("policy bind nothing-so-named --set ").is_empty());
    assert_eq!(texts("consume x --from e"), ["earliest"]);
    assert_eq!(texts("consume x --from @"), ["@"]);
}
