//! What the driver needs of a protocol on a stream: one implementation for each.

use std::{
    io,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::time::Instant;
use ws76_codec::{ShortFrame, ShortText, Text};

use crate::{CloseStatus, ConnectionError, outbox::Outbox};

/// Where a short text is put that is at the end of what was read.
pub(crate) type Padding = [u8; ShortText::MAX_FRAME_LEN];

/// A protocol, established on a stream.
pub(crate) trait Wire: Unpin + Send {
    /// Whether the write side is shut down right behind our closing frame, or only when the
    /// client has answered it.
    const SHUTS_DOWN_EARLY: bool;

    /// Whether the protocol has a ping, which every client answers.
    const PINGS: bool = false;

    /// The text that comes next, if it is read already. None says nothing; an error is told by
    /// [`Self::next_read`].
    #[inline]
    fn next_text(&mut self) -> Option<Text> {
        None
    }

    /// As [`Self::next_text`], of what is short and is not to be moved before it has a place; and whether
    /// there is more behind it ([`Self::has_more`]). It may be put into `padding`.
    #[inline(always)]
    fn next_short_text<'a>(
        &'a mut self,
        _padding: &'a mut Padding,
    ) -> Option<(ShortFrame<'a>, bool)> {
        None
    }

    /// What comes next, as far as it is read already and that is known.
    fn next_read(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        Ok(None)
    }

    /// Whether more was read than what came already, as far as that is known.
    fn has_more(&self) -> bool {
        true
    }

    /// Reads bytes, where nothing is to be done but that: what they hold is told by
    /// [`Self::next_text`] and [`Self::next_read`].
    #[inline]
    fn poll_read(&mut self, _: &mut Context<'_>) -> Poll<Result<Read, ConnectionError>> {
        Poll::Ready(Ok(Read::Other))
    }

    /// Reads what comes next. After `Closing`, `End` or an error there is nothing more.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ConnectionError>>;

    /// The task is going to sleep: lets go of what it does not need until it is woken.
    fn rest(&mut self) {}

    /// Writes all that is queued, until the kernel has it.
    fn poll_flush(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>>;

    /// Queues a ping, where the protocol has one.
    fn ping(&mut self) {}

    /// Queues the closing frame. Called once, when the outbox was flushed and takes no more.
    fn start_closing(&mut self, outbox: &mut Outbox, code: CloseCode);

    /// Shuts the write side down.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>>;

    /// Reads and discards until the client closes TCP.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// When a byte was last read.
    fn read_at(&self) -> Instant;

    /// The count of bytes read since this was last asked.
    fn take_read_len(&mut self) -> u64;
}

/// What a read has brought.
#[derive(Debug)]
pub(crate) enum Read {
    Bytes,
    /// The end of the stream.
    End,
    /// Not known yet: [`Wire::poll_next`] tells.
    Other,
}

/// What came from the client.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Text),
    /// A binary message, of a protocol that has them.
    #[cfg_attr(
        not(feature = "rfc6455"),
        expect(dead_code, reason = "draft-76 has none")
    )]
    Binary(Bytes),
    /// A closing frame, with what it says where the protocol has words for it.
    Closing(Option<CloseStatus>),
    /// The end of the stream, without a closing frame.
    End,
}

/// Why the server sends a closing frame. RFC 6455 has a number for each (§7.4.1); draft-76 has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseCode {
    Normal,
    GoingAway,
    Error(ConnectionError),
    HandlerPanic,
}
