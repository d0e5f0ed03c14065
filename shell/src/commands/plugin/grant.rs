//! `plugin grant NAME [CAP[=SCOPE]…]`.

use kafsh_host::store::Installed;
use kafsh_model::Result;
use kafsh_model::plugin::Capability;

use super::consent::{Asking, YES, parse_grants};
use super::project::{self, When};
use super::rows::{INSTALLED, changed, dry, in_background, installed};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Consent, Effect, Example, Kind, LocalFuture};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "grant"],
    summary: "grant an installed plugin what it asks for, or a part of it",
    detail: "A grant is for the file that is installed: bytes that change after it are refused; a \
             version installed over it keeps what it asks for of it. Only what a plugin asks \
             for can be granted; `cluster-read=orders-*` grants less of it than was asked for. \
             Without capabilities, all that it lacks is shown and asked about.",
    args: &[
        INSTALLED,
        ArgSpec {
            name: "capability",
            kind: Kind::Text,
            arity: Arity::Any,
            help: "`clock`, `cluster-read=orders-*`; without any, all that it lacks",
        },
    ],
    flags: &[YES, DRY_RUN],
    effect: Effect::Write,
    examples: &[Example {
        line: "plugin grant house-rules 'cluster-read=orders-*'",
        about: "less than it asked for",
    }],
    consent: Some(|call| -> LocalFuture<'_, Result<Option<Consent>>> { Box::pin(consent(call)) }),
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn consent(call: &Call) -> Result<Option<Consent>> {
    let plugin = installed(call)?;
    let missing = plugin.missing();
    if !call.args.texts("capability").is_empty() || missing.is_empty() {
        return Ok(None);
    }
    let asked = asking(&plugin, &missing).consent_to_grant();
    call.keep_found(plugin);
    Ok(Some(asked))
}

fn asking<'a>(plugin: &'a Installed, wanted: &'a [Capability]) -> Asking<'a> {
    let current = &plugin.current;
    Asking {
        name: &plugin.name,
        kind: plugin.kind,
        version: &current.version,
        source: &current.source,
        digest: current.digest.as_str(),
        bytes: current.bytes,
        manifest: None,
        before: None,
        asks: &current.asks,
        wanted,
    }
}

async fn run(mut call: Call) -> Result<Output> {
    let plugin = match call.take_found::<Installed>() {
        Some(asked_about) => asked_about,
        None => installed(&call)?,
    };
    let named = call.args.texts("capability");
    let grants = match named.is_empty() {
        false => parse_grants(&named, &plugin.current.asks)?,
        true if plugin.missing().is_empty() => {
            return Ok(changed(&plugin, "nothing").note("it has all that it asks for"));
        }
        true => {
            let _spent = call.confirmed()?;
            plugin.missing()
        }
    };
    if call.args.switch("dry-run") {
        return Ok(dry(changed(&plugin, "nothing")));
    }
    let store = call.context.plugins.store.clone();
    let digest = plugin.current.digest.clone();
    let granting = in_background(move || store.grant(&plugin.name, &digest, &grants));
    let plugin = granting.await?;
    let output = changed(&plugin, "granted");
    Ok(match project::keep(&call, &plugin, When::Listed)? {
        Some(note) => output.note(note),
        None => output,
    })
}
