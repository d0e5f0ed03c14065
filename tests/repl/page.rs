//! `ui` at the prompt: served as long as the prompt lives, and shown by the browser of the desktop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::terminal::{CTRL_D, DEADLINE, Terminal};
use crate::{PROMPT, home, nothing_is_left, with_cluster};

/// A browser that writes down what it was given, with the mode and the text of the file.
const BROWSER: &str = "#!/bin/sh\n\
    { echo \"$#\"; echo \"$1\"; stat -c %a \"$1\"; cat \"$1\"; } > \"$HOME/opened.new\"\n\
    mv \"$HOME/opened.new\" \"$HOME/opened\"\n";

/// Writes the browser to a folder of its own, which is returned.
fn browser(home: &Path, name: &str) -> PathBuf {
    let folder = home.join("home/bin");
    std::fs::create_dir_all(&folder).expect("a folder for a program");
    let program = folder.join(name);
    std::fs::write(&program, BROWSER).expect("a program");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("a program that can be run");
    folder
}

/// What a file says once it is there.
#[track_caller]
fn comes(path: &Path) -> String {
    let until = Instant::now() + DEADLINE;
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) => return text,
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => panic!("`{}`: {error}", path.display()),
        }
    }
}

/// The address and the path of a link.
fn parts(link: &str) -> (&str, &str) {
    let rest = link.strip_prefix("http://").expect("a link");
    let slash = rest.find('/').expect("a path");
    rest.split_at(slash)
}

/// The first line of the answer to a link.
#[track_caller]
fn enter(link: &str) -> String {
    let (address, path) = parts(link);
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.lines().next().unwrap_or_default().to_string()
}

/// Opens the page with this browser, comes in by what it was given, and leaves the prompt.
#[track_caller]
fn is_opened(home: &Path, environment: &[(&str, &str)]) {
    let mut terminal = Terminal::start_with(home, &["--rehearse"], environment);
    with_cluster(&mut terminal);
    terminal.enter("ui");
    let shown = terminal.prompt("demo 3/3 › ");
    let link = shown.lines().find(|line| line.starts_with("http://127.0.0.1:"));
    let link = link.unwrap_or_else(|| panic!("no link:\n{shown}")).trim();
    let opened = comes(&home.join("opened"));
    std::fs::remove_file(home.join("opened")).expect("what the browser wrote");
    let lines: Vec<&str> = opened.splitn(4, '\n').collect();
    let [count, file, mode, text] = lines[..] else { panic!("{opened}") };
    // What is in argv can be read by everybody on the machine: a file that its owner alone reads.
    assert_eq!((count, mode), ("1", "600"), "{opened}");
    let (_, path) = parts(link);
    let token = path.split_once("token=").expect("a token").1;
    assert!(!file.contains(token), "{file}");
    assert!(text.contains(&format!("url={link}\"")), "{text}");

    let first = enter(link);
    assert!(first.contains(" 303 "), "{first}");
    let until = Instant::now() + DEADLINE;
    while Path::new(file).exists() {
        assert!(Instant::now() < until, "its link is used, and `{file}` is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    let again = enter(link);
    assert!(again.contains(" 40"), "a link that was used: {again}");

    // Whatever is typed, the page is served; `ui` again gives another link to the same.
    terminal.enter("topic list");
    terminal.prompt("demo 3/3 › ");
    terminal.enter("ui");
    let shown = terminal.prompt("demo 3/3 › ");
    let (address, _) = parts(link);
    assert!(shown.contains(&format!("http://{address}/")) && !shown.contains(link), "{shown}");
    let unused = comes(&home.join("opened"));
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 0);
    let file = unused.lines().nth(1).expect("a file");
    assert!(!Path::new(file).exists(), "nobody came by `{file}`, and it is left");
    let there = TcpStream::connect(address);
    assert!(there.is_err(), "the prompt is left, and {address} still answers");
    std::fs::remove_file(home.join("opened")).expect("what the browser wrote");
}

#[test]
fn the_page_lives_as_long_as_the_prompt_and_the_chosen_browser_shows_it() {
    let home = home();
    let program = browser(home.path(), "my browser").join("my browser");
    let program = program.to_string_lossy();
    is_opened(home.path(), &[("BROWSER", &program)]);
    nothing_is_left(&home);
}

#[test]
fn a_desktop_opens_the_page_by_its_own_means() {
    let home = home();
    let folder = browser(home.path(), "xdg-open");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.display());
    is_opened(home.path(), &[("WAYLAND_DISPLAY", "wayland-0"), ("PATH", &path)]);
    nothing_is_left(&home);
}

#[test]
fn nothing_is_opened_where_it_is_not_wanted() {
    let home = home();
    let folder = browser(home.path(), "xdg-open");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.display());
    let mut terminal =
        Terminal::start_with(home.path(), &["--rehearse"], &[("DISPLAY", ":0"), ("PATH", &path)]);
    terminal.prompt(PROMPT);
    terminal.enter("cluster up demo --brokers 1");
    terminal.prompt("demo 1/1 › ");
    terminal.enter("ui --no-open");
    let shown = terminal.prompt("demo 1/1 › ");
    assert!(shown.contains("http://127.0.0.1:"), "{shown}");
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 0);
    nothing_is_left(&home);
}
