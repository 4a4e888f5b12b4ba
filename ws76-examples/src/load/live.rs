//! What a person at a terminal sees while the test runs: one line on standard error.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use super::run::Run;

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Opening,
    Settling,
    WarmUp,
    Window,
    Draining,
    Quiet,
}

impl Phase {
    /// Whether something has to come all the time.
    pub(super) fn moves(self) -> bool {
        matches!(self, Self::WarmUp | Self::Window | Self::Draining)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Settling => "settling",
            Self::WarmUp => "warming up",
            Self::Window => "measuring",
            Self::Draining => "draining",
            Self::Quiet => "seeing that nothing more comes",
        }
    }
}

/// The line, if there is a terminal for it.
#[derive(Debug)]
pub(super) struct Live {
    is_terminal: bool,
    shown: Instant,
    messages: u64,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            shown: Instant::now(),
            messages: 0,
        }
    }

    /// Shows how far it is, now and then.
    pub(super) fn show(&mut self, phase: Phase, run: &Run) {
        let since = self.shown.elapsed();
        if !self.is_terminal || since < INTERVAL {
            return;
        }
        let messages = run.counts().messages;
        let rate = (messages - self.messages) as f64 / since.as_secs_f64();
        eprint!(
            "{CLEAR_LINE}{}: {} opened, {rate:.0} messages a second, median {:.0?}",
            phase.name(),
            run.opened.get(),
            run.median(),
        );
        self.shown = Instant::now();
        self.messages = messages;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.is_terminal {
            eprint!("{CLEAR_LINE}");
        }
    }
}

const INTERVAL: Duration = Duration::from_millis(250);
const CLEAR_LINE: &str = "\r\x1b[K";
