//! Brings a version of Kafka into the store: from a folder, from an archive as Apache publishes it,
//! or by Maven with pinned coordinates; every jar is held against the list that kafsh carries, or
//! the archive against its digest.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kafsh_cluster::distribution::{Distribution, Sha512Sum};
use kafsh_model::port::ProgressEvent;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};

use crate::call::Call;
use crate::exec::run_quietly;

/// True where a cluster of this version could not be started yet.
///
/// # Errors
/// `bad-kafka-version`; a `KAFKA_HOME` that is none.
pub fn missing(call: &Call, version: &str) -> Result<bool> {
    if call.context.rehearsing {
        return Ok(false);
    }
    match call.context.distributions.find(version) {
        Ok(_) => Ok(false),
        Err(error) if error.code == "kafka-not-installed" => Ok(true),
        Err(error) => Err(error),
    }
}

/// Installs a version unless it is there, and says so.
///
/// # Errors
/// As [`install`].
pub async fn ensure(call: &Call, version: &str) -> Result<()> {
    if missing(call, version)? {
        say(call, &format!("Kafka {version} is not installed yet"));
        install(call, version, None, None).await?;
    }
    Ok(())
}

/// Installs a version, from a folder, an archive (held against `digest`) or by Maven.
///
/// # Errors
/// `program-missing` where there is no Maven; `program-failed`; `jars-do-not-match`,
/// `digest-mismatch`, `digest-needed` (refused); `bad-archive`; `wrong-kafka-version`.
pub async fn install(
    call: &Call,
    version: &str,
    from: Option<PathBuf>,
    digest: Option<Sha512Sum>,
) -> Result<Distribution> {
    let begin = Instant::now();
    let installed = match from {
        Some(source) if source.is_file() => from_archive(call, version, source, digest).await?,
        Some(folder) if digest.is_some() => {
            let message = format!("`{}` is no archive", folder.display());
            return Err(Error::usage("bad-source", message)
                .with_cause("a SHA-512 is that of one file, `kafka_2.13-VERSION.tgz`"));
        }
        Some(folder) => from_folder(call, version, folder).await?,
        None => {
            let folder = download(call, version).await?;
            from_folder(call, version, folder.path().join("libs")).await?
        }
    };
    let took = show_duration(begin.elapsed());
    say(call, &format!("Kafka {version} installed, {} jars ({took})", installed.jars.len()));
    Ok(installed)
}

/// Runs to its end even if the command is interrupted: it is whole or not there.
async fn from_folder(call: &Call, version: &str, folder: PathBuf) -> Result<Distribution> {
    let distributions = call.context.distributions.clone();
    let version = version.to_string();
    let work = move || distributions.install_from_folder(&version, &folder);
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::bug(format!("the installation broke: {e}")))?
}

/// As [`from_folder`], from an archive.
async fn from_archive(
    call: &Call,
    version: &str,
    archive: PathBuf,
    digest: Option<Sha512Sum>,
) -> Result<Distribution> {
    let distributions = call.context.distributions.clone();
    let version = version.to_string();
    let work = move || distributions.install_from_archive(&version, &archive, digest.as_ref());
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::bug(format!("the installation broke: {e}")))?
}

/// A folder with `libs`, full of jars; it goes with the value.
async fn download(call: &Call, version: &str) -> Result<tempfile::TempDir> {
    let pom = call.context.distributions.pom(version)?;
    let home = &call.context.home.data;
    let io =
        |what: &str, e: &std::io::Error| Error::io(format!("{what} in `{}`", home.display()), e);
    std::fs::create_dir_all(home).map_err(|e| io("a folder could not be made", &e))?;
    let folder = tempfile::Builder::new()
        .prefix(".downloading-")
        .tempdir_in(home)
        .map_err(|e| io("a folder could not be made", &e))?;
    std::fs::write(folder.path().join("pom.xml"), pom)
        .map_err(|e| io("a file could not be written", &e))?;
    let libs = folder.path().join("libs");
    let libs = libs
        .to_str()
        .ok_or_else(|| Error::usage("bad-path", format!("`{}` is not UTF-8", home.display())))?;
    say(call, &format!("Maven brings the jars of Kafka {version}, about 100 MB the first time"));
    call.cancel.run(maven(libs, folder.path())).await.map_err(|error| with_ways(error, version))?;
    Ok(folder)
}

async fn maven(libs: &str, folder: &Path) -> Result<()> {
    let output = format!("-DoutputDirectory={libs}");
    let goal = "dependency:copy-dependencies";
    let plain = "-Dstyle.color=never";
    let args = ["-q", "-B", plain, goal, &output, "-DincludeScope=runtime"];
    run_quietly("mvn", &args, folder).await
}

/// Maven may be missing or cut off; a release that was unpacked by hand does as well.
fn with_ways(error: Error, version: &str) -> Error {
    match error.code.as_ref() {
        "program-missing" | "program-failed" => {
            error.with_next(format!("kafka install {version} --from /path/to/kafka_2.13-{version}"))
        }
        _ => error,
    }
}

fn say(call: &Call, text: &str) {
    call.progress.event(ProgressEvent::Note(text));
}
