//! Positions in a log as people write them: `earliest`, `latest`, `1042`, `-5`, `@TIME`.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use kafsh_model::port::{From, To};
use kafsh_model::{Error, Result, units};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Earliest,
    Latest,
    Offset(i64),
    Tail(u64),
    /// Where the group has come to
    Committed,
    /// ms since 1970-01-01 UTC
    Time(i64),
}

/// Understands kafsh's own words and kcat's: `beginning`, `end`, `stored`, `s@1700000000000`.
pub fn parse(text: &str) -> Result<Position> {
    let position = match text {
        "earliest" | "beginning" | "start" => Some(Position::Earliest),
        "latest" | "end" => Some(Position::Latest),
        "committed" | "stored" => Some(Position::Committed),
        _ => match text.strip_prefix("s@").or(text.strip_prefix('@')) {
            Some(time) => parse_time(time).map(Position::Time),
            None => match text.strip_prefix('-') {
                Some(tail) => tail.parse().ok().map(Position::Tail),
                None => text.parse().ok().filter(|o| *o >= 0).map(Position::Offset),
            },
        },
    };
    position.ok_or_else(|| {
        Error::usage("bad-position", format!("`{text}` is no position in a log")).with_cause(
            "a position is `earliest`, `latest`, an offset, `-N` (N before the end) or `@TIME` \
             (`@2026-11-22T10:00:00Z`, `@-1h`, `@1700000000000`)",
        )
    })
}

/// A record's timestamp, in ms since 1970: a number of ms, or `@TIME`.
pub fn timestamp(text: &str) -> Result<i64> {
    match parse(text)? {
        Position::Offset(ms) | Position::Time(ms) => Ok(ms),
        _ => Err(Error::usage("bad-value", format!("`{text}` is no time"))
            .with_cause("a time is a number of ms since 1970, or `@2026-11-22T10:00:00Z`")),
    }
}

/// ms since 1970, RFC 3339, a local `YYYY-MM-DD[THH:MM[:SS]]`, or `-DURATION` before now.
fn parse_time(text: &str) -> Option<i64> {
    if let Some(ago) = text.strip_prefix('-').and_then(units::parse_duration) {
        let ago = i64::try_from(ago.as_millis()).ok()?;
        return Timestamp::now().as_millisecond().checked_sub(ago);
    }
    if let Ok(ms) = text.parse::<i64>() {
        return Some(ms);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let local = text.parse::<DateTime>().or_else(|_| {
        text.parse::<jiff::civil::Date>()
            .map(|date| date.to_datetime(jiff::civil::Time::midnight()))
    });
    let zoned = local.ok()?.to_zoned(TimeZone::system()).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

impl Position {
    pub fn start(self) -> From {
        match self {
            Position::Earliest => From::Earliest,
            Position::Latest => From::Latest,
            Position::Offset(offset) => From::Offset(offset),
            Position::Tail(count) => From::Tail(count),
            Position::Committed => From::Committed,
            Position::Time(ms) => From::Timestamp(ms),
        }
    }

    /// Where reading stops; a log has no end "N before its end" that was asked for yet.
    pub fn end(self) -> Result<To> {
        match self {
            Position::Latest => Ok(To::End),
            Position::Offset(offset) => Ok(To::Offset(offset)),
            Position::Time(ms) => Ok(To::Timestamp(ms)),
            Position::Earliest | Position::Tail(_) | Position::Committed => {
                Err(Error::usage("bad-position", "reading cannot stop there")
                    .with_cause("`--to` takes `end`, an offset or `@TIME`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        let cases = [
            ("earliest", Position::Earliest),
            ("beginning", Position::Earliest),
            ("end", Position::Latest),
            ("stored", Position::Committed),
            ("1042", Position::Offset(1042)),
            ("-5", Position::Tail(5)),
            ("@1700000000000", Position::Time(1_700_000_000_000)),
            ("s@1700000000000", Position::Time(1_700_000_000_000)),
            ("@2023-11-14T22:13:20Z", Position::Time(1_700_000_000_000)),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse(text), Ok(wanted), "{text}");
        }
        for bad in ["", "x", "--5", "@", "@x", "1.5", "-x", "99999999999999999999"] {
            assert_eq!(parse(bad).unwrap_err().code, "bad-position", "{bad}");
        }
        assert_eq!(timestamp("5"), Ok(5));
        assert_eq!(timestamp("@1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(timestamp("end").unwrap_err().code, "bad-value");
    }
}
