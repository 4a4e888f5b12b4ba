//! What was read and not decoded yet. The memory that is read into belongs to the thread; a
//! connection that sleeps holds no more of it than the beginning of a frame, in memory of its own.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, BytesMut};
use tokio::{io::AsyncRead, time::Instant};
use tokio_util::io::poll_read_buf;

thread_local! {
    /// Empty, with room to read into, for the next connections that read on this thread.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Bytes from a stream, at whose front the decoder works.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    /// How many of them were taken, from the front: they are removed together.
    taken: usize,
    /// Whether `bytes` are in memory that came from the thread and goes back to one.
    is_lent: bool,
    read_at: Instant,
    read_len: u64,
}

impl ReadBuffer {
    /// A buffer that begins with these.
    pub(crate) fn new(bytes: BytesMut) -> Self {
        Self {
            bytes,
            taken: 0,
            is_lent: false,
            read_at: Instant::now(),
            read_len: 0,
        }
    }

    /// When a byte was last read.
    pub(crate) const fn read_at(&self) -> Instant {
        self.read_at
    }

    /// The count of bytes read since this was last asked.
    pub(crate) const fn take_read_len(&mut self) -> u64 {
        std::mem::replace(&mut self.read_len, 0)
    }

    /// What was read and not taken yet, for a decoder to take from.
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut BytesMut {
        if self.taken > 0 {
            self.remove_taken();
        }
        &mut self.bytes
    }

    fn remove_taken(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        if taken == self.bytes.len() {
            // The same place is read into again, which is in the processor's cache.
            self.bytes.clear();
        } else {
            self.bytes.advance(taken);
        }
    }

    /// The same, where what is taken is told to [`Self::take`].
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Takes so many bytes from the front.
    #[inline]
    pub(crate) const fn take(&mut self, count: usize) {
        self.taken += count;
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// Reads what comes next, at most [`MAX_READ_LEN`] bytes; 0 at the end of the stream.
    pub(crate) fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        io: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.bytes();
        if !self.is_lent && self.bytes.is_empty() {
            self.bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
            self.is_lent = true;
        }
        if self.is_lent {
            self.make_room();
        } else {
            self.bytes.reserve(MIN_READ_LEN);
        }
        let mut room = (&mut self.bytes).limit(MAX_READ_LEN);
        let count = ready!(poll_read_buf(Pin::new(io), cx, &mut room))?;
        if count > 0 {
            self.read_len += count as u64;
            self.read_at = Instant::now();
        }
        Poll::Ready(Ok(count))
    }

    fn make_room(&mut self) {
        // From the front, if nobody holds on to what was read.
        if self.bytes.is_empty()
            && (self.bytes.capacity() >= CHUNK_LEN || self.bytes.try_reclaim(CHUNK_LEN))
        {
            return;
        }
        let room = self.bytes.capacity() - self.bytes.len();
        if room < MAX_READ_LEN
            && !self.bytes.try_reclaim(MAX_READ_LEN)
            && (room < MIN_READ_LEN || self.bytes.is_empty())
        {
            let mut bytes = BytesMut::with_capacity(CHUNK_LEN.max(2 * self.bytes.len()));
            bytes.extend_from_slice(&self.bytes);
            self.bytes = bytes;
        }
    }

    /// Forgets what was read.
    pub(crate) fn clear(&mut self) {
        self.bytes().clear();
    }

    /// The connection is going to sleep: lets go of the thread's memory.
    pub(crate) fn rest(&mut self) {
        if self.is_lent && self.bytes().len() < MIN_KEPT_LEN {
            let own = match &*self.bytes {
                [] => BytesMut::new(),
                bytes => BytesMut::from(bytes),
            };
            let mut lent = std::mem::replace(&mut self.bytes, own);
            self.is_lent = false;
            lent.clear();
            if lent.capacity() >= MIN_READ_LEN && lent.capacity() <= CHUNK_LEN {
                // Not while the thread ends.
                let _ = SPARE.try_with(|spare| {
                    let mut spare = spare.borrow_mut();
                    if spare.len() < MAX_SPARE {
                        spare.push(lent);
                    }
                });
            }
        } else if !self.is_lent && self.is_empty() {
            self.bytes = BytesMut::new();
            self.taken = 0;
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.clear();
        self.rest();
    }
}

/// The least to make room for before a read.
const MIN_READ_LEN: usize = 4 << 10;
/// The most that is read at once.
const MAX_READ_LEN: usize = 64 << 10;
/// What a thread reads into.
const CHUNK_LEN: usize = 256 << 10;
/// How many of these a thread keeps. It has more than one only when connections slept inside of long
/// frames, and to get them from the kernel each time would cost more than to read into them.
const MAX_SPARE: usize = 16;
/// The beginning of a frame for which a connection that sleeps keeps what it was lent: a copy of it
/// would cost more than it saves.
const MIN_KEPT_LEN: usize = 32 << 10;

#[cfg(test)]
mod tests;
