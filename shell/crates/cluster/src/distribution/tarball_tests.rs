//! Archives that are well made, hostile or damaged.

use std::fs;

use super::super::gunzip::gzip;
use super::super::{Distributions, Source};
use super::*;

/// A version that kafsh carries no list for, so that its jars can be anything.
const VERSION: &str = "3.0.99";

/// One entry: path, type and content. The path goes in as it is, whatever it says.
type Member<'a> = (&'a str, tar::EntryType, &'a [u8]);

fn jar(path: &str) -> Member<'_> {
    (path, tar::EntryType::Regular, path.as_bytes())
}

fn archive(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in members {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let is_link = kind.is_symlink() || kind.is_hard_link();
        header.set_size(if is_link { 0 } else { content.len() as u64 });
        if is_link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content);
        }
        header.set_cksum();
        builder.append(&header, if is_link { &b""[..] } else { content }).unwrap();
    }
    builder.into_inner().unwrap()
}

struct Bench {
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Bench { home: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> Distributions {
        Distributions::new(self.home.path().join("home"))
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join("kafka_2.13-3.0.99.tgz");
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Installs an archive of these members with the digest it has.
    fn install(&self, members: &[Member<'_>]) -> Result<super::super::Distribution> {
        let bytes = gzip(&archive(members));
        let digest = digest_of(&bytes);
        self.store().install_from_archive(VERSION, &self.file(&bytes), Some(&digest))
    }

    /// Everything there is below its folder but the archive.
    fn left(&self) -> Vec<String> {
        let mut names = files::names_in(self.home.path()).unwrap();
        names.extend(files::names_in(&self.home.path().join("home/kafka")).unwrap());
        names.retain(|name| name != "home" && !name.ends_with(".tgz"));
        names
    }
}

fn digest_of(bytes: &[u8]) -> Sha512Sum {
    Sha512Sum::parse(&files::hex(&Sha512::digest(bytes))).unwrap()
}

const WHOLE: [&str; 3] = [
    "kafka_2.13-3.0.99/libs/kafka_2.13-3.0.99.jar",
    "kafka_2.13-3.0.99/libs/a.jar",
    "./kafka_2.13-3.0.99/libs/b.jar",
];

#[test]
fn a_release_is_installed_and_verified_from_then_on() {
    let bench = Bench::new();
    let folder = ("kafka_2.13-3.0.99/libs/", tar::EntryType::Directory, &b""[..]);
    let script = jar("kafka_2.13-3.0.99/bin/kafka-topics.sh");
    let mut members = vec![folder, script];
    members.extend(WHOLE.map(jar));
    let installed = bench.install(&members).unwrap();
    assert_eq!(installed.jars, ["a.jar", "b.jar", "kafka_2.13-3.0.99.jar"]);
    assert_eq!(installed.source, Source::Store);
    let written = fs::read_to_string(installed.libs.join("a.jar")).unwrap();
    assert_eq!(written, WHOLE[1], "byte for byte");
    let store = bench.store();
    assert!(store.install_record(VERSION).unwrap().unwrap().verified);
    assert_eq!(store.verify(VERSION).unwrap(), []);
    assert_eq!(bench.left(), [VERSION], "nothing else is left");
    fs::write(installed.libs.join("a.jar"), "other bytes").unwrap();
    let codes: Vec<_> = store.verify(VERSION).unwrap().into_iter().map(|f| f.code).collect();
    assert_eq!(codes, ["jar-changed"]);
    bench.install(&members).unwrap();
    assert_eq!(store.verify(VERSION).unwrap(), [], "installed anew, it is mended");
}

#[test]
fn the_digest_decides_before_anything_is_unpacked() {
    let bench = Bench::new();
    let bytes = gzip(&archive(&WHOLE.map(jar)));
    let file = bench.file(&bytes);
    let store = bench.store();
    let error = store.install_from_archive(VERSION, &file, None).unwrap_err();
    assert_eq!(error.code, "digest-needed");
    let other = digest_of(b"something else");
    let error = store.install_from_archive(VERSION, &file, Some(&other)).unwrap_err();
    assert_eq!(error.code, "digest-mismatch");
    assert_eq!(bench.left(), [""; 0]);
    let beside = bench.home.path().join("kafka_2.13-3.0.99.tgz.sha512");
    fs::write(&beside, files::hex(&Sha512::digest(b"something else"))).unwrap();
    let error = store.install_from_archive(VERSION, &file, None).unwrap_err();
    assert_eq!(error.code, "digest-mismatch", "that of the file beside it holds");
    fs::write(&beside, "no digest").unwrap();
    let error = store.install_from_archive(VERSION, &file, None).unwrap_err();
    assert_eq!(error.code, "bad-value");
    fs::write(&beside, files::hex(&Sha512::digest(&bytes))).unwrap();
    store.install_from_archive(VERSION, &file, None).unwrap();
}

#[test]
fn jars_of_a_known_version_need_no_digest_and_are_held_against_its_list() {
    let bench = Bench::new();
    let members = ["r/libs/kafka_2.13-3.9.2.jar", "r/libs/kafka-streams-3.9.2.jar"].map(jar);
    let file = bench.file(&gzip(&archive(&members)));
    let error = bench.store().install_from_archive("3.9.2", &file, None).unwrap_err();
    assert_eq!(error.code, "jars-do-not-match", "these are no jars of Kafka's");
    assert_eq!(bench.left(), [""; 0]);
    let error = bench.store().install_from_archive("3.9.1", &file, None).unwrap_err();
    assert_eq!(error.code, "digest-needed");
    let digest = digest_of(&fs::read(&file).unwrap());
    let error = bench.store().install_from_archive("3.9.1", &file, Some(&digest)).unwrap_err();
    assert_eq!(error.code, "wrong-kafka-version");
    assert_eq!(bench.left(), [""; 0]);
}

/// Paths that lead out are never written, and links are never followed: jars or nothing.
#[test]
fn hostile_members_reach_nothing() {
    let symlink = tar::EntryType::Symlink;
    let hard = tar::EntryType::Link;
    let ignored = [
        jar("../../escaped.jar"),
        jar("/tmp/kafsh-escaped/libs/escaped.jar"),
        jar("kafka/../libs/escaped.jar"),
        jar("kafka/libs/../../escaped.jar"),
        jar("kafka/libs/deep/escaped.jar"),
        jar("kafka/libs/.hidden.jar"),
        jar("kafka/libs/a:b.jar"),
        jar("kafka/libs/new\nline.jar"),
        ("kafka/libs/etc", symlink, b"/etc"),
        ("kafka/libs", symlink, b"/tmp"),
    ];
    for member in ignored {
        let bench = Bench::new();
        let mut members = vec![member];
        members.extend(WHOLE.map(jar));
        let installed = bench.install(&members).unwrap();
        assert_eq!(installed.jars.len(), 3, "{member:?}");
        assert_eq!(bench.left(), [VERSION], "{member:?}");
    }
    assert!(!Path::new("/tmp/kafsh-escaped").exists());
    let link = ("kafka/libs/passwd.jar", symlink, &b"/etc/passwd"[..]);
    let linked = ("kafka/libs/passwd.jar", hard, &b"/etc/passwd"[..]);
    let pipe = ("kafka/libs/pipe.jar", tar::EntryType::Fifo, &b""[..]);
    for member in [link, linked, pipe, jar("other/libs/a.jar")] {
        let bench = Bench::new();
        let mut members = WHOLE.map(jar).to_vec();
        members.push(member);
        let error = bench.install(&members).unwrap_err();
        assert_eq!(error.code, "bad-archive", "{member:?}: {error:?}");
        assert_eq!(bench.left(), [""; 0], "{member:?}");
    }
}

#[test]
fn what_is_no_archive_is_told_and_leaves_nothing() {
    let whole = gzip(&archive(&WHOLE.map(jar)));
    let mut bomb = tar::Header::new_gnu();
    bomb.set_path("kafka/libs/bomb.jar").unwrap();
    bomb.set_size(JAR_BYTES_MAX + 1);
    bomb.set_cksum();
    let cases: [(&str, Vec<u8>); 6] = [
        ("empty", Vec::new()),
        ("text", b"<html>not found</html>".to_vec()),
        ("cut", whole[..whole.len() - 20].to_vec()),
        ("no tar", gzip(&[b'x'; 4096])),
        ("no jars", gzip(&archive(&[jar("kafka/bin/x.sh")]))),
        ("a jar too large", gzip(bomb.as_bytes())),
    ];
    for (what, bytes) in cases {
        let bench = Bench::new();
        let file = bench.file(&bytes);
        let digest = digest_of(&bytes);
        let error = bench.store().install_from_archive(VERSION, &file, Some(&digest)).unwrap_err();
        assert_eq!(error.code, "bad-archive", "{what}: {error:?}");
        assert_eq!(bench.left(), [""; 0], "{what}");
    }
    let bench = Bench::new();
    let file = bench.file(b"");
    File::options().write(true).open(&file).unwrap().set_len(ARCHIVE_BYTES_MAX + 1).unwrap();
    let error = bench.store().install_from_archive("3.9.2", &file, None).unwrap_err();
    assert_eq!(error.code, "file-too-large");
}

#[test]
fn digests_are_read_as_they_are_published() {
    let digits = "0123456789abcdef".repeat(8);
    let grouped: String = digits
        .to_uppercase()
        .as_bytes()
        .chunks(8)
        .enumerate()
        .map(|(index, chunk)| {
            let gap = if index % 8 == 7 { "\n        " } else { " " };
            format!("{}{gap}", String::from_utf8_lossy(chunk))
        })
        .collect();
    let shapes = [
        digits.clone(),
        format!("{digits}  kafka_2.13-3.9.2.tgz\n"),
        format!("kafka_2.13-3.9.2.tgz: {grouped}\n"),
        format!("kafka_2.13-3.9.2.tgz:\n{grouped}"),
    ];
    for shape in shapes {
        assert_eq!(Sha512Sum::parse(&shape).unwrap(), Sha512Sum(digits.clone()), "{shape}");
    }
    for bad in ["", "abc", &digits[1..], &format!("{digits}0"), &digits.replace('0', "g")] {
        assert_eq!(Sha512Sum::parse(bad).unwrap_err().code, "bad-value", "{bad}");
    }
}
