//! What is due though nothing happens: heartbeats, and the end of a lifetime.

use super::*;

const HEARTBEAT: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn heartbeat_is_sent_to_a_silent_draft76_client_until_it_is_idle() {
    let config = Config::new().with_heartbeat("are you there", HEARTBEAT);
    let mut harness = Harness::open(Protocol::Draft76, config, ROOM).await;
    for second in [30, 60, 90] {
        harness.expect(b"\x00are you there\xff").await;
        assert_eq!(harness.start.elapsed().as_secs(), second);
    }
    assert_eq!(harness.expect_end(b"\xff\x00").await, 120);
    harness.expect_error(120, Timeout::Idle).await;
}

#[tokio::test(start_paused = true)]
async fn draft76_client_that_answers_its_heartbeat_stays() {
    let config = Config::new().with_heartbeat("?", HEARTBEAT);
    let mut harness = Harness::open(Protocol::Draft76, config, ROOM).await;
    for beat in 1..=10 {
        harness.expect(b"\x00?\xff").await;
        // Ten seconds later, so that the next comes forty after this one.
        sleep(Duration::from_secs(10)).await;
        assert_eq!(harness.start.elapsed().as_secs(), beat * 40);
        harness.write(b"\x00!\xff").await;
        harness.expect(b"\x00!\xff").await;
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test(start_paused = true)]
async fn rfc6455_client_gets_pings_and_no_heartbeat() {
    let config = Config::new().with_heartbeat("?", Duration::from_secs(1));
    let mut harness = Harness::open(Protocol::Rfc6455, config, ROOM).await;
    harness.expect(b"\x89\x00").await;
    assert_eq!(harness.start.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn lively_connection_is_closed_at_the_end_of_its_lifetime() {
    // A tenth more at most; two connections do not get the same.
    let mut seconds = Vec::new();
    for &protocol in BOTH.iter().cycle().take(20) {
        let config = Config::new().with_max_lifetime(Duration::from_secs(1000));
        let mut harness = Harness::open(protocol, config, ROOM).await;
        let (text, answer, closing, code): (&[u8], &[u8], &[u8], &[u8]) = match protocol {
            Protocol::Draft76 => (b"\x00a\xff", b"\x00a\xff", b"\xff\x00", b"\xff\x00"),
            _ => (
                b"\x81\x81\0\0\0\0a",
                b"\x81\x01a",
                b"\x88\x82\0\0\0\0\x03\xe9",
                b"\x88\x02\x03\xe9",
            ),
        };
        // Something every 20 seconds, so that nothing else is due.
        loop {
            harness.write(text).await;
            let mut got = vec![0; answer.len()];
            harness.client.read_exact(&mut got).await.unwrap();
            assert_eq!(got, answer);
            let mut end = vec![0; code.len()];
            let end = harness.client.read_exact(&mut end);
            if tokio::time::timeout(Duration::from_secs(20), end)
                .await
                .is_ok()
            {
                break;
            }
        }
        let at = harness.start.elapsed().as_secs();
        assert!((1000..1100).contains(&at), "{at}");
        seconds.push(at);
        harness.write(closing).await;
        let expired = CloseReason::Expired { clean: true };
        assert_eq!(harness.next().await, Seen::Closed(at, expired));
    }
    seconds.dedup();
    assert!(seconds.len() > 10, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn heartbeat_without_an_interval_comes_once_a_second() {
    let config = Config::new().with_heartbeat("?", Duration::ZERO);
    let mut harness = Harness::open(Protocol::Draft76, config, ROOM).await;
    for second in 1..=3 {
        harness.expect(b"\x00?\xff").await;
        assert_eq!(harness.start.elapsed().as_secs(), second);
    }
}

#[tokio::test(start_paused = true)]
async fn lifetime_without_an_end_is_no_overflow() {
    for &protocol in BOTH {
        let config = Config::new().with_max_lifetime(Duration::MAX);
        let harness = Harness::open(protocol, config, ROOM).await;
        assert_eq!(harness.endpoint.stats().open, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn counters_tell_what_connections_did() {
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), ROOM).await;
        let (text, closing): (&[u8], &[u8]) = match protocol {
            Protocol::Draft76 => (b"\x00hello\xff", b"\xff\x00"),
            _ => (b"\x81\x85\0\0\0\0hello", b"\x88\x80\0\0\0\0"),
        };
        for _ in 0..3 {
            harness.write(text).await;
            let mut echo = [0; 7];
            harness.client.read_exact(&mut echo).await.unwrap();
        }
        let stats = harness.endpoint.stats();
        assert_eq!((stats.open, stats.half_open, stats.streams), (1, 0, 1));
        assert_eq!(stats.opened.get(protocol.kind()), Some(&1));
        harness.write(closing).await;
        let mut end = Vec::new();
        harness.client.read_to_end(&mut end).await.unwrap();
        harness.next().await;
        let stats = harness.endpoint.stats();
        assert_eq!((stats.received_messages, stats.sent_messages), (3, 3));
        let received = 3 * text.len() + closing.len();
        let sent = 3 * 7 + end.len();
        assert_eq!(stats.received_len, received as u64, "{protocol}");
        // The answer to a closing frame is in it.
        assert_eq!(stats.sent_len, sent as u64, "{protocol}");
        assert_eq!((stats.open, stats.dropped_messages), (0, 0));
        assert_eq!(stats.closed.get("peer"), Some(&1));
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_was_queued_and_never_sent_is_counted() {
    // P7: the soak's oracle needs it.
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), 256).await;
        let connection = harness.connection();
        for _ in 0..5 {
            assert_eq!(connection.try_send("x".repeat(1000)), Ok(()));
        }
        harness.expect_error(10, Timeout::Write).await;
        let stats = harness.endpoint.stats();
        assert_eq!(stats.dropped_messages, connection.dropped());
        assert_eq!(
            stats.sent_messages + stats.dropped_messages,
            5,
            "{protocol}"
        );
        assert_eq!(stats.closed.get("timeout"), Some(&1));
    }
}
