//! Closes, aborts, and what is sent meanwhile (P2, P4, P8).

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use loom::thread;

use super::{BOTH, Heard, MANY, OnOpen, explore, explore_both, insert, peer::Peer, serve};
use crate::{CloseReason, Config, Protocol, Registry, SendError};

#[test]
fn push_that_races_a_close_is_ahead_of_the_closing_frame_or_an_error() {
    // P2: Ok means that it goes out, an error that it does not.
    let seen = explore_both("push_races_close", MANY, |protocol| {
        let config = Config::new();
        let registry = Registry::default();
        let registered = insert(&registry, protocol, &config);
        let connection = registered.connection().clone();
        let peer = Peer::new(protocol);
        let driver = serve(registered, &peer, &config, Heard::default());
        let closer = connection.clone();
        let closer = thread::spawn(move || closer.close());
        let sent = ["a", "b"].map(|text| (text, connection.try_send(text)));
        closer.join().unwrap();
        let reason = driver.join().unwrap();
        assert_eq!(reason, CloseReason::Local { clean: true });
        let received = peer.received();
        let queued = sent.iter().filter(|(_, sent)| sent.is_ok());
        let queued: Vec<&str> = queued.map(|(text, _)| *text).collect();
        assert_eq!(received.texts, queued);
        assert!(received.closing, "no closing frame");
        assert_eq!((connection.queued(), connection.dropped()), (0, 0));
        for (_, sent) in sent {
            let expected = [Ok(()), Err(SendError::Closing), Err(SendError::Closed)];
            assert!(expected.contains(&sent), "{sent:?}");
        }
        queued.len()
    });
    assert_eq!(Vec::from_iter(seen), [0, 1, 2]);
}

#[test]
fn push_that_races_an_abort_is_received_or_dropped() {
    // P2, P8: Ok = received + dropped.
    for &protocol in BOTH {
        let seen = explore(&format!("push_races_abort, {protocol}"), MANY, move || {
            let config = Config::new();
            let registry = Registry::default();
            let registered = insert(&registry, protocol, &config);
            let connection = registered.connection().clone();
            let peer = Peer::with_room(protocol, 4);
            let driver = serve(registered, &peer, &config, Heard::default());
            let aborter = registry.clone();
            let aborter = thread::spawn(move || aborter.abort_all());
            let queued = ["a", "b"].map(|text| connection.try_send(text).is_ok());
            aborter.join().unwrap();
            let reason = driver.join().unwrap();
            assert_eq!(reason, CloseReason::Shutdown { clean: false });
            let queued = queued.iter().filter(|ok| **ok).count();
            let received = peer.received();
            assert!(!received.closing, "a closing frame");
            let dropped = usize::try_from(connection.dropped()).unwrap();
            let accounted = received.texts.len() + dropped;
            match protocol {
                Protocol::Draft76 => assert_eq!(accounted, queued),
                // What tungstenite holds counts as sent.
                _ => assert!(accounted <= queued),
            }
            (queued, received.texts.len())
        });
        let all = [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)];
        assert_eq!(seen, BTreeSet::from(all), "{protocol}");
    }
}

#[test]
fn two_closes_are_one() {
    // P4, P8: one closing frame, one reason; the first who asked.
    let seen = explore_both("two_closes", MANY, |protocol| {
        let config = Config::new();
        let registry = Registry::default();
        let registered = insert(&registry, protocol, &config);
        let connection = registered.connection().clone();
        let peer = Peer::new(protocol);
        assert_eq!(connection.try_send("a"), Ok(()));
        let driver = serve(registered, &peer, &config, Heard::default());
        let closer = registry.clone();
        let closer = thread::spawn(move || closer.close_all());
        connection.close();
        assert!(connection.try_send("b").is_err());
        closer.join().unwrap();
        let reason = driver.join().unwrap();
        assert!(reason.is_clean(), "{reason}");
        let received = peer.received();
        assert!(received.closing, "no closing frame");
        assert_eq!(received.texts, ["a"]);
        matches!(reason, CloseReason::Shutdown { .. })
    });
    assert_eq!(Vec::from_iter(seen), [false, true]);
}

#[test]
fn no_message_is_delivered_after_a_close() {
    // The handler returns from the first message when another thread has closed.
    for &protocol in BOTH {
        let seen = explore(
            &format!("no_message_after_close, {protocol}"),
            MANY,
            move || {
                let config = Config::new();
                let registry = Registry::default();
                let registered = insert(&registry, protocol, &config);
                let connection = registered.connection().clone();
                let peer = Peer::sending(protocol, &["1", "2"]);
                let closing = connection.clone();
                let closer = thread::spawn(move || closing.close());
                let heard = Arc::new(Heard {
                    closer: Mutex::new(Some(closer)),
                    ..Heard::default()
                });
                let driver = serve(registered, &peer, &config, Arc::clone(&heard));
                let _ = connection.try_send("a");
                assert!(driver.join().unwrap().is_clean());
                *heard.messages.lock().unwrap()
            },
        );
        assert_eq!(Vec::from_iter(seen), [0, 1], "{protocol}");
    }
}

#[test]
fn abort_ends_a_close_whose_client_does_not_answer() {
    // P8: the closing timeout does not come.
    explore_both("abort_ends_a_close", MANY, |protocol| {
        let config = Config::new();
        let registry = Registry::default();
        let registered = insert(&registry, protocol, &config);
        let connection = registered.connection().clone();
        let peer = Peer::unanswering(protocol);
        let driver = serve(registered, &peer, &config, Heard::default());
        let aborter = registry.clone();
        let aborter = thread::spawn(move || aborter.abort_all());
        connection.close();
        aborter.join().unwrap();
        let reason = driver.join().unwrap();
        assert!(!reason.is_clean(), "{reason}");
    });
}

#[test]
fn abort_ends_a_handler_that_hangs_though_its_client_is_gone() {
    // P6, P8
    explore_both("abort_ends_a_handler", MANY, |protocol| {
        let config = Config::new();
        let registry = Registry::default();
        let registered = insert(&registry, protocol, &config);
        let connection = registered.connection().clone();
        assert_eq!(connection.try_send("a"), Ok(()));
        let peer = Peer::with_room(protocol, 0);
        let heard = Heard::on_open(OnOpen::Hangs);
        let driver = serve(registered, &peer, &config, heard);
        let aborter = registry.clone();
        let aborter = thread::spawn(move || aborter.abort_all());
        peer.reset();
        aborter.join().unwrap();
        assert!(!driver.join().unwrap().is_clean());
        assert_eq!(connection.try_send("b"), Err(SendError::Closed));
    });
}
