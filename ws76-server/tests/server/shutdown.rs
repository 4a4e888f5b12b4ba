//! Graceful shutdown, shutdown that takes too long, and no shutdown at all.

use std::future::pending;

use tokio::net::TcpListener;
use ws76_server::{CloseReason, Config, Connection, Handler, SendError, Server};

use crate::support::{
    self, BOTH, Client, Echo, HEAD, Obedient, Quiet, REPLY, Seen, Speaks, TestServer, settle,
    within,
};

const CLEAN: CloseReason = CloseReason::Shutdown { clean: true };
const UNCLEAN: CloseReason = CloseReason::Shutdown { clean: false };

#[tokio::test]
async fn shutdown_delivers_what_was_queued_then_closes_everybody() {
    // P8: RFC 6455 clients get 1001.
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut clients = Vec::new();
        for id in 1..=5 {
            clients.push(Client::open(server.addr, speaks).await);
            server.expect([Seen::Open(id)]).await;
        }
        let registry = server.registry.clone();
        for text in ["one", "two"] {
            assert_eq!(registry.send_all(text).queued, 5);
        }
        server.shut_down();
        let last = [
            speaks.sent("one"),
            speaks.sent("two"),
            speaks.sent_closing(1001),
        ]
        .concat();
        for client in &mut clients {
            client.expect(&last).await;
            assert_eq!(registry.send_all("late").queued, 0);
            client.send_closing().await;
            client.expect_end(b"").await;
        }
        drop(clients);
        let mut events = server.ended().await;
        events.sort_by_key(|event| format!("{event:?}"));
        let closed = (1..=5).map(|id| Seen::Closed(id, CLEAN));
        assert_eq!(events, closed.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn shutdown_without_clients_ends_at_once() {
    let mut server = TestServer::start(Quiet).await;
    server.shut_down();
    assert_eq!(server.ended().await, []);
}

#[tokio::test]
async fn half_open_connections_are_dropped_by_a_shutdown() {
    // P8
    let mut server = TestServer::start(Quiet).await;
    let mut silent = Client::connect(server.addr).await;
    let mut without_key3 = Client::request(server.addr, HEAD).await;
    without_key3.expect(&REPLY[..REPLY.len() - 16]).await;
    server.shut_down();
    silent.expect_end(b"").await;
    without_key3.expect_end(b"").await;
    assert_eq!(server.ended().await, []);
}

#[tokio::test]
async fn connection_that_opens_during_the_shutdown_is_closed() {
    // P8: either it never opens, or it is closed as all others are.
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut early = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1)]).await;
        let request = [speaks.request().as_bytes(), &speaks.closing()].concat();
        let mut late = Client::request(server.addr, request).await;
        server.shut_down();
        early.expect(speaks.sent_closing(1001)).await;
        early.send_closing().await;
        early.expect_end(b"").await;
        // Its socket may not even have been accepted: then it ends with a RST.
        let mut got = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut late.io, &mut got).await;
        let closed = |code| [speaks.reply().as_bytes(), &speaks.sent_closing(code)].concat();
        let replies = [vec![], speaks.reply().into(), closed(1000), closed(1001)];
        assert!(replies.contains(&got), "{}", got.escape_ascii());
        drop((early, late));
        let events = server.ended().await;
        let count = |wanted: fn(&Seen) -> bool| events.iter().filter(|one| wanted(one)).count();
        let closed = count(|event| matches!(event, Seen::Closed(..)));
        assert_eq!(closed, 1 + count(|event| matches!(event, Seen::Open(2))));
        assert!(events.contains(&Seen::Closed(1, CLEAN)));
    }
}

#[tokio::test]
async fn client_that_does_not_answer_the_shutdown_is_closed_after_the_closing_timeout() {
    // P8, X5
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1)]).await;
        server.shut_down();
        client.expect(speaks.sent_closing(1001)).await;
        assert_eq!(server.ended_due().await, [Seen::Closed(1, UNCLEAN)]);
        client.expect_end(b"").await;
    }
}

#[tokio::test]
async fn handler_that_is_stuck_is_aborted_after_the_shutdown_timeout() {
    // P4, P8: its closed event still comes; the others close cleanly.
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("stuck").await;
        server
            .expect([Seen::Open(1), Seen::Message(1, "stuck".to_owned())])
            .await;
        let mut neighbour = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(2)]).await;
        let connection = server
            .registry
            .connections()
            .into_iter()
            .find(|one| one.id().get() == 1);
        server.shut_down();
        neighbour.expect(speaks.sent_closing(1001)).await;
        neighbour.send_closing().await;
        neighbour.expect_end(b"").await;
        server.expect([Seen::Closed(2, CLEAN)]).await;
        drop(neighbour);
        assert_eq!(server.ended_due().await, [Seen::Closed(1, UNCLEAN)]);
        client.expect_end(b"").await;
        assert_eq!(connection.unwrap().try_send("late"), Err(SendError::Closed));
    }
}

#[tokio::test]
async fn handler_that_is_stuck_is_aborted_though_its_client_was_dropped_before() {
    // P8: found by a model of the server.
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(1);
        let mut server = TestServer::on(support::narrow_listener(), config, Obedient);
        let mut client = Client::connect_narrow(server.addr)
            .await
            .opened(speaks)
            .await;
        let connection = server.opened(1).await;
        client.send("stuck").await;
        server.expect([Seen::Message(1, "stuck".to_owned())]).await;
        let registry = connection.registry();
        while registry.unicast(connection.id(), "x".repeat(100_000)) != Err(SendError::Full) {
            settle().await;
        }
        settle().await;
        server.shut_down();
        let end = Seen::Closed(1, CloseReason::SlowReceiver);
        assert_eq!(server.ended_due().await, [end]);
    }
}

/// Is stuck in one event.
struct StuckIn(&'static str);

impl Handler for StuckIn {
    async fn on_open(&self, _: &Connection) {
        if self.0 == "open" {
            pending().await
        }
    }

    async fn on_closed(&self, _: &Connection, _: CloseReason) {
        if self.0 == "closed" {
            pending().await
        }
    }
}

#[tokio::test]
async fn event_that_is_stuck_does_not_hold_up_the_end() {
    // P8
    for &speaks in BOTH {
        for event in ["open", "closed"] {
            let mut server = TestServer::start(StuckIn(event)).await;
            let mut client = Client::open(server.addr, speaks).await;
            server.expect([Seen::Open(1)]).await;
            server.shut_down();
            if event == "closed" {
                client.expect(speaks.sent_closing(1001)).await;
            }
            assert_eq!(server.ended_due().await, [Seen::Closed(1, UNCLEAN)]);
        }
    }
}

#[tokio::test]
async fn client_that_does_not_read_does_not_hold_up_the_end() {
    // P8
    for &speaks in BOTH {
        let config = Config::new().with_write_timeout(std::time::Duration::MAX);
        let mut server = TestServer::on(support::narrow_listener(), config, Quiet);
        let _client = Client::connect_narrow(server.addr)
            .await
            .opened(speaks)
            .await;
        let connection = server.opened(1).await;
        while connection.try_send("x".repeat(10_000)) != Err(SendError::Full) {
            settle().await;
        }
        server.shut_down();
        assert_eq!(server.ended_due().await, [Seen::Closed(1, UNCLEAN)]);
    }
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    // P4, P8: no closing handshake, but every closed event.
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        let mut stuck = Client::open(server.addr, speaks).await;
        stuck.send("stuck").await;
        let mut half_open = Client::request(server.addr, HEAD).await;
        half_open.expect(&REPLY[..REPLY.len() - 16]).await;
        server.expect([Seen::Open(1), Seen::Open(2)]).await;
        server.expect([Seen::Message(2, "stuck".to_owned())]).await;
        let addr = server.addr;
        let ended = tokio::spawn(server.dropped());
        client.expect_end(b"").await;
        stuck.expect_end(b"").await;
        half_open.expect_end(b"").await;
        drop((client, stuck, half_open));
        let mut events = ended.await.unwrap();
        events.sort_by_key(|event| format!("{event:?}"));
        assert_eq!(events, [Seen::Closed(1, UNCLEAN), Seen::Closed(2, UNCLEAN)]);
        // P14
        drop(TcpListener::bind(addr).await.unwrap());
    }
}

#[tokio::test]
async fn port_can_be_bound_again_at_once() {
    // P14: also with connections that the server closed first and the kernel remembers.
    let mut server = TestServer::start(Obedient).await;
    let port = server.addr.port();
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client.send("close").await;
    client.expect_end(b"\xff\x00").await;
    client.send_closing().await;
    drop(client);
    assert_eq!(
        server.closed().await,
        (1, CloseReason::Local { clean: true })
    );
    server.shut_down();
    server.ended().await;

    let server = Server::bind("127.0.0.1", port).await.unwrap();
    let addr = server.local_addrs().unwrap()[0];
    assert_eq!(addr.port(), port);
    let serve = tokio::spawn(server.serve(Echo).into_future());
    let mut client = Client::open(addr, Speaks::Draft76).await;
    client.send("hello").await;
    client.expect_text("hello").await;
    serve.abort();
}

#[tokio::test]
async fn serve_without_a_shutdown_never_ends_by_itself() {
    // P9: not when its last client goes.
    let server = Server::new(support::listener().await);
    let addr = server.local_addrs().unwrap()[0];
    let serve = tokio::spawn(server.serve(Echo).into_future());
    for _ in 0..10 {
        let mut client = Client::open(addr, Speaks::Draft76).await;
        client.send_closing().await;
        client.expect_end(b"\xff\x00").await;
        Client::connect(addr).await.reset();
    }
    assert!(!serve.is_finished());
    serve.abort();
}

#[tokio::test]
async fn many_connections_of_every_end_leave_nothing_behind() {
    // T16, P4: as many closed events as open events, an empty registry, and no task.
    let mut server = TestServer::start(Obedient).await;
    for round in 0..60 {
        for &speaks in BOTH {
            let mut client = Client::open(server.addr, speaks).await;
            match round % 6 {
                0 => client.send_closing().await,
                1 => client.finish().await,
                2 => client.send("close").await,
                3 => client.send("panic").await,
                4 => client.write(b"\x80\x80\x80").await,
                _ => client.reset(),
            }
            Client::request(server.addr, HEAD).await.reset();
            Client::request(server.addr, "PUT / HTTP/1.1\r\n\r\n")
                .await
                .reset();
        }
    }
    let count = 60 * BOTH.len() as u64;
    let mut open = 0;
    let mut closed = 0;
    while closed < count {
        match server.next().await {
            Seen::Open(_) => open += 1,
            Seen::Closed(..) => closed += 1,
            Seen::Message(..) | Seen::Error(..) => {}
            Seen::Binary(id, _) => panic!("connection {id} got a binary message"),
            Seen::Forbidden(id, what) => panic!("connection {id}: {what}"),
        }
    }
    assert_eq!(open, closed);
    assert!(server.registry.is_empty());
    // Every stream was opened or answered, or came to nothing, and just one of these.
    let all = async {
        loop {
            let stats = server.stats();
            let sums = [stats.opened.values(), stats.unopened.values()].map(|one| one.sum::<u64>());
            let ended = sums[0] + sums[1] + stats.answered.values().sum::<u64>();
            if (ended, stats.half_open) == (3 * count, 0) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within("the end of every stream", all).await;
    server.shut_down();
    assert_eq!(server.ended().await, []);
}
