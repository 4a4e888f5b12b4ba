//! What the limits allow, in whichever way a text is queued.

use proptest::prelude::*;

use super::*;

/// A text that is to be queued.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A string slice.
    Plain,
    /// A text: a short one is held in place.
    Text,
    /// A text where it was read, one behind the other.
    Read,
}

fn texts() -> impl Strategy<Value = Vec<(Kind, usize)>> {
    let kind = prop::sample::select(vec![Kind::Plain, Kind::Text, Kind::Read, Kind::Read]);
    prop::collection::vec((kind, prop_oneof![0..60_usize, 60..90_usize]), 0..60)
}

proptest! {
    #[test]
    fn text_is_queued_just_when_the_limits_have_room(
        texts in texts(),
        max_messages in 1..40_usize,
        max_len in 1..2000_usize,
        max_message_len in prop_oneof![0..90_usize, Just(1000)],
        end in prop_oneof![Just(None), (0..60_usize).prop_map(Some)],
    ) {
        // P2, T5
        let config = Config::new()
            .with_max_queued_messages(max_messages)
            .with_max_queued_len(max_len)
            .with_max_message_len(max_message_len);
        let mut outbox = Outbox::new(&Arc::new(config), Protocol::Draft76);
        let strings: Vec<_> = texts.iter().map(|(_, len)| "x".repeat(*len)).collect();
        let (_, read) = read(&strings.iter().map(String::as_str).collect::<Vec<_>>());
        let (mut messages, mut len, mut frames) = (0, 0, Vec::new());
        for (number, (kind, _)) in texts.iter().enumerate() {
            if end == Some(number) {
                outbox.close(Asked::Local);
            }
            let text = &*strings[number];
            let expected = if end.is_some_and(|end| end <= number) {
                Err(SendError::Closing)
            } else if text.len() > max_message_len {
                Err(SendError::TooLong { max: max_message_len })
            } else if messages > 0 && (messages == max_messages || len + text.len() + 2 > max_len) {
                Err(SendError::Full)
            } else {
                Ok(())
            };
            let pushed = match kind {
                Kind::Plain => outbox.push(text),
                Kind::Text => outbox.push(&Text::from(text)),
                Kind::Read => outbox.push(&read[number]),
            };
            prop_assert_eq!(pushed, expected);
            if pushed.is_ok() {
                messages += 1;
                len += text.len() + 2;
                frames.extend_from_slice(EncodedFrame::text(text).as_bytes());
            }
            prop_assert_eq!((outbox.messages(), outbox.queue.len()), (messages, len));
        }
        let kernel = Kernel::new(frames.len());
        outbox.set_writer(Some(kernel.writer()));
        prop_assert!(!outbox.write_now());
        prop_assert_eq!(kernel.taken(), frames);
    }
}
