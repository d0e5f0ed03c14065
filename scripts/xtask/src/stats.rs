//! What the benchmarks report: least, median and greatest of some timings, and a Markdown table.

use std::fmt::Write as _;

/// Timings of one thing, in its own unit, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub runs: usize,
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Summary {
    /// `None` for no values, or one that is not a number.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self { runs: sorted.len(), min: sorted[0], median, max: sorted[sorted.len() - 1] })
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub summary: Summary,
    /// Median over the median of the thing compared with, whose name is given.
    pub ratio: Option<(f64, &'static str)>,
    /// What is aimed at, in words; empty for the things compared with.
    pub target: &'static str,
}

/// The table, with a heading that says when and on what it was measured.
pub fn markdown(date: &str, machine: &str, rows: &[Row]) -> String {
    let mut text = format!("## {date}\n\n{machine}\n\n");
    text.push_str("| what | runs | min | median | max | ratio of medians | target |\n");
    text.push_str("|---|---:|---:|---:|---:|---|---|\n");
    for row in rows {
        let Summary { runs, min, median, max } = row.summary;
        let ratio = match row.ratio {
            Some((ratio, other)) => format!("{ratio:.2} × {other}"),
            None => String::new(),
        };
        let unit = row.unit;
        let _ = writeln!(
            text,
            "| {} | {runs} | {} {unit} | {} {unit} | {} {unit} | {ratio} | {} |",
            row.what.replace('|', "\\|"),
            number(min),
            number(median),
            number(max),
            row.target,
        );
    }
    text
}

/// Three significant figures or whole numbers: no more than a timing is worth.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// `2026-03-09` of seconds since 1970, in UTC, by the proleptic Gregorian calendar. Years are
/// counted from March, so that a leap day is a year's last.
pub fn date_of(seconds_since_1970: u64) -> String {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    const DAYS_FROM_0000_03_01_TO_1970: u64 = 719_468;
    let days = seconds_since_1970 / 86_400 + DAYS_FROM_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        let odd = Summary::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.runs, odd.min, odd.median, odd.max), (3, 1.0, 2.0, 3.0));
        assert_eq!(Summary::of(&[4.0, 1.0, 3.0, 2.0]).unwrap().median, 2.5);
        assert_eq!(Summary::of(&[7.0]).unwrap().median, 7.0);
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn the_table_is_markdown() {
        let summary = Summary::of(&[10.0, 12.34, 250.4]).unwrap();
        let mut row = Row {
            what: "consume | head".into(),
            unit: "ms",
            summary,
            ratio: Some((1.234, "kcat")),
            target: "≤ 2 × kcat",
        };
        let first = row.clone();
        row.ratio = None;
        let text = markdown("2026-01-02", "a machine", &[first, row]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["## 2026-01-02", "", "a machine"]);
        assert_eq!(
            lines[6],
            "| consume \\| head | 3 | 10.0 ms | 12.3 ms | 250 ms | 1.23 × kcat | ≤ 2 × kcat |"
        );
        assert!(lines[7].contains("| 250 ms |  | ≤"));
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(lines[4..].iter().all(|line| columns(line) == 8), "{text}");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date_of(seconds), date);
        }
    }
}
