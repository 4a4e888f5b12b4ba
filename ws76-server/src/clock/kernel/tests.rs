use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
};

use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_io().build().unwrap()
}

fn in_ms(count: u64) -> Instant {
    Instant::now() + Duration::from_millis(count)
}

/// Waits for it in real time, and returns when it was over.
async fn over(timer: &mut Timer) -> Instant {
    poll_fn(|cx| timer.poll(cx.waker()).unwrap()).await;
    Instant::now()
}

/// Begins to wait.
async fn begin(mut waits: Pin<&mut impl Future<Output = Instant>>) {
    poll_fn(|cx| {
        assert!(waits.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[test]
fn timers_are_over_by_their_deadlines_whichever_was_first() {
    // P13
    let alarm = Arc::default();
    runtime().block_on(async {
        let start = Instant::now();
        let deadlines = [600_000, 80, 20].map(|count| start + Duration::from_millis(count));
        let [mut never, mut later, mut soon] = deadlines.map(|at| Timer::new(&alarm, at));
        let mut never = pin!(over(&mut never));
        begin(never.as_mut()).await;
        let (later, soon) = tokio::join!(over(&mut later), over(&mut soon));
        assert!(soon >= deadlines[2] && later >= deadlines[1] && soon <= later);
        begin(never).await;
    });
    assert!(alarm.waiting().wakers.is_empty(), "those who are gone wait");
    assert_eq!(Arc::strong_count(&alarm), 1);
}

#[test]
fn timer_is_over_by_the_deadline_that_it_was_moved_to() {
    let alarm = Arc::default();
    runtime().block_on(async {
        let mut timer = Timer::new(&alarm, in_ms(600_000));
        begin(pin!(over(&mut timer))).await;
        assert!(!timer.may_be_over());
        let soon = in_ms(20);
        timer.reset(soon);
        assert_eq!(timer.deadline(), soon);
        assert!(alarm.waiting().wakers.is_empty(), "the deadline before");
        begin(pin!(over(&mut timer))).await;
        assert!(over(&mut timer).await >= soon);
        // A deadline that has passed, and one that has not.
        timer.reset(soon);
        over(&mut timer).await;
        let soon = in_ms(20);
        timer.reset(soon);
        assert!(over(&mut timer).await >= soon);
    });
}

#[test]
fn who_did_not_ask_meanwhile_sees_whether_the_timer_may_be_over() {
    let alarm = Arc::default();
    runtime().block_on(async {
        let soon = in_ms(20);
        let [mut other, mut timer, mut never] =
            [soon, soon, in_ms(600_000)].map(|at| Timer::new(&alarm, at));
        for timer in [&mut timer, &mut never] {
            begin(pin!(over(timer))).await;
            assert!(!timer.may_be_over());
        }
        over(&mut other).await;
        assert!(timer.may_be_over());
        assert!(!never.may_be_over(), "it rang for others");
    });
}

#[test]
fn many_deadlines_one_behind_the_other_do_not_ring_one_by_one() {
    let alarm = Arc::default();
    runtime().block_on(async {
        let start = Instant::now();
        let deadlines = (1..=1000).map(|number| start + Duration::from_micros(100 * number));
        let mut timers = deadlines
            .map(|at| Timer::new(&alarm, at))
            .collect::<Vec<_>>();
        poll_fn(|cx| {
            for timer in &mut timers {
                let _ = timer.poll(cx.waker()).unwrap();
            }
            Poll::Ready(())
        })
        .await;
        for timer in &mut timers {
            assert!(over(timer).await >= timer.deadline());
        }
        let most = start.elapsed().div_duration_f64(MIN_PAUSE) + 2.0;
        assert!((alarm.count.load(Ordering::Relaxed) as f64) <= most);
    });
}

#[test]
fn who_waits_beyond_the_runtime_of_the_alarm_is_told_in_another() {
    let alarm = Arc::default();
    let (first, second) = (runtime(), runtime());
    let soon = in_ms(50);
    let mut timer = Timer::new(&alarm, soon);
    first.block_on(begin(pin!(over(&mut timer))));
    assert!(!timer.may_be_over());
    assert!(alarm.waiting().fd.is_some());
    drop(first);
    assert!(alarm.waiting().fd.is_none());
    assert!(timer.may_be_over(), "nobody waits for it");
    assert!(second.block_on(over(&mut timer)) >= soon);
}

#[test]
fn alarm_ends_with_the_last_who_has_it() {
    let alarm = Arc::default();
    let runtime = runtime();
    let mut timer = Timer::new(&alarm, in_ms(600_000));
    runtime.block_on(begin(pin!(over(&mut timer))));
    assert_eq!(runtime.metrics().num_alive_tasks(), 1);
    drop((timer, alarm));
    runtime.block_on(tokio::task::yield_now());
    assert_eq!(runtime.metrics().num_alive_tasks(), 0);
}
