//! Globs of topic names: `*` is any run of characters, `?` is one, everything else is itself.

/// Whether all of `name` fits `glob`, in time of at most the product of their lengths.
pub(crate) fn fits(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut at, mut here) = (0, 0);
    // The last `*`, and how much of the name it was given: the only place to come back to.
    let mut star: Option<(usize, usize)> = None;
    while here < name.len() {
        if glob.get(at) == Some(&b'*') {
            star = Some((at, here));
            at += 1;
        } else if glob.get(at).is_some_and(|c| *c == b'?' || *c == name[here]) {
            (at, here) = (at + 1, here + 1);
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            (at, here) = (star_at + 1, taken + 1);
        } else {
            return false;
        }
    }
    glob[at..].iter().all(|c| *c == b'*')
}

/// Whether `name` lies within `scope`; an empty scope is all there is.
pub(crate) fn in_scope(scope: &[String], name: &str) -> bool {
    scope.is_empty() || scope.iter().any(|glob| fits(glob, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_name_must_fit() {
        for (glob, name) in [
            ("*", ""),
            ("*", "a"),
            ("a*", "a"),
            ("a*c", "abc"),
            ("a*c*", "acbc"),
            ("?b", "ab"),
            ("*.dlq", "orders.dlq"),
            ("orders", "orders"),
        ] {
            assert!(fits(glob, name), "{glob} {name}");
        }
        for (glob, name) in
            [("", "a"), ("a", ""), ("a*c", "abd"), ("?", ""), ("orders", "orders2"), ("a?", "a")]
        {
            assert!(!fits(glob, name), "{glob} {name}");
        }
        assert!(!fits(&"*a".repeat(50), &"b".repeat(5_000)));
    }

    #[test]
    fn no_scope_is_everything() {
        assert!(in_scope(&[], "a"));
        assert!(in_scope(&["b".into(), "a*".into()], "ab"));
        assert!(!in_scope(&["b".into()], "a"));
    }
}
