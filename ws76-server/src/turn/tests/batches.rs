//! Short frames that are sent to many in a turn.

use super::*;

/// Sends to all, as a broadcast does.
fn send_all<'a>(receivers: impl IntoIterator<Item = &'a Receiver>, text: &str) {
    let shared = Shared::new(EncodedFrame::text(text));
    for receiver in receivers {
        assert_eq!(receiver.line.push_shared_or_drop(&shared).result, Ok(()));
    }
}

/// Runs one turn, in which the handler sends what `send` does and knows of more to come.
fn turn(send: impl FnOnce()) -> (u64, u64) {
    let counters = Counters::default();
    let mut send = Some(send);
    let mut driver = pin!(poll_fn(|_| {
        if let Some(send) = send.take() {
            expect_more(true);
            send();
        }
        Poll::<()>::Pending
    }));
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    assert!(!poll_once(turns.as_mut(), &Arc::default()));
    sent(&counters)
}

fn room(receiver: &Receiver) -> usize {
    receiver.line.outbox().inline_room()
}

/// How many receivers and turns hold on to the batch of this thread.
fn holders() -> usize {
    TURN.with(|turn| {
        turn.borrow().batches[0]
            .as_ref()
            .map_or(0, Arc::strong_count)
    })
}

#[test]
fn receivers_need_no_memory_for_what_is_written_in_the_turn() {
    let receivers = Receiver::many(3);
    let counts = turn(|| {
        for (text, queued) in [("a", 1), ("b", 2), ("c", 3)] {
            send_all(&receivers, text);
            assert_eq!(receivers[0].line.outbox().messages(), queued);
        }
        assert!(receivers.iter().all(|one| room(one) == 0));
        assert_eq!(holders(), 4);
    });
    assert!(
        receivers
            .iter()
            .all(|one| one.taken() == "a b c " && room(one) == 0)
    );
    assert_eq!(counts, (9, 27));
    assert_eq!(holders(), 0, "the turn was over before all was written");
}

#[test]
fn next_turn_has_the_memory_of_one_that_has_written_all() {
    let receivers = Receiver::many(2);
    let memory = || TURN.with(|turn| turn.borrow().batches[0].as_ref().map(Arc::as_ptr));
    let whole_turn = || {
        turn(|| {
            send_all(&receivers, "a");
            expect_more(false);
            send_all(&receivers, "b");
        })
    };
    assert_eq!(whole_turn(), (4, 12));
    let first = memory();
    assert!(first.is_some() && holders() == 1);
    assert_eq!(whole_turn(), (4, 12));
    assert_eq!(memory(), first);
    assert!(receivers.iter().all(|one| one.taken() == "a b a b "));
}

#[test]
fn what_is_sent_to_one_of_them_between_keeps_its_place() {
    let receivers = Receiver::many(3);
    let counts = turn(|| {
        send_all(&receivers, "a");
        assert_eq!(receivers[0].line.try_push(&Textual("x")), Ok(()));
        send_all(&receivers[1..], "b");
        // Too long for a batch.
        send_all(&receivers, "longer");
        send_all(&receivers, "c");
        send_all(&receivers, "d");
    });
    assert_eq!(receivers[0].taken(), "a x longer c d ");
    assert_eq!(receivers[1].taken(), "a b longer c d ");
    assert_eq!(receivers[2].taken(), "a b longer c d ");
    assert_eq!(counts, (15, 3 * 5 * 3 + 3 * 5));
}

#[test]
fn turn_that_is_longer_than_a_batch_keeps_the_order() {
    let receivers = Receiver::many(2);
    let texts: Vec<_> = ('a'..='p').map(String::from).collect();
    let counts = turn(|| texts.iter().for_each(|text| send_all(&receivers, text)));
    let expected = texts.join(" ") + " ";
    assert!(receivers.iter().all(|one| one.taken() == expected));
    assert_eq!(counts, (32, 96));
}

#[test]
fn stream_that_takes_a_part_leaves_the_rest_to_its_driver() {
    // P1: wherever the stream stops, within a frame or between two.
    for taken in 0..=9 {
        let (fast, slow) = (
            Receiver::new(&Config::new(), 1000),
            Receiver::new(&Config::new(), taken),
        );
        let counts = turn(|| {
            for text in ["a", "b", "c"] {
                send_all([&slow, &fast], text);
            }
        });
        let left = 3 - taken / 3;
        assert_eq!(slow.line.outbox().messages(), left);
        assert_eq!(slow.driver.take(), usize::from(left > 0));
        assert_eq!(counts, (6 - left as u64, 9 + taken as u64));
        assert_eq!(holders(), 0, "the rest is in memory of its own");
        slow.kernel.set_room(1000);
        slow.sleep();
        assert_eq!(
            (slow.taken(), fast.taken()),
            ("a b c ".into(), "a b c ".into())
        );
        assert_eq!(slow.line.outbox().messages(), 0);
    }
}

#[test]
fn others_may_send_and_drivers_may_write_in_the_midst_of_a_turn() {
    let receivers = Receiver::many(3);
    let counts = turn(|| {
        send_all(&receivers, "a");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                assert_eq!(receivers[0].send("x"), Ok(()));
                // It is woken, and writes what it finds.
                receivers[0].sleep();
                receivers[1].sleep();
            });
            assert!(other.join().is_ok());
        });
        assert_eq!(receivers[0].taken(), "a x ");
        assert_eq!(receivers[1].taken(), "a ");
        send_all(&receivers, "b");
    });
    assert_eq!(receivers[0].taken(), "a x b ");
    assert_eq!(receivers[1].taken(), "a b ");
    assert_eq!(receivers[2].taken(), "a b ");
    // What the drivers wrote is theirs to tell.
    let told = |one: &Receiver| one.line.outbox().take_traffic().sent_messages;
    assert_eq!(counts, (4, 12));
    assert_eq!(receivers.iter().map(told).sum::<u64>(), 3);
}
