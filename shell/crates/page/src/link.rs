//! Addresses within the page: names become path segments and parameters, never syntax.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand as it is in a segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// A segment that is never `.` or `..`.
pub fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

pub fn topic(name: &str) -> String {
    format!("/topics/{}", segment(name))
}

pub fn group(name: &str) -> String {
    format!("/groups/{}", segment(name))
}

pub fn broker(id: i64) -> String {
    format!("/brokers/{id}")
}

/// A path with parameters; those without a value are left out.
pub fn with(path: &str, params: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let given = params.iter().filter(|(_, value)| !value.is_empty());
    let mut any = false;
    for (name, value) in given {
        query.append_pair(name, value);
        any = true;
    }
    if any { format!("{path}?{}", query.finish()) } else { path.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(topic("a.b-c_d"), "/topics/a%2Eb-c_d");
        assert_eq!(group("../x?y#z \"'<"), "/groups/%2E%2E%2Fx%3Fy%23z%20%22%27%3C");
        assert_eq!(with("/topics", &[("sort", ""), ("show", "a&b=c")]), "/topics?show=a%26b%3Dc");
        assert_eq!(with("/topics", &[]), "/topics");
    }
}
