//! Whose memory it is that bytes are read into.

use std::task::Waker;

use ws76_codec::{Decoder, DecoderConfig, Frame};

use super::*;

/// A stream that brings this, once.
struct Brings<'a>(Option<&'a [u8]>);

impl AsyncRead for Brings<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(piece) = self.0.take() else {
            return Poll::Pending;
        };
        buf.put_slice(piece);
        Poll::Ready(Ok(()))
    }
}

/// Reads once.
fn read(buffer: &mut ReadBuffer, piece: &[u8]) -> usize {
    let mut cx = Context::from_waker(Waker::noop());
    match buffer.poll_read(&mut Brings(Some(piece)), &mut cx) {
        Poll::Ready(Ok(count)) => count,
        other => panic!("{other:?}"),
    }
}

/// Room in the memory of this thread, which stays there.
fn spare() -> usize {
    SPARE.with_borrow(|spare| {
        let all = || spare.more.iter().chain([&spare.next]);
        assert!(all().all(BytesMut::is_empty));
        all().map(BytesMut::capacity).sum()
    })
}

#[test]
fn connection_that_sleeps_holds_no_memory_of_the_thread() {
    // P11: it has none of its own either, as there is nothing to keep.
    let mut buffer = ReadBuffer::new(BytesMut::new());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(buffer.poll_read(&mut Brings(None), &mut cx).is_pending());
    assert_eq!(spare(), 0, "lent");
    buffer.rest();
    assert_eq!((buffer.bytes.capacity(), spare()), (0, CHUNK_LEN));
    assert_eq!(read(&mut buffer, b"\x00a\xff"), 3);
    buffer.bytes().clear();
    buffer.rest();
    assert_eq!(buffer.bytes.capacity(), 0);
    assert!(spare() >= MIN_READ_LEN);
}

#[test]
fn beginning_of_a_frame_is_kept_in_as_much_memory_as_it_takes() {
    // P11, T12: other connections read into the thread's memory meanwhile.
    let mut decoder = Decoder::new(DecoderConfig::default());
    let (mut one, mut other) = (
        ReadBuffer::new(BytesMut::new()),
        ReadBuffer::new(BytesMut::new()),
    );
    read(&mut one, b"\x00hel");
    assert_eq!(decoder.decode(one.bytes()), Ok(None));
    one.rest();
    assert!(one.bytes.capacity() < 64, "{}", one.bytes.capacity());
    read(&mut other, b"\x00other\xff");
    other.clear();
    other.rest();
    read(&mut one, b"lo\xff\x00nex");
    let Ok(Some(Frame::Text(text))) = decoder.decode(one.bytes()) else {
        panic!("no text");
    };
    assert_eq!(text.as_str(), "hello");
    one.rest();
    read(&mut one, b"t\xff");
    // What a message was is not read over.
    assert!(
        matches!(decoder.decode(one.bytes()), Ok(Some(Frame::Text(next))) if next.as_str() == "next")
    );
    assert_eq!(text.as_str(), "hello");
    assert!(one.is_empty());
}

#[test]
fn message_of_a_mebibyte_in_pieces_comes_out_whole() {
    // T2, T8: and it is moved seldom, though the connection sleeps behind each piece.
    let mut decoder = Decoder::new(DecoderConfig::default());
    let mut buffer = ReadBuffer::new(BytesMut::new());
    let text = "0123456789abcdef".repeat(1 << 16);
    let frame = [b"\x00", text.as_bytes(), b"\xff"].concat();
    let (mut moves, mut at) = (0, std::ptr::null());
    for piece in frame.chunks(1000) {
        assert_eq!(decoder.decode(buffer.bytes()), Ok(None));
        buffer.rest();
        assert_eq!(read(&mut buffer, piece), piece.len());
        let now = buffer.bytes.as_ptr();
        moves += usize::from(now != std::mem::replace(&mut at, now));
    }
    assert!(moves < 30, "{moves} moves");
    assert_eq!(buffer.take_read_len(), frame.len() as u64);
    match decoder.decode(buffer.bytes()) {
        Ok(Some(Frame::Text(got))) => assert!(got.as_str() == text),
        other => panic!("{other:?}"),
    }
    buffer.rest();
    assert_eq!(buffer.bytes.capacity(), 0);
}

#[test]
fn memory_of_long_frames_is_used_again_and_does_not_pile_up() {
    // P11, T8: all sleep inside of a frame at once, and then again.
    let whole = [&b"\x00"[..], &[b'a'; MIN_KEPT_LEN], b"\xff"].concat();
    let (beginning, end) = whole.split_at(MIN_KEPT_LEN);
    let mut buffers: Vec<_> = (0..2 * MAX_SPARE)
        .map(|_| ReadBuffer::new(BytesMut::new()))
        .collect();
    let mut turn = || {
        for buffer in &mut buffers {
            read(buffer, beginning);
            buffer.rest();
        }
        assert_eq!(spare(), 0, "lent");
        let held: Vec<_> = buffers.iter().map(|buffer| buffer.bytes.as_ptr()).collect();
        for buffer in &mut buffers {
            read(buffer, end);
            buffer.clear();
            buffer.rest();
        }
        assert_eq!(spare(), MAX_SPARE * CHUNK_LEN);
        held
    };
    let (first, second) = (turn(), turn());
    let again = second.iter().filter(|memory| first.contains(memory));
    assert!(again.count() >= MAX_SPARE);
}

#[test]
fn memory_of_a_connection_is_not_lent_to_others() {
    // P11: what its request was read into.
    let mut buffer = ReadBuffer::new(BytesMut::with_capacity(100));
    read(&mut buffer, b"\x00a\xff");
    assert_eq!((buffer.bytes.capacity(), spare()), (CHUNK_LEN, 0));
    buffer.clear();
    buffer.rest();
    assert_eq!((buffer.bytes.capacity(), spare()), (0, CHUNK_LEN));
}

#[test]
fn buffer_is_given_back_when_its_connection_is_dropped() {
    let mut buffer = ReadBuffer::new(BytesMut::new());
    read(&mut buffer, b"\x00partly");
    assert_eq!(spare(), 0, "lent");
    drop(buffer);
    assert!(spare() >= MIN_READ_LEN);
}

/// A frame of this many bytes of text.
fn frame(byte: u8, len: usize) -> Vec<u8> {
    [&b"\x00"[..], &vec![byte; len], b"\xff"].concat()
}

#[test]
fn whole_frames_are_shared_where_they_were_read() {
    let bytes = [
        frame(b'a', 100),
        frame(b'b', 200),
        b"\x00beginning".to_vec(),
    ]
    .concat();
    let mut buffer = ReadBuffer::new(BytesMut::new());
    read(&mut buffer, &[&b"\x00short\xff"[..], &bytes].concat());
    let short = buffer.take_with(|unread| Some((unread.get(..7)?, 7)));
    assert_eq!(short, Some((&b"\x00short\xff"[..], true)));
    assert!(buffer.take_with(|_| None::<((), usize)>).is_none());
    let at = buffer.as_slice().as_ptr();
    assert!(!buffer.is_shared() && buffer.share() && buffer.is_shared());
    let (shared, taken) = buffer.shared();
    assert_eq!((&shared[..], taken), (&bytes[..304], 0));
    assert_eq!(shared.as_ptr(), at, "moved");
    let held = shared.clone();
    buffer.take_shared(102);
    assert_eq!(buffer.shared(), (&held, 102));
    assert!(!buffer.is_empty());
    buffer.take_shared(202);
    assert!(!buffer.is_shared());
    assert_eq!(buffer.as_slice(), b"\x00beginning");
    // What is held is not read over.
    read(&mut buffer, b" and end\xff");
    assert_eq!(buffer.as_slice(), b"\x00beginning and end\xff");
    assert_eq!(held, bytes[..304]);
}

#[test]
fn nothing_is_shared_but_texts_that_end_near() {
    let far = [frame(b'a', 100), vec![0; MAX_SOUGHT]].concat();
    let near = [frame(b'a', 100), vec![0; MAX_SOUGHT - 1]].concat();
    for (bytes, is_shared) in [
        (&b""[..], false),
        (b"\x00no end", false),
        (b"\xff\x00", false),
        (b"\x80\x01\xff", false),
        (&far, false),
        (&near, true),
    ] {
        let mut buffer = ReadBuffer::new(BytesMut::from(bytes));
        assert_eq!(buffer.share(), is_shared, "{} bytes", bytes.len());
        assert_eq!(buffer.bytes(), bytes);
    }
}

#[test]
fn what_is_shared_is_taken_back_once_for_each_read() {
    // P11: for whatever is no text; the thread has its memory then.
    let bytes = [frame(b'a', 100), frame(b'b', 200), b"\x00beginn".to_vec()].concat();
    let mut buffer = ReadBuffer::new(BytesMut::new());
    read(&mut buffer, &bytes);
    assert!(buffer.share());
    buffer.take_shared(102);
    assert_eq!(buffer.bytes(), &bytes[102..]);
    assert!(!buffer.is_lent() && spare() >= MIN_READ_LEN);
    assert!(!buffer.share(), "taken back");
    read(&mut buffer, b"ing");
    assert!(buffer.share(), "read since");
    assert_eq!(buffer.shared(), (&Bytes::from(frame(b'b', 200)), 0));
    assert_eq!(buffer.bytes(), &[&bytes[102..], b"ing"].concat());
}

#[test]
fn connection_that_sleeps_with_shared_bytes_holds_no_memory_of_the_thread() {
    // P11: its handler is called, and waits.
    let bytes = [frame(b'a', 100), frame(b'b', 200)].concat();
    let mut buffer = ReadBuffer::new(BytesMut::new());
    read(&mut buffer, &bytes);
    assert!(buffer.share());
    buffer.take_shared(102);
    assert_eq!(spare(), 0, "lent");
    buffer.rest();
    assert!(spare() >= MIN_READ_LEN);
    assert!(buffer.bytes.capacity() <= 202);
    assert_eq!(buffer.as_slice(), frame(b'b', 200));
}

#[test]
fn connection_that_sleeps_with_many_shared_bytes_keeps_them_as_they_are() {
    // T8: a copy for each message that its handler waits for would cost more than it saves.
    let bytes = [frame(b'a', 100), frame(b'b', MIN_KEPT_LEN - 2)].concat();
    let mut buffer = ReadBuffer::new(BytesMut::new());
    read(&mut buffer, &bytes);
    assert!(buffer.share());
    buffer.take_shared(102);
    let at = buffer.shared().0.as_ptr();
    buffer.rest();
    assert_eq!((buffer.shared().0.as_ptr(), buffer.shared().1), (at, 102));
    assert_eq!(spare(), 0, "lent");
    // Nor is what has memory of its own copied again.
    let mut buffer = ReadBuffer::new(BytesMut::from(&bytes[..]));
    assert!(buffer.share());
    let at = buffer.shared().0.as_ptr();
    buffer.rest();
    assert_eq!(buffer.shared().0.as_ptr(), at);
}

#[test]
fn what_is_shared_is_forgotten_with_the_rest() {
    // T1: whatever was taken of it.
    let bytes = [frame(b'a', 100), frame(b'b', 200)].concat();
    for behind in [&b""[..], b"\x00beginning"] {
        for taken in [0, 102] {
            let mut buffer = ReadBuffer::new(BytesMut::new());
            read(&mut buffer, &[&bytes, behind].concat());
            assert!(buffer.share());
            buffer.take_shared(taken);
            buffer.clear();
            assert!(buffer.is_empty() && !buffer.is_shared());
            read(&mut buffer, &bytes);
            assert_eq!(buffer.as_slice(), bytes);
            assert!(buffer.share());
            buffer.take_shared(taken);
            drop(buffer);
            assert!(spare() >= MIN_READ_LEN);
        }
    }
}
