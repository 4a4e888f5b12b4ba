//! Why a load test ends before its time, and with which exit code.

use std::{io, process::ExitCode, time::Duration};

use ws76_handshake::{ReplyError, ValueError};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("{0}")]
    Address(io::Error),
    #[error("no port: HOST:PORT is needed")]
    NoPort,
    #[error("a host that no request can name: {0}")]
    Host(ValueError),
    #[error("{needed} open files are needed, and the limit is {limit}: try `ulimit -n {needed}`")]
    FileLimit { needed: u64, limit: u64 },
    #[error("more than {max} bytes under way in one connection")]
    BurstTooLong { max: usize },
    #[error("no figures of process {pid}: {error}")]
    Process { pid: u32, error: io::Error },
    #[error("cannot connect: {0}")]
    Start(io::Error),
    #[error("a connection failed to open: {0}")]
    Connect(io::Error),
    #[error("a connection was not open after {0:?}")]
    OpeningTimeout(Duration),
    #[error("the opening handshake failed: {0}")]
    Handshake(#[from] ReplyError),
    #[error("the opening handshake failed: {0}")]
    Reply(&'static str),
    #[error("the server closed a connection")]
    Closed,
    #[error("the server sent a closing frame")]
    ClosingFrame,
    #[error("a connection was lost: {0}")]
    Lost(io::Error),
    #[error("byte {at} of a frame is {found:#04x}, not {expected:#04x}")]
    Differs { at: usize, expected: u8, found: u8 },
    #[error("{0} bytes came that nothing was sent for")]
    Extra(usize),
    #[error("something else than a closing frame came at the end")]
    AtTheEnd,
    #[error("a control frame that is none")]
    ControlFrame,
    #[error("nothing came for {0:?}, and something had to")]
    Stalled(Duration),
    #[error("interrupted, and there is nothing to report")]
    Interrupted,
    #[error("{0}")]
    Output(io::Error),
    #[error("the load generator itself failed: {0}")]
    Internal(io::Error),
}

impl LoadError {
    /// 2 where nothing was tried, because it could not even start; what a shell says where it was
    /// interrupted; else 1.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Interrupted => ExitCode::from(130),
            Self::Address(_)
            | Self::NoPort
            | Self::Host(_)
            | Self::BurstTooLong { .. }
            | Self::FileLimit { .. }
            | Self::Process { .. }
            | Self::Start(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
