//! Accepting connections.

use std::{io, pin::pin, time::Duration};

use tokio::{net::TcpListener, time::sleep};

use crate::{Endpoint, Handler, front::Front, socket::Options};

impl<H, S> Endpoint<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    /// Accepts until the drain begins. Failures of `accept` are waited out, whatever they are: the
    /// usual ones mean that the process is short of descriptors or memory for a while.
    pub(crate) async fn accept(self, listener: TcpListener, front: Front) {
        let mut backoff = MIN_BACKOFF;
        let mut options = Options::new(&listener, self.config());
        let mut draining = pin!(self.draining());
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut draining => return,
            };
            match accepted {
                Ok((stream, peer_addr)) => {
                    backoff = MIN_BACKOFF;
                    // Waited for with a client in hand, one for each listener: a listener that
                    // nobody connects to must not keep a place.
                    let Some(permit) = self.permit().await else {
                        return;
                    };
                    options.set_on(&stream, &self.config());
                    self.spawn(stream, peer_addr.into(), permit, front.clone());
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.counters().accept_failed(&error);
                    tokio::select! {
                        () = sleep(backoff) => {}
                        () = &mut draining => return,
                    }
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
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

const MIN_BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
