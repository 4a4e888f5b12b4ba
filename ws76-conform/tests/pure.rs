//! Every case against the pure crates, in memory: whole, byte by byte, at every two-way cut.

use std::thread;

use ws76_conform::{Case, Cuts, Suite, Verdict, run_pure};

#[test]
fn every_case_is_kept_by_the_pure_crates_however_it_is_cut() {
    let suite = Suite::builtin().unwrap();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let failures: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let cases = suite.cases().iter().skip(worker).step_by(workers);
                scope.spawn(move || cases.filter_map(failure).collect::<Vec<_>>())
            })
            .collect();
        let failures = threads.into_iter().map(|thread| thread.join().unwrap());
        failures.flatten().collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn there_are_at_least_300_cases_and_each_has_a_name_of_its_own() {
    let suite = Suite::builtin().unwrap();
    let mut names: Vec<&str> = suite.cases().iter().map(Case::name).collect();
    assert!(names.len() >= 300, "{} cases", names.len());
    let count = names.len();
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
    assert_eq!(names.len(), count);
}

fn failure(case: &Case) -> Option<String> {
    match run_pure(case, Cuts::All) {
        Verdict::Kept => None,
        other => Some(format!("{}: {}: {other:?}", case.subject(), case.name())),
    }
}
