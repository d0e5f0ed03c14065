//! Rules of the house that a machine can check: the shape of files, which crate may know which,
//! and what must not stand anywhere in the repository.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most lines of one Rust file, tests included.
const FILE_LINES_MAX: usize = 600;
/// Most columns of one line of Rust.
const LINE_COLUMNS_MAX: usize = 100;

/// All that stands at the top level.
const TOP_LEVEL: [&str; 18] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.ko.md",
    "README.md",
    "plugins",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "scripts",
    "sdk",
    "shell",
    "tests",
];

/// The workspace's own crates and those that they may depend on, in any way. A plugin may know
/// the SDK, which is said in [`may_depend`].
const ARROWS: [(&str, &[&str]); 13] = [
    (
        "kafsh",
        &[
            "kafsh-lang",
            "kafsh-model",
            "kafsh-cluster",
            "kafsh-kafka",
            "kafsh-rehearsal",
            "kafsh-host",
            "kafsh-bundled",
            "kafsh-pack",
            "kafsh-page",
        ],
    ),
    ("kafsh-lang", &["kafsh-model"]),
    ("kafsh-cluster", &["kafsh-model"]),
    ("kafsh-kafka", &["kafsh-model"]),
    ("kafsh-rehearsal", &["kafsh-model"]),
    ("kafsh-host", &["kafsh-model", "kafsh-pack"]),
    ("kafsh-bundled", &["kafsh-model", "kafsh-pack"]),
    ("kafsh-model", &[]),
    ("kafsh-pack", &["kafsh-model"]),
    ("kafsh-page", &["kafsh-model"]),
    ("kafsh-sdk", &["kafsh-sdk-macros"]),
    ("kafsh-sdk-macros", &[]),
    ("xtask", &[]),
];

/// Libraries that only one crate may know: one crate, one technology.
const FENCES: [(&str, &str); 12] = [
    ("axum", "kafsh-page"),
    ("maud", "kafsh-page"),
    ("miniz_oxide", "kafsh-cluster"),
    ("nom", "kafsh-lang"),
    ("wasmtime", "kafsh-host"),
    ("rdkafka", "kafsh-kafka"),
    ("tar", "kafsh-cluster"),
    ("kafka-protocol", "kafsh-kafka"),
    ("zookeeper-client", "kafsh-kafka"),
    ("rustyline", "kafsh"),
    ("wit-bindgen", "kafsh-sdk"),
    ("wit-component", "kafsh-pack"),
];

/// Libraries that a first-party plugin may know beside the SDK.
const PLUGIN_LIBRARIES: [(&str, &str); 5] = [
    ("kafsh-policy-naming", "regex-lite"),
    ("kafsh-transform-filter", "jaq-core"),
    ("kafsh-transform-filter", "jaq-json"),
    ("kafsh-transform-filter", "jaq-std"),
    ("kafsh-transform-redact-regex", "regex-lite"),
];

/// Libraries that must not come in by any way: a second TLS stack, a second HTTP client.
const KEPT_OUT: [&str; 4] = ["reqwest", "native-tls", "openssl-sys", "aws-lc-sys"];

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the shell is a folder of the repository")
}

/// The repository's files, by path from its root: what git has or would add, or, where there is
/// no git, all but what is built.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let mut files: Vec<String> = match listed {
        Ok(git) if git.status.success() => String::from_utf8_lossy(&git.stdout)
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
        _ => walk(root()),
    };
    // git still lists what was deleted but not yet committed.
    files.retain(|path| root().join(path).is_file());
    files.sort();
    assert!(files.iter().any(|path| path == "Cargo.toml"), "no files in {}", root().display());
    files
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let kind = entry.file_type();
        if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
            if name != "target" && name != ".git" {
                found.extend(walk(&path));
            }
        } else if let Ok(path) = path.strip_prefix(root()) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}

/// Files whose names end in `ending`, with their text; those that are no text are left out.
fn texts(ending: &str) -> Vec<(String, String)> {
    let read = |path: String| fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    let named = files().into_iter().filter(|path| path.ends_with(ending));
    let texts: Vec<(String, String)> = named.filter_map(read).collect();
    assert!(!texts.is_empty(), "no file ends in `{ending}`");
    texts
}

/// Fails with every offender at once.
#[track_caller]
fn none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}\n", offenders.join("\n  "));
}

/// `path:line` of every line that `offends`.
fn lines_that(texts: &[(String, String)], offends: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts {
        let lines = text.lines().enumerate().filter(|(_, line)| offends(line));
        found.extend(lines.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())));
    }
    found
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let silent = texts(".rs").into_iter().filter(|(_, text)| !text.starts_with("//! "));
    let silent: Vec<String> = silent.map(|(path, _)| path).collect();
    none("the first line is `//! ` and what the file is for", &silent);
}

#[test]
fn files_are_short_enough_to_read() {
    let lengths = texts(".rs").into_iter().map(|(path, text)| (path, text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > FILE_LINES_MAX);
    let long: Vec<String> = long.map(|(path, lines)| format!("{path}: {lines} lines")).collect();
    none("a file has 600 lines at the most; aim at 300", &long);
}

#[test]
fn lines_are_at_most_100_columns() {
    let is_long = |line: &str| line.chars().count() > LINE_COLUMNS_MAX && !holds_long_text(line);
    assert!(is_long(&"x".repeat(101)) && is_long(&format!("{}\"short\"", "x".repeat(100))));
    let long = lines_that(&texts(".rs"), is_long);
    none("a line has 100 columns at the most", &long);
}

/// A message of another program stays on one line, so that it can be searched for.
fn holds_long_text(line: &str) -> bool {
    let ends = line.find('"').zip(line.rfind('"'));
    ends.is_some_and(|(start, end)| line[start..end].chars().count() > LINE_COLUMNS_MAX * 6 / 10)
}

#[test]
fn the_shell_minds_no_closed_pipe() {
    // These macros panic when their reader has gone; `say.rs` has two that do not.
    let macros = ["pri|nt!(", "pri|ntln!(", "epri|nt!(", "epri|ntln!("].map(joined);
    let prints = |line: &str| macros.iter().any(|name| has_word_start(line, name));
    assert!(prints(&joined("    pri|ntln!(x)")) && !prints("sprint!(x)"));
    let shell: Vec<(String, String)> = texts(".rs")
        .into_iter()
        .filter(|(path, _)| path.starts_with("shell/src/") && !path.ends_with("/say.rs"))
        .collect();
    none("a macro that panics on a closed pipe", &lines_that(&shell, prints));
}

/// Whether `name` stands in `line` with no letter, digit or `_` before it.
fn has_word_start(line: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(start, _)| !line[..start].ends_with(part))
}

#[test]
fn nothing_is_left_for_later() {
    // In pieces, here and below, so that this file does not offend itself.
    let macros = ["to|do!", "unimple|mented!", "db|g!", "#[ign|ore"].map(joined);
    let words = ["FIX|ME", "XX|X"].map(joined);
    let offends = |line: &str| {
        macros.iter().any(|name| line.contains(name.as_str()))
            || words.iter().any(|word| has_word(line, word))
    };
    assert!(offends(&joined("    to|do!()")) && offends(&joined("// FIX|ME: x")));
    let left = lines_that(&texts(".rs"), offends);
    none("nothing is left for later, ignored or printed for debugging", &left);
}

fn joined(pieces: &str) -> String {
    pieces.replace('|', "")
}

/// Whether `word` stands in `line` with no letter, digit or `_` next to it.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        !line[..start].ends_with(part) && !line[start + word.len()..].starts_with(part)
    })
}

/// One dependency that a crate of the workspace declares.
struct Edge {
    from: String,
    to: String,
    /// For tests, examples and benchmarks only.
    dev: bool,
    /// Whether the crate that depends is one of the plugins.
    plugin: bool,
}

/// What cargo says of the workspace. Nothing is fetched for it.
fn edges() -> Vec<Edge> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let answer = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let metadata: Value = serde_json::from_slice(&answer.stdout).expect("cargo answers in JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().expect("a list of packages") {
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let plugin = manifest.starts_with(root().join("plugins"));
        for dependency in package["dependencies"].as_array().expect("a list of dependencies") {
            let (from, to) = (text(&package["name"]), text(&dependency["name"]));
            edges.push(Edge { from, to, dev: dependency["kind"] == "dev", plugin });
        }
    }
    assert!(edges.iter().any(|edge| edge.from == "kafsh"), "cargo names no crate `kafsh`");
    edges
}

/// Whether one crate of the workspace may depend on another.
fn may_depend(edge: &Edge) -> bool {
    if edge.plugin {
        return edge.to == "kafsh-sdk";
    }
    // Its tests call every embedded plugin through the sandbox that users have.
    if edge.dev && edge.from == "kafsh-bundled" && edge.to == "kafsh-host" {
        return true;
    }
    ARROWS.iter().any(|(from, to)| *from == edge.from && to.contains(&edge.to.as_str()))
}

/// Whether a crate of the workspace may depend on one of [`FENCES`].
fn within_fence(edge: &Edge) -> bool {
    // Tests wrap hand-written guests.
    let tests_guests = matches!(edge.from.as_str(), "kafsh-host" | "kafsh");
    if edge.dev && tests_guests && edge.to == "wit-component" {
        return true;
    }
    FENCES.iter().all(|(library, owner)| *library != edge.to || *owner == edge.from)
}

fn offending(edges: &[Edge], offends: impl Fn(&Edge) -> bool) -> Vec<String> {
    let found = edges.iter().filter(|edge| offends(edge));
    found.map(|edge| format!("{} → {}", edge.from, edge.to)).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let edges = edges();
    let ours = |name: &str| ARROWS.iter().any(|(from, _)| *from == name);
    let names: BTreeSet<&str> = edges
        .iter()
        .filter(|edge| edge.plugin)
        .map(|edge| edge.from.as_str())
        .chain(ARROWS.iter().map(|(from, _)| *from))
        .collect();
    let bad = offending(&edges, |edge| names.contains(edge.to.as_str()) && !may_depend(edge));
    none("ARCHITECTURE.md says which crate may depend on which", &bad);
    let new = offending(&edges, |edge| !edge.plugin && !ours(&edge.from));
    none("a new crate of the workspace has to be given its arrows in tests/tidy.rs", &new);
}

#[test]
fn plugins_depend_on_nothing_but_the_sdk() {
    let listed = |edge: &Edge| {
        PLUGIN_LIBRARIES.iter().any(|(plugin, library)| *plugin == edge.from && *library == edge.to)
    };
    let bad = offending(&edges(), |edge| {
        edge.plugin && !edge.dev && edge.to != "kafsh-sdk" && !listed(edge)
    });
    none("a first-party plugin is written against the SDK and what is listed for it", &bad);
}

#[test]
fn each_technology_stays_in_its_crate() {
    let edges = edges();
    none("one crate, one technology", &offending(&edges, |edge| !within_fence(edge)));
    let used = |library: &str, owner: &str| {
        edges.iter().any(|edge| edge.from == owner && edge.to == library)
    };
    let idle = FENCES.iter().filter(|(library, owner)| !used(library, owner));
    let idle: Vec<String> = idle.map(|(library, owner)| format!("{owner} → {library}")).collect();
    none("a fence around a library that nobody uses guards nothing", &idle);
}

#[test]
fn arrows_and_fences_refuse_what_they_are_for() {
    let edge =
        |from: &str, to: &str, dev, plugin| Edge { from: from.into(), to: to.into(), dev, plugin };
    assert!(may_depend(&edge("kafsh", "kafsh-host", false, false)));
    assert!(!may_depend(&edge("kafsh-host", "kafsh-kafka", false, false)));
    assert!(!may_depend(&edge("kafsh-model", "kafsh-lang", true, false)));
    assert!(!may_depend(&edge("kafsh", "kafsh-sdk", false, false)));
    assert!(may_depend(&edge("kafsh-step-x", "kafsh-sdk", false, true)));
    assert!(!may_depend(&edge("kafsh-step-x", "kafsh-model", true, true)));
    assert!(within_fence(&edge("kafsh-host", "wit-component", true, false)));
    assert!(!within_fence(&edge("kafsh-host", "wit-component", false, false)));
    assert!(!within_fence(&edge("kafsh", "rdkafka", true, false)));
}

#[test]
fn the_lock_file_is_free_of_what_is_kept_out() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock can be read");
    let names: BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.contains("kafsh"), "Cargo.lock names no crate `kafsh`");
    let found = KEPT_OUT.iter().filter(|name| names.contains(**name));
    let found: Vec<String> = found.map(|name| (*name).to_owned()).collect();
    none("`cargo tree -i NAME` says who brings them in", &found);
}

/// Whether `line` holds `path` as an absolute path or the beginning of one.
fn has_absolute(line: &str, path: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let inner = |c: char| part(c) || "/}$)*".contains(c);
    line.match_indices(path).any(|(start, _)| {
        !line[..start].ends_with(inner) && !line[start + path.len()..].starts_with(part)
    })
}

/// Whether `line` holds a path below some user's home folder. The folders by themselves are
/// those of any Linux, and code that guards them has to name them.
fn has_home(line: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || "_-./}$)*".contains(c);
    ["/ho|me/", "/Us|ers/", "/ro|ot/"].map(joined).iter().any(|home| {
        line.match_indices(home.as_str()).any(|(start, _)| {
            let below = &line[start + home.len()..];
            let named = below.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
            !line[..start].ends_with(inner) && named
        })
    })
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let mut places = vec![root().to_path_buf()];
    places.extend(std::env::var_os("HOME").map(PathBuf::from));
    // A checkout in `/src` says nothing of the machine.
    places.retain(|place| place.components().count() > 2);
    let places: Vec<String> =
        places.iter().map(|place| place.to_string_lossy().into_owned()).collect();
    assert!(has_home(&joined("cd /ho|me/kim/x")) && has_home(&joined("`/ro|ot/.cargo`")));
    assert!(!has_home(&joined("$HOME/x /ho|me/$USER {}/ro|ot/x /ro|ot /ro|otless")));
    assert!(has_absolute("a /b/c d", "/b/c") && !has_absolute("/a/b/c /b/cd", "/b/c"));
    let offends =
        |line: &str| has_home(line) || places.iter().any(|place| has_absolute(line, place));
    none("paths of one user or machine", &lines_that(&texts(""), offends));
}

#[test]
fn no_file_names_the_host_of_a_registry() {
    let hosts = [
        "crates|.io",
        "static.rust|-lang.org",
        "repo1.mav|en.org",
        "repo.mav|en.apache.org",
        "central.sona|type.",
        "oss.sona|type.org",
        "deb.deb|ian.org",
        "security.deb|ian.org",
        "archive.ubu|ntu.com",
        "registry.npm|js.org",
        "pyp|i.org",
        "proxy.gol|ang.org",
        "downloads.apa|che.org",
        "archive.apa|che.org",
        "dlcdn.apa|che.org",
    ]
    .map(joined);
    // cargo itself writes this into Cargo.lock.
    let index = joined("registry+https://github.com/rust-lang/crates|.io-index");
    let mut texts = texts("");
    for (path, text) in &mut texts {
        if path == "Cargo.lock" {
            *text = text.replace(&index, "");
        }
    }
    let offends = |line: &str| hosts.iter().any(|host| line.contains(host.as_str()));
    assert!(offends(&joined("https://repo1.mav|en.org/maven2")));
    none(
        "the tools know their registries; the repository names none",
        &lines_that(&texts, offends),
    );
}

#[test]
fn every_folder_of_plugins_is_a_crate() {
    // An empty one, as a change of branch leaves behind, breaks every cargo command.
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let plugins: Vec<PathBuf> =
        folders(&root().join("plugins")).iter().flat_map(|kind| folders(kind)).collect();
    assert!(!plugins.is_empty(), "there are no plugins");
    let empty = plugins.iter().filter(|plugin| !plugin.join("Cargo.toml").is_file());
    let empty: Vec<String> = empty.map(|plugin| plugin.display().to_string()).collect();
    none("a folder in plugins/*/ has a Cargo.toml", &empty);
}

/// The text between the quotes of `key = "text"`.
fn setting(file: &str, key: &str) -> String {
    let text = fs::read_to_string(root().join(file)).expect("the file can be read");
    let value = text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
        rest.trim().strip_prefix('"')?.split('"').next()
    });
    value.unwrap_or_else(|| panic!("`{file}` has no `{key}`")).to_owned()
}

#[test]
fn the_pinned_compiler_is_of_the_version_that_the_crates_ask_for() {
    let channel = setting("rust-toolchain.toml", "channel");
    let version = setting("Cargo.toml", "rust-version");
    assert_eq!(
        channel.rsplit_once('.').map(|(family, _)| family),
        Some(version.as_str()),
        "rust-toolchain.toml pins `{channel}`, Cargo.toml asks for `{version}`"
    );
}

/// Whether a file is called like something that an editor, a merge or a trial left behind.
fn is_left_behind(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    let endings = ["orig", "rej", "bak", "old", "swp", "swo", "tmp", "temp", "log"];
    let stems = ["tmp", "temp", "scratch", "foo", "untitled", "copy", ".ds_store"];
    let counted = stem.trim_end_matches(|c: char| c.is_ascii_digit() || "-_".contains(c));
    name.ends_with('~')
        || endings.contains(&ending)
        || stems.contains(&counted)
        || name == ".ds_store"
}

#[test]
fn no_file_is_left_behind() {
    for name in ["a/main.rs.orig", "x~", "tmp1.ksh", "Scratch.md", "broker.log", "d/.DS_Store"] {
        assert!(is_left_behind(name), "{name}");
    }
    for name in ["src/template.rs", "src/catalog.rs", "tempo.md", "LICENSE", "logs.rs"] {
        assert!(!is_left_behind(name), "{name}");
    }
    // Logs of real servers that the log scan is tested with.
    let fixture = |path: &String| path.starts_with("shell/crates/cluster/tests/logs/");
    let left = files().into_iter().filter(|path| is_left_behind(path) && !fixture(path));
    let left: Vec<String> = left.collect();
    none("files that look forgotten", &left);
    // Trials of commands at the root leave what they were about there.
    let top: BTreeSet<String> = files()
        .iter()
        .map(|path| path.split('/').next().unwrap_or(path).to_owned())
        .filter(|name| !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    none("what does not belong at the top level", &top.into_iter().collect::<Vec<_>>());
}

/// A contract without its comments, which may be made better at any time.
fn contract(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_contract_that_was_released_stays_as_it_is() {
    let wit = root().join("sdk/wit");
    for kind in ["host", "step", "policy", "transform"] {
        let file = format!("{kind}/{kind}.wit");
        let current = fs::read_to_string(wit.join(&file)).expect("the contract can be read");
        let package = format!("package kafsh:{kind}@");
        let version =
            current.lines().find_map(|line| line.strip_prefix(&package)?.strip_suffix(';'));
        let version = version.unwrap_or_else(|| panic!("`{file}` has no version"));
        let frozen = wit.join("frozen").join(version).join(&file);
        let frozen =
            fs::read_to_string(&frozen).unwrap_or_else(|e| panic!("{}: {e}", frozen.display()));
        assert_eq!(
            contract(&current),
            contract(&frozen),
            "`{file}` is not what {version} was: give it another version, and freeze that"
        );
    }
}

/// What is typed in a page of the documentation: indented and fenced lines, without remarks.
fn commands_of(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).expect("a page of the documentation");
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let command = line.split("  #").next().unwrap_or(line).trim();
            commands.push(command.to_owned());
        }
    }
    commands
}

#[test]
fn the_korean_readme_has_the_same_commands_and_links() {
    let commands = commands_of("README.md");
    assert!(commands.len() > 20, "the commands of README.md are found: {commands:?}");
    assert_eq!(commands, commands_of("README.ko.md"));
    let links = |page: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(page)).expect("a page of the documentation");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.filter(|link| !link.starts_with("README")).map(str::to_owned).collect()
    };
    assert_eq!(links("README.md"), links("README.ko.md"));
}
