//! What a run leaves behind, as JSON: every figure of every round.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{cases::Goal, machine::Machine, statistics::Summary};

/// The comparison.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) cases: Vec<CaseResults>,
}

/// What happens as connections become more.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) points: Vec<Point>,
}

/// How it was measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// The server had a core of its own.
    pub(crate) pinned: bool,
}

/// A row of the table.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CaseResults {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) goal: Goal,
    /// Bare TCP first.
    pub(crate) entries: Vec<EntryResults>,
}

/// Connections, threads and a scenario of the growth.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) scenario: String,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    /// Bare TCP first.
    pub(crate) entries: Vec<EntryResults>,
}

/// The figures of one server, a round each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryResults {
    pub(crate) name: String,
    pub(crate) label: String,
    /// Microseconds of CPU for a message, or bytes for an idle connection.
    pub(crate) figures: Vec<f64>,
    /// Microseconds of that in user space, where they were sampled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) user_times: Vec<f64>,
    /// Each beside bare TCP's of the same round.
    pub(crate) ratios: Vec<f64>,
    /// Rounds in which the load generator had no time left.
    pub(crate) load_was_busy: usize,
}

impl CaseResults {
    pub(crate) fn entry(&self, name: &str) -> Option<&EntryResults> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The median of a server beside that of bare TCP.
    pub(crate) fn ratio(&self, entry: &EntryResults) -> f64 {
        entry.figure().median / self.bare()
    }

    /// As [`Self::ratio`], if the kernel took for the server what it takes for bare TCP.
    pub(crate) fn user_time_ratio(&self, entry: &EntryResults) -> f64 {
        1.0 + (entry.user_time().median - self.bare_user_time()) / self.bare()
    }

    /// The median of bare TCP.
    pub(crate) fn bare(&self) -> f64 {
        let bare = self.entries.first();
        bare.map_or(0.0, |bare| bare.figure().median)
    }

    /// The median of bare TCP in user space.
    pub(crate) fn bare_user_time(&self) -> f64 {
        let bare = self.entries.first();
        bare.map_or(0.0, |bare| bare.user_time().median)
    }
}

impl EntryResults {
    pub(crate) fn figure(&self) -> Summary {
        Summary::of(&self.figures)
    }

    pub(crate) fn user_time(&self) -> Summary {
        Summary::of(&self.user_times)
    }

    /// Round by round.
    pub(crate) fn ratios(&self) -> Summary {
        Summary::of(&self.ratios)
    }
}

/// Reads results.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let read = || -> io::Result<T> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    read().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Writes results, and the folder that they are in.
pub(crate) fn write(path: &Path, results: &impl Serialize) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut json = serde_json::to_vec_pretty(results)?;
    json.push(b'\n');
    fs::write(path, json)
}
