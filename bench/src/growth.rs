//! Growth: what a message, a delivery, and a connection's memory cost as connections become more, with
//! one and with two worker threads.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    entries,
    load::{Load, Scenario, Text, Times},
    machine::Machine,
    results::{self, Growth, Point},
    rounds::{Rounds, Setup},
    run::at_least_one,
    table,
};

/// Measures how cost grows with connections.
#[derive(Debug, Args)]
pub(crate) struct Grow {
    /// Rounds of each count of connections.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
    /// Seconds that are measured, of each server in each round.
    #[arg(long, default_value_t = 0.8)]
    seconds: f64,
    /// The counts of connections, with commas between them.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000, 10_000, 19_000])]
    connections: Vec<usize>,
    /// The folder for growth.json.
    #[arg(long, default_value = "bench/target/results")]
    out: PathBuf,
    /// The program that makes the load.
    #[arg(long, default_value = "target/release/ws76")]
    load: PathBuf,
}

impl Grow {
    /// Measures and prints the tables; writes what came out after each point.
    pub(crate) fn run(&self) -> io::Result<()> {
        let setup = Setup::new(&self.load, false)?;
        let mut growth = Growth {
            machine: Machine::this(),
            settings: setup.settings(self.rounds, self.seconds),
            points: Vec::new(),
        };
        for scenario in [Scenario::Echo, Scenario::Broadcast, Scenario::Idle] {
            for &connections in &self.connections {
                if !setup.fits(connections) {
                    eprintln!("{connections} connections: left out, too few open files allowed");
                    continue;
                }
                for threads in [1, 2] {
                    let point = self.measure(&setup, scenario, connections, threads)?;
                    growth.points.push(point);
                }
                results::write(&self.out.join(GROWTH), &growth)?;
            }
        }
        print!("{}", table::growth(&growth.points));
        Ok(())
    }

    fn measure(
        &self,
        setup: &Setup,
        scenario: Scenario,
        connections: usize,
        threads: usize,
    ) -> io::Result<Point> {
        let load = Load {
            scenario,
            connections,
            in_flight: 1,
            len: 64,
            text: Text::Ascii,
        };
        let rounds = Rounds {
            load,
            times: Times::of(self.seconds),
            rounds: self.rounds,
            threads,
        };
        Ok(Point {
            scenario: scenario.name().to_owned(),
            connections,
            threads,
            entries: rounds.run(setup, &[entries::DRAFT76])?,
        })
    }
}

/// What a measurement of growth has left in a folder.
pub(crate) fn read(folder: &Path) -> io::Result<Growth> {
    results::read(&folder.join(GROWTH))
}

const GROWTH: &str = "growth.json";
