//! Installed plugins from the user's side: consent, the project's lock file, sources on the
//! network, files that change afterwards, and shells that are killed in the middle.

mod support;

#[path = "../shell/crates/host/tests/support/mod.rs"]
mod guests;

#[path = "support/component.rs"]
mod component;
#[path = "support/plugins.rs"]
mod plugins;
#[path = "support/tls.rs"]
mod tls;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use support::{Kafsh, Ran};

/// Shells that are killed while they install.
const KILLED: u64 = 12;

/// A home, and a project with the plugins of `support/plugins.rs`.
struct Place {
    home: tempfile::TempDir,
    project: tempfile::TempDir,
}

fn place() -> Place {
    let place = Place {
        home: tempfile::tempdir().expect("a folder"),
        project: tempfile::tempdir().expect("a folder"),
    };
    plugins::fill(place.project.path());
    place
}

impl Place {
    fn kafsh(&self) -> Kafsh {
        Kafsh::at(self.home.path()).in_directory(self.project.path())
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.kafsh().run(words)
    }

    /// With `--locked`.
    fn locked(&self, words: &[&str]) -> Ran {
        self.kafsh().with(&["--locked"]).run(words)
    }

    fn store(&self) -> PathBuf {
        self.home.path().join("plugins")
    }

    fn component_file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.store()).expect("the store");
        let mut paths = files.map(|file| file.expect("a file").path());
        paths.find(|path| path.extension().is_some_and(|end| end == "wasm")).expect("a component")
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The command that an error names first.
fn first_advice(ran: &Ran) -> &str {
    let mut lines = ran.stderr.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix("try  ")).expect("advice")
}

const ONE: &str = "plugins/house-rules-1.wasm";
const TWO: &str = "plugins/house-rules-2.wasm";

#[test]
fn without_a_terminal_consent_is_a_command_that_can_be_run() {
    let place = place();
    let ran = place.run(&["plugin", "install", ONE]).fails(3);
    for said in ["see the time", "orders-*", "compares with the topics", "no terminal"] {
        assert!(ran.stderr.contains(said), "no `{said}` in {}", ran.stderr);
    }
    assert!(place.run(&["plugin", "list", "--installed"]).ok().stdout.is_empty());
    let command = first_advice(&ran);
    assert!(command.ends_with("--grant clock --grant 'cluster-read=orders-*'"), "{command}");
    place.run(&["-c", command]).ok();
    // What it asks for now was granted; the newer one asks for more, and only that is asked about.
    place.run(&["plugin", "install", ONE]).ok();
    let ran = place.run(&["plugin", "install", TWO]).fails(3);
    assert!(ran.stderr.contains("+ may it draw random bytes"), "{}", ran.stderr);
    assert!(ran.stderr.contains("in place of 1.0.0"), "{}", ran.stderr);
    let command = first_advice(&ran);
    assert!(command.ends_with(" --grant random"), "{command}");
    place.run(&["-c", command]).ok();
    let ran = place.run(&["plugin", "verify", "-O", "json"]).ok();
    assert_eq!(ran.json()[0]["version"], "1.1.0");
}

#[test]
fn with_locked_only_what_the_lock_file_has_is_used() {
    let place = place();
    let lock = place.project.path().join("kafsh-plugins.lock");
    let ran = place.run(&["plugin", "install", ONE, "--yes"]).ok();
    assert!(!lock.exists(), "none was asked for: {}", ran.stderr);
    place.locked(&["plugin", "verify"]).fails(1).says("plugin-not-locked");
    place.run(&["plugin", "install", ONE, "--lock"]).ok();
    let text = std::fs::read_to_string(&lock).expect("a lock file");
    for line in [
        "name = \"house-rules\"",
        "scope = [\"orders-*\"]",
        "source = \"plugins/house-rules-1.wasm\"",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    place.locked(&["plugin", "verify"]).ok();
    // It is found from a folder below in the same repository, and by the environment too.
    std::fs::create_dir(place.project.path().join(".git")).expect("a repository");
    let below = place.project.path().join("deep/er");
    std::fs::create_dir_all(&below).expect("a folder");
    let by_environment = |value: &str| {
        place.kafsh().in_directory(&below).env("KAFSH_LOCKED", value).run(&["plugin", "verify"])
    };
    by_environment("1").ok();
    // Other grants than it has; granting keeps it in step.
    place.run(&["plugin", "revoke", "house-rules", "clock"]).ok();
    assert!(!std::fs::read_to_string(&lock).expect("a lock file").contains("clock"));
    place.locked(&["plugin", "verify"]).ok();
    std::fs::write(&lock, &text).expect("as it was committed");
    by_environment("1").fails(1).says("installed grants");
    by_environment("0").ok();
    // Another file than it has: neither installed nor verified.
    place
        .locked(&["plugin", "install", TWO, "--yes"])
        .fails(3)
        .says("not the one of the lock file");
    // With it, the grants are those that were committed: no question.
    place.locked(&["plugin", "install", ONE]).ok();
    place.locked(&["plugin", "verify"]).ok();
    assert_eq!(std::fs::read_to_string(&lock).expect("a lock file"), text, "it is held to");
    place.run(&["plugin", "remove", "house-rules", "--yes"]).ok();
    assert!(!std::fs::read_to_string(&lock).expect("a lock file").contains("house-rules"));
    std::fs::write(&lock, "<<<<<<< HEAD\n").expect("a bad merge");
    place.locked(&["plugin", "verify"]).fails(1).says("cannot be understood");
}

#[test]
fn a_rehearsal_changes_nothing_of_what_is_installed() {
    let place = place();
    place.run(&["plugin", "install", ONE, "--yes", "--lock"]).ok();
    let before = std::fs::read(place.store().join("state.json")).expect("a state");
    let lock = std::fs::read(place.project.path().join("kafsh-plugins.lock")).expect("a lock");
    let script = "plugin install plugins/house-rules-2.wasm --yes\nplugin revoke house-rules\n\
                  plugin remove house-rules --yes\n\
                  expect plugin list --installed | jq 'length == 0'";
    place.kafsh().with(&["--rehearse", "-c", script]).run(&[]).ok();
    assert_eq!(std::fs::read(place.store().join("state.json")).expect("a state"), before);
    let after = std::fs::read(place.project.path().join("kafsh-plugins.lock")).expect("a lock");
    assert_eq!(after, lock);
}

#[test]
fn a_rehearsal_is_refused_as_the_real_thing_would_be() {
    let place = place();
    place.run(&["policy", "bind", "naming", "--set", "pattern=[a-z]+"]).ok();
    let create = ["--rehearse", "-C", "demo", "topic", "create", "Loud", "-p", "1", "-r", "1"];
    let denied = place.run(&create);
    assert_eq!(denied.status, 3, "{}", denied.stderr);
    let script = "policy unbind naming\ntopic create Loud -p 1 -r 1";
    place.run(&["--rehearse", "-C", "demo", "-c", script]).ok();
    assert_eq!(place.run(&create).status, 3, "what a rehearsal unbinds is bound");
}

#[test]
fn a_byte_that_changed_after_the_grant_is_found() {
    let place = place();
    place.run(&["plugin", "install", ONE, "--yes"]).ok();
    let file = place.component_file();
    let mut bytes = std::fs::read(&file).expect("a component");
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).expect("a change");
    place.run(&["plugin", "verify"]).fails(1).says("plugin-digest-changed");
    place.run(&["plugin", "info", "house-rules"]).fails(3).says("granted to the file as it was");
    place.run(&["plugin", "install", ONE]).ok();
    place.run(&["plugin", "verify"]).ok();
}

#[test]
fn a_shell_that_is_killed_leaves_all_of_a_plugin_or_nothing() {
    let place = place();
    place.run(&["plugin", "install", ONE, "--yes"]).ok();
    for round in 0..KILLED {
        let source = if round % 2 == 0 { TWO } else { ONE };
        let mut child = place.kafsh().spawn(&["plugin", "install", source, "--yes"]);
        std::thread::sleep(Duration::from_millis(4 * round));
        child.kill().expect("a child");
        child.wait().expect("its end");
        let rows = place.run(&["plugin", "verify", "-O", "json"]).ok().json();
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "round {round}: {rows}");
    }
    // The next change sweeps what was left.
    place.run(&["plugin", "install", TWO, "--yes"]).ok();
    let files = std::fs::read_dir(place.store()).expect("the store");
    let names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into()).collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    assert!(names.iter().filter(|name| name.ends_with(".wasm")).count() <= 2, "{names:?}");
}

/// Answers each request with the same bytes, `times` times, then ends; its address.
fn serve(answer: Vec<u8>, times: usize) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().expect("a shell");
            let mut request = [0; 4_096];
            let read = stream.read(&mut request).expect("a request");
            assert!(request[..read].starts_with(b"GET /x.wasm"), "{:?}", &request[..read]);
            // A shell that has seen enough goes away.
            let _ = stream.write_all(&answer);
        }
    });
    (format!("http://{address}/x.wasm"), server)
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn read(place: &Place, path: &str) -> Vec<u8> {
    std::fs::read(place.project.path().join(path)).expect("a plugin")
}

#[test]
fn a_plugin_from_the_network_is_known_by_its_digest() {
    let place = place();
    let body = read(&place, ONE);
    let digest = format!("sha256:{}", sha256(&body));
    let (url, server) = serve(answer(&body), 5);
    let install = |more: &[&str]| {
        let words: Vec<&str> =
            ["plugin", "install", &url].into_iter().chain(more.iter().copied()).collect();
        place.run(&words)
    };
    install(&[]).fails(3).says("--trust-on-first-use");
    let other = format!("sha256:{}", "0".repeat(64));
    install(&["--digest", &other, "--yes"]).fails(3).says(&digest);
    // Consent to what came, not to what may come next time.
    let ran = install(&["--trust-on-first-use"]).fails(3);
    let command = first_advice(&ran).to_string();
    assert!(command.contains(&digest), "{command}");
    place.run(&["-c", &command]).ok();
    install(&["--digest", &digest, "--yes"]).ok().says(&url);
    let with_token = format!("{url}?token=secret");
    place.run(&["plugin", "install", &with_token, "--digest", &digest, "--yes"]).ok();
    server.join().expect("the server ends");
    let state = std::fs::read_to_string(place.store().join("state.json")).expect("a state");
    assert!(state.contains(&url) && !state.contains("token"), "{state}");
}

#[test]
fn a_plugin_over_https_needs_a_certificate_and_a_digest_that_are_right() {
    let place = place();
    let body = read(&place, ONE);
    let moved = b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/x.wasm\r\n\r\n";
    let answer = answer(&body);
    let server = tls::serve(&[
        ("x.wasm", &answer),
        ("x.wasm?token=secret", &answer),
        ("moved.wasm", moved),
        ("none.wasm", b"HTTP/1.0 404 Not Found\r\n\r\n"),
    ]);
    let url = server.url("x.wasm");
    let digest = format!("sha256:{}", sha256(&body));
    let install = |url: &str, digest: &str| {
        ["plugin", "install", url, "--digest", digest, "--yes"].map(String::from)
    };
    let run = |kafsh: Kafsh, words: [String; 6]| kafsh.run(&words.each_ref().map(String::as_str));
    let trusting =
        || place.kafsh().env("CURL_CA_BUNDLE", server.certificate.to_str().expect("a plain path"));
    let ran = run(place.kafsh(), install(&url, &digest)).fails(5);
    ran.says("nobody whom this machine trusts vouches for the server's certificate");
    let other = format!("sha256:{}", "0".repeat(64));
    run(trusting(), install(&url, &other)).fails(3).says(&digest);
    // Nor does one that is trusted lead to where anybody could answer.
    run(trusting(), install(&server.url("moved.wasm"), &digest)).fails(5);
    run(trusting(), install(&server.url("none.wasm"), &digest)).fails(5).says("404");
    assert!(!place.store().exists(), "nothing was installed");
    let with_token = format!("{url}?token=secret");
    run(trusting(), install(&with_token, &digest)).ok().says(&url);
    let state = std::fs::read_to_string(place.store().join("state.json")).expect("a state");
    assert!(state.contains(&url) && !state.contains("token"), "{state}");
}

#[test]
fn servers_that_do_not_send_a_plugin() {
    let place = place();
    let body = read(&place, ONE);
    let head = |text: &str| text.replace('\n', "\r\n").into_bytes();
    let huge = head("HTTP/1.1 200 OK\nContent-Length: 99999999999\n\n");
    let endless = [head("HTTP/1.1 200 OK\n\n"), vec![0; 17 << 20]].concat();
    let short = answer(&body)[..body.len()].to_vec();
    let cases: [(&str, Vec<u8>, i32, &str); 7] = [
        ("too large by its word", huge, 1, "too large"),
        ("too large", endless, 1, "too large"),
        ("broken off", short, 5, "broke off"),
        ("not there", head("HTTP/1.1 404 Not Found\n\n"), 1, "404"),
        ("elsewhere", head("HTTP/1.1 302 Found\nLocation: http://192.0.2.1/\n\n"), 1, "192.0.2.1"),
        ("not HTTP", b"SSH-2.0-x\r\n".to_vec(), 5, "no HTTP"),
        ("not a component", answer(b"<html>"), 1, "does not begin as a component"),
    ];
    for (what, answer, status, said) in cases {
        let (url, server) = serve(answer, 1);
        let ran = place.run(&["plugin", "install", &url, "--trust-on-first-use", "--yes"]);
        assert_eq!(ran.status, status, "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{what}: {}", ran.stderr);
        server.join().expect("the server ends");
    }
    // Bound and not listening: nobody answers, and nobody else can take it.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let closed = socket.local_addr().expect("it");
    let url = format!("http://{closed}/x.wasm");
    place.run(&["plugin", "install", &url, "--trust-on-first-use"]).fails(5);
    assert!(!place.store().exists(), "nothing was installed");
}

#[test]
fn a_folder_of_the_store_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::create_dir_all(place.store()).expect("a folder");
    std::fs::set_permissions(place.store(), open).expect("its mode");
    place.run(&["plugin", "install", ONE, "--yes"]).fails(1).says("this user alone");
    assert!(!Path::new(&place.store().join("state.json")).exists());
}

/// A cluster whose steps are the usual ones, with another behind `broker-layout`.
fn spec_with(step: &str) -> String {
    let broker = |id: u16| {
        let port = 21_700 + id;
        format!(
            "[[brokers]]\nid = {id}\nlisteners = [{{ name = \"A\", bind = \"127.0.0.1\", port = \
             {port}, advertised_host = \"127.0.0.1\", advertised_port = {port} }}]\n"
        )
    };
    format!(
        "schema = 1\nname = \"demo\"\nkafka = \"3.9.2\"\nsteps = [\"preflight\", \
         \"zookeeper-clean\", \"broker-layout\", \"{step}\", \"launch\", \"prove\"]\n\
         [zookeeper]\nbind = \"127.0.0.1\"\nport = 21700\n{}{}{}",
        broker(1),
        broker(2),
        broker(3)
    )
}

#[test]
fn a_step_of_somebody_else_provisions_once_it_is_installed() {
    let place = place();
    let project = place.project.path();
    for name in ["well-behaved", "trap"] {
        std::fs::write(project.join(format!("{name}.wasm")), guests::source(name).component)
            .expect("a guest");
        std::fs::write(project.join(format!("{name}.toml")), spec_with(name)).expect("a spec");
    }
    let up = |more: &[&str], name: &str| {
        let spec = format!("{name}.toml");
        let words: Vec<&str> =
            more.iter().copied().chain(["cluster", "up", "--spec", &spec, "--dry-run"]).collect();
        place.kafsh().with(&["--rehearse"]).run(&words)
    };
    up(&[], "well-behaved").fails(1).says("there is no step `well-behaved`");
    place.run(&["plugin", "install", "well-behaved.wasm"]).ok();
    up(&[], "well-behaved").ok().says("well-behaved");
    up(&["--locked"], "well-behaved").fails(3).says("there is no lock file");
    place.run(&["plugin", "disable", "well-behaved"]).ok();
    up(&[], "well-behaved").fails(3).says("plugin enable well-behaved");
    // One that breaks says so, and what became of it is kept.
    place.run(&["plugin", "install", "trap.wasm"]).ok();
    up(&[], "trap").fails(1).says("panicked");
    let info = place.run(&["plugin", "info", "trap", "-O", "json"]).ok().json();
    assert_eq!(info["failures"]["count"], 1, "{info}");
    place.run(&["plugin", "logs", "trap"]).ok().says("plugin-panic");
    place.run(&["plugin", "remove", "trap", "--yes"]).ok();
    up(&[], "trap").fails(1).says("there is no step `trap`");
}
