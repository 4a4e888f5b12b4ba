//! What was read and not decoded yet. The memory that is read into belongs to the thread; a
//! connection that sleeps holds what it has of that in memory of its own, unless it is much: the
//! beginning of a frame, or what comes behind the message that its handler is at.
//!
//! ```text
//!   shared ─────────────────────────────┐ bytes ────────────┐
//!   │ taken │ frame │ frame │ … │ frame │ beginning of next │ room …
//! ```
//!
//! What is `shared` ends where the last whole frame seems to, with a 0xFF: texts are views on it, so that
//! frames one behind the other stay in one piece. It is empty while all texts are short, which are
//! copied.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use memchr::memrchr;
use tokio::{io::AsyncRead, time::Instant};
use tokio_util::io::poll_read_buf;

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// Empty, with room to read into, for the connections that read next on a thread.
#[derive(Debug, Default)]
struct Spare {
    /// Without room when it is lent: it changes places with what has none.
    next: BytesMut,
    more: Vec<BytesMut>,
}

/// Bytes from a stream, at whose front the decoder works.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    /// What comes first, if it is shared with those who hold parts of it.
    shared: Bytes,
    bytes: BytesMut,
    /// How many were taken from the front of the first that is not empty: they are removed together.
    taken: usize,
    /// Whether what was read may be shared: not if it was sought for the end of a frame in vain, or
    /// taken back.
    may_share: bool,
    /// Whether `bytes` are in memory that came from the thread and goes back to one.
    is_lent: bool,
    read_at: Instant,
    read_len: u64,
}

impl ReadBuffer {
    /// A buffer that begins with these.
    pub(crate) fn new(bytes: BytesMut) -> Self {
        Self {
            shared: Bytes::new(),
            bytes,
            taken: 0,
            may_share: true,
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
        if !self.shared.is_empty() {
            self.part();
        }
        let taken = std::mem::take(&mut self.taken);
        if taken == self.bytes.len() {
            // The same place is read into again, which is in the processor's cache.
            self.bytes.clear();
        } else if taken > 0 {
            self.bytes.advance(taken);
        }
        &mut self.bytes
    }

    /// The same, where what is taken is told (`take`) and nothing is shared.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Takes what `find` finds at the front of what is not shared: that, and its length. Returns it, and
    /// whether there is more behind it.
    #[inline(always)]
    pub(crate) fn take_with<'a, T>(
        &'a mut self,
        find: impl FnOnce(&'a [u8]) -> Option<(T, usize)>,
    ) -> Option<(T, bool)> {
        let (found, len) = find(self.bytes.get(self.taken..)?)?;
        self.taken += len;
        Some((found, self.taken < self.bytes.len()))
    }

    /// Takes so many bytes from the front.
    #[cfg(feature = "rfc6455")]
    #[inline]
    pub(crate) const fn take(&mut self, count: usize) {
        self.taken += count;
    }

    /// Whether what comes next is [`Self::shared`].
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        !self.shared.is_empty()
    }

    /// What comes next, for others to hold parts of, and how much of it was taken.
    pub(crate) const fn shared(&self) -> (&Bytes, usize) {
        (&self.shared, self.taken)
    }

    /// Takes so many bytes from the front, which is shared.
    pub(crate) fn take_shared(&mut self, count: usize) {
        self.taken += count;
        if self.taken == self.shared.len() {
            self.shared = Bytes::new();
            self.taken = 0;
        }
    }

    /// Shares what was read if that begins with a text frame: to the last 0xFF, if that is near the end.
    /// Returns whether.
    pub(crate) fn share(&mut self) -> bool {
        let unread = self.as_slice();
        if !self.may_share || unread.first() != Some(&TEXT) {
            return false;
        }
        // Most reads end with a frame.
        let len = match unread.last() {
            Some(&TERMINATOR) => unread.len(),
            _ => whole_frames_len(unread),
        };
        if len == 0 {
            self.may_share = false;
            return false;
        }
        self.bytes.advance(std::mem::take(&mut self.taken));
        self.shared = self.bytes.split_to(len).freeze();
        true
    }

    /// Takes back what is shared, to memory of its own; no more of what was read is shared.
    #[cold]
    fn part(&mut self) {
        let shared = std::mem::take(&mut self.shared);
        let rest = shared.get(self.taken..).unwrap_or_default();
        let mut own = BytesMut::with_capacity(rest.len() + self.bytes.len());
        own.extend_from_slice(rest);
        own.extend_from_slice(&self.bytes);
        self.taken = 0;
        self.bytes.clear();
        if self.is_lent {
            self.give_back();
        }
        self.bytes = own;
        self.may_share = false;
    }

    /// Whether this has memory of the thread: it was read into since this was last at rest.
    #[inline]
    pub(crate) const fn is_lent(&self) -> bool {
        self.is_lent
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len() && self.shared.is_empty()
    }

    /// Reads what comes next, at most [`MAX_READ_LEN`] bytes; 0 at the end of the stream.
    // Always, as all that a turn does to read: the ways that it seldom takes are functions.
    #[inline(always)]
    pub(crate) fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        io: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.bytes().is_empty() && !self.is_lent {
            self.borrow();
        }
        if !self.bytes.is_empty() || self.bytes.capacity() < CHUNK_LEN {
            self.make_room();
        }
        let mut room = (&mut self.bytes).limit(MAX_READ_LEN);
        let count = ready!(poll_read_buf(Pin::new(io), cx, &mut room))?;
        if count > 0 {
            self.may_share = true;
            self.read_len += count as u64;
            self.read_at = Instant::now();
        }
        Poll::Ready(Ok(count))
    }

    /// Takes memory of the thread, if it has some, for the bytes that are not there.
    fn borrow(&mut self) {
        if self.bytes.capacity() > 0 {
            // Its own, which is none of the thread's.
            self.bytes = BytesMut::new();
        }
        self.is_lent = true;
        // Not while the thread ends.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().lend(&mut self.bytes));
    }

    #[inline(never)]
    fn make_room(&mut self) {
        if !self.is_lent {
            self.bytes.reserve(MIN_READ_LEN);
            return;
        }
        // From the front, if nobody holds on to what was read.
        if self.bytes.is_empty() && self.bytes.try_reclaim(CHUNK_LEN) {
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
        self.shared = Bytes::new();
        self.taken = 0;
        self.bytes.clear();
    }

    /// The connection is going to sleep: lets go of the thread's memory.
    #[inline]
    pub(crate) fn rest(&mut self) {
        if self.is_shared() && self.keeps_shared() {
            return;
        }
        let len = self.bytes().len();
        if self.is_lent && len == 0 {
            self.give_back();
        } else {
            self.rest_with(len);
        }
    }

    /// Whether what is shared stays as it is while the connection sleeps.
    #[cold]
    fn keeps_shared(&self) -> bool {
        !self.is_lent || self.shared.len() - self.taken + self.bytes.len() >= MIN_KEPT_LEN
    }

    #[inline(never)]
    fn rest_with(&mut self, len: usize) {
        if self.is_lent && len < MIN_KEPT_LEN {
            let own = BytesMut::from(&*self.bytes);
            self.bytes.clear();
            self.give_back();
            self.bytes = own;
        } else if len == 0 {
            self.bytes = BytesMut::new();
        }
    }

    /// Gives the thread's memory back, in which there is nothing.
    fn give_back(&mut self) {
        self.is_lent = false;
        // Not while the thread ends.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().take_back(&mut self.bytes));
    }
}

impl Spare {
    #[inline]
    fn lend(&mut self, bytes: &mut BytesMut) {
        std::mem::swap(bytes, &mut self.next);
        if bytes.capacity() == 0 {
            self.lend_other(bytes);
        }
    }

    #[cold]
    fn lend_other(&mut self, bytes: &mut BytesMut) {
        *bytes = self.more.pop().unwrap_or_default();
    }

    #[inline]
    fn take_back(&mut self, bytes: &mut BytesMut) {
        let is_fit = (MIN_READ_LEN..=CHUNK_LEN).contains(&bytes.capacity());
        if is_fit && self.next.capacity() == 0 {
            std::mem::swap(bytes, &mut self.next);
        } else {
            self.take_other_back(std::mem::take(bytes), is_fit);
        }
    }

    #[cold]
    fn take_other_back(&mut self, bytes: BytesMut, is_fit: bool) {
        if is_fit && self.more.len() < MAX_SPARE - 1 {
            self.more.push(bytes);
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.clear();
        self.rest();
    }
}

/// How many bytes there are to the last 0xFF, if that is near the end; 0 if not.
#[inline(never)]
fn whole_frames_len(unread: &[u8]) -> usize {
    let from = unread.len().saturating_sub(MAX_SOUGHT);
    let end = memrchr(TERMINATOR, unread.get(from..).unwrap_or_default());
    end.map_or(0, |end| from + end + 1)
}

/// The first byte of a text frame.
const TEXT: u8 = 0x00;
/// The last byte of a text frame.
const TERMINATOR: u8 = 0xff;
/// So far from the end of what was read the last whole frame is sought.
const MAX_SOUGHT: usize = 4 << 10;
/// The least to make room for before a read.
const MIN_READ_LEN: usize = 4 << 10;
/// The most that is read at once.
const MAX_READ_LEN: usize = 128 << 10;
/// What a thread reads into.
const CHUNK_LEN: usize = 256 << 10;
/// How many of these a thread keeps. It has more than one only when connections slept with much that was
/// read, and to get them from the kernel each time would cost more than to read into them.
const MAX_SPARE: usize = 16;
/// What was read and not taken for which a connection that sleeps keeps what it was lent: a copy of it
/// would cost more than it saves.
const MIN_KEPT_LEN: usize = 32 << 10;

#[cfg(test)]
mod tests;
