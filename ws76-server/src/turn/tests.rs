//! Turns by hand, with lines whose drivers sleep.

mod batches;
mod quickly;

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::{Context, Wake, Waker},
};

use ws76_codec::{EncodedFrame, Text};

use super::*;
use crate::{
    Config, Protocol, SendError, SlowReceiver, line::Textual, outbox::Shared,
    stream::kernel::Kernel,
};

/// Counts how often it was woken.
#[derive(Debug, Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Woken {
    /// How often, since this was last asked.
    fn take(&self) -> usize {
        self.0.swap(0, SeqCst)
    }
}

/// A line whose driver sleeps.
struct Receiver {
    line: Arc<Line>,
    driver: Arc<Woken>,
    kernel: Kernel,
}

impl Receiver {
    fn new(config: &Config, room: usize) -> Self {
        let receiver = Self {
            line: Arc::new(Line::new(&Arc::new(config.clone()), Protocol::Draft76)),
            driver: Arc::default(),
            kernel: Kernel::new(room),
        };
        receiver
            .line
            .outbox()
            .set_writer(Some(receiver.kernel.writer()));
        receiver.sleep();
        receiver
    }

    fn many(count: usize) -> Vec<Self> {
        (0..count)
            .map(|_| Self::new(&Config::new(), 1000))
            .collect()
    }

    /// What its driver does before it sleeps.
    fn sleep(&self) {
        let waker = Waker::from(Arc::clone(&self.driver));
        let mut outbox = self.line.outbox();
        self.line.sleep(&mut outbox, &waker);
        let _ = outbox.poll_flush(&mut tokio::io::sink(), &mut Context::from_waker(&waker));
    }

    fn send(&self, text: &str) -> Result<(), SendError> {
        self.line
            .push_shared_or_drop(&Shared::new(EncodedFrame::text(text)))
            .result
    }

    /// As [`Self::send`], of a text that is for nobody else, and held in place.
    fn send_alone(&self, text: &str) -> Result<(), SendError> {
        let text = Textual(Text::from(text));
        self.line.push_or_drop(text.0.len() + 2, &text).result
    }

    fn taken(&self) -> String {
        let text = String::from_utf8_lossy(&self.kernel.taken()).replace('\0', "");
        text.replace('\u{fffd}', " ")
    }
}

/// Polls turns once; returns whether they ended.
fn poll_once(turns: Pin<&mut impl Future<Output = ()>>, woken: &Arc<Woken>) -> bool {
    let waker = Waker::from(Arc::clone(woken));
    turns.poll(&mut Context::from_waker(&waker)).is_ready()
}

fn sent(counters: &Counters) -> (u64, u64) {
    let stats = counters.stats(0, 0);
    (stats.sent_messages, stats.sent_len)
}

#[test]
fn driver_is_polled_again_when_the_lines_of_its_last_turn_are_written() {
    // What woke the task while it had yet to write was perhaps for the driver.
    let receivers = Receiver::many(2 * MAX_WRITES - 1);
    let counters = Counters::default();
    let (woken, polls) = (Arc::default(), AtomicUsize::new(0));
    let mut driver = pin!(poll_fn(|_| {
        if polls.fetch_add(1, SeqCst) == 0 {
            expect_more(true);
            for receiver in &receivers {
                assert_eq!(receiver.send("a"), Ok(()));
            }
        }
        Poll::Pending
    }));
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    assert!(!poll_once(turns.as_mut(), &woken));
    let written = |one: &&Receiver| one.taken() == "a ";
    assert_eq!(receivers.iter().filter(written).count(), MAX_WRITES);
    assert_eq!(woken.take(), 1, "there is more to write");
    assert!(!poll_once(turns.as_mut(), &woken));
    assert!(receivers.iter().all(|one| written(&one)));
    assert_eq!(polls.load(SeqCst), 1);
    assert_eq!(woken.take(), 1, "the driver has missed a poll");
    assert!(!poll_once(turns.as_mut(), &woken));
    assert_eq!((polls.load(SeqCst), woken.take()), (2, 0));
    assert!(receivers.iter().all(|one| one.driver.take() == 0));
    let count = receivers.len() as u64;
    assert_eq!(sent(&counters), (count, 3 * count));
}

#[test]
fn last_message_is_written_at_once_to_so_many_and_to_the_others_behind_the_poll() {
    let receivers = Receiver::many(MAX_WRITTEN + 1);
    let counters = Counters::default();
    let mut driver = pin!(async {
        for receiver in &receivers {
            assert_eq!(receiver.send("a"), Ok(()));
        }
        let written = receivers.iter().filter(|one| one.taken() == "a ");
        assert_eq!(written.count(), MAX_WRITTEN);
        pending::<()>().await;
    });
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    assert!(!poll_once(turns.as_mut(), &Arc::default()));
    assert!(
        receivers
            .iter()
            .all(|one| one.taken() == "a " && one.driver.take() == 0)
    );
    let count = receivers.len() as u64;
    assert_eq!(sent(&counters), (count, 3 * count));
}

#[test]
fn last_of_several_messages_leaves_nothing_for_behind_the_poll() {
    let receivers = Receiver::many(MAX_WRITTEN);
    assert!(receivers.len() > MAX_WRITES);
    let counters = Counters::default();
    let mut driver = pin!(async {
        for (text, more) in [("a", true), ("b", true), ("c", false)] {
            expect_more(more);
            for receiver in &receivers {
                assert_eq!(receiver.send(text), Ok(()));
            }
        }
        assert!(receivers.iter().all(|one| one.taken() == "a b c "));
        pending::<()>().await;
    });
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    let woken = Arc::default();
    assert!(!poll_once(turns.as_mut(), &woken));
    assert_eq!(woken.take(), 0, "nothing is left to be written");
    let count = 3 * receivers.len() as u64;
    assert_eq!(sent(&counters), (count, 3 * count));
}

#[test]
fn turn_that_panics_has_counted_what_it_wrote_and_wakes_for_the_rest() {
    let receivers = Receiver::many(MAX_WRITTEN + 1);
    let counters = Counters::default();
    let mut driver = pin!(async {
        for receiver in &receivers {
            assert_eq!(receiver.send("a"), Ok(()));
        }
        panic!("as asked by the test");
    });
    {
        let mut turns = Box::pin(in_turns(&counters, driver.as_mut()));
        let polled = AssertUnwindSafe(|| poll_once(turns.as_mut(), &Arc::default()));
        assert!(catch_unwind(polled).is_err());
    }
    let written = MAX_WRITTEN as u64;
    assert_eq!(sent(&counters), (written, 3 * written));
    let woken = receivers.iter().map(|one| one.driver.take()).sum::<usize>();
    assert_eq!(woken, 1);
    // Nobody is in a turn any more.
    assert_eq!(receivers[0].send("b"), Ok(()));
    assert_eq!(
        (receivers[0].driver.take(), receivers[0].taken()),
        (1, "a ".into())
    );
}

#[test]
fn turns_that_are_dropped_wake_for_what_is_not_written() {
    let receivers = Receiver::many(MAX_WRITES + 2);
    let counters = Counters::default();
    {
        let mut driver = pin!(async {
            expect_more(true);
            for receiver in &receivers {
                assert_eq!(receiver.send("a"), Ok(()));
            }
            pending::<()>().await;
        });
        let mut turns = pin!(in_turns(&counters, driver.as_mut()));
        assert!(!poll_once(turns.as_mut(), &Arc::default()));
    }
    for receiver in &receivers {
        let left = usize::from(receiver.taken().is_empty());
        assert_eq!(receiver.driver.take(), left);
    }
    assert_eq!(sent(&counters).0, MAX_WRITES as u64);
}

#[test]
fn turn_within_a_turn_leaves_the_outer_one_as_it_was() {
    let receivers = Receiver::many(2);
    let counters = Counters::default();
    let mut driver = pin!(async {
        expect_more(true);
        assert_eq!(receivers[0].send("a"), Ok(()));
        {
            let mut inner = pin!(async {
                assert_eq!(receivers[1].send("b"), Ok(()));
                assert_eq!(receivers[1].taken(), "b ", "nothing more is expected in it");
            });
            let mut turns = pin!(in_turns(&counters, inner.as_mut()));
            assert!(poll_once(turns.as_mut(), &Arc::default()));
        }
        assert_eq!(receivers[0].send("c"), Ok(()));
        assert_eq!(receivers[0].taken(), "");
        pending::<()>().await;
    });
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    assert!(!poll_once(turns.as_mut(), &Arc::default()));
    assert_eq!(receivers[0].taken(), "a c ");
    assert_eq!(sent(&counters), (3, 9));
}

#[test]
fn broadcast_to_many_leaves_no_room_for_as_many_behind() {
    // P11: every connection may send to all, and most do not.
    let receivers = Receiver::many(2 * MAX_RESTING);
    let mut lines = Lines::default();
    let counters = Counters::default();
    lines.during(&counters, || {
        expect_more(true);
        for receiver in &receivers {
            assert_eq!(receiver.send("a"), Ok(()));
        }
    });
    assert_eq!(lines.0.len(), receivers.len());
    while !lines.0.is_empty() {
        lines.write(&counters);
    }
    assert!(lines.0.capacity() <= MAX_RESTING);
}

#[test]
fn receiver_is_full_at_n_plus_1_in_a_turn_only_where_its_stream_takes_no_more() {
    // P7: what waits for the end of a turn makes nobody slow.
    let policies = [
        SlowReceiver::Disconnect,
        SlowReceiver::DropNewest,
        SlowReceiver::DropOldest,
    ];
    let ways = [Receiver::send, Receiver::send_alone];
    for (policy, send) in policies
        .into_iter()
        .flat_map(|policy| ways.map(|way| (policy, way)))
    {
        let config = Config::new()
            .with_max_queued_messages(2)
            .with_slow_receiver(policy);
        let counters = Counters::default();
        let (fast, slow) = (Receiver::new(&config, 1000), Receiver::new(&config, 0));
        let mut driver = pin!(async {
            expect_more(true);
            for text in ["1", "2", "3", "4", "5"] {
                assert_eq!(send(&fast, text), Ok(()));
            }
            assert_eq!((send(&slow, "1"), send(&slow, "2")), (Ok(()), Ok(())));
            let dropped = match policy {
                SlowReceiver::Disconnect => {
                    assert_eq!(send(&slow, "3"), Err(SendError::Full));
                    assert_eq!(send(&slow, "4"), Err(SendError::Closing));
                    2
                }
                SlowReceiver::DropNewest => {
                    assert_eq!(send(&slow, "3"), Err(SendError::Full));
                    0
                }
                SlowReceiver::DropOldest => {
                    assert_eq!((send(&slow, "3"), send(&slow, "4")), (Ok(()), Ok(())));
                    2
                }
            };
            assert_eq!(slow.line.outbox().dropped(), dropped, "{policy:?}");
            pending::<()>().await;
        });
        let mut turns = pin!(in_turns(&counters, driver.as_mut()));
        assert!(!poll_once(turns.as_mut(), &Arc::default()));
        assert_eq!(
            (fast.taken().as_str(), fast.driver.take()),
            ("1 2 3 4 5 ", 0)
        );
        assert_eq!(slow.driver.take(), 1, "{policy:?}");
        slow.kernel.set_room(1000);
        slow.sleep();
        let left = match policy {
            SlowReceiver::Disconnect => "",
            SlowReceiver::DropNewest => "1 2 ",
            SlowReceiver::DropOldest => "3 4 ",
        };
        assert_eq!(slow.taken(), left);
    }
}

#[test]
fn what_the_stream_takes_only_in_part_is_left_to_the_driver() {
    // P1: and to nobody else until the stream has woken it.
    let receiver = Receiver::new(&Config::new(), 2);
    let counters = Counters::default();
    let mut driver = pin!(async {
        assert_eq!(receiver.send("one"), Ok(()));
        assert_eq!(
            (receiver.taken().as_str(), receiver.driver.take()),
            ("o", 1)
        );
        receiver.sleep();
        receiver.kernel.set_room(1000);
        assert_eq!(receiver.send("two"), Ok(()));
        pending::<()>().await;
    });
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    assert!(!poll_once(turns.as_mut(), &Arc::default()));
    assert_eq!(receiver.taken(), "o");
    receiver.sleep();
    assert_eq!(receiver.taken(), "one two ");
}
