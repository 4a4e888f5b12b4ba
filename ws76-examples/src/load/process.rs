//! What the system tells of a process: its CPU time and its memory. On Linux only.

use std::time::Duration;

use super::error::LoadError;

/// A process.
#[derive(Debug)]
pub(super) struct Process(system::Process);

impl Process {
    /// # Errors
    ///
    /// When there is no such process, or the system does not tell.
    pub(super) fn find(pid: u32) -> Result<Self, LoadError> {
        match system::find(pid) {
            Ok(process) => Ok(Self(process)),
            Err(error) => Err(LoadError::Process { pid, error }),
        }
    }

    /// This one.
    pub(super) fn own() -> Option<Self> {
        system::find(std::process::id()).ok().map(Self)
    }

    /// The CPU time of all its threads.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        system::cpu_time(&self.0)
    }

    /// Bytes of memory that are resident.
    pub(super) fn memory(&self) -> Option<u64> {
        system::memory(&self.0)
    }
}

/// How many files this process may have open.
pub(super) fn file_limit() -> Option<u64> {
    system::file_limit()
}

#[cfg(target_os = "linux")]
mod system {
    use std::{io, time::Duration};

    use procfs::process::LimitValue;
    pub(super) use procfs::process::Process;

    pub(super) fn find(pid: u32) -> io::Result<Process> {
        let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::NotFound)?;
        Process::new(pid).map_err(|error| match error {
            procfs::ProcError::NotFound(_) => io::Error::new(io::ErrorKind::NotFound, "not there"),
            error => io::Error::other(error),
        })
    }

    /// In nanoseconds where the scheduler tells, or else in its ticks.
    pub(super) fn cpu_time(process: &Process) -> Option<Duration> {
        let tasks = process.tasks().ok()?.flatten();
        // A thread may end meanwhile.
        let times = tasks.filter_map(|task| task.schedstat().ok());
        let nanos = times.map(|times| times.sum_exec_runtime).sum();
        if nanos > 0 {
            return Some(Duration::from_nanos(nanos));
        }
        let stat = process.stat().ok()?;
        let ticks = (stat.utime + stat.stime) as f64;
        Some(Duration::from_secs_f64(
            ticks / procfs::ticks_per_second() as f64,
        ))
    }

    pub(super) fn memory(process: &Process) -> Option<u64> {
        let rollup = process.smaps_rollup().ok();
        let rollup = rollup.and_then(|rollup| {
            let map = rollup.memory_map_rollup.0.into_iter().next()?;
            map.extension.map.get("Rss").copied()
        });
        rollup.or_else(|| Some(process.status().ok()?.vmrss? * 1024))
    }

    pub(super) fn file_limit() -> Option<u64> {
        match Process::myself()
            .ok()?
            .limits()
            .ok()?
            .max_open_files
            .soft_limit
        {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{io, time::Duration};

    #[derive(Debug)]
    pub(super) struct Process;

    pub(super) fn find(_: u32) -> io::Result<Process> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn cpu_time(_: &Process) -> Option<Duration> {
        None
    }

    pub(super) fn memory(_: &Process) -> Option<u64> {
        None
    }

    pub(super) fn file_limit() -> Option<u64> {
        None
    }
}
