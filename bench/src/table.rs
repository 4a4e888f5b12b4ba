//! Results as Markdown.

use std::fmt::Write as _;

use crate::{
    cases::Goal,
    entries::{self, Entry},
    results::{CaseResults, Point},
    statistics::Summary,
};

/// The table of ratios; what misses its goal is bold.
pub(crate) fn ratios(cases: &[CaseResults]) -> String {
    let mut text = cases.first().map_or_else(String::new, |case| {
        head_of(
            case.entries
                .iter()
                .skip(1)
                .map(|entry| entry.label.as_str()),
        )
    });
    text.extend(cases.iter().map(row));
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
pub(crate) fn row(case: &CaseResults) -> String {
    let mut cells = vec![case.title.clone(), case.goal.to_string()];
    let bare = case.bare();
    for (index, entry) in case.entries.iter().enumerate() {
        let figure = entry.figure().median;
        let ratio = case.ratio(entry);
        let text = match case.goal {
            Goal::BytesMore(_) => kib(figure),
            Goal::Ratio(_) if index == 0 => micros(figure),
            Goal::Ratio(_) => format!("{ratio:.2}"),
        };
        let has_goal = entry.name == entries::DRAFT76.name;
        cells.push(match has_goal && !case.goal.is_met(figure, ratio, bare) {
            true => format!("**{text}**"),
            false => text,
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
        cells.extend(
            point
                .entries
                .iter()
                .map(|entry| micros(entry.figure().median)),
        );
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

pub(crate) fn kib(bytes: f64) -> String {
    format!("{:.2} KiB", bytes / 1024.0)
}

#[cfg(test)]
mod tests;
