//! Closing handshakes, whoever begins.

use ws76_server::{CloseReason, Config, ConnectionError, DecodeError, SendError};

use crate::support::{self, BOTH, Client, Echo, Obedient, Quiet, Seen, Speaks, TestServer, settle};

const LOCAL: CloseReason = CloseReason::Local { clean: true };
const PEER: CloseReason = CloseReason::Peer { clean: true };

#[tokio::test]
async fn closing_frame_is_answered_once_and_tcp_ends_at_once() {
    // X1: the client waits for both, and closes TCP only then.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
        server.expect([Seen::Open(1), Seen::Closed(1, PEER)]).await;
    }
}

#[tokio::test]
async fn bytes_after_the_closing_frame_are_ignored() {
    // X3: also such as would be an error, and many of them.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let after = [
            &speaks.text("ignored"),
            &b"\xff\x00\xff\x00\x80\x01"[..],
            &[0x80; 100_000],
        ];
        client
            .write([&speaks.closing(), &after.concat()[..]].concat())
            .await;
        client.expect_end(speaks.sent_closing(1000)).await;
        client.write(speaks.text("ignored too")).await;
        drop(client);
        server.expect([Seen::Open(1), Seen::Closed(1, PEER)]).await;
        server.shut_down();
        assert_eq!(server.ended().await, []);
    }
}

#[tokio::test]
async fn closing_frame_with_a_longer_zero_is_one() {
    // F5: FF 80 00 is a length of 0 in two bytes.
    let mut server = TestServer::start(Echo).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client.write(b"\xff\x80").await;
    settle().await;
    client.write(b"\x00").await;
    client.expect_end(b"\xff\x00").await;
    server.expect([Seen::Open(1), Seen::Closed(1, PEER)]).await;
}

#[tokio::test]
async fn closing_frame_cut_in_two_is_one() {
    // F10
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let closing = speaks.closing();
        for cut in 1..closing.len() {
            let mut client = Client::open(server.addr, speaks).await;
            client.write(&closing[..cut]).await;
            settle().await;
            client.write(&closing[cut..]).await;
            client.expect_end(speaks.sent_closing(1000)).await;
        }
    }
}

#[tokio::test]
async fn both_sides_may_start_at_once() {
    // X4: one closing frame each, and no deadlock, whichever is seen first.
    for &speaks in BOTH {
        for client_first in [true, false] {
            let mut server = TestServer::start(Echo).await;
            let mut client = Client::open(server.addr, speaks).await;
            let connection = server.opened(1).await;
            if client_first {
                client.send_closing().await;
            }
            connection.close();
            connection.close();
            if !client_first {
                client.send_closing().await;
            }
            client.expect_end(speaks.sent_closing(1000)).await;
            let (_, reason) = server.closed().await;
            assert!(reason == LOCAL || reason == PEER, "{reason}");
        }
    }
}

#[tokio::test]
async fn close_sends_what_is_queued_then_the_closing_frame() {
    // X5, X2
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        let mut expected = Vec::new();
        for number in 0..100 {
            assert_eq!(connection.try_send(format!("{number}")), Ok(()));
            expected.extend(speaks.sent(&format!("{number}")));
        }
        connection.close();
        assert_eq!(connection.try_send("late"), Err(SendError::Closing));
        expected.extend(speaks.sent_closing(1000));
        if speaks == Speaks::Draft76 {
            // The end of the stream does not wait for an answer: some clients give none.
            client.expect_end(expected).await;
            client.send_closing().await;
        } else {
            client.expect(expected).await;
            client.send_closing().await;
            client.expect_end(b"").await;
        }
        server.expect([Seen::Closed(1, LOCAL)]).await;
    }
}

#[tokio::test]
async fn close_by_the_handler_delivers_no_further_message() {
    // X3: what the client sent before it saw our closing frame is discarded.
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        let messages = ["a", "close", "b", "c"]
            .map(|text| speaks.text(text))
            .concat();
        client.write(messages).await;
        client
            .expect([speaks.sent("a"), speaks.sent_closing(1000)].concat())
            .await;
        client.send("d").await;
        client.send_closing().await;
        client.expect_end(b"").await;
        server
            .expect([Seen::Open(1), Seen::Message(1, "a".to_owned())])
            .await;
        server
            .expect([Seen::Message(1, "close".to_owned()), Seen::Closed(1, LOCAL)])
            .await;
    }
}

#[tokio::test]
async fn client_that_never_answers_is_closed_after_the_timeout() {
    // X5, P13
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("close").await;
        client.expect(speaks.sent_closing(1000)).await;
        server
            .expect([Seen::Open(1), Seen::Message(1, "close".to_owned())])
            .await;
        let unclean = CloseReason::Local { clean: false };
        assert_eq!(server.next_due().await, Seen::Closed(1, unclean));
        let mut rest = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut client.io, &mut rest);
        assert_eq!(
            (support::elapse(read).await.unwrap(), &rest[..]),
            (0, &b""[..])
        );
    }
}

#[tokio::test]
async fn client_that_answers_with_a_fin_only_has_not_closed_cleanly() {
    // X6: WebKit 534 never sends a closing frame.
    for &speaks in BOTH {
        let mut server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("close").await;
        client.expect(speaks.sent_closing(1000)).await;
        client.finish().await;
        client.expect_end(b"").await;
        let unclean = CloseReason::Local { clean: false };
        assert_eq!(server.closed().await, (1, unclean));
    }
}

#[tokio::test]
async fn client_that_goes_on_sending_still_gets_our_last_bytes() {
    // X5: the rest is drained, so that no RST eats what was sent.
    for &speaks in BOTH {
        let server = TestServer::start(Obedient).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("bye").await;
        client.send("close").await;
        client
            .write(speaks.text(&"x".repeat(10_000)).repeat(200))
            .await;
        client
            .expect([speaks.sent("bye"), speaks.sent_closing(1000)].concat())
            .await;
        client.write(speaks.text("more")).await;
        client.send_closing().await;
        client.expect_end(b"").await;
    }
}

#[tokio::test]
async fn broken_frames_are_answered_with_the_closing_frame() {
    // F2, F3, F4, F6, F8, F9: the default policies.
    let cases: [(&[u8], DecodeError); 7] = [
        (
            b"\x01x\xff",
            DecodeError::ReservedFrame { frame_type: 0x01 },
        ),
        (b"\x7f", DecodeError::ReservedFrame { frame_type: 0x7f }),
        (b"\x80\x00", DecodeError::ReservedFrame { frame_type: 0x80 }),
        (
            b"\xfe\xff\xff",
            DecodeError::ReservedFrame { frame_type: 0xfe },
        ),
        (
            b"\xff\x01x",
            DecodeError::ReservedFrame { frame_type: 0xff },
        ),
        (
            b"\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80",
            DecodeError::TooManyLengthBytes { max: 8 },
        ),
        (
            b"GET / HTTP/1.1\r\n",
            DecodeError::ReservedFrame { frame_type: b'G' },
        ),
    ];
    for (bytes, error) in cases {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, Speaks::Draft76).await;
        client.write(bytes).await;
        client.expect_end(b"\xff\x00").await;
        let error = ConnectionError::from(error);
        server.expect([Seen::Open(1), Seen::Error(1, error)]).await;
        server
            .expect([Seen::Closed(1, CloseReason::Error(error))])
            .await;
    }
    for invalid in [
        &b"a\x80"[..],
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xfe",
        b"\xf8\x88\x80\x80\x80",
    ] {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, Speaks::Draft76).await;
        client.write([b"\x00", invalid, b"\xff"].concat()).await;
        client.expect_end(b"\xff\x00").await;
        let (_, reason) = server.closed().await;
        let utf8 = matches!(
            reason,
            CloseReason::Error(ConnectionError::Decode(DecodeError::InvalidUtf8(_)))
        );
        assert!(utf8, "{reason}");
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn rfc6455_clients_are_told_what_they_broke() {
    use crate::support::masked;
    use ws76_server::Rfc6455Error;

    let config = Config::new().with_max_message_len(10);
    let too_long = Rfc6455Error::MessageTooLong { max: 10 };
    let cases = [
        (b"\x81\x01x".to_vec(), Rfc6455Error::Protocol),
        (masked(0xc1, b"rsv1"), Rfc6455Error::Protocol),
        (masked(0x83, b"opcode 3"), Rfc6455Error::Protocol),
        (masked(0x80, b"nothing"), Rfc6455Error::Protocol),
        (masked(0x09, b"ping"), Rfc6455Error::Protocol),
        (masked(0x88, b"x"), Rfc6455Error::Protocol),
        (masked(0x82, b"binary"), Rfc6455Error::Binary),
        (masked(0x81, b"\xff"), Rfc6455Error::InvalidUtf8),
        (
            [masked(0x01, b"\xe6"), masked(0x80, b"\x97")].concat(),
            Rfc6455Error::InvalidUtf8,
        ),
        (masked(0x88, b"\x03\xe8\xff"), Rfc6455Error::InvalidUtf8),
        (masked(0x81, &[b'x'; 11]), too_long),
        (
            [masked(0x01, &[b'x'; 6]), masked(0x80, &[b'x'; 5])].concat(),
            too_long,
        ),
        // T8: announced only.
        (
            b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(),
            too_long,
        ),
    ];
    for (frames, error) in cases {
        let mut server = TestServer::with(config.clone(), Echo).await;
        let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
        client.write(&frames).await;
        let end = client.read_to_end().await;
        let shown = frames.escape_ascii().to_string();
        assert_eq!(end, Speaks::Rfc6455.sent_closing(error.code()), "{shown}");
        let error = ConnectionError::from(error);
        server.expect([Seen::Open(1), Seen::Error(1, error)]).await;
        server
            .expect([Seen::Closed(1, CloseReason::Error(error))])
            .await;
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn rfc6455_close_codes_of_the_client_are_answered_as_they_came() {
    // RFC 6455 §5.5.1
    use crate::support::masked;

    let cases: [(&[u8], &[u8]); 5] = [
        // 1005 is no code that may be sent; tungstenite answers with 1002 by itself.
        (b"\x03\xed", b"\x88\x14\x03\xeaProtocol violation"),
        (b"", b"\x88\x00"),
        (b"\x03\xe8", b"\x88\x02\x03\xe8"),
        (b"\x03\xe9bye", b"\x88\x05\x03\xe9bye"),
        (b"\x0f\xa0own", b"\x88\x05\x0f\xa0own"),
    ];
    for (payload, reply) in cases {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
        client.write(masked(0x88, payload)).await;
        client.expect_end(reply).await;
        server.expect([Seen::Open(1), Seen::Closed(1, PEER)]).await;
    }
}

#[tokio::test]
async fn connection_leaves_the_registry_though_the_client_keeps_tcp_open() {
    // P5, P12: a client that never closes TCP holds up no event, only its socket, for a while.
    for &speaks in BOTH {
        let config = Config::new().with_max_connections(1);
        let mut server = TestServer::with(config, Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
        server.expect([Seen::Open(1), Seen::Closed(1, PEER)]).await;
        assert!(server.registry.is_empty());
        // Its place is free after the closing timeout.
        let mut next = Client::request(server.addr, speaks.request()).await;
        assert_eq!(server.next_due().await, Seen::Open(2));
        next.expect(speaks.reply()).await;
        drop(client);
    }
}
