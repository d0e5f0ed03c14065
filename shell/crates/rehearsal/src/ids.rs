//! Ids and times: ids are the same in every rehearsal, so that a script prints the same twice.

use std::time::{SystemTime, UNIX_EPOCH};

/// Letters of an id as Kafka prints it: URL-safe base64 (`org.apache.kafka.common.Uuid`).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Letters that carry 128 bits, 6 each.
const UUID_LETTERS: usize = 22;

const MS_PER_DAY: i64 = 86_400_000;

/// A source of ids: splitmix64 over a counter.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An id of a cluster or topic. Like Kafka's own it never begins with `-`, which a command
    /// would take for a flag.
    pub(crate) fn uuid(&mut self) -> String {
        loop {
            let bits = u128::from(self.number()) << 64 | u128::from(self.number());
            let letter = |index: usize| {
                // The last letter has 2 bits and 4 of padding.
                let shift = 122 - 6 * index as i32;
                let value = if shift >= 0 { bits >> shift } else { bits << -shift };
                char::from(ALPHABET[(value & 63) as usize])
            };
            let text: String = (0..UUID_LETTERS).map(letter).collect();
            if !text.starts_with('-') {
                return text;
            }
        }
    }

    /// A ZooKeeper session: positive, and of the length that one sees in practice.
    pub(crate) fn session(&mut self) -> i64 {
        0x1000_0000_0000_0000 | (self.number() >> 8) as i64 & 0x0000_ffff_ffff_ffff
    }
}

/// ms since 1970-01-01 UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Year, month, day, hour, minute, second (UTC) and ms of a time after 1970.
fn civil(ms: i64) -> (i64, i64, i64, i64, i64, i64, i64) {
    // Days of the proleptic Gregorian calendar in eras of 400 years, from 0000-03-01 on.
    let days = ms.div_euclid(MS_PER_DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let of_day = ms.rem_euclid(MS_PER_DAY);
    let (seconds, ms) = (of_day / 1_000, of_day % 1_000);
    (year, month, day, seconds / 3_600, seconds / 60 % 60, seconds % 60, ms)
}

/// `20261122T173000Z`, as names of archives begin.
pub(crate) fn compact_stamp(ms: i64) -> String {
    let (year, month, day, hour, minute, second, _) = civil(ms);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `2026-11-22 17:30:00,123`, as lines of Kafka's logs begin.
pub(crate) fn log_stamp(ms: i64) -> String {
    let (year, month, day, hour, minute, second, ms) = civil(ms);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_look_like_kafkas() {
        let mut ids = Ids::default();
        let some: Vec<String> = (0..200).map(|_| ids.uuid()).collect();
        for (index, id) in some.iter().enumerate() {
            assert_eq!(id.len(), UUID_LETTERS);
            assert!(!id.starts_with('-') && !some[..index].contains(id), "{id}");
            // Two bits and four zeros: only these four letters can end an id.
            assert!(id.ends_with(['A', 'Q', 'g', 'w']), "{id}");
        }
        assert_eq!(Ids::default().uuid(), some[0], "the same in every rehearsal");
        assert!((0..100).all(|_| ids.session() > 0));
    }

    #[test]
    fn stamps_follow_the_calendar() {
        let cases = [
            (0, "1970-01-01 00:00:00,000"),
            (951_782_400_000, "2000-02-29 00:00:00,000"),
            (1_709_251_199_999, "2024-02-29 23:59:59,999"),
            (1_795_368_600_123, "2026-11-22 17:30:00,123"),
        ];
        for (ms, text) in cases {
            assert_eq!(log_stamp(ms), text);
        }
        assert_eq!(compact_stamp(1_795_368_600_123), "20261122T173000Z");
    }
}
