//! The registry: who comes and goes while others send or shut down (P2, P3, P5, P8).

use loom::thread;

use super::{ALL, FEW, Heard, MANY, OnOpen, block_on, explore, insert, peer::Peer, serve};
use crate::{CloseReason, Config, Protocol, Registry, SendError};

#[test]
fn connection_that_comes_during_close_all_is_closed() {
    // P8: in order, with a closing frame.
    explore("close_all_and_insert", MANY, || {
        let config = Config::new();
        let registry = Registry::default();
        let coming = registry.clone();
        let coming = thread::spawn(move || {
            let peer = Peer::new(Protocol::Draft76);
            let registered = insert(&coming, Protocol::Draft76, &config);
            let driver = serve(registered, &peer, &config, Heard::default());
            let reason = driver.join().unwrap();
            assert!(peer.received().closing, "no closing frame");
            reason
        });
        registry.close_all();
        let reason = coming.join().unwrap();
        assert_eq!(reason, CloseReason::Shutdown { clean: true });
        assert!(registry.is_empty());
    });
}

#[test]
fn connection_that_comes_during_abort_all_is_dropped() {
    // P8: though its handler hangs, and nobody aborts a second time.
    explore("abort_all_and_insert", MANY, || {
        let config = Config::new();
        let registry = Registry::default();
        let coming = registry.clone();
        let coming = thread::spawn(move || {
            let peer = Peer::new(Protocol::Draft76);
            let registered = insert(&coming, Protocol::Draft76, &config);
            let heard = Heard::on_open(OnOpen::Hangs);
            serve(registered, &peer, &config, heard).join().unwrap()
        });
        registry.close_all();
        registry.abort_all();
        let reason = coming.join().unwrap();
        assert_eq!(reason, CloseReason::Shutdown { clean: false });
        assert!(registry.is_empty());
    });
}

#[test]
fn sends_that_race_the_removal_end() {
    // P2, P5: Ok = dropped as nobody writes; who waits for room is told; afterwards nobody is there.
    let seen = explore("removal", MANY, || {
        let config = Config::new().with_max_queued_messages(1);
        let registry = Registry::default();
        let registered = insert(&registry, Protocol::Draft76, &config);
        let connection = registered.connection().clone();
        let id = connection.id();
        let waiting = connection.clone();
        let waiting = thread::spawn(move || {
            let first = waiting.try_send("a").is_ok();
            let second = block_on(waiting.send("b"));
            let expected = [SendError::Closing, SendError::Closed].map(Err);
            assert!(expected.contains(&second), "{second:?}");
            first
        });
        let all = registry.clone();
        let all = thread::spawn(move || {
            let delivery = all.send_all("c");
            assert!(delivery.queued + delivery.full + delivery.closed <= 1);
            delivery.queued
        });
        drop(registered);
        assert!(registry.get(id).is_none());
        assert_eq!(registry.unicast(id, "d"), Err(SendError::Closed));
        assert_eq!(connection.try_send("e"), Err(SendError::Closed));
        assert_eq!(block_on(connection.flush()), Err(SendError::Closed));
        let queued = u64::from(waiting.join().unwrap()) + all.join().unwrap() as u64;
        assert_eq!(connection.dropped(), queued);
        assert_eq!(connection.queued(), 0);
        queued
    });
    assert_eq!(Vec::from_iter(seen), [0, 1]);
}

#[test]
fn broadcasts_of_one_sender_arrive_in_one_order_everywhere() {
    // P1, P3: one of the two receivers is written to meanwhile, and another sends as well.
    let seen = explore("broadcast_order", FEW, || {
        let config = Config::new();
        let registry = Registry::default();
        let peers = [1, 2].map(|_| Peer::new(Protocol::Draft76));
        let [first, second] = [1, 2].map(|_| insert(&registry, Protocol::Draft76, &config));
        let first = serve(first, &peers[0], &config, Heard::default());
        let other = registry.clone();
        let other = thread::spawn(move || other.send_all("x").queued);
        for text in ["a", "b"] {
            assert_eq!(registry.send_all(text).queued, 2);
        }
        assert_eq!(other.join().unwrap(), 2);
        registry.close_all();
        let second = serve(second, &peers[1], &config, Heard::default());
        for driver in [first, second] {
            let clean = CloseReason::Shutdown { clean: true };
            assert_eq!(driver.join().unwrap(), clean);
        }
        peers.map(|peer| peer.received().texts.concat())
    });
    let orders = ["abx", "axb", "xab"];
    let one = |order: &String| orders.contains(&order.as_str());
    assert!(seen.iter().flatten().all(one), "{seen:?}");
    for order in orders {
        assert!(
            seen.iter().any(|both| both.iter().all(|one| one == order)),
            "{seen:?}"
        );
    }
}

#[test]
fn broadcast_reaches_once_who_is_open_throughout() {
    // P3: another comes and goes; it gets it once or not, and is counted when it does.
    let seen = explore("broadcast_coming_and_going", ALL, || {
        let config = Config::new();
        let registry = Registry::default();
        let stays = insert(&registry, Protocol::Draft76, &config);
        let coming = registry.clone();
        let coming = thread::spawn(move || {
            let registered = insert(&coming, Protocol::Draft76, &config);
            let connection = registered.connection().clone();
            let queued = connection.queued();
            drop(registered);
            assert!(queued as u64 <= connection.dropped());
            connection.dropped()
        });
        let delivery = registry.send_all("a");
        let got = coming.join().unwrap();
        assert!(got <= 1, "{got} of one message");
        assert_eq!(stays.connection().queued(), 1);
        assert_eq!(delivery.queued as u64, 1 + got);
        assert_eq!(delivery.full, 0);
        (got, delivery.closed)
    });
    assert_eq!(Vec::from_iter(seen), [(0, 0), (1, 0)]);
}

#[test]
fn ids_never_collide() {
    // P5
    let seen = explore("ids", ALL, || {
        let config = Config::new();
        let registry = Registry::default();
        let others = [1, 2].map(|_| {
            let (registry, config) = (registry.clone(), config.clone());
            thread::spawn(move || {
                let registered = insert(&registry, Protocol::Draft76, &config);
                let id = registered.connection().id();
                assert_eq!(registry.unicast(id, "a"), Ok(()));
                registered
            })
        });
        let own = insert(&registry, Protocol::Draft76, &config);
        let others = others.map(|other| other.join().unwrap());
        assert_eq!(registry.len(), 3);
        for registered in others.iter().chain([&own]) {
            let connection = registry.get(registered.connection().id()).unwrap();
            let queued = usize::from(connection.id() != own.connection().id());
            assert_eq!(connection.queued(), queued, "the message of another");
        }
        let [one, other] = others.map(|other| other.connection().id().get());
        [own.connection().id().get(), one, other]
    });
    let sorted = |ids: &[u64; 3]| {
        let mut ids = *ids;
        ids.sort_unstable();
        ids == [1, 2, 3]
    };
    assert!(seen.iter().all(sorted) && seen.len() == 6, "{seen:?}");
}
