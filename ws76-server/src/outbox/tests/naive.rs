//! The queue beside a naive one, under any mix of what is done to it.

use std::io;

use proptest::prelude::*;

use super::*;
use crate::stream::kernel::Kernel;

/// What is done to an outbox.
#[derive(Clone, Debug)]
enum Step {
    Push(String),
    /// A text, which is held in place if it is short.
    PushText(String),
    PushShared(String),
    /// A text of that length, whose bytes are shared.
    Lend(usize),
    /// As one of those to whom it is sent in a turn.
    PushInTurn(String),
    /// Another receiver is sent this in the turn.
    PassBy(String),
    /// The next of the frames that were read from another connection goes on.
    Relay,
    /// It does not.
    KeepBack,
    /// Where the protocol has binary messages.
    PushBinary(Vec<u8>),
    /// The stream takes so many bytes, if there are as many.
    Write(usize),
    /// As [`Self::Write`], by others than the driver.
    WriteNow(usize),
    DropOldest,
    /// What is left is going to stay.
    Stay,
    /// The driver sleeps.
    Rest,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => "[a-zé]{0,6}".prop_map(Step::Push),
        4 => "[a-z]{0,60}".prop_map(Step::PushText),
        1 => (60..70_usize).prop_map(|len| Step::Push("é".repeat(len))),
        1 => (0..9_usize).prop_map(|more| Step::Lend(MIN_LENT_LEN - 4 + more)),
        2 => "[a-z]{0,60}".prop_map(Step::PushShared),
        4 => "[a-z]{0,6}".prop_map(Step::PushInTurn),
        1 => "[a-z]{0,3}".prop_map(Step::PassBy),
        8 => Just(Step::Relay),
        1 => Just(Step::KeepBack),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(Step::PushBinary),
        3 => (0..30_usize).prop_map(Step::Write),
        1 => (100..300_usize).prop_map(Step::Write),
        3 => (0..30_usize).prop_map(Step::WriteNow),
        1 => (100..900_usize).prop_map(Step::WriteNow),
        2 => Just(Step::DropOldest),
        1 => Just(Step::Stay),
        1 => Just(Step::Rest),
    ]
}

/// Frames whole, and how much of the first was written.
#[derive(Debug, Default)]
struct Naive {
    frames: VecDeque<Vec<u8>>,
    written: usize,
    taken: Vec<u8>,
    accepted: u64,
    sent: u64,
    dropped: u64,
    /// The numbers of messages that were dropped, and which is the first in the queue.
    numbers: VecDeque<u64>,
}

impl Naive {
    fn push(&mut self, frame: Vec<u8>) {
        self.frames.push_back(frame);
        self.accepted += 1;
        self.numbers.push_back(self.accepted);
    }

    fn write(&mut self, mut count: usize) {
        while let (Some(frame), true) = (self.frames.front(), count > 0) {
            let part = count.min(frame.len() - self.written);
            self.taken.extend(&frame[self.written..self.written + part]);
            self.written += part;
            count -= part;
            if self.written == frame.len() {
                self.frames.pop_front();
                self.numbers.pop_front();
                self.written = 0;
                self.sent += 1;
            }
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let at = usize::from(self.written > 0);
        self.numbers.remove(at);
        let was_there = self.frames.remove(at).is_some();
        self.dropped += u64::from(was_there);
        was_there
    }

    fn len(&self) -> usize {
        self.frames.iter().map(Vec::len).sum::<usize>() - self.written
    }

    /// How many of the first messages accepted have left, all of them.
    fn gone(&self) -> u64 {
        self.numbers
            .front()
            .map_or(self.accepted, |first| first - 1)
    }
}

/// Takes so many bytes, and then no more.
#[derive(Debug)]
struct Takes<'a> {
    left: usize,
    taken: &'a mut Vec<u8>,
}

impl AsyncWrite for Takes<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = buf.len().min(self.left);
        if count == 0 {
            return Poll::Pending;
        }
        self.left -= count;
        self.taken.extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Texts that are views on where they were read.
fn read_texts(count: usize) -> Vec<Text> {
    let decoder = Decoder::new(DecoderConfig::new());
    let mut frames = Vec::new();
    for number in 0..count {
        let text = format!("{number:*>width$}", width = MIN_VIEW_LEN + number % 3);
        frames.extend_from_slice(EncodedFrame::text(&text).as_bytes());
    }
    let (frames, mut at) = (Bytes::from(frames), 0);
    let mut texts = Vec::new();
    while let Some(text) = decoder.decode_shared(&frames, at) {
        at += text.len() + 2;
        texts.push(text);
    }
    assert_eq!(texts.len(), count);
    texts
}

/// A text as it is sent.
fn frame(protocol: Protocol, text: &str) -> Vec<u8> {
    match protocol {
        Protocol::Rfc6455 => message(0x81, text.as_bytes()),
        _ => EncodedFrame::text(text).as_bytes().to_vec(),
    }
}

/// A message of RFC 6455 as it is sent.
fn message(first: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    match content.len() {
        ..126 => [&[first, low], content].concat(),
        _ => [&[first, 126, high, low], content].concat(),
    }
}

const PROTOCOLS: &[Protocol] = &[
    Protocol::Draft76,
    #[cfg(feature = "rfc6455")]
    Protocol::Rfc6455,
];

proptest! {
    #[test]
    fn every_step_does_what_the_naive_queue_does(
        steps in prop::collection::vec(step(), 0..120),
        protocol in prop::sample::select(PROTOCOLS),
    ) {
        let mut outbox = Outbox::new(&Arc::default(), protocol);
        let mut naive = Naive::default();
        let mut taken = Vec::new();
        let mut told = Traffic::NONE;
        let mut read = read_texts(steps.len()).into_iter();
        for step in steps {
            match &step {
                Step::Push(text) => {
                    outbox.push(text).unwrap();
                    naive.push(frame(protocol, text));
                }
                Step::PushText(text) => {
                    outbox.push(&Text::from(&**text)).unwrap();
                    naive.push(frame(protocol, text));
                }
                Step::Lend(len) => {
                    let text = Text::from("x".repeat(*len));
                    outbox.push(&text).unwrap();
                    naive.push(frame(protocol, &text));
                }
                Step::Relay => {
                    let text = read.next().unwrap();
                    outbox.push(&text).unwrap();
                    naive.push(frame(protocol, &text));
                }
                Step::KeepBack => drop(read.next()),
                Step::PushShared(text) => {
                    outbox.push_shared(&Shared::new(EncodedFrame::text(text))).unwrap();
                    naive.push(frame(protocol, text));
                }
                Step::PushBinary(bytes) => {
                    let pushed = outbox.push_binary(&Bytes::from(bytes.clone()));
                    prop_assert_eq!(pushed.is_ok(), protocol == Protocol::Rfc6455);
                    if pushed.is_ok() {
                        naive.push(message(0x82, bytes));
                    }
                }
                Step::PushInTurn(text) => {
                    outbox.add_shared_in_turn(&Shared::new(EncodedFrame::text(text)));
                    naive.push(frame(protocol, text));
                }
                Step::PassBy(text) => {
                    crate::turn::batch(text.as_bytes(), protocol == Protocol::Rfc6455);
                }
                Step::WriteNow(count) => {
                    let kernel = Kernel::new(*count);
                    outbox.set_writer(Some(kernel.writer()));
                    match outbox.write_batched_now() {
                        Some(done) => told.add(&done),
                        None => prop_assert_eq!(outbox.write_now(), naive.len() > *count),
                    }
                    outbox.take_writer();
                    taken.extend(kernel.taken());
                    naive.write(*count);
                }
                Step::Write(count) => {
                    let mut io = Takes { left: *count, taken: &mut taken };
                    let mut cx = Context::from_waker(Waker::noop());
                    let done = outbox.poll_write(&mut io, &mut cx);
                    outbox.landed();
                    prop_assert_eq!(done.is_pending(), naive.len() > *count);
                    naive.write(*count);
                }
                Step::DropOldest => {
                    prop_assert_eq!(outbox.drop_oldest(), naive.drop_oldest());
                }
                Step::Stay => outbox.queue.stay(),
                Step::Rest => outbox.queue.rest(),
            }
            prop_assert_eq!(&taken, &naive.taken, "{:?}", step);
            prop_assert_eq!(outbox.queue.len(), naive.len(), "{:?}", step);
            prop_assert_eq!(outbox.messages(), naive.frames.len(), "{:?}", step);
            let sent_len = outbox.sent_len + told.sent_len;
            prop_assert_eq!(sent_len, naive.taken.len() as u64, "{:?}", step);
            prop_assert_eq!(
                (outbox.accepted, outbox.sent + told.sent_messages, outbox.dropped),
                (naive.accepted, naive.sent, naive.dropped),
                "{:?}", step
            );
            prop_assert!(outbox.is_gone(naive.gone()), "{:?}", step);
            prop_assert!(!outbox.is_gone(naive.gone() + 1), "{:?}", step);
        }
        outbox.drop_all(Dropped::Driver);
        prop_assert_eq!(outbox.dropped, naive.dropped + naive.frames.len() as u64);
        prop_assert!(outbox.is_gone(naive.accepted));
        told.add(&outbox.take_traffic());
        let gone = told.sent_messages + told.dropped_messages;
        prop_assert_eq!((gone, told.queued_messages), (naive.accepted, 0));
    }
}

#[test]
fn queue_that_never_empties_keeps_no_more_than_it_holds() {
    // P11: the client is a message behind, for ever, whatever becomes of the others.
    for (&protocol, drops) in PROTOCOLS.iter().flat_map(|one| [(one, false), (one, true)]) {
        let mut outbox = Outbox::new(&Arc::default(), protocol);
        let mut taken = Vec::new();
        outbox.push("0123456789").unwrap();
        for _ in 0..10_000 {
            outbox.push("0123456789").unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            if drops {
                assert!(outbox.drop_oldest());
            } else {
                let mut io = Takes {
                    left: 12,
                    taken: &mut taken,
                };
                assert!(outbox.poll_write(&mut io, &mut cx).is_pending());
            }
        }
        assert_eq!(outbox.messages(), 1);
        assert!(outbox.queue.room() < 1 << 10, "{}", outbox.queue.room());
    }
}
