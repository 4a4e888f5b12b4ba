//! What was read and not decoded yet. The memory that is read into belongs to the thread; a
//! connection that sleeps holds no more of it than the beginning of a frame, in memory of its own.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, BytesMut};
use tokio::{io::AsyncRead, time::Instant};
use tokio_util::io::poll_read_buf;

thread_local! {
    /// What this thread reads into.
    static CHUNK: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// Bytes from a stream, at whose front the decoder works.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    /// Whether `bytes` are in memory of this connection alone.
    is_own: bool,
    read_at: Instant,
    read_len: u64,
}

impl ReadBuffer {
    /// A buffer that begins with these.
    pub(crate) fn new(bytes: BytesMut) -> Self {
        Self {
            bytes,
            is_own: false,
            read_at: Instant::now(),
            read_len: 0,
        }
    }

    /// When a byte was last read.
    pub(crate) const fn read_at(&self) -> Instant {
        self.read_at
    }

    /// The count of bytes read.
    pub(crate) const fn read_len(&self) -> u64 {
        self.read_len
    }

    pub(crate) const fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Reads what comes next, at most [`MAX_READ_LEN`] bytes; 0 at the end of the stream.
    pub(crate) fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        io: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_read_into(Pin::new(io), cx))?;
        if count > 0 {
            self.read_len += count as u64;
            self.read_at = Instant::now();
        }
        Poll::Ready(Ok(count))
    }

    fn poll_read_into<R: AsyncRead>(
        &mut self,
        io: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.bytes.is_empty() {
            // Memory of the thread that is not held on to is used again.
            self.clear();
        }
        if self.is_own {
            self.bytes.reserve(MIN_READ_LEN);
            return poll_read_buf(io, cx, &mut (&mut self.bytes).limit(MAX_READ_LEN));
        }
        // Taken out: what the stream does in its turn may come here too.
        let mut chunk = CHUNK.take();
        if !chunk.try_reclaim(CHUNK_LEN) && chunk.capacity() < MIN_READ_LEN {
            chunk = BytesMut::with_capacity(CHUNK_LEN);
        }
        let read = poll_read_buf(io, cx, &mut (&mut chunk).limit(MAX_READ_LEN));
        if let Poll::Ready(Ok(_)) = read {
            // No copy as long as nobody else has read in between.
            self.bytes.unsplit(chunk.split());
        }
        CHUNK.set(chunk);
        read
    }

    /// Forgets what was read.
    pub(crate) fn clear(&mut self) {
        self.bytes = BytesMut::new();
        self.is_own = false;
    }

    /// The connection is going to sleep: lets go of the thread's memory.
    pub(crate) fn rest(&mut self) {
        if self.bytes.is_empty() {
            self.clear();
        } else if !self.is_own {
            self.bytes = BytesMut::from(&*self.bytes);
            self.is_own = true;
        }
    }
}

/// The least to make room for before a read.
const MIN_READ_LEN: usize = 4 << 10;
/// The most that is read at once.
const MAX_READ_LEN: usize = 64 << 10;
/// What a thread reads into.
const CHUNK_LEN: usize = 128 << 10;
