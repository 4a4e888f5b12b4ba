//! Which tests of the repository name which ids.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ws76_conform::CLAUSES;

/// What the server promises, and the threats that it stands.
pub(crate) const PROMISES: &[(&str, &str)] = &[
    (
        "P1",
        "what one sender sends to one connection arrives in that order, in whole frames",
    ),
    (
        "P2",
        "a send that returns Ok was queued; one that does not was never sent; room and flush can be waited for",
    ),
    (
        "P3",
        "a broadcast reaches all that are open throughout, others at most once, and counts them",
    ),
    (
        "P4",
        "the events of a connection are open, messages, at most one error, closed; one at a time",
    ),
    (
        "P5",
        "a connection is registered before its open event and not after its closed event; ids are never reused",
    ),
    (
        "P6",
        "a handler that panics, blocks or is slow harms its own connection only",
    ),
    (
        "P7",
        "a slow receiver costs a bounded queue, then meets the policy; what is dropped is counted",
    ),
    (
        "P8",
        "a graceful shutdown delivers, closes, fires every closed event and ends every task in time",
    ),
    ("P9", "accepting never dies"),
    ("P10", "only monotonic time counts"),
    ("P11", "memory is bounded, term by term"),
    (
        "P12",
        "a RST or FIN is noticed at once; a part of a message is never delivered",
    ),
    ("P13", "a closed event says why"),
    ("P14", "a server that was killed binds again at once"),
    ("T1", "lengths that overflow or never end"),
    ("T2", "a text frame that never ends, or drips"),
    ("T3", "one protocol lacks a check that the other has"),
    ("T4", "the reply is made to say what an attacker wants"),
    ("T5", "huge heads, many fields, heads in single bytes"),
    ("T6", "half a head, or half of key 3, for ever"),
    ("T7", "a reader that is slow"),
    ("T8", "an announced length makes the server allocate"),
    ("T9", "a flood of tiny frames"),
    ("T10", "anything but frames behind the 101"),
    ("T11", "keys that break the arithmetic"),
    ("T12", "what happens depends on how TCP cuts the bytes"),
    (
        "T13",
        "a foreign page opens a connection with a visitor's cookies",
    ),
    ("T14", "requests that two parsers read in two ways"),
    ("T15", "peers that are gone without a word"),
    ("T16", "panics that leak tasks or entries of the registry"),
    (
        "T17",
        "frames without masks; versions that should not be served",
    ),
    ("T18", "compression bombs"),
];

/// The id that a word is, in any case.
fn find(word: &str) -> Option<&'static str> {
    let clauses = CLAUSES.iter().map(|clause| clause.id);
    let mut all = clauses.chain(PROMISES.iter().map(|(id, _)| *id));
    all.find(|id| id.eq_ignore_ascii_case(word))
}

/// The tests of the repository that name ids, by file.
pub(crate) fn repository_tests() -> BTreeMap<String, Vec<(String, Vec<String>)>> {
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
        let id = find(word);
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
