//! Globs of names: `*` any characters, `?` one. The only patterns that scopes and bindings know.

/// Whether `name` fits `glob`, in time linear in both but for the last `*`.
pub fn fits(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut g, mut n) = (0, 0);
    // Where to go on if what follows the last `*` does not fit after all.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (g, n) = (g + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

/// Whether `name` fits one of `globs` and none of those that begin with `!`. Globs that only
/// exclude let everything else in.
pub fn fits_any<'a>(globs: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    let (mut wanted, mut any_wanted) = (false, false);
    for glob in globs {
        match glob.strip_prefix('!') {
            Some(out) if fits(out, name) => return false,
            Some(_) => {}
            None => {
                any_wanted = true;
                wanted |= fits(glob, name);
            }
        }
    }
    wanted || !any_wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, name, expected) in [
            ("*", "", true),
            ("*", "orders", true),
            ("orders", "orders", true),
            ("orders", "orders2", false),
            ("orders*", "orders2", true),
            ("*.eu", "orders.eu", true),
            ("*.eu", "orders.eu.old", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("?at", "cat", true),
            ("?at", "at", false),
            ("", "", true),
            ("", "x", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(fits(glob, name), expected, "{glob} {name}");
        }
        assert!(!fits(&"*a".repeat(50), &"b".repeat(10_000)));
    }

    #[test]
    fn lists_may_exclude() {
        assert!(fits_any(["*", "!__*"], "orders") && !fits_any(["*", "!__*"], "__offsets"));
        assert!(fits_any(["!tmp-*"], "orders") && !fits_any(["!tmp-*"], "tmp-1"));
        assert!(!fits_any(["a*", "b*"], "c") && fits_any(["a*", "b*"], "b1"));
    }
}
