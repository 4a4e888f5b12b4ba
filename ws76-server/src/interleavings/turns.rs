//! What is sent in turns is written by whoever's turn it is, beside the receiver's driver (P1, P2, P3).

use std::{collections::BTreeSet, future::poll_fn, pin::pin, sync::Arc, task::Poll};

use loom::thread::{self, JoinHandle};

use super::{FEW, Heard, block_on, explore, insert, peer::Peer, serve};
use crate::{
    CloseReason, Config, Connection, Protocol, Registry, SendError,
    stats::Counters,
    turn::{expect_more, in_turns},
};

const CLEAN: CloseReason = CloseReason::Local { clean: true };

/// What a source does in its turns.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Sends that to all, and has more to take in.
    More(&'static str),
    /// Sends that to all, as the last.
    Last(&'static str),
    /// Waits for another turn.
    Waits,
}

use Act::{Last, More, Waits};

/// Does that in turns, in a thread of its own. Joining the thread gives which of its messages were
/// queued.
fn source(registry: &Registry, acts: &'static [Act]) -> JoinHandle<Vec<&'static str>> {
    let registry = registry.clone();
    thread::spawn(move || {
        let mut queued = Vec::new();
        let counters = Counters::default();
        let sending = async {
            for act in acts {
                match *act {
                    Waits => give_way().await,
                    More(text) | Last(text) => {
                        expect_more(matches!(act, More(_)));
                        let delivery = registry.send_all(text);
                        if delivery.queued > 0 {
                            queued.push(text);
                        }
                    }
                }
            }
        };
        block_on(async { in_turns(&counters, pin!(sending)).await });
        queued
    })
}

async fn give_way() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// P1: those of `texts` that begin with this letter are these, in this order.
fn assert_order(texts: &[String], letter: char, sent: &[&str]) {
    let own = texts.iter().filter(|text| text.starts_with(letter));
    assert_eq!(Vec::from_iter(own), sent);
}

/// An open connection, its client, and what runs it.
fn receiver(registry: &Registry, peer: &Arc<Peer>) -> (Connection, JoinHandle<CloseReason>) {
    let config = Config::new();
    let registered = insert(registry, Protocol::Draft76, &config);
    let connection = registered.connection().clone();
    let driver = serve(registered, peer, &config, Heard::default());
    (connection, driver)
}

#[test]
fn two_sources_in_turns_lose_nothing_and_keep_their_order() {
    // P1, P2, P3: nobody but who was woken for it writes what a turn has left, and a flush that waits
    // is all that asks for it.
    let sources: [(&str, &[Act], &[Act]); 3] = [
        ("last", &[Last("a1"), Last("a2")], &[Last("b1")]),
        ("more", &[More("a1"), Last("a2")], &[More("b1")]),
        (
            "waits",
            &[More("a1"), Waits, Last("a2")],
            &[Last("b1"), Waits],
        ),
    ];
    for (name, one, other) in sources {
        let seen = explore(&format!("two_sources, {name}"), FEW, move || {
            let registry = Registry::default();
            let peer = Peer::new(Protocol::Draft76);
            let (connection, driver) = receiver(&registry, &peer);
            let other = source(&registry, other);
            let one = source(&registry, one);
            assert_eq!(one.join().unwrap(), ["a1", "a2"]);
            assert_eq!(other.join().unwrap(), ["b1"]);
            assert_eq!(block_on(connection.flush()), Ok(()));
            let texts = peer.received().texts;
            assert_order(&texts, 'a', &["a1", "a2"]);
            assert_order(&texts, 'b', &["b1"]);
            assert_eq!((connection.queued(), connection.dropped()), (0, 0));
            connection.close();
            assert_eq!(driver.join().unwrap(), CLEAN);
            texts.concat()
        });
        let orders = ["a1a2b1", "a1b1a2", "b1a1a2"];
        assert_eq!(Vec::from_iter(seen), orders, "{name}");
    }
}

#[test]
fn receiver_goes_on_where_a_turn_could_not() {
    // P1, P2: the kernel takes five bytes, and the rest when the client reads: the receiver's driver is
    // woken by it and by who sends, in a turn and outside of one.
    let seen = explore("receiver_goes_on", FEW, || {
        let registry = Registry::default();
        let peer = Peer::with_room(Protocol::Draft76, 5);
        let (connection, driver) = receiver(&registry, &peer);
        let other = source(&registry, &[More("a1"), Waits, Last("a2")]);
        assert_eq!(connection.try_send("b1"), Ok(()));
        peer.read(100);
        assert_eq!(other.join().unwrap(), ["a1", "a2"]);
        assert_eq!(block_on(connection.flush()), Ok(()));
        let texts = peer.received().texts;
        assert_order(&texts, 'a', &["a1", "a2"]);
        assert_order(&texts, 'b', &["b1"]);
        connection.close();
        assert_eq!(driver.join().unwrap(), CLEAN);
        texts.concat()
    });
    assert_eq!(Vec::from_iter(seen), ["a1a2b1", "a1b1a2", "b1a1a2"]);
}

#[test]
fn send_that_waits_is_woken_by_what_a_turn_writes() {
    // P2: the queue holds one message, which a turn may have put there and may write.
    let seen = explore("send_woken_by_a_turn", FEW, || {
        let registry = Registry::default();
        let config = Config::new().with_max_queued_messages(1);
        let registered = insert(&registry, Protocol::Draft76, &config);
        let connection = registered.connection().clone();
        let peer = Peer::new(Protocol::Draft76);
        let driver = serve(registered, &peer, &config, Heard::default());
        let other = source(&registry, &[More("a"), Waits]);
        assert_eq!(block_on(connection.send("b")), Ok(()));
        let queued = other.join().unwrap();
        if queued.is_empty() {
            // The policy: that was one too many for a receiver that has not begun.
            let reason = driver.join().unwrap();
            assert_eq!(reason, CloseReason::SlowReceiver);
            return String::new();
        }
        assert_eq!(block_on(connection.flush()), Ok(()));
        connection.close();
        assert_eq!(driver.join().unwrap(), CLEAN);
        peer.received().texts.concat()
    });
    assert_eq!(Vec::from_iter(seen), ["", "ab", "ba"]);
}

/// How a receiver ends while a turn writes to it.
#[derive(Clone, Copy, Debug)]
enum Cause {
    Close,
    Abort,
    Reset,
}

#[test]
fn receiver_that_ends_in_a_turn_is_accounted_for() {
    // P2, P8: Ok = received + dropped, and nothing is behind a closing frame.
    for (cause, expected) in [
        (Cause::Close, &[(0, 0), (1, 1), (2, 2)][..]),
        (Cause::Abort, &[(0, 0), (1, 0), (1, 1), (2, 0), (2, 2)]),
        (Cause::Reset, &[(1, 0), (2, 0), (2, 1), (2, 2)]),
    ] {
        let seen = explore(&format!("receiver_ends, {cause:?}"), FEW, move || {
            let registry = Registry::default();
            let peer = Peer::with_room(Protocol::Draft76, 100);
            let (connection, driver) = receiver(&registry, &peer);
            let source = source(&registry, &[More("a1"), Last("a2")]);
            match cause {
                Cause::Close => connection.close(),
                Cause::Abort => registry.abort_all(),
                Cause::Reset => peer.reset(),
            }
            let queued = source.join().unwrap();
            if let Cause::Reset = cause {
                // Whoever met it, all was written before or the driver knows.
                let _ = block_on(connection.flush());
                connection.close();
            }
            let reason = driver.join().unwrap();
            assert_eq!(connection.try_send("late"), Err(SendError::Closed));
            let received = peer.received();
            assert!(!received.part);
            assert_eq!(received.closing, reason == CLEAN, "{reason}");
            assert!(received.closing || !matches!(cause, Cause::Close));
            let dropped = usize::try_from(connection.dropped()).unwrap();
            assert_eq!(received.texts.len() + dropped, queued.len());
            assert_eq!(received.texts, queued[..received.texts.len()]);
            (queued.len(), received.texts.len())
        });
        let expected = expected.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(seen, expected, "{cause:?}");
    }
}
