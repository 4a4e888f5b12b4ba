//! Every clause is proven by cases, and `docs/clauses.md` says by which, and by which other tests.
//!
//! After a change of cases or tests: `UPDATE_CLAUSES=1 cargo test -p ws76-conform --test clauses`.

mod sources;

use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path};

use sources::{PROMISES, repository_tests};
use ws76_conform::{CLAUSES, Case, Clause, Suite, THREATS};

#[test]
fn every_clause_is_proven_by_a_case() {
    let suite = Suite::builtin().unwrap();
    for clause in CLAUSES.iter().chain(THREATS) {
        let proves = |case: &Case| case.clauses().contains(&clause);
        assert!(
            suite.cases().iter().any(proves),
            "no case for {}",
            clause.id
        );
    }
}

#[test]
fn the_ids_are_those_of_the_draft() {
    let mut ids = CLAUSES.iter().map(|clause| clause.id);
    for (letter, count) in [('H', 15), ('C', 6), ('R', 9), ('F', 10), ('X', 6)] {
        for number in 1..=count {
            assert_eq!(ids.next(), Some(&format!("{letter}{number}")[..]));
        }
    }
    assert_eq!(ids.next(), None);
}

#[test]
fn every_promise_of_the_server_is_proven_by_a_test() {
    let tests = repository_tests();
    for (promise, _) in PROMISES {
        let proves = |(_, ids): &(String, Vec<String>)| ids.iter().any(|id| id == promise);
        let of_server = tests
            .iter()
            .filter(|(file, _)| file.starts_with("ws76-server/"));
        let count = of_server
            .flat_map(|(_, tests)| tests)
            .filter(|test| proves(test));
        assert_ne!(count.count(), 0, "no test for {promise}");
    }
}

#[test]
fn the_table_of_clauses_is_up_to_date() {
    assert_up_to_date("docs/clauses.md", &table());
}

#[test]
fn the_table_of_promises_is_up_to_date() {
    assert_up_to_date("../ws76-server/docs/promises.md", &promises());
}

fn assert_up_to_date(path: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("UPDATE_CLAUSES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, table).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    // A checkout may have changed the ends of lines.
    assert!(
        written.lines().eq(table.lines()),
        "{} is not up to date: set UPDATE_CLAUSES=1 and run this test again",
        path.display()
    );
}

fn promises() -> String {
    let tests = repository_tests();
    let mut text = String::from(
        "# What the server promises, and what proves it\n\n\
         Written by `ws76-conform/tests/clauses.rs`, which fails when a promise has no test of the\n\
         server, or when this page is not what it would write. To write it anew:\n\n\
         ```sh\nUPDATE_CLAUSES=1 cargo test -p ws76-conform --test clauses\n```\n\n\
         P: promises, T: threats. Tests name the id in their own name or in a comment in or above\n\
         them; most run for draft-76 and for RFC 6455.\n",
    );
    for (promise, summary) in PROMISES {
        writeln!(text, "\n## {promise}: {summary}\n").unwrap();
        text.push_str(&tests_for(promise, &tests));
    }
    text
}

/// A line for each file with tests that name the id.
fn tests_for(id: &str, tests: &BTreeMap<String, Vec<(String, Vec<String>)>>) -> String {
    let mut lines = String::new();
    for (file, tests) in tests {
        let naming = tests
            .iter()
            .filter(|(_, ids)| ids.iter().any(|one| one == id));
        let names: Vec<_> = naming.map(|(name, _)| format!("`{name}`")).collect();
        if !names.is_empty() {
            writeln!(lines, "- `{file}`: {}", names.join(", ")).unwrap();
        }
    }
    lines
}

fn table() -> String {
    let suite = Suite::builtin().unwrap();
    let tests = repository_tests();
    let mut text = String::from(
        "# Clauses, and what proves them\n\n\
         Written by `tests/clauses.rs`, which fails when a clause has no case, or when this page is\n\
         not what it would write. To write it anew:\n\n\
         ```sh\nUPDATE_CLAUSES=1 cargo test -p ws76-conform --test clauses\n```\n\n\
         H: the request, C: the challenge, R: the reply, F: frames, X: closing, T: threats. Cases are\n\
         the claims in `cases/`, each run against the pure crates and, but for those about their\n\
         settings, against the server. Tests are functions of this repository that name the id in\n\
         their own name or in a comment in or above them.\n",
    );
    for clause in CLAUSES.iter().chain(THREATS) {
        write_clause(&mut text, clause, suite.cases(), &tests);
    }
    text
}

fn write_clause(
    text: &mut String,
    clause: &'static Clause,
    cases: &[Case],
    tests: &BTreeMap<String, Vec<(String, Vec<String>)>>,
) {
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| case.clauses().contains(&clause))
        .collect();
    writeln!(text, "\n## {}: {}\n", clause.id, clause.summary).unwrap();
    writeln!(text, "{} cases:\n", cases.len()).unwrap();
    let mut subjects: Vec<&str> = cases.iter().map(|case| case.subject()).collect();
    subjects.dedup();
    for subject in subjects {
        let names = cases.iter().filter(|case| case.subject() == subject);
        let names: Vec<&str> = names.map(|case| case.name()).collect();
        writeln!(text, "- `{subject}.toml`: {}", names.join("; ")).unwrap();
    }
    let lines = tests_for(clause.id, tests);
    if !lines.is_empty() {
        write!(text, "\nTests:\n\n{lines}").unwrap();
    }
}
