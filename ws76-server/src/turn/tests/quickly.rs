//! Short texts, which take next to nothing to be queued.

use super::*;

fn try_send(receiver: &Receiver, text: &str) -> Result<(), SendError> {
    receiver.line.try_push(&Textual(Text::from(text)))
}

#[test]
fn text_that_is_queued_quickly_is_seen_to_as_any_other() {
    // P1: whether its receiver sleeps, and within a turn or not.
    let receiver = Receiver::new(&Config::new(), 1000);
    let counters = Counters::default();
    let mut driver = pin!(async {
        expect_more(true);
        assert_eq!(try_send(&receiver, "a"), Ok(()));
        assert_eq!(try_send(&receiver, "b"), Ok(()));
        assert_eq!(receiver.taken(), "");
        expect_more(false);
        assert_eq!(try_send(&receiver, "c"), Ok(()));
        assert_eq!(receiver.taken(), "a b c ");
    });
    let mut turns = pin!(in_turns(&counters, driver.as_mut()));
    assert!(poll_once(turns.as_mut(), &Arc::default()));
    assert_eq!(receiver.driver.take(), 0);
    receiver.kernel.set_room(0);
    for text in ["d", "e"] {
        assert_eq!(try_send(&receiver, text), Ok(()));
        assert_eq!(receiver.driver.take(), 1, "{text}");
        // It is awake now.
        assert_eq!(try_send(&receiver, text), Ok(()));
        assert_eq!(receiver.driver.take(), 0, "{text}");
        receiver.sleep();
    }
    receiver.kernel.set_room(1000);
    receiver.sleep();
    assert_eq!(receiver.taken(), "a b c d d e e ");
}

#[test]
fn text_that_waits_for_room_is_queued_once_when_there_is() {
    // P7
    let receiver = Receiver::new(&Config::new().with_max_queued_messages(2), 0);
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert_eq!(
        (try_send(&receiver, "a"), try_send(&receiver, "b")),
        (Ok(()), Ok(()))
    );
    assert_eq!(try_send(&receiver, "c"), Err(SendError::Full));
    let mut push = pin!(receiver.line.push(Textual(Text::from("c"))));
    assert!(push.as_mut().poll(&mut cx).is_pending());
    receiver.kernel.set_room(1000);
    receiver.sleep();
    assert!(receiver.line.outbox().take_moved());
    receiver.line.notify();
    assert_eq!(woken.take(), 1);
    assert_eq!(push.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    receiver.sleep();
    assert_eq!(receiver.taken(), "a b c ");
}
