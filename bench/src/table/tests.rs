//! The tables say what was measured, and the verdict what was missed.

use super::*;
use crate::{results::EntryResults, verdict::verdict};

fn entry(name: &str, label: &str, figures: &[f64], ratios: &[f64]) -> EntryResults {
    EntryResults {
        name: name.to_owned(),
        label: label.to_owned(),
        figures: figures.to_vec(),
        user_times: figures.iter().map(|figure| figure / 4.0).collect(),
        ratios: ratios.to_vec(),
        load_was_busy: 0,
    }
}

fn case(goal: Goal, ours: &[f64], peer: &[f64]) -> CaseResults {
    let by_two = |figures: &[f64]| {
        figures
            .iter()
            .map(|figure| figure / 2.0)
            .collect::<Vec<_>>()
    };
    CaseResults {
        name: "echo-1".to_owned(),
        title: "echo".to_owned(),
        goal,
        entries: vec![
            entry("tcp", "bare TCP", &[2.0, 2.0, 2.0], &[1.0, 1.0, 1.0]),
            entry("ws76-draft-76", "ws76, draft-76", ours, &by_two(ours)),
            entry("ws76-rfc6455", "ws76, RFC 6455", &[3.0; 3], &[1.5; 3]),
            entry("tokio-tungstenite-4k", "peer", peer, &by_two(peer)),
        ],
    }
}

#[test]
fn a_row_has_the_ratios_medians() {
    let case = case(Goal::Ratio(1.05), &[9.0, 2.0, 2.1], &[2.5, 2.6, 2.4]);
    assert_eq!(
        all(Shown::Ratios, &[case]),
        "| case | goal | bare TCP | ws76, draft-76 | ws76, RFC 6455 | peer |\n\
         | --- | --- | --- | --- | --- | --- |\n\
         | echo | ≤ 1.05 | 2.00 µs | 1.05 | 1.50 | 1.25 |\n"
    );
}

#[test]
fn what_misses_its_goal_is_bold_and_only_ours_has_one() {
    let row = all(
        Shown::Ratios,
        &[case(Goal::Ratio(1.05), &[2.2; 3], &[2.4; 3])],
    );
    assert!(row.contains("| **1.10** | 1.50 | 1.20 |"), "{row}");
}

#[test]
fn who_is_not_in_a_case_has_no_figure_there() {
    let one = case(Goal::Ratio(1.05), &[2.2; 3], &[2.4; 3]);
    let mut other = case(Goal::Ratio(1.05), &[2.0; 3], &[2.4; 3]);
    other.entries.remove(2);
    let text = all(Shown::Ratios, &[other, one]);
    assert!(
        text.contains("| ws76, draft-76 | ws76, RFC 6455 | peer |\n"),
        "{text}"
    );
    assert!(text.contains("| 2.00 µs | 1.00 | – | 1.20 |\n"), "{text}");
}

#[test]
fn memory_is_in_bytes_and_its_goal_a_difference() {
    let case = case(Goal::BytesMore(1.0), &[3072.0; 3], &[2048.0; 3]);
    let row = all(Shown::Ratios, &[case]);
    assert!(
        row.contains("| **3.00 KiB** | 0.00 KiB | 2.00 KiB |"),
        "{row}"
    );
}

#[test]
fn time_in_user_space_is_compared_as_if_the_kernel_took_the_same_for_all() {
    // A quarter of bare TCP's 2 µs, and of the others' figures: 0.5 and 0.6 µs, 0.1 of 2 more.
    let row = all(
        Shown::UserTimes,
        &[case(Goal::Ratio(1.04), &[2.4; 3], &[0.2; 3])],
    );
    let cells = "| 500 ns of 2000 ns | **1.05** (600 ns) | 1.12 (750 ns) | 0.78 (50.0 ns) |";
    assert!(row.contains(cells), "{row}");
}

#[test]
fn the_verdict_names_what_is_missed_and_who_is_cheaper() {
    let mut below_the_floor = case(Goal::Ratio(1.05), &[2.4; 3], &[2.2; 3]);
    let floor = entry("floor", "floor", &[2.2; 3], &[1.1; 3]);
    let least = entry("least", "least", &[2.3; 3], &[1.1; 3]);
    below_the_floor.entries.splice(1..1, [floor, least]);
    let missed = verdict(&[below_the_floor]);
    assert!(missed.contains("alone miss: echo (1.10).\n"), "{missed}");
    assert!(
        missed.contains("handler misses: echo (1.15).\n"),
        "{missed}"
    );
    for measure in ["floor: echo", "least: echo"] {
        assert!(!missed.contains(measure), "no peer: {missed}");
    }
    assert!(missed.contains("misses: echo (1.20).\n"), "{missed}");
    assert!(
        missed.contains("peer: echo (1.10 against 1.20)"),
        "{missed}"
    );
    assert!(missed.contains("highest: echo (1.36)"), "{missed}");
    let kept = verdict(&[case(Goal::Ratio(1.05), &[2.0; 3], &[2.2; 3])]);
    assert!(kept.contains("misses: none.\n"), "{kept}");
    for measure in ["alone miss", "handler misses"] {
        assert!(!kept.contains(measure), "it was not measured: {kept}");
    }
    assert!(kept.contains("cheaper than draft-76: none.\n"), "{kept}");
    assert_eq!(verdict(&[]), "", "nothing was measured");
}

#[test]
fn the_spread_has_quartiles() {
    let text = spread(&[case(Goal::Ratio(1.05), &[1.0, 2.0, 4.0], &[20.0; 3])]);
    let ours = "| 2.00 µs (1.50 µs to 3.00 µs) | 1.00 (0.75 to 1.50) | 0 of 3 |\n";
    assert!(text.contains(ours), "{text}");
    assert!(text.contains("| 20.0 µs (20.0 µs to 20.0 µs) |"), "{text}");
}

#[test]
fn growth_says_how_much_a_delivery_varies() {
    let point = |connections, bare, ours| Point {
        scenario: "broadcast".to_owned(),
        connections,
        threads: 1,
        entries: vec![
            entry("tcp", "bare TCP", &[bare], &[1.0]),
            entry("ws76-draft-76", "ws76", &[ours], &[ours / bare]),
        ],
    };
    let text = growth(&[point(10, 4.0, 4.0), point(100, 5.0, 6.0)]);
    let row = "| broadcast | 100 | 1 | 5.00 µs | 6.00 µs | 1.20 (1.20 to 1.20) |\n";
    assert!(text.contains(row), "{text}");
    let said =
        "With 1 worker thread, the most that a delivery costs is 1.50 times the least; 1.25 times";
    assert!(text.contains(said), "{text}");
}
