//! What a handler, or a loop over events, hears of a connection.
//!
//! The harness notes for every test whether an event began while another was under way (P4), and
//! whether the connection was registered when it should be (P5).

use std::io::ErrorKind;

use ws76_server::{
    CloseReason, Connection, ConnectionError, DecodeError, Event, Handler, Posix, Rfc6455Error,
    Server, Text,
};

use crate::support::{
    BOTH, Client, Echo, Obedient, Seen, Speaks, TestServer, listener, settle, within,
};

/// What is wrong with a frame of [`malformed`].
fn protocol_error(speaks: Speaks) -> ConnectionError {
    match speaks {
        Speaks::Draft76 => DecodeError::ReservedFrame { frame_type: 0x80 }.into(),
        Speaks::Rfc6455 => Rfc6455Error::Protocol.into(),
    }
}

/// A frame that no client may send.
fn malformed(speaks: Speaks) -> &'static [u8] {
    match speaks {
        Speaks::Draft76 => b"\x80\x01x",
        Speaks::Rfc6455 => b"\x81\x01x", // not masked
    }
}

#[tokio::test]
async fn events_are_open_then_messages_then_closed() {
    // P4
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("one").await;
        client.send("two").await;
        client.expect_text("one").await;
        client.expect_text("two").await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
        drop(client);
        let closed = Seen::Closed(1, CloseReason::Peer { clean: true });
        let messages = ["one", "two"].map(|text| Seen::Message(1, text.to_owned()));
        server.expect([Seen::Open(1)]).await;
        server.expect(messages).await;
        server.expect([closed]).await;
        server.shut_down();
        assert_eq!(server.ended().await, [], "closed exactly once");
    }
}

#[tokio::test]
async fn error_comes_once_between_messages_and_closed() {
    // P4, P13: what came before the error is delivered and answered.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let bad = malformed(speaks);
        client
            .write([&speaks.text("good"), bad, bad, &speaks.text("late")].concat())
            .await;
        client.expect_text("good").await;
        client.expect_end(speaks.sent_closing(1002)).await;
        drop(client);
        let error = protocol_error(speaks);
        server
            .expect([Seen::Open(1), Seen::Message(1, "good".to_owned())])
            .await;
        server
            .expect([
                Seen::Error(1, error),
                Seen::Closed(1, CloseReason::Error(error)),
            ])
            .await;
        server.shut_down();
        assert_eq!(server.ended().await, []);
    }
}

/// Panics in one event, after it has waited once.
struct PanicsIn(&'static str);

impl PanicsIn {
    async fn event(&self, name: &str) {
        tokio::task::yield_now().await;
        assert_ne!(self.0, name, "as asked by the test");
    }
}

impl Handler for PanicsIn {
    async fn on_open(&self, connection: &Connection) {
        let _ = connection.try_send("welcome");
        self.event("open").await;
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        let _ = connection.try_send(text);
        self.event("message").await;
    }

    async fn on_error(&self, _: &Connection, _: ConnectionError) {
        self.event("error").await;
    }

    async fn on_closed(&self, _: &Connection, _: CloseReason) {
        self.event("closed").await;
    }
}

#[tokio::test]
async fn panic_in_open_closes_its_connection() {
    // P4, P6, P13: what was queued goes out, then the closing frame.
    for &speaks in BOTH {
        let mut server = TestServer::start(PanicsIn("open")).await;
        for id in 1..=2 {
            let mut client = Client::open(server.addr, speaks).await;
            let end = [speaks.sent("welcome"), speaks.sent_closing(1011)].concat();
            client.expect_end(end).await;
            let closed = Seen::Closed(id, CloseReason::HandlerPanic);
            server.expect([Seen::Open(id), closed]).await;
        }
        server.shut_down();
        assert_eq!(server.ended().await, []);
    }
}

#[tokio::test]
async fn panic_in_message_harms_its_own_connection_only() {
    // P4, P6, P13
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut neighbour = Client::open(server.addr, speaks).await;
        let mut client = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1), Seen::Open(2)]).await;
        client.send("panic").await;
        client.expect_end(speaks.sent_closing(1011)).await;
        server.expect([Seen::Message(2, "panic".to_owned())]).await;
        server
            .expect([Seen::Closed(2, CloseReason::HandlerPanic)])
            .await;
        neighbour.send("still here").await;
        neighbour.expect_text("still here").await;
        assert_eq!(server.registry.len(), 1);
    }
}

#[tokio::test]
async fn panic_in_error_or_closed_loses_no_event() {
    // P4, P6
    for &speaks in BOTH {
        for event in ["error", "closed"] {
            let mut server = TestServer::start(PanicsIn(event)).await;
            for id in 1..=2 {
                let mut client = Client::open(server.addr, speaks).await;
                client.expect_text("welcome").await;
                client.write(malformed(speaks)).await;
                client.expect_end(speaks.sent_closing(1002)).await;
                let error = protocol_error(speaks);
                let closed = Seen::Closed(id, CloseReason::Error(error));
                server
                    .expect([Seen::Open(id), Seen::Error(id, error), closed])
                    .await;
            }
            server.shut_down();
            assert_eq!(server.ended().await, []);
        }
    }
}

#[tokio::test]
async fn stuck_handler_reads_no_more_but_its_connection_goes_on_writing() {
    // P6
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        client.send("stuck").await;
        client.send("unread").await;
        server.expect([Seen::Message(1, "stuck".to_owned())]).await;
        let mut neighbour = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(2)]).await;
        for _ in 0..100 {
            neighbour.send("hello").await;
            neighbour.expect_text("hello").await;
            server.expect([Seen::Message(2, "hello".to_owned())]).await;
            assert_eq!(connection.try_send("from elsewhere"), Ok(()));
            client.expect_text("from elsewhere").await;
        }
    }
}

#[tokio::test]
async fn reset_is_reported_by_its_posix_name() {
    // P12, P13, X6
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let client = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1)]).await;
        client.reset();
        let error = ConnectionError::Io(Posix::from(std::io::Error::from(
            ErrorKind::ConnectionReset,
        )));
        server
            .expect([
                Seen::Error(1, error),
                Seen::Closed(1, CloseReason::Error(error)),
            ])
            .await;
        let ConnectionError::Io(posix) = error else {
            unreachable!();
        };
        assert_eq!(posix.name(), "ECONNRESET");
    }
}

#[tokio::test]
async fn fin_without_a_closing_frame_is_no_error_but_unclean() {
    // P12, X6: what was queued still goes out, and no closing frame.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("last words").await;
        client.finish().await;
        client.expect_end(speaks.sent("last words")).await;
        server
            .expect([Seen::Open(1), Seen::Message(1, "last words".to_owned())])
            .await;
        server
            .expect([Seen::Closed(1, CloseReason::Peer { clean: false })])
            .await;
    }
}

#[tokio::test]
async fn fin_inside_a_frame_delivers_nothing_of_it() {
    // P12
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let frame = speaks.text("cut off");
        client.write(&frame[..frame.len() - 1]).await;
        client.finish().await;
        server.expect([Seen::Open(1)]).await;
        let (_, reason) = match speaks {
            Speaks::Draft76 => {
                let error = ConnectionError::from(DecodeError::Truncated);
                server.expect([Seen::Error(1, error)]).await;
                server
                    .expect([Seen::Closed(1, CloseReason::Error(error))])
                    .await;
                continue;
            }
            Speaks::Rfc6455 => server.closed().await,
        };
        assert!(!reason.is_clean());
    }
}

#[tokio::test]
async fn client_that_sends_its_closing_frame_and_vanishes_has_closed_cleanly() {
    // X1; Flash closes TCP at once, and our answer may meet a RST: that is not an error.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        for id in 1..=20 {
            let mut client = Client::open(server.addr, speaks).await;
            server.expect([Seen::Open(id)]).await;
            client.send_closing().await;
            drop(client);
            server
                .expect([Seen::Closed(id, CloseReason::Peer { clean: true })])
                .await;
        }
    }
}

#[cfg(target_os = "linux")] // elsewhere a RST takes with it what was not read yet
#[tokio::test]
async fn closing_frame_before_a_reset_is_a_clean_close() {
    // X1: our answer cannot be written any more, which is no fault of the close.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1)]).await;
        client.send_closing().await;
        client.reset();
        let closed = CloseReason::Peer { clean: true };
        server.expect([Seen::Closed(1, closed)]).await;
    }
}

#[tokio::test]
async fn loop_over_events_receives_what_a_handler_would() {
    // P4
    for &speaks in BOTH {
        let server = Server::new(listener().await);
        let addr = server.local_addrs().unwrap()[0];
        let (mut events, registry) = server.into_events();
        let mut client = Client::open(addr, speaks).await;
        client.send("hello").await;
        let Some(Event::Open(connection)) = within("open", events.recv()).await else {
            panic!("not open");
        };
        let Some(Event::Message(sender, text)) = within("a message", events.recv()).await else {
            panic!("no message");
        };
        assert_eq!((sender.id(), text.as_str()), (connection.id(), "hello"));
        assert_eq!(registry.unicast(sender.id(), text), Ok(()));
        client.expect_text("hello").await;
        client.write(malformed(speaks)).await;
        let Some(Event::Error(_, error)) = within("an error", events.recv()).await else {
            panic!("no error");
        };
        let Some(Event::Closed(_, reason)) = within("closed", events.recv()).await else {
            panic!("not closed");
        };
        assert_eq!(
            (error, reason),
            (protocol_error(speaks), CloseReason::Error(error))
        );
        assert!(registry.is_empty());
    }
}

#[tokio::test]
async fn loop_over_events_ends_after_a_graceful_shutdown() {
    // P8: more connections than events fit the queue, every one of them is reported closed.
    for &speaks in BOTH {
        let server = Server::new(listener().await);
        let addr = server.local_addrs().unwrap()[0];
        let (mut events, registry) = server.into_events();
        let mut clients = Vec::new();
        for _ in 0..80 {
            let client = Client::open(addr, speaks).await;
            assert!(matches!(
                within("open", events.recv()).await,
                Some(Event::Open(_))
            ));
            clients.push(client);
        }
        assert_eq!(registry.send_all("bye").queued, 80);
        events.shutdown();
        events.shutdown();
        for client in &mut clients {
            client
                .expect([speaks.sent("bye"), speaks.sent_closing(1001)].concat())
                .await;
            client.send_closing().await;
        }
        drop(clients);
        let mut closed = 0;
        while let Some(event) = within("the end of events", events.recv()).await {
            let Event::Closed(_, CloseReason::Shutdown { clean: true }) = event else {
                panic!("{event:?}");
            };
            closed += 1;
        }
        assert_eq!((closed, registry.len()), (80, 0));
    }
}

#[tokio::test]
async fn dropping_the_events_drops_every_connection() {
    // P8
    for &speaks in BOTH {
        let server = Server::new(listener().await);
        let addr = server.local_addrs().unwrap()[0];
        let (mut events, registry) = server.into_events();
        let mut client = Client::open(addr, speaks).await;
        assert!(matches!(
            within("open", events.recv()).await,
            Some(Event::Open(_))
        ));
        drop(events);
        client.expect_end(b"").await;
        settle().await;
        assert!(registry.is_empty());
    }
}
