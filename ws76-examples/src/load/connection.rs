//! One connection: it sends what it is given, and compares every byte that comes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    error::LoadError,
    rfc6455::Control,
    run::Run,
    traffic::{Protocol, Traffic},
};

/// A connection whose opening handshake is done.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Where in a round of messages the next byte will be.
    at: usize,
    control: Control,
    pongs: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            at: 0,
            control: Control::default(),
            pongs: Vec::new(),
        }
    }

    /// Writes as much of `bytes` as there is room for.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        run: &Run,
        bytes: &[u8],
    ) -> Poll<Result<usize, LoadError>> {
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        let sent = sent.map_err(LoadError::Lost)?;
        run.count_out(sent);
        Poll::Ready(Ok(sent))
    }

    /// Reads once, and compares what came with what has to come, of which there may be `allowed`
    /// bytes. Ready with their number, which is 0 if there was a ping only.
    pub(super) fn poll_check(
        &mut self,
        cx: &mut Context<'_>,
        run: &Run,
        allowed: usize,
    ) -> Poll<Result<usize, LoadError>> {
        let mut buffer = run.buffer.borrow_mut();
        let mut buffer = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)).map_err(LoadError::Lost)?;
        let came = buffer.filled();
        if came.is_empty() {
            return Poll::Ready(Err(LoadError::Closed));
        }
        run.count_in(came.len());
        Poll::Ready(self.check(&run.traffic, came, allowed))
    }

    /// As [`poll_check`](Self::poll_check), for bytes that were read.
    pub(super) fn check(
        &mut self,
        traffic: &Traffic,
        came: &[u8],
        allowed: usize,
    ) -> Result<usize, LoadError> {
        if came.len() <= allowed && !self.control.is_open() {
            match traffic.check(self.at, came) {
                Ok(at) => {
                    self.at = at;
                    return Ok(came.len());
                }
                Err(_) if traffic.protocol == Protocol::Rfc6455 => {}
                Err(error) => return Err(error),
            }
        }
        if traffic.protocol == Protocol::Rfc6455 {
            let sorted = self.control.sort(traffic, self.at, came)?;
            self.pongs.extend_from_slice(&sorted.pongs);
            self.at = sorted.at;
            return match sorted.len.checked_sub(allowed) {
                None | Some(0) => Ok(sorted.len),
                Some(extra) => Err(LoadError::Extra(extra)),
            };
        }
        let (wanted, extra) = came.split_at(allowed);
        let at = traffic.check(self.at, wanted)?;
        match extra {
            [first, ..] if traffic.begins_frame(at) && traffic.is_closing(*first) => {
                Err(LoadError::ClosingFrame)
            }
            _ => Err(LoadError::Extra(extra.len())),
        }
    }

    /// Answers pings. Only between two messages of one's own.
    pub(super) fn answer_pings(&mut self, run: &Run) -> Result<(), LoadError> {
        if self.pongs.is_empty() {
            return Ok(());
        }
        match self.stream.try_write(&self.pongs) {
            Ok(len) => {
                self.pongs.drain(..len);
                run.count_out(len);
                Ok(())
            }
            // The next time, then: all but the last ping may stay without an answer.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(LoadError::Lost(error)),
        }
    }

    /// Gives the stream back.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Ends it so that its port is free at once.
    pub(super) fn reset(self) {
        // If that fails, its port is free a little later.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
