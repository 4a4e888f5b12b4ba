//! The processes that are measured: on which core they run, and how many files they may open.

use std::{
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use clap::ValueEnum;
use rustix::{
    process::{Resource, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use crate::servers::{Mode, Server};

/// A core that a process is to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Core(usize);

impl Core {
    /// The first two cores that this process may use, for the server and for the load generator.
    pub(crate) fn two() -> io::Result<Option<(Self, Self)>> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Ok(match (cores.next(), cores.next()) {
            (Some(first), Some(second)) => Some((Self(first), Self(second))),
            _ => None,
        })
    }

    /// Starts a process that keeps to `core` from its first instruction on, with all its threads: it
    /// has that from this thread, which goes back to its own cores afterwards.
    pub(crate) fn spawn(core: Option<Self>, command: &mut Command) -> io::Result<Child> {
        let Some(Self(core)) = core else {
            return command.spawn();
        };
        let own = sched_getaffinity(None)?;
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(None, &only)?;
        let child = command.spawn();
        sched_setaffinity(None, &own)?;
        child
    }
}

/// A server in a process of its own, ended when dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    addr: String,
}

impl ServerProcess {
    pub(crate) fn start(
        server: Server,
        mode: Mode,
        threads: usize,
        core: Option<Core>,
    ) -> io::Result<Self> {
        let (server, mode) = (name(server), name(mode));
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", &server, "--mode", &mode])
            .args(["--threads", &threads.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Self {
            child: Core::spawn(core, &mut command)?,
            addr: String::new(),
        };
        if let Some(stdout) = process.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut process.addr)?;
        }
        process.addr.truncate(process.addr.trim_end().len());
        match process.addr.as_str() {
            "" => Err(io::Error::other(format!("{server} did not start"))),
            _ => Ok(process),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> &str {
        &self.addr
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a value is called on the command line.
fn name(value: impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Raises the limit on open files as far as it goes, for the processes started from now on, and
/// returns it; `None` is no limit.
pub(crate) fn raise_file_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What is not raised shows in what is returned.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Whether `connections` fit into the limit, with what each process has open besides.
pub(crate) fn fits(connections: usize, file_limit: Option<u64>) -> bool {
    let Some(limit) = file_limit else {
        return true;
    };
    let needed = u64::try_from(connections).unwrap_or(u64::MAX);
    needed.saturating_add(OTHER_FILES) <= limit
}

const OTHER_FILES: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_to_its_core_and_this_one_does_not() {
        let before = sched_getaffinity(None).unwrap();
        let first = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core));
        let first = Core(first.unwrap());
        let mut command = Command::new("cat");
        command.arg("/proc/self/status").stdout(Stdio::piped());
        let output = Core::spawn(Some(first), &mut command).unwrap();
        let status = String::from_utf8(output.wait_with_output().unwrap().stdout).unwrap();
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        assert_eq!(allowed.unwrap().trim(), first.0.to_string());
        assert!(sched_getaffinity(None).unwrap() == before);
    }

    #[test]
    fn connections_fit_up_to_the_limit_less_what_is_open_besides() {
        assert!(fits(19_000, Some(19_100)));
        assert!(!fits(19_001, Some(19_100)));
        assert!(fits(usize::MAX, None));
    }
}
