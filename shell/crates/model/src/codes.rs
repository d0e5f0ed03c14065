//! Every code that an error can have, with its class and meaning: `help errors` shows the list,
//! the binder checks `expect error CODE` against it.

use std::sync::LazyLock;

use crate::error::Class;

/// A code, what kind of failure it is, and what it means in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    pub class: Class,
    pub meaning: &'static str,
}

static TABLE: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let lines = include_str!("../data/errors.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).map(parse).collect()
});

/// All codes, sorted.
pub fn all() -> &'static [Code] {
    &TABLE
}

/// The entry of `code`, if there is such a code.
pub fn find(code: &str) -> Option<&'static Code> {
    let index = TABLE.binary_search_by(|entry| entry.code.cmp(code)).ok()?;
    Some(&TABLE[index])
}

fn parse(line: &'static str) -> Code {
    let mut fields = line.split('\t');
    let (Some(code), Some(class), Some(meaning), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        panic!("errors.tsv: not three fields: {line}");
    };
    let class = Class::from_name(class).unwrap_or_else(|| panic!("errors.tsv: no class: {line}"));
    Code { code, class, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_words_keep_the_rules() {
        assert!(all().windows(2).all(|pair| pair[0].code < pair[1].code));
        for Code { code, meaning, .. } in all() {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(code.chars().all(kebab), "{code}");
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{code}");
            assert!(meaning.chars().count() <= 90, "{code}: one line");
        }
    }

    #[test]
    fn a_code_is_found_by_its_whole_name_alone() {
        assert_eq!(find("port-taken").map(|entry| entry.class), Some(Class::Failed));
        assert_eq!(find("port"), None);
        assert_eq!(find(""), None);
    }
}
