//! What an open connection holds, and how it runs.

use std::{pin::pin, sync::Arc};

use super::{Endpoint, Inner, Permit};
use crate::{
    Config, Handler, addresses::AddressPlace, driver, registry::Registered, turn::in_turns,
    wire::Wire,
};

/// What an open connection holds until it has ended.
pub(super) struct Held<H, S> {
    pub(super) endpoint: Endpoint<H, S>,
    pub(super) config: Arc<Config>,
    pub(super) _permit: Permit,
    /// Seldom there.
    pub(super) _place: Option<Box<AddressPlace>>,
}

impl<H, S> Held<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    /// Captures `wire`, and does not move it again: it is held once.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds `wire` once, which an `async fn` does not"
    )]
    pub(super) fn drive<W: Wire>(
        self,
        mut wire: W,
        registered: Registered<S>,
    ) -> impl Future<Output = ()> + Send {
        async move {
            // Captured whole, with what is only held.
            let held = &self;
            let Inner {
                handler,
                counters,
                abort,
                clock,
                ..
            } = &*held.endpoint.0;
            let config = &*held.config;
            let driver = driver::run(
                &mut wire, registered, handler, config, counters, abort, clock,
            );
            in_turns(counters, pin!(driver)).await;
        }
    }
}
