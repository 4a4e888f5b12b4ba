//! Sends, flushes and the driver that writes (P1, P2, P7).

use std::{
    collections::BTreeSet,
    sync::Arc,
    task::{Context, Waker},
};

use loom::thread;

use super::{FEW, Heard, MANY, OnOpen, block_on, explore, explore_both, insert, peer::Peer, serve};
use crate::{CloseReason, Config, Connection, Protocol, Registry, SendError, SlowReceiver};

/// Of a long message.
const LONG: usize = 5000;

fn long(letter: char) -> String {
    format!("{letter:.<LONG$}")
}

/// A queue for one message.
fn narrow(policy: SlowReceiver) -> Config {
    Config::new()
        .with_max_queued_messages(1)
        .with_slow_receiver(policy)
}

fn short(error: Result<(), SendError>) -> &'static str {
    match error {
        Ok(()) => "ok",
        Err(SendError::Full) => "full",
        Err(SendError::Closing) => "closing",
        Err(SendError::Closed) => "closed",
        Err(_) => "other",
    }
}

const CLEAN: CloseReason = CloseReason::Local { clean: true };

#[test]
fn driver_that_goes_to_sleep_misses_no_message() {
    // P2: nothing but the message itself wakes the driver, and then the flush.
    let seen = explore_both("driver_that_goes_to_sleep", FEW, |protocol| {
        let config = Config::new();
        let registry = Registry::default();
        let registered = insert(&registry, protocol, &config);
        let connection = registered.connection().clone();
        let peer = Peer::new(protocol);
        let driver = serve(registered, &peer, &config, Heard::default());
        let other = connection.clone();
        let other = thread::spawn(move || {
            assert_eq!(other.registry().unicast(other.id(), "b"), Ok(()));
            assert_eq!(block_on(other.flush()), Ok(()));
        });
        assert_eq!(connection.try_send("a"), Ok(()));
        assert_eq!(block_on(connection.flush()), Ok(()));
        other.join().unwrap();
        let texts = peer.received().texts.concat();
        connection.close();
        assert_eq!(driver.join().unwrap(), CLEAN);
        texts
    });
    assert_eq!(Vec::from_iter(seen), ["ab", "ba"]);
}

#[test]
fn send_that_waits_for_room_is_woken_by_a_write() {
    // P1, P2: the queue holds one message, and the kernel takes nothing until the client reads.
    explore_both("send_that_waits_for_room", FEW, |protocol| {
        let config = narrow(SlowReceiver::Disconnect);
        let registry = Registry::default();
        let registered = insert(&registry, protocol, &config);
        let connection = registered.connection().clone();
        let peer = Peer::with_room(protocol, 0);
        let driver = serve(registered, &peer, &config, Heard::default());
        assert_eq!(connection.try_send(long('x')), Ok(()));
        peer.read(4 * LONG + 100);
        for letter in ['a', 'b', 'c'] {
            assert_eq!(block_on(connection.send(long(letter))), Ok(()));
        }
        assert_eq!(block_on(connection.flush()), Ok(()));
        assert_eq!(peer.received().texts, ["x", "a", "b", "c"]);
        connection.close();
        assert_eq!(driver.join().unwrap(), CLEAN);
        assert_eq!(connection.dropped(), 0);
    });
}

#[test]
fn both_who_wait_for_room_get_it() {
    // P2: one of the two takes the room that both were woken for.
    let seen = explore("both_who_wait_for_room", FEW, || {
        let config = narrow(SlowReceiver::Disconnect);
        let registry = Registry::default();
        let registered = insert(&registry, Protocol::Draft76, &config);
        let connection = registered.connection().clone();
        assert_eq!(connection.try_send("x"), Ok(()));
        let peer = Peer::new(Protocol::Draft76);
        let other = connection.clone();
        let other = thread::spawn(move || block_on(other.send("b")));
        let driver = serve(registered, &peer, &config, Heard::default());
        assert_eq!(block_on(connection.send("a")), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        connection.close();
        assert_eq!(driver.join().unwrap(), CLEAN);
        peer.received().texts.concat()
    });
    assert_eq!(Vec::from_iter(seen), ["xab", "xba"]);
}

#[test]
fn handler_that_waits_for_room_is_written_for() {
    // P2, P6: the one who makes room is the one who waits, and another takes some of it. To a client
    // of draft-76 the turn of the handler writes, and leaves room for another before the close.
    for (protocol, expected) in [
        (Protocol::Draft76, &["ab", "abx", "axb", "xab"][..]),
        #[cfg(feature = "rfc6455")]
        (Protocol::Rfc6455, &["ab", "axb", "xab"]),
    ] {
        let name = format!("handler_that_waits_for_room, {protocol}");
        let seen = explore(&name, MANY, move || {
            let config = narrow(SlowReceiver::Disconnect);
            let registry = Registry::default();
            let registered = insert(&registry, protocol, &config);
            let connection = registered.connection().clone();
            let peer = Peer::new(protocol);
            let heard = Heard::on_open(OnOpen::Sends(&["a", "b"]));
            let driver = serve(registered, &peer, &config, heard);
            let sent = block_on(connection.send("x"));
            assert_eq!(driver.join().unwrap(), CLEAN);
            let texts = peer.received().texts.concat();
            assert_eq!(texts.contains('x'), sent.is_ok());
            texts
        });
        assert_eq!(Vec::from_iter(seen), expected, "{protocol}");
    }
}

/// How a connection ends while somebody waits.
#[derive(Clone, Copy, Debug)]
enum Cause {
    Close,
    Abort,
    Reset,
    Slow,
}

fn end_by(cause: Cause, connection: &Connection, peer: &Peer) {
    match cause {
        Cause::Close => connection.close(),
        Cause::Abort => connection.registry().abort_all(),
        Cause::Reset => peer.reset(),
        Cause::Slow => {
            let _ = connection.registry().unicast(connection.id(), "y");
        }
    }
}

#[test]
fn send_that_waits_for_room_hears_of_the_end() {
    // P2, P6, P7: there never is room again, and the driver may have to wait for its handler.
    for (cause, heard) in [
        (Cause::Close, &["closing"][..]),
        (Cause::Abort, &["closed"]),
        (Cause::Reset, &["closed"]),
        (Cause::Slow, &["closed", "closing"]),
    ] {
        for on_open in [OnOpen::Returns, OnOpen::Hangs] {
            let name = format!("send_that_waits_for_room, {cause:?}, {on_open:?}");
            let seen = explore(&name, FEW, move || waits_for_room(cause, on_open));
            assert_eq!(Vec::from_iter(seen), heard, "{cause:?}");
        }
    }
}

/// What a send hears when the connection ends.
fn waits_for_room(cause: Cause, on_open: OnOpen) -> &'static str {
    let config = narrow(SlowReceiver::Disconnect);
    let registry = Registry::default();
    let registered = insert(&registry, Protocol::Draft76, &config);
    let connection = registered.connection().clone();
    assert_eq!(connection.try_send("x"), Ok(()));
    let peer = Peer::with_room(Protocol::Draft76, 0);
    let driver = serve(registered, &peer, &config, Heard::on_open(on_open));
    let waiting = connection.clone();
    let waiting = thread::spawn(move || block_on(waiting.send("a")));
    end_by(cause, &connection, &peer);
    let heard = short(waiting.join().unwrap());
    // The closing timeout is what would end it.
    registry.abort_all();
    assert!(!driver.join().unwrap().is_clean());
    assert_eq!(peer.received().texts.len(), 0);
    assert_eq!(connection.dropped(), 1);
    heard
}

#[test]
fn flush_returns_when_all_has_left_or_the_connection_ended() {
    // P2: the kernel takes half of the message, and the rest when the client reads.
    for cause in [Cause::Abort, Cause::Reset] {
        let name = format!("flush_returns, {cause:?}");
        let seen = explore_both(&name, FEW, move |protocol| {
            let config = Config::new();
            let registry = Registry::default();
            let registered = insert(&registry, protocol, &config);
            let connection = registered.connection().clone();
            assert_eq!(connection.try_send("a"), Ok(()));
            let peer = Peer::with_room(protocol, 2);
            let driver = serve(registered, &peer, &config, Heard::default());
            let (flushing, received) = (connection.clone(), Arc::clone(&peer));
            let flushing = thread::spawn(move || {
                let flushed = block_on(flushing.flush());
                if flushed.is_ok() {
                    assert_eq!(received.received().texts, ["a"], "flushed");
                }
                flushed
            });
            peer.read(100);
            end_by(cause, &connection, &peer);
            let flushed = short(flushing.join().unwrap());
            connection.close();
            driver.join().unwrap();
            flushed
        });
        assert_eq!(Vec::from_iter(seen), ["closed", "ok"], "{cause:?}");
    }
}

#[test]
fn flush_hears_that_what_it_waits_for_was_dropped() {
    // P2, P7: the kernel never takes anything, and there is nothing left to wait for.
    explore("flush_hears_of_drops", FEW, || {
        let config = narrow(SlowReceiver::DropOldest);
        let registry = Registry::default();
        let registered = insert(&registry, Protocol::Draft76, &config);
        let connection = registered.connection().clone();
        assert_eq!(connection.try_send("a"), Ok(()));
        let peer = Peer::with_room(Protocol::Draft76, 0);
        let driver = serve(registered, &peer, &config, Heard::default());
        let flushing = connection.clone();
        let mut flushing = Box::pin(async move { flushing.flush().await });
        // From here on it waits for the first message, and for no other.
        let mut context = Context::from_waker(Waker::noop());
        assert!(flushing.as_mut().poll(&mut context).is_pending());
        let flushing = thread::spawn(move || block_on(flushing));
        assert_eq!(registry.unicast(connection.id(), "b"), Ok(()));
        assert_eq!(flushing.join().unwrap(), Ok(()));
        registry.abort_all();
        driver.join().unwrap();
        assert_eq!(connection.dropped(), 2);
    });
}

#[test]
fn send_that_waits_hears_of_room_that_a_drop_made() {
    // P2, P7: a long message is dropped for a short one, and there is room for another.
    explore("send_hears_of_drops", FEW, || {
        let config = Config::new()
            .with_max_queued_len(10)
            .with_slow_receiver(SlowReceiver::DropOldest);
        let registry = Registry::default();
        let registered = insert(&registry, Protocol::Draft76, &config);
        let connection = registered.connection().clone();
        assert_eq!(connection.try_send("12345678"), Ok(()));
        let peer = Peer::with_room(Protocol::Draft76, 0);
        let driver = serve(registered, &peer, &config, Heard::default());
        let waiting = connection.clone();
        let waiting = thread::spawn(move || block_on(waiting.send("a")));
        assert_eq!(registry.unicast(connection.id(), "b"), Ok(()));
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert_eq!((connection.queued(), connection.dropped()), (2, 1));
        registry.abort_all();
        driver.join().unwrap();
    });
}

#[test]
fn slow_receiver_is_accounted_for() {
    // P1, P2, P7: Ok = received + dropped, whoever sends at the same time.
    for (policy, expected) in [
        // Queued, dropped, and whether that was the end of the connection.
        (
            SlowReceiver::Disconnect,
            [(1, 1, true), (2, 1, true), (3, 0, false)],
        ),
        (
            SlowReceiver::DropNewest,
            [(1, 0, false), (2, 0, false), (3, 0, false)],
        ),
        (
            SlowReceiver::DropOldest,
            [(3, 0, false), (3, 1, false), (3, 2, false)],
        ),
    ] {
        let name = format!("slow_receiver, {policy:?}");
        let seen = explore(&name, FEW, move || {
            let config = narrow(policy);
            let registry = Registry::default();
            let registered = insert(&registry, Protocol::Draft76, &config);
            let connection = registered.connection().clone();
            let peer = Peer::new(Protocol::Draft76);
            let driver = serve(registered, &peer, &config, Heard::default());
            let id = connection.id();
            let others = registry.clone();
            let other = thread::spawn(move || others.unicast(id, "x").is_ok());
            let mut queued = ["a", "b"]
                .map(|text| registry.unicast(id, text).is_ok())
                .to_vec();
            queued.push(other.join().unwrap());
            connection.close();
            let reason = driver.join().unwrap();
            let texts = peer.received().texts;
            let queued = queued.iter().filter(|ok| **ok).count() as u64;
            assert_eq!(texts.len() as u64 + connection.dropped(), queued);
            let own = texts.iter().filter(|text| *text != "x");
            assert!(own.is_sorted(), "{texts:?}");
            let slow = reason == CloseReason::SlowReceiver;
            assert!(slow || reason == CLEAN, "{reason}");
            (queued, connection.dropped(), slow)
        });
        assert_eq!(seen, BTreeSet::from(expected), "{policy:?}");
    }
}
