//! Accepting connections, and the task of each.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "rfc6455")]
use crate::rfc6455::Rfc6455;
use crate::{
    Config, Handler, Protocol, Registry,
    draft76::Draft76,
    driver,
    opening::{Opened, open},
};

/// What the tasks of a server share.
#[derive(Debug)]
pub(crate) struct Acceptor<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) tasks: TaskTracker,
    /// No new connections, and none that are still opening.
    pub(crate) drain: CancellationToken,
    /// Every task ends now.
    pub(crate) abort: CancellationToken,
    half_open: HalfOpen,
    permits: Arc<Semaphore>,
}

impl<H: Handler> Acceptor<H> {
    pub(crate) fn new(handler: Arc<H>, config: Config, registry: Registry) -> Self {
        Self {
            handler,
            config,
            registry,
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            half_open: HalfOpen::default(),
            permits: Arc::new(Semaphore::new(
                config.max_connections.min(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// Accepts until the drain begins. Failures of `accept` are waited out, whatever they are: the
    /// usual ones mean that the process is short of descriptors or memory for a while.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut backoff = MIN_BACKOFF;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.drain.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer_addr)) => {
                    backoff = MIN_BACKOFF;
                    // Waited for with a client in hand, one for each listener: a listener that
                    // nobody connects to must not keep a place. Never closed, so it cannot fail.
                    let permit = tokio::select! {
                        permit = Arc::clone(&self.permits).acquire_owned() => permit,
                        () = self.drain.cancelled() => return,
                    };
                    let acceptor = Arc::clone(&self);
                    self.tasks.spawn(async move {
                        acceptor.serve(stream, peer_addr).await;
                        drop(permit);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => {
                    tokio::select! {
                        () = sleep(backoff) => {}
                        () = self.drain.cancelled() => return,
                    }
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    async fn serve(&self, stream: TcpStream, peer_addr: SocketAddr) {
        // Each write is a batch of whole frames already. Where this fails the stream is dead.
        let _ = stream.set_nodelay(true);
        let place = self.half_open.enter(self.config.max_half_open);
        let opened = tokio::select! {
            opened = open(stream, Some(peer_addr), &*self.handler, &self.config) => opened,
            () = place.shed.cancelled() => return,
            () = self.drain.cancelled() => return,
        };
        drop(place);
        let Some(Opened { io, src, request }) = opened else {
            return;
        };
        let config = &self.config;
        let protocol = request.protocol();
        let registered = self.registry.insert(request, config);
        let handler = Arc::clone(&self.handler);
        match protocol {
            Protocol::Draft76 => {
                let wire = Draft76::new(io, src, config.frames);
                driver::run(wire, registered, handler, config, &self.abort).await;
            }
            #[cfg(feature = "rfc6455")]
            Protocol::Rfc6455 | Protocol::Hybi { .. } => {
                let wire = Rfc6455::new(io, src, config).await;
                driver::run(wire, registered, handler, config, &self.abort).await;
            }
            #[cfg(not(feature = "rfc6455"))]
            Protocol::Rfc6455 | Protocol::Hybi { .. } => {}
        }
    }
}

/// A connection was gone before it was accepted: the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// The connections that have not finished their opening handshake, oldest first.
#[derive(Debug, Default)]
struct HalfOpen(Mutex<HalfOpenPlaces>);

#[derive(Debug, Default)]
struct HalfOpenPlaces {
    next: u64,
    places: BTreeMap<u64, CancellationToken>,
}

impl HalfOpen {
    /// Takes a place, and sheds the oldest when there are more than `max`.
    fn enter(&self, max: usize) -> Place<'_> {
        let shed = CancellationToken::new();
        let mut places = self.lock();
        let id = places.next;
        places.next += 1;
        places.places.insert(id, shed.clone());
        if places.places.len() > max
            && let Some((_, oldest)) = places.places.pop_first()
        {
            oldest.cancel();
        }
        drop(places);
        Place {
            id,
            shed,
            half_open: self,
        }
    }

    // Nothing panics while this lock is held, so poison means nothing.
    fn lock(&self) -> std::sync::MutexGuard<'_, HalfOpenPlaces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the half-open, until it is dropped.
struct Place<'a> {
    id: u64,
    shed: CancellationToken,
    half_open: &'a HalfOpen,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.half_open.lock().places.remove(&self.id);
    }
}

const MIN_BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
