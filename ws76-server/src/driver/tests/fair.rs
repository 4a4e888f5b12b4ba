//! What one connection takes in before the others have their turn, to the message.

use super::*;

/// Lets every other task that is ready have a turn.
async fn let_others_go_first() {
    let mut had_theirs = false;
    poll_fn(|cx| {
        if had_theirs {
            return Poll::Ready(());
        }
        had_theirs = true;
        // Behind all that are ready, as a task does that is woken.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How many messages each turn takes in, until there were `all`. Has to be a task among the others.
async fn turns(endpoint: Endpoint<Log>, all: u64) -> Vec<u64> {
    let mut turns = Vec::new();
    let mut received = 0;
    while received < all {
        let now = endpoint.stats().received_messages;
        turns.push(now - received);
        received = now;
        let_others_go_first().await;
    }
    turns
}

/// `text` as a client sends it.
fn frame(protocol: Protocol, text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    match protocol {
        Protocol::Draft76 => [b"\x00", text, b"\xff"].concat(),
        _ => {
            let len = u16::try_from(text.len()).unwrap().to_be_bytes();
            [b"\x81\xfe", &len, [0; 4].as_slice(), text].concat()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn turn_is_so_many_messages_or_bytes_and_not_one_message_more() {
    // T9: a flood of tiny messages, of larger ones, and where the queue for what is sent back is small.
    for (max_queued_len, len, most) in [
        (1 << 20, 0, 64),
        (1 << 20, 2 << 10, 32),
        (32 << 10, 2 << 10, 4),
    ] {
        let config = Config::new().with_max_queued_len(max_queued_len);
        for &protocol in BOTH {
            let mut harness = Harness::open(protocol, config.clone(), 1 << 20).await;
            let text = "x".repeat(len);
            harness.write(&frame(protocol, &text).repeat(200)).await;
            let endpoint = harness.endpoint.clone();
            let turns = tokio::spawn(turns(endpoint, 200)).await.unwrap();
            let longest = turns.iter().max();
            assert_eq!(longest, Some(&most), "{protocol:?}, {len} B: {turns:?}");
        }
    }
}
