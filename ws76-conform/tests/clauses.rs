//! Every clause is proven by cases, and `docs/clauses.md` says by which, and by which other tests.
//!
//! After a change of cases or tests: `UPDATE_CLAUSES=1 cargo test -p ws76-conform --test clauses`.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

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
fn the_table_of_clauses_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clauses.md");
    let table = table();
    if env::var_os("UPDATE_CLAUSES").is_some() {
        fs::write(&path, table).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    // A checkout may have changed the ends of lines.
    let same = written.lines().eq(table.lines());
    assert!(
        same,
        "docs/clauses.md is not up to date: set UPDATE_CLAUSES=1 and run this test again"
    );
}

#[test]
fn ids_are_found_in_names_and_comments() {
    let source = "//! All of this file: H1 to H3.\n\n// F4 and T1: lengths.\n\n#[test]\n\
                  fn one() {\n    // X1\n}\n\n#[test]\nfn h5_r2_two() {}\n\n\
                  #[test]\nfn c1_to_c3_three() {}\n\nfn no_test() {\n    // C6\n}\n";
    let found: Vec<_> = tests_of(source)
        .into_iter()
        .map(|(name, ids)| (name, ids.join(" ")))
        .collect();
    assert_eq!(
        found,
        [
            ("one".to_owned(), "F4 T1 X1".to_owned()),
            ("h5_r2_two".to_owned(), "F4 H5 R2 T1".to_owned()),
            ("c1_to_c3_three".to_owned(), "C1 C2 C3 F4 T1".to_owned()),
        ]
    );
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
    let mut lines = String::new();
    for (file, tests) in tests {
        let of_clause = tests
            .iter()
            .filter(|(_, ids)| ids.iter().any(|id| id == clause.id));
        let names: Vec<_> = of_clause.map(|(name, _)| format!("`{name}`")).collect();
        if !names.is_empty() {
            writeln!(lines, "- `{file}`: {}", names.join(", ")).unwrap();
        }
    }
    if !lines.is_empty() {
        write!(text, "\nTests:\n\n{lines}").unwrap();
    }
}

/// The tests of the repository that name ids, by file.
fn repository_tests() -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut tests = BTreeMap::new();
    for file in sources(root) {
        let name = file.strip_prefix(root).unwrap();
        let name = name.to_string_lossy().replace('\\', "/");
        let mut found = tests_of(&fs::read_to_string(&file).unwrap());
        found.retain(|(_, ids)| !ids.is_empty());
        if !found.is_empty() {
            tests.insert(name, found);
        }
    }
    tests
}

/// The Rust files of the crates.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            // This crate names ids as data.
            if name != "target" && name != "ws76-conform" && !name.starts_with('.') {
                files.extend(sources(&path));
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files
}

/// The tests of a file with their ids: those in its name (`h1_to_h3_…` is a range), in comments
/// inside it, and in the last comment at the left margin above it that has any.
fn tests_of(source: &str) -> Vec<(String, Vec<String>)> {
    let mut tests: Vec<(String, Vec<String>)> = Vec::new();
    let (mut section, mut attributed, mut inside) = (Vec::new(), false, false);
    let mut fresh = true;
    for line in source.lines() {
        let trimmed = line.trim_start();
        if let Some(comment) = trimmed.strip_prefix("//") {
            let is_doc = comment.starts_with(['/', '!']);
            let ids = ids_of(comment.split(|c: char| !c.is_ascii_alphanumeric()));
            if inside {
                if let Some((_, known)) = tests.last_mut() {
                    known.extend(ids);
                }
            } else if !is_doc && !ids.is_empty() {
                // Lines of one comment belong together.
                if fresh {
                    section.clear();
                }
                section.extend(ids);
                fresh = false;
            }
            continue;
        }
        fresh = true;
        if trimmed.starts_with("#[test]") || trimmed.starts_with("#[tokio::test") {
            attributed = true;
        } else if let Some(name) = function(trimmed) {
            if attributed {
                let mut ids = section.clone();
                ids.extend(ids_of(name.to_ascii_uppercase().split('_')));
                tests.push((name.to_owned(), ids));
            }
            inside = attributed;
            attributed = false;
        } else if line == "}" {
            inside = false;
        } else if inside && let Some((_, comment)) = trimmed.rsplit_once("// ") {
            let ids = ids_of(comment.split(|c: char| !c.is_ascii_alphanumeric()));
            if let Some((_, known)) = tests.last_mut() {
                known.extend(ids);
            }
        }
    }
    for (_, ids) in &mut tests {
        ids.sort();
        ids.dedup();
    }
    tests
}

fn function(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// The ids among these words, ranges included.
fn ids_of<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let (mut before, mut ranged) = (None, false);
    for word in words.filter(|word| !word.is_empty()) {
        let id = Clause::find(word).map(|clause| clause.id);
        if let (Some(from), Some(to), true) = (before, id, ranged) {
            ids.extend(between(from, to));
        }
        ids.extend(id.map(str::to_owned));
        ranged = before.is_some() && word.eq_ignore_ascii_case("to");
        if !ranged {
            before = id;
        }
    }
    ids
}

fn between(from: &str, to: &str) -> Vec<String> {
    let number = |id: &str| id[1..].parse::<u32>().unwrap();
    let letter = &from[..1];
    match to.starts_with(letter) {
        true => (number(from)..number(to))
            .map(|at| format!("{letter}{at}"))
            .collect(),
        false => Vec::new(),
    }
}
