//! "Did you mean": known words near a mistyped one.

/// Most suggestions given for one word.
pub const SUGGESTIONS_MAX: usize = 3;

/// Longest word compared, in characters: the cost grows with the product of both lengths.
const WORD_CHARS_MAX: usize = 128;

/// The candidates nearest to `word`, nearest first, at most [`SUGGESTIONS_MAX`]; none where
/// nothing is near enough to be a slip of the fingers. Letter case, and `.`, `-` and `_` for each
/// other, cost nothing.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let folded = fold(word);
    if folded.is_empty() || folded.len() > WORD_CHARS_MAX {
        return Vec::new();
    }
    let mut near: Vec<(usize, &'a str)> = Vec::new();
    for candidate in candidates {
        let other = fold(candidate);
        let allowed = distance_allowed(folded.len());
        if other.len() > WORD_CHARS_MAX {
            continue;
        }
        let rank = if other.len().abs_diff(folded.len()) <= allowed {
            let distance = distance(&folded, &other);
            (distance <= allowed).then_some(distance)
        } else {
            None
        };
        // The beginning or the end of a long name is what people remember of it.
        let part = folded.len() >= 4 && (other.starts_with(&folded) || other.ends_with(&folded));
        if let Some(rank) = rank.or(part.then_some(allowed + 1)) {
            near.push((rank, candidate));
        }
    }
    near.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.len().cmp(&b.1.len())).then(a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter().take(SUGGESTIONS_MAX).map(|(_, candidate)| candidate).collect()
}

/// ` (did you mean `x`?)`, or nothing: to be appended to a message.
pub fn did_you_mean(suggestions: &[&str]) -> String {
    match suggestions {
        [] => String::new(),
        some => {
            let quoted: Vec<String> = some.iter().map(|word| format!("`{word}`")).collect();
            format!(" (did you mean {}?)", quoted.join(" or "))
        }
    }
}

fn distance_allowed(chars: usize) -> usize {
    match chars {
        0..=1 => 0,
        2..=4 => 1,
        5..=9 => 2,
        _ => 3,
    }
}

fn fold(word: &str) -> Vec<char> {
    word.chars()
        .flat_map(char::to_lowercase)
        .map(|c| if matches!(c, '_' | '-') { '.' } else { c })
        .collect()
}

/// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, replacements
/// and swaps of neighbours cost 1 each.
pub fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; width];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] =
        ["retention.ms", "retention.bytes", "cleanup.policy", "segment.ms", "min.insync.replicas"];

    #[test]
    fn slips_are_understood_and_nonsense_is_not() {
        let cases: [(&str, &[&str]); 7] = [
            ("retention.sm", &["retention.ms"]),
            ("retention_ms", &["retention.ms"]),
            ("Retention.MS", &["retention.ms"]),
            ("retention", &["retention.ms", "retention.bytes"]),
            ("insync.replicas", &["min.insync.replicas"]),
            ("zzzzzz", &[]),
            ("", &[]),
        ];
        for (word, wanted) in cases {
            assert_eq!(suggest(word, KEYS), wanted, "{word}");
        }
        assert!(suggest(&"x".repeat(100_000), KEYS).is_empty());
    }

    #[test]
    fn distance_counts_slips() {
        let d = |a: &str, b: &str| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        assert_eq!(d("", ""), 0);
        assert_eq!(d("abc", ""), 3);
        assert_eq!(d("abc", "acb"), 1);
        assert_eq!(d("kitten", "sitting"), 3);
    }

    #[test]
    fn the_question_reads_well() {
        assert_eq!(did_you_mean(&[]), "");
        assert_eq!(did_you_mean(&["a", "b"]), " (did you mean `a` or `b`?)");
    }
}
