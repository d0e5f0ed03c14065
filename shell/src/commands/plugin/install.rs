//! `plugin install SOURCE`.

use kafsh_host::store::{Change, LockedPlugin, Preview};
use kafsh_host::{Digest, Inspected, inspect};
use kafsh_model::plugin::Capability;
use kafsh_model::quote::quoted;
use kafsh_model::{Error, Result};

use super::consent::{Asking, GRANT, LOCK, YES, parse_grants};
use super::project::{self, When};
use super::rows::{about, changed, dry, in_background, words};
use super::source::{Fetched, fetch, is_private, url_of};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{
    ArgSpec, Arity, CommandSpec, Consent, Effect, Example, FlagSpec, Kind, LocalFuture,
};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "install"],
    summary: "install a plugin of somebody else, and grant what it asks for",
    detail: "SOURCE is a component (.wasm), a folder that holds exactly one, the folder of a crate \
             that `plugin build` built, or an http or https URL. A URL needs `--digest`, or \
             `--trust-on-first-use`. The file is inspected before anything of it is compiled: what \
             it imports is what it asks for, and that is shown with its scope and the author's \
             reason before it is granted. Without a terminal, name the grants with `--grant`, or \
             take all with `--yes`. A new version keeps the grants of the one before as far as it \
             asks for no more. A grant with a narrower scope than asked for is kept as granted.",
    args: &[ArgSpec {
        name: "source",
        kind: Kind::Path,
        arity: Arity::One,
        help: "a file, a folder or a URL",
    }],
    flags: &[
        FlagSpec::value("name", "NAME", Kind::Text, "call it so here, instead of its own name"),
        GRANT,
        YES,
        FlagSpec::value("digest", "SHA256", Kind::Text, "refuse any other file: `sha256:…`"),
        FlagSpec::switch("trust-on-first-use", "take what a URL gives, and hold it to that"),
        LOCK,
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[Example {
        line: "plugin install ./house-rules.wasm --grant clock",
        about: "a file, with what it may do",
    }],
    consent: Some(|call| -> LocalFuture<'_, Result<Option<Consent>>> { Box::pin(consent(call)) }),
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// A plugin that is here and was looked into.
struct Prepared {
    fetched: Fetched,
    inspected: Inspected,
    preview: Preview,
    /// What the lock file has of it, where the shell is held to that
    locked: Option<LockedPlugin>,
}

async fn prepare(call: &Call) -> Result<Prepared> {
    let wanted = call.args.opt_text("digest").map(|text| digest(&text)).transpose()?;
    let source = call.args.text("source")?;
    let trusted = call.args.switch("trust-on-first-use");
    let unheld = url_of(&source)?.filter(|url| !(trusted && is_private(url)));
    if let (Some(url), None) = (unheld, &wanted) {
        let message = "a plugin from the network needs its digest";
        let error = Error::refused("digest-needed", message)
            .with_cause("whoever answers at that address decides what comes");
        // A query may be a token, and is left out.
        let source = quoted(url.shown);
        let error = error.with_next(format!("plugin install {source} --digest sha256:DIGEST"));
        return Err(match is_private(&url) {
            true => error.with_next(format!("plugin install {source} --trust-on-first-use")),
            false => error.with_evidence("plain http is not trusted on first use"),
        });
    }
    let fetched = fetch(call, &source).await?;
    let Fetched { bytes, source, remote } = fetched;
    let (inspected, bytes) = in_background(move || Ok((inspect(&bytes), bytes))).await?;
    let now = Digest::of(&bytes).to_string();
    if let Some(wanted) = wanted.filter(|wanted| *wanted != now) {
        let message = format!("`{source}` is not the file with that digest");
        return Err(Error::refused("plugin-digest-changed", message)
            .with_evidence(format!("wanted sha256:{wanted}"))
            .with_evidence(format!("came   sha256:{now}")));
    }
    let inspected = inspected.map_err(|error| about(error, &source, "installed"))?;
    let name = call.args.opt_text("name");
    let preview = call.context.plugins.store.preview(&inspected, name.as_deref());
    let preview = preview.map_err(|error| with_source(error, &source))?;
    let locked = locked(call, &preview.name, &inspected)?;
    Ok(Prepared { fetched: Fetched { bytes, source, remote }, inspected, preview, locked })
}

/// Its advice can be run as it stands.
fn with_source(mut error: Error, source: &str) -> Error {
    let source = quoted(source);
    error.next.iter_mut().for_each(|line| *line = line.replace("SOURCE", &source));
    error
}

/// `sha256:…` or its digits alone.
fn digest(text: &str) -> Result<String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digest = digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit());
    match is_digest {
        true => Ok(digits.to_ascii_lowercase()),
        false => Err(Error::usage("bad-value", "`--digest` takes `sha256:` and 64 digits")),
    }
}

/// With `--locked`, what the lock file has of the plugin; no other file is installed.
fn locked(call: &Call, name: &str, inspected: &Inspected) -> Result<Option<LockedPlugin>> {
    let project = &call.context.plugins.project;
    if !project.locked {
        return Ok(None);
    }
    let lock = project.lock()?;
    let held = lock.as_ref().and_then(|lock| lock.get(name));
    match held {
        Some(held) if held.sha256 == inspected.digest.as_str() => Ok(Some(held.clone())),
        _ => {
            let message = format!("plugin `{name}` is not the one of the lock file");
            let error = Error::refused("plugin-not-locked", message)
                .with_evidence(format!("this one  sha256:{}", inspected.digest))
                .with_cause("with `--locked` only plugins of the lock file are installed");
            Err(match (held, &lock) {
                (Some(held), Some(lock)) => error
                    .with_evidence(format!("locked    sha256:{}", held.sha256))
                    .with_next(lock.install_line(held)),
                _ => error.with_next("plugin list"),
            })
        }
    }
}

async fn consent(call: &Call) -> Result<Option<Consent>> {
    let prepared = prepare(call).await?;
    let given = call.args.has("grant") || prepared.locked.is_some();
    let asked = match given || prepared.preview.wanted.is_empty() {
        true => None,
        false => Some(asking(&prepared).consent(&command(call, &prepared))),
    };
    call.keep_found(prepared);
    Ok(asked)
}

fn asking(prepared: &Prepared) -> Asking<'_> {
    let Prepared { fetched, inspected, preview, .. } = prepared;
    Asking {
        name: &preview.name,
        kind: inspected.kind,
        version: &inspected.manifest.version,
        source: &fetched.source,
        digest: inspected.digest.as_str(),
        bytes: inspected.bytes,
        manifest: Some(&inspected.manifest),
        before: preview.before.as_ref(),
        asks: &inspected.capabilities,
        wanted: &preview.wanted,
    }
}

/// The command line that installs just this file, but for its grants.
fn command(call: &Call, prepared: &Prepared) -> String {
    let mut line = call.line.clone();
    if prepared.fetched.remote && !call.args.has("digest") {
        line.push_str(&format!(" --digest sha256:{}", prepared.inspected.digest));
    }
    line
}

/// What is granted: what was named, what the lock file has, or all that the user agreed to.
fn grants(call: &mut Call, prepared: &Prepared) -> Result<Vec<Capability>> {
    if let Some(locked) = &prepared.locked {
        return Ok(locked.grants());
    }
    let mut grants = parse_grants(&call.args.texts("grant"), &prepared.inspected.capabilities)?;
    let takes_all = call.args.switch("yes") || !call.args.has("grant");
    if takes_all && !prepared.preview.wanted.is_empty() {
        let _spent = call.confirmed()?;
        let named: Vec<_> = grants.iter().map(|grant| grant.name).collect();
        let rest = prepared.preview.wanted.iter().filter(|wanted| !named.contains(&wanted.name));
        grants.extend(rest.cloned());
    }
    Ok(grants)
}

async fn run(mut call: Call) -> Result<Output> {
    let prepared = match call.take_found::<Prepared>() {
        Some(prepared) => prepared,
        None => call.cancel.run(prepare(&call)).await?,
    };
    let grants = grants(&mut call, &prepared)?;
    if call.args.switch("dry-run") {
        let lines = asking(&prepared).lines();
        let carried = words(&prepared.preview.carried);
        let output = Output::nothing().note(lines.join("\n"));
        let output = match carried.is_empty() {
            true => output,
            false => output.note(format!("granted before: {}", carried.join(", "))),
        };
        return Ok(dry(output));
    }
    let Prepared { fetched, inspected, preview, .. } = prepared;
    let store = call.context.plugins.store.clone();
    let name = preview.name.clone();
    let installing = in_background(move || {
        store.install(&fetched.bytes, &inspected, Some(&name), &fetched.source, &grants)
    });
    let (installed, change) = installing.await?;
    let change = match change {
        Change::Installed => "installed",
        Change::Replaced => "replaced",
        Change::Same => "the same file",
    };
    let output = changed(&installed, change);
    Ok(match project::keep(&call, &installed, When::Present)? {
        Some(note) => output.note(note),
        None => output,
    })
}
