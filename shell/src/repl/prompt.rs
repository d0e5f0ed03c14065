//! The words of the prompt and of the banner before the first one.

use crate::repl::live::Health;

const GREEN: &str = "\u{1b}[32m";
const AMBER: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// How the prompt is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub color: bool,
    /// The locale has no UTF-8
    pub ascii: bool,
}

/// The prompt without and with colours; both are as wide. `kafsh ›`, `demo 2/3 ⚠10 ›`.
pub fn prompt(cluster: Option<&str>, health: Option<Health>, look: Look) -> (String, String) {
    let sign = if look.ascii { ">" } else { "›" };
    let Some(cluster) = cluster else {
        return paint("kafsh", "", BOLD, sign, look);
    };
    let Some(health) = health else {
        return paint(cluster, "", "", sign, look);
    };
    let mut words = String::new();
    match (health.total, health.ready) {
        (Some(total), ready) => words.push_str(&format!(" {ready}/{total}")),
        (None, 0) => words.push_str(" ?"),
        (None, _) => {}
    }
    if health.under_replicated > 0 {
        let warning = if look.ascii { "!" } else { "⚠" };
        words.push_str(&format!(" {warning}{}", health.under_replicated));
    }
    let color = match health {
        Health { ready: 0, .. } => RED,
        Health { under_replicated: 1.., .. } => AMBER,
        Health { ready, total: Some(total), .. } if ready < total => AMBER,
        _ => GREEN,
    };
    paint(cluster, &words, color, sign, look)
}

fn paint(name: &str, words: &str, color: &str, sign: &str, look: Look) -> (String, String) {
    let raw = format!("{name}{words} {sign} ");
    let styled = match look.color {
        true => format!("{color}{name}{words}{RESET} {DIM}{sign}{RESET} "),
        false => raw.clone(),
    };
    (raw, styled)
}

/// What is there at the start.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Version of the Kafka that would be used
    pub kafka: Option<String>,
    /// Major version of Java; `None` also where it was not known in time
    pub java: Option<u32>,
    pub clusters: Vec<String>,
    pub rehearsing: bool,
    /// The version that would be installed, where there is a command for it
    pub install: Option<String>,
}

/// Most names of clusters that the banner says.
const CLUSTERS_SHOWN: usize = 4;

/// Two lines: what was found, and how to begin.
pub fn banner(found: &Found, look: Look, columns: usize) -> String {
    let dot = if look.ascii { "-" } else { "·" };
    let version = env!("CARGO_PKG_VERSION");
    let short = version.strip_suffix(".0").unwrap_or(version);
    let kafka = match (&found.kafka, found.java) {
        _ if found.rehearsing => "rehearsal: nothing real is touched".to_string(),
        (Some(kafka), Some(java)) => format!("Kafka {kafka}, Java {java} found"),
        (Some(kafka), None) => format!("Kafka {kafka} found"),
        (None, Some(java)) => format!("no Kafka yet, Java {java} found"),
        (None, None) => "no Kafka yet".to_string(),
    };
    let clusters = match found.clusters.as_slice() {
        [] => "no clusters yet".to_string(),
        [only] => format!("cluster {only}"),
        many => {
            let mut shown = many[..many.len().min(CLUSTERS_SHOWN)].join(", ");
            if many.len() > CLUSTERS_SHOWN {
                shown.push_str(if look.ascii { ", ..." } else { ", …" });
            }
            format!("{} clusters: {shown}", many.len())
        }
    };
    let keys = format!("(Tab completes {dot} help {dot} Ctrl-D leaves)");
    let start = match (&found.install, found.kafka.is_some() || found.rehearsing) {
        (Some(version), false) => format!("Start with: kafka install {version}"),
        _ if found.clusters.is_empty() => "Start with: cluster up demo".to_string(),
        _ => String::new(),
    };
    let second = match start.is_empty() {
        true => keys,
        false => format!("{start:<36} {keys}"),
    };
    let first = format!("kafsh {short} {dot} {kafka} {dot} {clusters}");
    // A narrow terminal would break the lines anywhere: each part gets a line of its own.
    let fits = |text: &str| text.chars().count() <= columns;
    let first = if fits(&first) { first } else { first.replace(&format!(" {dot} "), "\n") };
    let second =
        if fits(&second) { second } else { format!("{start}\nTab completes, Ctrl-D leaves") };
    let (dim, reset) = if look.color { (DIM, RESET) } else { ("", "") };
    format!("{first}\n{dim}{}{reset}\n", second.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look { color: false, ascii: false };
    const ASCII: Look = Look { color: false, ascii: true };

    fn raw(cluster: &str, ready: usize, total: Option<usize>, under: usize, look: Look) -> String {
        let health = Health { ready, total, under_replicated: under };
        prompt(Some(cluster), Some(health), look).0
    }

    #[test]
    fn the_prompt_says_how_the_cluster_does() {
        assert_eq!(prompt(None, None, PLAIN).0, "kafsh › ");
        assert_eq!(prompt(Some("demo"), None, PLAIN).0, "demo › ");
        assert_eq!(raw("demo", 3, Some(3), 0, PLAIN), "demo 3/3 › ");
        assert_eq!(raw("demo", 2, Some(3), 10, PLAIN), "demo 2/3 ⚠10 › ");
        assert_eq!(raw("demo", 2, Some(3), 10, ASCII), "demo 2/3 !10 > ");
        assert_eq!(raw("prod", 5, None, 0, PLAIN), "prod › ");
        assert_eq!(raw("prod", 0, None, 0, PLAIN), "prod ? › ");
    }

    #[test]
    fn colours_change_no_width_and_say_the_state() {
        let colored = Look { color: true, ascii: false };
        let styled = |ready, under| {
            let health = Health { ready, total: Some(3), under_replicated: under };
            prompt(Some("demo"), Some(health), colored).1
        };
        assert!(styled(3, 0).starts_with(GREEN));
        assert!(styled(3, 1).starts_with(AMBER));
        assert!(styled(2, 0).starts_with(AMBER));
        assert!(styled(0, 0).starts_with(RED));
        let bare =
            [GREEN, DIM, RESET].iter().fold(styled(3, 0), |text, code| text.replace(code, ""));
        assert_eq!(bare, "demo 3/3 › ");
    }

    #[test]
    fn the_banner_says_what_is_there_and_how_to_begin() {
        let mut found = Found {
            kafka: Some("3.9.2".to_string()),
            java: Some(17),
            install: Some("3.9.2".to_string()),
            ..Found::default()
        };
        let text = banner(&found, PLAIN, 100);
        assert!(text.contains(" · Kafka 3.9.2, Java 17 found · no clusters yet\n"), "{text}");
        assert!(text.contains("Start with: cluster up demo "), "{text}");
        found.clusters = vec!["demo".to_string()];
        let text = banner(&found, ASCII, 100);
        assert!(text.is_ascii() && text.contains("cluster demo\n"), "{text}");
        assert!(!text.contains("Start with"), "{text}");
        found = Found { kafka: None, clusters: Vec::new(), ..found };
        assert!(banner(&found, PLAIN, 100).contains("Start with: kafka install 3.9.2 "));
        let narrow = banner(&found, PLAIN, 40);
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    }
}
