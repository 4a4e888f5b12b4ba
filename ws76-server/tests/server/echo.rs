//! Messages go in and come back, however they are packed into segments.

use std::ops::Range;

use ws76_server::{Config, Connection, DecoderConfig, Handler, ReservedFrames, Text};

use crate::support::{
    self, BOTH, Client, Echo, HEAD, KEY3, REPLY, Seen, Speaks, TestServer, settle,
};

#[tokio::test]
async fn texts_of_every_kind_come_back_as_they_were() {
    // F1
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1)]).await;
        for text in [
            "hello",
            "日本語テキスト",
            "🎉 👩‍👩‍👧",
            "",
            "\0",
            "ÿ\u{7f}\u{10ffff}",
            "<script>",
        ] {
            client.send(text).await;
            client.expect_text(text).await;
            server.expect([Seen::Message(1, text.to_owned())]).await;
        }
    }
}

#[tokio::test]
async fn message_of_one_mib_exactly_comes_back() {
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let text = "€16 ".repeat((1 << 20) / 6) + "fill";
        assert_eq!(text.len(), 1 << 20);
        client.send(&text).await;
        client.expect_text(&text).await;
    }
}

#[tokio::test]
async fn three_frames_in_one_write_are_three_messages() {
    // F10
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client
            .write(["one", "", "three"].map(|text| speaks.text(text)).concat())
            .await;
        client
            .expect(["one", "", "three"].map(|text| speaks.sent(text)).concat())
            .await;
        server.expect([Seen::Open(1)]).await;
        for text in ["one", "", "three"] {
            server.expect([Seen::Message(1, text.to_owned())]).await;
        }
    }
}

#[tokio::test]
async fn frame_over_two_reads_is_one_message() {
    // F10, P12: nothing is delivered before the frame is whole.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let frame = speaks.text("日本語");
        for cut in 1..frame.len() {
            client.write(&frame[..cut]).await;
            settle().await;
            client.write(&frame[cut..]).await;
            client.expect_text("日本語").await;
        }
        server.expect([Seen::Open(1)]).await;
        for _ in 1..frame.len() {
            server.expect([Seen::Message(1, "日本語".to_owned())]).await;
        }
    }
}

#[tokio::test]
async fn burst_of_a_thousand_messages_comes_back_in_order() {
    // P1
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let texts: Vec<String> = (0..1000).map(|n| format!("message {n}")).collect();
        let all = |frame: fn(Speaks, &str) -> Vec<u8>| -> Vec<u8> {
            texts.iter().flat_map(|text| frame(speaks, text)).collect()
        };
        client.write(all(Speaks::text)).await;
        client.expect(all(Speaks::sent)).await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn burst_larger_than_the_queue_waits_for_the_reader() {
    // P2: `send` waits for room; nothing is lost when a client first writes all, then reads.
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        let text = "x".repeat(10_000);
        let sent: Vec<u8> = speaks.text(&text).repeat(2000);
        let (mut read, mut write) = client.io.split();
        let write = async {
            tokio::io::AsyncWriteExt::write_all(&mut write, &sent)
                .await
                .unwrap();
        };
        let mut got = vec![0; speaks.sent(&text).len() * 2000];
        let read = async {
            tokio::io::AsyncReadExt::read_exact(&mut read, &mut got)
                .await
                .unwrap();
        };
        support::within("20 MB", async { tokio::join!(write, read) }).await;
        support::assert_same(&got, &speaks.sent(&text).repeat(2000));
    }
}

#[tokio::test]
async fn frames_behind_the_request_in_one_packet_are_messages() {
    // H11: key 3 takes 8 bytes; what follows them is frames.
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let packet = [
            speaks.request().as_bytes(),
            &speaks.text("a"),
            &speaks.text("b"),
        ]
        .concat();
        let mut client = Client::request(server.addr, packet).await;
        let reply = [
            speaks.reply().as_bytes(),
            &speaks.sent("a"),
            &speaks.sent("b"),
        ]
        .concat();
        client.expect(reply).await;
    }
}

#[tokio::test]
async fn frames_behind_a_late_key3_in_one_packet_are_messages() {
    // H11
    let server = TestServer::start(Echo).await;
    let (head, response) = REPLY.split_at(REPLY.len() - 16);
    let mut client = Client::request(server.addr, HEAD).await;
    client.expect(head).await;
    client
        .write([KEY3.as_bytes(), b"\x00now\xff\x00th"].concat())
        .await;
    client.expect(response).await;
    client.expect_text("now").await;
    client.write(b"en\xff").await;
    client.expect_text("then").await;
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn hybi_versions_7_and_8_are_served_as_rfc6455() {
    let speaks = Speaks::Rfc6455;
    for version in ["7", "8"] {
        let server = TestServer::start(Echo).await;
        let edits = [
            ("Version: 13", &format!("Version: {version}")[..]),
            ("\r\nOrigin", "\r\nSec-WebSocket-Origin"),
        ];
        let request = support::edited(&speaks.request(), &edits);
        let mut client = Client::request(server.addr, request).await;
        client.speaks = speaks;
        client.expect(speaks.reply()).await;
        client.send("hello").await;
        client.expect_text("hello").await;
        let protocol = server.registry.connections()[0].protocol();
        assert_eq!(protocol.to_string(), format!("hybi version {version}"));
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn rfc6455_fragments_are_one_message_and_pings_are_answered_between() {
    use crate::support::masked;

    let server = TestServer::start(Echo).await;
    let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
    client.write(masked(0x01, b"hel")).await;
    client.write(masked(0x89, b"are you there")).await;
    client.expect(b"\x8a\x0dare you there").await;
    client.write(masked(0x80, b"lo")).await;
    client.expect_text("hello").await;
    // Before the answers to messages that came with it, too.
    let bytes = [
        masked(0x01, b"hel"),
        masked(0x89, b"?"),
        masked(0x80, b"lo"),
    ]
    .concat();
    client.write(bytes).await;
    client.expect(b"\x8a\x01?").await;
    client.expect_text("hello").await;
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn rfc6455_pings_are_all_answered_and_a_closing_frame_behind_them_is_too() {
    // However many come at once: more answers than are held for a flush.
    use crate::support::masked;

    for (count, len) in [(5_000, 0), (500, 125_u8)] {
        let payload = "x".repeat(len.into());
        let server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
        let closing = masked(0x88, b"\x03\xe8");
        let pings = masked(0x89, payload.as_bytes()).repeat(count);
        client.write([pings, closing].concat()).await;
        let pong = [&[0x8a, len], payload.as_bytes()].concat();
        client.expect(pong.repeat(count)).await;
        client.expect_end(b"\x88\x02\x03\xe8").await;
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn rfc6455_messages_before_a_closing_frame_are_answered_however_they_are_cut() {
    // After it has read a closing frame, tungstenite sends nothing but the answer to that.
    use crate::support::masked;

    let messages = [
        masked(0x81, b"one"),
        masked(0x81, b"two"),
        masked(0x89, b"?"),
        masked(0x01, b"thr"),
        masked(0x80, b"ee"),
    ];
    let bytes = [messages.concat(), masked(0x88, b"\x03\xe8")].concat();
    let closing_at = messages.concat().len();
    for cut in [0, 5, closing_at - 1, closing_at, closing_at + 1] {
        let server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
        let (first, second) = bytes.split_at(cut);
        client.write(first).await;
        client.write(second).await;
        let mut came = client.read_to_end().await;
        // A pong may overtake answers.
        let pong = came.windows(3).position(|part| part == b"\x8a\x01?");
        came.drain(pong.expect("a pong")..pong.expect("a pong") + 3);
        assert_eq!(
            came.escape_ascii().to_string(),
            b"\x81\x03one\x81\x03two\x81\x05three\x88\x02\x03\xe8"
                .escape_ascii()
                .to_string(),
            "cut at {cut}"
        );
    }
}

/// Sends back what comes, but not at once.
struct Later;

impl Handler for Later {
    async fn on_message(&self, connection: &Connection, text: Text) {
        tokio::task::yield_now().await;
        let _ = connection.send(text).await;
    }
}

/// Draft-76 frames of many lengths, among those that are skipped, and what comes back.
fn frames_of_every_kind(numbers: Range<usize>) -> (Vec<u8>, Vec<u8>) {
    let (mut sent, mut echoed) = (Vec::new(), Vec::new());
    for number in numbers {
        let text = match number % 11 {
            0 | 1 => format!("{number}"),
            2..5 => format!("{number:_>width$}", width = 40 + number),
            5..8 => format!("{number}{}", "日本語".repeat(number)),
            8 => format!("{number:_>20000}"),
            9 => {
                sent.extend_from_slice(b"\x7fskipped\xff");
                continue;
            }
            _ => {
                sent.extend_from_slice(b"\x80\x05\x00\xff\x00\xff\xff");
                continue;
            }
        };
        sent.extend(Speaks::Draft76.text(&text));
        echoed.extend(Speaks::Draft76.sent(&text));
    }
    (sent, echoed)
}

#[tokio::test]
async fn long_texts_among_frames_of_every_kind_come_back_in_order() {
    // P2, F5, F7: in whatever pieces they come, and whatever the handler does meanwhile.
    let frames = DecoderConfig::new().with_reserved_frames(ReservedFrames::Skip);
    let config = Config::new().with_frames(frames);
    for piece in [777, 5000, usize::MAX] {
        let servers = [
            TestServer::with(config.clone(), Echo).await,
            TestServer::with(config.clone(), Later).await,
        ];
        for server in servers {
            let mut client = Client::open(server.addr, Speaks::Draft76).await;
            for from in (0..600).step_by(50) {
                let (sent, echoed) = frames_of_every_kind(from..from + 50);
                for piece in sent.chunks(piece) {
                    client.write(piece).await;
                }
                client.expect(&echoed).await;
            }
            client.send_closing().await;
            client.expect_end(Speaks::Draft76.closing()).await;
        }
    }
}
