//! What comes just before a timeout is in time, and what does not is dealt with when it is up: for
//! both protocols alike (T3).

use super::*;

const MOMENT: Duration = Duration::from_millis(10);

/// A message that keeps the handler busy, and a closing frame, as a client sends them.
const fn words(protocol: Protocol) -> (&'static [u8], &'static [u8]) {
    match protocol {
        Protocol::Draft76 => (b"\x00sleep 1000\xff", b"\xff\x00"),
        _ => (b"\x81\x8a\0\0\0\0sleep 1000", b"\x88\x80\0\0\0\0"),
    }
}

#[tokio::test(start_paused = true)]
async fn silent_client_is_idle_after_the_timeout_and_not_before() {
    // T15: RFC 6455 too, where no ping comes first.
    for &protocol in BOTH {
        let config = Config::new().with_ping_interval(Duration::from_secs(1000));
        let mut harness = Harness::open(protocol, config, ROOM).await;
        sleep(Duration::from_secs(120) - MOMENT).await;
        harness.write(&words(protocol).0[..1]).await;
        harness.expect_error(239, Timeout::Idle).await;
        let end: &[u8] = match protocol {
            Protocol::Draft76 => b"\xff\x00",
            _ => b"\x88\x02\x03\xf0",
        };
        assert_eq!(harness.expect_end(end).await, 239);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_frame_is_waited_for_until_the_closing_timeout() {
    // X5
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), ROOM).await;
        harness.connection().close();
        sleep(Duration::from_secs(5) - MOMENT).await;
        harness.write(words(protocol).1).await;
        let clean = CloseReason::Local { clean: true };
        assert_eq!(harness.next().await, Seen::Closed(4, clean));
    }
}

#[tokio::test(start_paused = true)]
async fn tcp_of_a_client_that_closed_is_held_for_the_closing_timeout() {
    // X1, X5
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), ROOM).await;
        harness.write(words(protocol).1).await;
        let clean = CloseReason::Peer { clean: true };
        assert_eq!(harness.next().await, Seen::Closed(0, clean));
        sleep(Duration::from_secs(5) - MOMENT).await;
        harness.write(b"late").await;
        sleep(2 * MOMENT).await;
        assert!(harness.client.write_all(b"too late").await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_aborts_what_is_left_after_its_timeout() {
    // P8
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), ROOM).await;
        harness.write(words(protocol).0).await;
        tokio::task::yield_now().await;
        harness.endpoint.shutdown().await;
        let aborted = CloseReason::Shutdown { clean: false };
        assert_eq!(harness.next().await, Seen::Closed(30, aborted));
        // A client that does not close TCP has another second.
        assert_eq!(harness.start.elapsed().as_secs(), 31);
    }
}
