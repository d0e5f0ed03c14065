//! Tests of checkpoints: whole or not at all, one owner, the same cluster and topics.

use super::*;

fn identity() -> Identity {
    let topics = [("a".to_string(), Some("id-a".to_string())), ("b".to_string(), None)];
    Identity { cluster: Some("c1".to_string()), topics: topics.into() }
}

fn offsets(pairs: &[(&str, i32, i64)]) -> Offsets {
    let at = |topic: &str, partition| TopicPartition { topic: topic.to_string(), partition };
    pairs.iter().map(|(topic, partition, next)| (at(topic, *partition), *next)).collect()
}

fn states(key: &[u8]) -> States {
    let place = SourcePartition { topic: "a".to_string(), partition: 0 };
    States::from([(place, State::from([(key.to_vec(), b"\xff\0".to_vec())]))])
}

fn code<T>(result: Result<T>) -> String {
    result.err().map(|error| error.code.to_string()).unwrap_or_default()
}

#[test]
fn what_was_acknowledged_is_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let (first, known) = Checkpoint::open(&path, identity()).unwrap();
    assert!(known.is_empty());
    let (key, kept) = first.register("dedupe").unwrap();
    let (other, _) = first.register("dedupe").unwrap();
    assert!(kept.is_empty());
    assert_eq!((key.as_str(), other.as_str()), ("dedupe#1", "dedupe#2"));
    first.put(&key, states(b"one"));
    first.acknowledged(offsets(&[("a", 0, 5)]), true).unwrap();
    assert!(!path.exists(), "offsets without the state of every transform are not saved");
    first.put(&key, states(b"one"));
    first.put(&other, States::new());
    first.acknowledged(offsets(&[("a", 0, 5), ("b", 2, 7)]), true).unwrap();
    drop(first);
    let (second, known) = Checkpoint::open(&path, identity()).unwrap();
    assert_eq!(known, offsets(&[("a", 0, 5), ("b", 2, 7)]));
    assert_eq!(second.register("dedupe").unwrap().1, states(b"one"));
    assert!(second.register("dedupe").unwrap().1.is_empty());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the file");
}

#[test]
fn it_is_saved_now_and_then_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let (checkpoint, _) = Checkpoint::open(&path, identity()).unwrap();
    let saved = || std::fs::read_to_string(&path).unwrap();
    checkpoint.acknowledged(offsets(&[("a", 0, 1)]), false).unwrap();
    assert!(saved().contains("\"0\":1") && !checkpoint.is_due());
    checkpoint.acknowledged(offsets(&[("a", 0, 2)]), false).unwrap();
    assert!(saved().contains("\"0\":1"));
    checkpoint.acknowledged(offsets(&[("a", 0, 3)]), true).unwrap();
    assert!(saved().contains("\"0\":3"));
}

/// `consume --checkpoint F | head 3` is left before its end.
#[test]
fn what_was_done_and_not_yet_saved_is_saved_when_reading_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let (checkpoint, _) = Checkpoint::open(&path, identity()).unwrap();
    let (key, _) = checkpoint.register("dedupe").unwrap();
    checkpoint.put(&key, states(b"one"));
    checkpoint.acknowledged(offsets(&[("a", 0, 1)]), false).unwrap();
    checkpoint.put(&key, states(b"two"));
    checkpoint.acknowledged(offsets(&[("a", 0, 2)]), false).unwrap();
    // Without what the transform keeps it cannot be saved.
    checkpoint.acknowledged(offsets(&[("a", 0, 3)]), false).unwrap();
    drop(checkpoint);
    let (again, known) = Checkpoint::open(&path, identity()).unwrap();
    assert_eq!(known, offsets(&[("a", 0, 2)]));
    assert_eq!(again.register("dedupe").unwrap().1, states(b"two"));
}

#[test]
fn one_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let (first, _) = Checkpoint::open(&path, identity()).unwrap();
    let (second, _) = Checkpoint::open(&path, identity()).unwrap();
    first.acknowledged(offsets(&[("a", 0, 1)]), true).unwrap();
    assert_eq!(code(second.acknowledged(offsets(&[("a", 0, 9)]), true)), "checkpoint-in-use");
    assert_eq!(code(Checkpoint::open(&path, identity())), "checkpoint-in-use");
    first.acknowledged(offsets(&[("a", 0, 2)]), true).unwrap();
    assert_eq!(code(Checkpoint::open(&path, identity())), "checkpoint-in-use", "replaced as well");
    drop(first);
    assert_eq!(Checkpoint::open(&path, identity()).unwrap().1, offsets(&[("a", 0, 2)]));
}

#[test]
fn of_something_else_it_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let (checkpoint, _) = Checkpoint::open(&path, identity()).unwrap();
    checkpoint.acknowledged(offsets(&[("a", 0, 1)]), true).unwrap();
    drop(checkpoint);
    let other_cluster = Identity { cluster: Some("c2".to_string()), ..identity() };
    let mut fewer = identity();
    fewer.topics.remove("b");
    let mut made_again = identity();
    made_again.topics.insert("a".to_string(), Some("id-new".to_string()));
    for (other, part) in
        [(other_cluster, "another cluster"), (fewer, "other topics"), (made_again, "was deleted")]
    {
        let error = Checkpoint::open(&path, other).err().unwrap();
        assert_eq!(error.code, "checkpoint-mismatch");
        assert!(error.message.contains(part), "{error}");
    }
    for damage in
        ["", "{", "{\"schema\":1}", "{\"schema\":2,\"cluster\":null,\"topics\":{},\"offsets\":{}}"]
    {
        std::fs::write(&path, damage).unwrap();
        assert_eq!(code(Checkpoint::open(&path, identity())), "checkpoint-damaged", "{damage}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), damage);
    }
}
