//! Results as Markdown.

use std::fmt::Write as _;

use crate::{
    cases::Goal,
    entries::{self, Entry},
    load::Scenario,
    results::{CaseResults, Point},
    statistics::Summary,
};

/// What a table shows of each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// What it costs beside bare TCP.
    Ratios,
    /// The same as if the kernel took for all what it takes for bare TCP, and the time in user space.
    UserTimes,
}

/// The table of all cases; what misses its goal is bold.
pub(crate) fn all(shown: Shown, cases: &[CaseResults]) -> String {
    // Not every server is in every case.
    let Some(widest) = cases.iter().max_by_key(|case| case.entries.len()) else {
        return String::new();
    };
    let others = || widest.entries.iter().skip(1);
    let mut text = head_of(others().map(|entry| entry.label.as_str()));
    text.extend(
        cases
            .iter()
            .map(|case| row_of(shown, case, others().map(|entry| entry.name.as_str()))),
    );
    text
}

/// The head of that table.
pub(crate) fn head(others: &[Entry]) -> String {
    head_of(others.iter().map(|entry| entry.label))
}

fn head_of<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    let mut columns = vec!["case", "goal", entries::BARE.label];
    columns.extend(labels);
    line(columns.iter().copied()) + &line(columns.iter().map(|_| "---"))
}

/// A row of that table.
pub(crate) fn row(shown: Shown, case: &CaseResults, others: &[Entry]) -> String {
    row_of(shown, case, others.iter().map(|entry| entry.name))
}

fn row_of<'a>(shown: Shown, case: &CaseResults, others: impl Iterator<Item = &'a str>) -> String {
    let bare = case.bare();
    let bare_cell = match (shown, case.goal) {
        (Shown::Ratios, Goal::BytesMore(_)) => kib(bare),
        (Shown::Ratios, Goal::Ratio(_)) => micros(bare),
        (Shown::UserTimes, _) => format!("{} of {}", nanos(case.bare_user_time()), nanos(bare)),
    };
    let mut cells = vec![case.title.clone(), case.goal.to_string(), bare_cell];
    for name in others {
        let Some(entry) = case.entry(name) else {
            cells.push("–".to_owned());
            continue;
        };
        let figure = entry.figure().median;
        let ratio = match shown {
            Shown::Ratios => case.ratio(entry),
            Shown::UserTimes => case.user_time_ratio(entry),
        };
        let text = match case.goal {
            Goal::BytesMore(_) => kib(figure),
            Goal::Ratio(_) => format!("{ratio:.2}"),
        };
        let has_goal = entry.name == entries::DRAFT76.name;
        let text = match has_goal && !case.goal.is_met(figure, ratio, bare) {
            true => format!("**{text}**"),
            false => text,
        };
        cells.push(match shown {
            Shown::Ratios => text,
            Shown::UserTimes => format!("{text} ({})", nanos(entry.user_time().median)),
        });
    }
    line(cells.iter().map(String::as_str))
}

/// The same with quartiles, a line for each server.
pub(crate) fn spread(cases: &[CaseResults]) -> String {
    let head = [
        "case",
        "server",
        "CPU or memory",
        "beside bare TCP, round by round",
        "rounds with a busy load generator",
    ];
    let mut text = line(head.into_iter()) + &line(head.iter().map(|_| "---"));
    for case in cases {
        for entry in &case.entries {
            let figure = with_quartiles(entry.figure(), |value| match case.goal {
                Goal::BytesMore(_) => kib(value),
                Goal::Ratio(_) => micros(value),
            });
            let ratio = with_quartiles(entry.ratios(), |value| format!("{value:.2}"));
            let busy = format!("{} of {}", entry.load_was_busy, entry.figures.len());
            text += &line(
                [&case.title, &entry.label, &figure, &ratio, &busy]
                    .map(String::as_str)
                    .into_iter(),
            );
        }
    }
    text
}

/// How cost grows, and by how much a delivery's varies.
pub(crate) fn growth(points: &[Point]) -> String {
    let head = [
        "scenario",
        "connections",
        "worker threads",
        "bare TCP",
        "ws76, draft-76",
        "ratio",
    ];
    let mut text = line(head.into_iter()) + &line(head.iter().map(|_| "---"));
    for point in points {
        let mut cells = vec![
            point.scenario.clone(),
            point.connections.to_string(),
            point.threads.to_string(),
        ];
        let unit = match point.scenario == Scenario::Idle.name() {
            true => kib,
            false => micros,
        };
        let medians = point.entries.iter().map(|entry| entry.figure().median);
        cells.extend(medians.map(unit));
        cells.extend(
            point
                .entries
                .last()
                .map(|entry| with_quartiles(entry.ratios(), |value| format!("{value:.2}"))),
        );
        text += &line(cells.iter().map(String::as_str));
    }
    for threads in [1, 2] {
        let costs = |index: usize| {
            points
                .iter()
                .filter(move |point| point.scenario == "broadcast" && point.threads == threads)
                .filter_map(move |point| Some(point.entries.get(index)?.figure().median))
        };
        let _ = write!(
            text,
            "\nWith {threads} worker thread{}, the most that a delivery costs is {:.2} times the least; {:.2} times \
             for bare TCP.\n",
            if threads == 1 { "" } else { "s" },
            variation(costs(1)),
            variation(costs(0)),
        );
    }
    text
}

/// The largest beside the smallest.
fn variation(figures: impl Iterator<Item = f64> + Clone) -> f64 {
    figures.clone().fold(0.0, f64::max) / figures.fold(f64::INFINITY, f64::min)
}

fn with_quartiles(summary: Summary, format: impl Fn(f64) -> String) -> String {
    format!(
        "{} ({} to {})",
        format(summary.median),
        format(summary.lower_quartile),
        format(summary.upper_quartile)
    )
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    cells.fold(String::from("|"), |line, cell| line + " " + cell + " |") + "\n"
}

fn micros(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.2} µs"),
        _ => format!("{value:.1} µs"),
    }
}

fn nanos(micros: f64) -> String {
    match micros * 1000.0 {
        value @ 0.0..100.0 => format!("{value:.1} ns"),
        value => format!("{value:.0} ns"),
    }
}

pub(crate) fn kib(bytes: f64) -> String {
    format!("{:.2} KiB", bytes / 1024.0)
}

#[cfg(test)]
mod tests;
