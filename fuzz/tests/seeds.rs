//! Every property over its seeds, and over inputs drawn from them, on stable Rust.
//!
//! The draws are the same in each run. `FUZZ_DRAWS` sets how many there are for each property.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::{env, fs};

use ws76_fuzz::{PROPERTIES, Property};

#[test]
fn decode_equals_the_naive_decoder() {
    hold("decode");
}

#[test]
fn chunked_cuts_change_nothing() {
    hold("chunked");
}

#[test]
fn text_roundtrip_gives_the_same_strings() {
    hold("text_roundtrip");
}

#[test]
fn bounded_memory_is_for_bytes_that_arrived() {
    hold("bounded");
}

#[test]
fn handshake_requests_are_what_others_read_too() {
    hold("handshake");
}

#[test]
fn challenge_equals_arithmetic_of_any_size() {
    hold("challenge");
}

#[test]
fn reply_holds_nothing_that_was_smuggled_in() {
    hold("reply");
}

#[test]
fn client_takes_right_replies_only() {
    hold("client");
}

#[test]
fn server_answers_what_the_draft_says() {
    hold("server");
}

#[test]
fn each_property_has_a_target_and_seeds_and_the_other_way_round() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = PROPERTIES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    names.sort();
    for (folder, suffix) in [("fuzz_targets", ".rs"), ("seeds", "")] {
        let mut found: Vec<String> = fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.trim_end_matches(suffix).to_owned())
            .collect();
        found.sort();
        assert_eq!(found, names, "{folder}");
    }
}

/// Asserts that a property holds for its seeds and for what is drawn from them.
fn hold(name: &str) {
    let (_, property) = PROPERTIES
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    let seeds = seeds(name);
    assert!(seeds.len() >= 4, "{name} has few seeds");
    for seed in &seeds {
        check(name, property, seed);
    }
    let draws = env::var("FUZZ_DRAWS").map_or(4_000, |draws| draws.parse().unwrap());
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..draws {
        check(name, property, &random.input(&seeds));
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Leaves an input for which the property does not hold where libFuzzer would leave it.
fn check(name: &str, property: Property, input: &[u8]) {
    if let Err(cause) = panic::catch_unwind(AssertUnwindSafe(|| property(input))) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("artifacts")
            .join(name);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("test");
        fs::write(&path, input).unwrap();
        eprintln!(
            "{name} does not hold: cargo run --bin {name} {}",
            path.display()
        );
        panic::resume_unwind(cause);
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// An index below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// A byte that means something somewhere, or any.
    fn byte(&mut self) -> u8 {
        let marks = b"\x00\xff\x80\x81\x7f\r\n\0 :\t,/\x1e09\x01\x05";
        match self.below(2) {
            0 => marks[self.below(marks.len())],
            _ => self.next().to_le_bytes()[0],
        }
    }

    /// A seed with some edits, or with bytes of any value in its place.
    fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        if self.below(16) == 0 {
            let len = self.below(80);
            return (0..len).map(|_| self.byte()).collect();
        }
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let to = at + self.below(input.len() - at + 1).min(self.below(40));
            match self.below(6) {
                0 => input.truncate(at),
                1 => drop(input.drain(at..to)),
                2 => input.insert(at, self.byte()),
                3 => {
                    let copy = input[at..to].to_vec();
                    let place = self.below(input.len() + 1);
                    input.splice(place..place, copy);
                }
                4 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    input.splice(at.., other[from..].iter().copied());
                }
                _ => {
                    let byte = self.byte();
                    if let Some(place) = input.get_mut(at) {
                        *place = byte;
                    }
                }
            }
        }
        input
    }
}
