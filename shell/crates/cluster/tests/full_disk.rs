//! A disk that is full at every byte of what a run writes: it says so, undoes what it did, leaves
//! what was there, and the next run converges. Alone in its target: the limit is the process's.

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Bench, Fault, demo};

/// Step between two limits, in bytes: less than any entry of a journal.
const STEP_BYTES: usize = 64;

/// No file of this process may grow beyond so many bytes.
fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[tokio::test]
async fn whenever_the_disk_is_full_nothing_is_half_done() {
    // SAFETY: the signal is ignored, no handler of ours is installed; a write then fails.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let mut struck = 0;
    for bytes in (0..).step_by(STEP_BYTES) {
        let bench = Bench::new();
        let mut other = demo(1);
        other.name = kafsh_model::ClusterName::new("other").unwrap();
        other.zookeeper.port += 1_000;
        other.brokers[0].controller_port = None;
        for listener in &mut other.brokers[0].listeners {
            listener.port += 1_000;
            listener.advertised_port += 1_000;
        }
        bench.store.save_spec(&other).unwrap();
        let spec = demo(2);
        limit(Some(bytes));
        let outcome = bench.up(&spec).await;
        limit(None);
        assert_eq!(bench.store.load_spec(&other.name).unwrap(), other, "{bytes}");
        let Err(error) = outcome else { break };
        struck += 1;
        assert_eq!(error.code, "disk-full", "{bytes}: {error:?}");
        let state = bench.world.state().is_blank();
        assert!(state, "{bytes} left {:?}, {error:?}", bench.world.state());
        assert!(!bench.store.exists(&spec.name), "{bytes}: {error:?}");
        bench.up(&spec).await.unwrap();
        bench.is_converged(&spec).await;
    }
    assert!(struck > 20, "only {struck} times");
    what_went_wrong_is_told_though_it_cannot_be_written_down().await;
}

/// The action's own error comes before that of the journal. Not a test of its own: see above.
async fn what_went_wrong_is_told_though_it_cannot_be_written_down() {
    let mut told = 0;
    for bytes in (0..20_000).step_by(STEP_BYTES) {
        let bench = Bench::new();
        bench.world.arm(6, Fault::Fail);
        limit(Some(bytes));
        let outcome = bench.up(&demo(2)).await;
        limit(None);
        let error = outcome.unwrap_err();
        // Else the disk was full before, and it is the way back that was refused.
        let of_undo = error.evidence.iter().any(|line| line.contains("was refused"));
        if bench.world.disarm() && !of_undo {
            assert_eq!(error.code, "injected", "{bytes}: {error:?}");
            told += 1;
        }
    }
    assert!(told > 20, "only {told} times");
}
