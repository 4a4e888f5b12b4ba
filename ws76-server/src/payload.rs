//! What can be sent as text without a copy being made first.

use std::{borrow::Cow, ops::Range, sync::Arc};

use bytes::Bytes;
use sealed::Utf8;
use ws76_codec::{EncodedFrame, Text, encode_text};

/// Text that can be sent: strings of all kinds, and [`Text`]. It is copied once, into the queue.
///
/// ```
/// use std::sync::Arc;
/// use ws76_server::{AsText, Connection, SendError};
///
/// fn greet(connection: &Connection, name: impl AsText) -> Result<(), SendError> {
///     connection.try_send("hello")?;
///     connection.try_send(name)
/// }
///
/// fn all(connection: &Connection, number: u32, shared: Arc<str>) -> Result<(), SendError> {
///     greet(connection, format!("guest {number}"))?;
///     greet(connection, shared)
/// }
/// ```
pub trait AsText: Utf8 {}

impl<T: Utf8 + ?Sized> AsText for T {}

/// Keeps the promise that the bytes are UTF-8 inside this crate.
pub(crate) mod sealed {
    use std::ops::Range;

    use bytes::Bytes;
    use ws76_codec::EncodedFrame;

    #[expect(
        unnameable_types,
        reason = "sealed: only the types below are proven to be UTF-8"
    )]
    pub trait Utf8: Send + Sync {
        /// Bytes that are UTF-8.
        fn utf8(&self) -> &[u8];
        /// The same bytes, where they are shared already.
        fn shared(&self) -> Option<Bytes> {
            None
        }
        /// The draft-76 frame of them, where there is one among bytes that are shared already.
        #[inline]
        fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
            None
        }
        /// Appends a draft-76 frame of them.
        fn encode_to_vec(&self, dst: &mut Vec<u8>);
        /// The same, if that is known to be short and takes no more memory. Returns the length of the frame.
        #[inline(always)]
        fn encode_short_to_vec(&self, _dst: &mut Vec<u8>) -> Option<usize> {
            None
        }
        /// A frame of them.
        fn frame(&self) -> EncodedFrame;
    }
}

impl Utf8 for str {
    #[inline]
    fn utf8(&self) -> &[u8] {
        self.as_bytes()
    }

    fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        encode_text(self, dst);
    }

    fn frame(&self) -> EncodedFrame {
        EncodedFrame::text(self)
    }
}

impl Utf8 for String {
    #[inline]
    fn utf8(&self) -> &[u8] {
        self.as_bytes()
    }

    fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        encode_text(self, dst);
    }

    fn frame(&self) -> EncodedFrame {
        EncodedFrame::text(self)
    }
}

impl Utf8 for Text {
    #[inline]
    fn utf8(&self) -> &[u8] {
        self.as_bytes()
    }

    fn shared(&self) -> Option<Bytes> {
        Some(self.clone().into_bytes())
    }

    #[inline]
    fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        Self::framed(self)
    }

    #[inline]
    fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        Self::encode_to_vec(self, dst);
    }

    #[inline(always)]
    fn encode_short_to_vec(&self, dst: &mut Vec<u8>) -> Option<usize> {
        Self::encode_short_to_vec(self, dst)
    }

    fn frame(&self) -> EncodedFrame {
        EncodedFrame::from(self)
    }
}

impl Utf8 for Cow<'_, str> {
    #[inline]
    fn utf8(&self) -> &[u8] {
        self.as_bytes()
    }

    fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        encode_text(self, dst);
    }

    fn frame(&self) -> EncodedFrame {
        EncodedFrame::text(self)
    }
}

impl<T: Utf8 + ?Sized> Utf8 for &T {
    #[inline]
    fn utf8(&self) -> &[u8] {
        T::utf8(self)
    }

    fn shared(&self) -> Option<Bytes> {
        T::shared(self)
    }

    #[inline]
    fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        T::framed(self)
    }

    #[inline]
    fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        T::encode_to_vec(self, dst);
    }

    #[inline(always)]
    fn encode_short_to_vec(&self, dst: &mut Vec<u8>) -> Option<usize> {
        T::encode_short_to_vec(self, dst)
    }

    fn frame(&self) -> EncodedFrame {
        T::frame(self)
    }
}

impl<T: Utf8 + ?Sized> Utf8 for Arc<T> {
    #[inline]
    fn utf8(&self) -> &[u8] {
        T::utf8(self)
    }

    fn shared(&self) -> Option<Bytes> {
        T::shared(self)
    }

    #[inline]
    fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        T::framed(self)
    }

    #[inline]
    fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        T::encode_to_vec(self, dst);
    }

    #[inline(always)]
    fn encode_short_to_vec(&self, dst: &mut Vec<u8>) -> Option<usize> {
        T::encode_short_to_vec(self, dst)
    }

    fn frame(&self) -> EncodedFrame {
        T::frame(self)
    }
}
