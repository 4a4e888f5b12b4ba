//! The outbox of an RFC 6455 connection beside a naive one.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use proptest::prelude::*;
use ws76_codec::EncodedFrame;

use crate::{
    Config, Protocol,
    outbox::{Outbox, Popped},
};

/// What is done to an outbox.
#[derive(Clone, Debug)]
enum Step {
    Push(String),
    PushShared(String),
    PushBinary(Vec<u8>),
    /// There is room for so many messages; then what was taken has landed, or nothing has.
    HandOver(usize, bool),
    DropOldest,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => "[a-zé]{0,6}".prop_map(Step::Push),
        1 => (250..1100_usize).prop_map(|len| Step::Push("é".repeat(len))),
        2 => "[a-z]{0,6}".prop_map(Step::PushShared),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(Step::PushBinary),
        3 => (1..6_usize, any::<bool>()).prop_map(|(room, lands)| Step::HandOver(room, lands)),
        1 => Just(Step::DropOldest),
    ]
}

proptest! {
    #[test]
    fn messages_are_handed_over_as_by_a_naive_queue(
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let config = Config::new().with_max_queued_len(1 << 20);
        let mut outbox = Outbox::new(&Arc::new(config), Protocol::Rfc6455);
        let mut queue = VecDeque::new();
        let (mut dropped, mut sent) = (0, 0);
        for step in steps {
            match step {
                Step::Push(text) => {
                    outbox.push(&text).unwrap();
                    queue.push_back((true, text.into_bytes()));
                }
                Step::PushShared(text) => {
                    outbox.push_shared(&EncodedFrame::text(&text)).unwrap();
                    queue.push_back((true, text.into_bytes()));
                }
                Step::PushBinary(bytes) => {
                    outbox.push_binary(&Bytes::from(bytes.clone())).unwrap();
                    queue.push_back((false, bytes));
                }
                Step::HandOver(room, lands) => {
                    let expected: Vec<_> = queue.drain(..room.min(queue.len())).collect();
                    prop_assert_eq!(hand_over(&mut outbox, room), expected.clone());
                    sent += expected.len() as u64;
                    if lands {
                        outbox.landed();
                        prop_assert!(outbox.is_gone(sent + dropped));
                    }
                }
                Step::DropOldest => {
                    let oldest = queue.pop_front();
                    prop_assert_eq!(outbox.drop_oldest(), oldest.is_some());
                    dropped += u64::from(oldest.is_some());
                }
            }
            let len: usize = queue.iter().map(|(_, bytes)| bytes.len() + 2).sum();
            prop_assert_eq!((outbox.messages(), outbox.queue.len()), (queue.len(), len));
        }
        prop_assert_eq!(hand_over(&mut outbox, 1000), Vec::from(queue));
        let traffic = outbox.take_traffic();
        prop_assert_eq!(traffic.sent_messages + dropped, outbox.accepted());
        prop_assert_eq!(traffic.dropped_messages, dropped);
        prop_assert!(sent + dropped == 0 || !outbox.is_gone(outbox.accepted() + 1));
        outbox.landed();
        prop_assert!(outbox.is_gone(outbox.accepted()));
    }
}

/// What is taken where there is room for so many messages: whether it is text, and its bytes.
fn hand_over(outbox: &mut Outbox, room: usize) -> Vec<(bool, Vec<u8>)> {
    let mut taken = Vec::new();
    let handed_over = outbox.hand_over(|popped| {
        taken.push(match popped {
            Popped::Text(utf8) => (true, utf8.to_vec()),
            Popped::Binary(bytes) => (false, bytes.to_vec()),
        });
        Ok(taken.len() < room)
    });
    handed_over.unwrap();
    taken
}

#[test]
fn message_that_is_refused_is_counted_and_those_behind_it_stay() {
    let mut outbox = Outbox::new(&Arc::default(), Protocol::Rfc6455);
    for text in ["a", "b", "c"] {
        outbox.push(text).unwrap();
    }
    let mut taken = 0;
    let refused = outbox.hand_over(|_| {
        taken += 1;
        match taken {
            1 => Ok(true),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    });
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::NotConnected);
    assert_eq!((taken, outbox.messages()), (2, 1));
    assert_eq!(hand_over(&mut outbox, 9), [(true, b"c".to_vec())]);
}
