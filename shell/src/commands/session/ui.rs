//! `ui`: a page that shows the cluster, for a browser on this machine.

use std::sync::Arc;

use kafsh_cluster::Cancel;
use kafsh_model::Result;
use kafsh_model::port::BoxFuture;
use kafsh_page::{Options, Server};

use crate::call::Call;
use crate::flow::{Flow, Lines, Output, Source};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind, Needs};
use crate::ui::Shown;
use crate::ui::browser::{self, Leading};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["ui"],
    summary: "show the cluster as a page in a browser",
    detail: "Serves on 127.0.0.1 alone and changes nothing. The link that is printed opens the \
             page once, for one browser; each time it was used, another one is printed. On the \
             command line and in a script it serves until Ctrl-C; at the prompt, until the prompt \
             is left, and `ui` again prints another link. The browser is opened where there is \
             one. Ctrl-C ends it with status 0.\n\n\
             The link leaves a cookie that holds for as long as the page is served. Every page is \
             there as JSON too: `?format=json` behind its address.",
    flags: &[
        FlagSpec::value("port", "PORT", Kind::Port, "the port (default: any that is free)"),
        FlagSpec::switch("no-open", "only print the link"),
    ],
    needs: Needs::Cluster,
    examples: &[Example { line: "ui --no-open", about: "the link, for a browser of your choice" }],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let shown = Arc::new(Shown::of(&call)?);
    let port = call.args.opt_int("port")?.and_then(|port| u16::try_from(port).ok());
    let opens = !call.args.switch("no-open");
    if !call.session.is_prompt() {
        let server = Server::start(shown, Options { port }).await?;
        let leading = Leads::new(&server, opens)?;
        let cancel = call.cancel.clone();
        return Ok(Output::of(Flow::Lines(Box::new(Serving { server, leading, cancel }))));
    }
    let key = call.address().map_or_else(|| call.cluster_name(), Ok)?;
    let server = match call.session.page(&key).filter(|open| port.is_none_or(|p| p == open.port()))
    {
        Some(server) => server,
        None => {
            let server = Arc::new(Server::start(shown, Options { port }).await?);
            call.session.keep_page(key, server.clone());
            server
        }
    };
    let mut leads = Leads::new(&server, opens)?;
    let text = leads.text();
    if let Some(file) = leads.file.take() {
        // The file is there until the browser came by it, or the server ends.
        tokio::spawn(async move {
            server.entered().await;
            file.done();
        });
    }
    Ok(Output::text(text))
}

/// A link and what leads a browser to it.
struct Leads {
    link: Option<String>,
    file: Option<Leading>,
}

impl Leads {
    fn new(server: &Server, opens: bool) -> Result<Leads> {
        let link = server.link()?;
        let file = if opens { browser::open(&link)? } else { None };
        Ok(Leads { link: Some(link), file })
    }

    fn text(&mut self) -> String {
        self.link.take().unwrap_or_default()
    }
}

/// A page that is served until the command is told to stop.
struct Serving {
    server: Server,
    leading: Leads,
    cancel: Cancel,
}

impl Source<Lines> for Serving {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async {
            if let Some(link) = self.leading.link.take() {
                return Ok(Some(vec![link.into_bytes()]));
            }
            tokio::select! {
                () = self.cancel.cancelled() => return Ok(None),
                () = self.server.entered() => {}
            }
            if let Some(file) = self.leading.file.take() {
                file.done();
            }
            Ok(Some(vec![self.server.link()?.into_bytes()]))
        })
    }
}
