//! P11: what connections cost, term by term, as the crate's documentation says. The numbers count
//! what was allocated by the thread that serves, streams in memory included.

mod support;

use std::future::Future;

use allocation_counter::measure;
use support::{BOTH, HEAD, Quiet, Speaks};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ws76_server::{Config, Endpoint, Peer, SlowReceiver};

/// The most bytes that stay allocated while that runs, in a runtime of its own.
fn stays(run: impl Future<Output = ()>) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    measure(|| runtime.block_on(run)).bytes_max
}

/// What so many of them cost more than one, for each: streams of `ROOM` bytes are taken off.
fn each(count: u64, run: impl Fn(u64) -> u64) -> u64 {
    (run(count + 1) - run(1)) / count
}

async fn client(endpoint: &Endpoint<Quiet>, request: &[u8]) -> DuplexStream {
    let (mut client, io) = duplex(ROOM);
    let endpoint = endpoint.clone();
    tokio::spawn(async move { endpoint.serve_connection(io, Peer::default()).await });
    client.write_all(request).await.unwrap();
    client
}

async fn opened(endpoint: &Endpoint<Quiet>, speaks: Speaks) -> DuplexStream {
    let mut client = client(endpoint, speaks.request().as_bytes()).await;
    let mut reply = vec![0; speaks.reply().len()];
    client.read_exact(&mut reply).await.unwrap();
    client
}

#[test]
fn p11_idle_connection_costs_little() {
    for &speaks in BOTH {
        let idle = |count| {
            stays(async move {
                let endpoint = Endpoint::new(Quiet, Config::new());
                let mut clients = Vec::new();
                for _ in 0..count {
                    clients.push(opened(&endpoint, speaks).await);
                }
                assert_eq!(endpoint.registry().len(), clients.len());
            })
        };
        let cost = each(100, idle);
        assert!(cost < IDLE + 2 * ROOM as u64, "{speaks:?}: {cost} bytes");
    }
}

#[test]
fn p11_half_open_connection_costs_a_head() {
    // T5, T6: however much was announced or sent before.
    let half = |count| {
        stays(async move {
            let endpoint = Endpoint::new(Quiet, Config::new());
            let mut clients = Vec::new();
            let long = HEAD.replace("\r\n\r\n", &format!("\r\nA: {}", "x".repeat(7000)));
            for _ in 0..count {
                clients.push(client(&endpoint, long.as_bytes()).await);
                tokio::task::yield_now().await;
            }
        })
    };
    let cost = each(100, half);
    assert!(
        cost < (16 << 10) + HALF_OPEN + 2 * ROOM as u64,
        "{cost} bytes"
    );
}

#[test]
fn p11_message_that_arrives_costs_its_length_and_no_more_than_the_limit() {
    // T2, T8
    for &speaks in BOTH {
        let arriving = |count| {
            stays(async move {
                let endpoint = Endpoint::new(Quiet, Config::new().with_max_message_len(100_000));
                let mut clients = Vec::new();
                for _ in 0..count {
                    let mut client = opened(&endpoint, speaks).await;
                    let frame = speaks.text(&"x".repeat(100_000));
                    client.write_all(&frame[..99_000]).await.unwrap();
                    tokio::task::yield_now().await;
                    clients.push(client);
                }
            })
        };
        let cost = each(20, arriving);
        // A buffer grows by doubling.
        let most = 2 * 100_000 + IDLE + MAX_READ + 2 * ROOM as u64;
        assert!(cost < most, "{speaks:?}: {cost} bytes");
    }
}

#[test]
fn p11_slow_receiver_costs_its_queue() {
    // P7, T7
    for &speaks in BOTH {
        let slow = |count| {
            stays(async move {
                let config = Config::new()
                    .with_max_queued_len(50_000)
                    .with_slow_receiver(SlowReceiver::DropOldest);
                let endpoint = Endpoint::new(Quiet, config);
                let mut clients = Vec::new();
                for _ in 0..count {
                    clients.push(opened(&endpoint, speaks).await);
                }
                let text = "x".repeat(100);
                for connection in endpoint.registry().connections() {
                    for _ in 0..2_000 {
                        let _ = endpoint.registry().unicast(connection.id(), &text);
                    }
                    assert!(connection.queued() <= 500);
                }
            })
        };
        let cost = each(20, slow);
        // The bytes in a buffer that grows by doubling, and 48 bytes a message.
        let most = 2 * 50_000 + 512 * 48 + IDLE + 2 * ROOM as u64;
        assert!(cost < most, "{speaks:?}: {cost} bytes");
    }
}

#[test]
fn p11_broadcast_is_held_once() {
    // P3, T7: 200 connections whose clients do not read share one payload of 100,000 bytes.
    for &speaks in BOTH {
        let broadcast = |count| {
            stays(async move {
                let endpoint = Endpoint::new(Quiet, Config::new());
                let mut clients = Vec::new();
                for _ in 0..count {
                    clients.push(opened(&endpoint, speaks).await);
                }
                let delivery = endpoint.registry().send_all("x".repeat(100_000));
                assert_eq!(delivery.queued, clients.len());
                tokio::task::yield_now().await;
            })
        };
        let cost = each(200, broadcast);
        assert!(cost < IDLE + 2 * ROOM as u64, "{speaks:?}: {cost} bytes");
    }
}

/// What a stream in memory holds in each direction.
const ROOM: usize = 8 << 10;
/// An idle connection: task, timer, handle, request, read buffer.
const IDLE: u64 = 12 << 10;
/// A half-open connection beside its head.
const HALF_OPEN: u64 = 12 << 10;
/// The largest read buffer.
const MAX_READ: u64 = 64 << 10;
