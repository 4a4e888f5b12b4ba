//! Messages of RFC 6455, framed as they are queued.

use bytes::Bytes;

use super::{Entry, Queue};
use crate::rfc6455::{self, Content, Head};

impl Queue {
    /// Copies an RFC 6455 message behind all others.
    #[inline]
    pub(in crate::outbox) fn copy_message(&mut self, content: Content, bytes: &[u8]) {
        self.push_inline(rfc6455::frame_len(bytes.len()), |dst| {
            rfc6455::write_head(content, bytes.len(), dst);
            dst.extend_from_slice(bytes);
        });
    }

    /// Puts an RFC 6455 message behind all others.
    pub(in crate::outbox) fn push_message(&mut self, content: Content, bytes: Bytes) {
        self.push(Entry::Message(Head::new(content, bytes.len()), bytes));
    }

    /// The same, of what keeps a buffer alive that others read into.
    pub(in crate::outbox) fn push_lent_message(&mut self, content: Content, bytes: Bytes) {
        self.push(Entry::LentMessage(Head::new(content, bytes.len()), bytes));
    }
}
