//! The comparison: all servers in turns, in every round, case after case.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use wildmatch::WildMatch;

use crate::{
    cases::Case,
    entries::{self, Entry},
    load::Times,
    machine::Machine,
    perf::Sampling,
    plot,
    results::{self, CaseResults, Results},
    rounds::{Rounds, Setup},
    table::{self, Shown},
    verdict,
};

/// Runs the comparison.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Rounds of each case; the figures are medians over them. Memory is measured in at most 9 of them.
    #[arg(long, default_value_t = 9, value_parser = at_least_one)]
    rounds: usize,
    /// Seconds that are measured, of each server in each round.
    #[arg(long, default_value_t = 0.7)]
    seconds: f64,
    /// The cases, by a pattern with `*` and `?`.
    #[arg(long, default_value = "*")]
    case: String,
    /// The servers beside bare TCP, by name and with commas between them; all by default.
    #[arg(long, value_delimiter = ',', value_parser = other_entry)]
    servers: Vec<Entry>,
    /// Lowers the connections of all cases to this, to try it out.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    max_connections: usize,
    /// Samples the servers by Linux's `perf`, to tell what they spend in user space, where few connections are
    /// opened.
    #[arg(long)]
    profile: bool,
    /// The folder for results.json, table.md and ratios.svg; for a profile, profile.json only.
    #[arg(long, default_value = "bench/target/results")]
    out: PathBuf,
    /// The program that makes the load.
    #[arg(long, default_value = "target/release/ws76")]
    load: PathBuf,
}

impl Run {
    /// Measures, printing the table as it grows, and writes what came out after each case.
    pub(crate) fn run(&self) -> io::Result<()> {
        if self.profile {
            Sampling::check()?;
        }
        let setup = Setup::new(&self.load, self.profile)?;
        let others = match self.servers.as_slice() {
            [] => &entries::OTHERS[..],
            chosen => chosen,
        };
        let mut results = Results {
            machine: Machine::this(),
            settings: setup.settings(self.rounds, self.seconds),
            cases: Vec::new(),
        };
        let pattern = WildMatch::new(&self.case);
        let is_wanted =
            |case: &Case| pattern.matches(case.name) && (!self.profile || case.is_for_samples());
        let shown = match self.profile {
            true => Shown::UserTimes,
            false => Shown::Ratios,
        };
        print!("{}", table::head(others));
        for mut case in Case::all().into_iter().filter(is_wanted) {
            case.load.connections = case.load.connections.min(self.max_connections);
            if !setup.fits(case.load.connections) {
                eprintln!("{}: left out, too few open files allowed", case.name);
                continue;
            }
            let case = self.measure(&setup, &case, others)?;
            print!("{}", table::row(shown, &case, others));
            results.cases.push(case);
            self.write(&results)?;
        }
        if results.cases.is_empty() {
            return Err(io::Error::other("no case was measured"));
        }
        if !self.profile {
            eprint!("{}", verdict::verdict(&results.cases));
        }
        Ok(())
    }

    fn measure(&self, setup: &Setup, case: &Case, others: &[Entry]) -> io::Result<CaseResults> {
        let rounds = Rounds {
            load: case.load,
            times: Times::of(self.seconds),
            rounds: case.rounds(self.rounds),
            threads: 1,
        };
        let is_measured = |entry: &&Entry| entry.is_for(case.load.scenario);
        let others: Vec<_> = others.iter().filter(is_measured).copied().collect();
        Ok(CaseResults {
            name: case.name.to_owned(),
            title: case.load.to_string(),
            goal: case.goal,
            entries: rounds.run(setup, &others)?,
        })
    }

    fn write(&self, results: &Results) -> io::Result<()> {
        if self.profile {
            return results::write(&self.out.join(PROFILE), results);
        }
        results::write(&self.out.join(RESULTS), results)?;
        std::fs::write(
            self.out.join("table.md"),
            table::all(Shown::Ratios, &results.cases),
        )?;
        plot::write(&self.out.join("ratios.svg"), &results.cases)
    }
}

/// The results in the folder of a run.
pub(crate) fn read(folder: &Path) -> io::Result<Results> {
    results::read(&folder.join(RESULTS))
}

/// What a run with samples has left there.
pub(crate) fn read_profile(folder: &Path) -> io::Result<Results> {
    results::read(&folder.join(PROFILE))
}

/// A count of at least 1, as clap reads it.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("not a number".to_owned()),
    }
}

fn other_entry(name: &str) -> Result<Entry, String> {
    let mut others = entries::OTHERS.into_iter();
    others.find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<_> = entries::OTHERS.iter().map(|entry| entry.name).collect();
        format!("one of {}", names.join(", "))
    })
}

const RESULTS: &str = "results.json";
const PROFILE: &str = "profile.json";
