//! Rounds: in each, bare TCP first and then all others, who take turns in going first.

use std::{io, path::Path};

use crate::{
    cases,
    entries::{BARE, Entry},
    load::{Figure, Generator, Load, Times},
    process::{Core, ServerProcess, fits, raise_file_limit},
    results::{EntryResults, Settings},
};

/// What it is measured with.
#[derive(Debug)]
pub(crate) struct Setup {
    generator: Generator,
    server_core: Option<Core>,
    file_limit: Option<u64>,
}

impl Setup {
    /// Takes the program that makes the load; says so if it cannot have a core of its own.
    /// Servers are sampled if `samples`.
    pub(crate) fn new(load: &Path, samples: bool) -> io::Result<Self> {
        let cores = Core::two()?;
        if cores.is_none() {
            eprintln!("only one core: the server shares it with the load generator");
        }
        Ok(Self {
            generator: Generator::new(load, cores.map(|(_, load)| load), samples)?,
            server_core: cores.map(|(server, _)| server),
            file_limit: raise_file_limit(),
        })
    }

    /// What is said of the figures.
    pub(crate) const fn settings(&self, rounds: usize, seconds: f64) -> Settings {
        Settings {
            rounds,
            seconds,
            pinned: self.server_core.is_some(),
        }
    }

    /// Whether a process may have so many connections.
    pub(crate) fn fits(&self, connections: usize) -> bool {
        fits(connections, self.file_limit)
    }
}

/// What is measured in each round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) load: Load,
    pub(crate) times: Times,
    pub(crate) rounds: usize,
    /// Worker threads of the server. With more than one it keeps to no core.
    pub(crate) threads: usize,
}

impl Rounds {
    /// The figures of bare TCP and of `others`, in this order.
    pub(crate) fn run(&self, setup: &Setup, others: &[Entry]) -> io::Result<Vec<EntryResults>> {
        let mut bare = results(&BARE);
        let mut results: Vec<_> = others.iter().map(results).collect();
        for round in 0..self.rounds {
            eprint!("\r{}, round {} of {} ", self.load, round + 1, self.rounds);
            let measure = self.measure(setup, &BARE)?;
            let by = measure.value;
            add(&mut bare, measure, by);
            for index in in_turns(others.len(), round) {
                if let (Some(entry), Some(results)) = (others.get(index), results.get_mut(index)) {
                    add(results, self.measure(setup, entry)?, by);
                }
            }
        }
        eprintln!();
        results.insert(0, bare);
        Ok(results)
    }

    /// One server, in a process of its own.
    fn measure(&self, setup: &Setup, entry: &Entry) -> io::Result<Figure> {
        let core = setup.server_core.filter(|_| self.threads == 1);
        let mode = cases::mode(self.load.scenario);
        ServerProcess::start(entry.server, mode, self.threads, core)
            .and_then(|server| {
                let generator = &setup.generator;
                generator.run(&self.load, entry.protocol, self.times, &server)
            })
            .map_err(|error| io::Error::other(format!("{}: {error}", entry.label)))
    }
}

/// The indices up to `count`, each one first in another round.
fn in_turns(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |index| (index + round) % count)
}

fn results(entry: &Entry) -> EntryResults {
    EntryResults {
        name: entry.name.to_owned(),
        label: entry.label.to_owned(),
        figures: Vec::new(),
        user_times: Vec::new(),
        ratios: Vec::new(),
        load_was_busy: 0,
    }
}

fn add(results: &mut EntryResults, figure: Figure, bare: f64) {
    results.figures.push(figure.value);
    results.user_times.extend(figure.user_time);
    results.ratios.push(figure.value / bare);
    results.load_was_busy += usize::from(figure.load_was_busy);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goes_first_in_another_round_and_none_is_left_out() {
        let first: Vec<_> = (0..4)
            .filter_map(|round| in_turns(4, round).next())
            .collect();
        assert_eq!(first, [0, 1, 2, 3]);
        let mut all: Vec<_> = in_turns(4, 7).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
        assert_eq!(in_turns(0, 5).count(), 0);
    }

    #[test]
    fn a_ratio_is_to_bare_tcp_of_its_round() {
        let mut entry = results(&BARE);
        let figure = |value, load_was_busy| Figure {
            value,
            user_time: Some(value / 4.0),
            load_was_busy,
        };
        add(&mut entry, figure(3.0, true), 2.0);
        add(&mut entry, figure(4.0, false), 8.0);
        assert_eq!(entry.figures, [3.0, 4.0]);
        assert_eq!(entry.user_times, [0.75, 1.0]);
        assert_eq!(entry.ratios, [1.5, 0.5]);
        assert_eq!(entry.load_was_busy, 1);
    }
}
