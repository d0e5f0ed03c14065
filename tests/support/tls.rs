//! A server on the loopback that speaks TLS, with a certificate that nobody knows yet.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Serves for as long as this lives.
pub struct Server {
    process: Child,
    port: u16,
    /// Who trusts this file trusts the server
    pub certificate: PathBuf,
    _folder: tempfile::TempDir,
    /// Open, since writing to one that is not would end it
    _said: BufReader<ChildStdout>,
}

impl Server {
    pub fn url(&self, file: &str) -> String {
        format!("https://127.0.0.1:{}/{file}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers requests for these files with these bytes, which hold the headers too.
pub fn serve(files: &[(&str, &[u8])]) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("a file to serve");
    }
    let openssl = |words: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(words).current_dir(folder.path()).stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"];
    let names = ["/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    let files = ["-keyout", "key.pem", "-out", "certificate.pem"];
    let made = openssl(&[&make[..], &names, &files].concat()).status();
    assert!(made.expect("openssl is installed").success(), "no certificate was made");
    let listen = ["s_server", "-accept", "127.0.0.1:0", "-HTTP"];
    let files = ["-key", "key.pem", "-cert", "certificate.pem"];
    let mut command = openssl(&[&listen[..], &files].concat());
    let mut process = command.stdout(Stdio::piped()).spawn().expect("openssl serves");
    let mut said = BufReader::new(process.stdout.take().expect("a pipe"));
    let mut lines = said.by_ref().lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok());
    let certificate = folder.path().join("certificate.pem");
    let port = port.expect("openssl says where it listens");
    Server { process, port, certificate, _folder: folder, _said: said }
}
