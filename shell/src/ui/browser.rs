//! Shows a link to the person: in a browser, where there is one to open.

use std::io::{IsTerminal, Write};

use kafsh_model::{Error, Result};
use tempfile::NamedTempFile;

/// A private file that leads a browser to a link. A link in argv could be read by every user of
/// the machine; the file can be read by its owner alone, and goes with this value.
pub struct Leading(NamedTempFile);

/// Opens the link where there is a desktop; `None` where there is none, or nobody looks.
///
/// # Errors
/// Where the file cannot be written.
pub fn open(link: &str) -> Result<Option<Leading>> {
    let desktop = ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"];
    let has_desktop =
        desktop.iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    if !has_desktop || !std::io::stdout().is_terminal() {
        return Ok(None);
    }
    let failed = |e: std::io::Error| Error::io("the file that leads a browser to the page", &e);
    let mut file =
        tempfile::Builder::new().prefix("kafsh-ui-").suffix(".html").tempfile().map_err(failed)?;
    file.write_all(document(link).as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    crate::exec::open_in_browser(file.path());
    Ok(Some(Leading(file)))
}

/// The link is ours: an address of loopback and hexadecimal digits.
fn document(link: &str) -> String {
    format!(
        "<!DOCTYPE html><meta charset=utf-8><title>kafsh</title>\
         <meta http-equiv=refresh content=\"0;url={link}\"><a href=\"{link}\">kafsh</a>\n"
    )
}

impl Leading {
    /// The browser came by it.
    pub fn done(self) {
        // A file that is gone already is what is wanted.
        let _ = self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_nothing_is_opened() {
        // The output of a test is captured or a pipe; under a terminal there is nothing to see.
        if !std::io::stdout().is_terminal() {
            assert!(open("http://127.0.0.1:1/enter?token=0").unwrap().is_none());
        }
        let text = document("http://127.0.0.1:1/enter?token=ab");
        assert!(text.contains("url=http://127.0.0.1:1/enter?token=ab\""), "{text}");
    }
}
