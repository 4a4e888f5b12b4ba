//! Checks of what the threads of a server share, in every order in which its threads may go on
//! (`.ci/loom`). Each names the promise that it proves.
//!
//! The registry, the outbox, the driver and both protocols are the real ones; only the client, the
//! stream to it and the executor are stand-ins. Time stands still, so nothing is ever due: what
//! somebody waits for in vain ends the check as a deadlock.
//!
//! Loom sees the locks, the atomics and the wakers. For it, these are one step each: a call of
//! tokio's `Notify`, before which others may come (`crate::sync`); its timers and cancellation
//! tokens, which no check shares between threads; and the reference counts of `Arc` and `Bytes`,
//! as those of std and `bytes` are taken to be right.
//!
//! A check with the real driver has too many orders for all of them to be run: those are in which
//! threads that could go on are taken off at most [`MANY`] or [`FEW`] times; where a thread waits,
//! all the others are tried. `LOOM_MAX_PREEMPTIONS` raises that.

mod closing;
mod peer;
mod registry;
mod sends;
mod turns;

use std::{
    collections::BTreeSet,
    fmt::Debug,
    pin::{Pin, pin},
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll, Wake, Waker},
};

use bytes::BytesMut;
use loom::thread::{self, JoinHandle};
use peer::{Peer, Stream};
use tokio_util::sync::CancellationToken;
use ws76_codec::Text;
use ws76_handshake::{HeadLimits, Incoming, RequestReader};

#[cfg(feature = "rfc6455")]
use crate::rfc6455::Rfc6455;
use crate::{
    CloseReason, Config, Connection, ConnectionError, Handler, Protocol, Registry, Request,
    SendError,
    clock::Clock,
    draft76::Draft76,
    driver,
    registry::Registered,
    stats::Counters,
    stream::{self, Writer},
    turn::in_turns,
};

/// How often a run takes a thread off that could go on.
const MANY: Option<usize> = Some(3);
/// As [`MANY`], for the checks in which more happens.
const FEW: Option<usize> = Some(2);
/// As often as can be.
const ALL: Option<usize> = None;
/// The deepest stacks are those of drivers; in words.
const STACK: usize = 32 << 10;

const BOTH: &[Protocol] = &[
    Protocol::Draft76,
    #[cfg(feature = "rfc6455")]
    Protocol::Rfc6455,
];

/// Runs a check in all orders with so many preemptions; returns all that came of it.
fn explore<T: Ord + Send + 'static>(
    name: &str,
    preemptions: Option<usize>,
    check: impl Fn() -> T + Send + Sync + 'static,
) -> BTreeSet<T> {
    let mut time = tokio::runtime::Builder::new_current_thread();
    let time = time.enable_time().start_paused(true).build().unwrap();
    let _entered = time.enter();
    let outcomes = Arc::new(Mutex::new((0, BTreeSet::new())));
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    let all = Arc::clone(&outcomes);
    let started = std::time::Instant::now();
    builder.check(move || {
        let outcome = check();
        let mut all = all.lock().unwrap();
        all.0 += 1;
        all.1.insert(outcome);
    });
    let (runs, outcomes) = std::mem::take(&mut *outcomes.lock().unwrap());
    let seconds = started.elapsed().as_secs_f32();
    println!(
        "{name}: {runs} orders, {} outcomes, {seconds:.1} s",
        outcomes.len()
    );
    assert!(runs > 1, "nothing happens at the same time");
    outcomes
}

/// As [`explore`], for each protocol: the same comes of both.
fn explore_both<T: Ord + Debug + Send + 'static>(
    name: &str,
    preemptions: Option<usize>,
    check: impl Fn(Protocol) -> T + Send + Sync + Copy + 'static,
) -> BTreeSet<T> {
    let outcomes = BOTH.iter().map(|&protocol| {
        explore(&format!("{name}, {protocol}"), preemptions, move || {
            check(protocol)
        })
    });
    let outcomes: Vec<_> = outcomes.collect();
    for other in &outcomes {
        assert_eq!(outcomes.first(), Some(other), "the protocols differ");
    }
    outcomes.into_iter().next().unwrap()
}

/// Polls a future whenever it was woken, and now and then when it was not.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(loom::sync::Notify);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            // When a check has failed there is nothing to be woken any more.
            if !std::thread::panicking() {
                self.0.notify();
            }
        }
    }
    /// Loom is of no use to destructors when a check has failed.
    struct Leaked<F>(Option<Pin<Box<F>>>);
    impl<F> Drop for Leaked<F> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                std::mem::forget(self.0.take());
            }
        }
    }
    let thread = Arc::new(Thread(loom::sync::Notify::new()));
    let waker = Waker::from(Arc::clone(&thread));
    let mut context = Context::from_waker(&waker);
    let mut future = Leaked(Some(Box::pin(future)));
    loop {
        let future = future.0.as_mut().unwrap().as_mut();
        if let Poll::Ready(output) = future.poll(&mut context) {
            return output;
        }
        thread.0.wait();
    }
}

/// Takes a connection in, as the server does behind the opening handshake.
fn insert(registry: &Registry, protocol: Protocol, config: &Config) -> Registered<()> {
    static HEAD: OnceLock<ws76_handshake::Head> = OnceLock::new();
    let head = HEAD.get_or_init(|| {
        let mut request = BytesMut::from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        match RequestReader::new(HeadLimits::new()).read(&mut request) {
            Ok(Some(Incoming::Http(head))) => head,
            other => panic!("{other:?}"),
        }
    });
    registry.insert(
        Request::new(head, protocol, crate::Peer::default()),
        (),
        &Arc::new(config.clone()),
    )
}

/// What the handler of a connection does when it opens.
#[derive(Clone, Copy, Debug, Default)]
enum OnOpen {
    #[default]
    Returns,
    /// Never returns.
    Hangs,
    /// Sends these, waiting for room, and closes.
    Sends(&'static [&'static str]),
}

/// A handler for one connection, and what it heard.
#[derive(Debug, Default)]
struct Heard {
    on_open: OnOpen,
    /// Joined in the first message event.
    closer: Mutex<Option<JoinHandle<()>>>,
    messages: Mutex<usize>,
    opened: Mutex<bool>,
    error: Mutex<Option<ConnectionError>>,
    closed: Mutex<Option<CloseReason>>,
}

impl Heard {
    fn on_open(on_open: OnOpen) -> Self {
        Self {
            on_open,
            ..Self::default()
        }
    }

    fn assert_open(&self) {
        assert!(*self.opened.lock().unwrap(), "an event before the open one");
        assert_eq!(*self.closed.lock().unwrap(), None, "an event after the end");
    }
}

/// P4, P5: asserts the order of the events, and what the registry says in them.
impl Handler for Heard {
    async fn on_open(&self, connection: &Connection) {
        assert!(!std::mem::replace(&mut *self.opened.lock().unwrap(), true));
        let registered = connection.registry().get(connection.id());
        assert!(registered.is_some(), "open, but not registered");
        match self.on_open {
            OnOpen::Returns => {}
            OnOpen::Hangs => std::future::pending().await,
            OnOpen::Sends(texts) => {
                for text in texts {
                    assert_eq!(connection.send(text).await, Ok(()));
                }
                connection.close();
            }
        }
    }

    async fn on_message(&self, _: &Connection, _: Text) {
        self.assert_open();
        *self.messages.lock().unwrap() += 1;
        if let Some(closer) = self.closer.lock().unwrap().take() {
            closer.join().unwrap();
        }
    }

    async fn on_error(&self, _: &Connection, error: ConnectionError) {
        self.assert_open();
        let before = self.error.lock().unwrap().replace(error);
        assert_eq!(before, None, "two errors");
    }

    async fn on_closed(&self, connection: &Connection, reason: CloseReason) {
        self.assert_open();
        let registered = connection.registry().get(connection.id());
        assert!(registered.is_none(), "closed, but registered");
        assert_eq!(connection.try_send("late"), Err(SendError::Closed));
        *self.closed.lock().unwrap() = Some(reason);
    }
}

/// Serves a connection in a thread of its own. Joining the thread gives why it closed.
fn serve(
    registered: Registered<()>,
    peer: &Arc<Peer>,
    config: &Config,
    heard: impl Into<Arc<Heard>>,
) -> JoinHandle<CloseReason> {
    let heard = heard.into();
    let config = config.clone();
    let peer = Arc::clone(peer);
    let thread = thread::Builder::new().stack_size(STACK);
    let spawned = thread.spawn(move || {
        let handler = &*heard;
        let stream = Stream::new(&peer);
        let src = BytesMut::new();
        let (counters, abort) = (Counters::default(), CancellationToken::new());
        let clock = Clock::default();
        match peer.protocol() {
            Protocol::Draft76 => {
                let line = registered.connection().line();
                line.outbox()
                    .set_writer(Some(Writer::Of(Box::new(Stream::new(&peer)))));
                let stream = stream::Stream::Plain(stream);
                let mut wire = Draft76::new(stream, src, config.frames, Protocol::Draft76);
                let driver = driver::run(
                    &mut wire, registered, handler, &config, &counters, &abort, &clock,
                );
                block_on(async { in_turns(&counters, pin!(driver)).await });
            }
            #[cfg(feature = "rfc6455")]
            _ => block_on(async {
                let mut wire = Rfc6455::new(stream, src, &config);
                let driver = driver::run(
                    &mut wire, registered, handler, &config, &counters, &abort, &clock,
                );
                in_turns(&counters, pin!(driver)).await;
            }),
            #[cfg(not(feature = "rfc6455"))]
            _ => unreachable!("not built"),
        }
        let reason = heard.closed.lock().unwrap().take();
        reason.expect("a closed event")
    });
    spawned.unwrap()
}
