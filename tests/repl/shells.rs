//! Completion of kafsh in the shells of the system, each asked in its own way.

use std::path::Path;
use std::process::Command;

use super::home;
use super::terminal::{TAB, Terminal, piped};

#[test]
fn bash_completes_through_the_script() {
    let home = home();
    let (script, status) = piped(home.path(), &["completion", "bash"], "");
    assert_eq!(status, 0);
    let kafsh = env!("CARGO_BIN_EXE_kafsh");
    let ask = |line: &str, words: &str, index: usize| {
        let text = format!(
            "{script}\ncompopt() {{ :; }}\nCOMP_LINE='{kafsh} {line}'; COMP_POINT=${{#COMP_LINE}}; \
             COMP_WORDS=({kafsh} {words}); COMP_CWORD={index}; _kafsh; echo \"${{COMPREPLY[@]}}\"\n"
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &text])
            .env("KAFSH_HOME", home.path().join("home"))
            .output();
        String::from_utf8_lossy(&output.expect("bash runs").stdout).trim_end().to_string()
    };
    assert_eq!(ask("topic descr", "topic descr", 2), "describe");
    assert_eq!(ask("topic set t retention.b", "topic set t retention.b", 4), "retention.bytes=");
    // bash takes `=` for a word of its own.
    let words = "topic set t cleanup.policy = c";
    assert_eq!(ask("topic set t cleanup.policy=c", words, 6), "compact");
    let words = "topic set t cleanup.policy =";
    assert_eq!(ask("topic set t cleanup.policy=", words, 5), "compact delete");
}

#[test]
fn fish_completes_through_the_script() {
    let home = home();
    let (script, status) = piped(home.path(), &["completion", "fish"], "");
    assert_eq!(status, 0);
    let kafsh = Path::new(env!("CARGO_BIN_EXE_kafsh"));
    let folder = kafsh.parent().expect("a folder of programs").display();
    let ask = |line: &str| -> Vec<String> {
        let text = format!("set -p PATH {folder}\n{script}\ncomplete -C '{line}'\n");
        let output = Command::new("fish")
            .args(["--no-config", "-c", &text])
            .env("HOME", home.path())
            .env("KAFSH_HOME", home.path().join("home"))
            .output();
        let shown = String::from_utf8_lossy(&output.expect("fish runs").stdout).into_owned();
        shown.lines().map(str::to_string).collect()
    };
    let verbs = ask("kafsh topic d");
    assert!(
        verbs.iter().any(|line| line.starts_with("describe\t")),
        "with what it does: {verbs:?}"
    );
    assert!(verbs.iter().all(|line| line.starts_with('d')), "{verbs:?}");
    let keys = ask("kafsh topic set t retention.b");
    assert!(keys.len() == 1 && keys[0].starts_with("retention.bytes=\t"), "{keys:?}");
    let values = ask("kafsh topic set t cleanup.policy=c");
    assert_eq!(values, ["cleanup.policy=compact"]);
}

#[test]
fn zsh_completes_through_the_script() {
    let home = home();
    let (script, status) = piped(home.path(), &["completion", "zsh"], "");
    assert_eq!(status, 0);
    let kafsh = Path::new(env!("CARGO_BIN_EXE_kafsh"));
    let folder = kafsh.parent().expect("a folder of programs").display();
    let start = "autoload -U compinit; compinit -u -D";
    let text =
        format!("PS1='ready> '\nunset zle_bracketed_paste\npath=({folder} $path)\n{start}\n");
    std::fs::write(home.path().join(".zshrc"), text + &script).expect("a file");
    // Neither the machine's settings nor a newcomer's questions.
    let mut zsh = Terminal::open("zsh", home.path(), &["-d", "-i"], &[]);
    zsh.expect("ready> ");
    zsh.press("kafsh topic descr");
    zsh.press(TAB);
    zsh.expect("describe ");
    zsh.press("x --outp");
    zsh.press(TAB);
    zsh.expect("--output ");
    // One behind which a value is to come has no blank behind it.
    zsh.press("\u{15}kafsh topic set t retention.b");
    zsh.press(TAB);
    zsh.expect("retention.bytes=");
    zsh.press("1\u{1}echo \u{5}\r");
    zsh.expect("\nkafsh topic set t retention.bytes=1\n");
}
