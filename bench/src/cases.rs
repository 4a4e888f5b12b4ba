//! What is measured: the cases, and what each may cost draft-76 beside bare TCP.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    load::{Load, Scenario, Text},
    servers::Mode,
};

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What `--case` matches.
    pub(crate) name: &'static str,
    pub(crate) load: Load,
    pub(crate) goal: Goal,
}

/// The most that draft-76 may cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Goal {
    /// So many times what bare TCP costs.
    Ratio(f64),
    /// So many bytes more than bare TCP.
    BytesMore(f64),
}

impl Goal {
    /// Whether a median keeps it, as it stands in the table.
    pub(crate) fn is_met(self, figure: f64, ratio: f64, bare: f64) -> bool {
        match self {
            Self::Ratio(most) => hundredths(ratio) <= hundredths(most),
            Self::BytesMore(most) => figure - bare <= most,
        }
    }
}

/// A ratio as the tables give it, with two digits.
pub(crate) fn hundredths(ratio: f64) -> f64 {
    (ratio * 100.0).round()
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "≤ {most:.2}"),
            Self::BytesMore(most) => write!(f, "≤ bare + {:.1} KiB", most / 1024.0),
        }
    }
}

impl Case {
    /// All, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let echo = |connections, in_flight, len| Load {
            scenario: Scenario::Echo,
            connections,
            in_flight,
            len,
            text: Text::Ascii,
        };
        let broadcast = |connections, in_flight| Load {
            scenario: Scenario::Broadcast,
            ..echo(connections, in_flight, 64)
        };
        let japanese = Load {
            text: Text::Japanese,
            ..echo(64, 16, 1 << 10)
        };
        let connect = Load {
            scenario: Scenario::Connect,
            ..echo(16, 1, 32)
        };
        let idle = Load {
            scenario: Scenario::Idle,
            ..echo(10_000, 1, 32)
        };
        let case = |name, load, goal| Self { name, load, goal };
        vec![
            case("echo-1", echo(1, 1, 32), Goal::Ratio(1.05)),
            case("echo-64", echo(64, 1, 32), Goal::Ratio(1.05)),
            case("bursts-32b", echo(64, 32, 32), Goal::Ratio(1.10)),
            case("bursts-1k", echo(64, 16, 1 << 10), Goal::Ratio(1.10)),
            case("bursts-1k-japanese", japanese, Goal::Ratio(1.20)),
            case("bursts-64k", echo(8, 4, 64 << 10), Goal::Ratio(1.10)),
            case("broadcast-1k", broadcast(1000, 1), Goal::Ratio(1.05)),
            case("broadcast-1k-8", broadcast(1000, 8), Goal::Ratio(1.10)),
            case("broadcast-10k", broadcast(10_000, 1), Goal::Ratio(1.05)),
            case("connect", connect, Goal::Ratio(1.00)),
            case("idle", idle, Goal::BytesMore(1536.0)),
        ]
    }

    /// Whether samples of it tell what messages cost: it has some, and its connections are soon opened.
    pub(crate) fn is_for_samples(&self) -> bool {
        self.load.scenario != Scenario::Idle && self.load.connections <= MOST_CONNECTIONS_SAMPLED
    }

    /// How many of `rounds` it takes: memory scatters little.
    pub(crate) const fn rounds(&self, rounds: usize) -> usize {
        match self.load.scenario {
            Scenario::Idle if rounds > MOST_ROUNDS_IDLE => MOST_ROUNDS_IDLE,
            _ => rounds,
        }
    }
}

const MOST_CONNECTIONS_SAMPLED: usize = 1000;
/// In which memory is measured.
const MOST_ROUNDS_IDLE: usize = 9;

/// What a server has to do for a scenario.
pub(crate) const fn mode(scenario: Scenario) -> Mode {
    match scenario {
        Scenario::Echo | Scenario::Connect => Mode::Echo,
        Scenario::Broadcast => Mode::Broadcast,
        Scenario::Idle => Mode::Idle,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_and_a_title_of_its_own() {
        let cases = Case::all();
        let names: HashSet<_> = cases.iter().map(|case| case.name).collect();
        let titles: HashSet<_> = cases.iter().map(|case| case.load.to_string()).collect();
        assert_eq!((names.len(), titles.len()), (cases.len(), cases.len()));
    }

    #[test]
    fn goals_are_met_up_to_the_figure_itself() {
        assert!(Goal::Ratio(1.05).is_met(0.0, 1.05, 0.0));
        assert!(Goal::Ratio(1.05).is_met(0.0, 1.054, 0.0));
        assert!(!Goal::Ratio(1.05).is_met(0.0, 1.056, 0.0));
        assert!(Goal::BytesMore(1536.0).is_met(2536.0, 9.0, 1000.0));
        assert!(!Goal::BytesMore(1536.0).is_met(2537.0, 1.0, 1000.0));
    }
}
