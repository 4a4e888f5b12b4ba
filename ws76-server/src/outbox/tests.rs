//! The queue under any mix of frames and writes.

mod limits;
mod naive;

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::AsyncWrite;

use ws76_codec::{Decoder, DecoderConfig, Text};

use super::*;
use crate::{SendError, SlowReceiver, payload::sealed::Utf8, stream::kernel::Kernel};

fn outbox(messages: usize, len: usize) -> Outbox {
    let config = Config::new()
        .with_max_queued_messages(messages)
        .with_max_queued_len(len);
    Outbox::new(&Arc::new(config), Protocol::Draft76)
}

impl Outbox {
    /// Queues a text, as a line does.
    fn push(&mut self, text: &(impl Utf8 + ?Sized)) -> Result<(), SendError> {
        match self.push_quickly(text) {
            true => Ok(()),
            false => self.push_any(text),
        }
    }

    /// Bytes of memory that the queue has for frames that are not shared.
    pub(crate) const fn inline_room(&self) -> usize {
        self.queue.room()
    }
}

/// Takes `portion` bytes a write, then is full for one poll.
#[derive(Debug)]
struct Portions {
    portion: usize,
    full: bool,
    taken: Vec<u8>,
}

impl AsyncWrite for Portions {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.full = !self.full;
        if self.full {
            return Poll::Pending;
        }
        let len = buf.len().min(self.portion);
        self.taken.extend_from_slice(&buf[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn room_of_the_thread_is_taken_by_short_texts_that_are_queued_and_no_others() {
    let mut outbox = outbox(9, 1000);
    outbox.push(&Text::from("a")).unwrap();
    assert!(outbox.inline_room() > 0);
    let mut stream = Portions {
        portion: 100,
        full: true,
        taken: Vec::new(),
    };
    let mut cx = Context::from_waker(Waker::noop());
    assert!(outbox.poll_flush(&mut stream, &mut cx).is_ready());
    assert_eq!(
        (outbox.inline_room(), &*stream.taken),
        (0, &b"\x00a\xff"[..])
    );
    outbox.push(&Text::from("b".repeat(300))).unwrap();
    assert_eq!(outbox.inline_room(), 0, "it is lent");
    outbox.push(&Text::from("c")).unwrap();
    assert!(outbox.inline_room() > 0);
    stream.portion = 1000;
    while outbox.poll_flush(&mut stream, &mut cx).is_pending() {}
    outbox.close(Asked::Local);
    assert_eq!(outbox.push(&Text::from("d")), Err(SendError::Closing));
    assert_eq!(outbox.inline_room(), 0, "nothing is queued");
}

#[test]
fn queue_takes_the_limit_and_not_one_more() {
    let mut outbox = outbox(2, 1000);
    assert_eq!(outbox.push("a"), Ok(()));
    assert_eq!(outbox.push("b"), Ok(()));
    assert_eq!(outbox.push("c"), Err(SendError::Full));
    let mut outbox = self::outbox(100, 10);
    assert_eq!(outbox.push("abc"), Ok(())); // 5 bytes as a frame
    assert_eq!(outbox.push("abcd"), Err(SendError::Full));
    assert_eq!(outbox.push("abc"), Ok(()));
    assert_eq!(outbox.push(""), Err(SendError::Full));
}

#[test]
fn abort_is_seen_though_the_stream_fails_before_or_behind_it() {
    // P8: only it ends a handler that is stuck in its call.
    let mut outbox = outbox(2, 1000);
    outbox.drop_all(Dropped::Failed);
    outbox.drop_all(Dropped::Abort);
    assert_eq!(outbox.phase(), Phase::Dropped(Dropped::Abort));
    outbox.drop_all(Dropped::Failed);
    assert_eq!(outbox.phase(), Phase::Dropped(Dropped::Abort));
}

#[test]
fn empty_queue_takes_a_message_longer_than_itself_but_not_than_a_message() {
    let mut outbox = outbox(2, 10);
    assert_eq!(outbox.push(&"a".repeat(100)), Ok(()));
    assert_eq!(outbox.push(""), Err(SendError::Full));
    let max = 1 << 20;
    let mut outbox = self::outbox(2, 10);
    assert_eq!(
        outbox.push(&"a".repeat(max + 1)),
        Err(SendError::TooLong { max })
    );
    assert_eq!(outbox.push(&"a".repeat(max)), Ok(()));
}

#[test]
fn sends_fail_once_a_close_has_begun() {
    let mut outbox = outbox(2, 10);
    outbox.close(Asked::Local);
    outbox.close(Asked::Shutdown);
    assert_eq!(outbox.phase(), Phase::Closing(Asked::Local));
    assert_eq!(outbox.push("a"), Err(SendError::Closing));
    outbox.drop_all(Dropped::Driver);
    assert_eq!(outbox.push("a"), Err(SendError::Closed));
}

#[test]
fn nothing_is_written_behind_a_frame_that_was_cut_off() {
    // P12: a closing frame would end it, and a part would be taken for a message.
    for written in 0..=3 {
        let mut outbox = outbox(2, 100);
        outbox.push("a").unwrap();
        outbox.push("b").unwrap();
        let kernel = Kernel::new(written);
        outbox.set_writer(Some(kernel.writer()));
        assert!(outbox.write_now());
        outbox.drop_all(Dropped::Failed);
        outbox.push_closing();
        kernel.set_room(100);
        assert!(!outbox.write_now());
        let is_cut = matches!(written, 1 | 2);
        let closing: &[u8] = if is_cut { &[] } else { &[0xff, 0] };
        assert_eq!(kernel.taken()[written..], *closing);
        #[cfg(feature = "rfc6455")]
        {
            let mut beside = false;
            let _ = outbox.poll_write_beside(&mut tokio::io::sink(), |_| {
                beside = true;
                Poll::Ready(Ok(()))
            });
            assert_eq!(beside, !is_cut);
        }
    }
}

/// Takes all, and holds it until it is let go.
#[derive(Debug, Default)]
struct Holds(bool);

impl AsyncWrite for Holds {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_a_stream_holds_has_not_left() {
    // P2: TLS takes more than its socket does.
    let mut outbox = outbox(2, 100);
    let mut io = Holds::default();
    let mut cx = Context::from_waker(Waker::noop());
    outbox.push("a").unwrap();
    assert!(outbox.poll_flush(&mut io, &mut cx).is_pending());
    assert!(outbox.is_empty() && !outbox.is_gone(1));
    outbox.push("b").unwrap();
    assert!(outbox.drop_oldest());
    assert!(!outbox.is_gone(1), "nor what is behind that");
    io.0 = true;
    assert!(outbox.poll_flush(&mut io, &mut cx).is_ready());
    assert!(outbox.is_gone(2));
}

#[test]
fn what_waits_keeps_no_more_than_itself_alive() {
    // P11
    let long = Text::from("x".repeat(MIN_LENT_LEN));
    let protocols = [Protocol::Draft76, Protocol::Rfc6455];
    for protocol in protocols
        .into_iter()
        .take(if cfg!(feature = "rfc6455") { 2 } else { 1 })
    {
        let mut outbox = Outbox::new(&Arc::default(), protocol);
        outbox.set_writer(Some(Kernel::new(0).writer()));
        let text = Text::from_utf8(Bytes::from(long.as_bytes().to_vec())).unwrap();
        outbox.push(&text).unwrap();
        let bytes = text.into_bytes();
        assert!(!bytes.is_unique());
        assert!(outbox.write_now());
        assert!(bytes.is_unique(), "{protocol:?}");
    }
}

/// Frames one behind the other, and their texts, which are views on them.
fn read(texts: &[&str]) -> (Bytes, Vec<Text>) {
    let frames = texts
        .iter()
        .map(|text| EncodedFrame::text(text).into_bytes());
    let frames = Bytes::from(frames.collect::<Vec<_>>().concat());
    let decoder = Decoder::new(DecoderConfig::new());
    let mut at = 0;
    let read = texts.iter().map(|text| {
        let read = decoder.decode_shared(&frames, at).unwrap();
        assert_eq!(read, *text);
        at += text.len() + 2;
        read
    });
    (frames.clone(), read.collect())
}

#[test]
fn frames_that_came_one_behind_the_other_are_written_from_there_in_one_piece() {
    // P2
    let (one, other, third) = ("a".repeat(MIN_VIEW_LEN), "é".repeat(100), "c".repeat(99));
    let (frames, texts) = read(&[&one, &other, &third]);
    let mut outbox = Outbox::new(&Arc::default(), Protocol::Draft76);
    let kernel = Kernel::new(1 << 10);
    outbox.set_writer(Some(kernel.writer()));
    for text in &texts {
        outbox.push(text).unwrap();
    }
    assert_eq!(outbox.inline_room(), 0, "copied");
    assert!(outbox.queue.only().unwrap().as_ptr_range() == frames.as_ptr_range());
    assert!(!outbox.write_now());
    assert_eq!(kernel.taken(), frames);
    assert_eq!((outbox.messages(), outbox.sent), (0, 3));
    drop(texts);
    assert!(frames.is_unique());
}

#[test]
fn frames_that_wait_keep_no_more_than_themselves_alive() {
    // P11: whether there are few of them or many, and what was written of them.
    for count in [1, 2, 8] {
        for room in [0, 1, MIN_VIEW_LEN + 2, MIN_VIEW_LEN + 3] {
            let text = "x".repeat(MIN_VIEW_LEN);
            let (frames, texts) = read(&vec![&*text; count]);
            let mut outbox = Outbox::new(&Arc::default(), Protocol::Draft76);
            let kernel = Kernel::new(room);
            outbox.set_writer(Some(kernel.writer()));
            for text in &texts {
                outbox.push(text).unwrap();
            }
            drop(texts);
            assert!(!frames.is_unique());
            assert_eq!(outbox.write_now(), room < frames.len());
            assert!(frames.is_unique(), "{count} frames, {room} bytes written");
            kernel.set_room(1 << 10);
            assert!(!outbox.write_now());
            assert_eq!(kernel.taken(), frames);
            assert_eq!(outbox.sent, count as u64);
        }
    }
}

#[test]
fn frames_that_wait_are_copied_once_as_long_as_most_of_them_do() {
    // P11: the kernel takes some of them now and then.
    let text = "x".repeat(MIN_VIEW_LEN);
    let (_, texts) = read(&[&*text; 8]);
    let mut outbox = Outbox::new(&Arc::default(), Protocol::Draft76);
    let kernel = Kernel::new(0);
    outbox.set_writer(Some(kernel.writer()));
    for text in &texts {
        outbox.push(text).unwrap();
    }
    let at = |outbox: &Outbox| {
        let mut slices = [io::IoSlice::new(&[]); 9];
        let count = outbox.queue.slices(&mut slices);
        slices[count - 1].as_ptr_range().end
    };
    let read_at = texts.last().unwrap().as_bytes().as_ptr_range().end;
    assert!(outbox.write_now());
    let first = at(&outbox);
    assert_ne!(first, read_at.wrapping_add(1), "kept alive");
    for _ in 0..3 {
        kernel.set_room(text.len() + 2);
        assert!(outbox.write_now());
        assert_eq!(at(&outbox), first, "copied again");
    }
    kernel.set_room(2 * (text.len() + 2));
    assert!(outbox.write_now());
    assert_ne!(at(&outbox), first, "more is kept alive than waits");
}

proptest! {
    #[test]
    fn frames_leave_in_order_whatever_a_write_takes(
        texts in prop::collection::vec((".{0,20}", any::<bool>()), 0..80),
        portion in 1..50_usize,
    ) {
        let mut outbox = outbox(1000, 100_000);
        let mut expected = Vec::new();
        for (text, shared) in &texts {
            let frame = EncodedFrame::text(text);
            expected.extend_from_slice(frame.as_bytes());
            if *shared { outbox.push_shared(&Shared::new(frame.clone())) } else { outbox.push(text) }.unwrap();
        }
        let mut io = Portions { portion, full: false, taken: Vec::new() };
        let mut cx = Context::from_waker(Waker::noop());
        while outbox.poll_write(&mut io, &mut cx).is_pending() {}
        outbox.landed();
        prop_assert_eq!(io.taken, expected);
        prop_assert!(outbox.is_gone(texts.len() as u64));
        prop_assert_eq!((outbox.queue.len(), outbox.messages()), (0, 0));
    }

    #[test]
    fn drop_oldest_keeps_the_newest_and_what_is_partly_written(
        texts in prop::collection::vec(("[a-z]{1,9}", any::<bool>()), 1..40),
        portion in 1..8_usize,
    ) {
        let config = Config::new().with_slow_receiver(SlowReceiver::DropOldest);
        let mut outbox = Outbox::new(&Arc::new(config.with_max_queued_messages(4)), Protocol::Draft76);
        let mut io = Portions { portion, full: false, taken: Vec::new() };
        let mut cx = Context::from_waker(Waker::noop());
        for (text, shared) in &texts {
            let frame = EncodedFrame::text(text);
            let push = |outbox: &mut Outbox| {
                if *shared { outbox.push_shared(&Shared::new(frame.clone())) } else { outbox.push(text) }
            };
            if push(&mut outbox) == Err(SendError::Full) {
                prop_assert!(outbox.make_room(frame.as_bytes().len()));
                prop_assert_eq!(push(&mut outbox), Ok(()));
            }
            let _ = outbox.poll_write(&mut io, &mut cx);
        }
        while outbox.poll_write(&mut io, &mut cx).is_pending() {}
        // Whole frames, in order, the last one among them.
        let mut rest = &io.taken[..];
        let mut texts = texts.iter();
        let mut last = "";
        while !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == 0xff).unwrap();
            let text = std::str::from_utf8(&rest[1..end]).unwrap();
            prop_assert!(texts.any(|(sent, _)| sent == text), "{} is out of order", text);
            last = text;
            rest = &rest[end + 1..];
        }
        prop_assert!(texts.next().is_none(), "the newest was lost after {}", last);
    }
}
