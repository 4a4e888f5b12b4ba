//! How far the close of a connection has come, and who asked for it.

/// How far the close of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// What is queued goes out, then the closing frame.
    Closing(Asked),
    /// Nothing goes out any more.
    Dropped(Dropped),
}

/// Who asked for a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Local,
    Shutdown,
    /// The driver, because of the peer or an error.
    Driver,
}

/// Why nothing goes out any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    SlowReceiver,
    /// A shutdown took too long.
    Abort,
    /// The stream failed while the handler was called.
    Failed,
    /// The driver is done with the stream.
    Driver,
}
