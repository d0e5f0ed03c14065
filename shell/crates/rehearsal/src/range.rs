//! Which offsets of a partition are read.

use kafsh_model::port::{From, To};
use kafsh_model::topic::OffsetAt;

use crate::log::Log;

/// The offsets to be read of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    /// Records from here on are left out; `None`: goes on
    pub(crate) stop: Option<i64>,
}

impl Range {
    /// `committed` is the group's offset where `from` asks for it.
    pub(crate) fn new(from: From, to: To, log: &Log, committed: Option<i64>) -> Range {
        let end = log.end();
        let at = |ms| log.offset_at(OffsetAt::Timestamp(ms)).unwrap_or(end);
        let first = match from {
            From::Earliest => 0,
            From::Committed => committed.unwrap_or(0),
            From::Latest => end,
            // Below the log's start there is nothing: begin with what there is.
            From::Offset(offset) => offset.max(0),
            From::Tail(count) => end.saturating_sub_unsigned(count).max(0),
            From::Timestamp(ms) => at(ms),
        };
        let stop = match to {
            To::End => Some(end),
            To::Offset(offset) => Some(offset),
            // No such record yet: up to the end as it is now.
            To::Timestamp(ms) => Some(at(ms)),
            To::Never => None,
        };
        Range { first, stop }
    }

    /// True where reading at `next` has come to its stop.
    pub(crate) fn is_over(&self, next: i64) -> bool {
        self.stop.is_some_and(|stop| next >= stop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafsh_model::record::{RecordView, TimestampType};

    use super::*;
    use crate::log::Record;

    #[test]
    fn starts_and_stops() {
        let mut log = Log::default();
        for ms in 0..20 {
            let view = RecordView::new("t", None, None);
            log.append(Arc::new(Record::new(&view, 10 * ms, TimestampType::Create)));
        }
        let cases = [
            (From::Earliest, To::End, (0, Some(20))),
            (From::Committed, To::Never, (7, None)),
            (From::Latest, To::End, (20, Some(20))),
            (From::Offset(-1), To::Offset(9), (0, Some(9))),
            (From::Offset(25), To::Never, (25, None)),
            (From::Tail(3), To::End, (17, Some(20))),
            (From::Tail(u64::MAX), To::End, (0, Some(20))),
            (From::Timestamp(85), To::Timestamp(120), (9, Some(12))),
            (From::Timestamp(9_000), To::Timestamp(9_001), (20, Some(20))),
        ];
        for (from, to, (first, stop)) in cases {
            let range = Range::new(from, to, &log, Some(7));
            assert_eq!(range, Range { first, stop }, "{from:?} {to:?}");
        }
        assert!(Range { first: 5, stop: Some(5) }.is_over(5));
        assert!(!Range { first: 5, stop: None }.is_over(99));
    }
}
